"""People who are never recorded, and calls of which nothing was kept."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import unrecorded
from candor.capture.files.metadata import number as e164
from candor.consent.ledger import store
from candor.consent.ledger.model import Whose
from candor.consent.ledger.service import Person
from candor.errors import InvalidInput, NotFound
from candor.kit import clock
from candor.web.consent import common
from candor.web.i18n import N_, _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_PAGE = 50
_DONE = {
    "added": N_("The number is on the list: calls with it are not recorded from now on."),
    "removed": N_("The number is off the list."),
}


@router.get("/consent/never")
def never(request: Request, visit: CurrentVisit) -> Response:
    """The list and the calls; ``before`` pages through the calls."""
    return _page(request, visit)


@router.post("/consent/never")
def add(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Put a number on the list."""
    common.check(visit, Right.CONSENT_WRITE)
    consenting = visit.services.consenting
    by = visit.principal.user_id
    try:
        reason = common.reason(form, _("Say why this person is not to be recorded."))
        person = Person(whose=Whose.CALLER, name=_phone(str(form.get("number") or ""), consenting.region))
        with visit.services.database.write() as uow:
            consenting.ledger.never_record(uow, person, by=by, reason=reason)
            audit.record(uow, Event.DO_NOT_RECORD_CHANGED, by, subject="added", reason=reason)
    except InvalidInput as problem:
        return _page(request, visit, status=422, problem=problem, reason=str(form.get("reason") or "")[:1000])
    return common.done("/consent/never", "added")


@router.post("/consent/never/remove")
def remove(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Take one off the list, with a reason; the form names them by their pseudonym."""
    common.check(visit, Right.CONSENT_MANAGE)
    by = visit.principal.user_id
    try:
        reason = common.reason(form, _("Say why this person may be recorded again."))
    except InvalidInput as problem:
        return _page(request, visit, status=422, problem=problem)
    with visit.services.database.write() as uow:
        if not store.may_record_again(uow, str(form.get("subject") or "")):
            raise NotFound("Nobody of that number is on the list.", code="consent.not_listed")
        audit.record(uow, Event.DO_NOT_RECORD_CHANGED, by, subject="removed", reason=reason)
    return common.done("/consent/never", "removed")


def _page(
    request: Request, visit: Visit, status: int = 200, problem: InvalidInput | None = None, reason: str = ""
) -> Response:
    common.check(visit)
    before = _moment(request.query_params.get("before"))
    with visit.services.database.read() as uow:
        listed = [
            {"subject": row.subject, "hint": row.hint, "reason": row.reason, "by": row.added_by,
             "at": clock.from_column(row.added_at)}
            for row in store.never_recorded(uow)
        ]  # fmt: skip
        calls = unrecorded.newest(uow, limit=_PAGE + 1, before=before)
        people = common.names(visit, uow)
    more = len(calls) > _PAGE
    calls = calls[:_PAGE]
    older = f"/consent/never?{urlencode({'before': calls[-1].started_at.isoformat()})}" if more else ""
    return common.page(
        request, visit, "never.html", status=status, problem=problem, listed=listed, calls=calls, older=older,
        people=people, reason=reason, region=visit.services.consenting.region,
        noticed=common.noticed(request, _DONE),
    )  # fmt: skip


def _phone(text: str, region: str | None) -> str:
    """A number in E.164; raises InvalidInput for what is none, without repeating it."""
    found = e164(text.strip()[:64], region)
    if not found.startswith("+"):
        raise InvalidInput(
            _("That is no telephone number."), code="consent.number",
            advice=_("Write it with its country code (+49…), or set CANDOR_REGION for national ones."),
        )  # fmt: skip
    return found


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None
