"""Hearing calls in progress: the spool's open files, followed as they grow.

Sound is heard about half a second after it arrived, when it was sealed. What the recorder does not keep, in a pause, is
not here either. Order inside one sealing is that of the sequence numbers; what is lost or late is left out, which a
listener can bear and a recording could not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soxr

from candor.capture.model import CallEvent, CallFacts, EventKind, Stream
from candor.capture.rtp import packet as rtp
from candor.capture.rtp.codecs import Decoder, make_decoder
from candor.capture.rtp.receiver import ROW_HEAD
from candor.capture.spool.format import RecordKind, RecordReader, read_header
from candor.capture.spool.spool import Keyring
from candor.conversation.codec import loads
from candor.errors import CandorError

RATE = 16_000
Mono = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """New sound of one stream."""

    stream: int
    samples: Mono
    """(n,) float32 in [-1, 1] at :data:`RATE`."""
    until_ns: int
    """Arrival of its last packet, Unix time: when its end was spoken."""


@dataclass(slots=True)
class TappedCall:
    """One call in progress."""

    facts: CallFacts
    paused: bool = False
    pieces: list[Piece] = field(default_factory=list)
    """What the last look brought."""


Choice = Callable[[CallFacts], Collection[int]]
"""The numbers of the streams of a call that are to be decoded."""


class Tap:
    """Follows every open call; used by one thread."""

    def __init__(self, folder: Path, keyring: Keyring, choose: Choice) -> None:
        self._folder, self._keyring, self._choose = folder, keyring, choose
        self._open: dict[Path, _File] = {}
        self._failed: set[Path] = set()

    def look(self) -> Iterator[TappedCall]:
        """Every call in progress with what is new of it; a call that is over comes a last time, then never again."""
        present = set(self._folder.glob("*.call"))
        self._failed &= present
        for path in present - self._open.keys() - self._failed:
            try:
                if path.stat().st_size:  # begun a moment ago, and nothing is written yet: at the next look
                    self._open[path] = _File(path, self._keyring, self._choose)
            except FileNotFoundError:
                continue  # ended between the two looks
            except (CandorError, OSError):
                # Not ours to read, or damaged: the collector says so when the call is over.
                self._failed.add(path)
        for path, file in list(self._open.items()):
            try:
                call = file.read()
            except (CandorError, OSError):
                call = None
                self._failed.add(path)
            if call is not None:
                yield call
            if path not in present or path in self._failed:
                self._open.pop(path).close()

    def close(self) -> None:
        """Let go of all files."""
        for file in self._open.values():
            file.close()
        self._open.clear()


class _File:
    def __init__(self, path: Path, keyring: Keyring, choose: Choice) -> None:
        self._stream: BinaryIO = path.open("rb")
        try:
            data_key = keyring.open(path.stem, read_header(self._stream))
        except BaseException:
            self._stream.close()
            raise
        self._reader = RecordReader(self._stream, data_key, path.stem)
        self._choose = choose
        self._call: TappedCall | None = None
        self._ears: dict[int, _Ear] = {}

    def close(self) -> None:
        self._stream.close()

    def read(self) -> TappedCall | None:
        """The call with what is new; None while not even its facts are there."""
        rows: list[Bytes] = []
        for kind, body in self._reader.available():
            if kind is RecordKind.FACTS:
                self._know(loads(CallFacts, bytes(body)))
            elif kind is RecordKind.ROWS:
                rows.append(np.frombuffer(body[2:], np.uint8).reshape(-1, int.from_bytes(body[:2], "little")))
            elif self._call is not None:
                event = loads(CallEvent, bytes(body))
                if event.kind in {EventKind.PAUSED, EventKind.RESUMED}:
                    self._call.paused = event.kind is EventKind.PAUSED
        if self._call is not None:
            heard = (ear.hear(rows) for ear in self._ears.values())
            self._call.pieces = [piece for piece in heard if piece is not None]
        return self._call

    def _know(self, facts: CallFacts) -> None:
        if self._call is None:
            self._call = TappedCall(facts)
        self._call.facts = facts
        wanted = set(self._choose(facts))
        for number in self._ears.keys() - wanted:
            del self._ears[number]
        for stream in facts.streams:
            if stream.number in wanted:
                ear = self._ears.get(stream.number)
                if ear is None:
                    self._ears[stream.number] = _Ear(stream)
                else:
                    ear.agree(stream)


class _Ear:
    """Decodes one stream."""

    def __init__(self, stream: Stream) -> None:
        self._number = stream.number
        self._decoders: dict[int, Decoder | None] = {}
        self._resampler: tuple[int, soxr.ResampleStream] | None = None
        self._last: tuple[int, int] | None = None
        self.agree(stream)

    def agree(self, stream: Stream) -> None:
        """Payload types may be added."""
        for kind in stream.payload_types:
            if kind.number not in self._decoders:
                self._decoders[kind.number] = make_decoder(kind.encoding, kind.clock_rate, kind.channels, kind.fmtp)

    def hear(self, tables: list[Bytes]) -> Piece | None:
        """The stream's sound in sealed rows, in order."""
        packets = sorted(packet for rows in tables for packet in self._own(rows))
        sound: list[Mono] = []
        newest = 0
        for ssrc, sequence, arrival, kind, payload in packets:
            newest = max(newest, arrival)
            if self._last is not None and ssrc == self._last[0] and sequence <= self._last[1]:
                continue
            self._last = (ssrc, sequence)
            decoder = self._decoders.get(kind)
            if decoder is not None:
                sound += [self._mono(one, decoder.rate) for one in decoder.decode([payload]) if len(one)]
        if not sound:
            return None
        return Piece(stream=self._number, samples=np.concatenate(sound), until_ns=newest)

    def _own(self, rows: Bytes) -> Iterator[tuple[int, int, int, int, bytes]]:
        """(source, sequence number made comparable, arrival, payload type, payload) of the stream's packets."""
        for row in rows[rows[:, 10] == self._number]:
            size = int.from_bytes(row[8:10].tobytes(), "little")
            data = row[ROW_HEAD : ROW_HEAD + size].tobytes()
            try:
                start, stop = rtp.payload_bounds(data)
            except rtp.RtpError:
                continue
            sequence = int.from_bytes(data[2:4], "big")
            if self._last is not None:
                # Counted on from the last one, so that a wrap does not turn the order round.
                sequence = self._last[1] + ((sequence - self._last[1] + 0x8000) & 0xFFFF) - 0x8000
            yield (
                int.from_bytes(data[8:12], "big"), sequence, int.from_bytes(row[:8].tobytes(), "little"),
                data[1] & 0x7F, data[start:stop],
            )  # fmt: skip

    def _mono(self, samples: npt.NDArray[np.int16], rate: int) -> Mono:
        mono = samples if samples.ndim == 1 else samples.mean(axis=1)
        level = mono.astype(np.float32) / np.float32(32768)
        if self._resampler is None or self._resampler[0] != rate:
            self._resampler = (rate, soxr.ResampleStream(rate, RATE, 1, dtype="float32"))
        return np.asarray(self._resampler[1].resample_chunk(level), np.float32)
