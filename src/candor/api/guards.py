"""What stands before every request, whatever it asks for: how many, and how large.

Two kinds of buckets, in the memory of the web process:

1. *Requests*: of one log-in session or token, or of one address where nobody is logged in.
2. *Guesses*: refused log-ins, and refused secrets, of one address. Whoever has used them up gets no further try at
   logging in for a while; people who are logged in already, behind the same address, go on undisturbed.

The body of a request has a limit, counted as it arrives; recordings have their own (``CANDOR_UPLOAD_LIMIT``).
"""

from __future__ import annotations

import math

from fastapi import Response
from fastapi.responses import PlainTextResponse
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from candor.access.browser import SESSION_COOKIE
from candor.access.secrets import digest
from candor.api import problems
from candor.errors import TooLarge
from candor.kit.buckets import Buckets

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a request that is no recording."""
_BURST_SECONDS = 10
_RECORDINGS = frozenset({"/api/v1/imports", "/api/v1/imports/raw"})
"""Where recordings are sent to: these count by themselves, as they seal."""


class Limits:
    """ASGI middleware. ``per_second`` and ``guesses_per_minute``: 0 for no limit."""

    def __init__(self, app: ASGIApp, *, per_second: float = 0.0, guesses_per_minute: float = 0.0) -> None:
        self._app = app
        self._requests = Buckets(per_second, per_second * _BURST_SECONDS) if per_second else None
        self._guesses = Buckets(guesses_per_minute / 60, guesses_per_minute) if guesses_per_minute else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope.get("client") else "local"
        secret = _secret(scope)
        logging_in = scope["method"] == "POST" and scope["path"].startswith("/login")
        wait = 0.0
        # (1) requests; the files of pages (styles, scripts) are not counted
        if self._requests and not scope["path"].startswith("/static/"):
            wait = self._requests.take(secret or address)
        # (2) guesses
        if self._guesses and logging_in:
            wait = max(wait, self._guesses.wait(address))
        if wait:
            await _refusal(scope, wait)(scope, receive, send)
            return
        recording = scope["path"].rstrip("/") in _RECORDINGS
        if not recording and _announced(headers) > LARGEST_BODY:
            await problems.of(_too_large())(scope, receive, send)
            return
        if self._guesses and (secret or logging_in):
            send = _noting(self._guesses, address, send)
        await self._app(scope, receive if recording else _counted(receive), send)


def _noting(guesses: Buckets, address: str, send: Send) -> Send:
    async def note(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 401:
            guesses.take(address)
        await send(message)

    return note


def _secret(scope: Scope) -> str | None:
    """What the request is known by, as a digest: its token or its session."""
    request = HTTPConnection(scope)
    given = request.headers.get("authorization") or request.cookies.get(SESSION_COOKIE)
    return digest(given) if given else None


def _announced(headers: Headers) -> int:
    given = headers.get("content-length", "")
    return int(given) if given.isdecimal() else 0


def _counted(receive: Receive) -> Receive:
    """``receive`` that raises TooLarge once the body is larger than it may be: for those that do not say it before."""
    seen = 0

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise _too_large()
        return message

    return count


def _too_large() -> TooLarge:
    return TooLarge(
        f"The request is larger than {LARGEST_BODY >> 20} MB.", code="request.too_large",
        advice="Send it in pieces; recordings go to /api/v1/imports.",
    )  # fmt: skip


def _refusal(scope: Scope, wait: float) -> Response:
    seconds = max(1, math.ceil(wait))
    advice = f"Wait {seconds} seconds, then try again."
    answer: Response
    if scope["path"].startswith("/api/"):
        answer = problems.problem(
            429, "Too many requests", code="rate", detail="More was asked than is answered at once.", advice=advice
        )
    else:
        answer = PlainTextResponse(f"Too many tries. {advice}\n", status_code=429)
        answer.headers["Cache-Control"] = "no-store"
    answer.headers["Retry-After"] = str(seconds)
    return answer
