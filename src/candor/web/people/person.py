"""One person: name, role, team, what they see, password, second factors, log-ins, tokens."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from candor.access import tokens
from candor.access.model import Breadth, UserRole
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, InvalidInput
from candor.kit.database import UnitOfWork
from candor.web.i18n import _
from candor.web.people import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()


@router.get("/people/{user_id}")
def person(user_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The page."""
    common.check(visit)
    return _page(request, visit, user_id)


@router.post("/people/{user_id}")
def change(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Name, log-in name, role, team, agent id, e-mail."""
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        people = visit.services.access.people
        before, role = people.get(uow, user_id), common.role_of(form)
        people.change(
            uow, user_id, login=common.text(form, "login", 120) or before.login, name=common.text(form, "name", 200),
            role=role, team=common.text(form, "team", 120), agent_id=common.text(form, "agent_id", 120),
            email=common.text(form, "email", 254),
        )  # fmt: skip
        if role is UserRole.AGENT and before.reach.breadth is not Breadth.ROLE:
            people.set_reach(uow, user_id, Breadth.ROLE)
        what = f"{user_id} {before.role.value} to {role.value}" if role is not before.role else user_id
        audit.record(uow, Event.USER_CHANGED, visit.principal.user_id, subject=what)

    return _done(request, visit, user_id, act, "changed")


@router.post("/people/{user_id}/reach")
def reach(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Which conversations they see."""
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        try:
            breadth = Breadth(common.text(form, "breadth"))
        except ValueError:
            raise InvalidInput(_("Choose what the person sees."), code="access.reach") from None
        visit.services.access.people.set_reach(
            uow, user_id, breadth, common.names(form, "teams"), common.names(form, "queues")
        )
        audit.record(uow, Event.REACH_CHANGED, visit.principal.user_id, subject=f"{user_id} {breadth.value}")

    return _done(request, visit, user_id, act, "reach")


@router.post("/people/{user_id}/password")
def password(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A new password; the person's log-ins end."""
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        visit.services.access.people.set_password(uow, user_id, str(form.get("password") or ""))
        audit.record(uow, Event.USER_CHANGED, visit.principal.user_id, subject=f"{user_id} password")

    return _done(request, visit, user_id, act, "password")


@router.post("/people/{user_id}/active")
def active(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Let the person out at once, with a reason, or in again."""
    common.check(visit)
    wanted = common.text(form, "active") == "yes"

    def act(uow: UnitOfWork) -> None:
        reason = common.text(form, "reason", 1000)
        if not wanted and len(reason) < 3:
            raise InvalidInput(_("Say why, in a few words: it stands in the audit log."), code="access.reason")
        visit.services.access.people.set_active(uow, user_id, active=wanted)
        audit.record(
            uow, Event.USER_CHANGED, visit.principal.user_id, reason=reason or None,
            subject=f"{user_id} {'active' if wanted else 'inactive'}",
        )  # fmt: skip

    return _done(request, visit, user_id, act, "active" if wanted else "inactive")


@router.post("/people/{user_id}/factors")
def factors(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take all second factors away, for somebody who lost them; the person's log-ins end."""
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        reason = common.text(form, "reason", 1000)
        if len(reason) < 3:
            raise InvalidInput(_("Say how you know that it is really this person who asks."), code="access.reason")
        access = visit.services.access
        access.people.row(uow, user_id)
        access.factors.reset(uow, user_id)
        access.sessions.end_all(uow, user_id)
        audit.record(uow, Event.FACTOR_REMOVED, visit.principal.user_id, subject=f"{user_id} all", reason=reason)

    return _done(request, visit, user_id, act, "factors")


@router.post("/people/{user_id}/unlock")
def unlock(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End the wait after too many failures."""
    del form  # checked, otherwise empty
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        visit.services.access.people.unlock(uow, user_id)
        audit.record(uow, Event.USER_CHANGED, visit.principal.user_id, subject=f"{user_id} unlock")

    return _done(request, visit, user_id, act, "unlocked")


@router.post("/people/{user_id}/sessions")
def end_session(user_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End one of the person's log-ins (``session``), or all."""
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        sessions, one = visit.services.access.sessions, common.text(form, "session", 16)
        if one:
            sessions.end(uow, user_id, one)
        else:
            sessions.end_all(uow, user_id)
        audit.record(uow, Event.SESSION_ENDED, visit.principal.user_id, subject=user_id)

    return _done(request, visit, user_id, act, "session" if form.get("session") else "sessions")


@router.post("/people/{user_id}/tokens/{token_id}/revoke")
def revoke(user_id: str, token_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End one of the person's tokens."""
    del form  # checked, otherwise empty
    common.check(visit)

    def act(uow: UnitOfWork) -> None:
        tokens.revoke(uow, user_id, token_id)
        audit.record(uow, Event.TOKEN_REVOKED, visit.principal.user_id, subject=token_id)

    return _done(request, visit, user_id, act, "token")


def _done(request: Request, visit: Visit, user_id: str, act: Callable[[UnitOfWork], None], what: str) -> Response:
    try:
        with visit.services.database.write() as uow:
            act(uow)
    except (InvalidInput, Conflict) as problem:
        return _page(request, visit, user_id, problem)
    return common.done(f"/people/{user_id}", what)


def _page(request: Request, visit: Visit, user_id: str, problem: CandorError | None = None) -> Response:
    access = visit.services.access
    with visit.services.database.read() as uow:
        who = access.people.get(uow, user_id)
        facets = visit.services.replay.facets(uow, visit.scope)
        values = {
            "who": who, "has": access.factors.of(uow, user_id), "sessions": access.sessions.of(uow, user_id),
            "tokens": access.tokens(uow, user_id), "queues": facets.queues,
            "teams": [team.name for team in access.people.teams(uow, facets.teams)],
        }  # fmt: skip
    return common.page(request, "person.html", status=422 if problem else 200, problem=problem, **values)
