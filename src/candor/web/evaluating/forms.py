"""The form beside player and transcript: begun, saved with every change, submitted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.codec import plain
from candor.conversation.evaluation import Answer, EvaluationSource, Occasion
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from candor.kit.database import UnitOfWork
from candor.pipeline.evaluating import Ask, Faulty
from candor.pipeline.judging import BESIDE_A_FORM
from candor.pipeline.legs import Leg, legs_of
from candor.scoring import store
from candor.scoring.forms import model as filling
from candor.scoring.forms.model import Form, FormState, Given
from candor.scoring.model import CommentNeed, Question, Scorecard, Section
from candor.web.answers import choices_of
from candor.web.conversation import data_block, page_values
from candor.web.evaluating import common
from candor.web.i18n import _
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
FORMS = "/evaluations/forms"
_STATUS: tuple[tuple[type[CandorError], int], ...] = (
    (NotFound, 404), (Forbidden, 403), (TooLarge, 413), (Conflict, 409), (InvalidInput, 422),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as the form shows it."""

    question: Question
    given: Given
    shown: bool
    """Whether it is asked, given the answers so far."""
    choices: tuple[tuple[str, str], ...]
    """(value, label) of what can be pressed; keys 1 to 9 press them in order."""
    comment: CommentNeed
    automatic: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A section and its own questions."""

    section: Section
    depth: int
    asked: tuple[Asked, ...]


@router.post("/conversations/{conversation_id}/forms")
def begin(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Open a form about a conversation, or go on with the one that is open."""
    _require_any(visit)
    own, card = form.get("occasion") == Occasion.SELF.value, common.text(form, "scorecard", 64)
    if not card:
        raise InvalidInput(_("Choose a scorecard."), code="form.scorecard")
    ask = Ask(
        conversation_id=conversation_id, scorecard=card,
        segment=common.text(form, "segment", 64) or None, blind=bool(form.get("blind")) or own,
        occasion=Occasion.SELF if own else Occasion.QUALITY,
    )  # fmt: skip
    with visit.services.database.write() as uow:
        made = visit.services.evaluating.open(uow, visit.principal, ask)
    return RedirectResponse(f"{FORMS}/{made.id}", status_code=303)


