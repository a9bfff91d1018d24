"""The import page. The files themselves go to the API (``POST /api/v1/imports``), one request each."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit

router = APIRouter()


@router.get("/import")
def import_page(request: Request, visit: CurrentVisit) -> Response:
    """The form."""
    visit.principal.require(Right.CONVERSATION_IMPORT)
    with visit.services.database.read() as uow:
        facets = visit.services.replay.facets(uow, visit.scope)
    return renderer_of(request).page(request, "importing/page.html", facets=facets)
