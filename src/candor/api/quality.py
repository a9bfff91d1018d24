"""Quality: agreement and what it asks of automatic answers, calibration sessions, reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.conversation.codec import plain
from candor.errors import InvalidInput
from candor.kit import clock
from candor.pipeline.calibrating import Call, View
from candor.pipeline.reporting import Wanted
from candor.pipeline.trusting import Line
from candor.scoring.agreement.model import Agreement, Drift, Gate, Measure, State
from candor.scoring.calibration.model import ReferenceKind
from candor.scoring.reports.store import Every, Made, Schedule

router = APIRouter(tags=["quality"])


class ReportForm(StrEnum):
    """What a report can be had as."""

    JSON = "json"
    CSV = "csv"
    PDF = "pdf"


class GateIn(BaseModel):
    """What is asked of automatic answers."""

    question: str | None = Field(None, max_length=64, description="None: of all questions without a gate of their own.")
    threshold: float | None = Field(
        None, ge=-1, le=1, description="Of the lower end of the 95 % interval; null: nothing is asked."
    )
    least: int = Field(50, ge=1, le=100_000, description="Pairs that there must be.")
    measure: Measure = Measure.KAPPA


class CallIn(BaseModel):
    """A new calibration session."""

    title: str = Field(min_length=1, max_length=200)
    scorecard: str = Field(max_length=64)
    conversations: list[str] = Field(min_length=1, max_length=20)
    evaluators: list[str] = Field(min_length=2, max_length=50, description="User ids.")
    due_at: datetime = Field(description="ISO 8601 with offset.")
    reference: ReferenceKind = ReferenceKind.NONE
    expert: str | None = Field(None, max_length=64)


class NoteIn(BaseModel):
    """What came of a session."""

    question: str | None = Field(None, max_length=64)
    text: str = Field(min_length=3, max_length=4000)


class ScheduleIn(BaseModel):
    """A report that is made again and again."""

    name: str = Field(min_length=1, max_length=120)
    scorecard: str = Field(max_length=64)
    every: Every
    zone: str = Field("UTC", max_length=64, description="IANA name: whose midnights.")
    teams: list[str] = Field([], max_length=100)
    queues: list[str] = Field([], max_length=100)


# ---- agreement ----


@router.get("/quality/agreement/{scorecard}")
def get_agreement(scorecard: str, caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """How far automatic answers agree with people's, question by question, and whether they count."""
    with caller.services.database.read() as uow:
        found = caller.services.trusting.overview(uow, caller.principal, scorecard)
    return {
        "scorecard": found.scorecard.id, "version": found.scorecard.version,
        "gate": found.gate and _gate(found.gate), "questions": [_line(line) for line in found.lines],
        "by_people_alone": [question.id for question in found.by_people],
    }  # fmt: skip


