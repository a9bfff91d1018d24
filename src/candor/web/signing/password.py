"""Log-in by name and password, and log-out."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.browser import SESSION_COOKIE
from candor.access.service import Entry, Refused
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Forbidden, Unauthenticated, Unavailable
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.security import drop_cookie, local_path
from candor.web.signing import common
from candor.web.visit import Posted, services_of

router = APIRouter()


@router.get("/login")
def login_page(request: Request) -> Response:
    """The form, and the other ways in."""
    return form_page(request, target=common.target_of(request))


@router.post("/login")
def log_in(request: Request, form: Posted) -> Response:
    """Begin a session, or go on to a second factor. A wrong name and a wrong password are answered alike."""
    services = services_of(request)
    if not services.access.passwords_taken:
        raise Forbidden(_("Log-in by password is switched off here."), code="access.no_passwords")
    login, password = str(form.get("login") or "").strip(), str(form.get("password") or "")
    target = local_path(str(form.get("next") or "/"))
    if not login or not password:
        return form_page(request, error=_("Fill in both the name and the password."), login=login, target=target)
    entry: Entry | None = None
    error = ""
    try:
        with services.database.read() as uow:
            proof = services.access.prove(uow, login, password)
        with services.database.write() as uow:
            # Caught inside the unit of work, so that what the house remembers of failures is kept.
            try:
                entry = services.access.log_in_with(uow, proof, browser=common.browser(request))
                if entry.session is not None:
                    common.note_entry(uow, entry, "password")
            except Refused as refusal:
                error = str(refusal)
                common.note_refusal(uow, refusal)
    except Unavailable as fault:
        error = str(fault)
    if entry is None:
        return form_page(request, error=error, login=login, target=target)
    return common.go_on(request, entry, target)


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


def form_page(
    request: Request, *, error: str = "", login: str = "", target: str = "/", status: int | None = None
) -> Response:
    """The page with the form; also where other ways in tell what went wrong."""
    services = services_of(request)
    secret = common.secret_of(request)
    response = renderer_of(request).page(
        request, "login/page.html", status=status or (401 if error else 200), error=error, login=login, target=target,
        csrf=common.token_for(secret), by_password=services.access.passwords_taken,
        provider=services.provider.label if services.provider else "",
    )  # fmt: skip
    return common.with_visitor(request, response, secret)
