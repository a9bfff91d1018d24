"""Scores: every evaluation of a conversation, and a person's word on one answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.conversation.codec import plain
from candor.conversation.evaluation import Verdict

router = APIRouter(tags=["scores"])


class Override(BaseModel):
    """A person's answer to one question of a scorecard."""

    scorecard: str = Field(max_length=200)
    question: str = Field(max_length=200)
    verdict: Verdict
    reason: str = Field(min_length=3, max_length=1000)


@router.get("/conversations/{conversation_id}/evaluations")
def list_evaluations(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_READ)) -> dict[str, Any]:
    """All evaluations with their answers and evidence; automatic and human ones apart.

    None to somebody whose blind form about the conversation is open.
    """
    with caller.services.database.read() as uow:
        view = caller.services.replay.view(uow, conversation_id, caller.scope)
        hidden = caller.services.evaluating.hidden(uow, caller.principal, conversation_id)
    return {"evaluations": [] if hidden else [plain(each) for each in view.evaluations]}


@router.post("/conversations/{conversation_id}/evaluations", status_code=201)
def override(conversation_id: str, given: Override, caller: Caller = needs(Right.SCORE_OVERRIDE)) -> dict[str, Any]:
    """Override one answer, with the reason; the automatic evaluation stays as it is."""
    services = caller.services
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
        made = services.scores.override(
            uow, conversation_id, given.scorecard, given.question, given.verdict, given.reason, caller.principal
        )
    found: dict[str, Any] = plain(made)
    return found
