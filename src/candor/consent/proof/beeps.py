"""Beeps: short pure tones that tell that a call is recorded, with their times.

A beep is one tone between 1,000 and 2,000 Hz that begins and ends by itself after 0.1 to 1 s. Speech and music have
energy elsewhere at the same time, telephone keys (ITU-T Q.23) a second tone, tunes and special information tones
(ITU-T E.180) a tone of another pitch right before or after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from candor.consent.proof.bands import RATE, power, stretches
from candor.kit.sound import SoundSource

LOWEST, HIGHEST = 1_000.0, 2_000.0
SHORTEST, LONGEST = 0.1, 1.0
"""Seconds."""

_WINDOW, _HOP = 256, 64
_HANN = np.hanning(_WINDOW).astype(np.float32)
_BIN = RATE / _WINDOW
_LOBE = 2
"""Bins to either side of the strongest that a pure tone fills through a Hann window."""
_PURE = 0.85
"""Part of all energy above 150 Hz, steady noise taken off, that lies in the tone."""
_FAINTEST = 3e-5
"""Of full-scale power: 45 dB below a full-scale sine."""
_STEADY_HZ = 20.0
_STEADY_LEVEL = 2.0
"""Times the median power, and that part of it: ±3 dB."""
_SLOPE = 1.5
"""dB between its first and its last third."""
_OUTSIDE = 5
"""Frames beside an edge where it must be gone: 40 ms, longer than a window."""
_EXACTNESS = 0.02
"""Seconds by which a measured length may be off."""
_NEIGHBOUR = 0.25
"""Seconds in which a tone of another pitch makes it a tune."""
_KEYS = np.array([697.0, 770.0, 852.0, 941.0], np.float32)
_LOWEST_KEY = 1_150.0
"""Hertz; the high group begins at 1,209."""
_NOISE_SECONDS = 2.0
_AROUND = 10
"""Bins beside a known tone in which nothing else may be loud: about 300 Hz."""
_ABOVE = round(150 / _BIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beep:
    """One tone."""

    channel: int
    start: float
    stop: float
    """Seconds in the recording."""
    frequency: float
    """Hertz."""
    level: float
    """dB relative to a full-scale sine."""


def find_beeps(sound: SoundSource, *, frequency: float | None = None, tolerance: float = 30.0) -> tuple[Beep, ...]:
    """Every beep in order of time; with ``frequency``, only those within ``tolerance`` Hz of it.

    Give the frequency of your own tone where it is known: fax and answering machines beep, too (1,100 Hz; about
    1,000 Hz), and a tone whose place is known is also found while somebody speaks.
    """
    band = (LOWEST, HIGHEST) if frequency is None else (frequency - tolerance, frequency + tolerance)
    around = None if frequency is None else _AROUND
    pieces: list[list[npt.NDArray[np.float32]]] = [[] for _ in range(sound.channels)]
    for channel, samples in stretches(sound, _WINDOW, _HOP):
        pieces[channel].append(_tones(power(samples, _HANN, _HOP), band, around))
    found = [
        beep
        for channel, tones in enumerate(pieces)
        for beep in _beeps(np.concatenate(tones), channel, known=frequency is not None)
    ]
    wanted = (beep for beep in found if frequency is None or abs(beep.frequency - frequency) <= tolerance)
    return tuple(sorted(wanted, key=lambda beep: (beep.start, beep.channel)))


def longest_without(beeps: Sequence[Beep], duration: float) -> float:
    """Seconds of the longest stretch of a call in which no beep was heard; the whole call when there was none."""
    edges = [0.0, *(beep.start for beep in beeps), duration]
    return max(later - earlier for earlier, later in pairwise(edges))


def _tones(spectra: npt.NDArray[np.float32], band: tuple[float, float], around: int | None) -> npt.NDArray[np.float32]:
    """Frequency, power and purity of the strongest tone in the band, and 1 for a key; shape (frames, 4).

    Purity is the tone's part of all energy, or of that of ``around`` bins to either side.
    """
    out = np.zeros((len(spectra), 4), np.float32)
    block = round(_NOISE_SECONDS * RATE / _HOP)
    for start in range(0, len(spectra), block):
        part = spectra[start : start + block]
        # What is there a fifth of the time or more is steady noise.
        clear = np.maximum(part - 2 * np.percentile(part, 20, axis=0).astype(np.float32), 0)
        first, stop = int(band[0] / _BIN) - 1, int(band[1] / _BIN) + 3
        peak = clear[:, first:stop].argmax(axis=1) + first
        rows = np.arange(len(part))
        lobe = sum(clear[rows, peak + offset] for offset in range(-_LOBE, _LOBE + 1))
        out[start : start + block, 0] = (peak + _between(clear, rows, peak)) * _BIN
        out[start : start + block, 1] = lobe
        out[start : start + block, 3] = _keys(clear, lobe)
        compared = clear[:, _ABOVE:] if around is None else clear[:, first - around : stop + around]
        out[start : start + block, 2] = lobe / np.maximum(compared.sum(axis=1), 1e-9)
    return out


def _keys(spectra: npt.NDArray[np.float32], tone: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Frames in which a tone of the low group of telephone keys goes with the one found (Q.23: 697 to 941 Hz)."""
    first, stop = int(600 / _BIN), int(1060 / _BIN)
    rows = np.arange(len(spectra))
    peak = spectra[:, first + _LOBE : stop - _LOBE].argmax(axis=1) + first + _LOBE
    lobe = sum(spectra[rows, peak + offset] for offset in range(-_LOBE, _LOBE + 1))
    pitch = (peak + _between(spectra, rows, peak)) * _BIN
    near = (np.abs(pitch[:, None] / _KEYS - 1) < 0.025).any(axis=1)
    keys: npt.NDArray[np.bool_] = near & (lobe >= 0.8 * spectra[:, first:stop].sum(axis=1)) & (lobe >= 0.04 * tone)
    return keys


