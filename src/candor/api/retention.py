"""Retention: schedules, what would be destroyed, conflicts, lists for a second person, certificates of destruction."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.errors import Forbidden, NotFound
from candor.kit import clock
from candor.pipeline import kept_words as words
from candor.replay.model import Scope
from candor.vault.disposal import store as disposals
from candor.vault.retention import reading, store
from candor.vault.retention.model import LONGEST

router = APIRouter(tags=["retention"])


def whole_house(caller: Caller) -> None:
    """What is told here is of all teams: who sees one only, or himself, sees none of it."""
    if caller.scope != Scope():
        raise Forbidden("This is shown to those who see all conversations.", code="retention.scope")


class Conditions(BaseModel):
    """To which conversations a schedule applies; all that are given must fit."""

    model_config = ConfigDict(extra="forbid")

    jurisdiction: str | None = Field(None, max_length=16, description="A place whose law counts: `DE`, `US-CA`.")
    sector: str | None = Field(None, max_length=64)
    consent: str | None = Field(None, description="`explicit`, `notice`, `not_required`, `unknown`.", max_length=16)
    purpose: str | None = Field(None, max_length=64)
    queue: str | None = Field(None, max_length=255)
    channel: str | None = Field(None, max_length=16)


class NewSchedule(BaseModel):
    """A draft."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    days: int = Field(ge=0, le=LONGEST)
    basis: str = Field(min_length=3, max_length=300, description="Why so long: the statute, the policy.")
    when: Conditions = Field(default_factory=lambda: Conditions.model_validate({}))


class FromDay(BaseModel):
    """From when on."""

    model_config = ConfigDict(extra="forbid")

    effective_from: date | None = Field(None, description="Today when left out.")


class Withdrawal(FromDay):
    """Why, and from when on."""

    reason: str = Field(max_length=1000)


class Settlement(BaseModel):
    """A person's word on a conflict."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(ge=0, le=LONGEST)
    reason: str = Field(max_length=1000)


class Why(BaseModel):
    """A reason."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=1000)


class Clock(BaseModel):
    """How a sweep is asked for."""

    model_config = ConfigDict(extra="forbid")

    clock_is_right: bool = Field(False, description="A person says that a jump ahead of the clock is real.")


@router.get("/retention/schedules")
def get_schedules(caller: Caller = needs(Right.RETENTION_READ)) -> dict[str, Any]:
    """Every version of every schedule, drafts included."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        return {"schedules": [words.schedule(one) for one in store.schedules(uow)]}


@router.post("/retention/schedules", status_code=201)
def post_schedule(new: NewSchedule, caller: Caller = needs(Right.RETENTION_MANAGE)) -> dict[str, Any]:
    """Write a schedule down; it does not count before it is put into effect."""
    whole_house(caller)
    given = reading.draft(new.name, new.days, new.basis, new.when.model_dump(exclude_none=True))
    with caller.services.database.write() as uow:
        return words.schedule(caller.services.schedules.draft(uow, given, by=caller.principal.user_id))


@router.post("/retention/schedules/{schedule_id}/effect", status_code=204)
def put_in_effect(schedule_id: str, day: FromDay, caller: Caller = needs(Right.RETENTION_MANAGE)) -> None:
    """Make a draft count from a day on; where four eyes are set, somebody else than who drafted it."""
    whole_house(caller)
    with caller.services.database.write() as uow:
        caller.services.schedules.put_in_effect(
            uow, schedule_id, day=day.effective_from, by=caller.principal.user_id
        )  # fmt: skip


@router.delete("/retention/schedules/{schedule_id}", status_code=204)
def discard(schedule_id: str, caller: Caller = needs(Right.RETENTION_MANAGE)) -> None:
    """Forget a draft."""
    whole_house(caller)
    with caller.services.database.write() as uow:
        caller.services.schedules.discard(uow, schedule_id, by=caller.principal.user_id)


@router.post("/retention/withdrawals/{name}", status_code=204)
def withdraw(name: str, withdrawal: Withdrawal, caller: Caller = needs(Right.RETENTION_MANAGE)) -> None:
    """Let a schedule count no longer; what it applied to falls to the next that fits."""
    whole_house(caller)
    with caller.services.database.write() as uow:
        caller.services.schedules.withdraw(
            uow, name, by=caller.principal.user_id, reason=withdrawal.reason, day=withdrawal.effective_from
        )


@router.get("/retention/preview")
def get_preview(
    on: date | None = Query(None, description="Today when left out."),
    limit: int = Query(200, ge=0, le=10_000),
    caller: Caller = needs(Right.RETENTION_READ),
) -> dict[str, Any]:
    """What would be destroyed by the end of a day (UTC), by the schedules that count then."""
    whole_house(caller)
    services, day = caller.services, on or clock.now().date()
    services.keeping.classify()
    with services.database.read() as uow:
        listed = services.keeping.due(uow, day, limit) if limit else []
        return words.preview(services.keeping.preview(uow, day), listed)


@router.post("/retention/conflicts/{class_id}", status_code=204)
def settle(class_id: int, word: Settlement, caller: Caller = needs(Right.RETENTION_MANAGE)) -> None:
    """A person's word on a conflict between schedule and law; it holds until one of the two changes."""
    whole_house(caller)
    caller.services.keeping.settle(class_id, word.days, by=caller.principal.user_id, reason=word.reason)


