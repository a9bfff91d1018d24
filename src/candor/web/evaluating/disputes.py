"""Disputes: those that wait, and one with both words side by side and the reviewer's ruling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.errors import CandorError, Forbidden, InvalidInput
from candor.pipeline.disputing import Ruling
from candor.replay import judged
from candor.scoring.disputes.model import DisputeState, Outcome
from candor.scoring.model import Question
from candor.web.answers import given
from candor.web.evaluating import common
from candor.web.evaluating.results import conversation_values
from candor.web.i18n import N_
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
PATH = "/evaluations/disputes"
_DONE = {"decided": N_("Decided: both sides see it now.")}


@router.get(PATH)
def disputes(request: Request, visit: CurrentVisit) -> Response:
    """Open ones first, then those that were decided."""
    visit.principal.require(Right.DISPUTE_REVIEW)
    with visit.services.database.read() as uow:
        rows = judged.list_disputes(uow, visit.scope, not_agent=visit.principal.agent_id, limit=200)
        values: dict[str, Any] = {"people": common.names(visit, uow), "titles": common.titles(uow)}
    waiting = [each for each in rows if each.dispute.state is DisputeState.OPEN]
    over = [each for each in rows if each.dispute.state is not DisputeState.OPEN]
    return common.page(
        request, visit, "disputes.html", waiting=waiting[::-1], over=over, noticed=common.noticed(request, _DONE),
        **values,
    )  # fmt: skip


@router.get("/evaluations/disputes/{dispute_id}")
def dispute(dispute_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One dispute, beside player and transcript."""
    return _page(request, visit, dispute_id)


def _page(
    request: Request, visit: Visit, dispute_id: str, problem: CandorError | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Response:  # fmt: skip
    visit.principal.require(Right.DISPUTE_REVIEW)
    services = visit.services
    with services.database.read() as uow:
        found, held = services.disputing.read(uow, visit.principal, dispute_id)
        scorecard = common.scorecard_of(uow, held.evaluation.scorecard, held.evaluation.scorecard_version)
        try:
            services.disputing.require_reviewer(uow, visit.principal, found, held)
            refused = ""
        except Forbidden as error:
            refused = error.message
        people = common.names(visit, uow)
    questions = common.questions_of(scorecard)
    values = {
        "dispute": found, "held": held, "evaluation": held.evaluation, "scorecard": scorecard, "people": people,
        "questions": questions, "answers": {answer.question: answer for answer in held.evaluation.answers},
        "refused": refused, "typed": typed,
    }  # fmt: skip
    return common.page(
        request, visit, "dispute.html", problem, **conversation_values(visit, found.conversation_id) | values
    )


@router.post("/evaluations/disputes/{dispute_id}")
def decide(dispute_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Uphold or rescore each disputed answer."""
    visit.principal.require(Right.DISPUTE_REVIEW)
    services = visit.services
    try:
        with services.database.write() as uow:
            found, held = services.disputing.read(uow, visit.principal, dispute_id)
            scorecard = common.scorecard_of(uow, held.evaluation.scorecard, held.evaluation.scorecard_version)
            questions = common.questions_of(scorecard)
            rulings = {
                each.question: _ruling(form, each.question, questions.get(each.question)) for each in found.questions
            }
            services.disputing.decide(
                uow, visit.principal, dispute_id, {name: each for name, each in rulings.items() if each}
            )
    except InvalidInput as problem:
        typed: dict[str, Any] = defaultdict(str)
        typed |= {name: str(value)[:2000] for name, value in form.items() if name != "csrf"}
        typed |= {name: form.getlist(name) for name in form if name.startswith("value-")}
        return _page(request, visit, dispute_id, problem, typed)
    return RedirectResponse(f"{PATH}?done=decided", status_code=303)


def _ruling(form: FormData, name: str, question: Question | None) -> Ruling | None:
    outcome = common.text(form, f"outcome-{name}", 16)
    if outcome not in {Outcome.UPHELD.value, Outcome.RESCORED.value} or question is None:
        return None
    verdict, value = given(form, f"answer-{name}", f"value-{name}")
    answer = {"verdict": verdict, "value": value}
    return Ruling(outcome=Outcome(outcome), reason=common.text(form, f"reason-{name}"), answer=answer)
