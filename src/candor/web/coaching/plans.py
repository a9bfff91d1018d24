"""Plans: several sessions and courses for one agent, towards one aim."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput
from candor.web.coaching import common
from candor.web.i18n import N_
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/coaching/plans"
_WRONG = (InvalidInput, Conflict, Forbidden)
_DONE = {"begun": N_("The plan is begun."), "closed": N_("The plan is closed."), "assigned": N_("The course is in it.")}


@router.post(_AT)
def begin(visit: CurrentVisit, form: Posted) -> Response:
    """Begin one."""
    common.check(visit, Right.COACHING_WRITE)
    agent_id = common.text(form, "agent", 255)
    made = visit.services.coaching.begin_plan(
        agent_id, common.text(form, "title", 300), common.text(form, "aim"), common.day(form, "until"), visit.principal
    )
    return common.done(f"{_AT}/{made.id}", "begun")


@router.get(_AT + "/{plan_id}")
def plan(plan_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One, with its sessions and courses."""
    common.check(visit, Right.COACHING_WRITE, Right.EVALUATION_ANSWER)
    return _one(request, visit, plan_id)


@router.post(_AT + "/{plan_id}/courses")
def assign(plan_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Put a course into it."""
    common.check(visit, Right.COACHING_WRITE)
    services = visit.services
    try:
        with services.database.read() as uow:
            found, _, _ = services.coaching.plan(uow, plan_id, visit.principal)
        services.library.assign(
            common.text(form, "course", 36), [found.agent_id], visit.principal, due=common.day(form, "due"),
            plan_id=plan_id,
        )  # fmt: skip
    except _WRONG as problem:
        return _one(request, visit, plan_id, problem)
    return common.done(f"{_AT}/{plan_id}", "assigned")


@router.post(_AT + "/{plan_id}/close")
def close(plan_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """It is over."""
    del form
    common.check(visit, Right.COACHING_WRITE)
    visit.services.coaching.close_plan(plan_id, visit.principal)
    return RedirectResponse(f"{_AT}/{quote(plan_id)}?done=closed", status_code=303)


def _one(request: Request, visit: Visit, plan_id: str, problem: CandorError | None = None) -> Response:
    services = visit.services
    with services.database.read() as uow:
        found, sessions, assigned = services.coaching.plan(uow, plan_id, visit.principal)
        own = visit.principal.agent_id == found.agent_id
        values = {
            "agent_name": visit.principal.name if own else services.gaps.agent(uow, visit.scope, found.agent_id).name,
            "courses": {each.id: each for each in services.library.courses(uow, visit.principal)},
            "people": common.names(visit, uow),
        }  # fmt: skip
    return common.page(
        request, visit, "plan.html", problem, plan=found, sessions=sessions, assigned=assigned, own=own,
        noticed=common.noticed(request, _DONE), **values,
    )  # fmt: skip
