# ruff: noqa: SIM905  (word lists read better as lines of words)
"""Codes of letters and digits: UK postcodes, ZIP codes, booking references, policy numbers, spelled words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.context import ORDINARY
from candor.redaction.lexicon import DIGITS, LETTER_SOUNDS, NATO, REPEATS, SCALES, TEENS, TENS, Trait
from candor.redaction.numbers import UNITS
from candor.redaction.ports import Match

_UK = re.compile(r"(?:[A-Z]{1,2}\d[A-Z\d]?|GIR ?0)\d[ABD-HJLNP-UW-Z]{2}")
_ZIP = re.compile(r"\d{5}(?:-?\d{4})?")
_CODED = frozenset(
    {PiiKind.ACCOUNT, PiiKind.NATIONAL_ID, PiiKind.POSTCODE, PiiKind.PASSWORD, PiiKind.IBAN, PiiKind.CARD}
)
_CONNECT = frozenset(
    """for as in like and then uh um dash space capital letter number small lower upper case that's of""".split()
)
_ACRONYMS = frozenset(
    """usa uk atm pin id tv dvd cd ok vip faq usb sms gps pdf ssn cvv cvc dob eta asap diy hr it pc mac app vpn
    lan wan isp am pm gb mb tb us ip dns url seo crm sdk api""".split()
)
_ORDINAL = re.compile(r"\d{1,2}(?:st|nd|rd|th)")
_REACH = 10


def spelled(call: Call, place: int) -> str | None:  # noqa: C901, PLR0911  a flat ladder of cases
    """The letters or digits that a token stands for in a code, None when it is an ordinary word."""
    norm = call.norms[place]
    traits = call.traits[place]
    if traits & Trait.PLACEHOLDER or not norm:
        return None
    if traits & Trait.LETTER:
        return norm
    if traits & Trait.MONTH or _ORDINAL.fullmatch(norm):
        return None
    if norm in NATO:
        return NATO[norm]
    if norm in DIGITS:
        return DIGITS[norm]
    if norm in TEENS:
        return str(TEENS[norm])
    if norm in TENS:
        return str(TENS[norm])
    if norm in REPEATS:
        return ""
    if norm.isalnum() and norm.isascii():
        if traits & (Trait.NUMBER | Trait.MIXED) and len(norm) <= 12 and norm not in SCALES:
            return norm
        if len(norm) <= 3 and not traits & (Trait.WORD | Trait.PLAIN | Trait.FILLER) and norm not in _ACRONYMS:
            return norm
    return None


