"""The page of the audit log: find lines, see how far they are signed, take the log along, check it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.audit import store
from candor.audit.model import Event
from candor.audit.store import Wanted
from candor.audit.verifying import Report
from candor.errors import CandorError, Forbidden, InvalidInput, NotFound
from candor.replay.model import Scope
from candor.web.audit import terms
from candor.web.i18n import N_, _, gettext
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_PAGE = 50
_DONE = {
    "signed": N_("The log is signed up to its last line."),
    "erased": N_("The reason is erased. The line stays, and the log still verifies."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks for; what it asks in vain is left out."""

    event: str
    actor: str
    conversation: str
    first: date | None
    last: date | None
    before: int | None

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the list."""
        return bool(self.event or self.actor or self.conversation or self.first or self.last or self.before)

    def address(self, **changes: str) -> str:
        """The same, with changes; an empty one takes its filter away."""
        pairs = {
            "event": self.event, "actor": self.actor, "conversation": self.conversation,
            "from": self.first and self.first.isoformat(), "to": self.last and self.last.isoformat(),
        } | changes  # fmt: skip
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"/audit?{query}" if query else "/audit"

    def wanted(self, zone: ZoneInfo) -> Wanted:
        """For the store; days are days in the viewer's zone."""
        groups = {event.partition(":")[0] for event in Event}
        events = tuple(each for each in Event if each.startswith(f"{self.event}:")) if self.event in groups else ()
        return Wanted(
            conversation_id=self.conversation or None, actor=self.actor or None,
            events=events or ((self.event,) if self.event else ()), since=_midnight(self.first, zone),
            until=_midnight(self.last + timedelta(days=1), zone) if self.last else None,
        )  # fmt: skip


@router.get("/audit")
def audit(request: Request, visit: CurrentVisit) -> Response:
    """``event`` (or its first word), ``actor``, ``conversation``, ``from``, ``to``; ``before`` pages."""
    return _page(request, visit)


@router.post("/audit/verify")
def verify(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Read the whole log, against a checkpoint that was kept elsewhere when one is pasted in."""
    _check(visit, Right.AUDIT_READ)
    given = str(form.get("checkpoint") or "").replace("\r\n", "\n").strip()
    report = visit.services.audit_log.verify(given=f"{given}\n" if given else None)
    return _page(request, visit, report=report, given=given)


@router.post("/audit/checkpoint")
def checkpoint(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Sign where the log stands."""
    _check(visit, Right.AUDIT_MANAGE)
    del form  # it carries the token alone
    try:
        visit.services.audit_log.checkpoint()
    except CandorError as problem:
        return _page(request, visit, status=409, problem=problem)
    return RedirectResponse("/audit?done=signed", status_code=303)


@router.post("/audit/lines/{number}/erase-reason")
def erase_reason(number: int, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Erase what somebody wrote as a reason."""
    _check(visit, Right.AUDIT_MANAGE)
    try:
        visit.services.audit_log.erase_reason(number, by=visit.principal.user_id, reason=_why(form))
    except InvalidInput as problem:
        return _page(request, visit, status=422, problem=problem)
    return RedirectResponse("/audit?done=erased", status_code=303)


@router.get("/audit/checkpoint.note")
def get_checkpoint(visit: CurrentVisit) -> Response:
    """The newest signed checkpoint."""
    _check(visit, Right.AUDIT_READ)
    with visit.services.database.read() as uow:
        signed = visit.services.audit_log.last(uow)
    if signed is None:
        raise NotFound("No checkpoint was signed yet.", code="audit.uncovered")
    return _file(signed.note, f"checkpoint-{signed.checkpoint.size}.note")


@router.get("/audit/log.key")
def get_key(visit: CurrentVisit) -> Response:
    """The public key."""
    _check(visit, Right.AUDIT_READ)
    return _file(f"{visit.services.audit_log.make_key()}\n", "audit-log.key")


@router.get("/audit/lines/{number}.tlog-proof")
def get_proof(number: int, visit: CurrentVisit) -> Response:
    """That a line stands in the log."""
    _check(visit, Right.AUDIT_READ)
    with visit.services.database.read() as uow:
        return _file(str(visit.services.audit_log.prove(uow, number)), f"line-{number}.tlog-proof")


@router.get("/audit/log.jsonl")
def export(visit: CurrentVisit) -> Response:
    """The whole log."""
    _check(visit, Right.AUDIT_READ)
    parts = visit.services.audit_log.export(by=visit.principal.user_id)
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(parts, media_type="application/jsonl", headers=headers)


def _page(
    request: Request, visit: Visit, *, status: int = 200, report: Report | None = None, given: str = "",
    problem: CandorError | None = None,
) -> Response:  # fmt: skip
    _check(visit, Right.AUDIT_READ)
    asked = _read(request)
    services = visit.services
    with services.database.read() as uow:
        lines = store.newest(uow, asked.wanted(visit.zone), before=asked.before, limit=_PAGE + 1)
        standing = services.audit_log.standing(uow)
        actors = store.actors(uow)
        people = {user.id: user.name or user.login for user in services.access.users(uow)}
    done = request.query_params.get("done", "")
    return renderer_of(request).page(
        request, "audit/page.html", status=status, asked=asked, lines=lines[:_PAGE], standing=standing, terms=terms,
        people=people, older=asked.address(before=str(lines[_PAGE - 1].number)) if len(lines) > _PAGE else "",
        known=sorted((people.get(each, each), each) for each in actors), groups=terms.groups(), report=report,
        given=given, problem=problem, noticed=gettext(_DONE[done]) if done in _DONE else "",
        may_manage=visit.principal.may(Right.AUDIT_MANAGE),
    )  # fmt: skip


def _check(visit: Visit, right: Right) -> None:
    visit.principal.require(right)
    if visit.scope != Scope():
        raise Forbidden(_("The audit log is shown to those who see all conversations."), code="audit.scope")


def _read(request: Request) -> Asked:
    given = request.query_params
    before = given.get("before", "")
    return Asked(
        event=given.get("event", "")[:64], actor=given.get("actor", "")[:64],
        conversation=given.get("conversation", "").strip()[:36], first=_day(given.get("from")),
        last=_day(given.get("to")),
        before=int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None,
    )  # fmt: skip


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1970 < found.year < 9000 else None


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), zone)


def _why(form: FormData) -> str:
    found = str(form.get("reason") or "").strip()[:1000]
    if len(found) < 3:
        raise InvalidInput(_("Say why the reason is erased."), code="audit.reason", advice=_("Nothing was changed."))
    return found


def _file(text: str, name: str) -> Response:
    return PlainTextResponse(text, headers={"Content-Disposition": f'attachment; filename="{name}"'})
