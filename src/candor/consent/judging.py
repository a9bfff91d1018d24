"""What each place and sector asks, before they are put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from candor.consent.model import ConsentLevel, LegRole, UnknownLeg
from candor.consent.pack import Rules
from candor.consent.places import Places, country
from candor.consent.rules import Citation, JurisdictionRule, Limit, Retention, SectorRule, UnknownPlace
from candor.errors import InvalidInput

EMPLOYER = frozenset({LegRole.AGENT, LegRole.ESTABLISHMENT})
AUDIENCE = frozenset({LegRole.CALLER, LegRole.CALLEE, LegRole.JOINER, LegRole.ESTABLISHMENT})
DUTY_LEVEL = ConsentLevel.ANNOUNCE
"""What a statutory duty to record leaves of consent: who is recorded is told (X-MUST-RECORD)."""

_OF_CHOICE = frozenset({"objection-or-refusal-route", "right-to-object"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What one place asks for the purpose and channel."""

    place: JurisdictionRule
    roles: tuple[LegRole, ...]
    level: int
    because: str
    """Why it is not the record's own level: ``purpose``, ``channel``, ``duty``, ``export``, ``parent``, or empty."""
    elements: tuple[str, ...]


class Case:
    """One question: the places, purpose, channel and sectors, with the law of the day."""

    def __init__(
        self, rules: Rules, places: Places, *, purpose: str, channel: str, sectors: tuple[str, ...], minor: bool
    ) -> None:
        self.rules, self.places = rules, places
        self.purpose = next((each for each in rules.head.purpose if each.id == purpose), None)
        self.channel = next((each for each in rules.head.channel if each.id == channel), None)
        if self.purpose is None:
            raise _no("purpose", (each.id for each in rules.head.purpose))
        if self.channel is None:
            raise _no("channel", (each.id for each in rules.head.channel))
        self.stated_sectors = sectors
        self.minor = minor

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The places' ids."""
        return tuple(leg for leg, _ in self.places.legs)

    @cached_property
    def employers(self) -> frozenset[str]:
        """Where the agent or the employer is."""
        return frozenset(leg for leg, roles in self.places.legs if EMPLOYER & set(roles))

    @cached_property
    def sectors(self) -> tuple[SectorRule, ...]:
        """Sector rules that apply: by themselves, by the tenant's word, or because the purpose fulfils their duty."""
        return tuple(each for each in self._claimed() if self._reached(each))

    @cached_property
    def out_of_reach(self) -> tuple[SectorRule, ...]:
        """Sector rules that were stated, and cover no place on the call."""
        return tuple(each for each in self._claimed() if not each.automatic and not self._reached(each))

    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """What each place asks."""
        return tuple(self._ask(self.rules.jurisdictions[leg], roles) for leg, roles in self.places.legs)

    @cached_property
    def unknown(self) -> tuple[tuple[UnknownLeg, UnknownPlace], ...]:
        """The defaults that count."""
        head = self.rules.head.unknown
        defaults = {UnknownLeg.US: head.us, UnknownLeg.NON_US: head.non_us}
        return tuple((leg, defaults[leg]) for leg in UnknownLeg if leg in self.places.unknown)

    @cached_property
    def unknown_level(self) -> int | None:
        """What the parties of unknown place ask: at least the level of a country whose prefix brings its own."""
        if not self.unknown:
            return None
        strict = self.places.untrusted & set(self.rules.head.unknown.strict_countries)
        levels = [place.level for _, place in self.unknown]
        return max([*levels, *(self.rules.jurisdictions[place].engine_level for place in strict)])

    @cached_property
    def bars(self) -> tuple[tuple[SectorRule, int, str], ...]:
        """Hard bars on the purpose: (sector, level, words)."""
        purpose = self.purpose_id
        return tuple(
            (sector, bar.level, bar.words)
            for sector in self.sectors
            for bar in sector.bars
            if purpose in bar.purposes and set(bar.places) & set(self.ids)
        )

    @cached_property
    def duties_to_record(self) -> tuple[SectorRule, ...]:
        """Sectors whose law obliges the tenant to record."""
        return tuple(each for each in self.sectors if each.must_record is not None)

    @property
    def purpose_id(self) -> str:
        """What it is for."""
        return self.purpose.id if self.purpose else ""

    @cached_property
    def fulfilled(self) -> SectorRule | None:
        """The sector whose duty to record is the purpose itself."""
        return next((each for each in self.duties_to_record if each.must_record == self.purpose_id), None)

    def obliged(self, place: str) -> bool:
        """Whether the purpose fulfils a duty to record that covers ``place``: nobody there can refuse."""
        duty = self.fulfilled
        return duty is not None and duty.drops_level and self.rules.reaches(duty.id, place)

    def retention(self) -> Iterator[tuple[str, Retention]]:
        """(rule id, item) of every floor and ceiling that applies; those of exceptions are left out."""
        for asked in self.asked:
            for item in asked.place.retention:
                if item.at == "employer" and asked.place.id not in self.employers:
                    continue
                if item.exception is None and self._applies(item):
                    yield asked.place.id, item
        for sector in self.sectors:
            for item in sector.retention:
                if self._applies(item):
                    yield sector.id, item

    def limits(self) -> Iterator[tuple[str, Limit]]:
        """(rule id, limit) of every limit on use that applies; those of exceptions are left out."""
        for asked in self.asked:
            for limit in asked.place.limits:
                if limit.at == "employer" and asked.place.id not in self.employers:
                    continue
                if limit.exception is None and self._wanted(limit.purposes, limit.purposes_except):
                    yield asked.place.id, limit
        for sector in self.sectors:
            for limit in sector.limits:
                if limit.at == "employer" and not any(self.rules.reaches(sector.id, each) for each in self.employers):
                    continue
                if self._wanted(limit.purposes, limit.purposes_except):
                    yield sector.id, limit

    def _claimed(self) -> tuple[SectorRule, ...]:
        stated, purpose = self.stated_sectors, self.purpose_id
        return self.rules.part(
            ("claimed", stated, purpose),
            lambda: tuple(
                each
                for each in self.rules.sectors.values()
                if each.automatic or each.id in stated or each.must_record == purpose
            ),
        )

    def _reached(self, sector: SectorRule) -> bool:
        return any(self.rules.reaches(sector.id, place) for place in self.ids)

    def _applies(self, item: Retention) -> bool:
        active = {each.id for each in self.sectors}
        return (
            self._wanted(item.purposes, ())
            and (not item.sectors or bool(active & set(item.sectors)))
            and (not item.places or bool(set(item.places) & set(self.ids)))
        )

    def _wanted(self, purposes: tuple[str, ...], but: tuple[str, ...]) -> bool:
        return (not purposes or self.purpose_id in purposes) and self.purpose_id not in but

    # What one place asks

    def _ask(self, place: JurisdictionRule, roles: tuple[LegRole, ...]) -> Asked:
        channel = self.channel.id if self.channel else ""
        key = ("asked", place.id, roles, self.purpose_id, channel, self._leaves(place.id))
        return self.rules.part(key, lambda: self._work_out(place, roles))

    def _work_out(self, place: JurisdictionRule, roles: tuple[LegRole, ...]) -> Asked:
        level, because = self._level(place)
        parent = self.rules.jurisdictions.get(place.parent or "")
        elements = self._elements(place, level)
        if self.obliged(place.id):
            elements = tuple(each for each in elements if each not in _OF_CHOICE)
        if parent is not None:
            floor, _ = self._level(parent)
            if floor > level:
                level, because = floor, "parent"
            elements = (*elements, *self._elements(parent, floor))
        return Asked(place, roles, level, because, tuple(dict.fromkeys(elements)))

    def _level(self, place: JurisdictionRule) -> tuple[int, str]:
        overrides, purpose = place.purpose_overrides, self.purpose_id
        if "export" in overrides and self._leaves(place.id) and purpose != "export":
            return max(overrides["export"], overrides.get(purpose, place.engine_level)), "export"
        given = [(overrides[purpose], "purpose")] if purpose in overrides else []
        like = self.purpose.like if self.purpose else None
        if not given and like in overrides and overrides[like] > place.engine_level:
            given.append((overrides[like], "purpose"))
        if self.channel is not None and self.channel.id in place.channel_overrides:
            given.append((place.channel_overrides[self.channel.id], "channel"))
        level, because = max(given, key=lambda each: each[0]) if given else (place.engine_level, "")
        if self.obliged(place.id) and DUTY_LEVEL < level < ConsentLevel.BARRED:
            return DUTY_LEVEL, "duty"
        return level, because

    def _leaves(self, place: str) -> bool:
        """Whether the recorder is known to be outside the country of ``place``."""
        recorders = {country(leg) for leg, roles in self.places.legs if LegRole.RECORDER in roles}
        return bool(recorders) and country(place) not in recorders

    @staticmethod
    def _elements(place: JurisdictionRule, level: int) -> tuple[str, ...]:
        law = place.notice_elements if place.notice_required or level >= ConsentLevel.PURPOSE else ()
        policy = place.policy_elements if level >= DUTY_LEVEL else ()
        return (*law, *policy)


def cite(citations: Iterable[Citation]) -> str:
    """References in one line."""
    return "; ".join(each.ref for each in citations)


def sector_ids(names: Iterable[str], rules: Rules) -> tuple[str, ...]:
    """Ids of sectors by id or short name, whatever the case; raises InvalidInput for one that does not exist."""
    found = []
    for name in names:
        sector = rules.sector_names.get(name.strip().casefold())
        if sector is None:
            raise _no("sector", rules.sectors)
        found.append(sector)
    return tuple(each for each in rules.sectors if each in found)


def _no(what: str, known: Iterable[str]) -> InvalidInput:
    return InvalidInput(f"There is no such {what}.", code=f"consent.{what}", advice=f"Known are: {', '.join(known)}.")
