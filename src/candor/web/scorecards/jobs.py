"""Simulations and rescoring: asking for one, watching it, what came of it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.errors import Conflict, InvalidInput
from candor.kit import clock
from candor.pipeline.rescoring import SAMPLE, Ask
from candor.scoring import store as scorecards
from candor.scoring.lifecycle import checking
from candor.scoring.loader import load_scorecard
from candor.scoring.rescoring.store import Job, State
from candor.web.consent.common import names
from candor.web.i18n import _
from candor.web.keeping.common import day, sure
from candor.web.render import renderer_of
from candor.web.scorecards import cards, common, terms
from candor.web.scorecards.common import AT
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()


@router.post(AT + "/{scorecard_id}/simulate")
def simulate(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """What the draft (or a version) would have said of past conversations."""
    common.check(visit)
    services = visit.services
    try:
        ask = _ask(form, visit, SAMPLE)
        with services.database.write() as uow:
            if form.get("what") == "draft":
                draft = services.scorecards.draft(uow, scorecard_id, visit.principal)
                card, text = common.faultless(services.scorecards.check(draft)), checking.as_yaml(draft.data)
            else:
                card, text = scorecards.get_scorecard(uow, scorecard_id), ""
            job = services.rescoring.simulate(uow, card, text, ask, visit.principal)
    except InvalidInput as problem:
        return cards.show(request, visit, scorecard_id, None, problem)
    return RedirectResponse(f"{AT}/runs/{job.id}", status_code=303)


@router.post(AT + "/{scorecard_id}/rescore")
def rescore(scorecard_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Judge past conversations anew with the version in use."""
    common.check(visit, whole=True)
    try:
        sure(form, _("Tick the box that says so."))
        with visit.services.database.write() as uow:
            job = visit.services.rescoring.rescore(uow, scorecard_id, _ask(form, visit, None), visit.principal)
    except InvalidInput as problem:
        return cards.show(request, visit, scorecard_id, None, problem)
    return RedirectResponse(f"{AT}/runs/{job.id}", status_code=303)


@router.get(AT + "/runs/{job_id}")
def run(job_id: str, request: Request, visit: CurrentVisit) -> Response:
    """One simulation or rescoring."""
    return common.page(request, visit, "run.html", **_values(visit, job_id))


@router.get(AT + "/runs/{job_id}/progress")
def progress(job_id: str, request: Request, visit: CurrentVisit) -> Response:
    """How far it is, for the page to ask again."""
    values = _values(visit, job_id)
    answer = renderer_of(request).page(request, "scorecards/progress.html", terms=terms, **values)
    if values["job"].state is not State.RUNNING:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post(AT + "/runs/{job_id}/cancel")
def cancel(job_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Stop it."""
    del form
    common.check(visit)
    try:
        with visit.services.database.write() as uow:
            visit.services.rescoring.cancel(uow, job_id, visit.principal)
    except Conflict as problem:
        return common.page(request, visit, "run.html", problem, **_values(visit, job_id))
    return RedirectResponse(f"{AT}/runs/{job_id}", status_code=303)


@router.post(AT + "/runs/{job_id}/retry")
def retry(job_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Judge what was set aside once more."""
    del form
    common.check(visit)
    try:
        with visit.services.database.write() as uow:
            again = visit.services.rescoring.retry(uow, job_id, visit.principal)
    except Conflict as problem:
        return common.page(request, visit, "run.html", problem, **_values(visit, job_id))
    return RedirectResponse(f"{AT}/runs/{again.id}", status_code=303)


def _values(visit: Visit, job_id: str) -> dict[str, Any]:
    common.check(visit)
    services = visit.services
    with services.database.read() as uow:
        job = services.rescoring.job(uow, job_id, visit.principal)
        card = (
            load_scorecard(job.yaml, vocabulary=None)
            if job.yaml
            else scorecards.get_scorecard(uow, job.scorecard, job.version)
        )
        people = names(visit, uow)
    return {"job": job, "card": card, "people": people, "chart": _chart(job), "left": _left(job)}


def _left(job: Job) -> int | None:
    """Seconds until it is probably over."""
    passed = (clock.now() - job.asked_at).total_seconds()
    if job.state is not State.RUNNING or not job.done or passed < 1:
        return None
    return round(passed / job.done * (job.total - job.done))


def _chart(job: Job) -> list[dict[str, Any]]:
    """Ten bins of scores: both sides' shares in percent, and how high their bars are in percent of the highest."""
    if not job.result:
        return []
    sides = [job.result[name]["bins"] for name in ("before", "after")]
    totals = [sum(bins) or 1 for bins in sides]
    shares = [[100 * count / total for count in bins] for bins, total in zip(sides, totals, strict=True)]
    most = max([1.0, *shares[0], *shares[1]])
    return [
        {
            "label": f"{10 * number}–{10 * number + 10 - (number < 9)}", "x": number * 10,
            "counts": [bins[number] for bins in sides], "shares": [round(each[number], 1) for each in shares],
            "heights": [round(88 * each[number] / most, 2) for each in shares],
        }
        for number in range(len(sides[0]))
    ]  # fmt: skip


def _ask(form: FormData, visit: Visit, sample: int | None) -> Ask:
    since, until = (str(form.get(name) or "") for name in ("since", "until"))
    given = str(form.get("sample") or "")
    if given and not (given.isdigit() and len(given) < 8):
        raise InvalidInput(_("A sample is a number of conversations."), code="rescoring.sample")
    first, last = day(since), day(until)
    return Ask(
        since=datetime.combine(first, time(), visit.zone) if first else None,
        # The day itself is within.
        until=datetime.combine(last, time(), visit.zone) + timedelta(days=1) if last else None,
        sample=int(given) if given else sample,
    )
