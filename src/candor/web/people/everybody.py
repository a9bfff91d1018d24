"""Everybody: the list, and adding a person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.access.factors import store as factors
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, InvalidInput
from candor.web.people import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()


@router.get("/people")
def everybody(request: Request, visit: CurrentVisit) -> Response:
    """The list; ``q`` narrows it to names that hold it, ``active=no`` to those who may not come in."""
    common.check(visit)
    return _page(request, visit)


@router.post("/people")
def add(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Add a person; without a password where people come by an identity provider."""
    common.check(visit)
    given = {name: common.text(form, name) for name in ("login", "name", "role", "team", "agent_id", "email")}
    password = str(form.get("password") or "")
    try:
        passwordless = not password and visit.services.provider is not None
        with visit.services.database.write() as uow:
            user_id = visit.services.access.people.add(
                uow, login=given["login"], name=given["name"] or given["login"], role=common.role_of(form),
                password=None if passwordless else password, team=given["team"], agent_id=given["agent_id"],
                email=given["email"],
            )  # fmt: skip
            audit.record(uow, Event.USER_CREATED, visit.principal.user_id, subject=user_id)
    except (InvalidInput, Conflict) as problem:
        return _page(request, visit, problem=problem, given=given)
    return common.done(f"/people/{user_id}", "added")


def _page(
    request: Request, visit: Visit, problem: CandorError | None = None, given: dict[str, str] | None = None
) -> Response:
    wanted, inactive = request.query_params.get("q", "")[:120].strip(), request.query_params.get("active") == "no"
    with visit.services.database.read() as uow:
        people = visit.services.access.users(uow)
        having = factors.with_factors(uow)
        heard = visit.services.replay.facets(uow, visit.scope).teams
        teams = [team.name for team in visit.services.access.people.teams(uow, heard)]
    shown = [
        one for one in people
        if one.active is not inactive and wanted.lower() in f"{one.login} {one.name} {one.team or ''}".lower()
    ]  # fmt: skip
    return common.page(
        request, "everybody.html", status=422 if problem else 200, people=shown, total=len(people), having=having,
        teams=teams, wanted=wanted, inactive=inactive, problem=problem, given=given or {},
        by_provider=visit.services.provider is not None,
    )  # fmt: skip
