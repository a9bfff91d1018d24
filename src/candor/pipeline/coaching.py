"""Coaching sessions: from a draft that only the coach sees, over sharing and acknowledging, to the follow-up; plans.

Who may what, in one place: an agent sees their own sessions from when they are shared, acknowledges them, and ticks off
what they agreed to do. Coaches see the sessions of agents within their reach, the drafts of nobody else; private notes
are for the coach who wrote them alone, whatever else anybody may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.coaching import library, store
from candor.coaching.model import (
    MOST_LINES,
    MOST_TEXT,
    Action,
    Assignment,
    Body,
    Goal,
    Measure,
    Outcome,
    Plan,
    Session,
    Source,
    State,
    Template,
    Who,
)
from candor.coaching.store import CipherFor
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline import parting
from candor.vault import store as vault_store


class WithinReach(Protocol):
    """Which agents a person sees (find-and-replay)."""

    def require(self, uow: UnitOfWork, principal: Principal, agent_id: str) -> None:
        """Raise NotFound unless this person sees the agent."""

    def ids(self, uow: UnitOfWork, principal: Principal) -> frozenset[str]:
        """Everybody whom this person sees."""


DAYS = 56
"""How far a session's measuring looks back and on, unless somebody says otherwise: eight weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a coach writes; the rest follows."""

    title: str
    summary: str = ""
    goals: tuple[Goal, ...] = ()
    actions: tuple[Action, ...] = ()
    follow_up_on: date | None = None
    source: Source = Source.AUTOMATIC
    days: int = DAYS


