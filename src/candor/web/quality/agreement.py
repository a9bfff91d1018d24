"""Agreement: how far rules and people come to the same answers, and from when on the rules' answers count."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.errors import CandorError, Forbidden, InvalidInput, NotFound
from candor.scoring.agreement.model import Gate, Measure, Standing
from candor.web.consent.common import noticed
from candor.web.i18n import N_, _
from candor.web.quality import charts, common
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_AT = "/quality/agreement"
_DONE = {
    "set": N_("It holds from the next evaluation on; those that are there keep what counted when they were made."),
    "cleared": N_("It is taken away."),
}


@router.get("/quality")
def quality(visit: CurrentVisit) -> Response:
    """To the first page that this person may open."""
    tabs = common.tabs_of(visit.principal)
    if not tabs:
        raise Forbidden(_("Your role does not see figures of quality."), code="quality.none")
    return RedirectResponse(tabs[0][0], status_code=303)


@router.get(_AT)
def overview(request: Request, visit: CurrentVisit) -> Response:
    """Every question of one scorecard."""
    visit.principal.require(Right.QUALITY_READ)
    return _page(request, visit, request.query_params.get("scorecard", ""))


@router.get(_AT + "/{scorecard}/{question}")
def one_question(scorecard: str, question: str, request: Request, visit: CurrentVisit) -> Response:
    """One question: over time, what both sides answered, when it began or ceased to count."""
    visit.principal.require(Right.QUALITY_READ)
    return _question(request, visit, scorecard, question)


@router.post(_AT + "/{scorecard}/gate")
def set_gate(scorecard: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Set, or take away, what is asked of all questions or of one."""
    visit.principal.require(Right.SCORECARD_MANAGE)
    question = str(form.get("question") or "") or None
    act = str(form.get("act") or "set")
    try:
        gate = _gate(form) if act == "set" else None
        with visit.services.database.write() as uow:
            if act == "clear":
                visit.services.trusting.clear_gate(uow, visit.principal, scorecard, question)
            else:
                visit.services.trusting.set_gate(uow, visit.principal, scorecard, question, gate)
    except (InvalidInput, NotFound) as problem:
        typed = {name: str(value)[:100] for name, value in form.items() if isinstance(value, str)}
        if question is not None and not isinstance(problem, NotFound):
            return _question(request, visit, scorecard, question, problem, typed)
        return _page(request, visit, scorecard, problem, typed)
    address = f"{_AT}?scorecard={scorecard}" if question is None else f"{_AT}/{scorecard}/{question}"
    return common.done(address, "cleared" if act == "clear" else "set")


def _gate(form: Posted) -> Gate:
    try:
        threshold = float(str(form.get("threshold") or "").strip().replace(",", "."))
        least = int(str(form.get("least") or "").strip())
        measure = Measure(str(form.get("measure") or Measure.KAPPA))
    except ValueError:
        raise InvalidInput(
            _("A threshold is a number such as 0.6, the least a whole number of pairs."), code="agreement.threshold"
        ) from None
    return Gate(threshold=threshold, least=least, measure=measure)


def _page(
    request: Request, visit: Visit, scorecard: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    trusting = visit.services.trusting
    with visit.services.database.read() as uow:
        cards = trusting.scorecards(uow, visit.principal)
        chosen = scorecard or (cards[0].id if cards else "")
        found = trusting.overview(uow, visit.principal, chosen) if chosen else None
    bars = {
        line.question.id: charts.bar(
            line.agreement.by(line.gate.measure if line.gate else Measure.KAPPA),
            line.gate.threshold if line.gate else None,
        )
        for line in (found.lines if found else ())
    }
    return common.page(
        request, visit, "agreement.html", problem, form=form, cards=cards, found=found, bars=bars, Measure=Measure,
        Standing=Standing, may_manage=visit.principal.may(Right.SCORECARD_MANAGE), noticed=noticed(request, _DONE),
    )  # fmt: skip


def _question(
    request: Request, visit: Visit, scorecard: str, question: str, problem: CandorError | None = None,
    form: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    with visit.services.database.read() as uow:
        trusting = visit.services.trusting
        line, windows, history = trusting.question(uow, visit.principal, scorecard, question)
        title = next(card.title for card in trusting.scorecards(uow, visit.principal) if card.id == scorecard)
    measure = line.gate.measure if line.gate else Measure.KAPPA
    over_time = [(window.since, window.agreement.by(measure)) for window in windows]
    return common.page(
        request, visit, "question.html", problem, form=form, scorecard=scorecard, title=title, line=line,
        windows=windows, measure=measure, history=history, Measure=Measure, Standing=Standing,
        trend=charts.agreement(over_time, line.gate.threshold if line.gate else None),
        may_manage=visit.principal.may(Right.SCORECARD_MANAGE), noticed=noticed(request, _DONE),
    )  # fmt: skip
