"""Completeness: how much of what should have been recorded is held, what differs, and closing it with a reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from candor.access.model import Right
from candor.capture.completeness import store
from candor.capture.completeness.model import Kind
from candor.capture.completeness.store import Noted, State
from candor.errors import Forbidden
from candor.kit import clock
from candor.replay.model import Scope
from candor.services import Services
from candor.web.i18n import N_, _
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

KIND = {
    Kind.MISSING: (N_("Missing"), N_("In the list, and nothing of it is held.")),
    Kind.LATE: (N_("Late"), N_("The recording begins well after the call.")),
    Kind.SHORT: (N_("Short"), N_("The recording ends early, or parts of the call are not in it.")),
    Kind.SILENT: (N_("Silent"), N_("Nothing can be heard, or nobody speaks.")),
    Kind.ONE_SIDED: (N_("One-sided"), N_("One channel is silent: one party is missing.")),
    Kind.DUPLICATE: (N_("Duplicate"), N_("Several recordings of the same stretch of one call.")),
    Kind.MISSED_PAUSE: (N_("Missed pause"), N_("Recording should have been paused, and was not.")),
    Kind.UNEXPECTED: (N_("Unexpected"), N_("Recorded, but in no list, or listed as not to be recorded.")),
    Kind.AMBIGUOUS: (N_("Ambiguous"), N_("Several recordings could be the call's; listen and decide.")),
    Kind.UNRECORDED: (N_("Rightly not recorded"), N_("It might not be recorded; nothing of it is held.")),
}
"""Kind → its name, and what it means."""
TONE = {
    Kind.MISSING: "bad", Kind.LATE: "attention", Kind.SHORT: "attention", Kind.SILENT: "bad",
    Kind.ONE_SIDED: "bad", Kind.DUPLICATE: "quiet", Kind.MISSED_PAUSE: "bad", Kind.UNEXPECTED: "attention",
    Kind.AMBIGUOUS: "attention", Kind.UNRECORDED: "quiet",
}  # fmt: skip
PERIODS = {"today": 1, "yesterday": 1, "7d": 7, "30d": 30, "90d": 90}
_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for; what it asks in vain is left out."""

    period: str
    first: date | None
    last: date | None
    kind: Kind | None
    everything: bool
    """Resolved ones and those that are gone, too."""
    since: datetime
    until: datetime

    def address(self, page: str = "/completeness", **changes: str) -> str:
        """The same, with changes; an empty one takes its filter away."""
        pairs = {
            "period": self.period, "from": self.first and self.first.isoformat(),
            "to": self.last and self.last.isoformat(), "kind": self.kind and self.kind.value,
            "state": "all" if self.everything else "",
        } | changes  # fmt: skip
        query = urlencode({name: value for name, value in pairs.items() if value})
        return f"{page}?{query}" if query else page


@router.get("/completeness")
def completeness(request: Request, visit: CurrentVisit) -> Response:
    """The page."""
    house = _house(visit, Right.COMPLETENESS_READ)
    wanted = _read(request, visit.zone)
    with house.database.read() as uow:
        report = house.completeness.report(uow, wanted.since, wanted.until)
        page = store.page(
            uow, wanted.since, wanted.until, kinds=[wanted.kind] if wanted.kind else [],
            states=list(State) if wanted.everything else [State.OPEN],
            cursor=request.query_params.get("cursor") or None, limit=_PAGE,
        )  # fmt: skip
        listed_ever = store.extent(uow) is not None
        people = {user.id: user.name or user.login for user in visit.services.access.users(uow)}
    done = request.query_params.get("done")
    noticed = {"resolved": _("It is closed."), "checked": _("The lists were held against the recordings.")}
    return renderer_of(request).page(
        request, "completeness/page.html", wanted=wanted, report=report, page=page, kinds=KIND, tones=TONE,
        listed_ever=listed_ever, people=people, noticed=noticed.get(done or "", ""), seconds=seconds,
        periods=PERIODS, may_manage=visit.principal.may(Right.COMPLETENESS_MANAGE), State=State,
    )  # fmt: skip


