"""Coaching: gaps, effects, sessions and plans."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.coaching.model import Action, Goal, Measure, Source, Who
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline import coached_words as words
from candor.pipeline.coaching import DAYS, Draft
from candor.replay import gaps as reading
from candor.replay.measured import Period

router = APIRouter(tags=["coaching"])

_SOURCE = Query(Source.AUTOMATIC, description="Whose answers measure; the two are never mixed.")
_DAYS = Query(reading.DAYS, ge=7, le=366, description="How far back calls are read.")
_AGENT = Query(max_length=255, description="An agent's id, as phone systems name them.")
_STRICT = ConfigDict(extra="forbid")
_EITHER = needs(Right.COACHING_WRITE, also=(Right.EVALUATION_ANSWER,))
"""The coach, or the agent whom it is about; which of the two sees what, the corridor decides."""


class NewGoal(BaseModel):
    """What should become better."""

    model_config = _STRICT

    words: str = Field(min_length=1, max_length=300)
    measure: str | None = Field(None, max_length=200, description="`SCORECARD/QUESTION` or `skill:NAME`.")
    target: float | None = Field(None, ge=0, le=1, description="The share of points kept that is aimed at.")
    by: date | None = None


class NewAction(BaseModel):
    """Something agreed on."""

    model_config = _STRICT

    words: str = Field(min_length=1, max_length=300)
    who: Who = Who.AGENT
    by: date | None = None


class NewSession(BaseModel):
    """A draft; nobody but the coach sees it before it is shared."""

    model_config = _STRICT

    title: str = Field(min_length=1, max_length=300)
    summary: str = Field("", max_length=4000)
    goals: list[NewGoal] = Field([], max_length=20)
    actions: list[NewAction] = Field([], max_length=20)
    follow_up_on: date | None = None
    source: Source = Source.AUTOMATIC
    days: int = Field(DAYS, ge=7, le=366)
    plan: str | None = Field(None, max_length=36)

    def draft(self) -> Draft:
        """As the corridor takes it."""
        return Draft(
            title=self.title, summary=self.summary, follow_up_on=self.follow_up_on, source=self.source, days=self.days,
            goals=tuple(Goal(words=e.words, measure=e.measure, target=e.target, by=e.by) for e in self.goals),
            actions=tuple(Action(id=new_id(), words=e.words, who=e.who, by=e.by) for e in self.actions),
        )  # fmt: skip


class Change(NewSession):
    """The whole draft, as it should be; ``revision`` is that of the one that was read."""

    revision: int = Field(ge=0)


class Words(BaseModel):
    """Something in words."""

    model_config = _STRICT

    text: str = Field("", max_length=4000)


class Ticked(BaseModel):
    """Whether something agreed on is done."""

    model_config = _STRICT

    done: bool


class Clips(BaseModel):
    """Clips of a session, in order."""

    model_config = _STRICT

    clips: list[str] = Field(max_length=20)


class NewPlan(BaseModel):
    """Several sessions and courses towards one aim."""

    model_config = _STRICT

    title: str = Field(min_length=1, max_length=300)
    aim: str = Field("", max_length=4000)
    until: date | None = None


@router.get("/coaching/agents")
def agents(caller: Caller = needs(Right.QUALITY_READ)) -> dict[str, Any]:
    """Whom the caller can see, by name."""
    with caller.services.database.read() as uow:
        found = caller.services.gaps.agents(uow, caller.scope)
    return {"agents": [{"id": each.agent_id, "name": each.name, "team": each.team} for each in found]}


@router.get("/coaching/gaps")
def gaps(
    agent: str = _AGENT, source: Source = _SOURCE, days: int = _DAYS, caller: Caller = needs(Right.QUALITY_READ)
) -> dict[str, Any]:
    """One agent's gaps by question and skill, the greatest expected gain first."""
    services, period = caller.services, Period(since=clock.now() - timedelta(days=days))
    with services.database.read() as uow:
        found = services.gaps.agent(uow, caller.scope, agent)
        questions, skills = services.gaps.of_agent(uow, caller.scope, found, period, source)
    return {
        "agent": found.agent_id, "team": found.team, "source": source.value, "days": days,
        "questions": [_found(each) for each in questions], "skills": [_found(each) for each in skills],
    }  # fmt: skip


@router.get("/coaching/effect")
def effect(
    begun: AwareDatetime = Query(description="When coaching or training began: calls before it are the measure."),
    done: AwareDatetime = Query(description="From when on calls count as after."),
    measure: str = Query(max_length=200, description="`SCORECARD/QUESTION` or `skill:NAME`."),
    agent: str = _AGENT, source: Source = _SOURCE, days: int = _DAYS, caller: Caller = needs(Right.QUALITY_READ),
) -> dict[str, Any]:  # fmt: skip
    """The same question before and after, beside the rest of the team over the same time."""
    services = caller.services
    with services.database.read() as uow:
        found = services.gaps.agent(uow, caller.scope, agent)
        told = services.gaps.effect(
            uow, caller.scope, found, Measure.of(measure), begun=begun, done=done, days=days, source=source
        )
    return words.effect(told)


