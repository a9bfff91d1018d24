"""Evaluating by hand, for programs: assignments, forms, people's evaluations, disputes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.conversation.codec import plain
from candor.conversation.evaluation import Occasion
from candor.kit.database import UnitOfWork
from candor.pipeline.disputing import Ruling
from candor.pipeline.evaluating import STAFF, Ask
from candor.replay import judged
from candor.scoring.assignments.model import Assignment, AssignmentState
from candor.scoring.disputes import store as disputes
from candor.scoring.disputes.model import DisputeState, Outcome
from candor.scoring.forms import model as filling
from candor.scoring.forms.model import Form
from candor.scoring.model import Scorecard
from candor.scoring.store import Held

router = APIRouter(tags=["evaluations"])
_AGENTS = (Right.EVALUATION_ANSWER,)


class NewAssignment(BaseModel):
    """A conversation to hand out."""

    conversation_id: str = Field(max_length=36)
    scorecard: str = Field("", max_length=64)
    evaluator: str | None = Field(None, max_length=64)
    """User id; none: it lies in the queue."""
    due_days: int = Field(7, ge=1, le=365)
    blind: bool = True
    segment: str | None = Field(None, max_length=64)
    about: str | None = Field(None, max_length=36)
    """The evaluation to be judged again."""
    release: str = Field("", max_length=8)


class Handing(BaseModel):
    """Whose an assignment becomes."""

    evaluator: str | None = Field(None, max_length=64)
    due_days: int | None = Field(None, ge=1, le=365)


class Reason(BaseModel):
    """Why."""

    reason: str = Field(min_length=3, max_length=1000)


class NewForm(BaseModel):
    """A form to open, for an assignment or for a conversation."""

    assignment_id: str | None = Field(None, max_length=36)
    conversation_id: str | None = Field(None, max_length=36)
    scorecard: str = Field("", max_length=64)
    segment: str | None = Field(None, max_length=64)
    blind: bool = True
    occasion: Occasion = Occasion.QUALITY


class GivenAnswer(BaseModel):
    """What is put down for one question, on a form at ``revision``."""

    revision: int = Field(ge=0)
    verdict: str | None = Field(None, max_length=16)
    value: str | float | list[str] | None = None
    comment: str = Field("", max_length=2000)
    pins: list[dict[str, Any]] = Field(default_factory=list, max_length=20)
    """Places: start and end in seconds, utterance, quote, note."""


class Submission(BaseModel):
    """The revision that is submitted."""

    revision: int = Field(ge=0)


class Words(BaseModel):
    """A comment."""

    text: str = Field(min_length=3, max_length=2000)


class NewDispute(BaseModel):
    """The disputed questions, each with the agent's reason."""

    reasons: dict[str, str]


class GivenRuling(BaseModel):
    """A reviewer's word on one answer; ``verdict`` or ``value`` when it is rescored."""

    outcome: Outcome
    reason: str = Field(max_length=2000)
    verdict: str | None = Field(None, max_length=16)
    value: str | float | list[str] | None = None


class Rulings(BaseModel):
    """By question."""

    rulings: dict[str, GivenRuling]


@router.get("/evaluations/assignments")
def list_assignments(
    evaluator: str | None = Query(None, max_length=64, description="User id, or `queue` for what anybody may take."),
    state: AssignmentState = AssignmentState.OPEN,
    caller: Caller = needs(Right.EVALUATION_WRITE),
) -> dict[str, Any]:
    """Assignments within reach, by deadline; of others only with the right to assign."""
    principal = caller.principal
    if evaluator not in {"queue", principal.user_id} and not principal.may(Right.EVALUATION_ASSIGN):
        evaluator = principal.user_id
    with caller.services.database.read() as uow:
        rows = judged.list_assignments(
            uow, caller.scope, evaluator=evaluator, in_queue=evaluator == "queue", state=state,
            not_agent=principal.agent_id,
        )  # fmt: skip
    return {"assignments": [plain(row.assignment) for row in rows]}


@router.post("/evaluations/assignments", status_code=201)
def assign(given: NewAssignment, caller: Caller = needs(Right.EVALUATION_ASSIGN)) -> dict[str, Any]:
    """Hand one conversation out, to a person or into the queue; with ``about`` a grading."""
    with caller.services.database.write() as uow:
        made = caller.services.assigning.assign(
            uow, caller.principal, given.conversation_id, scorecard=given.scorecard, evaluator=given.evaluator,
            due_days=given.due_days, blind=given.blind, segment=given.segment, about=given.about,
            occasion=Occasion.GRADING if given.about else Occasion.QUALITY, release=given.release,
        )  # fmt: skip
    return _assignment(made)


