"""API tokens of one's own: make, list, revoke."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.codec import plain

router = APIRouter(tags=["tokens"])


class NewToken(BaseModel):
    """What a token is for and may do."""

    name: str = Field(min_length=1, max_length=120)
    scopes: list[Right] = Field(min_length=1)
    expires_at: AwareDatetime | None = None


@router.get("/tokens")
def list_tokens(caller: Caller = needs(None)) -> dict[str, Any]:
    """One's own tokens, without their secrets."""
    with caller.services.database.read() as uow:
        found = caller.services.access.tokens(uow, caller.principal.user_id)
    return {"tokens": [plain(each) for each in found]}


@router.post("/tokens", status_code=201)
def create_token(given: NewToken, caller: Caller = needs(None, in_person=True)) -> dict[str, Any]:
    """A new token with at most one's own rights; its secret is shown this once."""
    expires: datetime | None = given.expires_at
    with caller.services.database.write() as uow:
        secret, info = caller.services.access.create_token(uow, caller.principal, given.name, given.scopes, expires)
        audit.record(uow, Event.TOKEN_CREATED, caller.principal.user_id, subject=info.id)
    return {"secret": secret, **plain(info)}


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: str, caller: Caller = needs(None)) -> Response:
    """End one of one's own tokens."""
    # A token may end itself, but no other: who stole one must not lock the others out.
    if caller.principal.token_id != token_id:
        caller.in_person()
    with caller.services.database.write() as uow:
        caller.services.access.revoke_token(uow, caller.principal.user_id, token_id)
        audit.record(uow, Event.TOKEN_REVOKED, caller.principal.user_id, subject=token_id)
    return Response(status_code=204)
