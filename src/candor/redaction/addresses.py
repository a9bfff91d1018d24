# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""Postal addresses: a house number and a street word, a flat, a post box, with the town, state and code that follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.codes import spelled
from candor.redaction.lexicon import TEENS, TENS, Trait
from candor.redaction.ports import Match

_SUFFIXES = frozenset(
    """street road avenue lane drive boulevard court crescent terrace parkway highway freeway square alley mews grove gardens garden close
    st rd ave av ln dr blvd ct cres pkwy hwy sq terr ter walk rise loop trail circle cir pike plaza
    strasse straße weg allee platz gasse straat laan vej gade gata vagen vägen rue via calle rua avenida carrera piazza corso viale utca ulica nagar colony""".split()
)
_WEAK = frozenset(
    "st drive court close square walk rise loop trail circle plaza garden gardens lane way place park row hill green view dr ct sq av via ter".split()
)
_PREFIXES = frozenset("rue via calle rua avenida carrera piazza corso viale hwy highway route ul".split())
_ENDINGS = (
    "strasse",
    "straße",
    "straat",
    "gatan",
    "vägen",
    "gade",
    "vej",
    "weg",
    "gasse",
    "allee",
    "vagen",
    "laan",
    "veien",
    "gata",
    "plein",
    "platz",
    "tie",
    "katu",
    "utca",
    "út",
)
_FLATS = frozenset("flat apartment apt suite unit".split())
_STATES = frozenset(
    """al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc ap ae
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois indiana iowa kansas kentucky
    louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah
    vermont virginia washington wisconsin wyoming""".split()
)
_STOP = frozenset(
    "is my the i and that's thats it's was because so but please you your with phone email ssn card name number can we in on at to from".split()
)
_HOUSE = re.compile(r"\d{1,5}[a-z]?(?:[-/]\d{1,4}[a-z]?)?|#\d{1,5}")
_STREET_WORDS = 4
_TAIL = 8
_EVERYDAY = 3
"""Everyday words in a row that end an address."""


