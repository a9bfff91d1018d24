"""Telephone keys: as events (RFC 4733), as tones in the sound (ITU-T Q.23, Q.24), and as a sequence that triggers.

Which keys were pressed is often a card number: events are masked where they lie, tones are silenced, and the matcher
of sequences keeps no key at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from candor.errors import InvalidInput

KEYS = "0123456789*#ABCD"
"""By event code; 16 is a hook flash, higher codes are other signals."""
MASKED = 255
"""Stands for an event that is not told."""

Sound = npt.NDArray[np.int16]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

# ---- events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvent:
    """One report of a key that is or was down (RFC 4733 section 2.3)."""

    code: int = field(repr=False)
    end: bool
    volume: int
    """Decibels below 0 dBm0."""
    duration: int
    """Clock units since it was pressed."""

    @property
    def key(self) -> str | None:
        """The key; None for what is none (or masked)."""
        return KEYS[self.code] if self.code < len(KEYS) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEvents:
    """Many reports as columns."""

    code: Bytes = field(repr=False)
    end: npt.NDArray[np.bool_]
    volume: Bytes
    duration: npt.NDArray[np.uint16]


def parse_event(payload: bytes) -> KeyEvent:
    """The (first) event of a telephone-event payload; raises InvalidInput ``rtp.event`` when it is cut off."""
    if len(payload) < 4:
        raise InvalidInput("A telephone event is cut off.", code="rtp.event")
    return KeyEvent(
        code=payload[0],
        end=payload[1] & 0x80 != 0,
        volume=payload[1] & 0x3F,
        duration=payload[2] << 8 | payload[3],
    )


def parse_events(payloads: Bytes) -> KeyEvents:
    """All events of an array (n, 4)."""
    return KeyEvents(
        code=payloads[:, 0],
        end=payloads[:, 1] & 0x80 != 0,
        volume=(payloads[:, 1] & 0x3F).astype(np.uint8),
        duration=(payloads[:, 2].astype(np.uint16) << 8 | payloads[:, 3]).astype(np.uint16),
    )


def mask_events(payloads: Bytes) -> None:
    """Overwrite, in place, which keys the events of an array (n, 4·m) tell; that and how long one was down stays."""
    payloads[:, ::4] = MASKED


def mask_event(payload: bytes) -> bytes:
    """``payload`` (one event or several, RFC 4733 section 2.5.1.5) without what it tells."""
    return bytes(MASKED if at % 4 == 0 else byte for at, byte in enumerate(payload))


class KeySequence:
    """Notices that a sequence of keys was pressed.

    Keeps how many of its keys have come, and never the keys.
    """

    __slots__ = ("_back", "_keys", "_last", "_matched", "_within")

    def __init__(self, keys: str, *, within: float = 3.0) -> None:
        """``keys`` as ``*7``; ``within`` seconds from key to key. Raises InvalidInput for what has no such keys."""
        if not keys or len(keys) > 32 or not set(keys) <= set(KEYS):
            raise InvalidInput(
                "A key sequence has between 1 and 32 of the keys 0 to 9, *, # and A to D.", code="keys.sequence"
            )
        self._keys, self._within = keys, within
        self._matched, self._last = 0, float("-inf")
        self._back = _borders(keys)

    def feed(self, key: str, at: float) -> bool:
        """One key, once for each time it is pressed, ``at`` seconds; True when it completes the sequence."""
        if not 0 <= at - self._last <= self._within:
            self._matched = 0
        self._last = at
        while self._matched and self._keys[self._matched] != key:
            self._matched = self._back[self._matched - 1]
        self._matched += self._keys[self._matched] == key
        if self._matched < len(self._keys):
            return False
        self._matched = 0
        return True


def _borders(keys: str) -> tuple[int, ...]:
    """Of each beginning of ``keys``, how long its longest proper beginning is that is also its end (KMP)."""
    found = [0]
    for at in range(1, len(keys)):
        length = found[-1]
        while length and keys[at] != keys[length]:
            length = found[length - 1]
        found.append(length + (keys[at] == keys[length]))
    return tuple(found)


# ---- tones -----------------------------------------------------------------------------------------------------------
#
# A window of 30 ms is looked at every 5 ms, and a key stands out in two in succession at least. So every other window
# is looked at first, and the windows between them only beside those in which something stands out: a few hundredths of
# all. Nothing is missed by that, for one of two in succession is always among the first.

_ROWS = (697, 770, 852, 941)
_COLUMNS = (1209, 1336, 1477, 1633)
_PAD = "123A456B789C*0#D"
"""Row by row."""
_BESIDE = (615, 1030, 1120, 1760)
"""Hz beyond the ends of both groups: a voice whose overtones pass by is as strong there."""
_RATE = 8000
_SLOWEST = 4000
_SIZE, _HOP = 240, 40
"""A window of 30 ms, every 5 ms: at least two lie wholly inside the shortest key (40 ms, Q.24)."""
_STRIDE = 2 * _HOP
"""Between the windows that are looked at first."""
_STACKED = 64
"""Vectors multiplied at a time: with more, BLAS calls for other threads, whose waiting costs more than the work."""
_BLOCK = 32 * _STACKED
"""Strides at a time (20 s), so that what is made of them stays in the cache."""
_STANDS_OUT = 2.0
"""Power of a tone over the strongest of its group and beside it, for a window to be looked at."""
_MOST_TWIST = 12.0
"""dB between the two tones; Q.24 asks for 8 and 4."""
_SHORTEST = 0.024
"""Seconds; what is shorter must not be taken for a key (Q.24)."""
_QUIETEST = 10 ** (-58 / 10)
"""Power of both tones of full scale."""
_FLOOR = np.float32(1e-12)
"""Power that is added, so that silence can be divided by."""
_JOINED = 6
"""Windows between two findings of one key that speech has torn apart."""
_WIDENED = 8
"""Windows that a key may begin before, or end after, it stands out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """One key heard in the sound."""

    start: float
    """Seconds."""
    stop: float
    key: str = field(repr=False)


