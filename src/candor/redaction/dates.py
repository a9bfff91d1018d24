# ruff: noqa: SIM905  (word lists read better as lines of words)
"""Dates of birth: a date after a cue or as the answer to a question. Other dates (a delivery, a payment) stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.lexicon import DIGITS, MONTHS, ORDINALS, SCALES, TEENS, TENS, Trait
from candor.redaction.ports import Match

_NUMERIC = re.compile(r"\d{1,2}(?:st|nd|rd|th)?|\d{1,4}[/.:-]\d{1,2}(?:[/.:-]\d{1,4})?|(?:19|20)\d\d|\d{3,8}|'\d\d")
_YEAR = re.compile(r"(?:19\d\d|200\d|201[0-2])")
_BETWEEN = frozenset("""of the and in on uh um er day month year at slash dash""".split())
_REACH = 14
_GAP = 3


class BirthDateDetector:
    """Finds dates where a date of birth was named or asked for, and old full dates that are a whole answer."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            cues = [cue for cue in line.cues if cue.kind == PiiKind.DATE_OF_BIRTH]
            if cues:
                for cue in cues:
                    yield from _stretch(call, cue.last + 1, min(line.stop, cue.last + 1 + _REACH), "dob.cue", 0.93)
                yield from _stretch(
                    call, max(line.first, cues[0].first - 8), cues[0].first, "dob.before-cue", 0.7, least=3
                )
            elif PiiKind.DATE_OF_BIRTH in line.expected:
                yield from _stretch(call, line.first, line.stop, "dob.answer", 0.92)
            elif not line.expected:
                yield from _old_date(call, line)


def dateish(call: Call, place: int) -> bool:
    """Whether a token can be part of a date."""
    norm = call.norms[place]
    if norm in MONTHS or norm in ORDINALS or norm in DIGITS or norm in TEENS or norm in TENS or norm in SCALES:
        return norm != "second" or place == 0 or call.norms[place - 1] not in {"a", "one", "just"}
    return (norm[:1].isdigit() and len(norm) <= 10 and _NUMERIC.fullmatch(norm) is not None) or (
        norm[:1] == "'" and bool(_NUMERIC.fullmatch(norm))
    )


def _stretch(call: Call, first: int, stop: int, rule: str, confidence: float, least: int = 1) -> Iterator[Match]:
    """The first stretch of date words in [first, stop), over at most a few small words between."""
    begin = end = -1
    count = 0
    for place in range(first, stop):
        if call.has(place, Trait.PLACEHOLDER):
            break  # what was asked for is masked already; a later date is another one
        if dateish(call, place):
            begin = place if begin < 0 else begin
            end = place
            count += 1
        elif begin >= 0 and place - end > (
            _GAP if call.norms[place] in _BETWEEN or call.has(place, Trait.FILLER) else 1
        ):
            break
    if begin >= 0 and count >= least:
        yield Match(
            kind=PiiKind.DATE_OF_BIRTH,
            pieces=((begin, end),),
            value=_value(call, begin, end),
            rule=rule,
            confidence=confidence,
        )


def _value(call: Call, first: int, last: int) -> str:
    return " ".join(norm for norm in call.norms[first : last + 1] if norm not in _BETWEEN)


def _old_date(call: Call, line: Line) -> Iterator[Match]:
    """A whole utterance that is a day, a month and a year long past can hardly be anything else."""
    if line.stop - line.first > 9:
        return
    places = [i for i in range(line.first, line.stop) if dateish(call, i)]
    others = [
        i for i in range(line.first, line.stop) if i not in places and not call.traits[i] & (Trait.FILLER | Trait.PLAIN)
    ]
    if len(places) < 2 or others:
        return
    has_month = any(call.has(i, Trait.MONTH) for i in places)
    written = any(call.norms[i].count("/") == 2 or call.norms[i].count("-") == 2 for i in places)
    norms = call.norms[places[0] : places[-1] + 1]
    old = any(_YEAR.search(norm[-4:]) or _YEAR.match(norm) for norm in norms) or "nineteen" in norms
    if old and (has_month or written):
        yield Match(
            kind=PiiKind.DATE_OF_BIRTH,
            pieces=((places[0], places[-1]),),
            value=_value(call, places[0], places[-1]),
            rule="dob.old-date",
            confidence=0.6,
        )