class AddressDetector:
    """Starts from street words, flats and post boxes, and takes the rest of the address with them."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            for place in range(line.first, line.stop):
                match = _street(call, line, place) or _box(call, line, place)
                if match is not None:
                    yield match
            yield from _stated(call, line)


def _street(call: Call, line: Line, place: int) -> Match | None:
    norm = call.norms[place]
    attached = len(norm) > 6 and norm.endswith(_ENDINGS) and not call.has(place, Trait.WORD)
    weak = norm in _WEAK
    if not attached and norm not in _SUFFIXES and not weak:
        return None
    start = place
    if norm in _PREFIXES and place + 1 < line.stop:
        number = _house_before(call, line, place)
    else:
        number = None
        for back in range(0 if attached else 1, _STREET_WORDS + 1):
            at = place - back
            if at < line.first or call.norms[at] in _STOP:
                break
            start = at
            number = _house_before(call, line, at)
            if number is not None:
                break
    if number is None:
        return _unnumbered(call, line, place, attached=attached)
    if weak and call.norms[place] in {"park", "way", "view", "close", "place", "hill"} and call.has(start, Trait.PLAIN):
        return None
    last = _tail(call, line, place)
    return _match(call, _flat_before(call, line, number), last, "address.street", 0.87)


def _unnumbered(call: Call, line: Line, place: int, *, attached: bool) -> Match | None:
    """A street without a house number: "Baker Street" with capitals, or a number after it ("Hauptstrasse 12")."""
    after = place + 1
    if attached and after < line.stop and _HOUSE.fullmatch(call.norms[after]):
        return _match(call, place, _tail(call, line, after), "address.street", 0.8)
    strong = call.norms[place] in {"street", "road", "avenue", "lane", "boulevard", "drive", "nagar", "colony"}
    if strong and place > line.first and not call.cased and _unknown(call, place - 1):
        begin = place - 1
        while begin > line.first and _unknown(call, begin - 1) and place - begin < _STREET_WORDS:
            begin -= 1
        return _match(call, begin, _tail(call, line, place), "address.street-name", 0.6)
    if strong and place > line.first:
        before = call.traits[place - 1]
        named = before & Trait.CAPITAL and call.cased and call.has(place, Trait.CAPITAL)
        if named and not before & Trait.PLAIN:
            begin = place - 1
            while (
                begin > line.first and call.has(begin - 1, Trait.CAPITAL) and not call.traits[begin - 1] & Trait.PLAIN
            ):
                begin -= 1
            return _match(call, begin, place, "address.street-name", 0.6)
    return None


def _house_before(call: Call, line: Line, place: int) -> int | None:
    """The first token of the house number that stands right before ``place``, None when there is none."""
    at = place - 1
    if at < line.first:
        return None
    norm = call.norms[at]
    spoken = call.has(at, Trait.NUMBER) and not norm[:1].isdigit() and norm not in {"double", "million"}
    lettered = len(norm) == 1 and at > line.first and call.norms[at - 1].isdigit()
    if not (_HOUSE.fullmatch(norm) or spoken or lettered):
        return None
    while (
        at - 1 >= line.first
        and place - at < 7
        and (call.has(at - 1, Trait.NUMBER) or (call.norms[at - 1] == "and" and call.norms[at] in TENS | TEENS))
    ):
        at -= 1
    return at


def _flat_before(call: Call, line: Line, start: int) -> int:
    for back in (2, 3):
        at = start - back
        if at >= line.first and call.norms[at] in _FLATS:
            return at
    return start


def _box(call: Call, line: Line, place: int) -> Match | None:
    norms = call.norms
    norm = norms[place]
    after = norms[place + 1] if place + 1 < line.stop else ""
    if (
        norm in _FLATS
        and after
        and (call.traits[place + 1] & (Trait.NUMBER | Trait.MIXED | Trait.LETTER))
        and after not in {"a", "i"}
    ):
        if norm in {"unit", "suite"} and not call.cased and not (place + 2 < line.stop and norms[place + 2] == "box"):
            return _match(call, place, place + 1, "address.flat", 0.6)
        return _match(call, _line_before(call, line, place), _tail(call, line, place + 1), "address.flat", 0.75)
    if (
        norm == "box"
        and place > line.first
        and norms[place - 1] in {"po", "p.o", "office", "psc"}
        and call.has(place + 1 if place + 1 < line.stop else place, Trait.NUMBER)
    ):
        return _match(call, place - 1, _tail(call, line, place + 1), "address.box", 0.85)
    if norm == "psc" and place + 3 < line.stop and norms[place + 2] == "box":
        return _match(call, place, _tail(call, line, place + 3), "address.military", 0.85)
    if (
        norm in {"psc", "fpo", "apo", "dpo"}
        and place + 2 < line.stop
        and len(norms[place + 1]) == 2
        and norms[place + 2][:1].isdigit()
    ):
        return _match(call, place, place + 2, "address.military", 0.85)
    return None


def _line_before(call: Call, line: Line, flat: int) -> int:
    """The street line before a flat, whatever the language: a number, capitalised words, perhaps a number."""
    begin = flat
    for at in range(flat - 1, max(line.first, flat - 8) - 1, -1):
        traits = call.traits[at]
        if _HOUSE.fullmatch(call.norms[at]):
            begin = at
        elif traits & (Trait.PLAIN | Trait.PLACEHOLDER) or not (
            (traits & Trait.CAPITAL and call.cased) or not traits & Trait.WORD
        ):
            break
    return begin


def _tail(call: Call, line: Line, place: int) -> int:
    """The last token of the address: flat, town, state, postcode, as long as a code or state ends it."""
    last = place
    for at in range(place + 1, min(line.stop, place + 1 + _TAIL)):
        norm = call.norms[at]
        if call.has(at, Trait.PLACEHOLDER) or (norm in _STOP and norm != "in"):
            break
        if at - last > _EVERYDAY and all(_everyday(call, at - back) for back in range(_EVERYDAY)):
            break  # the sentence goes on, the address does not
        zip_like = norm[:1].isdigit() and 4 <= len(norm.replace("-", "")) <= 9
        if (
            (
                (norm in _STATES and norm not in {"in", "or", "me", "ok", "de", "la", "id"})
                or zip_like
                or norm in {"north", "south", "east", "west", "ne", "nw", "se", "sw"}
            )
            or (norm in _STATES and call.texts[at].isupper())
            or call.norms[at - 1] in _FLATS | {"#"}
            or norm.startswith("#")
            or (norm in _FLATS and at + 1 < line.stop)
            or call.has(at, Trait.PLACE)
            or (
                call.cased
                and (call.has(at, Trait.CAPITAL) or call.texts[at].isupper())
                and not call.has(at, Trait.PLAIN)
                and not call.ends_sentence(at - 1)
                and at == last + 1
            )
            or (not call.cased and at == last + 1 and _unknown(call, at))
            or call.has(at, Trait.MIXED)
            or (spelled(call, at) is not None and spelled(call, at - 1) is not None and at == last + 1)
        ):
            last = at
        if call.ends_sentence(at):
            break
    return last


def _everyday(call: Call, place: int) -> bool:
    return bool(call.traits[place] & (Trait.WORD | Trait.PLAIN)) and not call.traits[place] & Trait.PLACE


def _unknown(call: Call, place: int) -> bool:
    """A word that no list of words holds: beside a street it is a town, where no capitals tell."""
    traits = call.traits[place]
    shut = Trait.WORD | Trait.PLAIN | Trait.FILLER | Trait.PLACEHOLDER | Trait.LETTER | Trait.MONTH
    return bool(traits & Trait.ALPHA) and not traits & shut and len(call.norms[place]) >= 4


def _stated(call: Call, line: Line) -> Iterator[Match]:
    """After "my address is": from the first number or unknown word to where the sentence turns."""
    for cue in line.cues:
        if cue.kind != PiiKind.ADDRESS or "email" in call.norms[cue.first : cue.last + 1]:
            continue
        start = cue.last + 1
        while start < line.stop and call.norms[start] in {
            "is",
            "it's",
            "at",
            "on",
            "in",
            "my",
            "new",
            "uh",
            "um",
            "the",
            "with",
            "to",
        }:
            start += 1
        end = start
        while (
            end < line.stop
            and end - start < 14
            and not call.has(end, Trait.PLACEHOLDER)
            and call.norms[end] not in _STOP - {"in", "and"}
            and (
                not call.has(end, Trait.PLAIN)
                or call.norms[end] in {"street", "home", "house", "one", "old", "new"}
                or (end > start and call.norms[end] in {"and", "of", "or"} and call.has(end - 1, Trait.NUMBER))
            )
        ):
            end += 1
            if call.texts[end - 1].endswith((".", "?", "!")) and len(call.norms[end - 1]) > 2:
                break
        if end > start and any(call.has(i, Trait.NUMBER) for i in range(start, end)):
            yield _match(call, start, end - 1, "address.cue", 0.82)


def _match(call: Call, first: int, last: int, rule: str, confidence: float) -> Match:
    value = " ".join(call.norms[first : last + 1])
    return Match(kind=PiiKind.ADDRESS, pieces=((first, last),), value=value, rule=rule, confidence=confidence)
