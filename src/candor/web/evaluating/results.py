"""What people evaluated: the list, one evaluation with what stands beside it, release, a word on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.conversation.evaluation import Answer, Occasion
from candor.errors import CandorError, InvalidInput, NotFound
from candor.kit.database import UnitOfWork
from candor.pipeline.evaluating import STAFF, differences
from candor.replay import judged
from candor.scoring.disputes import store as disputes
from candor.scoring.model import Question, Scorecard
from candor.scoring.store import Held
from candor.web.conversation import page_values
from candor.web.evaluating import common
from candor.web.i18n import N_
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
_DONE = {
    "submitted": N_("Submitted."),
    "released": N_("Released: the agent sees it now."),
    "commented": N_("Your comment is there."),
    "acknowledged": N_("Noted that you have seen it."),
    "disputed": N_("Your dispute waits for somebody who neither evaluated nor took the call."),
    "withdrawn": N_("The dispute is withdrawn."),
    "decided": N_("Decided."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One question of an evaluation and what others said to it."""

    question: Question | None
    id: str
    answer: Answer
    others: tuple[tuple[str, Answer | None, bool], ...]
    """(whose, their answer, whether it is the same)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A section with its score and lines."""

    title: str
    score: float | None
    lines: tuple[Line, ...]


@router.get("/evaluations/done")
def done(request: Request, visit: CurrentVisit) -> Response:
    """People's evaluations within reach, the newest first; those that wait for release apart."""
    if not any(visit.principal.may(right) for right in (Right.EVALUATION_ASSIGN, Right.EVALUATION_WRITE)):
        visit.principal.require(Right.QUALITY_READ)
    wanted = request.query_params.get("show", "")
    mine = visit.principal.user_id if wanted == "mine" else None
    with visit.services.database.read() as uow:
        rows = judged.list_evaluations(
            uow, visit.scope, evaluator=mine, released=False if wanted == "unreleased" else None,
            occasions=(Occasion.GRADING,) if wanted == "gradings" else (Occasion.QUALITY,),
            not_agent=visit.principal.agent_id,
        )  # fmt: skip
        if wanted == "gradings" and not visit.principal.may(Right.EVALUATION_ASSIGN):
            rows = tuple(each for each in rows if each.held.evaluation.evaluator == visit.principal.user_id)
        values: dict[str, Any] = {
            "rows": rows, "people": common.names(visit, uow), "titles": common.titles(uow),
            "disputes": disputes.by_evaluations(uow, [each.held.evaluation.id for each in rows]),
        }  # fmt: skip
    return common.page(request, visit, "done.html", wanted=wanted, **values)


@router.get("/evaluations/{evaluation_id}")
def one(evaluation_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One evaluation beside its player."""
    return result_page(request, visit, evaluation_id)


def result_page(
    request: Request, visit: Visit, evaluation_id: str, problem: CandorError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """For staff and agents; what each may do is on it."""
    require_reader(visit)
    services, principal = visit.services, visit.principal
    with services.database.read() as uow:
        held = services.evaluating.read(uow, principal, evaluation_id)
        evaluation = held.evaluation
        scorecard = common.scorecard_of(uow, evaluation.scorecard, evaluation.scorecard_version)
        beside = services.evaluating.beside(uow, principal, held)
        dispute = disputes.of_evaluation(uow, evaluation_id)
        agent_id = held.circumstances.agent_id
        own = principal.agent_id is not None and principal.agent_id == agent_id
        origin = disputes.leading_to(uow, evaluation_id)
        values: dict[str, Any] = {
            "held": held, "evaluation": evaluation, "scorecard": scorecard, "beside": beside, "dispute": dispute,
            "earlier": services.evaluating.earlier(uow, held), "replies": disputes.replies_to(uow, evaluation_id),
            "origin": origin, "people": common.names(visit, uow), "own": own,
            "questions": common.questions_of(scorecard),
            "seen": bool(disputes.acknowledged(uow, [evaluation_id], principal.user_id)),
            "able": _graders(uow, visit, held) if principal.may(Right.EVALUATION_ASSIGN) and not own else (),
            "typed": typed or {}, "limits": services.disputing.limits,
        }  # fmt: skip
        values["agent"] = next(
            (user.name or user.login for user in services.access.users(uow) if user.agent_id == agent_id and agent_id),
            agent_id,
        )
    values["parts"] = _parts(held, scorecard, beside, values["people"])
    values = conversation_values(visit, evaluation.conversation_id) | values
    values["noticed"] = common.noticed(request, _DONE)
    return common.page(request, visit, "result.html", problem, **values)


def require_reader(visit: Visit) -> None:
    """Raise Forbidden for those who see no evaluations by people at all."""
    if not any(visit.principal.may(right) for right in (*STAFF, Right.EVALUATION_ANSWER)):
        visit.principal.require(Right.QUALITY_READ)


def conversation_values(visit: Visit, conversation_id: str) -> dict[str, Any]:
    """Player and transcript where they are within reach: an agent may see an evaluation and not the conversation."""
    try:
        return page_values(visit, conversation_id) | {"at": None, "search": ""}
    except NotFound:
        return {"view": None}


def _graders(uow: UnitOfWork, visit: Visit, held: Held) -> tuple[tuple[str, str], ...]:
    return tuple(
        (person.user_id, person.name or person.login)
        for person in visit.services.assigning.evaluators(uow)
        if person.user_id != held.evaluation.evaluator
        and (person.agent_id is None or person.agent_id != held.circumstances.agent_id)
    )


def _parts(
    held: Held, scorecard: Scorecard | None, beside: tuple[Held, ...], people: dict[str, str]
) -> tuple[Part, ...]:  # fmt: skip
    """The answers by section; all in one when the scorecard was taken away."""
    evaluation = held.evaluation
    others = [
        (people.get(each.evaluation.evaluator or "", ""), differences(evaluation, each.evaluation)) for each in beside
    ]
    by_question = [(who, {each.question: each for each in found}) for who, found in others]
    questions = common.questions_of(scorecard)
    lines = {
        answer.question: Line(
            question=questions.get(answer.question), id=answer.question, answer=answer,
            others=tuple(
                (who, found[answer.question].second, found[answer.question].same) for who, found in by_question
            ),
        )
        for answer in evaluation.answers
    }  # fmt: skip
    if scorecard is None:
        return (Part(title="", score=None, lines=tuple(lines.values())),)
    scores = {each.section: each.score for each in evaluation.sections}
    return tuple(
        Part(
            title=section.title, score=scores.get(section.id),
            lines=tuple(lines[question.id] for question in section.questions if question.id in lines),
        )
        for section in scorecard.walk()
    )  # fmt: skip


@router.post("/evaluations/{evaluation_id}/release")
def release(evaluation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Show it to the agent now."""
    del form  # its token was checked
    visit.principal.require(Right.EVALUATION_ASSIGN)
    with visit.services.database.write() as uow:
        visit.services.evaluating.release(uow, visit.principal, evaluation_id)
    return RedirectResponse(f"/evaluations/{evaluation_id}?done=released", status_code=303)


@router.post("/evaluations/{evaluation_id}/comment")
def comment(evaluation_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Say something to it."""
    require_reader(visit)
    try:
        with visit.services.database.write() as uow:
            visit.services.disputing.comment(uow, visit.principal, evaluation_id, common.text(form, "text"))
    except InvalidInput as problem:
        return result_page(request, visit, evaluation_id, problem, {"text": common.text(form, "text")})
    return RedirectResponse(f"/evaluations/{evaluation_id}?done=commented#talk", status_code=303)
