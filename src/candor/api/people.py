"""People, teams, what people see, their log-ins and second factors; and one's own log-ins."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from candor.access.model import Breadth, Right, UserRole
from candor.access.people import UserInfo
from candor.api.caller import Caller, needs
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.codec import plain
from candor.errors import InvalidInput
from candor.kit.database import UnitOfWork

router = APIRouter(tags=["people"])
_LONG = 120


class NewPerson(BaseModel):
    """Somebody who may log in."""

    login: str = Field(min_length=1, max_length=_LONG)
    name: str = Field(min_length=1, max_length=200)
    role: UserRole
    password: str | None = Field(None, max_length=512, description="None: they come by the identity provider.")
    team: str | None = Field(None, max_length=_LONG)
    agent_id: str | None = Field(None, max_length=_LONG)
    email: str | None = Field(None, max_length=254)


class Change(BaseModel):
    """What is to be changed; what is left out stays."""

    login: str | None = Field(None, min_length=1, max_length=_LONG)
    name: str | None = Field(None, min_length=1, max_length=200)
    role: UserRole | None = None
    team: str | None = Field(None, max_length=_LONG)
    agent_id: str | None = Field(None, max_length=_LONG)
    email: str | None = Field(None, max_length=254)
    active: bool | None = None
    reason: str = Field("", max_length=1000, description="Why somebody is let in no more; needed then.")


class NewReach(BaseModel):
    """Which conversations somebody sees."""

    breadth: Breadth
    teams: list[str] = Field([], max_length=1000)
    queues: list[str] = Field([], max_length=1000)


class NewTeam(BaseModel):
    """A team, named as the phone system names it."""

    name: str = Field(min_length=1, max_length=_LONG)
    note: str = Field("", max_length=300)


class Why(BaseModel):
    """A reason for the audit log."""

    reason: str = Field(min_length=3, max_length=1000)


@router.get("/people")
def list_people(caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """Everybody who may log in, or could."""
    with caller.services.database.read() as uow:
        found = caller.services.access.users(uow)
    return {"people": [_told(each) for each in found]}


@router.post("/people", status_code=201)
def add_person(given: NewPerson, caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """Add somebody."""
    people = caller.services.access.people
    with caller.services.database.write() as uow:
        user_id = people.add(uow, **given.model_dump())
        audit.record(uow, Event.USER_CREATED, caller.principal.user_id, subject=user_id)
        return _told(people.get(uow, user_id))


@router.get("/people/{user_id}")
def get_person(user_id: str, caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """One person, with second factors and log-ins."""
    access = caller.services.access
    with caller.services.database.read() as uow:
        return {
            **_told(access.people.get(uow, user_id)), "factors": plain(access.factors.of(uow, user_id)),
            "sessions": [plain(each) for each in access.sessions.of(uow, user_id)],
            "tokens": [plain(each) for each in access.tokens(uow, user_id)],
        }  # fmt: skip


@router.patch("/people/{user_id}")
def change_person(user_id: str, given: Change, caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """Change somebody; letting them in no more ends their log-ins and tokens at once, and needs a reason."""
    values = given.model_dump(exclude_unset=True, exclude={"reason", "active"})
    if any(values.get(name, "") is None for name in ("login", "name", "role")):
        raise InvalidInput("Log-in name, name and role cannot be empty.", code="access.person")
    if given.active is False and len(given.reason.strip()) < 3:
        raise InvalidInput("Say why they are let in no more: it stands in the audit log.", code="access.reason")
    people, by = caller.services.access.people, caller.principal.user_id
    with caller.services.database.write() as uow:
        before = people.get(uow, user_id)
        if values:
            people.change(uow, user_id, **values)
            role = values.get("role", before.role)
            what = f"{user_id} {before.role.value} to {role.value}" if role is not before.role else user_id
            audit.record(uow, Event.USER_CHANGED, by, subject=what)
            if role is UserRole.AGENT and before.reach.breadth is not Breadth.ROLE:
                people.set_reach(uow, user_id, Breadth.ROLE)
        if given.active is not None and given.active is not before.active:
            people.set_active(uow, user_id, active=given.active)
            what = f"{user_id} {'active' if given.active else 'inactive'}"
            audit.record(uow, Event.USER_CHANGED, by, subject=what, reason=given.reason.strip() or None)
        return _told(people.get(uow, user_id))


@router.put("/people/{user_id}/reach")
def set_reach(user_id: str, given: NewReach, caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """Which conversations somebody sees: as the role says, everything, or those of any of these teams and queues."""
    people = caller.services.access.people
    with caller.services.database.write() as uow:
        people.set_reach(uow, user_id, given.breadth, given.teams, given.queues)
        audit.record(uow, Event.REACH_CHANGED, caller.principal.user_id, subject=f"{user_id} {given.breadth.value}")
        return _told(people.get(uow, user_id))


@router.post("/people/{user_id}/factors/reset", status_code=204)
def reset_factors(user_id: str, given: Why, caller: Caller = needs(Right.USER_MANAGE)) -> Response:
    """Take all second factors away, for somebody who lost them; their log-ins end."""
    access = caller.services.access
    with caller.services.database.write() as uow:
        access.people.row(uow, user_id)
        access.factors.reset(uow, user_id)
        access.sessions.end_all(uow, user_id)
        audit.record(uow, Event.FACTOR_REMOVED, caller.principal.user_id, subject=f"{user_id} all", reason=given.reason)
    return Response(status_code=204)


@router.delete("/people/{user_id}/sessions", status_code=204)
def end_sessions(user_id: str, caller: Caller = needs(Right.USER_MANAGE)) -> Response:
    """End all log-ins of somebody."""
    access = caller.services.access
    with caller.services.database.write() as uow:
        access.people.row(uow, user_id)
        access.sessions.end_all(uow, user_id)
        audit.record(uow, Event.SESSION_ENDED, caller.principal.user_id, subject=user_id)
    return Response(status_code=204)


@router.delete("/people/{user_id}/tokens/{token_id}", status_code=204)
def revoke_token(user_id: str, token_id: str, caller: Caller = needs(Right.USER_MANAGE)) -> Response:
    """End a token of somebody."""
    with caller.services.database.write() as uow:
        caller.services.access.revoke_token(uow, user_id, token_id)
        audit.record(uow, Event.TOKEN_REVOKED, caller.principal.user_id, subject=token_id)
    return Response(status_code=204)


@router.get("/teams")
def list_teams(caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """Every team that was entered, that people belong to or are given, or that conversations name."""
    with caller.services.database.read() as uow:
        heard = caller.services.replay.facets(uow, caller.scope).teams
        found = caller.services.access.people.teams(uow, heard)
    return {"teams": [plain(each) for each in found]}


@router.post("/teams", status_code=201)
def add_team(given: NewTeam, caller: Caller = needs(Right.USER_MANAGE)) -> dict[str, Any]:
    """Enter a team before calls name it."""
    with caller.services.database.write() as uow:
        caller.services.access.people.add_team(uow, given.name, given.note)
        audit.record(uow, Event.TEAM_CHANGED, caller.principal.user_id, subject=f"add {given.name}")
    return {"name": given.name.strip(), "note": given.note.strip()}


@router.delete("/teams/{name:path}", status_code=204)
def remove_team(name: str, caller: Caller = needs(Right.USER_MANAGE)) -> Response:
    """Forget a team to which nobody belongs; 409 while somebody does."""
    with caller.services.database.write() as uow:
        caller.services.access.people.remove_team(uow, name)
        audit.record(uow, Event.TEAM_CHANGED, caller.principal.user_id, subject=f"remove {name}")
    return Response(status_code=204)


@router.get("/sessions")
def own_sessions(caller: Caller = needs(None)) -> dict[str, Any]:
    """Where one is logged in."""
    with caller.services.database.read() as uow:
        found = _own(uow, caller)
    return {"sessions": found}


@router.delete("/sessions/{session_id}", status_code=204)
def end_own_session(session_id: str, caller: Caller = needs(None, in_person=True)) -> Response:
    """End one of one's own log-ins."""
    with caller.services.database.write() as uow:
        caller.services.access.sessions.end(uow, caller.principal.user_id, session_id)
        audit.record(uow, Event.SESSION_ENDED, caller.principal.user_id, subject=caller.principal.user_id)
    return Response(status_code=204)


def _own(uow: UnitOfWork, caller: Caller) -> list[dict[str, Any]]:
    found = caller.services.access.sessions.of(uow, caller.principal.user_id, caller.session)
    return [plain(each) for each in found]


def _told(who: UserInfo) -> dict[str, Any]:
    found: dict[str, Any] = plain(who)
    return found
