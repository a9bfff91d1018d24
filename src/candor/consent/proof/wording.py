"""An announcement found in a transcript: how much of its wording was said, in order, where.

The second proof, where no print can match: an agent reads the notice, or the voice of the prompt is another. Words are
aligned as in Smith and Waterman (1981): the stretch of the transcript that holds most of the announcement's words in
their order, other words in between counting against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from candor.consent.proof.words import BREAKS, shown, split, tokens
from candor.conversation.transcript import Utterance
from candor.kit.spelling import within

_NEAR = 0.75
"""What a misheard word counts, where the same word counts 1."""
_EXTRA = 0.25
"""What a word that does not belong takes off; one of the announcement that is left out takes the same."""
_STEM = 5
_MOST_WORDS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How much of a text was said."""

    share: float
    """Of its words, misheard ones counting three quarters; 0 to 1."""
    missing: tuple[str, ...]
    """Its words that were not said, in order."""
    quote: str = ""
    start: float | None = None
    stop: float | None = None
    """Seconds in the recording; None when nothing was said of it."""


def find_wording(text: str, utterances: Iterable[Utterance], *, speakers: Collection[int] | None = None) -> Said:
    """How much of ``text`` was said in one stretch by ``speakers`` (everybody, when None).

    The first 20,000 words of a call are searched.
    """
    wanted = [word for word in split(text) if word not in BREAKS]
    words = (token for token in tokens(utterances, speakers) if token.text not in BREAKS)
    spoken = list(islice(words, _MOST_WORDS))
    pairs = _aligned(wanted, [token.text for token in spoken])
    if not pairs:
        return Said(share=0.0, missing=tuple(wanted))
    weight = sum(_alike(wanted[left], spoken[right].text) for left, right in pairs)
    told = {left for left, _ in pairs}
    first, last = pairs[0][1], pairs[-1][1]
    return Said(
        share=round(weight / len(wanted), 4),
        missing=tuple(word for place, word in enumerate(wanted) if place not in told),
        quote=shown(spoken[first : last + 1]),
        start=spoken[first].start,
        stop=spoken[last].stop,
    )


def _aligned(wanted: Sequence[str], said: Sequence[str]) -> list[tuple[int, int]]:
    """Places in both of the words that belong together, in order (local alignment)."""
    width = len(said) + 1
    before = [0.0] * width
    steps: list[bytearray] = []
    best, end = 0.0, (0, 0)
    for left, word in enumerate(wanted):
        row, step = [0.0] * width, bytearray(width)
        for right, other in enumerate(said, 1):
            alike = _alike(word, other)
            choices = (0.0, before[right - 1] + (alike or -_EXTRA), before[right] - _EXTRA, row[right - 1] - _EXTRA)
            step[right] = max(range(4), key=choices.__getitem__)
            row[right] = choices[step[right]]
            if row[right] > best:
                best, end = row[right], (left, right)
        steps.append(step)
        before = row
    return _traced(steps, end, wanted, said) if best else []


def _traced(
    steps: Sequence[bytearray], end: tuple[int, int], wanted: Sequence[str], said: Sequence[str]
) -> list[tuple[int, int]]:
    left, right = end
    pairs = []
    while left >= 0 and right > 0 and steps[left][right]:
        step = steps[left][right]
        if step == 1 and _alike(wanted[left], said[right - 1]):
            pairs.append((left, right - 1))
        left, right = (left - (step != 3), right - (step != 2))
    return pairs[::-1]


@lru_cache(maxsize=65536)
def _alike(wanted: str, said: str) -> float:
    """1 for the same word, _NEAR for one a letter off (two in a long one) or without its ending, else 0."""
    if wanted == said:
        return 1.0
    if min(len(wanted), len(said)) >= _STEM and (wanted.startswith(said) or said.startswith(wanted)):
        return _NEAR
    longest = max(len(wanted), len(said))
    allowed = 2 if longest >= 9 else 1 if longest >= 5 else 0
    return _NEAR if allowed and within(wanted, said, allowed) else 0.0
