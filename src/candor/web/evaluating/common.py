"""What the pages of evaluating share: names of people, tabs, notices, refusals at the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.errors import CandorError, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.scoring import store
from candor.scoring.model import Question, Scorecard
from candor.web.evaluating import terms
from candor.web.i18n import gettext
from candor.web.render import renderer_of
from candor.web.visit import Visit


def page(
    request: Request, visit: Visit, template: str, problem: CandorError | None = None, **values: Any
) -> Response:  # fmt: skip
    """One of the pages; with what was wrong at 422."""
    given: dict[str, Any] = {
        "problem": problem, "now": clock.now(), "noticed": "",
        "may_assign": visit.principal.may(Right.EVALUATION_ASSIGN),
        "may_evaluate": visit.principal.may(Right.EVALUATION_WRITE),
    }  # fmt: skip
    status = 200 if problem is None else 422
    # The conversation's own values have words of another room under this name; these pages speak of evaluating.
    given |= values | {"terms": terms}
    return renderer_of(request).page(request, f"evaluating/{template}", status=status, **given)


def names(visit: Visit, uow: UnitOfWork) -> dict[str, str]:
    """What people call users, by id."""
    return {user.id: user.name or user.login for user in visit.services.access.users(uow)}


def noticed(request: Request, done: Mapping[str, str]) -> str:
    """What was just done, by the word in the address."""
    words = done.get(request.query_params.get("done", ""))
    return gettext(words) if words else ""


def titles(uow: UnitOfWork) -> dict[str, str]:
    """Scorecards by id, the title of the newest version."""
    found: dict[str, str] = {}
    for one in store.list_scorecards(uow, active_only=False):
        found.setdefault(one.id, one.title)
    return found


def scorecard_of(uow: UnitOfWork, scorecard_id: str, version: int) -> Scorecard | None:
    """A version; None when it was taken away."""
    try:
        return store.get_scorecard(uow, scorecard_id, version)
    except NotFound:
        return None


def questions_of(scorecard: Scorecard | None) -> dict[str, Question]:
    """By id."""
    return {question.id: question for question in scorecard.questions} if scorecard else {}


def text(form: FormData, name: str, most: int = 4_000) -> str:
    """A field as text, without blanks around it."""
    return str(form.get(name) or "").strip()[:most]


def whole(form: FormData, name: str, default: int = -1) -> int:
    """A field as a whole number; ``default`` for none, -1 (which every check refuses) for nonsense."""
    given = text(form, name, 12)
    if not given:
        return default
    return int(given) if given.isascii() and given.isdigit() else -1
