"""Consent: what the law asks of a call, the rules behind it, and what counsel has changed of them."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.consent import plain
from candor.consent.model import Attestation, Facts, UnknownLeg
from candor.kit import clock

router = APIRouter(tags=["consent"])

MOST_LEGS = 50
_PLACE = Field(None, max_length=16, description="ISO 3166 code: DE, US-TX, CA-QC.")
_NUMBER = Field(None, max_length=256, description="As the phone system has it; anonymous when withheld.")


class Question(BaseModel):
    """The facts of a call; everything but the purpose may be left out as long as one place is given."""

    model_config = ConfigDict(extra="forbid")

    purpose: str = Field(max_length=64)
    channel: str = Field("voice", max_length=64)
    at: date | None = Field(None, description="The day whose rules count; today (UTC) when left out.")
    caller: str | None = _NUMBER
    callee: str | None = _NUMBER
    agent_location: str | None = _PLACE
    establishment: str | None = _PLACE
    recorder: str | None = _PLACE
    extra_legs: list[str] = Field(
        [], max_length=MOST_LEGS, validation_alias=AliasChoices("extra_legs", "extra_leg"),
        description="Ids or numbers of who joined later, or of places that count anyway.",
    )  # fmt: skip
    unknown_legs: list[UnknownLeg] = Field(
        [], max_length=2, validation_alias=AliasChoices("unknown_legs", "unknown_leg")
    )
    sectors: list[str] = Field([], max_length=MOST_LEGS, validation_alias=AliasChoices("sectors", "sector"))
    region: str | None = Field(None, pattern="^[A-Z]{2}$", description="Country by which numbers without + are read.")
    attestation: Attestation | None = Field(None, description="How far the network vouches for the caller's number.")
    minor: bool = False


class Change(BaseModel):
    """One change of one field of one rule; ``withdraw`` lets the pack's own value count again."""

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(max_length=64)
    field: str = Field(max_length=120)
    value: Any = None
    withdraw: bool = False
    author: str = Field(max_length=120, description="Who answers for it.")
    reason: str = Field(max_length=1000)
    effective_from: date | None = None
    effective_until: date | None = None


@router.post("/consent/decisions")
def decide(question: Question, caller: Caller = needs(Right.CONSENT_READ)) -> JSONResponse:
    """What the law asks of a call: the strictest rule of every place on the line, with sources. Not legal advice.

    Nothing of the question is kept or logged.
    """
    facts = Facts(
        purpose=question.purpose, channel=question.channel, at=question.at or clock.now().date(),
        caller=question.caller, callee=question.callee, agent_location=question.agent_location,
        establishment=question.establishment, recorder=question.recorder, extra_legs=tuple(question.extra_legs),
        unknown_legs=tuple(question.unknown_legs), sectors=tuple(question.sectors), region=question.region,
        attestation=question.attestation, minor=question.minor,
    )  # fmt: skip
    with caller.services.database.read() as uow:
        made = caller.services.consent.decide(uow, facts)
    return JSONResponse(plain.decision(made), headers={"Cache-Control": "no-store"})


@router.get("/consent/rules")
def get_rules(
    at: date | None = Query(None, description="The day whose rules are shown; today when left out."),
    kind: Literal["place", "sector", "cross"] | None = Query(None, description="All when left out."),
    caller: Caller = needs(Right.CONSENT_READ),
) -> dict[str, Any]:
    """The rules of a day in short, with the vocabulary of the pack: levels, purposes, channels, notice elements."""
    with caller.services.database.read() as uow:
        rules = caller.services.consent.rules(uow, at)
    places = [] if kind not in (None, "place") else [
        {"id": each.id, "kind": "place", "name": each.name, "level": each.engine_level,
         "purpose_levels": each.purpose_overrides, "channel_levels": each.channel_overrides,
         "confidence": each.confidence, "last_reviewed": each.last_reviewed.isoformat(),
         "overridden": each.id in rules.overridden}
        for each in rules.jurisdictions.values()
    ]  # fmt: skip
    others = [
        {"id": each.id, "kind": which, "name": each.name, "confidence": each.confidence,
         "last_reviewed": each.last_reviewed.isoformat(), "overridden": each.id in rules.overridden}
        for which, records in (("sector", rules.sectors), ("cross", rules.cross))
        if kind in (None, which)
        for each in records.values()
    ]  # fmt: skip
    head = rules.head
    return {
        "pack": rules.version,
        "disclaimer": head.disclaimer,
        "levels": head.levels,
        "purposes": {each.id: each.words for each in head.purpose},
        "channels": {each.id: each.words for each in head.channel},
        "elements": head.elements,
        "rules": [*places, *others],
    }


@router.get("/consent/rules/{rule_id}")
def get_rule(
    rule_id: str,
    at: date | None = Query(None, description="The day whose rule is shown; today when left out."),
    caller: Caller = needs(Right.CONSENT_READ),
) -> dict[str, Any]:
    """One rule whole, with citations, and the overrides that count in it."""
    with caller.services.database.read() as uow:
        record, changes = caller.services.consent.rule(uow, rule_id, at)
    return plain.rule(record, changes)


@router.get("/consent/overrides")
def get_overrides(
    rule: str | None = Query(None, description="Of one rule; all when left out."),
    caller: Caller = needs(Right.CONSENT_READ),
) -> dict[str, Any]:
    """Every override and withdrawal ever made, oldest first."""
    with caller.services.database.read() as uow:
        found = caller.services.consent.history(uow, rule)
    return {"overrides": [plain.override(each) for each in found]}


@router.post("/consent/overrides", status_code=201)
def post_override(change: Change, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, Any]:
    """Change one field of a rule, or withdraw a change. What was there before stays in the history."""
    by = caller.principal.user_id
    consent = caller.services.consent
    with caller.services.database.write() as uow:
        if change.withdraw:
            made = consent.withdraw(
                uow, change.rule, change.field, author=change.author, reason=change.reason, made_by=by,
                effective_from=change.effective_from,
            )  # fmt: skip
        else:
            made = consent.override(
                uow, change.rule, change.field, change.value, author=change.author, reason=change.reason, made_by=by,
                effective_from=change.effective_from, effective_until=change.effective_until,
            )  # fmt: skip
    return plain.override(made)
