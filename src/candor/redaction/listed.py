# ruff: noqa: SIM905  (word lists read better as lines of words)
"""Addresses without a street word: a number, names, and a town, state, country or code that closes them.

Chats and forms hold them in lower case and without commas: "2772 silvia key north carolechester 231752683",
"1428 chennai 600018". A turn of little else is required, so that "2 tickets to chicago" is none.
"""

from __future__ import annotations

from collections.abc import Iterable

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call, Line
from candor.redaction.lexicon import Trait
from candor.redaction.numbers import UNITS
from candor.redaction.ports import Match

_HOUSE = 5
"""Digits of a house number at most."""
_REACH = 11
_WORDS = 2
"""Everyday words among the names at most."""
_ZIPS = frozenset({5, 6, 9})
_DIRECTIONS = frozenset("north south east west new old upper lower st san".split())
_NAMES_OF_PLACES = frozenset(
    """nagar colony street road mall complex towers tower estate estates heights village town city county district cross
    main key keys ports port shore shores mountain mountains island islands ville burgh points point spring springs fort
    lakes lake ranch extension""".split()
)


class ListedAddressDetector:
    """Reads from a number to the last place or code that follows it."""

    def find(self, call: Call) -> Iterable[Match]:
        for line in call.lines:
            place = line.first
            while place < line.stop:
                last = _listed(call, line, place)
                if last is None:
                    place += 1
                    continue
                value = " ".join(call.norms[place : last + 1])
                yield Match(
                    kind=PiiKind.ADDRESS, pieces=((place, last),), value=value, rule="address.listed", confidence=0.55
                )
                place = last + 1


def _listed(call: Call, line: Line, first: int) -> int | None:  # noqa: C901, PLR0912  a flat ladder of cases
    """The last token of an address that begins with a house number at ``first``."""
    number = call.norms[first]
    if not number.isdigit() or len(number) > _HOUSE:
        return None
    last = None
    words = names = 0
    for place in range(first + 1, min(line.stop, first + 1 + _REACH)):
        norm, traits = call.norms[place], call.traits[place]
        if traits & (Trait.PLACEHOLDER | Trait.MONTH | Trait.FILLER) or norm in UNITS:
            break
        if norm.isdigit():
            if len(norm) in _ZIPS and names:
                last = place
            elif len(norm) > _HOUSE:
                break
            continue
        if not traits & Trait.ALPHA:
            break
        if traits & Trait.PLACE and names + words + (len(number) > 1):
            last = place
            names += 1
        elif norm in _DIRECTIONS or norm in _NAMES_OF_PLACES:
            words += norm in _NAMES_OF_PLACES and not names
        elif traits & (Trait.PLAIN | Trait.LETTER):
            break
        elif traits & Trait.WORD and not traits & Trait.SURNAME:
            words += 1
        else:
            names += 1
        if words > _WORDS:
            break
    if last is None or not names or (len(number) < 2 and not call.norms[last].isdigit()):
        return None
    return last
