"""Sampling plans are kept and drawn; what they draw, or a person hands out, is assigned, taken, given back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo

from sqlalchemy.exc import IntegrityError

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.evaluation import Occasion
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.pipeline import judging
from candor.pipeline.judging import Candidates, Sight
from candor.pipeline.shelf import Shelf
from candor.scoring import sampling, store
from candor.scoring.assignments import store as assignments
from candor.scoring.assignments.model import Assignment, AssignmentState, DrawRecord, PlanRecord
from candor.scoring.sampling import Draw, Period, Pick, Plan, Shortfall

BY_ITSELF = "system"
_log = get_logger("assigning")


class Assigning:
    """The verbs of plans and assignments."""

    def __init__(
        self, database: Database, shelf: Shelf, sight: Sight, candidates: Candidates, zone: tzinfo, *,
        purpose: str = "quality",
    ) -> None:  # fmt: skip
        """``zone``: where the house's days begin."""
        self._database, self._shelf, self._sight, self._candidates = database, shelf, sight, candidates
        self._zone, self._purpose = zone, purpose

    # ---- plans ----

    def save_plan(self, uow: UnitOfWork, principal: Principal, plan: Plan) -> Plan:
        """Keep a plan; it draws from what its last editor sees. Raises InvalidInput with the field as code."""
        principal.require(Right.EVALUATION_ASSIGN)
        sampling.check(plan)
        if plan.id:
            self.plan(uow, principal, plan.id)
        else:
            plan = replace(plan, id=new_id())
        try:
            store.get_scorecard(uow, plan.scorecard)
        except NotFound:
            raise InvalidInput("There is no such scorecard.", code="plan.scorecard") from None
        for each in plan.evaluators:
            judging.known_person(uow, self._sight, each, Right.EVALUATION_WRITE)
        assignments.put_plan(uow, plan, principal.user_id)
        audit.record(
            uow, Event.PLAN_CHANGED, principal.user_id,
            subject=f"{plan.id} {'active' if plan.active else 'stopped'}",
        )  # fmt: skip
        return plan

    def plan(self, uow: UnitOfWork, principal: Principal, plan_id: str) -> PlanRecord:
        """One plan, for its owner and those who see everything; raises NotFound."""
        principal.require(Right.EVALUATION_ASSIGN)
        found = assignments.plan(uow, plan_id)
        if found.owner != principal.user_id and not self._sight.sees_all(principal):
            raise NotFound("There is no such sampling plan.", code="plan.none")
        return found

    def plans(self, uow: UnitOfWork, principal: Principal) -> tuple[PlanRecord, ...]:
        """The plans that this person may change."""
        principal.require(Right.EVALUATION_ASSIGN)
        every = self._sight.sees_all(principal)
        return tuple(one for one in assignments.list_plans(uow) if every or one.owner == principal.user_id)

    def preview(self, uow: UnitOfWork, principal: Principal, plan: Plan) -> tuple[Period, Draw]:
        """What a plan would draw from the period that was over last; nothing is kept."""
        principal.require(Right.EVALUATION_ASSIGN)
        sampling.check(plan)
        period = sampling.last_ended(clock.now(), plan.per, self._zone)
        return period, self._sample(uow, plan, principal, period, "preview")

    def draw_now(self, uow: UnitOfWork, principal: Principal, plan_id: str) -> DrawRecord:
        """Draw from the period that is under way; it counts when the period's end is drawn by itself."""
        found = self.plan(uow, principal, plan_id)
        period = sampling.period_of(clock.now(), found.plan.per, self._zone)
        number = assignments.next_number(uow, plan_id, period.key)
        seed, made = self._found(uow, found, period)
        return self._keep(uow, found.plan, period, number, principal.user_id, seed, made)

    def draw_due(self) -> int:
        """Draw every active plan whose period is over; returns how many. For a chore.

        The sample is found first, without keeping others from writing. The draw and its assignments are one unit of
        work under the key of plan and period: whoever is killed or comes second has drawn nothing.
        """
        with self._database.read() as uow:
            due = [
                (one, period)
                for one in assignments.list_plans(uow, active_only=True)
                if not assignments.is_drawn(
                    uow, one.plan.id, (period := sampling.last_ended(clock.now(), one.plan.per, self._zone)).key
                )
            ]
        done = 0
        for one, period in due:
            try:
                with self._database.read() as uow:
                    seed, made = self._found(uow, one, period)
                with self._database.write() as uow:
                    if not assignments.is_drawn(uow, one.plan.id, period.key):
                        self._keep(uow, one.plan, period, 0, BY_ITSELF, seed, made)
                        done += 1
            except IntegrityError:  # somebody drew by hand in between: the next look counts that in
                _log.info("a plan was drawn by hand meanwhile", plan=one.plan.id, period=period.key)
            except CandorError as error:
                _log.warning("a plan was not drawn", plan=one.plan.id, period=period.key, code=error.code)
        return done

    def _found(self, uow: UnitOfWork, found: PlanRecord, period: Period) -> tuple[str, Draw]:
        """(seed, what it picks)."""
        plan, seed = found.plan, os.urandom(16).hex()
        owner = self._sight.person(uow, found.owner)
        if owner is None or not owner.may(Right.EVALUATION_ASSIGN):
            gone = Shortfall(what="an owner who may assign", wanted=1, got=0)
            return seed, Draw(picks=(), shortfalls=(gone,), candidates=0, refused=0)
        return seed, self._sample(uow, plan, owner, period, seed)

    def _keep(
        self, uow: UnitOfWork, plan: Plan, period: Period, number: int, by: str, seed: str, made: Draw
    ) -> DrawRecord:  # fmt: skip
        record = DrawRecord(
            plan_id=plan.id, period=period.key, number=number, seed=seed, at=clock.now(), by=by,
            candidates=made.candidates, picked=len(made.picks), refused=made.refused, shortfalls=made.shortfalls,
        )  # fmt: skip
        if not assignments.put_draw(uow, record):
            raise Conflict("This draw was made already.", code="plan.drawn")
        self._hand_out(uow, plan, period, made, seed, by)
        audit.record(uow, Event.PLAN_DRAWN, by, subject=f"{plan.id} {period.key} {number}")
        return record

    def _sample(self, uow: UnitOfWork, plan: Plan, owner: Principal, period: Period, seed: str) -> Draw:
        earlier = assignments.drawn_by(uow, plan.id) if plan.id else []
        drawn = [
            Pick(conversation_id=conversation, agent_id=agent, why=why)
            for conversation, agent, key, why in earlier
            if key == period.key
        ]
        gone = {conversation for conversation, *_ in earlier}
        found = [
            one for one in self._candidates.of(uow, plan, period, owner) if one.conversation_id not in gone
        ]  # fmt: skip
        matching = {target: self._candidates.matching(uow, target, period) for target in plan.targets}
        return sampling.draw(
            plan, found, seed, period, matching=matching, drawn=drawn,
            eligible=lambda one: judging.may_be_judged(uow, one, self._purpose),
        )  # fmt: skip

    def _hand_out(self, uow: UnitOfWork, plan: Plan, period: Period, made: Draw, seed: str, by: str) -> None:
        people = {
            each: person
            for each in plan.evaluators
            if (person := self._sight.person(uow, each)) is not None and person.may(Right.EVALUATION_WRITE)
        }
        agents = {
            pick.conversation_id: judging.agents_of(self._shelf.conversation(uow, pick.conversation_id))
            for pick in made.picks
        }

        def may(user_id: str, pick: Pick) -> bool:
            person = people[user_id]
            own = judging.is_own(person, agents[pick.conversation_id])
            return not own and judging.reaches(uow, self._sight, person, pick.conversation_id)

        shared = sampling.share_out(made.picks, list(people), assignments.load(uow), seed, may)
        now = clock.now()
        one = Assignment(
            id="", conversation_id="", agent_id=None, scorecard=plan.scorecard, occasion=Occasion.QUALITY,
            evaluator=None, state=AssignmentState.OPEN, created_at=now, created_by=by,
            due_at=now + timedelta(days=plan.due_days), blind=plan.blind, release=plan.release, plan_id=plan.id,
            period=period.key,
        )  # fmt: skip
        selves = self._agents(uow) if plan.self_evaluation else {}
        for pick in made.picks:
            evaluator = shared[pick.conversation_id]
            given = replace(
                one, id=new_id(), conversation_id=pick.conversation_id, agent_id=pick.agent_id, why=pick.why[:200],
                evaluator=evaluator,
            )  # fmt: skip
            assignments.put(uow, given)
            self._tell(uow, given, by)
            agent = selves.get(pick.agent_id)
            if agent is not None and judging.reaches(uow, self._sight, agent, pick.conversation_id):
                own = replace(given, id=new_id(), occasion=Occasion.SELF, evaluator=agent.user_id)
                assignments.put(uow, own)
                self._tell(uow, own, by)

    def _agents(self, uow: UnitOfWork) -> dict[str, Principal]:
        return {
            one.agent_id: one for one in self._sight.people(uow) if one.agent_id and one.may(Right.EVALUATION_ANSWER)
        }

    @staticmethod
    def _tell(uow: UnitOfWork, one: Assignment, by: str, reason: str | None = None) -> None:
        audit.record(
            uow, Event.ASSIGNED, by, conversation_id=one.conversation_id,
            subject=f"{one.id} {one.evaluator or 'queue'}", reason=reason,
        )  # fmt: skip

    # ---- assignments ----

    def assign(
        self, uow: UnitOfWork, principal: Principal, conversation_id: str, *, scorecard: str,
        evaluator: str | None = None, due_days: int = 7, blind: bool = True, occasion: Occasion = Occasion.QUALITY,
        about: str | None = None, segment: str | None = None, release: str = "",
    ) -> Assignment:  # fmt: skip
        """Hand one conversation out, to a person or into the queue. The checks:

        1. The right to assign, the conversation within reach and judgeable.
        2. The evaluator may evaluate, reaches it, and it is not theirs; whoever is graded does not grade.
        """
        principal.require(Right.EVALUATION_ASSIGN)  # (1)
        self._sight.require(uow, principal, conversation_id)
        judging.require_judgeable(uow, conversation_id, self._purpose)
        if not 1 <= due_days <= 365:
            raise InvalidInput("A deadline lies 1 to 365 days ahead.", code="assignment.due")
        if not sampling.readable_release(release):
            raise InvalidInput("Release is at-once, by-hand or 1 to 365 days.", code="assignment.release")
        if occasion not in {Occasion.QUALITY, Occasion.GRADING}:
            raise InvalidInput("Only evaluations for quality and gradings are assigned.", code="assignment.occasion")
        if occasion is Occasion.GRADING:
            graded = store.held(uow, about or "").evaluation
            if graded.conversation_id != conversation_id or graded.occasion is not Occasion.QUALITY:
                raise NotFound("There is no such evaluation.", code="evaluation.none")
            scorecard, segment = graded.scorecard, graded.segment
        else:
            store.get_scorecard(uow, scorecard)
        conversation = self._shelf.conversation(uow, conversation_id)
        now = clock.now()
        one = Assignment(
            id=new_id(), conversation_id=conversation_id,
            agent_id=conversation.agent.agent_id if conversation.agent else None, scorecard=scorecard,
            occasion=occasion, evaluator=evaluator, state=AssignmentState.OPEN, created_at=now,
            created_by=principal.user_id, due_at=now + timedelta(days=due_days), blind=blind, release=release,
            why="by hand", segment=segment, about=about,
        )  # fmt: skip
        if evaluator is not None:
            self._require_able(uow, one, evaluator)  # (2)
        assignments.put(uow, one)
        self._tell(uow, one, principal.user_id)
        return one

    def take(self, uow: UnitOfWork, principal: Principal, assignment_id: str) -> Assignment:
        """Take one from the queue."""
        principal.require(Right.EVALUATION_WRITE)
        one = self._open(uow, principal, assignment_id)
        if one.evaluator is not None:
            raise Conflict("Somebody has it already.", code="assignment.changed")
        self._require_able(uow, one, principal.user_id)
        after = assignments.change(uow, one, evaluator=principal.user_id)
        audit.record(
            uow, Event.ASSIGNMENT_TAKEN, principal.user_id, conversation_id=one.conversation_id, subject=one.id
        )
        return after

    def reassign(
        self, uow: UnitOfWork, principal: Principal, assignment_id: str, evaluator: str | None,
        due_days: int | None = None,
    ) -> Assignment:  # fmt: skip
        """Give it to somebody else, or back into the queue; ``due_days`` from now."""
        principal.require(Right.EVALUATION_ASSIGN)
        one = self._open(uow, principal, assignment_id)
        if one.occasion is Occasion.SELF:
            raise InvalidInput("A self-evaluation is the agent's alone.", code="assignment.occasion")
        if evaluator is not None:
            self._require_able(uow, one, evaluator)
        if due_days is not None and not 1 <= due_days <= 365:
            raise InvalidInput("A deadline lies 1 to 365 days ahead.", code="assignment.due")
        due = one.due_at if due_days is None else clock.now() + timedelta(days=due_days)
        after = assignments.change(uow, one, evaluator=evaluator, due_at=due)
        self._tell(uow, after, principal.user_id)
        return after

    def decline(self, uow: UnitOfWork, principal: Principal, assignment_id: str, reason: str) -> Assignment:
        """Give one's own back into the queue, with a reason; a form that was begun stays with whoever began it."""
        one = assignments.get(uow, assignment_id)
        principal.require(Right.EVALUATION_ANSWER if one.occasion is Occasion.SELF else Right.EVALUATION_WRITE)
        if one.evaluator != principal.user_id:
            raise NotFound("There is no such assignment.", code="assignment.none")
        why = judging.reason_of(reason, "assignment.reason")
        if one.occasion is Occasion.SELF:  # nobody else could take it
            after = assignments.change(uow, one, state=AssignmentState.WITHDRAWN.value, reason=why)
        else:
            after = assignments.change(uow, one, evaluator=None, reason=why)
        audit.record(
            uow, Event.ASSIGNMENT_DECLINED, principal.user_id, conversation_id=one.conversation_id, subject=one.id,
            reason=why,
        )  # fmt: skip
        return after

    def withdraw(self, uow: UnitOfWork, principal: Principal, assignment_id: str, reason: str) -> Assignment:
        """Let nobody evaluate it."""
        principal.require(Right.EVALUATION_ASSIGN)
        one = self._open(uow, principal, assignment_id)
        why = judging.reason_of(reason, "assignment.reason")
        after = assignments.change(uow, one, state=AssignmentState.WITHDRAWN.value, reason=why)
        audit.record(
            uow, Event.ASSIGNMENT_WITHDRAWN, principal.user_id, conversation_id=one.conversation_id, subject=one.id,
            reason=why,
        )  # fmt: skip
        return after

    def able(self, uow: UnitOfWork, ones: Sequence[Assignment]) -> dict[str, tuple[Principal, ...]]:
        """Who could have each of these, by name; the last word has :meth:`reassign`, which looks at all parties."""
        people = [one for one in self._sight.people(uow) if one.may(Right.EVALUATION_WRITE)]
        people.sort(key=lambda one: (one.name or one.login).lower())
        everywhere = {one.user_id for one in people if self._sight.sees_all(one)}
        return {
            each.id: tuple(
                person
                for person in people
                if (person.agent_id is None or person.agent_id != each.agent_id)
                and (person.user_id in everywhere or judging.reaches(uow, self._sight, person, each.conversation_id))
            )
            for each in ones
        }

    def evaluators(self, uow: UnitOfWork) -> tuple[Principal, ...]:
        """Who may evaluate at all, by name."""
        found = [one for one in self._sight.people(uow) if one.may(Right.EVALUATION_WRITE)]
        return tuple(sorted(found, key=lambda one: (one.name or one.login).lower()))

    def _open(self, uow: UnitOfWork, principal: Principal, assignment_id: str) -> Assignment:
        one = assignments.get(uow, assignment_id)
        self._sight.require(uow, principal, one.conversation_id)
        if one.state is not AssignmentState.OPEN:
            raise Conflict("This assignment is finished.", code="assignment.closed")
        return one

    def _require_able(self, uow: UnitOfWork, one: Assignment, user_id: str) -> None:
        person = judging.known_person(uow, self._sight, user_id, Right.EVALUATION_WRITE)
        if not judging.reaches(uow, self._sight, person, one.conversation_id):
            raise InvalidInput("This person does not see the conversation.", code="assignment.reach")
        judging.require_other(person, judging.agents_of(self._shelf.conversation(uow, one.conversation_id)))
        if one.about is not None:
            graded = store.held_by_ids(uow, [one.about]).get(one.about)
            if graded is not None and graded.evaluation.evaluator == user_id:
                raise Forbidden("Nobody grades their own evaluation.", code="evaluation.own")
