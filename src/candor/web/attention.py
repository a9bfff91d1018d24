"""Needs attention: what stopped, why, what to do, and the button to try again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted

router = APIRouter()


@router.get("/attention")
def attention(request: Request, visit: CurrentVisit) -> Response:
    """The list."""
    visit.principal.require(Right.HEALTH_READ)
    with visit.services.database.read() as uow:
        items = visit.services.desk.attention(uow, visit.scope)
    noticed = _("It is being tried again.") if request.query_params.get("retried") else ""
    return renderer_of(request).page(request, "attention/page.html", items=items, noticed=noticed)


@router.post("/conversations/{conversation_id}/retry")
def retry(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Run a stage again, and what comes after it."""
    visit.principal.require(Right.CONVERSATION_RETRY)
    with visit.services.database.read() as uow:
        visit.services.replay.view(uow, conversation_id, visit.scope)  # raises NotFound outside one's reach
    visit.services.desk.retry(conversation_id, str(form.get("stage") or ""))
    if form.get("back") == "attention":
        return RedirectResponse("/attention?retried=1", status_code=303)
    return RedirectResponse(f"/conversations/{conversation_id}?tab=processing", status_code=303)