@router.get("/coaching/sessions")
def sessions(
    agent: str | None = Query(None, max_length=255, description="An agent's; else one's own, as coach or agent."),
    caller: Caller = _EITHER,
) -> dict[str, Any]:
    """Coaching sessions, the newest first; agents ask for their own."""
    coaching, principal = caller.services.coaching, caller.principal
    with caller.services.database.read() as uow:
        if agent is not None:
            found = coaching.of_agent(uow, agent, principal)
        elif principal.may(Right.COACHING_WRITE):
            found = coaching.of_coach(uow, principal)
        else:
            found = coaching.of_agent(uow, principal.agent_id, principal) if principal.agent_id else []
    return {"sessions": [words.session(each) for each in found]}


@router.post("/coaching/agents/{agent_id}/sessions", status_code=201)
def begin(agent_id: str, new: NewSession, caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """A draft about an agent within reach."""
    return words.session(caller.services.coaching.draft(agent_id, new.draft(), caller.principal, new.plan))


@router.get("/coaching/sessions/{session_id}")
def session(session_id: str, caller: Caller = _EITHER) -> dict[str, Any]:
    """One session, with the private notes for the coach who wrote them."""
    with caller.services.database.read() as uow:
        found = caller.services.coaching.get(uow, session_id, caller.principal)
        notes = caller.services.coaching.notes(uow, found, caller.principal)
    return words.session(found, notes)


@router.put("/coaching/sessions/{session_id}")
def change(session_id: str, new: Change, caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """Change a draft; 409 when it was changed since ``revision``, or shared."""
    return words.session(caller.services.coaching.edit(session_id, new.draft(), caller.principal, new.revision))


@router.put("/coaching/sessions/{session_id}/clips")
def put_clips(session_id: str, new: Clips, caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """Which clips go with it."""
    return words.session(caller.services.coaching.set_clips(session_id, new.clips, caller.principal))


@router.post("/coaching/sessions/{session_id}/share")
def share(session_id: str, caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """Let the agent see it."""
    return words.session(caller.services.coaching.share(session_id, caller.principal))


@router.post("/coaching/sessions/{session_id}/acknowledge")
def acknowledge(session_id: str, said: Words, caller: Caller = needs(Right.EVALUATION_ANSWER)) -> dict[str, Any]:
    """The agent has read it, and may say something."""
    return words.session(caller.services.coaching.acknowledge(session_id, said.text, caller.principal))


@router.put("/coaching/sessions/{session_id}/actions/{action_id}")
def tick(session_id: str, action_id: str, new: Ticked, caller: Caller = _EITHER) -> dict[str, Any]:
    """Something agreed on is done, or not."""
    return words.session(caller.services.coaching.tick(session_id, action_id, caller.principal, done=new.done))


@router.put("/coaching/sessions/{session_id}/notes", status_code=204)
def put_notes(session_id: str, new: Words, caller: Caller = needs(Right.COACHING_WRITE)) -> None:
    """The coach's private notes; sealed, and given to nobody else."""
    caller.services.coaching.write_notes(session_id, new.text, caller.principal)


@router.post("/coaching/sessions/{session_id}/follow-up")
def follow_up(session_id: str, said: Words, caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """Close it with what the goals' questions say by now."""
    services = caller.services
    with services.database.read() as uow:
        held = services.coaching.get(uow, session_id, caller.principal)
        outcomes = services.gaps.outcomes(uow, caller.scope, held)
    return words.session(services.coaching.follow_up(session_id, said.text, caller.principal, outcomes=outcomes))


@router.delete("/coaching/sessions/{session_id}", status_code=204)
def discard(session_id: str, caller: Caller = needs(Right.COACHING_WRITE)) -> None:
    """Forget a draft."""
    caller.services.coaching.discard(session_id, caller.principal)


@router.get("/coaching/templates")
def templates(caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """How sessions may begin; name nobody."""
    with caller.services.database.read() as uow:
        found = caller.services.coaching.templates(uow, caller.principal)
    return {
        "templates": [
            {"id": e.id, "name": e.name, "goals": [g.words for g in e.body.goals],
             "actions": [a.words for a in e.body.actions]}
            for e in found
        ]
    }  # fmt: skip


@router.post("/coaching/agents/{agent_id}/plans", status_code=201)
def begin_plan(agent_id: str, new: NewPlan, caller: Caller = needs(Right.COACHING_WRITE)) -> dict[str, Any]:
    """A plan for an agent within reach."""
    return words.plan(caller.services.coaching.begin_plan(agent_id, new.title, new.aim, new.until, caller.principal))


@router.get("/coaching/plans/{plan_id}")
def plan(plan_id: str, caller: Caller = _EITHER) -> dict[str, Any]:
    """A plan with its sessions and courses."""
    with caller.services.database.read() as uow:
        found, held, assigned = caller.services.coaching.plan(uow, plan_id, caller.principal)
    return words.plan(found) | {
        "sessions": [words.session(each) for each in held], "courses": [words.assignment(each) for each in assigned],
    }  # fmt: skip


@router.post("/coaching/plans/{plan_id}/close", status_code=204)
def close_plan(plan_id: str, caller: Caller = needs(Right.COACHING_WRITE)) -> None:
    """It is over."""
    caller.services.coaching.close_plan(plan_id, caller.principal)


def _found(each: reading.Found) -> dict[str, Any]:
    return {"measure": each.of.measure.key, "text": each.of.text, **words.gap(each.gap)}