@router.post("/evaluations/assignments/{assignment_id}/reassign")
def reassign(
    assignment_id: str, given: Handing, caller: Caller = needs(Right.EVALUATION_ASSIGN)
) -> dict[str, Any]:  # fmt: skip
    """Give it to somebody else, or back into the queue."""
    with caller.services.database.write() as uow:
        made = caller.services.assigning.reassign(
            uow, caller.principal, assignment_id, given.evaluator, given.due_days
        )  # fmt: skip
    return _assignment(made)


@router.post("/evaluations/assignments/{assignment_id}/take")
def take(assignment_id: str, caller: Caller = needs(Right.EVALUATION_WRITE)) -> dict[str, Any]:
    """Take one from the queue."""
    with caller.services.database.write() as uow:
        made = caller.services.assigning.take(uow, caller.principal, assignment_id)
    return _assignment(made)


@router.post("/evaluations/assignments/{assignment_id}/decline")
def decline(
    assignment_id: str, given: Reason, caller: Caller = needs(Right.EVALUATION_WRITE, also=_AGENTS)
) -> dict[str, Any]:
    """Give one's own back, with a reason; a self-evaluation ends by that."""
    with caller.services.database.write() as uow:
        made = caller.services.assigning.decline(uow, caller.principal, assignment_id, given.reason)
    return _assignment(made)


@router.post("/evaluations/assignments/{assignment_id}/withdraw")
def withdraw(
    assignment_id: str, given: Reason, caller: Caller = needs(Right.EVALUATION_ASSIGN)
) -> dict[str, Any]:  # fmt: skip
    """Let nobody evaluate it, with a reason."""
    with caller.services.database.write() as uow:
        made = caller.services.assigning.withdraw(uow, caller.principal, assignment_id, given.reason)
    return _assignment(made)


@router.post("/evaluations/forms", status_code=201)
def open_form(given: NewForm, caller: Caller = needs(Right.EVALUATION_WRITE, also=_AGENTS)) -> dict[str, Any]:
    """Open a form, or get the one that is open for the same purpose already; gradings come by assignment."""
    services, principal = caller.services, caller.principal
    with services.database.write() as uow:
        if given.assignment_id is not None:
            form = services.evaluating.begin(uow, principal, given.assignment_id)
        else:
            occasion = given.occasion if given.occasion is Occasion.SELF else Occasion.QUALITY
            form = services.evaluating.open(
                uow, principal,
                Ask(
                    conversation_id=given.conversation_id or "", scorecard=given.scorecard, segment=given.segment,
                    blind=given.blind, occasion=occasion,
                ),
            )  # fmt: skip
        return _form(*services.evaluating.form(uow, principal, form.id))


@router.get("/evaluations/forms/{form_id}")
def show_form(form_id: str, caller: Caller = needs(Right.EVALUATION_WRITE, also=_AGENTS)) -> dict[str, Any]:
    """One's own form, what it asks now, and what it would come to."""
    with caller.services.database.read() as uow:
        return _form(*caller.services.evaluating.form(uow, caller.principal, form_id))


@router.put("/evaluations/forms/{form_id}/answers/{question}")
def put_answer(
    form_id: str, question: str, given: GivenAnswer, caller: Caller = needs(Right.EVALUATION_WRITE, also=_AGENTS)
) -> dict[str, Any]:
    """Put an answer down; 409 when the form is not at ``revision`` any more."""
    with caller.services.database.write() as uow:
        return _form(
            *caller.services.evaluating.save(
                uow, caller.principal, form_id, given.revision, question, given.model_dump(exclude={"revision"})
            )
        )


@router.post("/evaluations/forms/{form_id}/submit", status_code=201)
def submit_form(
    form_id: str, given: Submission, caller: Caller = needs(Right.EVALUATION_WRITE, also=_AGENTS)
) -> dict[str, Any]:
    """Make the evaluation; 422 while something is missing: ``GET`` tells what, in ``faults``."""
    with caller.services.database.write() as uow:
        made = caller.services.evaluating.submit(uow, caller.principal, form_id, given.revision)
        return _evaluation(uow, caller.services.evaluating.read(uow, caller.principal, made.id))


@router.get("/evaluations/disputes")
def list_disputes(
    state: DisputeState | None = None, caller: Caller = needs(Right.DISPUTE_REVIEW, also=_AGENTS)
) -> dict[str, Any]:
    """Disputes within reach, for those who review; agents get their own."""
    principal = caller.principal
    own = None if principal.may(Right.DISPUTE_REVIEW) else principal.user_id
    with caller.services.database.read() as uow:
        rows = judged.list_disputes(
            uow, caller.scope, state=state, by=own, not_agent=None if own else principal.agent_id
        )  # fmt: skip
    return {"disputes": [plain(row.dispute) for row in rows]}


