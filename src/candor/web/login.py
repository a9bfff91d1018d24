"""Log-in and log-out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Unauthenticated, Unavailable
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.security import VISITOR_COOKIE, drop_cookie, local_path, new_visitor, set_cookie
from candor.web.visit import Posted, services_of

router = APIRouter()


@router.get("/login")
def login_page(request: Request) -> Response:
    """The form."""
    return _form(request, error="", login="", target=local_path(request.query_params.get("next")))


@router.post("/login")
def log_in(request: Request, form: Posted) -> Response:
    """Begin a session. A wrong name and a wrong password are answered alike."""
    login, password = str(form.get("login") or "").strip(), str(form.get("password") or "")
    target = local_path(str(form.get("next") or "/"))
    if not login or not password:
        return _form(request, error=_("Fill in both the name and the password."), login=login, target=target)
    services = services_of(request)
    token = None
    error = ""
    try:
        with services.database.read() as uow:
            proof = services.access.prove(uow, login, password)
        with services.database.write() as uow:
            # Caught inside the unit of work, so that what the house remembers of failures is kept.
            try:
                token = services.access.log_in_with(uow, proof)
                audit.record(uow, Event.LOGIN, proof.user_id or "")
            except Unauthenticated as refusal:
                error = str(refusal)
                audit.record(uow, Event.LOGIN_REFUSED, proof.user_id or "unknown")
    except Unavailable as fault:
        error = str(fault)
    if token is None:
        return _form(request, error=error, login=login, target=target)
    response = RedirectResponse(target, status_code=303)
    set_cookie(request, response, SESSION_COOKIE, token)
    drop_cookie(request, response, VISITOR_COOKIE)
    return response


@router.post("/logout")
def log_out(request: Request, form: Posted) -> Response:
    """End the session, here and on the server."""
    del form  # checked, otherwise empty
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        services = services_of(request)
        with services.database.write() as uow:
            try:
                actor = services.access.principal(uow, token).user_id
            except Unauthenticated:
                actor = "unknown"
            services.access.log_out(uow, token)
            audit.record(uow, Event.LOGOUT, actor)
    response = RedirectResponse("/login", status_code=303)
    drop_cookie(request, response, SESSION_COOKIE)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _form(request: Request, *, error: str, login: str, target: str) -> Response:
    # The form's token goes with the session cookie where there is one (an expired one, say), else with the visitor's.
    secret = request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISITOR_COOKIE) or new_visitor()
    response = renderer_of(request).page(
        request,
        "login/page.html",
        status=401 if error else 200,
        error=error,
        login=login,
        target=target,
        csrf=csrf_token(secret),
    )
    if SESSION_COOKIE not in request.cookies:
        set_cookie(request, response, VISITOR_COOKIE, secret)
    return response
