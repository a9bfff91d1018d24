"""From the facts of a call to the places that count, and to what is not known of them."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache

from phonenumbers import SUPPORTED_REGIONS

from candor.consent.model import Attestation, Doubt, Facts, LegRole, UnknownLeg
from candor.consent.numbers import NumberKind, NumberPlace, read_number
from candor.consent.pack import Rules
from candor.errors import InvalidInput

_ID = re.compile(r"[A-Za-z]{2}(?:[-_][A-Za-z0-9]{1,3})?")
_OTHER_NAMES = {"UK": "GB", "EL": "GR"}
_TERRITORIES = frozenset({"PR", "GU", "VI", "AS", "MP"})
"""Under the federal law of the US, with laws of their own that no pack has."""
_CLOSED = frozenset({"US", "AU"})
"""Countries whose parts a pack has all of: another part is a slip of the pen."""
_SPOOFABLE = frozenset({Attestation.GATEWAY, Attestation.FAILED})
_DOUBTS = {
    NumberKind.AREA: "the area of the number, which may have moved with its subscriber",
    NumberKind.MOBILE: "a mobile number tells its country, not where its telephone is",
    NumberKind.NON_GEOGRAPHIC: "a toll-free, shared-cost, personal or Internet number has no place",
    NumberKind.UNASSIGNED: "in no range that the numbering plan is known to have: it may be spoofed",
    NumberKind.SHORT: "a short number or extension has no place",
    NumberKind.NATIONAL: "a national number, and nothing says of which country",
    NumberKind.MALFORMED: "not a telephone number, or not a whole one",
    NumberKind.WITHHELD: "the number is withheld",
}


@dataclass(frozen=True, slots=True)
class Where:
    """One of the facts, looked up."""

    role: LegRole
    leg: str | None
    """Id of the pack."""
    unknown: UnknownLeg | None = None
    """The default that counts as well, or alone; not yet known where ``open``."""
    open: bool = False
    """Nothing tells even the country."""
    ruleless: str | None = None
    """A country of which the pack has no rules."""
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """All of them: what the decision turns on, and what was not known."""

    legs: tuple[tuple[str, tuple[LegRole, ...]], ...]
    """Each place once, in the order caller, callee, agent, establishment, recorder, joiners."""
    untrusted: frozenset[str]
    """Those that a number names which may not stand for its place alone."""
    unknown: frozenset[UnknownLeg]
    ruleless: tuple[str, ...]
    doubts: tuple[Doubt, ...]


def known(facts: Facts) -> tuple[Hashable, ...]:
    """Everything that ``find_places`` turns on, joiners apart: what the numbers tell, never the numbers."""
    region = region_of(facts)
    return (
        facts.caller is not None and read_number(facts.caller, region),
        facts.callee is not None and read_number(facts.callee, region),
        facts.agent_location, facts.establishment, facts.recorder, facts.unknown_legs, facts.attestation in _SPOOFABLE,
    )  # fmt: skip


def find_places(facts: Facts, rules: Rules) -> tuple[Places, tuple[Where, ...]]:
    """The places of a call, and each fact by itself.

    Raises InvalidInput when no place is given (``consent.no_place``) or one does not exist (``consent.place``).
    """
    found = list(_given(facts, rules))
    if not found and not facts.unknown_legs:
        raise InvalidInput(
            "No place is given.", code="consent.no_place",
            advice="Give a caller, a callee, a location of the agent, the establishment or the recorder, or a leg.",
        )  # fmt: skip
    presumed = facts.unknown_legs or _presumed(found)
    lost = any(each.open for each in found)
    found = [_placed(each, presumed) if each.open else each for each in found]
    return together(found, facts.unknown_legs, presumed if lost else ()), tuple(found)


def together(found: list[Where], stated: tuple[UnknownLeg, ...], presumed: tuple[UnknownLeg, ...]) -> Places:
    """Facts put together: each place once, every default that counts."""
    legs: dict[str, tuple[LegRole, ...]] = {}
    unknown = {*stated, *presumed}
    for each in found:
        if each.leg is not None and each.role not in legs.get(each.leg, ()):
            legs[each.leg] = (*legs.get(each.leg, ()), each.role)
        if each.unknown is not None:
            unknown.add(each.unknown)
    return Places(
        tuple(legs.items()),
        frozenset(each.leg for each in found if each.leg is not None and each.unknown is not None),
        frozenset(unknown),
        tuple(dict.fromkeys(each.ruleless for each in found if each.ruleless is not None)),
        tuple(doubt for each in found for doubt in each.doubts),
    )


def country(place: str) -> str:
    """The country that a place is, or is a part of."""
    return place.partition("-")[0]


def region_of(facts: Facts) -> str | None:
    """By which country national numbers are read."""
    return facts.region or _region_of(facts.agent_location, facts.establishment, facts.recorder)


@lru_cache(maxsize=1024)
def _region_of(*places: str | None) -> str | None:
    for stated in places:
        if stated:
            code = country(_normal(stated))
            if code in SUPPORTED_REGIONS:
                return code
    return None


def _given(facts: Facts, rules: Rules) -> list[Where]:
    region = region_of(facts)
    found = []
    if facts.caller is not None:
        where = _number(facts.caller, LegRole.CALLER, rules, region)
        found.append(_unvouched(where) if facts.attestation in _SPOOFABLE else where)
    if facts.callee is not None:
        answered = facts.agent_location is not None
        found.append(_number(facts.callee, LegRole.CALLEE, rules, region, answered=answered))
    for role, stated in (
        (LegRole.AGENT, facts.agent_location),
        (LegRole.ESTABLISHMENT, facts.establishment),
        (LegRole.RECORDER, facts.recorder),
    ):
        if stated is not None:
            found.append(_stated(stated, role, rules))
    for each in facts.extra_legs:
        by_id = _ID.fullmatch(each.strip())
        found.append(_stated(each, LegRole.JOINER, rules) if by_id else _number(each, LegRole.JOINER, rules, region))
    return found


def _normal(stated: str) -> str:
    code = stated.strip().upper().replace("_", "-")
    return _OTHER_NAMES.get(code, code)


def _stated(stated: str, role: LegRole, rules: Rules) -> Where:
    code = _normal(stated)
    head, _, part = code.partition("-")
    if code == "US":
        return Where(role, "US", UnknownLeg.US, doubts=(Doubt(what=role, why="state", words="the state is not given"),))
    if code in rules.jurisdictions:
        return Where(role, code)
    if (head == "US" and part in _TERRITORIES) or head in _TERRITORIES:
        return _ruleless(part or head, role)
    known = _ID.fullmatch(code) is not None and head in SUPPORTED_REGIONS and not (part and head in _CLOSED)
    if not known and code not in rules.head.same_law:
        raise InvalidInput(
            f"The place of the {role} does not exist.", code="consent.place",
            advice="Write an ISO 3166 code: DE, US-TX, CA-QC; `candor consent rules` lists those with rules.",
        )  # fmt: skip
    return _in_country(head, None, role, rules)


def _in_country(code: str, part: str | None, role: LegRole, rules: Rules) -> Where:
    if part in rules.jurisdictions:
        return Where(role, part)
    law = rules.head.same_law.get(code, code)
    if law in rules.jurisdictions and law != "US":
        return Where(role, law)
    if law == "US":  # a number of the US that tells no state
        return Where(role, None, UnknownLeg.US)
    return _ruleless(code, role)


def _ruleless(code: str, role: LegRole) -> Where:
    doubt = Doubt(what=role, why="no_rule", words=f"the rule pack has no rules of {code}")
    if code in _TERRITORIES:
        return Where(role, "US", UnknownLeg.US, ruleless=f"US-{code}", doubts=(doubt,))
    return Where(role, None, UnknownLeg.NON_US, ruleless=code, doubts=(doubt,))


def _number(text: str, role: LegRole, rules: Rules, region: str | None, *, answered: bool = False) -> Where:
    """``answered``: who answers the number is the agent, whose place is given."""
    number = read_number(text, region)
    doubts = (Doubt(what=role, why=number.kind, words=_DOUBTS[number.kind]),) if number.kind in _DOUBTS else ()
    if number.country is None:
        open_ = number.kind is not NumberKind.NON_GEOGRAPHIC
        return Where(role, None, None if open_ else UnknownLeg.NON_US, open=open_, doubts=doubts)
    where = _in_country(number.country, number.part, role, rules)
    unknown = where.unknown if _trusted(number) else _default(number.country)
    if number.kind is NumberKind.NON_GEOGRAPHIC and answered:
        unknown = where.unknown if where.ruleless else None
    return Where(role, where.leg, unknown, ruleless=where.ruleless, doubts=doubts + where.doubts)


def _trusted(number: NumberPlace) -> bool:
    """Whether a number may stand for its place alone.

    Outside North America, plans have ranges that the library does not know yet: those keep their country, in doubt.
    """
    if number.kind is NumberKind.UNASSIGNED:
        return number.country != "US"
    return number.kind in (NumberKind.FIXED, NumberKind.AREA, NumberKind.MOBILE)


def _default(code: str) -> UnknownLeg:
    return UnknownLeg.US if code == "US" or code in _TERRITORIES else UnknownLeg.NON_US


def _unvouched(where: Where) -> Where:
    doubt = Doubt(what=where.role, why="spoofable", words="the network does not vouch for the number")
    if where.unknown is not None or where.open:
        return Where(where.role, where.leg, where.unknown, where.open, where.ruleless, (*where.doubts, doubt))
    default = UnknownLeg.NON_US if where.leg is None else _default(country(where.leg))
    return Where(where.role, where.leg, default, False, where.ruleless, (*where.doubts, doubt))


def _presumed(found: list[Where]) -> tuple[UnknownLeg, ...]:
    """Where somebody is taken to be of whom nothing is known: in the US when all else is there, else abroad."""
    countries = {country(each.leg) for each in found if each.leg is not None}
    countries |= {"US" if each.unknown is UnknownLeg.US else "" for each in found if each.unknown is not None}
    if not countries:
        return (UnknownLeg.US, UnknownLeg.NON_US)  # nothing at all: the stricter of both in everything
    return (UnknownLeg.US,) if countries == {"US"} else (UnknownLeg.NON_US,)


def _placed(where: Where, presumed: tuple[UnknownLeg, ...]) -> Where:
    return Where(where.role, where.leg, presumed[0], False, where.ruleless, where.doubts)
