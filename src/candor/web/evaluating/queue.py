"""The queue: what waits for oneself, what anybody may take, and, for those who assign, who has what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Principal, Right
from candor.conversation.evaluation import Occasion
from candor.errors import CandorError, Conflict, InvalidInput
from candor.kit.database import UnitOfWork
from candor.replay import judged
from candor.replay.judged import AssignmentRow
from candor.scoring.assignments import store as assignments
from candor.scoring.forms import store as forms
from candor.scoring.forms.model import Form
from candor.web.evaluating import common
from candor.web.evaluating.forms import FORMS
from candor.web.i18n import N_
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
PATH = "/evaluations"
_DONE = {
    "discarded": N_("The form was discarded; the assignment stays open."),
    "declined": N_("Given back into the queue."),
    "taken": N_("It is yours now."),
    "assigned": N_("Assigned."),
    "withdrawn": N_("Withdrawn: nobody evaluates it."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An assignment, the form that was begun for it, and who else could have it."""

    found: AssignmentRow
    form: Form | None
    able: tuple[Principal, ...] = ()


@router.get(PATH)
def queue(request: Request, visit: CurrentVisit) -> Response:
    """My queue, the common one, and everybody's."""
    return _page(request, visit)


def _page(request: Request, visit: Visit, problem: CandorError | None = None) -> Response:
    principal = visit.principal
    if not principal.may(Right.EVALUATION_ASSIGN):
        principal.require(Right.EVALUATION_WRITE)
    with visit.services.database.read() as uow:
        begun = forms.of_evaluator(uow, principal.user_id)
        by_assignment = {form.assignment_id: form for form in begun if form.assignment_id}
        mine = judged.list_assignments(uow, visit.scope, evaluator=principal.user_id)
        pool = judged.list_assignments(uow, visit.scope, in_queue=True, not_agent=principal.agent_id)
        others = _others(uow, visit)
        values = {
            "mine": [Line(found=each, form=by_assignment.get(each.assignment.id)) for each in mine],
            "pool": _lines(uow, visit, pool),
            "others": others,
            "loose": _loose(uow, visit, begun, {each.assignment.id for each in mine}),
            "load": sorted(assignments.load(uow).items(), key=lambda pair: -pair[1]) if others is not None else [],
            "people": common.names(visit, uow), "titles": common.titles(uow),
        }  # fmt: skip
    return common.page(request, visit, "queue.html", problem, **values | {"noticed": common.noticed(request, _DONE)})


def _others(uow: UnitOfWork, visit: Visit) -> list[Line] | None:
    if not visit.principal.may(Right.EVALUATION_ASSIGN):
        return None
    found = judged.list_assignments(uow, visit.scope, not_agent=visit.principal.agent_id)
    return _lines(
        uow, visit, [each for each in found if each.assignment.evaluator not in {None, visit.principal.user_id}]
    )


def _lines(uow: UnitOfWork, visit: Visit, found: Sequence[AssignmentRow]) -> list[Line]:
    movable = [each.assignment for each in found if each.assignment.occasion is not Occasion.SELF]
    able = visit.services.assigning.able(uow, movable) if visit.principal.may(Right.EVALUATION_ASSIGN) else {}
    return [Line(found=each, form=None, able=able.get(each.assignment.id, ())) for each in found]


def _loose(uow: UnitOfWork, visit: Visit, begun: list[Form], mine: set[str]) -> list[tuple[Form, str]]:
    """Forms that were begun without an assignment, with the words for their conversation."""
    found = []
    for form in begun:
        if form.assignment_id in mine or form.occasion not in {Occasion.QUALITY, Occasion.GRADING}:
            continue
        try:
            row = visit.services.replay.row(uow, form.conversation_id, visit.scope)
        except CandorError:
            continue
        found.append((form, row.agent or ""))
    return found