def find_tones(samples: Sound, rate: int) -> list[Tone]:
    """Every key in ``samples`` (one channel), in order; times in seconds, true to about 5 ms.

    Finds keys of 40 ms and longer, beside or below speech as well. Empty for less than 30 ms, and at less than 4,000
    samples a second, which cannot hold a key.
    """
    if rate < _SLOWEST or len(samples) < round(rate * _SIZE / _RATE):
        return []
    sound = samples if rate == _RATE else soxr.resample(samples, rate, _RATE, quality="LQ")
    if len(sound) < _SIZE:
        return []
    runs = _runs(sound, _promising(sound))
    keys = np.flatnonzero(_are_keys(runs))
    first, counts = runs.starts[keys], runs.counts[keys]
    where = (runs.at[first], runs.at[first] + counts, runs.key[first])
    tones = [_tone(sound, *one) for one in zip(*(column.tolist() for column in where), strict=True)]
    return [tone for tone in _joined(tones) if tone.stop - tone.start >= _SHORTEST]


def mask_tones(samples: Sound, rate: int, pad: float = 0.02) -> Sound:
    """A copy of ``samples`` in which every key is silent, with ``pad`` seconds on either side."""
    masked = samples.copy()
    for tone in find_tones(samples, rate):
        masked[max(0, round((tone.start - pad) * rate)) : max(0, round((tone.stop + pad) * rate))] = 0
    return masked


# ---- windows: one column each, one row a frequency ----


def _basis() -> tuple[Floats, Floats]:
    """Windowed cosines, then sines, of all frequencies (24, 240), and the window (1, 240), for 16-bit samples."""
    window = np.hanning(_SIZE + 2)[1:-1]
    window /= window.sum()
    phase = 2 * np.pi * np.array(_ROWS + _COLUMNS + _BESIDE)[:, None] * np.arange(_SIZE) / _RATE
    both = np.concatenate((np.cos(phase), -np.sin(phase))) * window / 32768
    return both.astype(np.float32), (window[None] / 32768**2).astype(np.float32)


