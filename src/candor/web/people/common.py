"""What the pages of people share: who may see them, their words, and how they come back after a change."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.access.model import Breadth, Right, UserRole
from candor.access.people import UserInfo
from candor.errors import InvalidInput
from candor.web.i18n import N_, _, gettext
from candor.web.render import renderer_of
from candor.web.visit import Visit

DONE = {
    "added": N_("The person is added."),
    "changed": N_("The change is saved."),
    "reach": N_("What the person sees is changed, from now on."),
    "password": N_("The new password is set; all log-ins of the person have ended."),
    "inactive": N_("The person may not come in any more; log-ins and tokens have ended."),
    "active": N_("The person may come in again."),
    "factors": N_("The second factors are taken away; all log-ins of the person have ended."),
    "unlocked": N_("The account no longer waits."),
    "session": N_("The log-in has ended."),
    "sessions": N_("The other log-ins have ended."),
    "token": N_("The token is revoked."),
    "factor": N_("The second factor is removed."),
    "passkey": N_("The passkey is added: you can log in with it from now on."),
    "team": N_("The team is added."),
    "no_team": N_("The team is removed."),
}
PROVEN_BY = {
    "password": N_("password"), "password+code": N_("password and code"),
    "password+recovery": N_("password and recovery code"), "passkey": N_("passkey"), "sso": N_("identity provider"),
}  # fmt: skip


def check(visit: Visit) -> None:
    """Raise Forbidden for who may not manage people."""
    visit.principal.require(Right.USER_MANAGE)


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """One of the pages; ``problem`` is an error to be told, and stays with what was typed."""
    noticed = DONE.get(request.query_params.get("done", ""), "")
    given: dict[str, Any] = {
        "noticed": noticed and gettext(noticed), "problem": None, "roles": list(UserRole), "breadths": list(Breadth),
        "say_proof": say_proof, "sees": sees,
    }  # fmt: skip
    return renderer_of(request).page(request, f"people/{template}", status=status, **given | values)


def done(address: str, what: str) -> Response:
    """Back to a page that says what was done."""
    return RedirectResponse(f"{address}?done={what}", status_code=303)


def text(form: FormData, name: str, most: int = 255) -> str:
    """A field of a form."""
    return str(form.get(name) or "").strip()[:most]


def names(form: FormData, name: str) -> tuple[str, ...]:
    """Names in a field, one a line."""
    lines = str(form.get(name) or "")[:20_000].replace("\r", "").split("\n")
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def role_of(form: FormData) -> UserRole:
    """The role that a form names; raises InvalidInput."""
    try:
        return UserRole(text(form, "role"))
    except ValueError:
        raise InvalidInput(_("Choose a role."), code="access.role") from None


def say_proof(proven_by: str) -> str:
    """How a log-in was proven, in words."""
    return gettext(PROVEN_BY[proven_by]) if proven_by in PROVEN_BY else proven_by or _("not known")


def sees(who: UserInfo) -> str:
    """What a person sees, in words."""
    reach = who.reach
    if who.role is UserRole.AGENT:
        return _("Own conversations") if who.agent_id else _("Nothing: no agent id")
    if reach.breadth is Breadth.LISTED:
        return ", ".join((*reach.teams, *reach.queues)) or _("Nothing: the list is empty")
    if reach.breadth is Breadth.ROLE and who.role is UserRole.SUPERVISOR:
        return who.team or _("Nothing: no team")
    return _("Everything")
