"""What every answer carries and every change must show.

The checks on a change (any POST), numbered here and in :func:`check_token`:

1. The browser says that the request comes from our own origin (``Sec-Fetch-Site``, or ``Origin`` where it is absent).
2. The form or the header ``X-CSRF-Token`` carries the token made from this session's secret.

Before log-in there is no session; the token is then made from a random value in a cookie of its own.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import FormData, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from candor.access.browser import SESSION_COOKIE, csrf_matches
from candor.errors import Forbidden, InvalidInput, TooLarge
from candor.web.i18n import _

VISITOR_COOKIE = "candor_visitor"
_FORM_ROOM = 100_000
"""Bytes of a form beside its file."""
_LARGEST_TEXT = 1_000_000
"""The same of a form without one."""
_MOST_FIELDS = 2_000
_AROUND = "candor.security_headers"
"""In the scope of a request whose answer gets them already."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """ASGI middleware: the policy on every answer; nothing with people's data is kept by any cache."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        # RFC 6797: only where every visit comes by https anyway.
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Pages stand alone or inside the whole application, whose own headers are around them then.
        if scope["type"] != "http" or _AROUND in scope:
            await self._app(scope, receive, send)
            return
        scope[_AROUND] = True

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    if name not in headers:  # an answer may be stricter by itself
                        headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


async def check_post(request: Request) -> FormData:
    """The posted form, after the checks; raises Forbidden when one fails, TooLarge."""
    form = await small_form(request, _LARGEST_TEXT)
    check_token(request, form)
    return form


async def small_form(request: Request, largest: int) -> FormData:
    """A form with at most one file, which stays in memory: no byte of it is written to a disk. Not checked yet.

    Raises TooLarge when it has more than ``largest`` bytes or does not say how many, InvalidInput for a broken one.
    """
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > largest + _FORM_ROOM:
        raise TooLarge(_("The file is too large."), advice=_("At most %s MB are taken here.") % (largest // 1_000_000))
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.form(max_fields=_MOST_FIELDS)
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=_MOST_FIELDS)
    parser.spool_max_size = largest + _FORM_ROOM
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(_("The form cannot be read."), code="form") from error


def check_token(request: Request, form: FormData) -> None:
    """Raise Forbidden unless ``form`` comes from a page of this very session."""
    # (1) from our own pages
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = site not in ("same-origin", "none") if site else bool(origin) and not _same_origin(request, origin or "")
    # (2) with the token of this very session
    secret = request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISITOR_COOKIE) or ""
    given = request.headers.get("x-csrf-token") or form.get("csrf") or ""
    matches = isinstance(given, str) and csrf_matches(secret, given)
    if foreign or not secret or not matches:
        raise Forbidden(
            _("This form was not sent from a fresh page of yours, so nothing was changed."),
            code="csrf",
            advice=_("Go back, load the page again and repeat the step."),
        )


def new_visitor() -> str:
    """A secret for one who is not logged in yet."""
    return secrets.token_urlsafe(24)


def set_cookie(request: Request, response: Response, name: str, value: str, *, seconds: int | None = None) -> None:
    """A cookie that no script reads and no other site sends along with a change."""
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=is_https(request), path="/")


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(name, httponly=True, samesite="lax", secure=is_https(request), path="/")


def is_https(request: Request) -> bool:
    """Whether the browser came by https, directly or through the proxy that the settings speak of."""
    return bool(request.app.state.services.https) or request.url.scheme == "https"


def local_path(address: str | None) -> str:
    """``address`` when it is a path on this site, else "/": a log-in must not lead elsewhere."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    if any(ord(character) < 32 for character in address) or urlsplit(address).netloc:
        return "/"
    return address


def _same_origin(request: Request, origin: str) -> bool:
    return urlsplit(origin).netloc == request.headers.get("host")
