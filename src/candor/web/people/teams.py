"""Teams: who belongs to them, who sees them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, InvalidInput
from candor.web.people import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()


@router.get("/people/teams")
def teams(request: Request, visit: CurrentVisit) -> Response:
    """The list."""
    common.check(visit)
    return _page(request, visit)


@router.post("/people/teams")
def add(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Add a team."""
    common.check(visit)
    name, note = common.text(form, "name", 120), common.text(form, "note", 300)
    try:
        with visit.services.database.write() as uow:
            visit.services.access.people.add_team(uow, name, note)
            audit.record(uow, Event.TEAM_CHANGED, visit.principal.user_id, subject=f"add {name}")
    except (InvalidInput, Conflict) as problem:
        return _page(request, visit, problem, {"name": name, "note": note})
    return common.done("/people/teams", "team")


@router.post("/people/teams/remove")
def remove(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Forget a team to which nobody belongs."""
    common.check(visit)
    name = common.text(form, "name", 120)
    try:
        with visit.services.database.write() as uow:
            visit.services.access.people.remove_team(uow, name)
            audit.record(uow, Event.TEAM_CHANGED, visit.principal.user_id, subject=f"remove {name}")
    except Conflict as problem:
        return _page(request, visit, problem)
    return common.done("/people/teams", "no_team")


def _page(
    request: Request, visit: Visit, problem: CandorError | None = None, given: dict[str, str] | None = None
) -> Response:
    with visit.services.database.read() as uow:
        heard = visit.services.replay.facets(uow, visit.scope).teams
        found = visit.services.access.people.teams(uow, heard)
    return common.page(
        request, "teams.html", status=422 if problem else 200, teams=found, heard=set(heard), problem=problem,
        given=given or {},
    )  # fmt: skip
