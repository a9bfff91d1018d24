# ruff: noqa: SIM905  (word lists read better as lines of words)
"""Dates of birth: a date after a cue or as the answer to a question. Other dates (a delivery, a payment) stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.lexicon import DIGITS, MONTHS, ORDINALS, SCALES, TEENS, TENS, Trait
from candor.redaction.numbers import UNITS
from candor.redaction.ports import Match

_NUMERIC = re.compile(r"\d{1,2}(?:st|nd|rd|th)?|\d{1,4}[/.:-]\d{1,2}(?:[/.:-]\d{1,4})?|(?:19|20)\d\d|\d{3,8}|'\d\d")
_YEAR = re.compile(r"(?:19\d\d|200\d|201[0-2])")
_FULL = re.compile(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}")
_ANY_YEAR = re.compile(r"(?:19|20)\d\d")
_BETWEEN = frozenset("""of the and in on uh um er day month year at slash dash""".split())
_REACH = 14
_GAP = 3
_BRIEF = 6


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
                brief = PiiKind.DATE_OF_BIRTH in line.asked and line.stop - line.first <= _BRIEF and not line.question
                yield from _stretch(call, line.first, line.stop, "dob.answer", 0.92, least=1 if brief else 2)
            elif not line.expected:
                yield from _old_date(call, line)


def _appointed(call: Call, line: Line) -> bool:
    """Words for a date that something is arranged for: "on", "by", "until"."""
    return not _ARRANGED.isdisjoint(call.norms[line.first : line.stop])


_WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
_ARRANGED = frozenset("by until till up between since from before after due".split())
_SUBJECTS = frozenset("i we you he she they it be have not also".split())
_ALSO_VERBS = frozenset({"may", "march", "mar"})


def dateish(call: Call, place: int) -> bool:
    """Whether a token can be part of a date."""
    norm = call.norms[place]
    if norm in _ALSO_VERBS and not _dated(call, place):
        return False
    if norm in MONTHS or norm in ORDINALS or norm in DIGITS or norm in TEENS or norm in TENS or norm in SCALES:
        return norm != "second" or place == 0 or call.norms[place - 1] not in {"a", "one", "just"}
    return (norm[:1].isdigit() and len(norm) <= 10 and _NUMERIC.fullmatch(norm) is not None) or (
        norm[:1] == "'" and bool(_NUMERIC.fullmatch(norm))
    )


def _dated(call: Call, place: int) -> bool:
    """Whether "may" or "march" is a month: a day or year stands near, or it is all that is said."""
    line = call.line_at(place)
    if place + 1 < line.stop and call.norms[place + 1] in _SUBJECTS and not call.ends_sentence(place):
        return False
    if line.stop - line.first <= 2:
        return True
    near = range(max(line.first, place - 3), min(line.stop, place + 4))
    return any(i != place and (call.has(i, Trait.NUMBER | Trait.MIXED) or call.norms[i] in ORDINALS) for i in near)


def quantity(call: Call, first: int, last: int) -> bool:
    """Whether a stretch has a scale that no year has: "five hundred", not "nineteen hundred" or "two thousand"."""
    for place in range(first, last + 1):
        norm = call.norms[place]
        before = call.norms[place - 1] if place else ""
        if norm in SCALES and not (
            (norm == "hundred" and before in {"nineteen", "eighteen"}) or (norm == "thousand" and before == "two")
        ):
            return True
    following = last + 1
    return following < len(call.norms) and call.norms[following] in UNITS - DATE_UNITS


DATE_UNITS = frozenset("day days month months year years".split())


def _stretch(call: Call, first: int, stop: int, rule: str, confidence: float, least: int = 2) -> Iterator[Match]:
    """The first stretch of date words in [first, stop), over at most a few small words between."""
    begin = end = -1
    count = 0
    for place in range(first, stop):
        if call.has(place, Trait.PLACEHOLDER):
            break  # what was asked for is masked already; a later date is another one
        if dateish(call, place):
            begin = place if begin < 0 else begin
            end = place
            count += 3 if _FULL.fullmatch(call.norms[place]) else 1
        elif begin >= 0 and place - end > (
            _GAP if call.norms[place] in _BETWEEN or call.has(place, Trait.FILLER) else 1
        ):
            break
    if begin >= 0 and quantity(call, begin, end):
        return
    if begin >= 0 and count >= least and (least == 1 or _plausible(call, begin, end)):
        yield Match(
            kind=PiiKind.DATE_OF_BIRTH,
            pieces=((begin, end),),
            value=_value(call, begin, end),
            rule=rule,
            confidence=confidence,
        )


def _plausible(call: Call, first: int, last: int) -> bool:
    """Several words of a date that look like one: a month, a year, a written date; not "one for" or "five hundred"."""
    norms = call.norms[first : last + 1]
    month = any(norm in MONTHS for norm in norms) and last > first
    written = any(norm[:1].isdigit() and len(norm) >= 4 for norm in norms)
    year = any(norm in {"nineteen", "eighteen"} or (norm == "twenty" and len(norms) > 2) for norm in norms)
    ordinal = any(norm in ORDINALS or (norm[:1].isdigit() and norm[-2:] in {"st", "nd", "rd", "th"}) for norm in norms)
    return month or written or (year and len(norms) >= 3) or (ordinal and len(norms) >= 3) or _digits_only(norms)


def _digits_only(norms: Sequence[str]) -> bool:
    """ "5 11 1972", "eleven oh five seventy two": three numbers or more."""
    return sum(norm.isdigit() or norm in DIGITS or norm in TEENS or norm in TENS for norm in norms) >= 3


def _value(call: Call, first: int, last: int) -> str:
    return " ".join(norm for norm in call.norms[first : last + 1] if norm not in _BETWEEN)


def _old_date(call: Call, line: Line) -> Iterator[Match]:
    """A whole utterance that is a day, a month and a year long past can hardly be anything else."""
    if line.stop - line.first > 9:
        return
    places = [i for i in range(line.first, line.stop) if dateish(call, i)]
    others = [
        i
        for i in range(line.first, line.stop)
        if i not in places and not call.traits[i] & (Trait.FILLER | Trait.PLAIN) and call.norms[i] not in _WEEKDAYS
    ]
    has_month = any(call.has(i, Trait.MONTH) for i in places)
    # One other word, a misheard day or an oath, does not make another thing of a day, a month and a year.
    if len(places) < 2 or len(others) > (1 if has_month and line.stop - line.first <= _BRIEF else 0):
        return
    norms = call.norms[places[0] : places[-1] + 1]
    written = any(norm.count("/") == 2 or norm.count("-") == 2 for norm in norms)
    numbered = sum(norm in ORDINALS or norm[-2:] in {"st", "nd", "rd", "th"} for norm in norms) >= 2
    split = any(norm.count("/") == 1 for norm in norms)
    split = split or (len(norms) == 2 and norms[0][-2:] in {"st", "nd", "rd", "th"} and norms[0][:1].isdigit())
    old = any(_YEAR.search(norm[-4:]) or _YEAR.match(norm) for norm in norms) or "nineteen" in norms
    # Where nobody tells what was asked, any full date that is all of a turn counts.
    old = old or (call.alone and any(_ANY_YEAR.fullmatch(norm[-4:]) for norm in norms) and not _appointed(call, line))
    if old and (has_month or written or numbered or split):
        yield Match(
            kind=PiiKind.DATE_OF_BIRTH,
            pieces=((places[0], places[-1]),),
            value=_value(call, places[0], places[-1]),
            rule="dob.old-date",
            confidence=0.6,
        )
