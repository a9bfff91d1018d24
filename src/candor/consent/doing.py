"""What has to be done: verbs for machines, with words for people and the rules that ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from candor.consent.judging import AUDIENCE, Case
from candor.consent.model import (
    Action,
    ActionVerb,
    ConsentLevel,
    Languages,
    Prerequisite,
    RetentionAnswer,
)

V = ActionVerb
_ORDER = ("none", "stop", "object", "refuse", "opt-in")
WORDS: dict[ActionVerb, str] = {
    V.ANNOUNCE: "Announce the recording before any sound is kept. Say that it is recorded, never that it may be.",
    V.ANNOUNCE_INSIDE_RECORDING: "Announce the recording so that the announcement is itself in the recording: start "
    "the recorder with it. Say that the call is recorded, never that it may be.",
    V.ANNOUNCE_AS_POLICY: "No announcement is required by law; announce all the same, as good practice.",
    V.ANNOUNCE_FOR_ADMISSIBILITY: "Announce if the recording may have to serve as proof.",
    V.ANNOUNCE_TO_JOINER: "Announce again to everyone who joins or is transferred, before their voice is kept.",
    V.PUBLISH_PURPOSE: "Publish or tell what recordings are for.",
    V.ASK_OPT_IN: "Ask for an explicit yes (spoken, by key press, or prior in writing) before any sound is kept. "
    "Silence is no yes.",
    V.ASK_GUARDIAN: "A minor cannot consent: ask whoever has parental authority, or do not record.",
    V.DO_NOT_RECORD: "Do not record for this purpose, whatever anybody consents to.",
    V.DISCARD_ON_REFUSAL: "Discard what was kept of the question when the answer is no.",
    V.OFFER_UNRECORDED_ROUTE: "Give the same service unrecorded to a party who objects or refuses.",
    V.TELL_RIGHT_TO_OBJECT: "Tell of the right to object, in time to use it during the call.",
    V.STOP_ON_OBJECTION: "Stop recording at once when a party objects, and mark the place.",
    V.END_SERVICE_ON_OBJECTION: "Recording is a legal duty: on objection explain so and end the regulated service; "
    "the recorder goes on.",
    V.LOG_CONSENT: "Log for each party the text, its version and language, when it was played, how consent was given "
    "or refused, and the version of these rules.",
    V.BLOCK_AGENT_UNTIL: "Do not record the agent before the employer has fulfilled these duties.",
    V.SAMPLE_ONLY: "Record samples only: recording every call for this purpose is not allowed.",
    V.PAUSE_ON_HOLD: "Pause recording while a party is on hold or in a queue.",
    V.MUST_RECORD: "The law obliges the tenant to record these calls.",
    V.SEPARATE_CLASS: "Keep the recording in a class of its own, apart from copies for quality and analysis.",
    V.INFORM_BEFORE_SERVICE: "Inform the client of the recording before the service, in the language of the service.",
    V.ASSIGN_RECORDING_ID: "Give the recording or case a unique number and tell it.",
    V.GIVE_FREE_COPY: "Give a copy free of charge on request.",
    V.REFUSE_EARLY_DELETION: "Refuse a request to delete before the legal period has ended, and say which law it is.",
    V.DELETE_AND_DOCUMENT: "Delete when the longest period ends, and document the deletion.",
    V.SET_RETENTION_PERIOD: "Set a period no longer than the purpose needs, and tell it.",
    V.RESOLVE_RETENTION_CONFLICT: "The shortest legal period is longer than the longest allowed: keep the copies apart "
    "as listed, and have a person confirm it.",
    V.MASK_CARD_SEGMENT: "Pause or mask before card data is spoken or keyed, in sound, transcript and screen; that "
    "segment alone, so that a duty to record is still met.",
    V.REQUIRE_PROCESSOR_CONTRACT: "Have the processor's contract (business associate agreement) before processing.",
    V.TAG_HEALTH_QUEUE: "Tag queues in which health information is spoken.",
    V.ENCRYPT: "Encrypt in transit and at rest.",
    V.WORM_STORE: "Store so that it cannot be rewritten, or with a complete audit trail.",
    V.KEEP_CALL_DETAILS: "Keep the call's details for the legal period even if the sound is deleted.",
    V.KEEP_CONSENT_REQUEST_TEXT: "Keep the request for consent in the form in which it was put.",
    V.HONOUR_REVOCATION: "Honour a revocation by any reasonable means within ten business days.",
    V.ASSESS_PRIVACY_IMPACT: "Assess the privacy impact before the system is used and before data leave Quebec.",
}


def objection(case: Case) -> dict[str, tuple[str, ...]]:
    """Kinds of objection that the places give their parties → rule ids; who must be recorded has none."""
    found: dict[str, list[str]] = {}
    for asked in case.asked:
        if not case.obliged(asked.place.id):
            found.setdefault(asked.place.objection, []).append(asked.place.id)
    for _, place in case.unknown:
        found.setdefault(place.objection, []).append("X-UNKNOWN-LOCATION")
    return {kind: tuple(found[kind]) for kind in _ORDER if kind in found}


def actions(
    case: Case, level: int, *, recorded: bool, languages: Languages, duties: tuple[Prerequisite, ...],
    kept: RetentionAnswer, delete: tuple[str, ...],
) -> tuple[Action, ...]:  # fmt: skip
    """Everything to be done, in the order in which it is done."""
    made: list[Action] = []
    if level == ConsentLevel.BARRED:
        made.append(_do(V.DO_NOT_RECORD, _deciders(case, level)))
        made += _sector_duties(case)
        return tuple(made)
    made += _staff(duties)
    made += _telling(case, level, recorded, languages)
    made += _choice(case, level, recorded)
    made += _on_the_line(case, level)
    made += _sector_duties(case)
    made += _periods(case, kept, delete)
    return _merged(made)


def merged_limits(found: Iterable[tuple[str, str, str]]) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(code, words, rule) → each code and wording once, with all rules that say it."""
    together: dict[tuple[str, str], list[str]] = {}
    for code, words, rule in found:
        together.setdefault((code, words), []).append(rule)
    return tuple((code, words, tuple(rules)) for (code, words), rules in together.items())


