"""A person's word on a score: overriding an automatic answer, kept apart from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.evaluation import AnswerKind, Evaluation, EvaluationSource, Verdict
from candor.errors import Conflict, NotFound
from candor.kit.database import UnitOfWork
from candor.scoring import service, store
from candor.scoring.forms import store as forms
from candor.scoring.forms.model import read_given
from candor.scoring.model import Scorecard


class Scores:
    """Scorecards and overrides; ``reindex`` tells the list of a conversation's new score."""

    def __init__(self, reindex: Callable[[UnitOfWork, str, tuple[Evaluation, ...]], None]) -> None:
        self._reindex = reindex

    def scorecard(self, uow: UnitOfWork, scorecard_id: str, version: int | None = None) -> Scorecard:
        """A scorecard, by version or the active one; raises NotFound."""
        return store.get_scorecard(uow, scorecard_id, version)

    def override(
        self, uow: UnitOfWork, conversation_id: str, scorecard_id: str, question: str, verdict: Verdict, reason: str,
        principal: Principal, *, value: Any = None,
    ) -> Evaluation:  # fmt: skip
        """This person's answer to one question, with the reason; the automatic evaluation stays as it is.

        ``value``: what answers a question that is not yes/no, as a form gives it. Raises Forbidden, NotFound (no
        automatic evaluation yet), InvalidInput (no reason, no such question, an answer that does not fit it).
        """
        principal.require(Right.SCORE_OVERRIDE)
        judged = [
            evaluation
            for evaluation in store.list_evaluations(uow, conversation_id)
            if evaluation.source is EvaluationSource.AUTOMATIC and evaluation.scorecard == scorecard_id
        ]
        automatic = next((each for each in judged if each.segment is None), None)
        if automatic is None and judged:
            raise Conflict(
                "Each leg of this conversation was judged by itself.", code="evaluation.by_leg",
                advice="Evaluate the leg with a form.",
            )  # fmt: skip
        if automatic is None:
            raise NotFound("The conversation has not been scored with this scorecard.", code="scoring.none")
        if forms.blinded(uow, conversation_id, principal.user_id):
            raise Conflict(
                "You are evaluating this conversation blind: submit the form first.", code="evaluation.blind"
            )
        base = store.base_for_override(uow, automatic.id, principal.user_id)
        scorecard = store.get_scorecard(uow, base.scorecard, base.scorecard_version)
        asked = scorecard.question(question)
        if asked is not None and verdict is Verdict.ANSWERED:
            if isinstance(value, list) and asked.kind is not AnswerKind.MULTI_CHOICE:
                value = None
            value = read_given(asked, {"value": value}).value
        else:
            value = None
        made = service.override(base, question, verdict, reason, principal.user_id, scorecard, value=value)
        kept = store.put_evaluation(uow, made)
        audit.record(
            uow, Event.OVERRIDDEN, principal.user_id, conversation_id=conversation_id, subject=question, reason=reason
        )
        self._reindex(uow, conversation_id, store.list_evaluations(uow, conversation_id))
        return kept
