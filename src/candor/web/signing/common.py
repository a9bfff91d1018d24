"""What all ways of logging in share: the cookies, the log, where it leads."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.service import Entry, Refused
from candor.access.sessions import browser_of
from candor.access.steps import StepKind
from candor.audit import service as audit
from candor.audit.service import Event
from candor.kit.database import UnitOfWork
from candor.web.security import VISITOR_COOKIE, drop_cookie, is_https, local_path, new_visitor, set_cookie

STEP_COOKIE = "candor_step"
_STEP_SECONDS = 600
_NEXT = {StepKind.FACTOR: "/login/code", StepKind.ENROL: "/login/enrol"}


def browser(request: Request) -> str:
    """Which browser it is, for the list of log-ins."""
    return browser_of(request.headers.get("user-agent", ""))


def origin(request: Request) -> str:
    """What the browser calls this site: scheme and host, as in the ``Origin`` header."""
    return f"{'https' if is_https(request) else 'http'}://{request.headers.get('host', '')}"


def target_of(request: Request) -> str:
    """Where the log-in leads, from the address."""
    return local_path(request.query_params.get("next"))


def secret_of(request: Request) -> str:
    """The secret that forms before log-in belong to; a new one when there is none."""
    # The form's token goes with the session cookie where there is one (an expired one, say), else with the visitor's.
    return request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISITOR_COOKIE) or new_visitor()


def with_visitor(request: Request, response: Response, secret: str) -> Response:
    """``response`` with the visitor's cookie, when nobody is logged in."""
    if SESSION_COOKIE not in request.cookies:
        set_cookie(request, response, VISITOR_COOKIE, secret)
    return response


def token_for(secret: str) -> str:
    """The form's token."""
    return csrf_token(secret)


def note_entry(uow: UnitOfWork, entry: Entry, proven_by: str) -> None:
    """Write a finished log-in down."""
    audit.record(uow, Event.LOGIN, entry.user_id, subject=proven_by)


def note_refusal(uow: UnitOfWork, refused: Refused) -> None:
    """Write a refused one down, with why: the person is never told that."""
    refusal = refused.refusal
    audit.record(uow, Event.LOGIN_REFUSED, refusal.user_id or "unknown", subject=refusal.why)


def go_on(request: Request, entry: Entry, target: str) -> Response:
    """To the page that was wanted, logged in; or to the next step."""
    if entry.session is not None:
        return come_in(request, RedirectResponse(target, status_code=303), entry)
    assert entry.kind is not None  # noqa: S101  an entry has a session or a step
    query = f"?{urlencode({'next': target})}" if target != "/" else ""
    response = RedirectResponse(_NEXT[entry.kind] + query, status_code=303)
    set_cookie(request, response, STEP_COOKIE, entry.step or "", seconds=_STEP_SECONDS)
    return response


def come_in(request: Request, response: Response, entry: Entry) -> Response:
    """``response`` with the session's cookie, and without those of the way there."""
    set_cookie(request, response, SESSION_COOKIE, entry.session or "")
    drop_cookie(request, response, VISITOR_COOKIE)
    if STEP_COOKIE in request.cookies:
        drop_cookie(request, response, STEP_COOKIE)
    return response