def _do(verb: ActionVerb, rules: Iterable[str], **details: Any) -> Action:
    shown = {key: value for key, value in details.items() if value not in (None, (), [], {})}
    return Action(verb=verb, words=WORDS[verb], rules=tuple(dict.fromkeys(rules)), details=shown)


def _merged(made: Iterable[Action]) -> tuple[Action, ...]:
    """The same verb once, asked for by all its rules."""
    found: dict[ActionVerb, Action] = {}
    for each in made:
        known = found.get(each.verb)
        found[each.verb] = each if known is None else Action(
            verb=each.verb, words=known.words, rules=tuple(dict.fromkeys((*known.rules, *each.rules))),
            details={**known.details, **each.details},
        )  # fmt: skip
    return tuple(found.values())


def _deciders(case: Case, level: int) -> list[str]:
    found = [each.place.id for each in case.asked if each.level == level]
    found += [sector.id for sector, barred, _ in case.bars if barred == level]
    if case.unknown_level == level:
        found.append("X-UNKNOWN-LOCATION")
    return found


def _asking(case: Case, least: int) -> list[str]:
    found = [each.place.id for each in case.asked if each.level >= least]
    if case.unknown_level is not None and case.unknown_level >= least:
        found.append("X-UNKNOWN-LOCATION")
    return found


def _staff(duties: tuple[Prerequisite, ...]) -> Iterator[Action]:
    blocking = [each for each in duties if each.blocks]
    if blocking:
        yield _do(V.BLOCK_AGENT_UNTIL, (each.rule for each in blocking), prerequisites=[each.id for each in blocking])


def _telling(case: Case, level: int, recorded: bool, languages: Languages) -> Iterator[Action]:
    spoken = {
        "languages": list(languages.required),
        "one_of": [list(each) for each in languages.one_of],
        "service_line": languages.service_line or None,
    }
    if level >= ConsentLevel.ANNOUNCE:
        rules = [*_asking(case, ConsentLevel.ANNOUNCE), "X-ANNOUNCEMENT-PATTERN"]
        if recorded:
            inside = [each.place for each in case.asked if each.place.notice_must_be_recorded]
            rules = [place.id for place in inside] or ["X-UNKNOWN-LOCATION"]
            yield _do(V.ANNOUNCE_INSIDE_RECORDING, rules, alternatives=_alternatives(case), **spoken)
        else:
            yield _do(V.ANNOUNCE, rules, **spoken)
    elif level == ConsentLevel.PURPOSE:
        yield _do(V.PUBLISH_PURPOSE, _deciders(case, level))
        yield _do(V.ANNOUNCE_AS_POLICY, ("X-ANNOUNCEMENT-PATTERN",))
    else:
        yield _do(V.ANNOUNCE_AS_POLICY, ("X-ANNOUNCEMENT-PATTERN",))
    proof = case.purpose is not None and case.purpose.proof
    courts = [each.place for each in case.asked if each.place.evidence_rule is not None]
    if courts and proof:
        yield _do(
            V.ANNOUNCE_FOR_ADMISSIBILITY, (place.id for place in courts), why=[place.evidence_rule for place in courts]
        )


