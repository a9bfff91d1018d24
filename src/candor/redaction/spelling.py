"""Turns that are dictation from beginning to end: letters, digits and alphabet words, whatever was asked.

Nobody spells what everybody knows: a turn of letters is a name, one of letters and digits a postcode or a reference.
A recogniser runs letters together ("wa l t ers", "gra a c e") and hears words for them ("are", "you"); where most of a
turn is spelled, those are letters as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.codes import sounds_like_letter, spelled
from candor.redaction.lexicon import DIGIT_SOUNDS, Trait
from candor.redaction.ports import Match

_LEAST = 3
"""Letters and digits that a turn holds at least."""
_MOST_OTHERS = 0.25
"""Share of words in it that are none of these."""
_LONGEST = 60
_FRAGMENT = 4


class SpellingDetector:
    """Masks a turn that is spelled, whole but for the courtesies around it."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            match = _spelled_turn(call, line)
            if match is not None:
                yield match


def _spelled_turn(call: Call, line: Line) -> Match | None:  # noqa: C901, PLR0911  a flat ladder of cases
    if not _LEAST <= line.stop - line.first <= _LONGEST:
        return None
    if any(call.parts[line.first : line.stop]):
        return None  # a recogniser that writes "J-U-L-I-A" tells itself what is spelled
    sure = [i for i in range(line.first, line.stop) if _sure(call, i)]
    letters = sum(call.has(i, Trait.LETTER | Trait.NATO) and call.norms[i] not in {"a", "i"} for i in sure)
    if len(sure) < _LEAST or not letters:
        return None
    digits = any(call.has(i, Trait.NUMBER | Trait.MIXED) for i in sure)
    if not digits and letters < _LEAST:
        return None
    first, last = sure[0], sure[-1]
    while first > line.first and _perhaps(call, first - 1):
        first -= 1
    while last + 1 < line.stop and _perhaps(call, last + 1):
        last += 1
    inside = range(first, last + 1)
    if any(call.has(i, Trait.PLACEHOLDER) for i in inside):
        return None
    others = [i for i in inside if not _perhaps(call, i)]
    rest = [
        i
        for i in (*range(line.first, first), *range(last + 1, line.stop))
        if not call.traits[i] & (Trait.FILLER | Trait.PLAIN | Trait.PLACEHOLDER) and call.norms[i]
    ]
    if len(others) + len(rest) > _MOST_OTHERS * (last - first + 1):
        return None
    if rest and len(rest) + len(sure) == line.stop - line.first <= _LEAST + 1:
        return None
    if rest:
        first, last = min(first, *rest), max(last, *rest)
    value = "".join(spelled(call, i) or call.norms[i] for i in range(first, last + 1))
    kind = PiiKind.ACCOUNT if digits else PiiKind.NAME
    return Match(
        kind=kind, pieces=((first, last),), value=value, rule="code.turn" if digits else "name.turn", confidence=0.42
    )


def _sure(call: Call, place: int) -> bool:
    """A letter, a digit or an alphabet word."""
    if call.has(place, Trait.LETTER | Trait.NATO):
        return True
    return spelled(call, place) is not None


def _perhaps(call: Call, place: int) -> bool:
    """One of these, or what a recogniser writes for one or for several run together."""
    norm = call.norms[place]
    if _sure(call, place) or sounds_like_letter(norm) or norm in DIGIT_SOUNDS:
        return True
    fragment = len(norm) <= _FRAGMENT and norm.isalpha()
    return fragment and not call.traits[place] & (Trait.WORD | Trait.PLAIN | Trait.FILLER)
