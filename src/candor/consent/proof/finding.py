"""Finding known prompts in a recording: which, where, how much of each, and how sure.

1. Every prompt is cut into chunks of about three seconds; each is correlated with the whole recording (by Fourier
   transform, all prompts at once). Where a chunk stands out, the prompt may lie.
2. There, the prompt is laid over the recording frame by frame: where it keeps agreeing, it is heard.
3. It counts as found when the correlation over what is heard is beyond what other speech ever reaches. Chance falls
   with the square root of the length, so what is compared is correlation × √seconds (the *evidence*).

Measured by ``python -m bench.announcements``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from candor.consent.proof.bands import FRAME_RATE, WIDTH, Heard, listen
from candor.consent.proof.correlation import EXPECTED, Chunk, Searched
from candor.consent.proof.prints import Print
from candor.kit.sound import SoundSource

CERTAIN = 0.45
"""Evidence from which a prompt counts as found."""
_CANDIDATE = 0.33
"""Evidence of one chunk from which a place is looked at closely."""
_WEAKEST = 0.28
"""Correlation below which nothing counts, however long it lasts."""
_CHUNK_SECONDS = 3.0
_TOGETHER = 32
"""Chunks that are compared at a time: bounds the memory."""
_SMOOTH = 15
"""Frames to either side over which agreement is taken: half a second in all."""
_AGREES = 0.2
_ALONE = 0.3
"""Evidence that a stretch needs by itself: single half seconds agree by chance."""
_SLIP = 8
"""Frames by which parts of a prompt may be shifted against one another: jitter buffers move sound."""
_BRIDGED = 62
"""Frames of a stretch that is drowned by other sound, between two that are heard: it counts as heard."""
_WHOLE = 0.9
_MOST_CANDIDATES = 256


class Part(StrEnum):
    """Which part of the prompt was heard."""

    WHOLE = "whole"
    BEGINNING = "beginning"
    END = "end"
    MIDDLE = "middle"
    """Neither its first nor its last words."""
    BROKEN = "broken"
    """First and last words, with a hole between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A prompt in a recording."""

    name: str
    """Of the print."""
    channel: int
    start: float
    stop: float
    """Seconds in the recording, of what was heard."""
    share: float
    """Of the sounding time of the prompt that was heard, 0 to 1. Exact to about 0.3 s of the prompt."""
    heard_from: float
    heard_to: float
    """Seconds in the prompt."""
    part: Part
    score: float
    """Correlation with the prompt over what was heard: 1 the same sound, about 0.5 in noise or under other speech."""
    evidence: float
    """Correlation × √seconds of its clearest unbroken stretch; from :data:`CERTAIN` on it is a match."""


def find(prompt: Print, sound: SoundSource, *, certain: float = CERTAIN) -> tuple[Match, ...]:
    """All places where one prompt is heard, in order of time."""
    return find_all((prompt,), sound, certain=certain)


def find_all(prompts: Sequence[Print], sound: SoundSource, *, certain: float = CERTAIN) -> tuple[Match, ...]:
    """All places where any of ``prompts`` is heard, in order of time.

    Where two of them claim the same time (announcements share sentences), the one that explains more of it is kept.

    Args:
        prompts: prints of what may have been played.
        sound: any number of channels, any rate; each channel is searched by itself.
        certain: the evidence from which a match counts.
    """
    matches: list[Match] = []
    for channel, heard in enumerate(listen(sound)):
        laid = (_laid(prompt, lag, heard, channel) for prompt, lags in _candidates(prompts, heard) for lag in lags)
        clear = [match for match in laid if match and match.evidence >= certain and match.score >= _WEAKEST]
        matches.extend(_untangled(clear))
    return tuple(sorted(matches, key=lambda match: (match.start, match.channel, match.name)))


def _chunks(prompts: Iterable[Print]) -> Iterator[Chunk]:
    for place, prompt in enumerate(prompts):
        for start, stop in _edges(prompt):
            changes = prompt.changes[start:stop]
            sounding = int(prompt.sounding[start:stop].sum())
            norm = float(np.sqrt((changes**2).sum()))
            if norm > 0 and sounding >= FRAME_RATE / 2:
                yield Chunk(place, start, stop, changes / np.float32(norm), sounding)


def _edges(prompt: Print) -> list[tuple[int, int]]:
    """Frames of its chunks, all of about the same length."""
    count = max(1, round(prompt.seconds / _CHUNK_SECONDS))
    edges = [round(prompt.frames * place / count) for place in range(count + 1)]
    return list(pairwise(edges))


def _candidates(prompts: Sequence[Print], heard: Heard) -> Iterator[tuple[Print, list[int]]]:
    """For each prompt, frames of the recording at which it may begin (before the first, when its start is missing)."""
    chunks = list(_chunks(prompts))
    if not chunks or not len(heard.changes):
        return
    lags: list[dict[int, float]] = [{} for _ in prompts]
    longest = max(chunk.stop - chunk.start for chunk in chunks)
    searched = Searched(heard.changes, longest)
    for first in range(0, len(chunks), _TOGETHER):
        group = chunks[first : first + _TOGETHER]
        for chunk, evidence in zip(group, searched.evidence(group), strict=True):
            found = lags[chunk.prompt]
            for place in _peaks(evidence):
                lag = int(place) - longest - chunk.start
                found[lag] = max(found.get(lag, 0.0), float(evidence[place]))
    for prompt, found in zip(prompts, lags, strict=True):
        best: list[int] = []
        for lag in sorted(found, key=lambda lag: -found[lag]):
            if all(abs(lag - other) > _SLIP for other in best):
                best.append(lag)
        yield prompt, best


def _peaks(evidence: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Where a chunk stands out, the clearest first."""
    high = np.flatnonzero(evidence >= _CANDIDATE)
    before, after = evidence[np.maximum(high - 1, 0)], evidence[np.minimum(high + 1, len(evidence) - 1)]
    tops = high[(evidence[high] >= before) & (evidence[high] >= after)]
    return tops[np.argsort(-evidence[tops], kind="stable")][:_MOST_CANDIDATES]