@router.post("/evaluations/disputes/{dispute_id}/decide")
def decide(dispute_id: str, given: Rulings, caller: Caller = needs(Right.DISPUTE_REVIEW)) -> dict[str, Any]:
    """Uphold or rescore each disputed answer, with a reason."""
    rulings = {
        name: Ruling(outcome=one.outcome, reason=one.reason, answer={"verdict": one.verdict, "value": one.value})
        for name, one in given.rulings.items()
    }
    with caller.services.database.write() as uow:
        caller.services.disputing.decide(uow, caller.principal, dispute_id, rulings)
        found: dict[str, Any] = plain(disputes.get(uow, dispute_id))
    return found


@router.post("/evaluations/disputes/{dispute_id}/withdraw")
def withdraw_dispute(dispute_id: str, caller: Caller = needs(Right.EVALUATION_ANSWER)) -> dict[str, Any]:
    """The agent lets it be."""
    with caller.services.database.write() as uow:
        caller.services.disputing.withdraw(uow, caller.principal, dispute_id)
        found: dict[str, Any] = plain(disputes.get(uow, dispute_id))
    return found


@router.get("/evaluations/{evaluation_id}")
def show_evaluation(
    evaluation_id: str, caller: Caller = needs(Right.QUALITY_READ, also=(*STAFF, *_AGENTS))
) -> dict[str, Any]:
    """One evaluation by a person, with its release, replies and dispute."""
    with caller.services.database.read() as uow:
        return _evaluation(uow, caller.services.evaluating.read(uow, caller.principal, evaluation_id))


@router.post("/evaluations/{evaluation_id}/release")
def release(evaluation_id: str, caller: Caller = needs(Right.EVALUATION_ASSIGN)) -> dict[str, Any]:
    """Show it to its agent now."""
    with caller.services.database.write() as uow:
        return _evaluation(uow, caller.services.evaluating.release(uow, caller.principal, evaluation_id))


@router.post("/evaluations/{evaluation_id}/acknowledge")
def acknowledge(evaluation_id: str, caller: Caller = needs(Right.EVALUATION_ANSWER)) -> dict[str, Any]:
    """The agent has seen it."""
    with caller.services.database.write() as uow:
        caller.services.disputing.acknowledge(uow, caller.principal, evaluation_id)
        return _evaluation(uow, caller.services.evaluating.read(uow, caller.principal, evaluation_id))


@router.post("/evaluations/{evaluation_id}/comments", status_code=201)
def comment(
    evaluation_id: str, given: Words, caller: Caller = needs(Right.QUALITY_READ, also=(*STAFF, *_AGENTS))
) -> dict[str, Any]:
    """Say something to it."""
    with caller.services.database.write() as uow:
        caller.services.disputing.comment(uow, caller.principal, evaluation_id, given.text)
        return _evaluation(uow, caller.services.evaluating.read(uow, caller.principal, evaluation_id))


@router.post("/evaluations/{evaluation_id}/disputes", status_code=201)
def dispute(
    evaluation_id: str, given: NewDispute, caller: Caller = needs(Right.EVALUATION_ANSWER)
) -> dict[str, Any]:  # fmt: skip
    """Contest answers; 409 outside the window or over the limit."""
    with caller.services.database.write() as uow:
        made = caller.services.disputing.dispute(uow, caller.principal, evaluation_id, given.reasons)
    found: dict[str, Any] = plain(made)
    return found


def _assignment(one: Assignment) -> dict[str, Any]:
    found: dict[str, Any] = plain(one)
    return found


def _form(form: Form, scorecard: Scorecard) -> dict[str, Any]:
    found: dict[str, Any] = plain(form)
    standing = filling.standing(scorecard, form)
    return found | {
        "asked": [question.id for question in filling.asked(scorecard, form)],
        "faults": [plain(fault) for fault in filling.faults(scorecard, form)],
        "score": standing.score, "passed": standing.passed,
    }  # fmt: skip


def _evaluation(uow: UnitOfWork, held: Held) -> dict[str, Any]:
    found: dict[str, Any] = plain(held)
    contested = disputes.of_evaluation(uow, held.evaluation.id)
    return found | {
        "replies": [plain(reply) for reply in disputes.replies_to(uow, held.evaluation.id)],
        "dispute": None if contested is None else plain(contested),
    }
