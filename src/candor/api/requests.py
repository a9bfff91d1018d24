"""Requests of data subjects: taken, looked up, answered by a copy or by erasure."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.api.holds import Person
from candor.api.retention import whole_house
from candor.errors import InvalidInput
from candor.pipeline import kept_words as words
from candor.pipeline.subject_requests import Asked
from candor.vault.requests import store
from candor.vault.requests.store import RequestKind, RequestState

router = APIRouter(tags=["requests"])


class NewRequest(BaseModel):
    """What somebody asks for; who they are is kept sealed."""

    model_config = ConfigDict(extra="forbid")

    kind: RequestKind
    name: str = Field(min_length=1, max_length=200)
    contact: str = Field("", max_length=300)
    keys: list[Person] = Field(min_length=1, max_length=100, description="By what they are found.")
    place: str | None = Field(None, max_length=16, description="Where they live: `DE`, `US-CA`.")
    law: str | None = Field(None, max_length=16, description="The law itself, instead of a place.")
    received_on: date | None = Field(None, description="Today when left out.")


class Verified(BaseModel):
    """How it was made sure who they are."""

    model_config = ConfigDict(extra="forbid")

    how: str = Field(max_length=1000)


class Extension(BaseModel):
    """A later last day, and why."""

    model_config = ConfigDict(extra="forbid")

    until: date
    reason: str = Field(max_length=1000)


class Choice(BaseModel):
    """Whether a conversation is about them."""

    model_config = ConfigDict(extra="forbid")

    theirs: bool
    reason: str = Field("", max_length=1000)


class Sure(BaseModel):
    """That it is meant."""

    model_config = ConfigDict(extra="forbid")

    sure: bool = Field(description="It cannot be undone.")


class Outcome(BaseModel):
    """What the person was told."""

    model_config = ConfigDict(extra="forbid")

    outcome: str = Field(max_length=1000)


@router.get("/requests")
def get_requests(
    closed: bool = Query(False, description="Answered ones, too."), caller: Caller = needs(Right.RETENTION_READ)
) -> dict[str, Any]:
    """Requests by deadline, without who asks."""
    whole_house(caller)
    with caller.services.database.read() as uow:
        found = store.listed(uow, state=None if closed else RequestState.OPEN)
    return {"requests": [words.request(one) for one in found]}


@router.post("/requests", status_code=201)
def receive(new: NewRequest, caller: Caller = needs(Right.REQUEST_MANAGE)) -> dict[str, Any]:
    """Take a request in, set its deadline, find what is theirs over all channels."""
    whole_house(caller)
    asked = Asked(
        kind=new.kind, name=new.name, contact=new.contact, keys=[(one.kind, one.value) for one in new.keys],
        place=new.place, law=new.law, received_on=new.received_on,
    )  # fmt: skip
    made = caller.services.subject_requests.receive(asked, by=caller.principal.user_id)
    return _whole(caller, made.id)


@router.get("/requests/{request_id}")
def get_request(request_id: str, caller: Caller = needs(Right.REQUEST_MANAGE)) -> dict[str, Any]:
    """One request: who asks, every conversation and what became of it, every step."""
    whole_house(caller)
    return _whole(caller, request_id)


@router.post("/requests/{request_id}/find")
def find(request_id: str, caller: Caller = needs(Right.REQUEST_MANAGE)) -> dict[str, int]:
    """Look again; returns how many conversations are new."""
    whole_house(caller)
    return {"added": caller.services.subject_requests.find(request_id, by=caller.principal.user_id)}


@router.post("/requests/{request_id}/verify", status_code=204)
def verify(request_id: str, verified: Verified, caller: Caller = needs(Right.REQUEST_MANAGE)) -> None:
    """Note that they are who they say; nothing is given out or erased before."""
    whole_house(caller)
    caller.services.subject_requests.verify(request_id, by=caller.principal.user_id, how=verified.how)


@router.post("/requests/{request_id}/extend", status_code=204)
def extend(request_id: str, extension: Extension, caller: Caller = needs(Right.REQUEST_MANAGE)) -> None:
    """Lengthen the time once, within the law's bound."""
    whole_house(caller)
    caller.services.subject_requests.extend(
        request_id, by=caller.principal.user_id, until=extension.until, reason=extension.reason
    )  # fmt: skip


@router.put("/requests/{request_id}/conversations/{conversation_id}", status_code=204)
def choose(
    request_id: str, conversation_id: str, choice: Choice, caller: Caller = needs(Right.REQUEST_MANAGE)
) -> None:  # fmt: skip
    """Say whether a conversation is theirs."""
    whole_house(caller)
    caller.services.subject_requests.choose(
        request_id, conversation_id, theirs=choice.theirs, by=caller.principal.user_id, reason=choice.reason
    )


@router.post("/requests/{request_id}/copy", response_class=StreamingResponse)
def copy(request_id: str, caller: Caller = needs(Right.REQUEST_MANAGE)) -> StreamingResponse:
    """Their copy as a ZIP: sound, text, pages to read, vCon; others' data masked."""
    whole_house(caller)
    pieces = caller.services.subject_requests.copy(request_id, by=caller.principal.user_id)
    headers = {"Content-Disposition": 'attachment; filename="copy.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.post("/requests/{request_id}/erase")
def erase(request_id: str, sure: Sure, caller: Caller = needs(Right.REQUEST_MANAGE)) -> dict[str, Any]:
    """Destroy what is theirs; of each conversation what became of it, and why."""
    whole_house(caller)
    if not sure.sure:
        raise InvalidInput("Erasing cannot be undone.", code="request.sure", advice="Nothing was changed.")
    items = caller.services.subject_requests.erase(request_id, by=caller.principal.user_id)
    return {"conversations": [words.item(one) for one in items]}


@router.post("/requests/{request_id}/close", status_code=204)
def close(request_id: str, outcome: Outcome, caller: Caller = needs(Right.REQUEST_MANAGE)) -> None:
    """The request is answered."""
    whole_house(caller)
    caller.services.subject_requests.close(request_id, by=caller.principal.user_id, outcome=outcome.outcome)


def _whole(caller: Caller, request_id: str) -> dict[str, Any]:
    services = caller.services
    with services.database.read() as uow:
        found = store.get(uow, request_id)
        subject = services.subject_requests.subject(uow, found.id)
        return words.request(found, subject) | {
            "conversations": [words.item(one) for one in store.items(uow, found.id)],
            "steps": [words.step(one) for one in store.steps(uow, found.id)],
        }
