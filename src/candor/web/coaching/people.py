"""People: who loses points where, and one agent's page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.coaching.gaps import Standing
from candor.coaching.library import Wanted
from candor.coaching.model import ClipKind, Measure
from candor.replay.gaps import Found
from candor.web.coaching import common
from candor.web.visit import CurrentVisit

router = APIRouter()

_COLUMNS = 14
"""Questions beside one another; the rest is on each agent's page."""


@router.get("/coaching")
def people(request: Request, visit: CurrentVisit) -> Response:
    """Everybody within reach, as a table of gaps."""
    common.check(visit, Right.QUALITY_READ)
    by, team = common.by_of(request.query_params), request.query_params.get("team", "")[:255] or None
    gaps = visit.services.gaps
    with visit.services.database.read() as uow:
        agents, table = gaps.table(uow, visit.scope, by.period, by.source, team)
        known = common.measurables(visit, uow)
        everybody = agents if team is None else gaps.agents(uow, visit.scope)
        teams = gaps.teams(uow, visit.scope, by.period, by.source)
    met = {key for each in table.values() for key in each}
    # The columns where most could be won come first.
    gain = {key: sum(each[key].gain for each in table.values() if key in each) for key in met}
    columns = sorted(met, key=lambda key: (-gain[key], key))[:_COLUMNS]
    worst = {agent_id: max((gap.gain for gap in each.values()), default=0.0) for agent_id, each in table.items()}
    return common.page(
        request, visit, "people.html", agents=sorted(agents, key=lambda each: (-worst[each.agent_id], each.name)),
        table=table, columns=columns, known=known, by=by, team=team, left_out=len(met) - len(columns),
        teams=sorted({each.team for each in everybody if each.team}), of_teams=teams, Standing=Standing,
    )  # fmt: skip


@router.get("/coaching/agent")
def agent(request: Request, visit: CurrentVisit) -> Response:
    """One agent: gaps with intervals, trend, sessions, plans, courses, clips that would help."""
    common.check(visit, Right.QUALITY_READ)
    by, services = common.by_of(request.query_params), visit.services
    coaches = visit.principal.may(Right.COACHING_WRITE)
    agent_id = request.query_params.get("id", "")[:255]
    with services.database.read() as uow:
        found = services.gaps.agent(uow, visit.scope, agent_id)
        questions, skills = services.gaps.of_agent(uow, visit.scope, found, by.period, by.source)
        trend = services.gaps.trend(uow, visit.scope, agent_id, by.period, by.source)
        wanted = [each.of.measure for each in questions if is_gap(each)][:3]
        keys = tuple(dict.fromkeys([*(each.key for each in wanted), *_skills(questions, wanted)]))
        clips = services.library.clips(uow, Wanted(measures=keys), visit.principal)[:4] if keys else []
        suggested = (
            services.gaps.suggestions(
                uow, visit.scope, wanted, by.period, by.source, kind=ClipKind.EXEMPLARY, not_agent=agent_id, limit=3
            )
            if wanted
            else []
        )
        mine = coaches and visit.principal.agent_id != agent_id
        values: dict[str, Any] = {
            "sessions": services.coaching.of_agent(uow, agent_id, visit.principal) if mine else [],
            "plans": services.coaching.plans(uow, agent_id, visit.principal) if mine else [],
            "templates": services.coaching.templates(uow, visit.principal) if mine else [],
            "courses": {each.id: each for each in services.library.courses(uow, visit.principal)},
            "assigned": [
                each for each in services.library.assignments(uow, visit.principal) if each.agent_id == agent_id
            ],
            "people": common.names(visit, uow), "known": common.measurables(visit, uow),
            "clips": common.shown(visit, uow, clips),
        }  # fmt: skip
    taken = {each.course_id for each in values["assigned"]}
    offered = [
        each
        for each in values["courses"].values()
        if mine and each.published_at and not each.retired_at and each.id not in taken and {*each.measures} & {*keys}
    ]
    return common.page(
        request, visit, "agent.html", agent=found, questions=questions, skills=skills, trend=trend, by=by,
        suggested=suggested, offered=offered, own=not mine, Standing=Standing, **values,
    )  # fmt: skip


def is_gap(found: Found) -> bool:
    """Whether there is something to work on."""
    return found.gap.standing in {Standing.CLEAR, Standing.LIKELY}


def _skills(questions: list[Found], wanted: list[Measure]) -> list[str]:
    return [f"skill:{skill}" for each in questions if each.of.measure in wanted for skill in each.of.skills]