class CodeDetector:
    """Joins neighbouring letters, digits and alphabet words: a code when it was named or has a known shape."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            yield from self._line(call, line)

    def _line(self, call: Call, line: Line) -> Iterator[Match]:
        yield from _locator(call, line)
        yield from _prefixed(call, line)
        stretches = list(_stretches(call, line))
        for first, last, code in stretches:
            yield from _uk_postcode(call, first, last)
            kind = _named(line, first)
            letters, digits = sum(c.isalpha() for c in code), sum(c.isdigit() for c in code)
            if kind == PiiKind.POSTCODE and (digits >= 3 or (digits and letters)):
                yield _match(PiiKind.POSTCODE, first, last, code, "postcode.named", 0.91)
            elif kind in _CODED and letters and digits and letters + digits >= 4:
                yield _match(PiiKind(kind), first, last, code, "code.named", 0.91)
            elif kind != ORDINARY and letters and digits >= 2 and len(code) >= 5 and _whole(call, line, first, last):
                yield _match(PiiKind.ACCOUNT, first, last, code, "code.alone", 0.45)
            elif letters and digits >= 2 and len(code) >= 6 and last > first and _looks_random(call, first, last):
                yield _match(PiiKind.ACCOUNT, first, last, code, "code.shape", 0.4)


_LOCATOR = 6
"""Signs of a record locator (IATA: five or six letters and digits), the usual booking reference."""
_TOKENS = 6
_PREFIX = 4
_COUNTED = frozenset(
    """top max min page room line gate exit step level size row seat zone unit type week day only just over under about
    around at in on for by to from the and is or of plus than till apt""".split()
)


def _locator(call: Call, line: Line) -> Iterator[Match]:
    """A whole turn, names aside, of short words and digits that make six signs: "sh 56 fd", "8 pity 5", "era 374"."""
    places = [
        i
        for i in range(line.first, line.stop)
        if call.norms[i] and not call.traits[i] & (Trait.FILLER | Trait.PLACEHOLDER)
    ]
    if not 2 <= len(places) <= _TOKENS or places[-1] - places[0] != len(places) - 1:
        return
    joined = "".join(call.norms[i] for i in places)
    if len(joined) != _LOCATOR or not joined.isalnum() or not joined.isascii():
        return
    words = [call.norms[i] for i in places if call.norms[i].isalpha()]
    digits = sum(c.isdigit() for c in joined)
    if not words or digits < 2 or not _COUNTED.isdisjoint(words) or any(len(word) > _PREFIX for word in words):
        return
    if any(call.traits[i] & (Trait.MONTH | Trait.PLAIN) or call.norms[i] in UNITS for i in places):
        return
    yield _match(PiiKind.ACCOUNT, places[0], places[-1], joined, "code.locator", 0.42)


def _prefixed(call: Call, line: Line) -> Iterator[Match]:
    """The short word in front of a number that was named: "policy no naj 53479278", "claim number art 856"."""
    for cue in line.cues:
        if cue.kind not in _CODED:
            continue
        place = cue.last + 1
        while place < line.stop and call.norms[place] in {"is", "number", "no", "id", "code", "its", "it's"}:
            place += 1
        if place + 1 >= line.stop:
            continue
        word, shut = call.norms[place], Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER | Trait.MONTH | Trait.NUMBER
        if 2 <= len(word) <= _PREFIX and word.isalpha() and not call.traits[place] & shut and word not in _COUNTED:
            number = call.norms[place + 1]
            if number.isdigit() and len(number) >= 3:
                yield _match(PiiKind(cue.kind), place, place + 1, word + number, "code.named", 0.91)


def _stretches(call: Call, line: Line) -> Iterator[tuple[int, int, str]]:
    place = line.first
    while place < line.stop:
        if spelled(call, place) is None or _article(call, place, line):
            place += 1
            continue
        first = last = place
        code = spelled(call, place) or ""
        place += 1
        while place < line.stop:
            explained = _explained(call, line, place)
            if explained is not None:
                last, place = explained, explained + 1
                continue
            text = spelled(call, place)
            if text is None:
                skip = place + 1 < line.stop and call.norms[place] in _CONNECT and spelled(call, place + 1) is not None
                if not skip or (call.norms[place] == "for" and not call.has(place + 1, Trait.NATO)):
                    break
                place += 1
                continue
            code += text
            last = place
            place += 1
        if last > first or call.traits[first] & (Trait.NUMBER | Trait.MIXED):
            yield first, last, code


def _explained(call: Call, line: Line, place: int) -> int | None:
    """The last token of "for sugar", "as in bravo" after a letter that the word begins with; None when it is none."""
    norms = call.norms
    if norms[place] not in {"for", "as", "like"} or not call.has(place - 1, Trait.LETTER):
        return None
    word = place + 2 if place + 1 < line.stop and norms[place + 1] == "in" else place + 1
    if word < line.stop and len(norms[word]) > 2 and norms[word][0] == norms[place - 1]:
        return word
    return None


def _article(call: Call, place: int, line: Line) -> bool:
    """ "a" and "I" as words: at the beginning of a stretch and followed by an ordinary word."""
    if call.norms[place] not in {"a", "i"}:
        return False
    following = place + 1 >= line.stop or spelled(call, place + 1) is None
    return following and (place + 1 >= line.stop or _explained(call, line, place + 1) is None)


def _named(line: Line, first: int) -> str | None:
    near = [cue for cue in line.cues if cue.last < first <= cue.last + _REACH]
    if near:
        return near[-1].kind
    coded = [kind for kind in line.expected if kind in _CODED]
    return coded[0] if coded else (line.expected[0] if line.expected else None)


def _uk_postcode(call: Call, first: int, last: int) -> Iterator[Match]:
    """A stretch inside which some tokens read as one postcode, known by its shape alone."""
    if last - first > 40:
        return
    for begin in range(first, last + 1):
        joined = ""
        for end in range(begin, min(begin + 8, last + 1)):
            joined += (spelled(call, end) or "").upper()
            if len(joined) > 8:
                break
            if 5 <= len(joined) <= 7 and _UK.fullmatch(joined):
                yield _match(PiiKind.POSTCODE, begin, end, joined.lower(), "postcode.uk", 0.9)
                return


def _whole(call: Call, line: Line, first: int, last: int) -> bool:
    return all(
        first <= i <= last or call.traits[i] & (Trait.FILLER | Trait.PLAIN | Trait.PLACEHOLDER)
        for i in range(line.first, line.stop)
    )


def _looks_random(call: Call, first: int, last: int) -> bool:
    """Several short tokens, mixed: "rf 56 f 5"; not "5 gb" or "size 12 b"."""
    tokens = last - first + 1
    return (
        tokens >= 3
        and sum(
            call.has(i, Trait.LETTER) or call.has(i, Trait.NATO) or call.has(i, Trait.MIXED)
            for i in range(first, last + 1)
        )
        >= 2
    )


def _match(kind: PiiKind, first: int, last: int, value: str, rule: str, confidence: float) -> Match:
    return Match(kind=kind, pieces=((first, last),), value=value, rule=rule, confidence=confidence)


def sounds_like_letter(norm: str) -> bool:
    """Whether a recogniser may have heard this word for a letter."""
    return norm in LETTER_SOUNDS
