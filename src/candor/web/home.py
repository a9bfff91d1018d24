"""Where each role begins, and the page of keys."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import UserRole
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit

router = APIRouter()

HOMES = {
    UserRole.AGENT: "/conversations",
    UserRole.SUPERVISOR: "/conversations?period=today",
    UserRole.EVALUATOR: "/evaluations",
    UserRole.TRAINER: "/conversations",
    UserRole.COMPLIANCE: "/attention",
    UserRole.AUDITOR: "/conversations",
    UserRole.ADMINISTRATOR: "/conversations",
}


@router.get("/")
def home(visit: CurrentVisit) -> Response:
    """To the page this role starts its day with."""
    return RedirectResponse(HOMES[visit.principal.role], status_code=303)


@router.get("/help")
def help_page(request: Request, visit: CurrentVisit) -> Response:
    """All keys, and how to search."""
    del visit  # only for those who are logged in
    return renderer_of(request).page(request, "help/page.html")
