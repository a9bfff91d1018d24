"""Schedules, facts and the period that follows: pure values, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any

LONGEST = 36_500
"""Days: a hundred years."""


class Ground(StrEnum):
    """On what consent a conversation was recorded, as schedules tell it apart."""

    EXPLICIT = "explicit"
    """Everybody who must has said yes (level 4)."""
    NOTICE = "notice"
    """It was announced (levels 2 and 3)."""
    NOT_REQUIRED = "not_required"
    """The law asked for nothing on the call (levels 0 and 1)."""
    UNKNOWN = "unknown"
    """Nobody decided."""


def ground_of(level: int | None) -> Ground:
    """The ground that a consent level is."""
    if level is None:
        return Ground.UNKNOWN
    return Ground.EXPLICIT if level >= 4 else Ground.NOTICE if level >= 2 else Ground.NOT_REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a period depends on; conversations with the same facts are one class."""

    purpose: str
    """Of the rule pack."""
    channel: str
    """The medium: voice, chat …"""
    queue: str | None = None
    places: tuple[str, ...] = ()
    """Ids of the places whose law counts: ``DE``, ``US-CA``."""
    sectors: tuple[str, ...] = ()
    consent: Ground = Ground.UNKNOWN
    min_days: int | None = None
    """The law's floor; None: none is known."""
    max_days: int | None = None
    """The law's ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """To which conversations a schedule applies: each that is given must fit; with none it is the house's default."""

    jurisdiction: str | None = None
    """A place or a country above it: ``US`` covers ``US-CA``."""
    sector: str | None = None
    consent: Ground | None = None
    purpose: str | None = None
    queue: str | None = None
    channel: str | None = None

    def fit(self, facts: Facts) -> bool:
        """Whether all of them do."""
        return (
            (self.jurisdiction is None or any(_within(place, self.jurisdiction) for place in facts.places))
            and (self.sector is None or self.sector.casefold() in (one.casefold() for one in facts.sectors))
            and (self.consent is None or self.consent is facts.consent)
            and (self.purpose is None or self.purpose == facts.purpose)
            and (self.queue is None or self.queue == facts.queue)
            and (self.channel is None or self.channel == facts.channel)
        )

    @property
    def given(self) -> dict[str, str]:
        """Those that are, by name, in the order of their weight."""
        return {each.name: str(getattr(self, each.name)) for each in fields(self) if getattr(self, each.name)}

    @property
    def weight(self) -> tuple[int, int, int]:
        """How specific: how many conditions, how narrow the place, then the order in which they are written above."""
        names = [each.name for each in fields(self)]
        bits = sum(1 << (len(names) - place) for place, name in enumerate(names) if getattr(self, name))
        return len(self.given), (self.jurisdiction or "").count("-"), bits


def _within(place: str, wanted: str) -> bool:
    place, wanted = place.upper(), wanted.upper()
    return place == wanted or place.startswith(f"{wanted}-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One version of one schedule: a draft until it is put into effect; never edited afterwards."""

    id: str
    name: str
    version: int
    when: Conditions
    days: int | None
    """From the call to its destruction; None: this version withdraws the schedule."""
    basis: str
    """Why so long: the statute, the policy."""
    drafted_by: str
    drafted_at: datetime
    effective_from: date | None = None
    """None: still a draft."""
    effective_by: str | None = None
    effective_at: datetime | None = None


class ConflictKind(StrEnum):
    """Why a person must settle a period."""

    LAW = "law"
    """The law's floor is above its ceiling."""
    BELOW_FLOOR = "below_floor"
    """The schedule destroys earlier than the law allows."""
    ABOVE_CEILING = "above_ceiling"
    """The schedule keeps longer than the law allows."""
    NO_SCHEDULE = "no_schedule"
    """The law has a ceiling, and no schedule applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What follows for one class of conversations."""

    days: int | None
    """None: nothing is destroyed, by want of a schedule or because of a conflict."""
    schedule: Schedule | None
    conflict: ConflictKind | None = None

    @property
    def key(self) -> str:
        """Names the conflict, so that a person's word on it holds until the schedule changes."""
        chosen = self.schedule
        return f"{self.conflict}:{chosen.name}:{chosen.version}" if chosen else f"{self.conflict}"


def in_effect(schedules: Iterable[Schedule], day: date) -> tuple[Schedule, ...]:
    """Of each name the version that counts on ``day``; withdrawn ones are left out."""
    newest: dict[str, Schedule] = {}
    for one in schedules:
        if one.effective_from is None or one.effective_from > day:
            continue
        held = newest.get(one.name)
        if held is None or (one.effective_from, one.version) > (held.effective_from, held.version):
            newest[one.name] = one
    return tuple(one for one in newest.values() if one.days is not None)


def choose(schedules: Iterable[Schedule], facts: Facts) -> Schedule | None:
    """The most specific that fits; of two alike (a call between two places) the shorter period."""
    fitting = [one for one in schedules if one.when.fit(facts)]
    return max(fitting, key=lambda one: (one.when.weight, -(one.days or 0), one.name), default=None)


def decide(schedules: Iterable[Schedule], facts: Facts) -> Period:
    """The period of a class by the schedules in effect; where schedule and law disagree nothing is destroyed."""
    chosen, low, high = choose(schedules, facts), facts.min_days, facts.max_days
    if low is not None and high is not None and low > high:
        return Period(days=None, schedule=chosen, conflict=ConflictKind.LAW)
    if chosen is None or chosen.days is None:
        conflict = None if high is None else ConflictKind.NO_SCHEDULE
        return Period(days=None, schedule=None, conflict=conflict)
    if low is not None and chosen.days < low:
        return Period(days=None, schedule=chosen, conflict=ConflictKind.BELOW_FLOOR)
    if high is not None and chosen.days > high:
        return Period(days=None, schedule=chosen, conflict=ConflictKind.ABOVE_CEILING)
    return Period(days=chosen.days, schedule=chosen)


def facts_of(decision: Mapping[str, Any] | None, *, queue: str | None, channel: str, default: Facts) -> Facts:
    """A conversation's facts from what was kept of its consent decision; ``default``: the house's, where none was."""
    if not decision:
        return Facts(
            purpose=default.purpose, channel=channel, queue=queue, places=default.places, sectors=default.sectors
        )
    kept = decision.get("retention") or {}
    return Facts(
        purpose=str(decision.get("purpose") or default.purpose), channel=channel, queue=queue,
        places=tuple(sorted({*map(str, decision.get("legs", ())), *default.places})),
        sectors=tuple(sorted(map(str, decision.get("sectors", default.sectors)))),
        consent=ground_of(decision.get("level")), min_days=_days(kept.get("min_days")),
        max_days=_days(kept.get("max_days")),
    )  # fmt: skip


def _days(value: object) -> int | None:
    return int(value) if isinstance(value, int) else None
