"""Masking in sound: the stretches that must not be heard become a quiet tone or silence, on every channel.

All channels are masked, because one party is often heard faintly on the other's line. Inside a stretch there is
nothing of the original; the short fades that avoid clicks lie outside it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from candor.conversation.peaks import Peaks, PeaksBuilder
from candor.kit.sound import BLOCK_SECONDS, FlacWriter, Samples, SoundSource

FADE_SECONDS = 0.005
TONE_HERTZ = 440.0
TONE_LEVEL = 0.05
"""-26 dB of full scale: clearly a mask, never louder than speech."""


class MaskedSound:
    """``source`` with ``times`` (seconds, any order, may overlap) masked: a SoundSource that masks while it is read."""

    def __init__(self, source: SoundSource, times: Sequence[tuple[float, float]], *, tone: bool = True) -> None:
        self._source, self._tone = source, tone
        self.rate, self.channels, self.frames = source.rate, source.channels, source.frames
        self._ranges = _sample_ranges(times, source.rate, source.frames)
        self._fade = round(FADE_SECONDS * source.rate)

    def window(self, start: int, stop: int) -> Samples:
        """Samples [start, stop), as they are heard."""
        return self.both(start, stop)[1]

    def both(self, start: int, stop: int) -> tuple[Samples, Samples]:
        """Samples [start, stop) with silence where they are masked, and as they are heard."""
        start, stop = max(start, 0), min(stop, self.frames)
        block = self._source.window(start, stop)
        touching = self._touching(start, stop)
        if not touching or not len(block):
            return block, block
        block = block.copy()
        for span in touching:
            _fade_around(block, start, span, self._fade)
        for begin, end in touching:
            block[max(begin - start, 0) : max(end - start, 0)] = 0.0
        if not self._tone:
            return block, block
        heard = block.copy()
        for span in touching:
            _lay_tone(heard, start, span, self._fade, self.rate)
        return block, heard

    def _touching(self, start: int, stop: int) -> list[tuple[int, int]]:
        first = bisect_left(self._ranges, start - self._fade, key=lambda span: span[1])
        last = bisect_left(self._ranges, stop + self._fade, lo=first, key=lambda span: span[0])
        return self._ranges[first:last]


def mask_sound(
    source: SoundSource, times: Sequence[tuple[float, float]], writer: FlacWriter, *, tone: bool = True
) -> Peaks:
    """Copy ``source`` to ``writer`` with ``times`` (seconds, any order, may overlap) masked; returns the outline.

    Works in blocks of 30 s, so that memory does not grow with the call. In the outline masked stretches are flat.
    The writer is not closed.
    """
    masked = MaskedSound(source, times, tone=tone)
    builder = PeaksBuilder(source.rate, source.channels, source.frames)
    step = BLOCK_SECONDS * source.rate
    for start in range(0, source.frames, step):
        silenced, heard = masked.both(start, start + step)
        builder.add(silenced)
        writer.write(heard)
    return builder.finish()


def _sample_ranges(times: Sequence[tuple[float, float]], rate: int, frames: int) -> list[tuple[int, int]]:
    """Seconds to sample ranges, rounded outwards, clipped, merged and in order."""
    merged: list[tuple[int, int]] = []
    for begin_seconds, end_seconds in sorted(times):
        begin = max(int(np.floor(begin_seconds * rate)), 0)
        end = min(int(np.ceil(end_seconds * rate)), frames)
        if end <= begin:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _fade_around(block: Samples, start: int, span: tuple[int, int], fade: int) -> None:
    """Let the original die away before the span and come back after it."""
    ramp = ((np.arange(fade) + 0.5) / max(fade, 1)).astype(np.float32)
    _scale(block, span[0] - fade - start, ramp[::-1])
    _scale(block, span[1] - start, ramp)


def _scale(block: Samples, place: int, gains: npt.NDArray[np.float32]) -> None:
    begin, end = max(place, 0), min(place + len(gains), len(block))
    if end > begin:
        block[begin:end] *= gains[begin - place : end - place, np.newaxis]


def _lay_tone(block: Samples, start: int, span: tuple[int, int], fade: int, rate: int) -> None:
    """A sine in the span, phase counted from the span's begin so that blocks join without a click."""
    begin, end = max(span[0], start), min(span[1], start + len(block))
    if end <= begin:
        return
    places = np.arange(begin, end)
    wave = TONE_LEVEL * np.sin(2 * np.pi * TONE_HERTZ / rate * (places - span[0]))
    edge = np.minimum(places - span[0], span[1] - 1 - places)
    wave *= np.clip(edge / max(fade, 1), 0.0, 1.0)
    block[begin - start : end - start] = wave.astype(np.float32)[:, np.newaxis]