@router.get("/quality/agreement/{scorecard}/{question}")
def get_question(scorecard: str, question: str, caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """One question: now, in stretches of four weeks, and when it began or ceased to count."""
    with caller.services.database.read() as uow:
        line, windows, history = caller.services.trusting.question(uow, caller.principal, scorecard, question)
    return _line(line) | {
        "windows": [
            {"since": one.since.isoformat(), "until": one.until.isoformat(), **_agreement(one.agreement)}
            for one in windows
        ],
        "history": [plain(change) for change in history],
    }


@router.put("/quality/agreement/{scorecard}/gate")
def put_gate(scorecard: str, given: GateIn, caller: Caller = needs(Right.SCORECARD_MANAGE)) -> dict[str, Any]:
    """Say what automatic answers must reach before they count; holds from the next evaluation on."""
    gate = None
    if given.threshold is not None:
        gate = Gate(threshold=given.threshold, least=given.least, measure=given.measure)
    with caller.services.database.write() as uow:
        moved = caller.services.trusting.set_gate(uow, caller.principal, scorecard, given.question, gate)
    return {"moved": [_state(state) for state in moved]}


@router.delete("/quality/agreement/{scorecard}/gate")
def delete_gate(
    scorecard: str, question: str | None = Query(None, max_length=64), caller: Caller = needs(Right.SCORECARD_MANAGE)
) -> dict[str, Any]:
    """Take a gate away: a question falls back to the scorecard's, the scorecard to none."""
    with caller.services.database.write() as uow:
        moved = caller.services.trusting.clear_gate(uow, caller.principal, scorecard, question)
    return {"moved": [_state(state) for state in moved]}


def _line(line: Line) -> dict[str, Any]:
    return {
        "question": line.question.id, "text": line.question.text, **_agreement(line.agreement),
        "gate": line.gate and _gate(line.gate), "own_gate": line.own_gate, "standing": line.standing.value,
        "counts": line.standing.counts, "drift": line.drift and _drift(line.drift),
    }  # fmt: skip


def _agreement(found: Agreement) -> dict[str, Any]:
    told: dict[str, Any] = plain(found)
    return {name: value for name, value in told.items() if name != "question"} | {"one_sided": found.one_sided}


def _drift(found: Drift) -> dict[str, Any]:
    told: dict[str, Any] = plain(found)
    return told


def _gate(gate: Gate) -> dict[str, Any]:
    return {"threshold": gate.threshold, "least": gate.least, "measure": gate.measure.value}


def _state(state: State) -> dict[str, Any]:
    return {"question": state.question, "standing": state.standing.value, "n": state.n}


# ---- calibration ----


@router.get("/quality/calibrations")
def list_calibrations(caller: Caller = needs(Right.EVALUATION_WRITE)) -> dict[str, Any]:
    """Sessions of which one may know, the newest first."""
    with caller.services.database.read() as uow:
        found = caller.services.calibrating.listed(uow, caller.principal)
    return {"calibrations": [plain(session) | {"submitted": submitted} for session, submitted in found]}


@router.post("/quality/calibrations", status_code=201)
def call_calibration(given: CallIn, caller: Caller = needs(Right.CALIBRATION_MANAGE)) -> dict[str, Any]:
    """Call a session: the named people judge the named conversations, each blind."""
    if given.due_at.tzinfo is None:
        raise InvalidInput("A time has no offset.", code="time.zone", advice="Write 2026-03-02T09:00:00+01:00.")
    with caller.services.database.write() as uow:
        made = caller.services.calibrating.call(
            uow, caller.principal,
            Call(
                title=given.title, scorecard=given.scorecard, conversations=given.conversations,
                evaluators=given.evaluators, due_at=given.due_at, reference=given.reference, expert=given.expert,
            ),
        )  # fmt: skip
    found: dict[str, Any] = plain(made)
    return found


@router.get("/quality/calibrations/{session_id}")
def get_calibration(session_id: str, caller: Caller = needs(Right.EVALUATION_WRITE)) -> dict[str, Any]:
    """A session; ``results`` is null until everybody has submitted or it was closed."""
    with caller.services.database.read() as uow:
        return _session(caller.services.calibrating.view(uow, caller.principal, session_id))


@router.post("/quality/calibrations/{session_id}/forms/{conversation_id}", status_code=201)
def open_calibration_form(
    session_id: str, conversation_id: str, caller: Caller = needs(Right.EVALUATION_WRITE)
) -> dict[str, Any]:
    """One's own form for one of its conversations, to be filled in like any other."""
    with caller.services.database.write() as uow:
        form = caller.services.calibrating.open_form(uow, caller.principal, session_id, conversation_id)
    return {"form": form.id, "revision": form.revision}


@router.post("/quality/calibrations/{session_id}/close")
def close_calibration(session_id: str, caller: Caller = needs(Right.CALIBRATION_MANAGE)) -> dict[str, Any]:
    """End it and show the results; for who called it."""
    with caller.services.database.write() as uow:
        caller.services.calibrating.close(uow, caller.principal, session_id)
        return _session(caller.services.calibrating.view(uow, caller.principal, session_id))


@router.post("/quality/calibrations/{session_id}/notes", status_code=201)
def note_calibration(
    session_id: str, given: NoteIn, caller: Caller = needs(Right.CALIBRATION_MANAGE)
) -> dict[str, Any]:  # fmt: skip
    """Write down what came of it; for who called it."""
    with caller.services.database.write() as uow:
        made = caller.services.calibrating.note(uow, caller.principal, session_id, given.question, given.text)
    found: dict[str, Any] = plain(made)
    return found


def _session(view: View) -> dict[str, Any]:
    told: dict[str, Any] = plain(view.session)
    return told | {
        "submitted_by": view.done, "results": view.results and plain(view.results),
        "notes": [plain(note) for note in view.notes],
    }  # fmt: skip


# ---- reports ----


@router.get("/quality/report", response_model=None)
def get_report(
    scorecard: str = Query(max_length=64),
    since: datetime | None = Query(None, description="ISO 8601 with offset; 90 days ago when left out."),
    until: datetime | None = Query(None, description="ISO 8601 with offset, exclusive; now when left out."),
    team: list[str] = Query([], description="Repeatable; all within reach when left out."),
    queue: list[str] = Query([], description="Repeatable."),
    agent: list[str] = Query([], description="Agent ids; repeatable."),
    zone: str = Query("UTC", max_length=64, description="IANA name: whose days, weeks and months."),
    *,
    form: ReportForm = Query(ReportForm.JSON, description="json, csv or pdf.", alias="format"),
    caller: Caller = needs(Right.QUALITY_READ),
) -> Response:
    """Scores over time, distribution, questions, strictness, disputes and coverage, within one's reach."""
    for moment in (since, until):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput("A time has no offset.", code="time.zone", advice="Write 2026-03-02T09:00:00+01:00.")
    end = until or clock.now()
    wanted = Wanted(
        scorecard=scorecard, since=since or end - timedelta(days=90), until=end, teams=tuple(team),
        queues=tuple(queue), agents=tuple(agent),
    )  # fmt: skip
    reporting, days = caller.services.reporting, _zone(zone)
    with caller.services.database.read() as uow:
        if form is ReportForm.JSON:
            return JSONResponse(plain(reporting.report(uow, caller.principal, wanted, days)))
        data: str | bytes = (
            reporting.as_pdf(uow, caller.principal, wanted, days)
            if form is ReportForm.PDF
            else reporting.as_csv(uow, caller.principal, wanted, days)
        )
    with caller.services.database.write() as uow:
        reporting.exported(uow, caller.principal, wanted, form.value)
    return _file(data, f"quality-{scorecard}.{form}", form)


@router.get("/quality/report-schedules")
def list_schedules(caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """One's own scheduled reports, each with its finished ones, the newest first."""
    with caller.services.database.read() as uow:
        found = caller.services.reporting.schedules(uow, caller.principal)
    return {"schedules": [_schedule(one) | {"finished": [_made(each) for each in made]} for one, made in found]}


@router.post("/quality/report-schedules", status_code=201)
def add_schedule(given: ScheduleIn, caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """Have a report made after each week or month, within one's reach at the time."""
    with caller.services.database.write() as uow:
        made = caller.services.reporting.schedule(
            uow, caller.principal, name=given.name, scorecard=given.scorecard, every=given.every, zone=given.zone,
            teams=tuple(given.teams), queues=tuple(given.queues),
        )  # fmt: skip
    return _schedule(made)


@router.delete("/quality/report-schedules/{schedule_id}", status_code=204)
def end_schedule(schedule_id: str, caller: Caller = needs(Right.QUALITY_READ)) -> Response:
    """No longer; its finished reports are destroyed."""
    with caller.services.database.write() as uow:
        caller.services.reporting.unschedule(uow, caller.principal, schedule_id)
    return Response(status_code=204)


@router.get("/quality/reports/{report_id}", response_model=None)
def get_finished(
    report_id: str,
    form: ReportForm = Query(ReportForm.PDF, description="csv or pdf.", alias="format"),
    caller: Caller = needs(Right.QUALITY_READ),
) -> Response:
    """A finished one of one's own."""
    with caller.services.database.write() as uow:
        name, data = caller.services.reporting.open(uow, caller.principal, report_id, form.value)
    return _file(data, name, form)


def _schedule(one: Schedule) -> dict[str, Any]:
    told: dict[str, Any] = plain(one)
    return told


def _made(one: Made) -> dict[str, Any]:
    return {
        "id": one.id, "since": one.since.isoformat(), "until": one.until.isoformat(),
        "made_at": one.made_at.isoformat(),
    }  # fmt: skip


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("There is no such zone.", code="time.zone", advice="Such as Europe/Paris.") from None


def _file(data: str | bytes, name: str, form: ReportForm) -> Response:
    kind = "application/pdf" if form is ReportForm.PDF else "text/csv; charset=utf-8"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(data, media_type=kind, headers=headers)