def _between(
    spectra: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], peak: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Where between bins the top of a parabola through the three highest lies (on the logarithm)."""
    left, middle, right = (np.log(spectra[rows, peak + offset] + 1e-12) for offset in (-1, 0, 1))
    bend = left - 2 * middle + right
    offset: npt.NDArray[np.float32] = np.clip(0.5 * (left - right) / np.where(bend < -1e-6, bend, -1), -0.5, 0.5)
    return offset


def _beeps(tones: npt.NDArray[np.float32], channel: int, *, known: bool) -> Iterator[Beep]:
    full = float((_HANN.sum() / 2) ** 2 * 1.5)  # a full-scale sine, all bins of its lobe
    pure = (tones[:, 2] >= _PURE) & (tones[:, 1] >= _FAINTEST * full)
    runs = [(first, stop) for first, stop in _steady(pure, tones[:, 0]) if (stop - first) * _HOP / RATE >= SHORTEST / 3]
    for place, (first, stop) in enumerate(runs):
        frequency = float(np.median(tones[first:stop, 0]))
        strength = float(np.median(tones[first:stop, 1]))
        start, end = _edges(tones, first, stop, frequency, strength)
        length = end - start
        if not (SHORTEST - _EXACTNESS <= length <= LONGEST + _EXACTNESS and LOWEST <= frequency <= HIGHEST):
            continue
        if not _flat(tones[first + 2 : stop - 2, 1], strength) or not _abrupt(tones, start, end, frequency, strength):
            continue
        if frequency > _LOWEST_KEY and tones[first:stop, 3].mean() > 0.5:
            continue
        if not known and any(_tune(tones, (first, stop), other) for other in runs[max(0, place - 2) : place + 3]):
            continue
        level = 10 * np.log10(strength / full)
        yield Beep(channel=channel, start=start, stop=end, frequency=round(frequency, 1), level=round(float(level), 1))


def _flat(powers: npt.NDArray[np.float32], strength: float) -> bool:
    """Whether a tone keeps its level: plucked and struck notes die away."""
    if not len(powers):
        return True
    third = max(1, len(powers) // 3)
    slope = 10 * np.log10(powers[:third].mean() / powers[-third:].mean())
    steady = strength / _STEADY_LEVEL <= powers.min() and powers.max() <= strength * _STEADY_LEVEL
    return bool(steady and abs(slope) <= _SLOPE)


def _abrupt(tones: npt.NDArray[np.float32], start: float, end: float, frequency: float, strength: float) -> bool:
    """Whether it is 10 dB down within 40 ms of both edges."""
    for place in (round(start * RATE / _HOP) - _OUTSIDE, round(end * RATE / _HOP) + _OUTSIDE - 1):
        if 0 <= place < len(tones):
            near = abs(float(tones[place, 0]) - frequency) <= 2 * _STEADY_HZ
            if near and float(tones[place, 1]) > strength / 10:
                return False
    return True


def _steady(pure: npt.NDArray[np.bool_], frequency: npt.NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Runs of pure frames whose pitch stays."""
    places = np.flatnonzero(pure)
    if not len(places):
        return
    breaks = (np.diff(places) > 1) | (np.abs(np.diff(frequency[places])) > _STEADY_HZ)
    for run in np.split(places, np.flatnonzero(breaks) + 1):
        yield int(run[0]), int(run[-1]) + 1


def _edges(
    tones: npt.NDArray[np.float32], first: int, stop: int, frequency: float, strength: float
) -> tuple[float, float]:
    """Seconds between which the tone has at least a quarter of its power: a frame half filled has that."""

    def sounds(place: int) -> bool:
        near = abs(float(tones[place, 0]) - frequency) <= 2 * _STEADY_HZ
        return near and float(tones[place, 1]) >= strength / 4

    while first > 0 and sounds(first - 1):
        first -= 1
    while stop < len(tones) and sounds(stop):
        stop += 1
    while first < stop - 1 and not sounds(first):
        first += 1
    while stop > first + 1 and not sounds(stop - 1):
        stop -= 1
    return first * _HOP / RATE, stop * _HOP / RATE


def _tune(tones: npt.NDArray[np.float32], run: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether ``other`` is a tone of another pitch right before or after."""
    if other == run:
        return False
    apart = max(other[0] - run[1], run[0] - other[1]) * _HOP / RATE
    pitches = [float(np.median(tones[first:stop, 0])) for first, stop in (run, other)]
    return apart <= _NEIGHBOUR and abs(pitches[0] - pitches[1]) > _STEADY_HZ