@router.get("/evaluations/waiting")
def waiting(request: Request, visit: CurrentVisit) -> Response:
    """How many wait, for the rail; every person may ask."""
    may = visit.principal.may
    with visit.services.database.read() as uow:
        found = judged.waiting(
            uow, visit.scope, visit.principal.user_id, visit.principal.agent_id,
            evaluates=may(Right.EVALUATION_WRITE), reviews=may(Right.DISPUTE_REVIEW),
            answers=may(Right.EVALUATION_ANSWER),
        )  # fmt: skip
    return renderer_of(request).page(request, "evaluating/waiting.html", waiting=found)


@router.post("/evaluations/assignments/{assignment_id}/begin")
def begin(assignment_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Open the form; from the queue it is taken by that."""
    _require_any(visit)
    del form  # its token was checked
    with visit.services.database.write() as uow:
        made = visit.services.evaluating.begin(uow, visit.principal, assignment_id)
    return RedirectResponse(f"{FORMS}/{made.id}", status_code=303)


@router.post("/evaluations/assignments/{assignment_id}/take")
def take(assignment_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take one from the queue."""
    visit.principal.require(Right.EVALUATION_WRITE)
    del form  # its token was checked
    assigning = visit.services.assigning
    return _did(request, visit, "taken", lambda uow: assigning.take(uow, visit.principal, assignment_id))


@router.post("/evaluations/assignments/{assignment_id}/decline")
def decline(assignment_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Give one's own back."""
    _require_any(visit)
    why, assigning = common.text(form, "reason"), visit.services.assigning
    if not visit.principal.may(Right.EVALUATION_WRITE):
        with visit.services.database.write() as uow:
            assigning.decline(uow, visit.principal, assignment_id, why)
        return RedirectResponse("/my-scores?done=declined", status_code=303)
    return _did(request, visit, "declined", lambda uow: assigning.decline(uow, visit.principal, assignment_id, why))


@router.post("/evaluations/assignments/{assignment_id}/reassign")
def reassign(assignment_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Give it to somebody, or back into the queue."""
    visit.principal.require(Right.EVALUATION_ASSIGN)
    whose, days = common.text(form, "evaluator", 64) or None, common.whole(form, "due_days", 0) or None
    assigning = visit.services.assigning
    return _did(
        request, visit, "assigned", lambda uow: assigning.reassign(uow, visit.principal, assignment_id, whose, days)
    )


@router.post("/evaluations/assignments/{assignment_id}/withdraw")
def withdraw(assignment_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Let nobody evaluate it."""
    visit.principal.require(Right.EVALUATION_ASSIGN)
    why, assigning = common.text(form, "reason"), visit.services.assigning
    return _did(request, visit, "withdrawn", lambda uow: assigning.withdraw(uow, visit.principal, assignment_id, why))


def _require_any(visit: Visit) -> None:
    if not visit.principal.may(Right.EVALUATION_ANSWER):
        visit.principal.require(Right.EVALUATION_WRITE)


def _did(request: Request, visit: Visit, done: str, work: Callable[[UnitOfWork], object]) -> Response:
    """Back to the queue, which says what was done or what is wrong."""
    try:
        with visit.services.database.write() as uow:
            work(uow)
    except (InvalidInput, Conflict) as problem:
        return _page(request, visit, problem)
    return RedirectResponse(f"{PATH}?done={done}", status_code=303)


@router.post("/conversations/{conversation_id}/assign")
def assign(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Hand a conversation out."""
    visit.principal.require(Right.EVALUATION_ASSIGN)
    about = common.text(form, "about", 36) or None
    with visit.services.database.write() as uow:
        visit.services.assigning.assign(
            uow, visit.principal, conversation_id, scorecard=common.text(form, "scorecard", 64),
            evaluator=common.text(form, "evaluator", 64) or None, due_days=common.whole(form, "due_days", 7),
            blind=bool(form.get("blind")), occasion=Occasion.GRADING if about else Occasion.QUALITY, about=about,
            segment=common.text(form, "segment", 64) or None,
        )  # fmt: skip
    return RedirectResponse(f"{PATH}?done=assigned", status_code=303)
