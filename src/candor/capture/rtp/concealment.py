"""Filling what was lost on the way, in the spirit of ITU-T G.711 Appendix I: the last pitch period, fading out.

A recording that hides a loss for long would be invention: after 60 ms nothing is left but silence.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.int16]
Wave = npt.NDArray[np.float64]

_SHORTEST, _LONGEST = 1 / 400, 1 / 66
"""Seconds of a pitch period: voices between 66 and 400 Hz."""
_COMPARED = 0.02
"""Seconds of sound that must repeat."""
_HISTORY = 0.06
"""Seconds of ``before`` that are looked at."""
_AS_GOOD = 0.99
_FAINTEST = 0.1
_FULL, _FADED = 0.01, 0.06
"""Seconds until the fade begins, and after which nothing is left."""


def conceal(before: Sound, length: int, rate: int) -> Sound:
    """``length`` samples to stand in for lost ones, made of the sound ``before`` them (its last 60 ms serve).

    Begins where ``before`` ends, without a step, and is never louder than it. All zeros when ``before`` is silent or
    shorter than two periods of the highest voice (5 ms). The same input always gives the same output.
    """
    out = np.zeros(max(length, 0), np.int16)
    if rate <= 0:
        return out
    known = before[-round(_HISTORY * rate) :].astype(np.float64)
    filled = min(len(out), round(_FADED * rate))
    low = max(2, round(_SHORTEST * rate))
    if filled == 0 or len(known) < 2 * low or not known.any():
        return out
    high = max(low, min(round(_LONGEST * rate), len(known) // 2))
    period, likeness = _period(known, low, high, round(_COMPARED * rate))
    # Hiss does not repeat, and repeated hiss hums: the less periodic it was, the fainter it goes on.
    made = _repeated(known, period, filled) * np.maximum(1 - np.arange(filled) / low, max(_FAINTEST, likeness))
    peak = float(np.abs(known).max())
    fade = np.clip((_FADED - np.arange(filled) / rate) / (_FADED - _FULL), 0.0, 1.0)
    # The peak of int16 is one larger below zero than above it.
    out[:filled] = np.clip(np.rint(np.clip(made, -peak, peak) * fade), -32768, 32767)
    return out


def _period(known: Wave, low: int, high: int, compared: int) -> tuple[int, float]:
    """The lag, in samples, at which the end of ``known`` repeats itself best, and how well: 1 is exactly.

    Normalised cross-correlation over all lags from ``low`` to ``high``.
    """
    compared = min(compared, len(known) - high)
    tail = known[-compared:]
    products = np.correlate(known[len(known) - high - compared : len(known) - low], tail, "valid")[::-1]
    energies = np.concatenate(([0.0], np.cumsum(known**2)))
    stops = len(known) - np.arange(low, high + 1)
    norms = np.sqrt(np.maximum(energies[stops] - energies[stops - compared], 0.0)) * np.linalg.norm(tail)
    scores = products / (norms + 1.0)
    best = int(np.argmax(scores))
    # Whole multiples of the period fit as well: of peaks that are nearly as high, the shortest lag.
    padded = np.concatenate(([-2.0], scores, [-2.0]))
    peaks = np.flatnonzero((scores >= padded[:-2]) & (scores >= padded[2:]) & (scores >= _AS_GOOD * scores[best]))
    chosen = int(peaks[0]) if scores[best] > 0 else best
    return low + chosen, float(scores[chosen])


def _repeated(known: Wave, period: int, length: int) -> Wave:
    """The last ``period`` samples over and over, its end blended into its beginning, joined to ``known``."""
    blend = max(1, min(period // 4, len(known) - period))
    one = known[-period:].copy()
    rising = np.arange(1, blend + 1) / (blend + 1)
    one[-blend:] = one[-blend:] * (1 - rising) + known[-period - blend : -period] * rising
    made = np.resize(one, length)
    # What came before the period is not exactly what ends it: the step between the two dies away in a quarter period.
    step = known[-1] - known[-period - 1]
    count = min(blend, length)
    made[:count] += step * np.arange(blend, blend - count, -1) / (blend + 1)
    return made
