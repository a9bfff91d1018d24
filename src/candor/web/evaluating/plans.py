"""Sampling plans: the list, one with its draws, the form, what it would draw."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from candor.access.model import Right
from candor.errors import CandorError, InvalidInput
from candor.scoring import store as scorecards
from candor.scoring.assignments import store
from candor.scoring.sampling import Per, Plan, Stratum, Target, TargetKind
from candor.web.evaluating import common, terms
from candor.web.i18n import N_
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()
PATH = "/evaluations/plans"
TARGETS = 3
"""Rows for targets in the form."""
_DONE = {"saved": N_("Saved."), "drawn": N_("Drawn: see the list below.")}
_NEW = Plan(id="", name="", scorecard="")


@router.get(PATH)
def plans(request: Request, visit: CurrentVisit) -> Response:
    """All that this person may change."""
    visit.principal.require(Right.EVALUATION_ASSIGN)
    with visit.services.database.read() as uow:
        found = visit.services.assigning.plans(uow, visit.principal)
        values: dict[str, Any] = {
            "plans": found, "titles": common.titles(uow), "people": common.names(visit, uow),
            "draws": {one.plan.id: store.list_draws(uow, one.plan.id, 1) for one in found},
        }  # fmt: skip
    return common.page(request, visit, "plans.html", noticed=common.noticed(request, _DONE), **values)


@router.get("/evaluations/plans/new")
def new(request: Request, visit: CurrentVisit) -> Response:
    """An empty form."""
    return _page(request, visit, _NEW)


@router.post("/evaluations/plans/new")
def add(request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Keep a new plan, or show what it would draw."""
    return _save(request, visit, form, "")


@router.get("/evaluations/plans/{plan_id}")
def show(plan_id: str, request: Request, visit: CurrentVisit) -> Response:
    """A plan with its draws."""
    visit.principal.require(Right.EVALUATION_ASSIGN)
    with visit.services.database.read() as uow:
        plan = visit.services.assigning.plan(uow, visit.principal, plan_id).plan
    return _page(request, visit, plan)


@router.post("/evaluations/plans/{plan_id}")
def change(plan_id: str, request: Request, visit: CurrentVisit, form: Posted) -> Response:
    """Keep a changed plan, or show what it would draw."""
    return _save(request, visit, form, plan_id)


@router.post("/evaluations/plans/{plan_id}/draw")
def draw(plan_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """Draw from the period that is under way."""
    visit.principal.require(Right.EVALUATION_ASSIGN)
    del form  # its token was checked
    with visit.services.database.write() as uow:
        visit.services.assigning.draw_now(uow, visit.principal, plan_id)
    return RedirectResponse(f"{PATH}/{plan_id}?done=drawn#draws", status_code=303)


def _save(request: Request, visit: Visit, form: FormData, plan_id: str) -> Response:
    visit.principal.require(Right.EVALUATION_ASSIGN)
    services = visit.services
    plan = _read(form, plan_id)
    try:
        if form.get("preview"):
            with services.database.read() as uow:
                if plan_id:
                    services.assigning.plan(uow, visit.principal, plan_id)
                period, found = services.assigning.preview(uow, visit.principal, plan)
            return _page(request, visit, plan, preview=(period, found))
        with services.database.write() as uow:
            kept = services.assigning.save_plan(uow, visit.principal, plan)
    except InvalidInput as problem:
        return _page(request, visit, plan, problem)
    return RedirectResponse(f"{PATH}/{kept.id}?done=saved", status_code=303)


def _page(
    request: Request, visit: Visit, plan: Plan, problem: CandorError | None = None, preview: Any = None
) -> Response:  # fmt: skip
    visit.principal.require(Right.EVALUATION_ASSIGN)
    with visit.services.database.read() as uow:
        facets = visit.services.replay.facets(uow, visit.scope)
        values: dict[str, Any] = {
            "scorecards": scorecards.list_scorecards(uow), "evaluators": visit.services.assigning.evaluators(uow),
            "draws": store.list_draws(uow, plan.id) if plan.id else (), "people": common.names(visit, uow),
            "agents": dict(facets.agents), "team_words": [(each, each) for each in facets.teams],
            "queue_words": [(each, each) for each in facets.queues],
            "stratum_words": [(each, terms.say(terms.STRATUM, each)) for each in Stratum],
        }  # fmt: skip
    targets = [*plan.targets, *[None] * max(1, TARGETS - len(plan.targets))]
    return common.page(
        request, visit, "plan.html", problem, plan=plan, targets=targets, kinds=tuple(TargetKind), pers=tuple(Per),
        preview=preview, noticed=common.noticed(request, _DONE), **values,
    )  # fmt: skip


def _read(form: FormData, plan_id: str) -> Plan:
    """What was typed; :func:`candor.scoring.sampling.check` says what is wrong with it."""
    targets = []
    for kind, value, count in zip(
        form.getlist("target_kind"), form.getlist("target_value"), form.getlist("target_count"), strict=False
    ):
        if str(kind) in set(TargetKind):
            number = str(count)
            targets.append(
                Target(
                    kind=TargetKind(str(kind)), value=str(value).strip()[:120],
                    count=int(number) if number.isascii() and number.isdigit() else 1,
                )
            )  # fmt: skip
    per = common.text(form, "per", 8)
    release = common.text(form, "release", 8)
    return Plan(
        id=plan_id, name=common.text(form, "name", 200), scorecard=common.text(form, "scorecard", 64),
        per=Per(per) if per in set(Per) else Per.WEEK, per_agent=common.whole(form, "per_agent", 0),
        strata=tuple(each for each in Stratum if each.value in form.getlist("strata")), targets=tuple(targets),
        new_days=common.whole(form, "new_days", 0), new_per_agent=common.whole(form, "new_per_agent", 0),
        teams=_many(form, "teams"), queues=_many(form, "queues"),
        shortest=float(common.whole(form, "shortest", 0)), evaluators=_many(form, "evaluators"),
        due_days=common.whole(form, "due_days", 7), blind=bool(form.get("blind")),
        release=common.text(form, "release_days", 4) if release == "days" else release,
        self_evaluation=bool(form.get("self_evaluation")), active=bool(form.get("active")),
    )  # fmt: skip


def _many(form: FormData, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value)[:255] for value in form.getlist(name) if str(value)))