def _laid(prompt: Print, lag: int, heard: Heard, channel: int) -> Match | None:
    """What is heard of the prompt when it begins at frame ``lag``."""
    fit = _fit(prompt, lag, heard)
    mask = _heard_mask(prompt, fit, lag, heard)
    sounding = int((mask & prompt.sounding).sum())
    if not sounding:
        return None
    score, _ = _strength(prompt, fit, mask)
    # Stretches that agree by chance must not add up to a match: one alone has to be certain.
    evidence = max(_strength(prompt, fit, _only(start, stop, prompt.frames))[1] for start, stop in _runs(mask))
    first, last = (int(place) for place in np.flatnonzero(mask)[[0, -1]])
    share = sounding / int(prompt.sounding.sum())
    return Match(
        name=prompt.name,
        channel=channel,
        start=max(0, lag + first) / FRAME_RATE,
        stop=(lag + last + 1) / FRAME_RATE,
        share=round(share, 4),
        heard_from=first / FRAME_RATE,
        heard_to=(last + 1) / FRAME_RATE,
        part=_part(prompt, share, first, last),
        score=round(score, 4),
        evidence=round(evidence, 4),
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Agreement of each frame of a prompt with the recording; shape (frames,) each."""

    product: npt.NDArray[np.float32]
    wanted: npt.NDArray[np.float32]
    """Power of the prompt."""
    there: npt.NDArray[np.float32]
    """Power of the recording."""


def _strength(prompt: Print, fit: _Fit, mask: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Correlation and evidence over the frames in ``mask``."""
    sounding = int((mask & prompt.sounding).sum())
    there = max(float(fit.there[mask].sum()), EXPECTED * sounding * WIDTH)
    score = float(fit.product[mask].sum()) / float(np.sqrt(fit.wanted[mask].sum() * there + 1e-9))
    return min(score, 1.0), min(score, 1.0) * float(np.sqrt(sounding / FRAME_RATE))


def _part(prompt: Print, share: float, first: int, last: int) -> Part:
    """What was heard, by how much sound is missing before and after."""
    total = int(prompt.sounding.sum())
    # A missing third of a second at an end is within the exactness of the edges.
    little = max(0.05 * total, FRAME_RATE / 3)
    from_start = prompt.sounding[:first].sum() <= little
    to_end = prompt.sounding[last + 1 :].sum() <= little
    if from_start and to_end:
        return Part.WHOLE if share >= _WHOLE else Part.BROKEN
    if from_start:
        return Part.BEGINNING
    return Part.END if to_end else Part.MIDDLE


def _fit(prompt: Print, lag: int, heard: Heard) -> _Fit:
    """The prompt laid over the recording, each chunk of it at the slip that fits it best."""
    frames = len(heard.changes)
    products = np.zeros((2 * _SLIP + 1, prompt.frames), np.float32)
    powers = np.zeros_like(products)
    for row, slip in enumerate(range(-_SLIP, _SLIP + 1)):
        start, stop = max(0, -(lag + slip)), min(prompt.frames, frames - lag - slip)
        if stop > start:
            there = heard.changes[lag + slip + start : lag + slip + stop] * prompt.sounding[start:stop, None]
            products[row, start:stop] = np.einsum("fb,fb->f", there, prompt.changes[start:stop])
            powers[row, start:stop] = np.einsum("fb,fb->f", there, there)
    product, power = np.zeros(prompt.frames, np.float32), np.zeros(prompt.frames, np.float32)
    for start, stop in _edges(prompt):
        best = int(products[:, start:stop].sum(axis=1).argmax())
        product[start:stop], power[start:stop] = products[best, start:stop], powers[best, start:stop]
    return _Fit(product, (prompt.changes**2).sum(axis=1), power)


def _heard_mask(prompt: Print, fit: _Fit, lag: int, heard: Heard) -> npt.NDArray[np.bool_]:
    """Frames of the prompt that are heard, shape (frames,)."""
    places = lag + np.arange(prompt.frames)
    inside = (places >= 0) & (places < len(heard.changes))
    least = EXPECTED * WIDTH * _around(prompt.sounding.astype(np.float32))
    local = _around(fit.product) / np.sqrt(_around(fit.wanted) * np.maximum(_around(fit.there), least) + 1e-9)
    mask = _without(local >= _AGREES, inside, lambda start, stop: stop - start < _SMOOTH)
    # What agrees half as well counts beside what does: noise wears the edges down.
    mask = _without(local >= _AGREES / 2, inside, lambda start, stop: not mask[start:stop].any())
    if not (mask & prompt.sounding).any():
        return np.zeros_like(mask)
    energy = np.zeros(prompt.frames, np.float32)
    energy[inside] = heard.energy[places[inside]]
    # 20 dB below what was heard of the prompt, nothing is there that could drown it.
    loud = (energy >= np.median(energy[mask & prompt.sounding]) * 1e-2) | ~prompt.sounding
    for start, stop in _runs(~mask):
        drowned = stop - start <= _BRIDGED and float(loud[start:stop].mean()) > 0.8
        if start > 0 and stop < prompt.frames and (drowned or not prompt.sounding[start:stop].any()):
            mask[start:stop] = True

    def by_chance(start: int, stop: int) -> bool:
        return _strength(prompt, fit, _only(start, stop, prompt.frames))[1] < _ALONE

    return _without(mask, inside, by_chance)


def _without(
    mask: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_], refused: Callable[[int, int], bool]
) -> npt.NDArray[np.bool_]:
    """The runs of ``mask`` inside the recording, but for the refused ones."""
    out = np.zeros_like(mask)
    for start, stop in _runs(mask & inside):
        out[start:stop] = not refused(start, stop)
    return out


def _around(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    first, stop = np.maximum(places - _SMOOTH, 0), np.minimum(places + _SMOOTH + 1, len(values))
    around: npt.NDArray[np.float32] = (sums[stop] - sums[first]).astype(np.float32)
    return around


def _only(start: int, stop: int, frames: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(frames, bool)
    mask[start:stop] = True
    return mask


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each stretch that is True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def _untangled(matches: Iterable[Match]) -> list[Match]:
    """Of matches of different prompts at the same time, the one that explains most of it."""
    kept: list[Match] = []
    for match in sorted(
        matches, key=lambda match: (-(match.stop - match.start) * match.share * match.score, match.name)
    ):
        if all(_common(match, other) <= 0.5 * (match.stop - match.start) for other in kept):
            kept.append(match)
    return kept


def _common(one: Match, other: Match) -> float:
    """Seconds in which both are heard."""
    return max(0.0, min(one.stop, other.stop) - max(one.start, other.start))
