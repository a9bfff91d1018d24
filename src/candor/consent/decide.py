"""The decision: the strictest of what every place on the line asks, with all that follows from it.

Pure: the same facts and rules give the same answer. The steps, in order:

(1) places: each number, location and joiner becomes a place of the pack or a default for what is not known;
(2) what each place asks, for the purpose and by the channel, the law of its country being a floor;
(3) the highest level counts (X-STRICTEST); a sector may bar the purpose (9);
(4) notices are united, duties to staff are those where the agent and the employer are;
(5) periods: highest floor, lowest ceiling; (6) limits on use; (7) reasons, doubts and what wants review.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import cast

from candor.consent.doing import actions, languages, merged_limits, opt_in_from
from candor.consent.judging import Case, cite, sector_ids
from candor.consent.keeping import deletions, retention
from candor.consent.model import (
    ConsentLevel,
    Decision,
    Doubt,
    Facts,
    Fallback,
    Joining,
    KeepFrom,
    Leg,
    LegRole,
    Prerequisite,
    UseLimit,
)
from candor.consent.pack import Pack, Rules
from candor.consent.places import Places, Where, find_places, known, together
from candor.consent.reasons import flags, reasons, with_doubts
from candor.consent.rules import JurisdictionRule

_REMEMBERED = 8192
"""Answers kept for one day's law; what was asked holds places, never numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """From where on a rule wants a lawyer's look."""

    confidence: float = 0.80
    """Below this."""
    stale: timedelta = timedelta(days=365)
    """Reviewed longer before, or after, the day in question."""


DEFAULT_TRUST = Trust()


def decide(pack: Pack, facts: Facts, trust: Trust = DEFAULT_TRUST) -> Decision:
    """What the law of ``facts.at`` asks of this call.

    Raises InvalidInput: no place given, a place, purpose, channel or sector that does not exist.
    """
    rules = pack.on(facts.at)
    if facts.extra_legs:
        return _decided(rules, facts, trust)
    asked = (*known(facts), facts.purpose, facts.channel, facts.sectors, facts.minor, facts.at, trust)
    made = rules.judged.get(asked)
    if made is None:
        made = _decided(rules, facts, trust)
        if len(rules.judged) >= _REMEMBERED:
            rules.judged.clear()
        rules.judged[asked] = made
    return cast("Decision", made)


def _decided(rules: Rules, facts: Facts, trust: Trust) -> Decision:
    sectors = sector_ids(facts.sectors, rules) if facts.sectors else ()
    places, found = find_places(facts, rules)  # (1)
    case = Case(rules, places, purpose=facts.purpose, channel=facts.channel, sectors=sectors, minor=facts.minor)
    made = _judge(case, facts.at, trust)
    return replace(made, joining=_joining(rules, facts, found, sectors)) if facts.extra_legs else made


def _judge(case: Case, day: date, trust: Trust) -> Decision:
    level = level_of(case)
    recorded = level != ConsentLevel.BARRED and (
        any(each.place.notice_must_be_recorded for each in case.asked)
        or any(place.announcement_recorded for _, place in case.unknown)
    )
    spoken = languages(case)
    duties = tuple(_prerequisites(case))
    kept = retention(case)
    todo = actions(case, level, recorded=recorded, languages=spoken, duties=duties, kept=kept, delete=deletions(case))
    limits = _limits(case)
    used = [*case.asked, *case.sectors]
    confidence = min(
        [each.place.confidence for each in case.asked]
        + [each.confidence for each in case.sectors]
        + ([case.rules.cross["X-UNKNOWN-LOCATION"].confidence] if case.unknown else []),
        default=1.0,
    )
    ids = {each.place.id for each in case.asked} | {each.id for each in case.sectors}
    return Decision(
        level=level,
        legs=tuple(Leg(id=each.place.id, roles=each.roles, level=each.level) for each in case.asked),
        unknown=tuple(leg for leg, _ in case.unknown),
        may_record=_may_record(case, level),
        keep_from=_keep_from(level, recorded=recorded),
        consent_form=_consent_form(case, level),
        consent_from=opt_in_from(case, level),
        actions=todo,
        announcement_recorded=recorded,
        notice_elements=_elements(case, level),
        languages=spoken,
        employee_prerequisites=duties,
        retention=kept,
        analysis_limits=limits,
        fallbacks=tuple(_fallbacks(case)),
        joining=(),
        reasons=with_doubts(reasons(case, level, todo, used=len(used)), case.places.doubts),
        confidence=confidence,
        needs_review=flags(case, day, low=trust.confidence, stale=trust.stale, conflict=kept.conflict),
        overridden=bool(ids & set(case.rules.overridden)),
        uncertain=(*case.places.doubts, *_doubts(case)),
        purpose=case.purpose_id,
        channel=case.channel.id if case.channel else "",
        sectors=tuple(each.id for each in case.sectors),
        at=day,
        pack=case.rules.version,
    )


def level_of(case: Case) -> int:
    """(3) The strictest."""
    levels = [each.level for each in case.asked] + [level for _, level, _ in case.bars]
    if case.unknown_level is not None:
        levels.append(case.unknown_level)
    return max(levels)


def _may_record(case: Case, level: int) -> bool:
    if level == ConsentLevel.BARRED:
        return False
    if not case.minor or case.fulfilled is not None:
        return True
    # X-MINORS: no explicit consent by a minor; where parents consent for one, no consent at any level.
    return level != ConsentLevel.OPT_IN and not any(each.place.guardian_consents for each in case.asked)


def _keep_from(level: int, *, recorded: bool) -> KeepFrom:
    if level == ConsentLevel.BARRED:
        return KeepFrom.NEVER
    if recorded:
        return KeepFrom.WITH_ANNOUNCEMENT
    if level == ConsentLevel.OPT_IN:
        return KeepFrom.AFTER_OPT_IN
    return KeepFrom.AFTER_ANNOUNCEMENT if level >= ConsentLevel.ANNOUNCE else KeepFrom.START


def _consent_form(case: Case, level: int) -> str:
    if level == ConsentLevel.OPT_IN:
        return "explicit"
    if level == ConsentLevel.BARRED or level < ConsentLevel.ANNOUNCE:
        return "none"
    own = {each.place.consent_form for each in case.asked if each.level == level and not each.because}
    return "none" if own == {"none"} and not case.unknown else "implied-by-notice"


def _elements(case: Case, level: int) -> tuple[str, ...]:
    """(4) The union."""
    if level == ConsentLevel.BARRED:
        return ()
    found: dict[str, None] = dict.fromkeys(("recording-fact",) if level >= ConsentLevel.ANNOUNCE else ())
    for each in case.asked:
        found |= dict.fromkeys(each.elements)
    for _, place in case.unknown:
        found |= dict.fromkeys(place.notice_elements)
    for sector in case.sectors:
        found |= dict.fromkeys(sector.notice_elements)
    return tuple(found)


def _prerequisites(case: Case) -> Iterator[Prerequisite]:
    """(4) What the employer owes the agent first."""
    for each in case.asked:
        if each.place.id in case.employers:
            yield from _owed(case.rules, each.place)


def _owed(rules: Rules, place: JurisdictionRule) -> tuple[Prerequisite, ...]:
    return rules.part(("owed", place.id), lambda: tuple(_written(place)))


def _written(place: JurisdictionRule) -> Iterator[Prerequisite]:
    cited = cite(place.citations)
    for duty in place.duties:
        yield Prerequisite(
            id=f"{place.id}.{duty.id}", rule=place.id, kind=duty.kind, words=duty.words, blocks=duty.blocks,
            where=duty.where, any_of=duty.any_of and f"{place.id}.{duty.any_of}", citation=cited,
        )  # fmt: skip


def _limits(case: Case) -> tuple[UseLimit, ...]:
    """(6) What must not be done with the recording."""
    found = [(limit.code, limit.words, rule) for rule, limit in case.limits()]
    for sector in case.duties_to_record:
        if any(set(bar.places) & set(case.ids) for bar in sector.bars):
            continue  # barred outright there, and said by the place
        found.append(("no_reuse_without_basis", _REUSE, sector.id))
    found.append(("processor_only", _PROCESSOR, "X-VENDOR"))
    return tuple(UseLimit(code=code, words=words, rules=rules) for code, words, rules in merged_limits(found))


_REUSE = "What is recorded by duty is not used for quality or analysis unless that has a basis of its own."
_PROCESSOR = (
    "Whoever records, transcribes or analyses for the tenant does so as a processor only, with no use of its own."
)


def _fallbacks(case: Case) -> list[Fallback]:
    """Exceptions of a place, where no other place and no unknown party asks for more than nothing."""
    found = []
    for each in case.asked:
        others = [other.level for other in case.asked if other is not each]
        if case.unknown or any(level >= ConsentLevel.ANNOUNCE for level in others):
            continue
        for exception in each.place.exceptions:
            if case.purpose_id in exception.purposes:
                rules = (each.place.id,)
                limits = [limit for limit in each.place.limits if limit.exception == exception.id]
                days = [item.max_days for item in each.place.retention if item.exception == exception.id]
                found.append(
                    Fallback(
                        id=exception.id, rule=each.place.id, words=exception.words, max_days=days[0] if days else None,
                        limits=tuple(UseLimit(code=one.code, words=one.words, rules=rules) for one in limits),
                    )
                )  # fmt: skip
    return found


def _doubts(case: Case) -> list[Doubt]:
    found = []
    if case.channel is not None and not case.channel.covered:
        found.append(
            Doubt(what="channel", why="not_covered",
                  words="the rules were written for calls; this channel is decided as a call is")
        )  # fmt: skip
    if not case.employers:
        found.append(
            Doubt(what="employer", why="not_given",
                  words="neither the agent's place nor the establishment is given: duties to staff are not known")
        )  # fmt: skip
    recorder = any(LegRole.RECORDER in roles for _, roles in case.places.legs)
    if not recorder and any(each.place.purpose_overrides.get("export") for each in case.asked):
        found.append(
            Doubt(what="recorder", why="not_given", words="whether the recording leaves the country decides the level")
        )
    return found


def _joining(rules: Rules, facts: Facts, found: tuple[Where, ...], sectors: tuple[str, ...]) -> tuple[Joining, ...]:
    """The level after each one who joins; nobody's level ever falls."""
    first = [each for each in found if each.role is not LegRole.JOINER]
    made = []
    for position, joiner in enumerate((each for each in found if each.role is LegRole.JOINER), 1):
        present = [*first, *[each for each in found if each.role is LegRole.JOINER][:position]]
        places: Places = together(present, facts.unknown_legs, ())
        case = Case(rules, places, purpose=facts.purpose, channel=facts.channel, sectors=sectors, minor=facts.minor)
        level = level_of(case)
        made.append(Joining(leg=joiner.leg or "unknown", level=level, words=_JOINED[min(level, 9)]))
    return tuple(made)


_JOINED = {
    0: "Go on.",
    1: "Go on; the purpose is published.",
    2: "Announce again to all before going on.",
    3: "Announce again to all, with the notice and a way to object, before going on.",
    4: "Stop; go on only after an explicit yes from everybody present, else unrecorded.",
    9: "Stop: this call may not be recorded for the purpose.",
}