class Coaching:
    """The verbs of sessions, plans and templates."""

    def __init__(self, database: Database, cipher: CipherFor, reach: WithinReach) -> None:
        self._database, self._cipher, self._reach = database, cipher, reach

    # ---- reading ----

    def get(self, uow: UnitOfWork, session_id: str, principal: Principal) -> Session:
        """One session, if this person may see it; raises NotFound. The checks:

        1. It is about this very person, and shared.
        2. Or this person coaches, the agent is within reach, and it is shared or their own draft.
        """
        found = store.get(uow, session_id, self._cipher)
        if self.is_own(found, principal) and found.state is not State.DRAFT:  # (1)
            return found
        if principal.may(Right.COACHING_WRITE) and not self.is_own(found, principal):  # (2)
            self._reach.require(uow, principal, found.agent_id)
            if found.state is not State.DRAFT or found.coach == principal.user_id:
                return found
        raise NotFound("There is no such coaching session.", code="coaching.none")

    @staticmethod
    def is_own(session: Session, principal: Principal) -> bool:
        """Whether it is about this person."""
        return principal.agent_id is not None and session.agent_id == principal.agent_id

    def of_agent(self, uow: UnitOfWork, agent_id: str, principal: Principal) -> list[Session]:
        """The sessions about an agent that this person may see, the newest first."""
        own = principal.agent_id == agent_id
        if not own:
            principal.require(Right.COACHING_WRITE)
            self._reach.require(uow, principal, agent_id)
        return [
            each
            for each in store.listed(uow, self._cipher, agents=(agent_id,))
            if each.state is not State.DRAFT or (not own and each.coach == principal.user_id)
        ]

    def of_coach(self, uow: UnitOfWork, principal: Principal) -> list[Session]:
        """The sessions that this person leads, the newest first."""
        principal.require(Right.COACHING_WRITE)
        return store.listed(uow, self._cipher, coach=principal.user_id)

    def plans(self, uow: UnitOfWork, agent_id: str, principal: Principal) -> list[Plan]:
        """An agent's plans."""
        if principal.agent_id != agent_id:
            principal.require(Right.COACHING_WRITE)
            self._reach.require(uow, principal, agent_id)
        return store.plans(uow, agent_id, self._cipher)

    def plan(self, uow: UnitOfWork, plan_id: str, principal: Principal) -> tuple[Plan, list[Session], list[Assignment]]:
        """A plan with its sessions and courses; raises NotFound."""
        found = store.plan(uow, plan_id, self._cipher)
        if principal.agent_id != found.agent_id:
            principal.require(Right.COACHING_WRITE)
            self._reach.require(uow, principal, found.agent_id)
        seen = {each.id: each for each in self.of_agent(uow, found.agent_id, principal)}
        sessions = [each for each in seen.values() if each.plan_id == plan_id]
        return found, sessions, library.assignments(uow, plan_id=plan_id)

    def notes(self, uow: UnitOfWork, session: Session, principal: Principal) -> str | None:
        """The coach's private notes; None for everybody else."""
        return store.notes(uow, session.id, self._cipher) if session.coach == principal.user_id else None

    # ---- the coach's deeds ----

    def draft(self, agent_id: str, given: Draft, principal: Principal, plan_id: str | None = None) -> Session:
        """Begin a session about an agent within reach; raises Forbidden for oneself, NotFound, InvalidInput."""
        principal.require(Right.COACHING_WRITE)
        if principal.agent_id == agent_id:
            raise Forbidden("Nobody coaches themselves.", code="coaching.own")
        with self._database.write() as uow:
            self._reach.require(uow, principal, agent_id)
            if plan_id is not None and store.plan(uow, plan_id, self._cipher).agent_id != agent_id:
                raise NotFound("There is no such coaching plan.", code="coaching.none")
            made = Session(
                id=new_id(), agent_id=agent_id, coach=principal.user_id, state=State.DRAFT, source=given.source,
                days=given.days, revision=0, created_at=clock.now(), shared_at=None, acknowledged_at=None,
                followed_up_at=None, follow_up_on=given.follow_up_on, plan_id=plan_id, body=body_of(given),
            )  # fmt: skip
            _check(made)
            store.add(uow, made, self._cipher)
            audit.record(uow, Event.COACHING_DRAFTED, principal.user_id, subject=made.id)
        return made

    def edit(self, session_id: str, given: Draft, principal: Principal, revision: int) -> Session:
        """Change a draft; raises Conflict once it is shared, and when somebody changed it since ``revision``."""
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, State.DRAFT)
            body = replace(body_of(given), clips=held.body.clips)
            made = replace(
                held, body=body, follow_up_on=given.follow_up_on, source=given.source, days=given.days,
                revision=revision,
            )  # fmt: skip
            return self._kept(uow, made, principal, "edited")

    def set_clips(self, session_id: str, ids: Sequence[str], principal: Principal) -> Session:
        """Which clips go with a session that is not followed up yet, in which order."""
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, State.DRAFT, State.SHARED, State.ACKNOWLEDGED)
            known = {each.id: each for each in library.clips(uow, library.Wanted(ids=tuple(ids)), self._cipher)}
            # Those that went with their conversation are left out; what was never there is an error.
            ids = [one for one in ids if one in known or one not in held.body.clips]
            if len(ids) > MOST_LINES or any(one not in known for one in ids):
                raise InvalidInput("There is no such clip (any more).", code="coaching.clip")
            if any(each.session_id not in {None, session_id} for each in known.values()):
                raise InvalidInput("This clip was made for another coaching session.", code="coaching.clip")
            made = replace(held, body=replace(held.body, clips=tuple(dict.fromkeys(ids))))
            return self._kept(uow, made, principal, "clips")

    def share(self, session_id: str, principal: Principal) -> Session:
        """Let the agent see it. From now on its words stand."""
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, State.DRAFT)
            if not held.body.goals and not held.body.actions:
                raise InvalidInput(
                    "A coaching session has a goal, or something agreed on.", code="coaching.empty",
                    advice="Add one before you share it.",
                )  # fmt: skip
            made = replace(held, state=State.SHARED, shared_at=clock.now())
            kept = store.change(uow, made, self._cipher)
            audit.record(uow, Event.COACHING_SHARED, principal.user_id, subject=session_id)
        return kept

    def discard(self, session_id: str, principal: Principal) -> None:
        """Forget a draft, with its notes and its own clips."""
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, State.DRAFT)
            own = library.clips(uow, library.Wanted(session_id=session_id), self._cipher)
            parting.forget(uow, [each.id for each in own])
            store.drop(uow, held.id)
            vault_store.drop_key(uow, held.id)
            audit.record(uow, Event.COACHING_CHANGED, principal.user_id, subject=f"{session_id} discarded")

    def write_notes(self, session_id: str, text: str, principal: Principal) -> None:
        """The coach's private notes, in any state; sealed, and shown to nobody else."""
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, *State)
            store.put_notes(uow, held.id, _text(text, "Notes are too long."), self._cipher)
            audit.record(uow, Event.COACHING_CHANGED, principal.user_id, subject=f"{session_id} notes")

    def follow_up(
        self, session_id: str, conclusion: str, principal: Principal, *, outcomes: Sequence[Outcome]
    ) -> Session:
        """Close it with what the same questions say by now; ``outcomes`` of its measured goals are kept as they are.

        Raises Conflict before it was acknowledged.
        """
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, State.ACKNOWLEDGED)
            body = replace(
                held.body, conclusion=_text(conclusion, "The conclusion is too long."), outcomes=tuple(outcomes)
            )
            made = replace(held, state=State.FOLLOWED_UP, followed_up_at=clock.now(), body=body)
            kept = store.change(uow, made, self._cipher)
            audit.record(uow, Event.COACHING_FOLLOWED_UP, principal.user_id, subject=session_id)
        return kept

    # ---- the agent's deeds ----

    def acknowledge(self, session_id: str, comment: str, principal: Principal) -> Session:
        """The agent has read it, and may say something; raises Forbidden for anybody else, Conflict in other states."""
        principal.require(Right.EVALUATION_ANSWER)
        with self._database.write() as uow:
            held = self.get(uow, session_id, principal)
            if not self.is_own(held, principal):
                raise Forbidden("Only the agent whom it is about acknowledges it.", code="coaching.not_yours")
            _in(held, State.SHARED)
            body = replace(held.body, comment=_text(comment, "The comment is too long."))
            made = replace(held, state=State.ACKNOWLEDGED, acknowledged_at=clock.now(), body=body)
            kept = store.change(uow, made, self._cipher)
            audit.record(uow, Event.COACHING_ACKNOWLEDGED, principal.user_id, subject=session_id)
        return kept

    def tick(self, session_id: str, action_id: str, principal: Principal, *, done: bool) -> Session:
        """Say that something agreed on is done, or not: the agent of theirs, the coach of all."""
        with self._database.write() as uow:
            held = self.get(uow, session_id, principal)
            _in(held, State.SHARED, State.ACKNOWLEDGED)
            action = next((each for each in held.body.actions if each.id == action_id), None)
            if action is None:
                raise NotFound("Nothing of that kind was agreed on.", code="coaching.action")
            mine = action.who is Who.AGENT if self.is_own(held, principal) else held.coach == principal.user_id
            if not mine:
                raise Forbidden("That is somebody else's to do.", code="coaching.not_yours")
            done_on = clock.now().date() if done else None
            actions = tuple(replace(e, done_on=done_on) if e.id == action_id else e for e in held.body.actions)
            made = replace(held, body=replace(held.body, actions=actions))
            return self._kept(uow, made, principal, "action")

    # ---- plans and templates ----

    def begin_plan(self, agent_id: str, title: str, aim: str, until: date | None, principal: Principal) -> Plan:
        """A plan for an agent within reach."""
        principal.require(Right.COACHING_WRITE)
        if principal.agent_id == agent_id:
            raise Forbidden("Nobody coaches themselves.", code="coaching.own")
        with self._database.write() as uow:
            self._reach.require(uow, principal, agent_id)
            made = Plan(
                id=new_id(), agent_id=agent_id, coach=principal.user_id, title=_title(title),
                aim=_text(aim, "The aim is too long."), until=until, created_at=clock.now(), closed_at=None,
            )  # fmt: skip
            store.add_plan(uow, made, self._cipher)
            audit.record(uow, Event.COACHING_PLANNED, principal.user_id, subject=made.id)
        return made

    def close_plan(self, plan_id: str, principal: Principal) -> None:
        """The plan is over."""
        principal.require(Right.COACHING_WRITE)
        with self._database.write() as uow:
            found, _, _ = self.plan(uow, plan_id, principal)
            if found.closed_at is not None:
                raise Conflict("This plan is closed.", code="coaching.state")
            store.close_plan(uow, plan_id, clock.now())
            audit.record(uow, Event.COACHING_PLANNED, principal.user_id, subject=f"{plan_id} closed")

    def keep_template(self, name: str, session_id: str, principal: Principal) -> Template:
        """Make a template of a session's goals and actions; words about the agent (title, summary) stay out."""
        principal.require(Right.COACHING_WRITE)
        with self._database.write() as uow:
            held = self._led(uow, session_id, principal, *State)
            goals = tuple(replace(each, by=None) for each in held.body.goals)
            actions = tuple(replace(each, by=None, done_on=None) for each in held.body.actions)
            title = _title(name)[:120]
            made = Template(
                id=new_id(), name=title, body=Body(title=title, goals=goals, actions=actions), by=principal.user_id
            )
            store.put_template(uow, made)
            audit.record(uow, Event.COACHING_TEMPLATE_CHANGED, principal.user_id, subject=made.id)
        return made

    def templates(self, uow: UnitOfWork, principal: Principal) -> Sequence[Template]:
        """By name."""
        principal.require(Right.COACHING_WRITE)
        return store.templates(uow)

    def drop_template(self, template_id: str, principal: Principal) -> None:
        """Forget one; raises NotFound."""
        principal.require(Right.COACHING_WRITE)
        with self._database.write() as uow:
            if not store.drop_template(uow, template_id):
                raise NotFound("There is no such template.", code="coaching.none")
            audit.record(uow, Event.COACHING_TEMPLATE_CHANGED, principal.user_id, subject=f"{template_id} dropped")

    # ---- inside ----

    def _led(self, uow: UnitOfWork, session_id: str, principal: Principal, *states: State) -> Session:
        principal.require(Right.COACHING_WRITE)
        held = self.get(uow, session_id, principal)
        if held.coach != principal.user_id:
            raise Forbidden("Another coach leads this session.", code="coaching.not_yours")
        _in(held, *states)
        return held

    def _kept(self, uow: UnitOfWork, session: Session, principal: Principal, what: str) -> Session:
        _check(session)
        kept = store.change(uow, session, self._cipher)
        audit.record(uow, Event.COACHING_CHANGED, principal.user_id, subject=f"{session.id} {what}")
        return kept