def _alternatives(case: Case) -> list[str]:
    """What does instead of a recorded announcement, when every place that wants one takes it."""
    inside = [each.place.notice_alternatives for each in case.asked if each.place.notice_must_be_recorded]
    if not inside or case.unknown:
        return []
    return [each for each in inside[0] if all(each in others for others in inside)]


def _choice(case: Case, level: int, recorded: bool) -> Iterator[Action]:
    if level == ConsentLevel.OPT_IN:
        yield _do(V.ASK_OPT_IN, _deciders(case, level), of=list(opt_in_from(case, level)))
        if recorded:
            yield _do(V.DISCARD_ON_REFUSAL, _deciders(case, level))
    kinds = objection(case)
    routes = [each.place.id for each in case.asked if each.place.unrecorded_route and not case.obliged(each.place.id)]
    strict = [each for each in _asking(case, ConsentLevel.INFORM) if not case.obliged(each)]
    if level >= ConsentLevel.INFORM or (routes and level >= ConsentLevel.ANNOUNCE):
        yield from (_do(V.OFFER_UNRECORDED_ROUTE, [*strict, *routes]),) if strict or routes else ()
    if any("right-to-object" in each.elements for each in case.asked):
        told = [each.place.id for each in case.asked if "right-to-object" in each.elements]
        yield _do(V.TELL_RIGHT_TO_OBJECT, told)
    stopping = [rule for kind, rules in kinds.items() if kind != "none" for rule in rules]
    if stopping and level >= ConsentLevel.ANNOUNCE:
        yield _do(V.STOP_ON_OBJECTION, [*stopping, "X-WITHDRAWAL"])
    if case.minor and level >= ConsentLevel.ANNOUNCE:
        yield _do(V.ASK_GUARDIAN, ("X-MINORS",))


def opt_in_from(case: Case, level: int) -> tuple[str, ...]:
    """Who must say yes."""
    if level != ConsentLevel.OPT_IN:
        return ()
    asked = {who for each in case.asked if each.level == level for who in each.place.opt_in_from}
    if case.unknown_level == level:
        asked |= {"customer", "agent"}
    return tuple(each for each in ("customer", "agent") if each in asked)


def _on_the_line(case: Case, level: int) -> Iterator[Action]:
    sampled = [each.place.id for each in case.asked if each.place.sampling_required and not case.obliged(each.place.id)]
    if sampled and any(limit.code == "sampling_only" for _, limit in case.limits()):
        yield _do(V.SAMPLE_ONLY, sampled)
    held = [each.place.id for each in case.asked if each.place.pause_on_hold_required]
    if held:
        yield _do(V.PAUSE_ON_HOLD, [*held, "X-HOLD"])
    if level >= ConsentLevel.ANNOUNCE:
        yield _do(V.ANNOUNCE_TO_JOINER, ("X-THIRD-PARTY-JOIN",))
        yield _do(V.LOG_CONSENT, ("X-EVIDENCE-OF-CONSENT", "X-NOT-EVIDENCE"))


def _sector_duties(case: Case) -> Iterator[Action]:
    for sector in case.duties_to_record:
        yield _do(V.MUST_RECORD, (sector.id,), purpose=sector.must_record)
    for sector in case.sectors:
        for verb in sector.actions:
            yield _do(verb, (sector.id,))


def _periods(case: Case, kept: RetentionAnswer, delete: tuple[str, ...]) -> Iterator[Action]:
    if kept.purpose_bound:
        yield _do(V.SET_RETENTION_PERIOD, (each.place.id for each in case.asked if each.place.purpose_bound))
    if delete:
        yield _do(V.DELETE_AND_DOCUMENT, delete)
    if kept.conflict:
        yield _do(V.RESOLVE_RETENTION_CONFLICT, ("X-RETENTION-CONFLICT",))


def languages(case: Case) -> Languages:
    """In what the announcement is spoken: by the places of those who hear it."""
    required: dict[str, None] = {}
    one_of: dict[tuple[str, ...], None] = {}
    service = any(
        sector.must_record is not None and V.INFORM_BEFORE_SERVICE in sector.actions for sector in case.sectors
    )
    for asked in case.asked:
        if not AUDIENCE & set(asked.roles):
            continue
        rule = asked.place.language_rule
        if rule == "all":
            required |= dict.fromkeys(asked.place.languages)
        elif rule == "any":
            one_of[asked.place.languages] = None
        service = service or rule in ("service", "understood")
    return Languages(required=tuple(required), one_of=tuple(one_of), service_line=service)
