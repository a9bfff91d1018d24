"""Why: each rule that was used, with its sources; and which of them a lawyer should look at first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from candor.consent.judging import Asked, Case, cite
from candor.consent.model import Action, ActionVerb, Doubt, Flag, Reason, Source
from candor.consent.numbers import NumberKind
from candor.consent.rules import Citation, SectorRule

_BECAUSE = {
    "purpose": " For this purpose the place has a level of its own.",
    "channel": " By this channel the place has a level of its own.",
    "duty": " The recording fulfils a legal duty: consent is not asked for, who is recorded is told.",
    "export": " The recording leaves the country.",
    "parent": " The law of the whole country asks for this much.",
}


def reasons(case: Case, level: int, todo: tuple[Action, ...], *, used: int) -> tuple[Reason, ...]:
    """Places first, strictest first; then sectors, then the rules that put them together."""
    places = sorted(case.asked, key=lambda each: -each.level)
    found = [_place(case, each, level) for each in places]
    found += _unknown(case, level)
    found += _sectors(case, level)
    cross = list(_cross(case, todo, several=used > 1))
    return (*found, *(_crossed(case, rule) for rule in cross if rule != "X-UNKNOWN-LOCATION"))


def with_doubts(found: tuple[Reason, ...], doubts: tuple[Doubt, ...]) -> tuple[Reason, ...]:
    """The same reasons; the one for the stricter default says what was the matter with the parties' numbers."""
    said = "; ".join(dict.fromkeys(f"{each.what}: {each.words}" for each in doubts if each.why not in _PLACED))
    if not said:
        return found
    return tuple(
        replace(each, words=f"{each.words} {said[0].upper()}{said[1:]}.") if each.rule == "X-UNKNOWN-LOCATION" else each
        for each in found
    )


_PLACED = frozenset({NumberKind.AREA, NumberKind.MOBILE})
"""Doubts that leave a number its place."""


def flags(case: Case, day: date, *, low: float, stale: timedelta, conflict: bool) -> tuple[Flag, ...]:
    """What wants a lawyer's look."""
    found: list[Flag] = []
    unknown = (case.rules.cross["X-UNKNOWN-LOCATION"],) if case.unknown else ()
    for record in (*(each.place for each in case.asked), *case.sectors, *unknown):
        if record.confidence < low:
            words = f"{record.name}: confidence {record.confidence:.2f}"
            found.append(Flag(rule=record.id, why="confidence", words=words))
        if day - record.last_reviewed > stale:
            words = f"{record.name}: last reviewed on {record.last_reviewed}"
            found.append(Flag(rule=record.id, why="stale", words=words))
        elif record.last_reviewed - day > stale:
            words = f"{record.name}: reviewed on {record.last_reviewed}; whether it read so on {day} is not known"
            found.append(Flag(rule=record.id, why="before_review", words=words))
    found += [
        Flag(rule=place, why="no_rule", words=f"{place}: the rule pack has no rules of this place")
        for place in case.places.ruleless
    ]
    for sector in case.out_of_reach:
        words = f"{sector.name}: covers no place on this call, and was not applied"
        found.append(Flag(rule=sector.id, why="out_of_reach", words=words))
    if conflict:
        words = "The shortest legal period is longer than the longest allowed."
        found.append(Flag(rule="X-RETENTION-CONFLICT", why="retention", words=words))
    return tuple(found)


def _place(case: Case, asked: Asked, level: int) -> Reason:
    key = ("reason", asked.place.id, asked.roles, asked.level, asked.because, asked.level == level)
    return case.rules.part(key, lambda: _said(case, asked, level))


def _said(case: Case, asked: Asked, level: int) -> Reason:
    place = asked.place
    words = f"{place.name} ({', '.join(asked.roles)}): {case.rules.head.levels[_key(asked.level)]}"
    words += _BECAUSE.get(asked.because, "")
    if place.precaution is not None and not asked.because:
        words += f" {place.precaution}"
    return Reason(
        rule=place.id,
        citation=cite(place.citations),
        words=f"{words} {place.rule_detail}",
        level=asked.level,
        decisive=asked.level == level,
        overridden=tuple(f"{each.field}: {each.reason}" for each in case.rules.overridden.get(place.id, ())),
        sources=_sources(place.citations),
    )


def _unknown(case: Case, level: int) -> Iterable[Reason]:
    if case.unknown_level is None:
        return
    rule = case.rules.cross["X-UNKNOWN-LOCATION"]
    where = " and ".join({"us": "inside the US", "non-us": "outside the US"}[leg] for leg, _ in case.unknown)
    words = f"The place of a party is not known: the stricter default {where}, level {case.unknown_level}."
    yield Reason(
        rule=rule.id, citation=cite(rule.citations), words=words,
        level=case.unknown_level, decisive=case.unknown_level == level, sources=_sources(rule.citations),
    )  # fmt: skip


def _sectors(case: Case, level: int) -> Iterable[Reason]:
    barred = {sector.id: (each, words) for sector, each, words in case.bars}
    for sector in case.sectors:
        bar, why = barred.get(sector.id, (None, ""))
        yield _sector(case, sector, bar, why, decisive=bar == level)


def _sector(case: Case, sector: SectorRule, bar: int | None, why: str, *, decisive: bool) -> Reason:
    key = ("sector", sector.id, bar, decisive)
    return case.rules.part(key, lambda: _of_sector(case, sector, bar, why, decisive=decisive))


def _of_sector(case: Case, sector: SectorRule, bar: int | None, why: str, *, decisive: bool) -> Reason:
    return Reason(
            rule=sector.id, citation=cite(sector.citations), words=f"{sector.name}: {why or sector.rule}", level=bar,
            decisive=decisive, sources=_sources(sector.citations),
            overridden=tuple(f"{each.field}: {each.reason}" for each in case.rules.overridden.get(sector.id, ())),
        )  # fmt: skip


def _cross(case: Case, todo: tuple[Action, ...], *, several: bool) -> Iterable[str]:
    """Rules on putting others together that were used: always, or because an action rests on them."""
    if several:
        yield "X-STRICTEST"
    if any("recorder" in roles for _, roles in case.places.legs):
        yield "X-LOCATION-OF-RECORDER"
    if case.duties_to_record:
        yield "X-MUST-RECORD"
    if any(each.verb in (ActionVerb.ANNOUNCE, ActionVerb.ANNOUNCE_INSIDE_RECORDING) for each in todo):
        yield "X-LANGUAGE"
    yield "X-VENDOR"
    yield from dict.fromkeys(rule for each in todo for rule in each.rules if rule in case.rules.cross)


def _crossed(case: Case, rule_id: str) -> Reason:
    rule = case.rules.cross[rule_id]
    return case.rules.part(
        ("cross", rule_id),
        lambda: Reason(
            rule=rule.id, citation=cite(rule.citations), words=f"{rule.name}: {rule.rule}",
            sources=_sources(rule.citations),
        ),
    )  # fmt: skip


def _sources(citations: tuple[Citation, ...]) -> tuple[Source, ...]:
    return tuple(Source(ref=each.ref, url=each.url, source=each.source) for each in citations)


def _key(level: int) -> str:
    return str(level)
