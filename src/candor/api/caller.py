"""Who is calling, and the right that each route declares.

The checks, numbered here and in :func:`caller_of`:

1. A bearer token, else the session's cookie, names a person who may log in.
2. A change that comes with the cookie carries the session's CSRF token, and comes from our own pages.
3. The person (narrowed by the token's scopes) has the route's right.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fastapi import Depends, Request

from candor.access.browser import SESSION_COOKIE, csrf_matches
from candor.access.model import Principal, Right
from candor.errors import CandorError, Forbidden, Unauthenticated
from candor.replay.model import Scope, scope_of

if TYPE_CHECKING:
    from candor.services import Services

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One request of one person or program."""

    services: Services
    principal: Principal
    scope: Scope
    session: str | None = None
    """The secret of the log-in session; None for a token."""

    def in_person(self) -> None:
        """Raise Forbidden for a token: what a token could make or end, whoever stole it could, too."""
        if self.principal.token_id is not None:
            raise Forbidden("This is done by a logged-in person.", code="token.in_person")


def caller_of(request: Request, right: Right | None, *, basic: bool = False) -> Caller:
    """The caller, after the checks; raises Unauthenticated or Forbidden.

    ``basic``: a token may also come as the password of HTTP Basic (RFC 7617), which dial plans can send.
    """
    services, cookie = cast("Services", request.app.state.services), None
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if basic and kind.lower() == "basic":
        kind, secret = "bearer", _password(secret)
    if kind:
        # (1) a token
        if kind.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("The Authorization header is not of the form: Bearer TOKEN.")
        with services.database.read() as uow:
            principal = services.access.principal_for_token(uow, secret.strip())
        if principal.token_id and services.access.token_use_is_news(principal.token_id):
            with services.database.write() as uow:
                services.access.note_token_use(uow, principal.token_id)
    else:
        # (1) a session
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            raise Unauthenticated("Nobody is logged in.", advice="Send Authorization: Bearer TOKEN.")
        with services.database.read() as uow:
            principal = services.access.principal(uow, cookie)
        if services.access.sessions.use_is_news(cookie):
            with services.database.write() as uow:
                services.access.sessions.note_use(uow, cookie)
        # (2) from our own pages
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if request.method not in _SAFE and (
            foreign or not csrf_matches(cookie, request.headers.get("x-csrf-token", ""))
        ):
            raise Forbidden("The X-CSRF-Token header does not belong to this session.", code="csrf")
    request.state.known = principal.user_id
    # (3) the right
    if right is not None:
        principal.require(right)
    return Caller(services=services, principal=principal, scope=scope_of(principal), session=cookie)


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


class Needs:
    """A route's declaration: ``caller: Caller = needs(Right.…)``; None is for what every person may do for himself."""

    def __init__(
        self, right: Right | None, *, soft: bool = False, in_person: bool = False, also: tuple[Right, ...] = ()
    ) -> None:
        self.right, self._soft, self._in_person, self._also = right, soft, in_person, also

    def __call__(self, request: Request) -> Caller | CandorError:
        """FastAPI calls this for each request."""
        if not self._soft:
            caller = caller_of(request, None if self._also else self.right)
            if self._also and not any(caller.principal.may(each) for each in self._also):
                caller.principal.require(cast("Right", self.right))
            if self._in_person:
                caller.in_person()
            return caller
        try:
            return caller_of(request, self.right, basic=True)
        except CandorError as error:
            return error


def needs(
    right: Right | None, *, soft: bool = False, in_person: bool = False, also: tuple[Right, ...] = ()
) -> Any:  # fmt: skip
    """The dependency that gives a route its caller and says its right.

    ``soft``: for phone systems, which may also send the token by HTTP Basic; what is wrong is not raised but given to
    the route (``Caller | CandorError``), to be told in the form that the phone system understands.
    ``in_person``: not by a token. ``also``: any of these is enough in place of ``right``.
    """
    return Depends(Needs(right, soft=soft, in_person=in_person, also=also))


Dependency = Callable[[Request], Caller]
