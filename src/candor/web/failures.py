"""Errors as pages: what happened, what was kept, what to do, and a reference number that is in the log, too."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from candor.access.browser import SESSION_COOKIE
from candor.access.refusals import note_refusal
from candor.errors import (
    CandorError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.web.i18n import N_, _
from candor.web.render import renderer_of
from candor.web.security import HEADERS, drop_cookie
from candor.web.visit import current_visit

STATUS: tuple[tuple[type[CandorError], int], ...] = (
    (NotFound, 404),
    (Forbidden, 403),
    (TooLarge, 413),
    (Conflict, 409),
    (Unavailable, 503),
    (InvalidInput, 422),
)
_TITLES = {
    403: N_("You may not do this"),
    404: N_("There is no such page"),
    405: N_("That cannot be done here"),
    409: N_("Somebody was faster"),
    413: N_("That is too large"),
    422: N_("That cannot be taken as it is"),
    503: N_("Not just now"),
}
_log = get_logger("web")


def install(app: FastAPI) -> None:
    """Answer every error of the pages with a page."""
    app.add_exception_handler(Unauthenticated, _to_login)
    app.add_exception_handler(CandorError, _deliberate)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _to_login(request: Request, error: Exception) -> Response:
    del error
    if _wants_data(request):
        return JSONResponse({"title": _("Please log in.")}, status_code=401)
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    # After a change that came too late, the person starts again from the home page, not with half a form.
    query = urlencode({"next": wanted}) if request.method == "GET" and wanted != "/" else ""
    address = f"/login?{query}" if query else "/login"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    response = RedirectResponse(address, status_code=303)
    if SESSION_COOKIE in request.cookies:
        drop_cookie(request, response, SESSION_COOKIE)
    return response


async def _deliberate(request: Request, error: Exception) -> Response:
    if not isinstance(error, CandorError):
        raise error
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    if status == 404:
        return _page(request, 404, _("Nothing is at this address, or it is not for you."), "")
    known = getattr(request.state, "known", None)
    if known and status == 403:
        route = f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"
        await run_in_threadpool(note_refusal, request.app.state.services.database, known, route)
    return _page(request, status, error.message, error.advice)


async def _malformed(request: Request, error: Exception) -> Response:
    del error
    return _page(request, 422, _("The address or form holds something that cannot be read."), "")


async def _http(request: Request, error: Exception) -> Response:
    with suppress(CandorError):  # so that whoever is logged in keeps the navigation
        await run_in_threadpool(current_visit, request)
    status = error.status_code if isinstance(error, HTTPException) else 500
    messages = {
        404: _("Nothing is at this address, or it is not for you."),
        405: _("This address takes other requests."),
    }
    return _page(request, status, messages.get(status, _("The request could not be answered.")), "")


async def _unforeseen(request: Request, error: Exception) -> Response:
    response = _page(
        request,
        500,
        _("Something went wrong on our side. Nothing you had saved is lost."),
        _("Try again; if it happens again, give your administrator the reference number."),
        cause=error,
    )
    # This answer is made outside the middleware, so it takes the headers here.
    response.headers.update(HEADERS | {"Cache-Control": "no-store"})
    return response


def _page(request: Request, status: int, message: str, advice: str, cause: Exception | None = None) -> Response:
    reference = new_id()[-12:]
    if status >= 500:
        # The path is the route's pattern: identifiers and searches stay out of the log.
        route = getattr(request.scope.get("route"), "path", "")
        _log.error("page failed", reference=reference, status=status, route=route, exc_info=cause)
    title = _(_TITLES.get(status, N_("That did not work")))
    if _wants_data(request):
        return JSONResponse({"title": title, "detail": message, "reference": reference}, status_code=status)
    return renderer_of(request).page(
        request,
        "failures/page.html",
        status,
        number=status,
        title=title,
        message=message,
        advice=advice,
        reference=reference,
    )


def _wants_data(request: Request) -> bool:
    return request.url.path.endswith(("/audio", "/peaks"))