_BASIS, _WINDOW = _basis()
_THIRDS = np.concatenate(np.split(_BASIS, _SIZE // _STRIDE, axis=1))
"""The basis in pieces of a stride (72, 80): each stride is in three windows, but need be multiplied only once."""


def _windows(sound: Sound) -> Sound:
    """All of them (n, 240), as a view."""
    return np.lib.stride_tricks.sliding_window_view(sound, _SIZE)[::_HOP]


def _products(basis: Floats, vectors: npt.NDArray[np.generic]) -> Floats:
    """``basis`` (m, k) times each of ``vectors`` (n, k): (m, n)."""
    count, size = vectors.shape
    stacks = -(-count // _STACKED)
    padded = np.zeros((stacks, _STACKED, size), np.float32)
    padded.reshape(-1, size)[:count] = vectors
    made = np.empty((len(basis), stacks, _STACKED), np.float32)
    np.matmul(basis, padded.transpose(0, 2, 1), out=made.transpose(1, 0, 2))
    return made.reshape(len(basis), -1)[:, :count]


def _power(products: Floats) -> Floats:
    """(2m, n) → (m, n); 0.5 for a tone of full scale."""
    half = len(products) // 2
    return 2 * (products[:half] ** 2 + products[half:] ** 2) + _FLOOR


def _stand_out(power: Floats) -> tuple[npt.NDArray[np.bool_], Floats]:
    """In which windows a tone of each group does (n), and the power of both over what else is near them (2, n)."""
    low, low_next = _strongest(power[:4])
    high, high_next = _strongest(power[4:8])
    beside = np.maximum(power[8::2], power[9::2])
    contrast = np.stack((low / np.maximum(low_next, beside[0]), high / np.maximum(high_next, beside[1])))
    twist = np.float32(10 ** (_MOST_TWIST / 10))
    good = (contrast > _STANDS_OUT).all(axis=0)
    good &= (high < twist * low) & (low < twist * high) & (low + high > _QUIETEST)
    return good, contrast


def _strongest(group: Floats) -> tuple[Floats, Floats]:
    """Of four (4, n), the strongest and the second."""
    more, less = np.maximum(group[::2], group[1::2]), np.minimum(group[::2], group[1::2])
    return more.max(axis=0), np.maximum(more.min(axis=0), less.max(axis=0))


def _promising(sound: Sound) -> Ints:
    """The numbers of those windows, among the first of each stride, in which two tones stand out."""
    strides = sound[: len(sound) // _STRIDE * _STRIDE].reshape(-1, _STRIDE)
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(strides) - 2, _BLOCK):
        block = strides[start : start + _BLOCK + 2]
        if block.any():
            begins, goes_on, ends = np.split(_products(_THIRDS, block), 3)
            good, _ = _stand_out(_power(begins[:, :-2] + goes_on[:, 1:-1] + ends[:, 2:]))
            found.append(start + np.flatnonzero(good))
    return np.concatenate(found) * (_STRIDE // _HOP)


# ---- runs: windows in succession in which the same two tones stand out ----


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Their windows as columns, one run after the other."""

    at: Ints
    """Number of the window in the sound."""
    key: Ints
    """Place on the pad, row by row."""
    waves: npt.NDArray[np.complex64]
    """(2, n): amplitude and phase of the lower and of the higher tone."""
    contrast: Floats
    """(2, n)"""
    total: Floats
    """Power of everything."""
    starts: Ints
    """Of each run, where its columns begin."""
    counts: Ints
    """Of each run, how many there are: two at least."""


def _runs(sound: Sound, promising: Ints) -> _Runs:
    """Those that hold a promising window."""
    windows = _windows(sound)
    at = np.unique(promising[:, None] + np.arange(-1, 2))
    at = at[(at >= 0) & (at < len(windows))]
    frames = windows[at].astype(np.float32)
    products = _products(_BASIS, frames)
    power = _power(products)
    good, contrast = _stand_out(power)
    key = np.where(good, 4 * power[:4].argmax(axis=0) + power[4:8].argmax(axis=0), -1)
    starts = np.flatnonzero((np.diff(at, prepend=-2) > 1) | (np.diff(key, prepend=-2) != 0))
    counts = np.diff(starts, append=len(at))
    kept = (key[starts] >= 0) & (counts >= 2)
    own, counts = np.flatnonzero(np.repeat(kept, counts)), counts[kept]
    tones = np.stack((key[own] // 4, 4 + key[own] % 4))
    return _Runs(
        at=at[own], key=key[own], waves=products[tones, own] + 1j * products[len(power) + tones, own],
        contrast=contrast[:, own], total=_products(_WINDOW, frames[own] ** 2)[0] + _FLOOR,
        starts=np.cumsum(counts) - counts, counts=counts,
    )  # fmt: skip


_WEIGHTS = np.array([0.50, 2.45, 1.77, 2.68, -0.71, -3.73, -1.77, -1.45])
"""Of the marks, by logistic regression: keys of every kind and loudness laid over telephone speech against the speech
alone."""
_THRESHOLD = 15.4
"""Weighted marks from which it is a key: one false one in more than half an hour of lively speech."""
_LEAST_PURE = -1.2
"""Mean decimal logarithm of the two tones' share of the power: overtones of a voice that sings are less of it."""


def _are_keys(runs: _Runs) -> npt.NDArray[np.bool_]:
    marks = _marks(runs)
    keys: npt.NDArray[np.bool_] = (marks[3] > _LEAST_PURE) & (_WEIGHTS @ marks > _THRESHOLD)
    return keys


def _marks(runs: _Runs) -> npt.NDArray[np.float64]:
    """What tells a key from a voice, in eight numbers for each run (8, runs).

    A key has two pure tones that stand alone, of equal strength, at their frequencies, that do not waver.
    """
    low, high = power = 2 * (runs.waves.real**2 + runs.waves.imag**2) + _FLOOR
    twist = 10 * np.log10(high / low)
    run = np.repeat(np.arange(len(runs.counts)), runs.counts)
    loudest = np.lexsort((-low * high, run))[runs.starts]
    contrast = np.minimum(np.log10(np.maximum.reduceat(runs.contrast, runs.starts, axis=1)), 3.0)
    # Steps from window to window: each run has one fewer.
    after, steps = np.delete(np.arange(len(run)), runs.starts), runs.counts - 1
    off, wavers = _off(runs, after, steps)
    return np.stack(
        (
            np.minimum(runs.counts, 8),
            *contrast,
            _means(np.log10(power.sum(axis=0) / runs.total), runs.counts),
            np.maximum(np.abs(twist[loudest]) - 5.0, 0.0),
            50 * np.minimum(off.max(axis=0), 0.04),
            np.log10(_means(np.abs(twist[after] - twist[after - 1]), steps) + 0.03),
            np.log10(wavers + 0.0003).sum(axis=0),
        )
    )


def _off(runs: _Runs, after: Ints, steps: Ints) -> tuple[Floats, Floats]:
    """How far the two tones' frequencies are from where they should be, relatively, and their spread: (2, runs) each.

    By how much a tone's phase turns from the window before each of ``after``.
    """
    key = runs.key[runs.starts]
    nominal = np.stack((np.array(_ROWS)[key // 4], np.array(_COLUMNS)[key % 4]))
    expected = 2 * np.pi * _HOP / _RATE * nominal
    turns = runs.waves[:, after] * np.conj(runs.waves[:, after - 1]) * np.exp(-1j * np.repeat(expected, steps, axis=1))
    angles = np.angle(turns)
    spread = np.sqrt(np.maximum(_means(angles**2, steps) - _means(angles, steps) ** 2, 0.0))
    return np.abs(np.angle(_means(turns, steps))) / expected, spread / expected


def _means(values: npt.NDArray[Any], counts: Ints) -> npt.NDArray[Any]:
    """Of successive groups of so many columns."""
    sums: npt.NDArray[Any] = np.add.reduceat(values, np.cumsum(counts) - counts, axis=-1)
    return sums / counts


# ---- keys ----


def _tone(sound: Sound, start: int, stop: int, key: int) -> Tone:
    """With true ends: where the edge of a tone is in the middle of a window, its amplitude there is half."""
    windows = _windows(sound)
    first, last = max(0, start - _WIDENED), min(len(windows), stop + _WIDENED)
    tones = np.array((key // 4, 4 + key % 4))
    low, high = _power(_products(_BASIS[[*tones, *(12 + tones)]], windows[first:last]))
    power = low * high
    inside = power[start - first : stop - first]
    # A product of two powers is the fourth power of an amplitude.
    loud = power >= np.median(inside[inside >= inside.max() / 4]) / 16
    peak = start - first + int(inside.argmax())
    quiet_before, quiet_after = np.flatnonzero(~loud[:peak]), np.flatnonzero(~loud[peak:])
    begin = first + (int(quiet_before[-1]) + 1 if len(quiet_before) else 0)
    end = first + peak + int(quiet_after[0]) if len(quiet_after) else last
    # Speech can bridge or cut the middle of a key, but not make it shorter than where it was seen to stand out.
    begin, end = min(begin, start + 2), max(end, stop - 2)
    middle = _SIZE / 2 / _RATE
    hop = _HOP / _RATE
    at_start = 0.0 if begin == 0 else middle + (begin - 0.5) * hop
    at_stop = middle + (end - 0.5) * hop + (middle if end == len(windows) else 0.0)
    return Tone(start=at_start, stop=at_stop, key=_PAD[key])


def _joined(tones: list[Tone]) -> list[Tone]:
    """Findings of one key with next to nothing between them are one key."""
    found: list[Tone] = []
    for tone in tones:
        if found and found[-1].key == tone.key and tone.start - found[-1].stop < _JOINED * _HOP / _RATE:
            tone = Tone(start=found[-1].start, stop=max(tone.stop, found[-1].stop), key=tone.key)  # noqa: PLW2901
            found.pop()
        found.append(tone)
    return found
