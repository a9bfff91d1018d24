"""The folder of calls being captured.

``<id>.call`` is being written, ``<id>.done`` waits to be made a conversation, ``<id>.bad`` could not be read and is
kept for a person. A recorder holds the folder's lock; what an earlier one left open is closed as interrupted.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import numpy.typing as npt

from candor.capture.model import CallEvent, CallFacts, EventKind
from candor.capture.spool.format import RecordKind, RecordReader, RecordSealer, header, read_header
from candor.conversation.codec import dumps, loads
from candor.errors import Conflict, Damaged, Unavailable
from candor.kit import clock
from candor.kit.log import get_logger

SEAL_EVERY = 0.35
"""Seconds since the last seal from which a beat seals again: at every beat (0.5), unless something sealed just before.
With the work of a beat and the flush (0.2): within a second."""
_FLUSH_EVERY = 0.2
_HEADER_AT_MOST = 1024
"""Bytes that hold the wrapped key."""
_log = get_logger("spool")
_syncfs = ctypes.CDLL(None, use_errno=True).syncfs
LONGEST_QUEUE = 1 << 28
"""Sealed bytes of all calls that wait in memory while the disk takes nothing; then new sound is given up."""


class Keyring(Protocol):
    """Where a call's data key comes from; the vault's master key, plugged in by wiring."""

    def begin(self, kept: Collection[bytes]) -> None:
        """The folder's one recorder starts; ``kept`` are the wrapped keys of all calls that are in it.

        Raises Unavailable when there is no master key to be had.
        """

    def new(self, call_id: str) -> tuple[bytes, bytes]:
        """(data key, the same wrapped); raises Unavailable when there is no master key to be had."""

    def open(self, call_id: str, wrapped: bytes) -> bytes:
        """The data key; raises Damaged when it was wrapped by another master key or for another call."""


class SpoolCall:
    """One call being written; used by one thread."""

    def __init__(self, spool: Spool, facts: CallFacts) -> None:
        self.facts = facts
        self._spool = spool
        data_key, wrapped = spool.keyring.new(facts.id)
        self._sealer = RecordSealer(data_key, facts.id)
        self._waiting: dict[int, list[memoryview | bytes]] = {}
        """Pieces of a record to be, by row width: joined when they are sealed."""
        self._pending: deque[bytes] = deque()
        self._sealed_at = spool.monotonic()
        self.size = 0
        """Bytes on disk."""
        self.touched = False
        """Whether any packet was ever kept."""
        self.given_up = 0
        """Bytes that were lost because the disk took nothing for too long."""
        path = spool.folder / f"{facts.id}.call"
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(
                f"A new call cannot be kept: the spool takes no file ({error.strerror}).",
                code="spool.unavailable",
                advice="Free space on the disk of the data folder, or raise the limit of open files.",
            ) from error
        self._queue(header(wrapped))
        self.update(facts)

    def rows(self, width: int, data: memoryview | bytes) -> None:
        """Keep packets (whole rows of ``width`` bytes); ``data`` is not copied, and must not change any more."""
        self.touched = True
        waiting = self._waiting.get(width)
        if waiting is None:
            self._waiting[width] = waiting = [bytes([RecordKind.ROWS]) + width.to_bytes(2, "little")]
        waiting.append(data)

    def update(self, facts: CallFacts) -> None:
        """Replace what is known of the call."""
        self.facts = facts
        self._record(RecordKind.FACTS, dumps(facts))

    def event(self, event: CallEvent) -> None:
        """Note that something happened, and seal at once."""
        self.seal()
        self._record(RecordKind.EVENT, dumps(event))

    def start_over(self) -> None:
        """Destroy everything so far but the facts: the key first, then the bytes; raises Unavailable when it cannot.

        What follows is sealed under another key.
        """
        self._waiting.clear()
        self._spool.pending -= sum(len(data) for data in self._pending)
        self._pending.clear()
        try:
            os.pwrite(self._file, bytes(_HEADER_AT_MOST), 0)
            os.fdatasync(self._file)
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
        except OSError as error:
            raise Unavailable(
                f"What was kept of a call cannot be destroyed ({error.strerror}).", code="spool.unavailable"
            ) from error
        self.size = 0
        data_key, wrapped = self._spool.keyring.new(self.facts.id)
        self._sealer = RecordSealer(data_key, self.facts.id)
        self._queue(header(wrapped))
        self.update(self.facts)

    def end(self, event: CallEvent) -> None:
        """Nothing follows: make it durable and hand it on."""
        self.seal()
        self._record(RecordKind.END, dumps(event))
        self.close()

    def close(self) -> None:
        """Let go of the file; it is picked up as it is."""
        try:
            if self._pending:
                lost = sum(len(data) for data in self._pending)
                self._spool.pending -= lost
                _log.error("the end of a call could not be written", call=self.facts.id, bytes=lost)
        finally:
            os.close(self._file)
            self._spool.closed(self)

    def due(self, now: float) -> bool:
        """Whether sound has waited long enough."""
        return bool(self._waiting or self._pending) and now - self._sealed_at >= SEAL_EVERY

    def seal(self, now: float | None = None) -> None:
        """Seal what waits and give it to the disk; what the disk does not take waits on, within bounds.

        ``now`` is the moment up to which sound was taken, when that is not the present one.
        """
        self._sealed_at = self._spool.monotonic() if now is None else now
        if self._spool.pending > LONGEST_QUEUE:
            # Not sealed, so no record is missing afterwards: what was kept stays readable.
            self.given_up += sum(len(piece) for waiting in self._waiting.values() for piece in waiting[1:])
        else:
            for waiting in self._waiting.values():
                self._queue(self._sealer.seal(b"".join(waiting)))
        self._waiting.clear()
        self._write()

    def _record(self, kind: RecordKind, body: bytes) -> None:
        self._queue(self._sealer.seal(bytes([kind]) + body))
        self._write()

    def _queue(self, data: bytes) -> None:
        self._pending.append(data)
        self._spool.pending += len(data)

    def _write(self) -> None:
        while self._pending:
            data = self._pending[0]
            try:
                written = os.write(self._file, data)
            except OSError as error:
                self._spool.trouble = error.strerror or "error"
                return
            self.size += written
            self._spool.pending -= written
            if written < len(data):
                self._pending[0] = data[written:]
            else:
                self._pending.popleft()
        self._spool.trouble = None


class Spool:
    """The folder; one recorder writes in it at a time."""

    def __init__(self, folder: Path, keyring: Keyring, *, monotonic: Callable[[], float]) -> None:
        self.folder, self.keyring, self.monotonic = folder, keyring, monotonic
        self.calls: dict[str, SpoolCall] = {}
        self.pending = 0
        """Sealed bytes that the disk has not taken yet."""
        self.trouble: str | None = None
        """Why the disk takes nothing, while it does not."""
        self._lock: IO[str] | None = None
        self._stop = threading.Event()
        self._syncing: threading.Thread | None = None

    def open(self) -> int:
        """Take the folder; returns how many calls an earlier recorder left open. Raises Conflict when one runs."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (self.folder / "recorder.lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise Conflict("Another recorder runs on this data folder.", code="spool.taken") from None
        left = list(self.folder.glob("*.call"))
        for path in left:
            path.rename(path.with_suffix(".done"))
        try:
            self.keyring.begin(_wrapped_keys(self.folder))
        except BaseException:
            self._lock.close()
            raise
        self._syncing = threading.Thread(target=self._sync, name="spool-sync", daemon=True)
        self._syncing.start()
        return len(left)

    def begin(self, facts: CallFacts) -> SpoolCall:
        """Open a call; raises Unavailable when the disk takes no new file."""
        call = SpoolCall(self, facts)
        self.calls[facts.id] = call
        return call

    def closed(self, call: SpoolCall) -> None:
        """A call's file is closed: others may have it."""
        self.calls.pop(call.facts.id, None)
        path = self.folder / f"{call.facts.id}.call"
        path.rename(path.with_suffix(".done"))

    def tick(self) -> None:
        """Seal what waited long enough; called at each beat."""
        now = self.monotonic()
        for call in list(self.calls.values()):
            if call.due(now):
                call.seal(now)  # not when its turn came: or else the last of many would miss the second beat

    def close(self) -> None:
        """Let go of the folder; calls that are still open are left for the next recorder to find."""
        self._stop.set()
        if self._syncing is not None:
            self._syncing.join()
        if self._lock is not None:
            self._lock.close()

    def _sync(self) -> None:
        # One call for all files: an fsync for each of 2,000 would be 5,000 a second.
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            while not self._stop.wait(_FLUSH_EVERY):
                if self.calls:
                    _syncfs(handle)
        finally:
            os.close(handle)


