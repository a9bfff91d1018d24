"""Requests of data subjects: the register with its calendar, and one request from arrival to answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from candor.access.model import Right
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.subject_requests import Asked
from candor.vault.requests import deadlines, store
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import ItemState, RequestKind, RequestState, SubjectRequest
from candor.web.consent.common import done, names, noticed
from candor.web.i18n import N_, _
from candor.web.keeping import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/retention/requests"
_WEEKS = 6
_DONE = {
    "received": N_("The request is in the register. Make sure who they are, then answer it."),
    "found": N_("Looked again."),
    "verified": N_("It is noted how it was made sure who they are."),
    "extended": N_("The time is lengthened. Tell the person, with the reason."),
    "chosen": N_("Noted."),
    "erased": N_("Done: of each conversation it says below what became of it."),
    "closed": N_("The request is answered."),
}
_WRONG = (InvalidInput, Conflict, Forbidden, NotFound)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the calendar."""

    day: date
    due: tuple[SubjectRequest, ...]


@router.get(_AT)
def requests(request: Request, visit: CurrentVisit) -> Response:
    """The register."""
    return _list(request, visit)


@router.post(_AT)
def receive(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take one in."""
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        asked = Asked(
            kind=RequestKind(common.text(form, "kind") or RequestKind.ACCESS), name=common.text(form, "name", 201),
            contact=common.text(form, "contact", 301), law=common.text(form, "law") or None,
            keys=[(kind, value) for kind in IdKind for value in common.lines(form, f"by_{kind}")],
            received_on=common.day(common.text(form, "received_on")),
        )  # fmt: skip
        made = visit.services.subject_requests.receive(asked, by=visit.principal.user_id)
    except (InvalidInput, ValueError) as problem:
        wrong = problem if isinstance(problem, InvalidInput) else InvalidInput(_("Say what they want."), code="kind")
        return _list(request, visit, wrong, common.kept(form))
    return done(f"{_AT}/{made.number}", "received")


@router.get(_AT + "/{request_id}")
def one(request_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One request."""
    return _one(request, visit, request_id)


@router.post(_AT + "/{request_id}/find")
def find(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Look again for what is theirs."""
    del form
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        visit.services.subject_requests.find(request_id, by=visit.principal.user_id)
    except Conflict as problem:
        return _one(request, visit, request_id, problem)
    return done(f"{_AT}/{request_id}", "found")


@router.post(_AT + "/{request_id}/verify")
def verify(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Note how it was made sure who they are."""
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        visit.services.subject_requests.verify(request_id, by=visit.principal.user_id, how=common.text(form, "how"))
    except _WRONG as problem:
        return _one(request, visit, request_id, problem, common.kept(form))
    return done(f"{_AT}/{request_id}", "verified")


@router.post(_AT + "/{request_id}/extend")
def extend(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Lengthen the time."""
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        until = common.day(common.text(form, "until"))
        if until is None:
            raise InvalidInput(_("Say until when."), code="request.day")
        reason = common.text(form, "reason")
        visit.services.subject_requests.extend(request_id, by=visit.principal.user_id, until=until, reason=reason)
    except _WRONG as problem:
        return _one(request, visit, request_id, problem, common.kept(form))
    return done(f"{_AT}/{request_id}", "extended")


@router.post(_AT + "/{request_id}/choose")
def choose(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Say whether a conversation is theirs."""
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        visit.services.subject_requests.choose(
            request_id, common.text(form, "conversation", 36), theirs=form.get("theirs") == "yes",
            by=visit.principal.user_id, reason=common.text(form, "reason"),
        )  # fmt: skip
    except _WRONG as problem:
        return _one(request, visit, request_id, problem)
    return done(f"{_AT}/{request_id}", "chosen")


@router.post(_AT + "/{request_id}/copy")
def copy(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Their copy, to take along."""
    del form
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        with visit.services.database.read() as uow:
            number = store.get(uow, request_id).number
        pieces = visit.services.subject_requests.copy(request_id, by=visit.principal.user_id)
    except _WRONG as problem:
        return _one(request, visit, request_id, problem)
    headers = {"Content-Disposition": f'attachment; filename="request-{number}.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.post(_AT + "/{request_id}/erase")
def erase(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Destroy what is theirs."""
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        common.sure(form, _("Erasing cannot be undone: tick the box that says so."))
        visit.services.subject_requests.erase(request_id, by=visit.principal.user_id)
    except _WRONG as problem:
        return _one(request, visit, request_id, problem)
    return done(f"{_AT}/{request_id}", "erased")


@router.post(_AT + "/{request_id}/close")
def close(request_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """It is answered."""
    common.check(visit, Right.REQUEST_MANAGE)
    try:
        outcome = common.text(form, "outcome")
        visit.services.subject_requests.close(request_id, by=visit.principal.user_id, outcome=outcome)
    except _WRONG as problem:
        return _one(request, visit, request_id, problem, common.kept(form))
    return done(f"{_AT}/{request_id}", "closed")


def _list(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    common.check(visit)
    today = clock.now().date()
    with visit.services.database.read() as uow:
        found = store.listed(uow)
    waiting = [one for one in found if one.state is RequestState.OPEN]
    monday = today - timedelta(days=today.weekday())
    weeks = [
        [_day(monday + timedelta(days=7 * week + each), waiting) for each in range(7)] for week in range(_WEEKS)
    ]  # fmt: skip
    return common.page(
        request, visit, "requests.html", problem, form=form or {}, waiting=waiting, weeks=weeks, today=today,
        closed=[one for one in found if one.state is RequestState.CLOSED], laws=deadlines.laws(), kinds=tuple(IdKind),
        wishes=tuple(RequestKind), noticed=noticed(request, _DONE),
    )  # fmt: skip


def _day(day: date, waiting: list[SubjectRequest]) -> Day:
    return Day(day, tuple(one for one in waiting if one.due_on == day))


def _one(
    request: Request, visit: Visit, request_id: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    common.check(visit, Right.REQUEST_MANAGE)
    services, today = visit.services, clock.now().date()
    with services.database.read() as uow:
        found = store.get(uow, request_id)
        items = store.items(uow, found.id)
        values = {
            "one": found, "subject": services.subject_requests.subject(uow, found.id), "items": items,
            "steps": store.steps(uow, found.id), "people": names(visit, uow),
            "rows": common.rows_of(visit, uow, [item.conversation_id for item in items]),
        }  # fmt: skip
    law = deadlines.law(found.law)
    todo = [item for item in items if item.state in {ItemState.FOUND, ItemState.GIVEN, ItemState.EXCEPTED}]
    return common.page(
        request, visit, "request.html", problem, form=form or {}, today=today, law=law,
        longest=law.longest(found.received_on), open=found.state is RequestState.OPEN, todo=todo,
        undecided=(ItemState.FOUND, ItemState.LEFT_OUT), noticed=noticed(request, _DONE), **values,
    )  # fmt: skip
