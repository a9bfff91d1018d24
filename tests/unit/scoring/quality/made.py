"""A small scorecard, and evaluations of it as the product makes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from candor.conversation.evaluation import (
    Answer,
    AnswerKind,
    Evaluation,
    EvaluationSource,
    Occasion,
    Value,
    Verdict,
)
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id
from candor.scoring import store
from candor.scoring.model import Option, Question, Says, Scale, ScaleMetric, Scorecard, Section
from candor.scoring.points import tally

HELLO = Question(id="hello", text="Does the agent greet?", weight=2, rule=Says(phrases=("hello",)))
BYE = Question(id="bye", text="Does the agent say goodbye?", weight=1, rule=Says(phrases=("bye",)))
TONE = Question(
    id="tone", text="How warm does it sound?", weight=1, kind=AnswerKind.RANGE,
    scale=Scale(low=1, high=5, metric=ScaleMetric(name="talk_share", low_at=0.0, high_at=1.0)),
)  # fmt: skip
WHY = Question(
    id="why", text="Why did they call?", weight=1, kind=AnswerKind.CHOICE,
    options=(Option(id="bill", label="Bill", share=1.0), Option(id="other", label="Other")),
)  # fmt: skip
CARD = Scorecard(
    id="house", version=1, title="House", languages=("en",), pass_mark=70, floor=0.5,
    sections=(Section(id="all", title="All", weight=1, questions=(HELLO, BYE, TONE, WHY)),),
)  # fmt: skip


def answers(given: dict[str, Value | Verdict], *, rule: str = "rules") -> dict[str, Answer]:
    """By question: a verdict, or a value."""
    return {
        name: Answer(
            question=name, verdict=one if isinstance(one, Verdict) else Verdict.ANSWERED,
            value=None if isinstance(one, Verdict) else one, evidence=(), confidence=1.0, rule=rule, points=None,
        )
        for name, one in given.items()
    }  # fmt: skip


def evaluation(
    given: dict[str, Value | Verdict], *, conversation: str, evaluator: str | None = None, card: Scorecard = CARD,
    at: datetime | None = None, occasion: Occasion = Occasion.QUALITY, transcript: str | None = None,
) -> Evaluation:  # fmt: skip
    """An automatic one without ``evaluator``; what is not given is n/a."""
    full = {question.id: Verdict.NOT_APPLICABLE for question in card.questions} | given
    result = tally(card, answers(full, rule="human" if evaluator else "rules"))
    return Evaluation(
        id=new_id(), conversation_id=conversation, scorecard=card.id, scorecard_version=card.version,
        source=EvaluationSource.HUMAN if evaluator else EvaluationSource.AUTOMATIC, evaluator=evaluator,
        created_at=at or clock.now(), occasion=occasion, transcript_id=transcript, answers=result.answers,
        sections=result.sections, score=result.score, passed=result.passed,
        critical_failures=result.critical_failures, unanswered=result.unanswered,
    )  # fmt: skip


def keep(uow: UnitOfWork, one: Evaluation, *, blind: bool = True, about: str | None = None) -> Evaluation:
    """As forms and stages keep it."""
    if one.source is EvaluationSource.AUTOMATIC:
        return store.put_evaluation(uow, one)
    made = store.Circumstances(blind=blind, about=about, released_at=one.created_at)
    return store.put_evaluation(uow, one, made)


def reweighted(card: Scorecard, version: int) -> Scorecard:
    """The next version, in which only weights and guidance changed."""
    (section,) = card.sections
    questions = tuple(
        replace(question, weight=question.weight + 1, guidance="Listen twice.") for question in section.questions
    )
    return replace(card, version=version, sections=(replace(section, questions=questions),))
