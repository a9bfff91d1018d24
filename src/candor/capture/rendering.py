"""Writing the recording of a call: its tracks side by side, block by block.

G.711 stays as it was sent; anything else is decoded. Short losses are concealed, telephone keys are silenced.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from candor.capture.rtp.codecs import Decoder, encode_alaw, encode_ulaw, make_decoder, silence
from candor.capture.rtp.concealment import conceal
from candor.capture.rtp.dtmf import find_tones
from candor.capture.tracks import NO_SOUND, Track
from candor.kit.sound import FlacWriter

Bytes = npt.NDArray[np.uint8]
Sound = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int64]

BLOCK_SECONDS = 30
_TAIL_SECONDS = 0.3
"""Kept back of each block, so that a key pressed across its end is seen whole."""
LAWS = {"PCMU": 7, "PCMA": 6}
"""Format tags of WAVE by G.711 law."""
_LONGEST_CONCEALED = 0.06


class _Source(Protocol):
    def read(self, start: int, stop: int) -> npt.NDArray[np.generic]:
        """The next stretch of one channel."""


def write_wav(sink: BinaryIO, tracks: tuple[Track, ...], seconds: float, law: str) -> None:
    """The sent G.711 bytes side by side (RIFF/WAVE)."""
    frames, channels, tag = round(seconds * 8000), len(tracks), LAWS[law]
    size = frames * channels
    sink.write(
        b"RIFF" + struct.pack("<I", min(50 + size + size % 2, 0xFFFFFFFF)) + b"WAVEfmt "
        + struct.pack("<IHHIIHHH", 18, tag, channels, 8000, 8000 * channels, channels, 8, 0)
        + b"fact" + struct.pack("<II", 4, frames) + b"data" + struct.pack("<I", min(size, 0xFFFFFFFF))
    )  # fmt: skip
    sources = [_Silenced(_Coded(track, law), track.keys, 8000, _linear(law), silence(law)) for track in tracks]
    sink.writelines(block.tobytes() for block in _blocks(sources, frames, 8000, np.uint8))
    if size % 2:
        sink.write(b"\0")


def write_flac(sink: BinaryIO, tracks: tuple[Track, ...], seconds: float) -> None:
    made = [_Decoded(track) for track in tracks]
    rate = max((source.rate for source in made), default=8000)
    sources = [
        _Silenced(source if source.rate == rate else _Resampled(source, rate), track.keys, rate, None, 0)
        for source, track in zip(made, tracks, strict=True)
    ]
    with FlacWriter(sink, rate, len(tracks)) as writer:
        for block in _blocks(sources, round(seconds * rate), rate, np.int16):
            writer.write(block.astype(np.float32) / np.float32(32768))


def _blocks(sources: list[_Silenced], frames: int, rate: int, dtype: type) -> Iterator[npt.NDArray[np.generic]]:
    """(frames, channels) block by block."""
    step = BLOCK_SECONDS * rate
    for start in range(0, frames, step):
        stop = min(frames, start + step)
        last = stop == frames
        columns = [source.read(start, stop, last=last) for source in sources]
        block: npt.NDArray[np.generic] = np.empty((len(columns[0]), len(columns)), dtype)
        for number, column in enumerate(columns):
            block[:, number] = column
        yield block


class _Coded:
    """A G.711 stream as the bytes that were sent."""

    def __init__(self, track: Track, law: str) -> None:
        self._track, self._law, self._quiet = track, law, silence(law)
        self._table = _linear(law)
        self._encode = encode_ulaw if law == "PCMU" else encode_alaw
        self._before: Bytes = np.zeros(0, np.uint8)
        self._lost = _Losses([(loss.place, loss.length) for loss in track.placement.lost])

    def read(self, start: int, stop: int) -> Bytes:
        track, where = self._track, self._track.placement
        longest = int(track.length.max(initial=0))
        first, last = np.searchsorted(where.place, [start - longest, stop])
        index, begin = where.index[first:last], where.place[first:last] - start
        # With room for what begins before and for what ends after.
        wide = np.full(longest + stop - start + longest, self._quiet, np.uint8)
        for same, payloads in track.tables(index):
            sliding_window_view(wide, payloads.shape[1], writeable=True)[longest + begin[same]] = payloads
        out = wide[longest : longest + stop - start]
        self._conceal(out, start)
        self._before = out[-1600:]
        return out

    def _conceal(self, out: Bytes, start: int) -> None:
        longest = round(_LONGEST_CONCEALED * 8000)
        for at, length in self._lost.within(start, start + len(out), longest):
            known = _before(at - start, out, self._before, longest)
            out[at - start : at - start + length] = self._encode(conceal(self._table[known], length, 8000))


class _Decoded:
    """Any stream as 16-bit samples, decoded in order."""

    def __init__(self, track: Track) -> None:
        self._track = track
        self._decoders: dict[int, Decoder | None] = {
            number: make_decoder(kind.encoding, kind.clock_rate, kind.channels, kind.fmtp)
            for number, kind in track.types.items()
            if kind.encoding.lower() not in NO_SOUND
        }
        used = [d for n, d in self._decoders.items() if d is not None and n in track.kind[track.placement.index]]
        self.rate = max((decoder.rate for decoder in used), default=8000)
        self._next = 0
        self._rest: Sound = np.zeros(0, np.int16)
        self._before: Sound = np.zeros(0, np.int16)
        self._scale = self.rate / track.clock_rate
        self._lost = _Losses(
            [(round(loss.place * self._scale), round(loss.length * self._scale)) for loss in track.placement.lost]
        )

    def read(self, start: int, stop: int) -> Sound:
        track, where = self._track, self._track.placement
        out = np.zeros(stop - start, np.int16)
        out[: len(self._rest)] = self._rest[: len(out)]
        self._rest = self._rest[len(out) :]
        end = int(np.searchsorted(where.place, int(stop / self._scale)))
        index = where.index[self._next : end]
        begin = np.rint(where.place[self._next : end] * self._scale).astype(np.int64) - start
        self._next = max(self._next, end)
        for same in np.split(np.arange(len(index)), np.flatnonzero(np.diff(track.kind[index])) + 1):
            for to, sound in zip(begin[same].tolist(), self._decoded(index[same]), strict=True):
                mono = sound[max(0, -to) :]
                fits = out[max(0, to) : max(0, to) + len(mono)]
                fits[:] = mono[: len(fits)]
                if len(fits) < len(mono):
                    self._rest = mono[len(fits) :]
        longest = round(_LONGEST_CONCEALED * self.rate)
        for at, length in self._lost.within(start, stop, longest):
            known = _before(at - start, out, self._before, longest)
            out[at - start : at - start + length] = conceal(known, length, self.rate)
        self._before = out[-self.rate // 5 :]
        return out

    def _decoded(self, numbers: Ints) -> list[Sound]:
        """Of packets of one payload type, in one go: one channel each, at the rate of the track."""
        decoder = self._decoders[int(self._track.kind[numbers[0]])] if len(numbers) else None
        if decoder is None:
            return [np.zeros(0, np.int16)] * len(numbers)
        every = decoder.decode(self._track.payloads(numbers))
        if decoder.channels > 1:
            every = [sound.mean(axis=1).astype(np.int16) for sound in every]
        if decoder.rate != self.rate:
            every = [soxr.resample(sound, decoder.rate, self.rate) for sound in every]
        return every


class _Resampled:
    """A stream at the rate of the richest."""

    def __init__(self, source: _Decoded, rate: int) -> None:
        self._source, self._ratio = source, source.rate / rate
        self._stream = soxr.ResampleStream(source.rate, rate, 1, dtype="int16")
        self._made: Sound = np.zeros(0, np.int16)
        self._at = 0

    def read(self, start: int, stop: int) -> Sound:
        until = round(stop * self._ratio)
        fresh = self._stream.resample_chunk(self._source.read(self._at, until))
        self._at = until
        # The filter's delay comes out at the end: what a block lacks is asked for with sound beyond it.
        have = np.concatenate((self._made, fresh))
        while len(have) < stop - start:
            more = self._source.read(self._at, self._at + 800)
            self._at += 800
            have = np.concatenate((have, self._stream.resample_chunk(more)))
        self._made = have[stop - start :]
        return have[: stop - start]


class _Silenced:
    """Takes telephone keys out: at the times of their events, and where their tones are heard."""

    def __init__(
        self, source: _Source, keys: list[tuple[float, float]], rate: int, table: Sound | None, quiet: int
    ) -> None:
        self._source, self._keys, self._rate, self._table, self._quiet = source, keys, rate, table, quiet
        self._held: npt.NDArray[np.generic] = np.zeros(0, np.int16 if table is None else np.uint8)

    def read(self, start: int, stop: int, *, last: bool) -> npt.NDArray[np.generic]:
        """Sound up to ``stop`` but for the tail that is held back; all of it when it is the ``last``."""
        origin = start - len(self._held)
        block = np.concatenate((self._held, self._source.read(start, stop)))
        linear = block.astype(np.int16, copy=False) if self._table is None else np.take(self._table, block)
        tones = [(tone.start - 0.02, tone.stop + 0.02) for tone in find_tones(linear, self._rate)]
        ranges = [(a + origin / self._rate, b + origin / self._rate) for a, b in tones] + self._keys
        for begin, end in ranges:
            low, high = round(begin * self._rate) - origin, round(end * self._rate) - origin
            block[max(0, low) : max(0, high)] = self._quiet
        cut = len(block) if last else max(0, len(block) - round(_TAIL_SECONDS * self._rate))
        self._held = block[cut:]
        return block[:cut]


def _before(at: int, block: npt.NDArray[Any], earlier: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """What comes ahead of ``at`` in ``block``, which ``earlier`` came before; at most ``length`` of it."""
    return block[at - length : at] if at >= length else np.concatenate((earlier, block[:at]))[-length:]


class _Losses:
    """Lost stretches, asked for in order."""

    def __init__(self, lost: list[tuple[int, int]]) -> None:
        self._lost, self._next = sorted(lost), 0

    def within(self, start: int, stop: int, longest: int) -> Iterator[tuple[int, int]]:
        """(place, length) inside [start, stop), each at most ``longest``."""
        while self._next < len(self._lost) and self._lost[self._next][0] < stop:
            at, length = self._lost[self._next]
            self._next += 1
            if at >= start:
                yield at, min(length, longest, stop - at)


def _linear(law: str) -> Sound:
    """Code → 16-bit sample."""
    decoder = make_decoder(law, 8000, 1, "")
    assert decoder is not None  # noqa: S101  G.711 is always there
    return decoder.decode([bytes(range(256))])[0]
