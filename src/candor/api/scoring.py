"""Scoring on request: what a scorecard, kept or given, says of a conversation. Nothing is kept."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.conversation.codec import plain
from candor.errors import InvalidInput
from candor.scoring.loader import MAX_BYTES
from candor.scoring.service import load_scorecard

router = APIRouter(tags=["scores"])


class Wanted(BaseModel):
    """One scorecard: by its id, or written out."""

    scorecard: str | None = Field(None, max_length=200, description="Id of one that is kept, or that ships.")
    version: int | None = Field(None, ge=1, description="Its version; the active one when left out.")
    yaml: str | None = Field(None, max_length=MAX_BYTES, description="A scorecard as YAML, in the place of an id.")


@router.post("/conversations/{conversation_id}/scores")
def score(conversation_id: str, given: Wanted, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Answer a scorecard about a conversation, each answer with its evidence. Nothing is kept.

    Where a scorecard judges each leg of a transferred conversation by itself, the answer is that of the first, and
    `legs` has all of them.
    """
    services = caller.services
    with services.database.read() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
    if (given.scorecard is None) == (given.yaml is None):
        raise InvalidInput("Give either a scorecard's id or its YAML.", code="scoring.which")
    if given.yaml is not None:
        card = load_scorecard(given.yaml)
    else:
        card = services.scoring.scorecard(given.scorecard or "", given.version)
    (made,) = services.scoring.try_out(conversation_id, [card], caller.principal)
    told: list[dict[str, Any]] = [plain(each) for each in made]
    for each in told:
        del each["id"]  # of an evaluation that is not kept
    return told[0] if len(told) == 1 else {**told[0], "legs": told}
