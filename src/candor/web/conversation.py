"""The conversation page: head, player, transcript and the side panel."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from candor.access.model import Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.kit.database import UnitOfWork
from candor.pipeline import purposes
from candor.pipeline.evaluating import STAFF
from candor.replay.model import ConversationView, Status
from candor.vault.holds import store as holds
from candor.web import reading, scores
from candor.web.beginning import beginning
from candor.web.consent import common, terms
from candor.web.consent.ofcall import OfCall, of_call
from candor.web.render import renderer_of
from candor.web.unmasking import revealing_of
from candor.web.visit import CurrentVisit, Visit

router = APIRouter()

TABS = ("score", "findings", "metrics", "consent", "processing", "details", "history")


@router.get("/conversations/{conversation_id}")
def conversation(conversation_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One conversation, at the tab and the second that the address names."""
    values = page_values(visit, conversation_id)
    with visit.services.database.write() as uow:
        audit.record(uow, Event.OPENED, visit.principal.user_id, conversation_id=conversation_id, subject="page")
    params = request.query_params
    return renderer_of(request).page(
        request,
        "conversation/page.html",
        tab=params.get("tab") if params.get("tab") in TABS else _first_tab(values["view"], values["consent"]),
        at=_seconds(params.get("t")),
        search=params.get("q", "")[:200],
        **values,
    )


@router.get("/conversations/{conversation_id}/processing")
def processing(conversation_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The processing tab alone, for polling while stages run."""
    with visit.services.database.read() as uow:
        view = visit.services.replay.view(uow, conversation_id, visit.scope)
    return renderer_of(request).page(request, "conversation/processing.html", view=view, polled=True)


def page_values(visit: Visit, conversation_id: str) -> dict[str, Any]:
    """What the page and its parts are made from."""
    visit.principal.require(Right.CONVERSATION_READ)
    with visit.services.database.read() as uow:
        view = visit.services.replay.view(uow, conversation_id, visit.scope)
        begin = beginning(visit, uow, view)
        if begin["blinded"]:  # while one's own blind form is open
            view = replace(view, evaluations=())
        blocks = score_blocks(visit, uow, view)
        consent = of_call(uow, visit, view.conversation)
        people = common.names(visit, uow) if consent.shown else {}
        revealing = revealing_of(uow, visit, conversation_id)
        held_by = holds.holds_of(uow, conversation_id)
        only_kept = purposes.only_kept(uow, conversation_id, visit.services.house.purpose)
    read = reading.read(view)
    return begin | {
        "view": view, "reading": read, "blocks": blocks, "player_json": data_block(read.player), "form": None,
        "consent": consent, "people": people, "terms": terms, "revealing": revealing,
        "held_by": held_by, "only_kept": only_kept,
        "opens_evaluations": any(visit.principal.may(right) for right in (*STAFF, Right.EVALUATION_ANSWER)),
    }  # fmt: skip


def score_blocks(visit: Visit, uow: UnitOfWork, view: ConversationView) -> tuple[scores.ScoreBlock, ...]:
    """The score panel's content."""
    return scores.blocks(view.evaluations, partial(visit.services.scores.scorecard, uow))


def _first_tab(view: ConversationView, consent: OfCall) -> str:
    """The score; before there is one, how the processing stands; of a quarantined one, why it is."""
    if consent.held:
        return "consent"
    return "score" if view.evaluations or view.row.status is Status.READY else "processing"


def data_block(value: object) -> Markup:
    """JSON for a script, as it may stand inside the page."""
    # "<" is escaped, so that no text can end the data block it stands in.
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026"))  # noqa: S704


def _seconds(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
