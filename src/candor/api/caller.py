"""Who is calling, and the right that each route declares.

The checks, numbered here and in :func:`caller_of`:

1. A bearer token, else the session's cookie, names a person who may log in.
2. A change that comes with the cookie carries the session's CSRF token, and comes from our own pages.
3. The person (narrowed by the token's scopes) has the route's right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fastapi import Depends, Request

from candor.access.browser import SESSION_COOKIE, csrf_matches
from candor.access.model import Principal, Right
from candor.errors import Forbidden, Unauthenticated
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


def caller_of(request: Request, right: Right | None) -> Caller:
    """The caller, after the checks; raises Unauthenticated or Forbidden."""
    services = cast("Services", request.app.state.services)
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
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
        # (2) from our own pages
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if request.method not in _SAFE and (
            foreign or not csrf_matches(cookie, request.headers.get("x-csrf-token", ""))
        ):
            raise Forbidden("The X-CSRF-Token header does not belong to this session.", code="csrf")
    # (3) the right
    if right is not None:
        principal.require(right)
    return Caller(services=services, principal=principal, scope=scope_of(principal))


class Needs:
    """A route's declaration: ``caller: Caller = needs(Right.…)``; None is for what every person may do for himself."""

    def __init__(self, right: Right | None) -> None:
        self.right = right

    def __call__(self, request: Request) -> Caller:
        """FastAPI calls this for each request."""
        return caller_of(request, self.right)


def needs(right: Right | None) -> Any:
    """The dependency that gives a route its caller and says its right."""
    return Depends(Needs(right))


Dependency = Callable[[Request], Caller]