@router.post("/retention/sweep")
def sweep(clock_word: Clock | None = None, caller: Caller = needs(Right.RETENTION_MANAGE)) -> dict[str, Any]:
    """Destroy what is due now; with four eyes, what was approved, and propose the rest."""
    whole_house(caller)
    right = clock_word is not None and clock_word.clock_is_right
    return words.swept(caller.services.keeping.sweep(by=caller.principal.user_id, clock_is_right=right))


@router.get("/retention/proposals")
def get_proposals(caller: Caller = needs(Right.RETENTION_READ)) -> dict[str, Any]:
    """Lists that wait for a second person, and those decided lately."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        return {"proposals": [words.proposal(one) for one in disposals.proposals(uow)]}


@router.get("/retention/proposals/{proposal_id}")
def get_proposal(proposal_id: str, caller: Caller = needs(Right.RETENTION_READ)) -> dict[str, Any]:
    """One list with its conversations."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        found = disposals.get_proposal(uow, proposal_id)
        if found is None:
            raise NotFound("There is no such list.", code="disposal.not_found")
        return words.proposal(found) | {"ids": disposals.items(uow, proposal_id)}


@router.post("/retention/proposals/{proposal_id}/approve", status_code=204)
def approve(proposal_id: str, why: Why, caller: Caller = needs(Right.DISPOSAL_APPROVE)) -> None:
    """A second person's yes: neither who proposed the list nor who put its schedule into effect."""
    whole_house(caller)
    caller.services.keeping.approve(proposal_id, by=caller.principal.user_id, reason=why.reason)


@router.post("/retention/proposals/{proposal_id}/refuse", status_code=204)
def refuse(proposal_id: str, why: Why, caller: Caller = needs(Right.DISPOSAL_APPROVE)) -> None:
    """A second person's no."""
    whole_house(caller)
    caller.services.keeping.refuse(proposal_id, by=caller.principal.user_id, reason=why.reason)


@router.get("/retention/destroyed")
def get_destroyed(
    limit: int = Query(100, ge=1, le=10_000), caller: Caller = needs(Right.RETENTION_READ)
) -> dict[str, Any]:
    """What was destroyed, the newest first."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        return {"destroyed": [words.tombstone(one) for one in disposals.newest(uow, limit)]}


@router.get("/retention/certificates")
def get_certificates(caller: Caller = needs(Right.RETENTION_READ)) -> dict[str, Any]:
    """Certificates of destruction, and the thumbprints of the keys that sign here."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        keys = list(disposals.public_keys(uow))
        return {"certificates": [words.issued(one) for one in disposals.certificates(uow)], "keys": keys}


@router.get("/retention/certificates/{certificate_id}", response_class=Response)
def get_certificate(certificate_id: str, caller: Caller = needs(Right.RETENTION_READ)) -> Response:
    """The certificate itself: a JWS in its compact form."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        text = disposals.signed(uow, certificate_id)
    if text is None:
        raise NotFound("There is no such certificate.", code="disposal.certificate")
    headers = {"Content-Disposition": f'attachment; filename="certificate-{certificate_id}.jws"'}
    return Response(text, media_type="application/jose", headers=headers)
