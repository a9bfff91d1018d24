"""Who is looking, how far their rights reach, and in what zone they read times: what every page starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, Request
from starlette.datastructures import FormData

from candor.access.browser import SESSION_COOKIE
from candor.access.model import Principal
from candor.errors import Unauthenticated
from candor.replay.model import Scope, scope_of
from candor.web.i18n import _
from candor.web.security import check_post

if TYPE_CHECKING:
    from candor.services import Services

ZONE_COOKIE = "candor_zone"
THEME_COOKIE = "candor_theme"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of one logged-in person."""

    services: Services
    principal: Principal
    scope: Scope
    zone: ZoneInfo
    token: str


def services_of(request: Request) -> Services:
    """What the application was made with."""
    return cast("Services", request.app.state.services)


def current_visit(request: Request) -> Visit:
    """The visit behind a request; raises Unauthenticated without a valid session."""
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise Unauthenticated(_("Please log in."))
    services = services_of(request)
    with services.database.read() as uow:
        principal = services.access.principal(uow, token)
    # What a page fetches by itself (progress, live figures) keeps nobody logged in; listening does.
    by_itself = request.method == "GET" and request.headers.get("hx-request")
    if not by_itself and services.access.sessions.use_is_news(token):
        with services.database.write() as uow:
            services.access.sessions.note_use(uow, token)
    visit = Visit(services=services, principal=principal, scope=scope_of(principal), zone=zone_of(request), token=token)
    request.state.visit = visit
    request.state.known = principal.user_id
    return visit


def zone_of(request: Request) -> ZoneInfo:
    """The viewer's time zone, as the browser told it on an earlier page; UTC before that."""
    return _zone(request.cookies.get(ZONE_COOKIE, "UTC").replace("%2F", "/"))


def theme_of(request: Request) -> str:
    """``light`` or ``dark`` when chosen; empty follows the system."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in ("light", "dark") else ""


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name[:64])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


CurrentVisit = Annotated[Visit, Depends(current_visit)]
Posted = Annotated[FormData, Depends(check_post)]
