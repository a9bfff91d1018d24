"""Lists of what is due, for a second person's yes or no."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.vault.disposal import store
from candor.vault.disposal.store import ProposalState
from candor.web.consent.common import done, names, noticed
from candor.web.i18n import N_, _
from candor.web.keeping import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/retention/approvals"
_LISTED = 100
_DONE = {
    "approved": N_("Approved: it is destroyed within a minute, where workers run."),
    "refused": N_("Refused: these conversations stay."),
    "proposed": N_("What is due now waits for a second person."),
}
_WRONG = (InvalidInput, Conflict, Forbidden, NotFound)


@router.get(_AT)
def approvals(request: Request, visit: CurrentVisit) -> Response:
    """Lists that wait, and those decided lately."""
    return _page(request, visit)


@router.post(_AT)
def propose(visit: CurrentVisit, form: Posted) -> Response:
    """Put what is due before a second person now."""
    del form
    common.check(visit, Right.RETENTION_MANAGE)
    visit.services.keeping.propose(by=visit.principal.user_id)
    return done(_AT, "proposed")


@router.post(_AT + "/{proposal_id}/approve")
def approve(proposal_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A second person's yes."""
    common.check(visit, Right.DISPOSAL_APPROVE)
    try:
        common.sure(form, _("Destroying cannot be undone: tick the box that says so."))
        reason = common.text(form, "reason")
        visit.services.keeping.approve(proposal_id, by=visit.principal.user_id, reason=reason)
    except _WRONG as problem:
        return _page(request, visit, problem)
    return done(_AT, "approved")


@router.post(_AT + "/{proposal_id}/refuse")
def refuse(proposal_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A second person's no."""
    common.check(visit, Right.DISPOSAL_APPROVE)
    try:
        reason = common.text(form, "reason")
        visit.services.keeping.refuse(proposal_id, by=visit.principal.user_id, reason=reason)
    except _WRONG as problem:
        return _page(request, visit, problem)
    return done(_AT, "refused")


def _page(request: Request, visit: Visit, problem: CandorError | None = None) -> Response:
    common.check(visit)
    with visit.services.database.read() as uow:
        waiting = store.proposals(uow, ProposalState.PROPOSED)
        decided = store.proposals(
            uow, ProposalState.APPROVED, ProposalState.REFUSED, ProposalState.DONE, limit=20
        )  # fmt: skip
        ids = {one.id: store.items(uow, one.id, _LISTED) for one in waiting}
        rows = common.rows_of(visit, uow, [each for found in ids.values() for each in found])
        people = names(visit, uow)
    return common.page(
        request, visit, "approvals.html", problem, waiting=waiting, decided=decided, ids=ids, rows=rows, people=people,
        listed=_LISTED, me=visit.principal.user_id, noticed=noticed(request, _DONE),
    )  # fmt: skip
