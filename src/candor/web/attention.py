"""Needs attention: what stopped, why, what to do, and the button to try again."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.consent import custody
from candor.consent.custody import CustodyState
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline.completeness import open_count
from candor.replay.model import Scope
from candor.vault.disposal import store as disposals
from candor.vault.requests import store as requests
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.sources import place_alarms, recorder_alarms
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Within:
    """Tells the desk which conversations the viewer's rights reach."""

    visit: Visit

    def sees(self, uow: UnitOfWork, conversation_id: str) -> bool:
        try:
            self.visit.services.replay.row(uow, conversation_id, self.visit.scope)
        except NotFound:
            return False
        return True


@router.get("/attention")
def attention(request: Request, visit: CurrentVisit) -> Response:
    """The list."""
    visit.principal.require(Right.HEALTH_READ)
    with visit.services.database.read() as uow:
        items = visit.services.desk.attention(uow, _Within(visit))
        whole = visit.scope == Scope() and visit.principal.may(Right.COMPLETENESS_READ)
        differences = open_count(uow) if whole else 0
        consents = visit.scope == Scope() and visit.principal.may(Right.CONSENT_READ)
        held = custody.count(uow, custody.Wanted(state=CustodyState.QUARANTINED)) if consents else 0
        kept = visit.scope == Scope() and visit.principal.may(Right.RETENTION_READ)
        overdue = requests.overdue(uow, clock.now().date()) if kept else 0
        approvals = len(disposals.proposals(uow, disposals.ProposalState.PROPOSED)) if kept else 0
    noticed = _("It is being tried again.") if request.query_params.get("retried") else ""
    return renderer_of(request).page(
        request, "attention/page.html", items=items, noticed=noticed, differences=differences, held=held,
        overdue=overdue, approvals=approvals,
        alarms=recorder_alarms(visit) + place_alarms(visit),
    )  # fmt: skip


@router.post("/conversations/{conversation_id}/retry")
def retry(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Run a stage again, and what comes after it."""
    visit.principal.require(Right.CONVERSATION_RETRY)
    with visit.services.database.read() as uow:
        visit.services.replay.row(uow, conversation_id, visit.scope)  # raises NotFound outside one's reach
    visit.services.desk.retry(conversation_id, str(form.get("stage") or "") or None, actor=visit.principal.user_id)
    if form.get("back") == "attention":
        return RedirectResponse("/attention?retried=1", status_code=303)
    return RedirectResponse(f"/conversations/{conversation_id}?tab=processing", status_code=303)