@dataclass(slots=True)
class SpooledCall:
    """What a finished file holds."""

    facts: CallFacts
    events: list[CallEvent] = field(default_factory=list)
    rows: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    """Arrays of shape (n, width), in the order they were sealed."""
    ended: bool = False
    damaged: bool = False
    """A record in the middle did not verify: what came before it is here."""


def _wrapped_keys(folder: Path) -> list[bytes]:
    """Of every call that can be read at all."""
    found = []
    for path in (*folder.glob("*.done"), *folder.glob("*.bad")):
        with contextlib.suppress(Damaged), path.open("rb") as stream:
            found.append(read_header(stream))
    return found


def finished(folder: Path) -> Iterator[Path]:
    """Calls that wait to be made conversations, oldest first."""
    return iter(sorted(folder.glob("*.done")))


def read(path: Path, keyring: Keyring) -> SpooledCall:
    """Everything in a finished file; raises Damaged when not even the facts can be read."""
    call_id, call = path.stem, None
    with path.open("rb") as stream:
        data_key = keyring.open(call_id, read_header(stream))
        found = RecordReader(stream, data_key, call_id).available()
        while True:
            try:
                kind, body = next(found)
            except StopIteration:
                break
            except Damaged:
                if call is None:
                    raise
                call.damaged = True
                break
            if kind is RecordKind.FACTS:
                facts = loads(CallFacts, bytes(body))
                call = SpooledCall(facts) if call is None else _with(call, facts)
            elif call is None:
                break
            elif kind is RecordKind.ROWS:
                width = int.from_bytes(body[:2], "little")
                call.rows.append(np.frombuffer(body[2:], np.uint8).reshape(-1, width))
            else:
                call.events.append(loads(CallEvent, bytes(body)))
                call.ended = kind is RecordKind.END
    if call is None:
        raise Damaged("A spool file holds nothing that can be read.", code="spool.empty")
    if not call.ended:
        call.events.append(_interrupted(call))
    return call


def forget(path: Path) -> None:
    """Destroy a file whose conversation is durable: the wrapped key first, then the bytes."""
    with path.open("r+b") as stream:
        stream.write(bytes(_HEADER_AT_MOST))
        stream.flush()
        os.fsync(stream.fileno())
    path.unlink()


def _with(call: SpooledCall, facts: CallFacts) -> SpooledCall:
    return replace(call, facts=facts)


def _interrupted(call: SpooledCall) -> CallEvent:
    last = max((int(rows[:, :8].copy().view("<i8").max()) for rows in call.rows if len(rows)), default=0)
    at = clock.from_unix_ns(last) if last else call.facts.started_at
    return CallEvent(at=max(at, *(e.at for e in call.events), at), kind=EventKind.INTERRUPTED, reason="recorder")
