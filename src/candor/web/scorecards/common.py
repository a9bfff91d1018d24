"""What the pages of scorecards share."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.errors import CandorError, Forbidden, InvalidInput
from candor.replay.model import Scope
from candor.scoring.lifecycle.checking import Checked
from candor.scoring.model import Scorecard
from candor.web.i18n import _
from candor.web.render import renderer_of
from candor.web.scorecards import terms
from candor.web.tabs import quality_tabs
from candor.web.visit import Visit

AT = "/scorecards"


def page(request: Request, visit: Visit, template: str, problem: CandorError | None = None, **values: Any) -> Response:
    """One of the pages, with its tabs; with what was wrong at 422."""
    given: dict[str, Any] = {
        "tabs": quality_tabs(visit.principal), "terms": terms, "problem": problem, "noticed": "",
        "may_publish": visit.principal.may(Right.SCORECARD_MANAGE) and visit.scope == Scope(),
    }  # fmt: skip
    values["form"] = defaultdict(str, values.get("form") or {})  # what was not typed is empty
    status = 200 if problem is None else 422
    return renderer_of(request).page(request, f"scorecards/{template}", status=status, **given | values)


def check(visit: Visit, *, whole: bool = False) -> None:
    """Raise Forbidden for those who do not work on scorecards; ``whole``: or do not see all conversations."""
    visit.principal.require(Right.SCORECARD_MANAGE)
    if whole and visit.scope != Scope():
        raise Forbidden(_("Scorecards count for everybody."), code="scorecard.scope")


def faultless(checked: Checked) -> Scorecard:
    """The scorecard of a draft; raises InvalidInput while something is wrong with it."""
    if checked.scorecard is None:
        raise InvalidInput(_("Mend the faults of the draft first."), code="draft.faults")
    return checked.scorecard


def done(address: str, what: str) -> RedirectResponse:
    """Back to a page, which then says that it was done."""
    return RedirectResponse(f"{address}?done={what}", status_code=303)
