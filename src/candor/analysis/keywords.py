# ruff: noqa: SIM905  (word lists read better as lines of words)
"""What marks a conversation: words and phrases that are frequent here and rare in English at large.

TF-IDF in the manner of Sparck Jones (1972): sublinear term frequency times rarity, which is read from a background
table (``data/background.tsv.gz``: word, Zipf value times ten; Zipf is log10 of uses in a thousand million words).
"""

from __future__ import annotations

import gzip
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from candor.analysis.phrases import normalise
from candor.conversation.finding import Finding, Keyword
from candor.conversation.model import Role
from candor.conversation.transcript import Transcript

MAX_KEYWORDS = 12
_MAX_FINDINGS = 5
_MAX_WORDS = 3
_UNKNOWN = 3.0
_COMMON = 5.4
"""Zipf value from which a word marks nothing and may only stand inside a phrase."""
_GLUE = frozenset({"of", "to", "the", "in", "on", "for", "at", "and"})
_NUMBERS = frozenset(
    """
    zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand double triple
    first second third monday tuesday wednesday thursday friday saturday sunday
    """.split()
)


@cache
def _background() -> dict[str, float]:
    data = gzip.decompress((files("candor.analysis") / "data" / "background.tsv.gz").read_bytes()).decode("utf-8")
    return {word: int(tenths) / 10 for word, tenths in (line.split("\t") for line in data.splitlines())}


def rarity(word: str) -> float:
    """0 for the commonest words, about 3 for words that hardly anybody uses."""
    table = _background()
    zipf = table.get(word)
    if zipf is None and word.endswith("s"):
        zipf = table.get(word[:-1])
    if zipf is None:
        zipf = _UNKNOWN
    return max(0.0, 6.0 - zipf) if zipf < _COMMON else 0.0


def find_keywords(transcript: Transcript) -> tuple[Keyword, ...]:
    """At most ``MAX_KEYWORDS``, heaviest first; weights are relative to the heaviest (1)."""
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    by_customer: set[tuple[str, ...]] = set()
    for utterance in transcript.utterances:
        if transcript.role_of(utterance) is Role.SYSTEM:
            continue
        customer = transcript.role_of(utterance) is Role.CUSTOMER
        words = [token.text for token in normalise(utterance.text)]
        for gram in _grams(words):
            where[gram].append(utterance.index)
            if customer:
                by_customer.add(gram)
    scored = [
        (_score(gram, places, said_by_customer=gram in by_customer), gram)
        for gram, places in where.items()
        if len(gram) == 1 or len(places) > 1
    ]
    scored.sort(key=lambda each: (-each[0], each[1]))
    chosen = _distinct(scored, where)
    if not chosen:
        return ()
    heaviest = chosen[0][0]
    return tuple(
        Keyword(text=" ".join(gram), weight=round(score / heaviest, 3), utterances=tuple(dict.fromkeys(where[gram])))
        for score, gram in chosen
    )


def _grams(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    for first in range(len(words)):
        for size in range(1, _MAX_WORDS + 1):
            gram = tuple(words[first : first + size])
            if len(gram) < size or not _usable(gram[-1], inner=True):
                break
            if _usable(gram[0], inner=False) and _usable(gram[-1], inner=False):
                yield gram


@cache
def _usable(word: str, *, inner: bool) -> bool:
    if word[0] == "[" or any(c.isdigit() for c in word) or word in _NUMBERS:
        return False
    if inner and word in _GLUE:
        return True
    return len(word) > 2 and rarity(word) > 0


def _score(gram: tuple[str, ...], places: Sequence[int], *, said_by_customer: bool) -> float:
    weights = [rarity(word) for word in gram if word not in _GLUE]
    # Longer phrases say more, but less than the sum of their words.
    weight = sum(weights) / len(weights) * (1 + 0.35 * (len(weights) - 1))
    return weight * (1 + math.log(len(places))) * (1.15 if said_by_customer else 1.0)


def _distinct(
    scored: Sequence[tuple[float, tuple[str, ...]]], where: dict[tuple[str, ...], list[int]]
) -> list[tuple[float, tuple[str, ...]]]:
    """The best that do not repeat one another: a word goes when a chosen phrase accounts for most of its uses."""
    chosen: list[tuple[float, tuple[str, ...]]] = []
    for score, gram in scored:
        if len(where[gram]) == 1 and score < scored[0][0] * 0.35:
            continue
        if any(set(gram) & set(other) - _GLUE and 2 * len(where[other]) >= len(where[gram]) for _, other in chosen):
            continue
        chosen.append((score, gram))
        if len(chosen) == MAX_KEYWORDS:
            break
    return chosen


def keyword_findings(transcript: Transcript, keywords: Sequence[Keyword]) -> list[Finding]:
    """Where the heaviest keywords are first said."""
    found: list[Finding] = []
    for keyword in keywords[:_MAX_FINDINGS]:
        utterance = transcript.utterances[keyword.utterances[0]]
        found.append(
            Finding(
                id=f"keyword-{keyword.text.replace(' ', '-')}",
                kind="keyword",
                label=f"Keyword: {keyword.text}",
                start=utterance.start,
                end=utterance.end,
                utterances=keyword.utterances,
                speaker=utterance.speaker,
                value=keyword.weight,
                unit="ratio",
                quote=" ".join(utterance.text.split()[:30]),
                confidence=round(0.5 + 0.3 * keyword.weight, 3),
                rule="keywords@1",
            )
        )
    return found
