"""Reports: figures of a period on one page, as PDF and CSV, and made again every week or month."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.pipeline.reporting import Wanted
from candor.scoring.reports.store import Every
from candor.web.consent.common import noticed
from candor.web.i18n import N_, _
from candor.web.quality import charts, common
from candor.web.quality.common import Period
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/quality/reports"
_DONE = {
    "scheduled": N_("It is made within minutes, and again after each period."),
    "ended": N_("It is made no longer; its finished reports are destroyed."),
}
_TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


@router.get(_AT)
def report(request: Request, visit: CurrentVisit) -> Response:
    """The figures, and one's own scheduled reports."""
    visit.principal.require(Right.QUALITY_READ)
    return _page(request, visit)


@router.get(_AT + "/report.{form}")
def export(form: str, request: Request, visit: CurrentVisit) -> Response:
    """What the page shows, to take along."""
    visit.principal.require(Right.QUALITY_READ)
    if form not in _TYPES:
        raise NotFound(_("Reports are PDF or CSV."), code="report.form")
    period = common.period_of(request, visit.zone)
    reporting = visit.services.reporting
    with visit.services.database.read() as uow:
        cards = visit.services.trusting.scorecards(uow, visit.principal)
        wanted = _wanted(request, period, request.query_params.get("scorecard") or (cards[0].id if cards else ""))
        data: bytes | str = (
            reporting.as_pdf(uow, visit.principal, wanted, visit.zone)
            if form == "pdf"
            else reporting.as_csv(uow, visit.principal, wanted, visit.zone)
        )
    with visit.services.database.write() as uow:
        reporting.exported(uow, visit.principal, wanted, form)
    name = f"quality-{wanted.scorecard}-{period.first}-{period.last}.{form}"
    return _file(data, name, form)


@router.get(_AT + "/finished/{report_id}.{form}")
def finished(report_id: str, form: str, visit: CurrentVisit) -> Response:
    """One of one's own scheduled reports."""
    visit.principal.require(Right.QUALITY_READ)
    with visit.services.database.write() as uow:
        name, data = visit.services.reporting.open(uow, visit.principal, report_id, form)
    return _file(data, name, form)


@router.post(_AT + "/schedules")
def schedule(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Have it made again and again."""
    visit.principal.require(Right.QUALITY_READ)
    try:
        every = Every(str(form.get("every") or ""))
    except ValueError:
        every = Every.WEEK
    try:
        with visit.services.database.write() as uow:
            visit.services.reporting.schedule(
                uow, visit.principal, name=str(form.get("name") or ""), scorecard=str(form.get("scorecard") or ""),
                every=every, zone=visit.zone.key, teams=_some(form, "team"), queues=_some(form, "queue"),
            )  # fmt: skip
    except (InvalidInput, Conflict, NotFound) as problem:
        return _page(request, visit, problem, {"name": str(form.get("name") or "")[:200], "every": every.value})
    return common.done(_AT, "scheduled")


@router.post(_AT + "/schedules/{schedule_id}/end")
def unschedule(schedule_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """No longer; the finished ones go with it."""
    del form
    visit.principal.require(Right.QUALITY_READ)
    with visit.services.database.write() as uow:
        visit.services.reporting.unschedule(uow, visit.principal, schedule_id)
    return common.done(_AT, "ended")


def _some(form: FormData, name: str) -> tuple[str, ...]:
    return tuple(str(value)[:255] for value in form.getlist(name) if value)[:100]


def _wanted(request: Request, period: Period, scorecard: str) -> Wanted:
    given = request.query_params
    return Wanted(
        scorecard=scorecard, since=period.since, until=period.until,
        teams=tuple(one for one in given.getlist("team") if one),
        queues=tuple(one for one in given.getlist("queue") if one),
    )  # fmt: skip


def _page(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None
) -> Response:
    period = common.period_of(request, visit.zone)
    reporting = visit.services.reporting
    with visit.services.database.read() as uow:
        cards = visit.services.trusting.scorecards(uow, visit.principal)
        asked = request.query_params.get("scorecard") or (cards[0].id if cards else "")
        wanted = _wanted(request, period, asked)
        found = reporting.report(uow, visit.principal, wanted, visit.zone) if cards else None
        names, facets = reporting.names(uow), visit.services.replay.facets(uow, visit.scope)
        schedules = reporting.schedules(uow, visit.principal)
    sides = (found.automatic, found.human) if found else ()
    return common.page(
        request, visit, "reports.html", problem, form=form, period=period, cards=cards, wanted=wanted, found=found,
        sides=sides, names=names, facets=facets, schedules=schedules, periods=common.PERIODS, Every=Every,
        start=charts.start, noticed=noticed(request, _DONE),
        trends={side.source.value: charts.scores(side.trend, found.step, found.pass_mark) for side in sides if found},
        query=period.query(
            scorecard=wanted.scorecard, team=wanted.teams[0] if wanted.teams else "",
            queue=wanted.queues[0] if wanted.queues else "",
        ),
    )  # fmt: skip


def _file(data: bytes | str, name: str, form: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=_TYPES[form], headers=headers)