def body_of(given: Draft) -> Body:
    """The sealed part of a draft."""
    return Body(
        title=_title(given.title), summary=_text(given.summary, "The summary is too long."), goals=given.goals,
        actions=given.actions,
    )  # fmt: skip


def _check(session: Session) -> None:
    """Raise InvalidInput for goals and actions that nobody could work with."""
    body = session.body
    if len(body.goals) > MOST_LINES or len(body.actions) > MOST_LINES:
        raise InvalidInput(f"At most {MOST_LINES} goals and actions.", code="coaching.many")
    if not 7 <= session.days <= 366:
        raise InvalidInput("Measuring looks 7 to 366 days back.", code="coaching.days")
    for goal in body.goals:
        _title(goal.words)
        if goal.measure is not None:
            Measure.of(goal.measure)
        if goal.target is not None and (goal.measure is None or not 0 <= goal.target <= 1):
            raise InvalidInput("A target is 0 to 100 percent of something measured.", code="coaching.target")
    for action in body.actions:
        _title(action.words)


def _in(session: Session, *states: State) -> None:
    if session.state not in states:
        raise Conflict(
            f"This cannot be done: the coaching session is {session.state.value.replace('_', ' ')}.",
            code="coaching.state", advice="Open it again to see how it stands.",
        )  # fmt: skip


def _title(text: str) -> str:
    found = " ".join(text.split())
    if not found:
        raise InvalidInput("Give it a title in a few words.", code="coaching.title")
    if len(found) > 300:
        raise InvalidInput("At most 300 characters.", code="coaching.title")
    return found


def _text(text: str, long: str) -> str:
    found = text.strip()
    if len(found) > MOST_TEXT:
        raise InvalidInput(long, code="coaching.long", advice=f"At most {MOST_TEXT} characters.")
    return found
