"""The agent's side: seen, a comment, a dispute; and its review by somebody who is neither agent nor evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.evaluation import Evaluation, EvaluationSource, Occasion
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline import judging
from candor.pipeline.evaluating import Evaluating
from candor.pipeline.judging import Reindex, Sight
from candor.scoring import store
from candor.scoring.disputes import model
from candor.scoring.disputes import store as disputes
from candor.scoring.disputes.model import Dispute, DisputedQuestion, DisputeState, Limits, Outcome, Reply, ReplyKind
from candor.scoring.form import counting, validate_answers
from candor.scoring.forms.model import HUMAN, read_given
from candor.scoring.points import tally
from candor.scoring.store import Circumstances, Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A reviewer's word on one disputed answer."""

    outcome: Outcome
    """Upheld or rescored."""
    reason: str
    answer: Mapping[str, Any] | None = None
    """When rescored: verdict or value, as in a form."""


class Disputing:
    """The verbs of answering to evaluations."""

    def __init__(self, evaluating: Evaluating, sight: Sight, reindex: Reindex, limits: Limits | None = None) -> None:
        self._evaluating, self._sight, self._reindex = evaluating, sight, reindex
        self.limits = limits or Limits()

    def acknowledge(self, uow: UnitOfWork, principal: Principal, evaluation_id: str) -> None:
        """The agent has seen it; a second time is nothing."""
        found = self._mine(uow, principal, evaluation_id)
        if disputes.acknowledged(uow, [evaluation_id], principal.user_id):
            return
        self._reply(uow, principal, found, ReplyKind.ACKNOWLEDGED, "", Event.EVALUATION_ACKNOWLEDGED)

    def comment(self, uow: UnitOfWork, principal: Principal, evaluation_id: str, text: str) -> None:
        """A word by the agent, or by those of quality who answer."""
        found = self._evaluating.read(uow, principal, evaluation_id)
        if found.evaluation.occasion is not Occasion.QUALITY:
            raise InvalidInput("Only evaluations for quality are commented on.", code="evaluation.occasion")
        said = judging.reason_of(text, "evaluation.comment", model.LONGEST)
        self._reply(uow, principal, found, ReplyKind.COMMENT, said, Event.EVALUATION_COMMENTED)

    @staticmethod
    def _reply(
        uow: UnitOfWork, principal: Principal, found: Held, kind: ReplyKind, text: str, event: Event
    ) -> None:  # fmt: skip
        one = found.evaluation
        disputes.add_reply(
            uow,
            Reply(
                id=new_id(), evaluation_id=one.id, conversation_id=one.conversation_id, by=principal.user_id,
                at=clock.now(), kind=kind, text=text,
            ),
        )  # fmt: skip
        audit.record(uow, event, principal.user_id, conversation_id=one.conversation_id, subject=one.id)

    def dispute(
        self, uow: UnitOfWork, principal: Principal, evaluation_id: str, reasons: Mapping[str, str]
    ) -> Dispute:  # fmt: skip
        """Contest answers, each with a reason; raises Conflict outside the window or over the limit."""
        found = self._mine(uow, principal, evaluation_id)
        one, released = found.evaluation, found.circumstances.released_at
        if found.superseded:
            raise Conflict("A newer evaluation has taken its place.", code="dispute.superseded")
        if disputes.leading_to(uow, evaluation_id) is not None:
            raise Conflict("It came from a dispute, whose outcome is final.", code="dispute.final")
        if one.source is EvaluationSource.AUTOMATIC and _judged_by_a_person(uow, one):
            raise Conflict("A person's evaluation counts instead of it.", code="dispute.superseded")
        now, limits = clock.now(), self.limits
        assert released is not None  # noqa: S101  _mine has looked
        model.check(
            limits, released_at=released, now=now, reasons=reasons,
            recent=disputes.opened_since(uow, principal.user_id, now - timedelta(days=limits.period_days)),
            known=frozenset(answer.question for answer in one.answers if not answer.suggested),
        )  # fmt: skip
        dispute = Dispute(
            id=new_id(), evaluation_id=one.id, conversation_id=one.conversation_id,
            agent_id=found.circumstances.agent_id or "", by=principal.user_id, opened_at=now, state=DisputeState.OPEN,
            questions=tuple(DisputedQuestion(question=name, reason=text.strip()) for name, text in reasons.items()),
        )  # fmt: skip
        disputes.add(uow, dispute)
        audit.record(
            uow, Event.DISPUTE_OPENED, principal.user_id, conversation_id=one.conversation_id, subject=dispute.id
        )
        return dispute

    def withdraw(self, uow: UnitOfWork, principal: Principal, dispute_id: str) -> None:
        """The agent lets it be; it counts towards the limit all the same."""
        dispute = disputes.get(uow, dispute_id)
        principal.require(Right.EVALUATION_ANSWER)
        if dispute.by != principal.user_id:
            raise NotFound("There is no such dispute.", code="dispute.none")
        disputes.close(uow, dispute, DisputeState.WITHDRAWN)
        audit.record(
            uow, Event.DISPUTE_WITHDRAWN, principal.user_id, conversation_id=dispute.conversation_id,
            subject=dispute.id,
        )  # fmt: skip

    def read(self, uow: UnitOfWork, principal: Principal, dispute_id: str) -> tuple[Dispute, Held]:
        """A dispute and what it is about, for the agent and those who may see the evaluation."""
        dispute = disputes.get(uow, dispute_id)
        return dispute, self._evaluating.read(uow, principal, dispute.evaluation_id)

    def require_reviewer(self, uow: UnitOfWork, principal: Principal, dispute: Dispute, found: Held) -> None:
        """Raise Forbidden unless this person may decide. The checks:

        1. The right to review.
        2. Not the one who disputes, nor anybody whose conversation it is.
        3. Not the one who evaluated.
        """
        principal.require(Right.DISPUTE_REVIEW)  # (1)
        if principal.user_id == dispute.by or principal.agent_id == dispute.agent_id:  # (2)
            raise Forbidden("Nobody decides on a dispute of their own.", code="dispute.own")
        if principal.user_id == found.evaluation.evaluator:  # (3)
            raise Forbidden("Somebody else than the evaluator decides on a dispute.", code="dispute.own")
        self._sight.require(uow, principal, dispute.conversation_id)

    def decide(
        self, uow: UnitOfWork, principal: Principal, dispute_id: str, rulings: Mapping[str, Ruling]
    ) -> Evaluation | None:  # fmt: skip
        """Uphold or rescore each disputed answer, with a reason; returns the new evaluation where one was made.

        It takes the place of the disputed one, is released at once, and the history names both.
        """
        dispute, found = self.read(uow, principal, dispute_id)
        self.require_reviewer(uow, principal, dispute, found)
        if dispute.state is not DisputeState.OPEN:
            raise Conflict("This dispute was decided meanwhile.", code="dispute.closed")
        outcomes = []
        for each in dispute.questions:
            ruling = rulings.get(each.question)
            if ruling is None or ruling.outcome not in {Outcome.UPHELD, Outcome.RESCORED}:
                raise InvalidInput("Decide on each disputed answer.", code="dispute.ruling")
            model.require_reason(ruling.reason, "dispute.ruling_reason")
            outcomes.append(replace(each, outcome=ruling.outcome, outcome_reason=ruling.reason.strip()))
        rescored = {each.question: rulings[each.question] for each in outcomes if each.outcome is Outcome.RESCORED}
        made = self._rescored(uow, principal, dispute, found, rescored) if rescored else None
        disputes.close(
            uow, dispute, DisputeState.DECIDED, reviewer=principal.user_id, outcomes=outcomes,
            new_evaluation_id=made.id if made else None,
        )  # fmt: skip
        word = replace(dispute, state=DisputeState.DECIDED, questions=tuple(outcomes)).outcome
        audit.record(
            uow, Event.DISPUTE_DECIDED, principal.user_id, conversation_id=dispute.conversation_id,
            subject=f"{dispute.id} {word}",
        )  # fmt: skip
        return made

    def _rescored(
        self, uow: UnitOfWork, principal: Principal, dispute: Dispute, found: Held, rescored: Mapping[str, Ruling]
    ) -> Evaluation:  # fmt: skip
        before = found.evaluation
        scorecard = store.get_scorecard(uow, before.scorecard, before.scorecard_version)
        answers = {answer.question: answer for answer in before.answers}
        for name, ruling in rescored.items():
            question = scorecard.question(name)
            if question is None:
                raise InvalidInput("The scorecard has no such question.", code="dispute.question")
            given = read_given(question, ruling.answer or {})
            if given.verdict is None:
                raise InvalidInput("Give the answer that counts instead.", code="dispute.answer")
            old = answers[name]
            if (given.verdict, given.value) == (old.verdict, old.value):
                raise InvalidInput("A rescored answer is another than before.", code="dispute.answer")
            answers[name] = replace(
                old, verdict=given.verdict, value=given.value, rule=HUMAN, reason=ruling.reason.strip()
            )
        # Of what was not asked an n/a may stay; what an answer now opens has to be answered by a new evaluation.
        applying = counting(scorecard, answers)
        faults = [
            fault for fault in validate_answers(scorecard, applying, complete=False) if fault.question in rescored
        ]
        if faults:
            raise InvalidInput(faults[0].message, code="dispute.answer")
        result = tally(scorecard, applying)
        made = replace(
            before, id=new_id(), source=EvaluationSource.HUMAN, evaluator=principal.user_id, created_at=clock.now(),
            answers=result.answers, sections=result.sections, score=result.score, passed=result.passed,
            critical_failures=result.critical_failures, unanswered=result.unanswered,
        )  # fmt: skip
        if before.source is EvaluationSource.HUMAN:
            store.replace_by(uow, before.id)
        # What the rules said stays beside a person's word: agreement is measured by the two.
        kept = store.put_evaluation(
            uow, made,
            Circumstances(
                agent_id=dispute.agent_id or None, about=dispute.id, released_at=made.created_at
            ),
        )  # fmt: skip
        self._reindex(uow, kept.conversation_id, store.list_evaluations(uow, kept.conversation_id))
        return kept

    def _mine(self, uow: UnitOfWork, principal: Principal, evaluation_id: str) -> Held:
        """A released evaluation of one's own work; raises NotFound."""
        principal.require(Right.EVALUATION_ANSWER)
        found = store.held_by_ids(uow, [evaluation_id]).get(evaluation_id)
        if found is not None and found.evaluation.source is EvaluationSource.AUTOMATIC:
            found = self._evaluating.read(uow, principal, evaluation_id)
        if (
            found is None or not found.released or principal.agent_id is None
            or found.circumstances.agent_id != principal.agent_id or found.evaluation.occasion is not Occasion.QUALITY
        ):  # fmt: skip
            raise NotFound("There is no such evaluation.", code="evaluation.none")
        return found


def _judged_by_a_person(uow: UnitOfWork, automatic: Evaluation) -> bool:
    return any(
        each.source is EvaluationSource.HUMAN
        and (each.scorecard, each.segment) == (automatic.scorecard, automatic.segment)
        for each in store.list_evaluations(uow, automatic.conversation_id)
    )
