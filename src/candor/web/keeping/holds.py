"""Legal holds: what stands, what each covers, placing and releasing."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.pipeline.holding import Wanted
from candor.vault.holds import store
from candor.vault.requests.people import IdKind
from candor.web.consent.common import done, names, noticed
from candor.web.i18n import N_
from candor.web.keeping import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/retention/holds"
_LISTED = 100
_DONE = {
    "placed": N_("The hold stands: nothing of what it covers is destroyed."),
    "added": N_("They are under the hold."),
    "released": N_("The hold is over: what was due is destroyed with the next sweep, unless another hold covers it."),
}


@router.get(_AT)
def holds(request: Request, visit: CurrentVisit) -> Response:
    """All of them."""
    return _list(request, visit)


@router.post(_AT)
def place(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Begin one."""
    common.check(visit, Right.HOLD_MANAGE)
    services = visit.services
    try:
        until = common.start_of(common.text(form, "until"), visit)
        wanted = Wanted(
            case=common.text(form, "case", 201), reason=common.text(form, "reason"),
            conversations=common.lines(form, "conversations", 10_000),
            people=[(kind, value) for kind in IdKind for value in common.lines(form, f"by_{kind}")],
            since=common.start_of(common.text(form, "since"), visit),
            until=until and until + timedelta(days=1),  # the day itself is within
            query=common.text(form, "query") or None,
        )  # fmt: skip
        services.persons.backfill()
        made = services.holding.place(wanted, by=visit.principal.user_id)
    except (InvalidInput, NotFound) as problem:
        return _list(request, visit, problem, common.kept(form))
    return done(f"{_AT}/{made.id}", "placed")


@router.get(_AT + "/{hold_id}")
def hold(hold_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One, with what it covers."""
    return _one(request, visit, hold_id)


@router.post(_AT + "/{hold_id}/add")
def add(hold_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Name further conversations."""
    common.check(visit, Right.HOLD_MANAGE)
    try:
        ids = common.lines(form, "conversations", 10_000)
        visit.services.holding.add(hold_id, ids, by=visit.principal.user_id)
    except (InvalidInput, NotFound, Conflict) as problem:
        return _one(request, visit, hold_id, problem, common.kept(form))
    return done(f"{_AT}/{hold_id}", "added")


@router.post(_AT + "/{hold_id}/release")
def release(hold_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End one, with a reason."""
    common.check(visit, Right.HOLD_MANAGE)
    try:
        visit.services.holding.release(hold_id, by=visit.principal.user_id, reason=common.text(form, "reason"))
    except (InvalidInput, Conflict) as problem:
        return _one(request, visit, hold_id, problem, common.kept(form))
    return done(f"{_AT}/{hold_id}", "released")


def _list(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    common.check(visit)
    with visit.services.database.read() as uow:
        found = visit.services.holding.listed(uow)
        counts, people = store.counts(uow), names(visit, uow)
    return common.page(
        request, visit, "holds.html", problem, form=form or {}, counts=counts, people=people, kinds=tuple(IdKind),
        standing=[one for one in found if one.released_at is None],
        over=[one for one in found if one.released_at is not None], noticed=noticed(request, _DONE),
        named=request.query_params.get("conversation", "")[:36],
    )  # fmt: skip


def _one(
    request: Request, visit: Visit, hold_id: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    common.check(visit)
    with visit.services.database.read() as uow:
        found = visit.services.holding.get(uow, hold_id)
        ids = store.conversations(uow, hold_id, _LISTED)
        values = {
            "hold": found, "count": store.counts(uow).get(hold_id, 0), "ids": ids,
            "rows": common.rows_of(visit, uow, ids), "people": names(visit, uow),
        }  # fmt: skip
    return common.page(request, visit, "hold.html", problem, form=form or {}, noticed=noticed(request, _DONE), **values)
