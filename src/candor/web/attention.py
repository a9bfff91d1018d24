"""Needs attention: what stopped, why, what to do, and the button to try again."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.kit.database import UnitOfWork
from candor.replay.model import ConversationFilter, Scope, SortKey, Status
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()


_MOST = 1000


class _Within:
    """The stopped conversations that the viewer's rights reach."""

    def __init__(self, ids: frozenset[str]) -> None:
        self._ids = ids

    def sees(self, uow: UnitOfWork, conversation_id: str) -> bool:
        del uow
        return conversation_id in self._ids


@router.get("/attention")
def attention(request: Request, visit: CurrentVisit) -> Response:
    """The list."""
    visit.principal.require(Right.HEALTH_READ)
    with visit.services.database.read() as uow:
        items = visit.services.desk.attention(uow, _reach(visit, uow))
    noticed = _("It is being tried again.") if request.query_params.get("retried") else ""
    return renderer_of(request).page(request, "attention/page.html", items=items, noticed=noticed)


@router.post("/conversations/{conversation_id}/retry")
def retry(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Run a stage again, and what comes after it."""
    visit.principal.require(Right.CONVERSATION_RETRY)
    with visit.services.database.read() as uow:
        visit.services.replay.view(uow, conversation_id, visit.scope)  # raises NotFound outside one's reach
    visit.services.desk.retry(conversation_id, str(form.get("stage") or "") or None, actor=visit.principal.user_id)
    if form.get("back") == "attention":
        return RedirectResponse("/attention?retried=1", status_code=303)
    return RedirectResponse(f"/conversations/{conversation_id}?tab=processing", status_code=303)


def _reach(visit: Visit, uow: UnitOfWork) -> _Within | None:
    if visit.scope == Scope():
        return None
    page = visit.services.replay.page(
        uow,
        ConversationFilter(statuses=(Status.NEEDS_ATTENTION,)),
        visit.scope,
        sort=SortKey.STARTED,
        descending=True,
        cursor=None,
        limit=_MOST,
    )
    return _Within(frozenset(row.id for row in page.rows))
