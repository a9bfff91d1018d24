"""Finished calls on their way from the spool into the vault: assembled, sealed, registered, and only then forgotten.

The spool file goes when the conversation is durable, so that a process killed at any moment repeats work at most: the
conversation has the call's id, and one that exists already is not made again.
"""

from __future__ import annotations

import fcntl
import hashlib
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from candor.capture import store as register
from candor.capture import unrecorded
from candor.capture.assembly import Assembly, assemble
from candor.capture.files.metadata import number as e164
from candor.capture.model import Participant
from candor.capture.siprec.session import user_of
from candor.capture.spool import spool
from candor.capture.spool.spool import Keyring, SpooledCall
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.conversation.model import Conversation, Party, Recording
from candor.errors import CandorError, Damaged, MediaRejected
from candor.kit import clock
from candor.kit.database import Database
from candor.kit.log import get_logger
from candor.pipeline.intake import ORIGINAL, Intake
from candor.vault.store import SealedObject

PACKETS = "packets"
"""Kind of the object that keeps packets which nothing here decodes."""
_EVERY = 0.5
_PAUSE_AFTER_TROUBLE = 10.0
_log = get_logger("collector")


class Collector:
    """Makes conversations of finished calls; several processes may do so at once."""

    def __init__(self, database: Database, intake: Intake, folder: Path, keyring: Keyring, region: str | None) -> None:
        self._database, self._intake, self._folder = database, intake, folder
        self._keyring, self._region = keyring, region
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._not_before: dict[Path, float] = {}

    def start(self) -> None:
        """Work in a thread of this process until :meth:`stop`."""
        self._thread = threading.Thread(target=self._run, name="collector", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the call in hand, then stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def idle(self) -> bool:
        """Whether no finished call waits."""
        return not any(self._folder.glob("*.done"))

    def collect(self) -> int:
        """Take in every call that waits; returns how many became conversations."""
        made = 0
        for path in spool.finished(self._folder):
            if self._stop.is_set():
                break
            if time.monotonic() < self._not_before.get(path, 0.0):
                continue
            with _locked(path) as ours:
                if ours:
                    made += self._take(path)
        return made

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                self.collect()
            except Exception as error:  # noqa: BLE001  the thread must outlive whatever one call brings
                _log.error("collecting failed", kind=type(error).__name__)
                self._stop.wait(_PAUSE_AFTER_TROUBLE)

    def _take(self, path: Path) -> bool:
        """One file; what cannot be taken now waits, what can never be is put aside for a person."""
        name = f"call {path.stem}"
        try:
            with self._database.read() as uow:
                known = register.exists(uow, path.stem)
            if not known:
                self._make(spool.read(path, self._keyring))
        except MediaRejected as error:
            self._intake.refuse(name, error)
            spool.forget(path)
            return False
        except Damaged as error:
            self._intake.refuse(name, error)
            path.rename(path.with_suffix(".bad"))
            return False
        except (CandorError, OSError) as error:
            # Vault or database away, or the disk full: the call is safe where it is.
            _log.warning("a finished call waits", call=path.stem, code=getattr(error, "code", type(error).__name__))
            self._not_before[path] = time.monotonic() + _PAUSE_AFTER_TROUBLE
            return False
        except Exception as error:  # noqa: BLE001  a fault of ours must not cost the call
            self._intake.refuse(
                name,
                Damaged(
                    f"The call could not be assembled ({type(error).__name__}).",
                    code="capture.assembly",
                    advice="Its file is kept in the spool as .bad; rename it to .done to try again.",
                ),
            )
            _log.error("a finished call cannot be assembled", call=path.stem, kind=type(error).__name__)
            path.rename(path.with_suffix(".bad"))
            return False
        spool.forget(path)
        self._not_before.pop(path, None)
        return not known

    def _make(self, call: SpooledCall) -> None:
        fact = unrecorded.unrecorded(call)
        if fact is not None:
            with self._database.write() as uow:
                unrecorded.put(uow, fact)
            return
        assembly = assemble(call)
        vault = self._intake.shelf.vault
        sealed: list[SealedObject] = []
        try:
            original = self._seal(assembly)
            sealed.append(original)
            if assembly.undecoded:
                sealed.append(self._seal_packets(assembly))
            recording = Recording(
                object_id=original.id, mediatype=assembly.mediatype, filename=assembly.filename, size=original.size,
                sha512=original.sha512 or "",
            )  # fmt: skip
            self._decided(call)
            self._intake.admit(conversation(assembly, recording, self._region), sealed)
        except BaseException:
            for one in sealed:
                vault.objects.delete(one.id)
            raise

    def _decided(self, call: SpooledCall) -> None:
        """Hand the decision on that was made when the call began."""
        verdict = call.facts.consent
        if verdict is None or not verdict.decision:
            return
        with self._database.write() as uow:
            custody.put(
                uow,
                Custody(
                    conversation_id=call.facts.id, started_at=call.facts.started_at, state=CustodyState.PENDING,
                    level=verdict.level, why=verdict.words, decision=verdict.decision, proof="", since=clock.now(),
                ),
            )  # fmt: skip

    def _seal(self, assembly: Assembly) -> SealedObject:
        vault = self._intake.shelf.vault
        sealing = vault.begin(ORIGINAL, assembly.facts.id)
        try:
            assembly.write(sealing.stream)
            sealed = sealing.finish()
        except BaseException:
            sealing.abort()
            raise
        # Read back for the digest: a FLAC header is written last, and reading proves that what is kept opens.
        digest = hashlib.sha512()
        with vault.look(sealed) as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        return replace(sealed, sha512=digest.hexdigest())

    def _seal_packets(self, assembly: Assembly) -> SealedObject:
        """Packets as they came: width (u16) and number (u32) of the rows of a table, then the rows; little endian."""
        sealing = self._intake.shelf.vault.begin(PACKETS, assembly.facts.id)
        try:
            for rows in assembly.tracks[0].arrays:
                sealing.stream.write(struct.pack("<HI", rows.shape[1], len(rows)))
                sealing.stream.write(rows.tobytes())
            return sealing.finish()
        except BaseException:
            sealing.abort()
            raise


def conversation(assembly: Assembly, recording: Recording, region: str | None) -> Conversation:
    """What the register keeps of the call."""
    facts = assembly.facts
    return Conversation(
        id=facts.id, started_at=facts.started_at, external_id=facts.external_id, source=facts.source,
        direction=facts.direction, parties=tuple(_party(one, assembly, region) for one in facts.participants),
        queue=facts.queue, team=facts.team, language=facts.language, recording=recording, group=facts.group,
        gaps=assembly.gaps,
        notes=assembly.notes,
    )  # fmt: skip


def _party(one: Participant, assembly: Assembly, region: str | None) -> Party:
    labels = {track.stream.label: number for number, track in enumerate(assembly.tracks)}
    alone = [
        label for label in one.sends
        if label in labels and sum(label in other.sends for other in assembly.facts.participants) == 1
    ]  # fmt: skip
    user = user_of(one.aor) or ""
    return Party(
        role=one.role, name=None if one.name in {None, user} else one.name,
        tel=e164(user, region) if user else None, agent_id=one.agent_id,
        channel=labels[alone[-1]] if alone else None,
        joined=_offset(one.joined_at, assembly), left=_offset(one.left_at, assembly),
    )  # fmt: skip


def _offset(moment: object, assembly: Assembly) -> float | None:
    """Seconds into the call; None for moments outside it: the clocks of other machines may differ."""
    if moment is None:
        return None
    seconds = (moment - assembly.facts.started_at).total_seconds()  # type: ignore[operator]
    return round(seconds, 3) if 1.0 < seconds <= assembly.seconds else None


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Whether this process has the file to itself; False when another has it, or had it and is through."""
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        yield False
        return
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield path.exists()
