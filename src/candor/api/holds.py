"""Legal holds: placed, added to, released."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.api.retention import whole_house
from candor.pipeline import kept_words as words
from candor.pipeline.holding import Wanted
from candor.vault.holds import store
from candor.vault.requests.people import IdKind

router = APIRouter(tags=["holds"])


class Person(BaseModel):
    """By what somebody is found; kept as a digest."""

    model_config = ConfigDict(extra="forbid")

    kind: IdKind
    value: str = Field(min_length=1, max_length=255)


class NewHold(BaseModel):
    """Conversations that are named are under it, and all that fit the rest, those to come included."""

    model_config = ConfigDict(extra="forbid")

    case: str = Field(max_length=200, description="The matter; kept sealed.")
    reason: str = Field(max_length=1000)
    conversations: list[str] = Field([], max_length=10_000)
    people: list[Person] = Field([], max_length=100)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(None, description="Exclusive.")
    query: str | None = Field(
        None, max_length=1000, description="What the list of conversations is asked: `q=refund&queue=Billing`."
    )


class More(BaseModel):
    """Further conversations."""

    model_config = ConfigDict(extra="forbid")

    conversations: list[str] = Field(min_length=1, max_length=10_000)


class Release(BaseModel):
    """Why it ends."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=1000)


@router.get("/holds")
def get_holds(
    released: bool = Query(False, description="Those that are over, too."),
    caller: Caller = needs(Right.RETENTION_READ),
) -> dict[str, Any]:
    """Holds, the newest first, with how many conversations each covers."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        counts = store.counts(uow)
        found = caller.services.holding.listed(uow, standing=None if released else True)
    return {"holds": [words.hold(one, counts.get(one.id, 0)) for one in found]}


@router.post("/holds", status_code=201)
def place(new: NewHold, caller: Caller = needs(Right.HOLD_MANAGE)) -> dict[str, Any]:
    """Begin a hold: nothing of what it covers is destroyed, by whatever path."""
    whole_house(caller)
    services = caller.services
    services.persons.backfill()
    wanted = Wanted(
        case=new.case, reason=new.reason, conversations=new.conversations, since=new.since, until=new.until,
        query=new.query, people=[(one.kind, one.value) for one in new.people],
    )  # fmt: skip
    hold = services.holding.place(wanted, by=caller.principal.user_id)
    with services.database.read() as uow:
        return words.hold(hold, store.counts(uow).get(hold.id, 0))


@router.get("/holds/{hold_id}")
def get_hold(
    hold_id: str, limit: int = Query(200, ge=1, le=10_000), caller: Caller = needs(Right.RETENTION_READ)
) -> dict[str, Any]:
    """One hold, with the newest of its conversations."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        hold = caller.services.holding.get(uow, hold_id)
        told = words.hold(hold, store.counts(uow).get(hold_id, 0))
        return told | {"ids": store.conversations(uow, hold_id, limit)}


@router.post("/holds/{hold_id}/conversations")
def add(hold_id: str, more: More, caller: Caller = needs(Right.HOLD_MANAGE)) -> dict[str, int]:
    """Name further conversations; returns how many were not under it."""
    whole_house(caller)
    return {"added": caller.services.holding.add(hold_id, more.conversations, by=caller.principal.user_id)}


@router.post("/holds/{hold_id}/release", status_code=204)
def release(hold_id: str, why: Release, caller: Caller = needs(Right.HOLD_MANAGE)) -> None:
    """End a hold: what was due is destroyed with the next sweep, unless another hold covers it."""
    whole_house(caller)
    caller.services.holding.release(hold_id, by=caller.principal.user_id, reason=why.reason)