@router.post("/evaluations/{evaluation_id}/grade")
def grade(evaluation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Open a form that judges the same conversation again."""
    del form  # its token was checked
    visit.principal.require(Right.EVALUATION_WRITE)
    with visit.services.database.write() as uow:
        graded = visit.services.evaluating.read(uow, visit.principal, evaluation_id).evaluation
        ask = Ask(
            conversation_id=graded.conversation_id, scorecard=graded.scorecard, occasion=Occasion.GRADING,
            about=graded.id,
        )  # fmt: skip
        made = visit.services.evaluating.open(uow, visit.principal, ask)
    return RedirectResponse(f"{FORMS}/{made.id}", status_code=303)


@router.get("/evaluations/forms/{form_id}")
def show(form_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The form; a finished one leads to what came of it."""
    _require_any(visit)
    services = visit.services
    with services.database.read() as uow:
        form, scorecard = services.evaluating.form(uow, visit.principal, form_id)
    if form.state is not FormState.OPEN:
        address = f"/evaluations/{form.evaluation_id}" if form.evaluation_id else "/evaluations"
        return RedirectResponse(address, status_code=303)
    values = page_values(visit, form.conversation_id)
    with services.database.write() as uow:
        automatic = None if form.blind else _automatic(uow, form)
        audit.record(
            uow, Event.OPENED, visit.principal.user_id, conversation_id=form.conversation_id, subject=BESIDE_A_FORM
        )
    values |= {
        "form": form, "scorecard": scorecard, "blocks": _blocks(scorecard, form, automatic), "automatic": automatic,
        "leg": _leg(values["view"].conversation, form), "standing": _standing(scorecard, form), "at": None,
        "search": "", "revealing": replace(values["revealing"], shown=False),
        "data": data_block(_data(scorecard, form)),
    }  # fmt: skip
    return common.page(request, visit, "form.html", **values)


@router.get("/evaluations/forms/{form_id}/state")
def state(form_id: str, request: Request, visit: CurrentVisit) -> Response:
    """Where the form stands, and what a page that outlived its log-in needs to go on saving."""
    _require_any(visit)
    with visit.services.database.read() as uow:
        form, scorecard = visit.services.evaluating.form(uow, visit.principal, form_id)
    token = csrf_token(request.cookies.get(SESSION_COOKIE, ""))
    return JSONResponse(_standing(scorecard, form) | {"csrf": token, "state": form.state.value})


@router.post("/evaluations/forms/{form_id}/answers")
def answer(form_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Keep one change: ``revision``, ``question`` (empty: the comment on the whole), ``answer`` as JSON."""
    _require_any(visit)

    def save(uow: UnitOfWork) -> dict[str, Any]:
        question, revision = common.text(form, "question", 64), common.whole(form, "revision")
        if question:
            data = _read(str(form.get("answer") or "{}"))
            made, card = visit.services.evaluating.save(uow, visit.principal, form_id, revision, question, data)
        else:
            made = visit.services.evaluating.save_summary(
                uow, visit.principal, form_id, revision, str(form.get("summary") or "")
            )
            card = store.get_scorecard(uow, made.scorecard, made.version)
        return _standing(card, made)

    return _told(visit, form_id, save)


@router.post("/evaluations/forms/{form_id}/submit")
def submit(form_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Make the evaluation; answers 422 with what is missing, and where."""
    _require_any(visit)

    def done(uow: UnitOfWork) -> dict[str, Any]:
        made = visit.services.evaluating.submit(uow, visit.principal, form_id, common.whole(form, "revision"))
        return {"location": f"/evaluations/{made.id}?done=submitted"}

    return _told(visit, form_id, done)


@router.post("/evaluations/forms/{form_id}/discard")
def discard(form_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Give the form up."""
    _require_any(visit)
    with visit.services.database.write() as uow:
        visit.services.evaluating.discard(uow, visit.principal, form_id, common.whole(form, "revision"))
    own = not visit.principal.may(Right.EVALUATION_WRITE)
    return RedirectResponse("/my-scores" if own else "/evaluations?done=discarded", status_code=303)


def _require_any(visit: Visit) -> None:
    if not visit.principal.may(Right.EVALUATION_ANSWER):
        visit.principal.require(Right.EVALUATION_WRITE)


def _told(visit: Visit, form_id: str, work: Callable[[UnitOfWork], dict[str, Any]]) -> Response:
    """JSON for the page's script; refusals, too, with the state that the form is in."""
    try:
        with visit.services.database.write() as uow:
            return JSONResponse(work(uow))
    except CandorError as error:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 503)
        told: dict[str, Any] = {"code": error.code, "message": error.message, "advice": error.advice}
        if isinstance(error, Faulty):
            told["faults"] = [{"question": fault.question, "message": _(fault.message)} for fault in error.faults]
        if isinstance(error, Conflict):
            with visit.services.database.read() as uow:
                now, scorecard = visit.services.evaluating.form(uow, visit.principal, form_id)
            told |= _standing(scorecard, now) | {"state": now.state.value}
        return JSONResponse(told, status_code=status)


def _read(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise InvalidInput(_("The answer cannot be read."), code="form.answer")
    return data


def _standing(scorecard: Scorecard, form: Form) -> dict[str, Any]:
    asked = filling.asked(scorecard, form)
    now = filling.standing(scorecard, form)
    done = sum((put := form.answers.get(each.id)) is not None and put.verdict is not None for each in asked)
    return {
        "revision": form.revision, "saved_at": _moment(form.saved_at), "asked": [each.id for each in asked],
        "answered": done, "total": len(asked), "score": None if now.score is None else round(now.score),
        "passed": now.passed, "critical": len(now.critical_failures),
    }  # fmt: skip


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _data(scorecard: Scorecard, form: Form) -> dict[str, Any]:
    """What the page's script starts from."""
    return _standing(scorecard, form) | {
        "id": form.id,
        "kinds": {question.id: question.kind.value for question in scorecard.questions},
        "answers": {name: _given(put) for name, put in form.answers.items()},
        "summary": form.summary,
    }


def _given(put: Given) -> dict[str, Any]:
    return {
        "verdict": put.verdict and put.verdict.value, "value": put.value, "comment": put.comment,
        "pins": [plain(pin) for pin in put.pins],
    }  # fmt: skip


def _blocks(scorecard: Scorecard, form: Form, automatic: dict[str, Answer] | None) -> tuple[Block, ...]:
    shown = {question.id for question in filling.asked(scorecard, form)}
    blocks: list[Block] = []

    def walk(section: Section, depth: int) -> None:
        asked = tuple(
            Asked(
                question=each, given=form.answers.get(each.id, Given()), shown=each.id in shown,
                choices=choices_of(each), comment=each.comment, automatic=(automatic or {}).get(each.id),
            )
            for each in section.questions
            if each.id not in form.excluded
        )  # fmt: skip
        blocks.append(Block(section=section, depth=depth, asked=asked))
        for inner in section.sections:
            walk(inner, depth + 1)

    for section in scorecard.sections:
        walk(section, 0)
    return tuple(blocks)


def _automatic(uow: UnitOfWork, form: Form) -> dict[str, Answer] | None:
    """The newest automatic answers to the same questions; of another version, too, where a question is the same."""
    found = [
        each
        for each in store.list_evaluations(uow, form.conversation_id)
        if each.source is EvaluationSource.AUTOMATIC and each.scorecard == form.scorecard
    ]
    if not found:
        return None
    newest = max(found, key=lambda each: each.created_at)
    return {each.question: each for each in newest.answers}


def _leg(conversation: Any, form: Form) -> Leg | None:
    return next((each for each in legs_of(conversation) if each.id == form.segment), None)
