"""What would be destroyed on a day, what was swept, and conflicts that wait for a person."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.vault.retention import reading, store
from candor.web.consent import common as consent
from candor.web.consent.common import done, names, noticed
from candor.web.i18n import N_, _
from candor.web.keeping import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_LISTED = 100
_AT_ONCE = 1_000
"""Conversations whose class is found while somebody waits for the page; the rest is the sweep's."""
_DONE = {
    "swept": N_("The sweep is done: what was due is destroyed."),
    "proposed": N_("What is due waits for a second person, under Approvals."),
    "settled": N_("It is settled: these are kept as long as you said."),
}


@router.get("/retention")
def overview(request: Request, visit: CurrentVisit) -> Response:
    """The preview of a day."""
    return _overview(request, visit)


@router.post("/retention/sweep")
def sweep(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Destroy what is due now, or put it before a second person."""
    common.check(visit, Right.RETENTION_MANAGE)
    keeping = visit.services.keeping
    try:
        common.sure(form, _("Destroying cannot be undone: tick the box that says so."))
        keeping.sweep(by=visit.principal.user_id)
    except (InvalidInput, Conflict) as problem:
        return _overview(request, visit, problem)
    return done("/retention", "proposed" if keeping.four_eyes else "swept")


@router.get("/retention/conflicts")
def conflicts(request: Request, visit: CurrentVisit) -> Response:
    """Where schedule and law disagree."""
    return _conflicts(request, visit)


@router.post("/retention/conflicts/{class_id}")
def settle(class_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """A person's word on one."""
    common.check(visit, Right.RETENTION_MANAGE)
    number = consent.number(class_id, 2**31)
    if number is None:
        raise NotFound("There is no such conflict.", code="retention.no_conflict")
    try:
        days = reading.days_of(common.text(form, "days"))
        reason = common.text(form, "reason")
        visit.services.keeping.settle(number, days, by=visit.principal.user_id, reason=reason)
    except InvalidInput as problem:
        return _conflicts(request, visit, problem, number, common.kept(form))
    return done("/retention/conflicts", "settled")


def _overview(request: Request, visit: Visit, problem: CandorError | None = None) -> Response:
    common.check(visit)
    today = clock.now().date()
    try:
        day = common.day(request.query_params.get("on")) or today
    except InvalidInput as wrong:
        day, problem = today, problem or wrong
    keeping = visit.services.keeping
    with visit.services.database.read() as uow:
        found = keeping.preview(uow, day)
    if found.unseen:
        keeping.classify(most=_AT_ONCE)
        with visit.services.database.read() as uow:
            found = keeping.preview(uow, day)
    with visit.services.database.read() as uow:
        due = keeping.due(uow, day, _LISTED)
        rows = common.rows_of(visit, uow, [each.conversation_id for each in due])
        values = {
            "preview": found, "due": due, "rows": rows, "sweeps": store.sweeps(uow, 5), "people": names(visit, uow),
            "clock_problem": keeping.clock_problem(uow), "scheduled": bool(store.schedules(uow)),
        }  # fmt: skip
    return common.page(
        request, visit, "overview.html", problem, day=day, today=today, listed=_LISTED,
        noticed=noticed(request, _DONE), **values,
    )  # fmt: skip


def _conflicts(
    request: Request, visit: Visit, problem: CandorError | None = None, wrong: int | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    common.check(visit)
    with visit.services.database.read() as uow:
        found = visit.services.keeping.preview(uow, clock.now().date()).conflicts
        settled = sorted(store.words(uow).values(), key=lambda word: word.at, reverse=True)[:20]
        people = names(visit, uow)
    return common.page(
        request, visit, "conflicts.html", problem, conflicts=found, settled=settled, people=people, at_class=wrong,
        form=form or {}, noticed=noticed(request, _DONE),
    )  # fmt: skip