@router.post("/completeness/check")
def check(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Hold the lists of the period against the recordings now."""
    house = _house(visit, Right.COMPLETENESS_MANAGE)
    del form  # it carries the token alone
    wanted = _read(request, visit.zone)
    house.completeness.check(wanted.since, wanted.until)
    return RedirectResponse(wanted.address(done="checked"), status_code=303)


@router.post("/completeness/{discrepancy_id}/resolve")
def resolve(discrepancy_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Close one with a reason."""
    house = _house(visit, Right.COMPLETENESS_MANAGE)
    house.completeness.resolve(discrepancy_id, by=visit.principal.user_id, reason=str(form.get("reason") or ""))
    return RedirectResponse(_read(request, visit.zone).address(done="resolved"), status_code=303)


@router.get("/completeness/export.csv")
def export(request: Request, visit: CurrentVisit) -> Response:
    """Everything that the page's filters find, as CSV with times in UTC."""
    house = _house(visit, Right.COMPLETENESS_READ)
    wanted = _read(request, visit.zone)
    headers = {"Content-Disposition": 'attachment; filename="completeness.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_csv(house, wanted), headers=headers, media_type="text/csv; charset=utf-8")


def seconds(each: Noted) -> str:
    """What the seconds of a difference mean, in words."""
    if each.seconds is None:
        return ""
    amount = f"{each.seconds:,.0f}".replace(",", "\u202f")
    if each.kind is Kind.LATE:
        return _("%s s late") % amount
    if each.kind is Kind.SHORT:
        return _("%s s are missing") % amount
    if each.kind is Kind.MISSED_PAUSE:
        return _("%s s were kept") % amount
    return _("%s s long") % amount


def _house(visit: Visit, right: Right) -> Services:
    visit.principal.require(right)
    if visit.scope != Scope():
        raise Forbidden(_("Completeness is shown to those who see all conversations."), code="completeness.scope")
    return visit.services


def _read(request: Request, zone: ZoneInfo) -> Wanted:
    given = request.query_params
    today = clock.now().astimezone(zone).date()
    first, last = _date(given.get("from")), _date(given.get("to"))
    period = given.get("period", "7d")
    if first or last:  # whoever writes dates means them, whatever the choice beside them still says
        period = ""
    elif period not in PERIODS:
        period = "7d"
    if period:
        begin, end = today - timedelta(days=PERIODS[period] - 1), today
        if period == "yesterday":
            begin = end = today - timedelta(days=1)
    else:
        end = last or today
        begin = first or end - timedelta(days=6)
    # A year and more is for the API, piece by piece.
    begin = max(min(begin, end), end - timedelta(days=366))
    kind = Kind(given["kind"]) if given.get("kind") in set(Kind) else None
    return Wanted(
        period=period, first=first, last=last, kind=kind,
        # What was rightly not recorded is closed from the start.
        everything=given.get("state") == "all" or kind is Kind.UNRECORDED, since=_midnight(begin, zone),
        until=_midnight(end + timedelta(days=1), zone),
    )  # fmt: skip


def _date(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2200 else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _csv(house: Services, wanted: Wanted) -> Iterator[str]:
    yield _line(
        ["kind", "call_began", "list", "call_id", "recordings", "seconds", "found", "state", "closed", "reason"]
    )
    cursor = None
    while True:
        with house.database.read() as uow:
            page = store.page(
                uow, wanted.since, wanted.until, kinds=[wanted.kind] if wanted.kind else [],
                states=list(State) if wanted.everything else [State.OPEN], cursor=cursor, limit=1000,
            )  # fmt: skip
        for each in page.rows:
            yield _line(
                [
                    each.kind.value, _utc(each.at), each.source, each.call_id or "", " ".join(each.conversations),
                    "" if each.seconds is None else f"{each.seconds:.1f}", _utc(each.found_at), each.state.value,
                    _utc(each.closed_at) if each.closed_at else "", each.reason or "",
                ]
            )  # fmt: skip
        cursor = page.next_cursor
        if cursor is None:
            return


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    # A spreadsheet must not take what others wrote for a formula.
    csv.writer(out).writerow([f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell for cell in cells])
    return out.getvalue()


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
