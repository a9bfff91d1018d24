"""Conversations that nobody may play: why, until when, and a person's word on each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState, Wanted
from candor.errors import InvalidInput, NotFound
from candor.kit.database import UnitOfWork
from candor.replay.model import ConversationRow
from candor.web.consent import common, terms
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_PAGE = 50
_DONE = {
    "resolved": N_("It goes on: the stages run from where it was stopped."),
    "destroyed": N_("It is destroyed: its keys, its sound and everything made of it are gone."),
}


@dataclass(frozen=True, slots=True)
class Held:
    """One of them, with what the list of conversations knows."""

    custody: Custody
    row: ConversationRow | None


@router.get("/consent/quarantine")
def quarantine(request: Request, visit: CurrentVisit) -> Response:
    """The newest first, fifty a page; ``level``, ``since`` and ``until`` (days, both included) choose among them."""
    common.check(visit)
    given = request.query_params
    days = {name: common.day(given.get(name), visit.zone) for name in ("since", "until")}
    until = days["until"]
    level = int(given["level"]) if given.get("level") in {str(one) for one in terms.LEVELS} else None
    wanted = Wanted(
        state=CustodyState.QUARANTINED, level=level, since=days["since"], until=until and until + timedelta(days=1)
    )
    before = custody.place(given.get("before"))
    with visit.services.database.read() as uow:
        found = custody.listed(uow, wanted, before=before, limit=_PAGE + 1)
        held = [Held(each, _row(uow, visit, each)) for each in found[:_PAGE]]
        count = custody.count(uow, wanted)
    query = {name: given[name] for name in ("level", "since", "until") if given.get(name)}
    older = ""
    if len(found) > _PAGE:
        older = f"/consent/quarantine?{urlencode({**query, 'before': custody.cursor(held[-1].custody)})}"
    return common.page(
        request, visit, "quarantine.html", held=held, count=count, older=older, given=given, level=level,
        first=f"/consent/quarantine?{urlencode(query)}" if before else "", filtered=bool(query),
        noticed=common.noticed(request, _DONE), enforced=visit.services.enforced,
    )  # fmt: skip


@router.post("/consent/quarantine/{conversation_id}/resolve")
def resolve(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Let one go on, with a reason."""
    common.check(visit, Right.CONSENT_MANAGE)
    reason = common.reason(form, _("Say why this conversation may be kept."))
    visit.services.consenting.resolve(conversation_id, by=visit.principal.user_id, reason=reason)
    if form.get("back") == "conversation":
        return RedirectResponse(f"/conversations/{conversation_id}?tab=processing", status_code=303)
    return common.done("/consent/quarantine", "resolved")


@router.post("/consent/quarantine/{conversation_id}/destroy")
def destroy(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Destroy one now; the form says that it cannot be undone, and the box must be ticked."""
    common.check(visit, Right.CONSENT_MANAGE)
    reason = common.reason(form, _("Say why it is destroyed."))
    if form.get("sure") != "yes":
        raise InvalidInput(
            _("Destroying cannot be undone: tick the box that says so."), code="consent.sure",
            advice=_("Nothing was changed."),
        )  # fmt: skip
    visit.services.consenting.destroy(conversation_id, by=visit.principal.user_id, reason=reason)
    return common.done("/consent/quarantine", "destroyed")


def _row(uow: UnitOfWork, visit: Visit, held: Custody) -> ConversationRow | None:
    try:
        return visit.services.replay.row(uow, held.conversation_id, visit.scope)
    except NotFound:
        return None
