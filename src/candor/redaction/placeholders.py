"""From overlapping matches to spans that do not overlap, each with its placeholder."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from candor.conversation.transcript import PiiKind
from candor.redaction.call import LONGEST_COMPOUND, Call
from candor.redaction.lexicon import Trait
from candor.redaction.ports import Match

_TAKEN = re.compile(r"\[([A-Z]{2,10})_(\d{1,6})\]")
_KINDS = {kind.value: kind for kind in PiiKind}
_EDGES = ".,!?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """One stretch of one utterance that will be masked; ``first`` and ``last`` are places in the original words."""

    kind: PiiKind
    utterance: int
    first: int
    last: int
    value: str
    rule: str
    confidence: float


def paint(call: Call, matches: Iterable[Match], origins: Sequence[tuple[int, int]]) -> list[Painted]:
    """Settle overlaps: the surest match takes its words, the longer of two equals; others keep what is left of theirs.

    Words that are masked already are left alone. Parts of one word ("J-U-L-I-A") go together.
    """
    owner: dict[int, Match] = {}
    ranked = sorted(
        _joined(matches), key=lambda m: (-m.confidence, -sum(last - first for first, last in m.pieces), m.pieces)
    )
    for match in ranked:
        for first, last in match.pieces:
            for place in range(first, last + 1):
                if place not in owner and not call.has(place, Trait.PLACEHOLDER):
                    owner[place] = match
    _whole_words(call, owner, origins)
    painted: list[Painted] = []
    places = sorted(owner)
    begin = 0
    for i, place in enumerate(places):
        ends = (
            i + 1 == len(places)
            or places[i + 1] != place + 1
            or owner[places[i + 1]] is not owner[place]
            or call.line_of[places[i + 1]] != call.line_of[place]
        )
        if ends:
            match = owner[place]
            utterance, first = origins[places[begin]]
            painted.append(
                Painted(
                    kind=match.kind,
                    utterance=utterance,
                    first=first,
                    last=origins[place][1],
                    value=match.value,
                    rule=match.rule,
                    confidence=match.confidence,
                )
            )
            begin = i + 1
    return painted


def _whole_words(call: Call, owner: dict[int, Match], origins: Sequence[tuple[int, int]]) -> None:
    """Give all parts of a hyphenated word to the surest owner of any of them."""
    parts: dict[tuple[int, int], list[int]] = {}
    for place in owner:
        if call.parts[place]:
            parts.setdefault(origins[place], []).append(place)
    for origin, places in parts.items():
        surest = max((owner[place] for place in places), key=lambda match: match.confidence)
        around = range(max(places[0] - LONGEST_COMPOUND, 0), min(places[0] + LONGEST_COMPOUND, len(origins)))
        for place in around:
            if origins[place] == origin:
                owner[place] = surest


def standing(word: str) -> tuple[PiiKind, str] | None:
    """The kind and text of a placeholder that a word already is, None for any other word."""
    if not word.startswith("["):
        return None
    found = _TAKEN.fullmatch(word[:40].rstrip(_EDGES))
    kind = _KINDS.get(found.group(1)) if found is not None else None
    return (kind, found.group()) if found is not None and kind is not None else None


def _joined(matches: Iterable[Match]) -> list[Match]:
    """Overlapping stretches of one kind become one: the surest rule names it, the longest gives its value."""
    result: list[Match] = []
    single: dict[PiiKind, list[Match]] = {}
    for match in matches:
        if len(match.pieces) == 1:
            single.setdefault(match.kind, []).append(match)
        else:
            result.append(match)
    for found in single.values():
        found.sort(key=lambda match: match.pieces)
        current = found[0]
        for match in found[1:]:
            if match.pieces[0][0] <= current.pieces[0][1]:
                current = _union(current, match)
            else:
                result.append(current)
                current = match
        result.append(current)
    return result


def _union(one: Match, other: Match) -> Match:
    first = min(one.pieces[0][0], other.pieces[0][0])
    last = max(one.pieces[0][1], other.pieces[0][1])
    longest = max(one, other, key=lambda match: match.pieces[0][1] - match.pieces[0][0])
    surest = max(one, other, key=lambda match: match.confidence)
    return replace(surest, pieces=((first, last),), value=longest.value)


def placeholders(painted: Sequence[Painted], words: Iterable[str]) -> dict[tuple[PiiKind, str], str]:
    """A placeholder for every kind and value, numbered by appearance; numbers in the text already are not reused."""
    counters: dict[str, int] = {}
    for word in words:
        if word.startswith("["):
            for kind, number in _TAKEN.findall(word[:200]):
                counters[kind] = max(counters.get(kind, 0), int(number))
    given: dict[tuple[PiiKind, str], str] = {}
    for item in painted:
        if (item.kind, item.value) not in given:
            counters[item.kind] = counters.get(item.kind, 0) + 1
            given[item.kind, item.value] = f"[{item.kind}_{counters[item.kind]}]"
    return given
