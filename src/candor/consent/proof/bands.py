"""Sound as changes of band energy: what is compared when a prompt is looked for.

Each frame (64 ms, every 16 ms) is cut into 20 bands between 300 and 3,400 Hz, equally wide on the mel scale. What is
kept is how the difference of neighbouring bands changes from one frame to the one 64 ms later: the quantity whose sign
Haitsma and Kalker keep ("A Highly Robust Audio Fingerprinting System", ISMIR 2002). Level, equaliser and steady noise
cancel out of it. It is kept soft, clipped at ±2, instead of its sign alone: that tells short prompts apart better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from candor.kit.sound import MemorySound, SoundSource

Mono = npt.NDArray[np.float32]
"""float32, shape (samples,), full scale at ±1."""
Frames = npt.NDArray[np.float32]
"""float32, shape (frames, WIDTH)."""

RATE = 8_000
"""Everything is compared at telephone rate."""
HOP = 128
"""Samples from frame to frame: 16 ms."""
WINDOW = 512
BANDS = 20
WIDTH = BANDS - 1
LIMIT = 2.0
"""Natural logarithms of energy."""
FRAME_RATE = RATE / HOP
"""Frames a second: 62.5."""

_LOWEST, _HIGHEST = 300.0, 3_400.0
_STEP = 4
"""Frames over which a change is taken: as long as a window, so that a gap of 20 ms weighs little."""
_FLOOR = 1e-3
"""Energy that is 30 dB below the mean of the surrounding two seconds counts as that: nothing is heard in there."""
_FLOOR_FRAMES = 60
_SILENCE = 1e-7
_LOUDEST = 8.0
_BLOCK_SECONDS = 60
_HANN = np.hanning(WINDOW).astype(np.float32)


def _filters() -> npt.NDArray[np.float32]:
    """Triangles on the mel scale, shape (WINDOW // 2 + 1, BANDS)."""
    lowest, highest = (2595 * np.log10(1 + f / 700) for f in (_LOWEST, _HIGHEST))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    bins = (np.arange(WINDOW // 2 + 1) * RATE / WINDOW)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


_FILTERS = _filters()


@dataclass(frozen=True, slots=True)
class Heard:
    """One channel of sound, ready to be searched."""

    changes: Frames
    energy: npt.NDArray[np.float32]
    """Of each frame, all bands together; shape (frames,)."""


def listen(sound: SoundSource) -> tuple[Heard, ...]:
    """Every channel of ``sound``, read by the minute."""
    pieces: list[list[npt.NDArray[np.float32]]] = [[] for _ in range(sound.channels)]
    for channel, samples in stretches(sound, WINDOW, HOP):
        pieces[channel].append(power(samples, _HANN, HOP) @ _FILTERS)
    return tuple(_heard(np.concatenate(found)) for found in pieces)


def hear(samples: Mono, rate: int) -> Heard:
    """Mono sound in memory."""
    return listen(MemorySound(samples, rate))[0]


def stretches(sound: SoundSource, window: int, hop: int) -> Iterator[tuple[int, Mono]]:
    """Channel and telephone sound, in stretches that overlap so that frames follow one another without a seam.

    Half a window of silence stands before the first sample and after the last: frame i is centred on sample i × hop.
    """
    resamplers = [soxr.ResampleStream(sound.rate, RATE, 1, dtype="float32") for _ in range(sound.channels)]
    kept: list[Mono] = [np.zeros(window // 2, np.float32) for _ in resamplers]
    step = _BLOCK_SECONDS * sound.rate
    for start in range(0, max(sound.frames, 1), step):
        last = start + step >= sound.frames
        block = sound.window(start, start + step)
        for channel, resampler in enumerate(resamplers):
            samples = _sane(block[:, channel])
            if sound.rate != RATE:
                samples = resampler.resample_chunk(samples, last=last)
            waiting = np.concatenate([kept[channel], samples, np.zeros(window // 2 if last else 0, np.float32)])
            frames = max(0, (len(waiting) - window) // hop + 1)
            kept[channel] = waiting[frames * hop :]
            yield channel, waiting[: (frames - 1) * hop + window if frames else 0]


def power(samples: Mono, window: npt.NDArray[np.float32], hop: int) -> npt.NDArray[np.float32]:
    """Spectrum of each frame, shape (frames, len(window) // 2 + 1)."""
    if len(samples) < len(window):
        return np.zeros((0, len(window) // 2 + 1), np.float32)
    spectrum = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(samples, len(window))[::hop] * window, axis=1)
    return (spectrum.real**2 + spectrum.imag**2).astype(np.float32, copy=False)


def _sane(samples: npt.NDArray[np.float32]) -> Mono:
    """Without what is no number, and within bounds."""
    return np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -_LOUDEST, _LOUDEST).astype(np.float32)


def _heard(energies: npt.NDArray[np.float32]) -> Heard:
    energy = energies.mean(axis=1)
    floor = _mean_around(energy, _FLOOR_FRAMES) * np.float32(_FLOOR) + np.float32(_SILENCE)
    differences = np.diff(np.log(energies + floor[:, None]), axis=1)
    changes = np.zeros_like(differences)
    changes[_STEP:] = differences[_STEP:] - differences[:-_STEP]
    return Heard(np.clip(changes, -LIMIT, LIMIT, out=changes), energy)


def _mean_around(values: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """Mean of each value and ``reach`` neighbours to either side, as many as there are."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    first, stop = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    mean: npt.NDArray[np.float32] = ((sums[stop] - sums[first]) / (stop - first)).astype(np.float32)
    return mean
