# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Answers: after "what is your postcode?" even garbled words are the postcode. Only what nobody would call a reply stays.

A recogniser makes "edna fool 5 ey" of a postcode and "pamela quarter" of a name; no gazetteer holds those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.codes import sounds_like_letter, spelled
from candor.redaction.context import ORDINARY
from candor.redaction.dates import dateish, quantity
from candor.redaction.lexicon import DIGIT_SOUNDS, MONTHS, Trait
from candor.redaction.names import namelike
from candor.redaction.numbers import UNITS
from candor.redaction.ports import Match

_CLAUSE = frozenset(
    """don't didn't can't won't doesn't couldn't haven't isn't dont cant what why how where because want need have had was were could would should did does
    been if when there there's cannot anything something nothing help problem already remember forgot lost changed moved calling called think thought wondering trying""".split()
)
_SHORT = 9
_GAP = 3
_BRIEF = 4
_LONGEST_CODE = 60
"""Tokens of a postcode or a spelled name, explanations ("s for sugar") and corrections included."""


class AnswerDetector:
    """Masks the substance of a short utterance by what the other side asked just before."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            if not line.asked or line.stop == line.first or line.question:
                continue
            for kind in line.asked:
                reader = _READERS.get(kind)
                if reader is not None:
                    yield from reader(call, line)


def _clause(call: Call, line: Line) -> bool:
    return not _CLAUSE.isdisjoint(call.norms[line.first : line.stop])


def _content(call: Call, line: Line) -> list[int]:
    shut = Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER
    return [i for i in range(line.first, line.stop) if not call.traits[i] & shut and call.norms[i]]


def _stretch(kind: PiiKind, call: Call, first: int, last: int, rule: str, confidence: float) -> Match:
    value = "".join(spelled(call, i) or call.norms[i] for i in range(first, last + 1))
    return Match(kind=kind, pieces=((first, last),), value=value, rule=rule, confidence=confidence)


def _codes(call: Call, line: Line) -> list[int]:
    """The places of the largest cluster of letters and digits, over gaps of a word or two inside a sentence."""
    best: list[int] = []
    current: list[int] = []
    for place in range(line.first, line.stop):
        article = call.norms[place] in {"a", "i"} and not current and _lone(call, line, place)
        if article or spelled(call, place) is None:
            continue
        apart = bool(current) and (
            place - current[-1] > _GAP
            or any(call.ends_sentence(i) and len(call.norms[i]) > 1 for i in range(current[-1], place))
        )
        if apart:
            current = []
        current.append(place)
        if len(current) > len(best):
            best = current
    return best


def _lone(call: Call, line: Line, place: int) -> bool:
    return place + 1 >= line.stop or spelled(call, place + 1) is None


def _grown(call: Call, line: Line, first: int, last: int) -> tuple[int, int]:
    """A code with the neighbours that sound like letters."""
    while first > line.first and _letterlike(call, first - 1) and call.norms[first - 1] not in {"yes", "okay", "and"}:
        first -= 1
    while last + 1 < line.stop and _letterlike(call, last + 1):
        last += 1
    return first, last


def _letterlike(call: Call, place: int) -> bool:
    return spelled(call, place) is not None or sounds_like_letter(call.norms[place])


def _postcode(call: Call, line: Line) -> Iterator[Match]:
    codes = _codes(call, line)
    length = line.stop - line.first
    if codes and codes[-1] - codes[0] > _LONGEST_CODE:
        return
    if len(codes) >= 2 or (codes and length <= _SHORT):
        first, last = _grown(call, line, codes[0], codes[-1])
        if not _clause(call, line) and length <= _SHORT + 3:
            content = _content(call, line)
            first, last = min([first, *content]), max([last, *content])
        yield _stretch(PiiKind.POSTCODE, call, first, last, "postcode.answer", 0.89)
    elif length <= _BRIEF and not _clause(call, line):
        content = _content(call, line)
        if content:
            yield _stretch(PiiKind.POSTCODE, call, content[0], content[-1], "postcode.answer", 0.5)


def _birth(call: Call, line: Line) -> Iterator[Match]:
    content = _content(call, line)
    if line.stop - line.first > _SHORT or _clause(call, line) or not content:
        return
    dates = [i for i in range(line.first, line.stop) if dateish(call, i)]
    content = [i for i in content if i in dates or call.norms[i] not in MONTHS]
    if not content or quantity(call, content[0], content[-1]):
        return
    if (dates or len(content) <= 2) and not line.cues:
        places = sorted({*dates, *content})
        yield _stretch(PiiKind.DATE_OF_BIRTH, call, places[0], places[-1], "dob.answer", 0.88)


def _name(call: Call, line: Line) -> Iterator[Match]:
    content = [i for i in _content(call, line) if not call.has(i, Trait.NUMBER)]
    length = line.stop - line.first
    codes = _codes(call, line)
    letters = [i for i in codes if not call.has(i, Trait.NUMBER)]
    if codes and codes[-1] - codes[0] > _LONGEST_CODE:
        return
    if len(letters) >= 3 and len(letters) * 2 >= len(codes):
        first, last = _grown(call, line, codes[0], codes[-1])
        if not line.cues and not _clause(call, line) and length <= _SHORT * 3:
            first, last = min([first, *content]), max([last, *content])
        yield _stretch(PiiKind.NAME, call, first, last, "name.spelled", 0.86)
        return
    if not content or _clause(call, line) or not UNITS.isdisjoint(call.norms[line.first : line.stop]):
        return
    if length <= _BRIEF:
        yield _stretch(PiiKind.NAME, call, content[0], content[-1], "name.answer", 0.84)
        return
    if length <= _SHORT:
        likely = [i for i in content if namelike(call, i) or not call.has(i, Trait.WORD)]
        if likely:
            last = likely[-1]
            if last + 1 in content:
                last += 1
            yield _stretch(PiiKind.NAME, call, likely[0], last, "name.answer", 0.75)


def _secret(call: Call, line: Line) -> Iterator[Match]:
    content = [
        i for i in range(line.first, line.stop) if not call.traits[i] & (Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER)
    ]
    told = call.norms[line.first] == "your"  # "Your current balance is …": what is done with the secret, not the secret
    if content and not told and line.stop - line.first <= _SHORT and not _clause(call, line):
        yield _stretch(PiiKind.PASSWORD, call, content[0], content[-1], "secret.answer", 0.84)


def _address(call: Call, line: Line) -> Iterator[Match]:
    others = any(cue.kind != PiiKind.ADDRESS for cue in line.cues)
    if others or _clause(call, line) or line.stop - line.first > 20:
        return
    content = _content(call, line)
    start = next((i for i in content if call.has(i, Trait.NUMBER) or not call.has(i, Trait.WORD)), None)
    if start is not None:
        yield _stretch(PiiKind.ADDRESS, call, start, content[-1], "address.answer", 0.8)


def _numberish(call: Call, place: int) -> bool:
    norm = call.norms[place]
    return norm in DIGIT_SOUNDS or (call.has(place, Trait.NUMBER) and (norm.isalpha() or len(norm) == 1))


def _digits(kind: PiiKind) -> Callable[[Call, Line], Iterator[Match]]:  # noqa: C901
    """After "the security code?" a digit among words that sound like digits is the code, whatever was recognised."""
    least = 2 if kind in {PiiKind.CVV, PiiKind.CARD} else 3

    def reader(call: Call, line: Line) -> Iterator[Match]:
        if ORDINARY in line.asked or _clause(call, line) or line.stop - line.first > 20:
            return
        if any(call.has(i, Trait.MONTH) for i in range(line.first, line.stop)):
            return
        cluster: list[int] = []
        for place in (i for i in range(line.first, line.stop) if _numberish(call, i)):
            if cluster and place - cluster[-1] > _GAP:
                if sum(call.has(i, Trait.NUMBER) for i in cluster):
                    break
                cluster = []
            cluster.append(place)
        # "To" and "for" at the edges count only right beside a digit.
        while len(cluster) > 1 and not call.has(cluster[0], Trait.NUMBER) and cluster[1] - cluster[0] > 1:
            cluster.pop(0)
        while len(cluster) > 1 and not call.has(cluster[-1], Trait.NUMBER) and cluster[-1] - cluster[-2] > 1:
            cluster.pop()
        if len(cluster) < least or not any(call.has(i, Trait.NUMBER) for i in cluster):
            return
        if cluster[-1] + 1 < line.stop and call.norms[cluster[-1] + 1] in UNITS:
            return
        yield _stretch(kind, call, cluster[0], cluster[-1], "digits.answer", 0.6)

    return reader


_READERS: dict[str, Callable[[Call, Line], Iterator[Match]]] = {
    PiiKind.POSTCODE: _postcode,
    PiiKind.DATE_OF_BIRTH: _birth,
    PiiKind.NAME: _name,
    PiiKind.PASSWORD: _secret,
    PiiKind.ADDRESS: _address,
    **{
        kind: _digits(kind) for kind in (PiiKind.CARD, PiiKind.CVV, PiiKind.ACCOUNT, PiiKind.NATIONAL_ID, PiiKind.PHONE)
    },
}
