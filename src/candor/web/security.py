"""What every answer carries and every change must show.

The checks on a change (any POST), numbered here and in :func:`check_post`:

1. The browser says that the request comes from our own origin (``Sec-Fetch-Site``, or ``Origin`` where it is absent).
2. The form or the header ``X-CSRF-Token`` carries the token made from this session's secret.

Before log-in there is no session; the token is then made from a random value in a cookie of its own.
"""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import FormData, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from candor.access.browser import SESSION_COOKIE, csrf_matches
from candor.errors import Forbidden
from candor.web.i18n import _

VISITOR_COOKIE = "candor_visitor"

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
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """ASGI middleware: the policy on every answer; nothing with people's data is kept by any cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


async def check_post(request: Request) -> FormData:
    """The posted form, after the checks; raises Forbidden when one fails."""
    form = await request.form()
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
    return form


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
