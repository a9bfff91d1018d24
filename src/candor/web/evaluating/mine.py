"""The agents' own side: their scores with what they rest on, seen, a comment, a dispute."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.errors import Conflict, InvalidInput
from candor.replay import judged
from candor.replay.judged import EvaluationRow
from candor.replay.model import Scope
from candor.scoring.disputes import store as disputes
from candor.scoring.forms import store as forms
from candor.web.evaluating import common
from candor.web.evaluating.results import result_page
from candor.web.i18n import N_
from candor.web.visit import CurrentVisit, Posted

router = APIRouter()
_DONE = {
    "declined": N_("Noted: you do not judge this one yourself."),
    "submitted": N_("Your self-evaluation is submitted."),
}
_TREND = 30
"""Points of the trend."""


@router.get("/my-scores")
def mine(request: Request, visit: CurrentVisit) -> Response:
    """Released evaluations of one's own conversations, their trend, and self-evaluations that wait."""
    visit.principal.require(Right.EVALUATION_ANSWER)
    principal = visit.principal
    # By the agent's id and not by the reach of the list: what was released is shown even where calls are not.
    own = Scope(agent_ids=None if principal.agent_id else ())
    with visit.services.database.read() as uow:
        rows = judged.list_evaluations(uow, own, agent_id=principal.agent_id or "", released=True, limit=200)
        ids = [each.held.evaluation.id for each in rows]
        values: dict[str, Any] = {
            "rows": rows, "titles": common.titles(uow), "people": common.names(visit, uow),
            "seen": disputes.acknowledged(uow, ids, principal.user_id), "disputes": disputes.by_evaluations(uow, ids),
            "asked": judged.list_assignments(uow, visit.scope, evaluator=principal.user_id),
            "begun": {form.assignment_id: form for form in forms.of_evaluator(uow, principal.user_id)},
        }  # fmt: skip
    return common.page(
        request, visit, "mine.html", trend=_trend(rows), noticed=common.noticed(request, _DONE), **values
    )


def _trend(rows: tuple[EvaluationRow, ...]) -> list[tuple[float, float, EvaluationRow]]:
    """(x, y, row) of the newest with a score, the oldest first; x and y in per cent of the drawing."""
    scored = [each for each in rows if each.held.evaluation.score is not None][:_TREND][::-1]
    steps = max(1, len(scored) - 1)
    return [
        (100.0 * place / steps, 100.0 - (each.held.evaluation.score or 0.0), each) for place, each in enumerate(scored)
    ]


@router.post("/evaluations/{evaluation_id}/acknowledge")
def acknowledge(evaluation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Say that one has seen it."""
    visit.principal.require(Right.EVALUATION_ANSWER)
    del form  # its token was checked
    with visit.services.database.write() as uow:
        visit.services.disputing.acknowledge(uow, visit.principal, evaluation_id)
    return RedirectResponse(f"/evaluations/{evaluation_id}?done=acknowledged", status_code=303)


@router.post("/evaluations/{evaluation_id}/dispute")
def dispute(evaluation_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Contest answers: those that were ticked, each with its reason."""
    visit.principal.require(Right.EVALUATION_ANSWER)
    reasons = {str(name)[:64]: common.text(form, f"reason-{name}", 4_000) for name in form.getlist("question")}
    try:
        with visit.services.database.write() as uow:
            visit.services.disputing.dispute(uow, visit.principal, evaluation_id, reasons)
    except (InvalidInput, Conflict) as problem:
        return result_page(request, visit, evaluation_id, problem, reasons)
    return RedirectResponse(f"/evaluations/{evaluation_id}?done=disputed", status_code=303)


@router.post("/my-scores/disputes/{dispute_id}/withdraw")
def withdraw(dispute_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Let a dispute be."""
    visit.principal.require(Right.EVALUATION_ANSWER)
    del form  # its token was checked
    with visit.services.database.write() as uow:
        found = disputes.get(uow, dispute_id)
        visit.services.disputing.withdraw(uow, visit.principal, dispute_id)
    return RedirectResponse(f"/evaluations/{found.evaluation_id}?done=withdrawn", status_code=303)
