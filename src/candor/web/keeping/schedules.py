"""Schedules: drafts, what is in effect, what was, and what is withdrawn."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.replay.model import Scope
from candor.vault.retention import reading, store
from candor.vault.retention.model import Ground, Schedule, in_effect
from candor.web.consent.common import done, names, noticed
from candor.web.i18n import N_
from candor.web.keeping import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/retention/schedules"
_CONDITIONS = ("jurisdiction", "sector", "consent", "purpose", "queue", "channel")
_DONE = {
    "drafted": N_("The draft is written down. It counts once somebody puts it into effect."),
    "in_effect": N_("It is in effect from that day on."),
    "discarded": N_("The draft is gone."),
    "withdrawn": N_("It counts no longer; what it applied to falls to the next schedule that fits."),
}
_WRONG = (InvalidInput, Conflict, Forbidden, NotFound)


@router.get(_AT)
def schedules(request: Request, visit: CurrentVisit) -> Response:
    """All of them."""
    return _page(request, visit)


@router.post(_AT)
def draft(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Write one down."""
    common.check(visit, Right.RETENTION_MANAGE)
    try:
        when = {name: common.text(form, name, 300) for name in _CONDITIONS}
        given = reading.draft(
            common.text(form, "name"), common.text(form, "days"), common.text(form, "basis"), when
        )  # fmt: skip
        with visit.services.database.write() as uow:
            visit.services.schedules.draft(uow, given, by=visit.principal.user_id)
    except InvalidInput as problem:
        return _page(request, visit, problem, common.kept(form))
    return done(_AT, "drafted")


@router.post(_AT + "/{schedule_id}/effect")
def put_in_effect(schedule_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Make a draft count from a day on."""
    common.check(visit, Right.RETENTION_MANAGE)
    try:
        day = common.day(common.text(form, "day"))
        with visit.services.database.write() as uow:
            visit.services.schedules.put_in_effect(uow, schedule_id, day=day, by=visit.principal.user_id)
    except _WRONG as problem:
        return _page(request, visit, problem)
    return done(_AT, "in_effect")


@router.post(_AT + "/{schedule_id}/discard")
def discard(schedule_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Forget a draft."""
    del form
    common.check(visit, Right.RETENTION_MANAGE)
    try:
        with visit.services.database.write() as uow:
            visit.services.schedules.discard(uow, schedule_id, by=visit.principal.user_id)
    except _WRONG as problem:
        return _page(request, visit, problem)
    return done(_AT, "discarded")


@router.post(_AT + "/withdraw")
def withdraw(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Let one count no longer."""
    common.check(visit, Right.RETENTION_MANAGE)
    try:
        with visit.services.database.write() as uow:
            visit.services.schedules.withdraw(
                uow, common.text(form, "name"), by=visit.principal.user_id, reason=common.text(form, "reason")
            )
    except _WRONG as problem:
        return _page(request, visit, problem)
    return done(_AT, "withdrawn")


def _page(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    common.check(visit)
    today = clock.now().date()
    with visit.services.database.read() as uow:
        every = store.schedules(uow)
        facets = visit.services.replay.facets(uow, Scope())
        people = names(visit, uow)
        purposes = [each.id for each in visit.services.consent.pack(uow).on(today).head.purpose]
    counts = sorted(in_effect(every, today), key=lambda one: (tuple(-n for n in one.when.weight), one.name))
    later = [one for one in every if one.effective_from is not None and one.effective_from > today]
    history = [one for one in every if one.effective_from is not None and one not in counts and one not in later]
    return common.page(
        request, visit, "schedules.html", problem, form=form or {}, counts=counts, later=later,
        drafts=[one for one in every if one.effective_from is None], history=_newest(history), people=people,
        today=today, queues=facets.queues, purposes=purposes, grounds=tuple(Ground), me=visit.principal.user_id,
        noticed=noticed(request, _DONE),
    )  # fmt: skip


def _newest(found: list[Schedule]) -> list[Schedule]:
    return sorted(found, key=lambda one: (one.effective_from, one.version), reverse=True)
