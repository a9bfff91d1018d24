"""Calibration: call a session, judge blind, compare, and make guidance of what came of it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline.calibrating import Call, View
from candor.replay.model import ConversationFilter, ConversationRow
from candor.scoring import marks
from candor.scoring.calibration.model import CalibrationState, ReferenceKind
from candor.scoring.model import Question
from candor.web import words
from candor.web.consent.common import noticed
from candor.web.i18n import N_, _
from candor.web.quality import common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/quality/calibration"
_DONE = {
    "called": N_("The session is open. Everybody named finds it here."),
    "closed": N_("The session is closed; its results are below."),
    "noted": N_("It is written down."),
    "guidance": N_("It is the question's guidance in a draft of the scorecard, to be published there."),
}
_WRONG = (InvalidInput, Conflict, Forbidden, NotFound)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@router.get(_AT)
def sessions(request: Request, visit: CurrentVisit) -> Response:
    """Sessions of which one may know, and, for who calls them, a new one."""
    visit.principal.require(Right.EVALUATION_WRITE)
    return _list(request, visit)


@router.post(_AT)
def call(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Call a session."""
    visit.principal.require(Right.CALIBRATION_MANAGE)
    typed = {
        name: str(form.get(name) or "")[:4000]
        for name in ("title", "scorecard", "conversations", "due", "reference", "expert")
    }
    chosen = [str(each) for each in form.getlist("evaluator")][:200]
    try:
        wanted = Call(
            title=typed["title"], scorecard=typed["scorecard"],
            # Whole addresses of conversations are welcome: people copy those.
            conversations=_ID.findall(typed["conversations"]), evaluators=chosen, due_at=_due(typed["due"], visit),
            reference=_reference(typed["reference"]), expert=typed["expert"] or None,
        )  # fmt: skip
        with visit.services.database.write() as uow:
            made = visit.services.calibrating.call(uow, visit.principal, wanted)
    except _WRONG as problem:
        return _list(request, visit, problem, typed, chosen)
    return common.done(f"{_AT}/{made.id}", "called")


@router.get(_AT + "/{session_id}")
def session(session_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One session: one's own part, and the results once they may be seen."""
    visit.principal.require(Right.EVALUATION_WRITE)
    return _one(request, visit, session_id)


@router.post(_AT + "/{session_id}/forms/{conversation_id}")
def open_form(session_id: str, conversation_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """To one's form for one conversation; ``what=reference``: to that of what was agreed upon."""
    visit.principal.require(Right.EVALUATION_WRITE)
    verbs = visit.services.calibrating
    try:
        with visit.services.database.write() as uow:
            opened = (
                verbs.open_reference(uow, visit.principal, session_id, conversation_id)
                if form.get("what") == "reference"
                else verbs.open_form(uow, visit.principal, session_id, conversation_id)
            )
    except Conflict as problem:
        return _one(request, visit, session_id, problem)
    return RedirectResponse(f"/evaluations/forms/{opened.id}", status_code=303)


@router.post(_AT + "/{session_id}/close")
def close(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """End it."""
    del form
    visit.principal.require(Right.CALIBRATION_MANAGE)
    try:
        with visit.services.database.write() as uow:
            visit.services.calibrating.close(uow, visit.principal, session_id)
    except Conflict as problem:
        return _one(request, visit, session_id, problem)
    return common.done(f"{_AT}/{session_id}", "closed")


@router.post(_AT + "/{session_id}/notes")
def note(session_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Write down what came of it."""
    visit.principal.require(Right.CALIBRATION_MANAGE)
    question, text = str(form.get("question") or "") or None, str(form.get("text") or "")
    try:
        with visit.services.database.write() as uow:
            visit.services.calibrating.note(uow, visit.principal, session_id, question, text)
    except (InvalidInput, Conflict) as problem:
        return _one(request, visit, session_id, problem, {"question": question or "", "text": text[:4000]})
    return common.done(f"{_AT}/{session_id}", "noted")


@router.post(_AT + "/{session_id}/notes/{note_id}/guidance")
def to_guidance(session_id: str, note_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Make a note the guidance of its question."""
    visit.principal.require(Right.SCORECARD_MANAGE)
    try:
        with visit.services.database.write() as uow:
            text = str(form.get("text") or "") or None
            visit.services.calibrating.to_guidance(uow, visit.principal, session_id, note_id, text)
    except (InvalidInput, Conflict) as problem:
        return _one(request, visit, session_id, problem)
    return common.done(f"{_AT}/{session_id}", "guidance")


def answered(question: Question, code: str) -> str:
    """An answer in short (``scoring.marks``) as people read it: options by their labels."""
    if not code.startswith("="):
        return words.say(words.VERDICT, "cannot_tell" if code == marks.CANNOT_TELL else code)
    labels = {option.id: option.label for option in question.options}
    return ", ".join(labels.get(each, each) for each in code[1:].split("+")) or _("none of them")


def _due(text: str, visit: Visit) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(_("Say until which day."), code="calibration.due") from None
    return datetime.combine(day + timedelta(days=1), time(), visit.zone).astimezone(UTC)


def _reference(text: str) -> ReferenceKind:
    return ReferenceKind(text) if text in set(ReferenceKind) else ReferenceKind.NONE


def _list(
    request: Request, visit: Visit, problem: CandorError | None = None, form: dict[str, str] | None = None,
    chosen: list[str] | None = None,
) -> Response:  # fmt: skip
    may_call = visit.principal.may(Right.CALIBRATION_MANAGE)
    with visit.services.database.read() as uow:
        found = visit.services.calibrating.listed(uow, visit.principal)
        cards = visit.services.trusting.scorecards(uow, visit.principal) if may_call else ()
        people = visit.services.calibrating.evaluators(uow) if may_call else ()
    given = dict(form or {})
    given.setdefault("conversations", request.query_params.get("conversation", ""))
    return common.page(
        request, visit, "calibrations.html", problem, form=given, sessions=found, cards=cards, people=people,
        chosen=chosen or [], may_call=may_call, kinds=tuple(ReferenceKind), noticed=noticed(request, _DONE),
        today=clock.now().astimezone(visit.zone).date(),
    )  # fmt: skip


def _one(
    request: Request, visit: Visit, session_id: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    with visit.services.database.read() as uow:
        found = visit.services.calibrating.view(uow, visit.principal, session_id)
        rows, names = _rows(visit, uow, found), visit.services.reporting.names(uow)
    return common.page(
        request, visit, "calibration.html", problem, form=form, found=found, session=found.session, rows=rows,
        names=names, answered=answered, closed=found.session.state is CalibrationState.CLOSED, kinds=ReferenceKind,
        mine={each.conversation_id for each in found.mine}, over=found.session.due_at < clock.now(),
        may_manage=visit.principal.may(Right.SCORECARD_MANAGE), noticed=noticed(request, _DONE),
    )  # fmt: skip


def _rows(visit: Visit, uow: UnitOfWork, found: View) -> dict[str, ConversationRow]:
    wanted = ConversationFilter(ids=found.session.conversations)
    page = visit.services.replay.page(uow, wanted, visit.scope, limit=100)
    return {row.id: row for row in page.rows}
