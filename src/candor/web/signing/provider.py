"""Log-in by the identity provider: there, and back (see :mod:`candor.access.oidc` for the checks)."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access import steps
from candor.access.arriving import arrive
from candor.access.oidc import Asked, Identity, Provider
from candor.access.service import Entry, Refused
from candor.access.steps import Step, StepKind
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from candor.kit.database import UnitOfWork
from candor.web.i18n import _
from candor.web.security import drop_cookie, local_path, set_cookie
from candor.web.signing import common
from candor.web.signing.password import form_page
from candor.web.visit import services_of

router = APIRouter()
_COOKIE = "candor_provider"
_BACK = "/login/provider/back"


@router.get("/login/provider")
def leave(request: Request) -> Response:
    """To the identity provider."""
    provider, target = _provider(request), common.target_of(request)
    try:
        address, asked = provider.begin(common.origin(request) + _BACK)
    except Unavailable as away:
        return form_page(request, error=str(away), target=target, status=503)
    with services_of(request).database.write() as uow:
        secret = steps.begin(uow, Step(kind=StepKind.PROVIDER, user_id=None, data=asdict(asked) | {"next": target}))
    response = RedirectResponse(address, status_code=303)
    set_cookie(request, response, _COOKIE, secret, seconds=600)
    return response


@router.get("/login/provider/back")
def come_back(request: Request) -> Response:
    """From the identity provider, with a code; raises NotFound where none is set."""
    services, provider = services_of(request), _provider(request)
    answer = {name: request.query_params.get(name, "")[:8000] for name in request.query_params}
    target, entry, error = "/", None, None
    try:
        with services.database.write() as uow:
            step = steps.take(uow, request.cookies.get(_COOKIE), StepKind.PROVIDER)  # (1) used up
        target = local_path(str(step.data.pop("next", "/")))
        who = provider.finish(Asked(**step.data), answer, common.origin(request) + _BACK)
        with services.database.write() as uow:
            entry = _enter(request, uow, who)
    except (Unauthenticated, Forbidden, Conflict, Unavailable) as refused:
        error = refused
    if entry is None:
        with services.database.write() as uow:
            _note(uow, error)
        response = form_page(request, error=str(error or ""), target=target, status=_status(error))
        drop_cookie(request, response, _COOKIE)
        return response
    response = common.go_on(request, entry, target)
    drop_cookie(request, response, _COOKIE)
    return response


def _enter(request: Request, uow: UnitOfWork, who: Identity) -> Entry:
    services = services_of(request)
    arrival = arrive(uow, services.access.people, services.groups, who)
    if arrival.made:
        audit.record(uow, Event.USER_CREATED, "sso", subject=arrival.user_id)
    elif arrival.changed:
        audit.record(uow, Event.REACH_CHANGED, "sso", subject=arrival.user_id)
    # The provider has asked for whatever factors its own policy wants.
    entry = services.access.enter(uow, arrival.user_id, browser=common.browser(request), proven_by="sso")
    common.note_entry(uow, entry, "sso")
    return entry


def _note(uow: UnitOfWork, error: CandorError | None) -> None:
    if isinstance(error, Refused):
        common.note_refusal(uow, error)
    else:
        audit.record(uow, Event.LOGIN_REFUSED, "unknown", subject=error.code if error else "sso")


def _status(error: CandorError | None) -> int:
    return {Forbidden: 403, Unavailable: 503}.get(type(error) if error else Forbidden, 401)


def _provider(request: Request) -> Provider:
    provider = services_of(request).provider
    if provider is None:
        raise NotFound(_("No identity provider is set."), code="oidc.none")
    return provider
