"""What answers cost, by question, beside the list's rows: what gaps, effects and suggestions are read from.

A projection, kept by :class:`candor.replay.index.Index` in the same unit of work as the list: of each conversation the
newest automatic evaluation and the newest one by a person, by scorecard. The two are kept apart and never added up.
What was made for another occasion, or about one leg alone, is not in it, and no answer that is only suggested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    tuple_,
)
from sqlalchemy.sql.elements import ColumnElement

from candor.coaching.gaps import Tally
from candor.conversation.evaluation import Evaluation, EvaluationSource, Occasion
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.replay import search, store
from candor.replay.model import Scope, Status
from candor.scoring import points
from candor.scoring import store as scorecards

_Key = BigInteger().with_variant(Integer, "sqlite")

measured_evaluation = Table(
    "measured_evaluation",
    metadata,
    Column("search_rowid", _Key, primary_key=True, autoincrement=False),
    Column("source", String(16), primary_key=True),
    Column("scorecard", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("evaluation_id", String(36), nullable=False),
    Column("score", Float),
    Index("ix_measured_evaluation_evaluation_id", "evaluation_id"),
)

measured_answer = Table(
    "measured_answer",
    metadata,
    Column("search_rowid", _Key, primary_key=True, autoincrement=False),
    Column("source", String(16), primary_key=True),
    Column("scorecard", String(64), primary_key=True),
    Column("question", String(64), primary_key=True),
    # The part of the question's points that was not given, 0 to 1.
    Column("lost", Float, nullable=False),
    Column("confidence", Float, nullable=False),
)

_c, _e, _a = store.conversation_index.c, measured_evaluation.c, measured_answer.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Calls that began in it; ``until`` is exclusive. Aware; None: without end."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Answers of one agent in one team, added up."""

    agent_id: str
    team: str | None
    scorecard: str
    question: str
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Scores of one week."""

    start: int
    """Unix time."""
    n: int
    total: float
    squares: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An answer that a clip could show."""

    conversation_id: str
    evaluation_id: str
    agent_id: str | None
    scorecard: str
    question: str
    started_at: datetime
    confidence: float
    score: float | None


# ---- keeping it ----


def put(uow: UnitOfWork, rowid: int, evaluations: Iterable[Evaluation]) -> None:
    """Replace what is known of one row of the list."""
    drop(uow, rowid)
    newest: dict[tuple[str, str], Evaluation] = {}
    for one in evaluations:
        if one.occasion is Occasion.QUALITY and one.segment is None:
            key = (one.source.value, one.scorecard)
            if key not in newest or one.created_at > newest[key].created_at:
                newest[key] = one
    for one in newest.values():
        place = {"search_rowid": rowid, "source": one.source.value, "scorecard": one.scorecard}
        uow.execute(
            insert(measured_evaluation).values(
                **place, version=one.scorecard_version, evaluation_id=one.id, score=one.score
            )
        )
        rows = [
            {**place, "question": question, "lost": lost, "confidence": sure}
            for question, lost, sure in _answers(uow, one)
        ]
        if rows:
            uow.execute(insert(measured_answer), rows)


def drop(uow: UnitOfWork, rowid: int) -> None:
    """Forget a row's."""
    for table in (measured_answer, measured_evaluation):
        uow.execute(delete(table).where(table.c.search_rowid == rowid))


def missing(uow: UnitOfWork, limit: int) -> list[str]:
    """Conversations with an evaluation that stands and is not in here yet: those from before this projection."""
    held, known = scorecards.evaluations.c, measured_evaluation.c
    conditions = [held.superseded.is_(False), held.source == EvaluationSource.AUTOMATIC.value]
    query = (
        select(held.conversation_id)
        .join(store.conversation_index, _c.id == held.conversation_id)
        .where(*conditions, _c.status == Status.READY.value, held.id.not_in(select(known.evaluation_id)))
        .distinct()
        .limit(limit)
    )
    return list(uow.execute(query).scalars())


def _answers(uow: UnitOfWork, evaluation: Evaluation) -> Iterable[tuple[str, float, float]]:
    """(question, lost share, confidence) of what counts."""
    try:
        scorecard = scorecards.get_scorecard(uow, evaluation.scorecard, evaluation.scorecard_version)
    except NotFound:
        return  # an evaluation that came with a backup, without its scorecard: nothing says what its answers are worth
    for answer in evaluation.answers:
        question = scorecard.question(answer.question)
        earned = None if question is None or answer.suggested else points.share(question, answer)
        if earned is not None:
            yield answer.question, 1.0 - earned, answer.confidence


# ---- reading it ----


def by_question(
    uow: UnitOfWork, scope: Scope, period: Period, source: str, *, agents: Sequence[str] | None = None
) -> list[Counted]:
    """Every agent's answers within reach, added up by question and by the team the calls were of."""
    query = (
        select(
            _c.agent_id, _c.team, _a.scorecard, _a.question, func.count().label("n"), func.sum(_a.lost).label("lost")
        )
        .join(measured_answer, _a.search_rowid == _c.search_rowid)
        .where(_a.source == source, *_within(scope, period, agents))
        .group_by(_c.agent_id, _c.team, _a.scorecard, _a.question)
    )
    return [
        Counted(
            agent_id=row.agent_id, team=row.team, scorecard=row.scorecard, question=row.question,
            tally=Tally(n=row.n, lost=float(row.lost)),
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def pooled(
    uow: UnitOfWork, scope: Scope, period: Period, source: str, questions: Sequence[tuple[str, str]],
    *, agents: Sequence[str] | None = None,
) -> list[Counted]:  # fmt: skip
    """The same of several (scorecard, question) as one: each conversation counts once, with the mean of its answers.

    Answers of one conversation are alike: counted one by one, they would seem to say more than they do.
    """
    each = (
        select(_c.agent_id, _c.team, func.avg(_a.lost).label("lost"))
        .join(measured_answer, _a.search_rowid == _c.search_rowid)
        .where(_a.source == source, tuple_(_a.scorecard, _a.question).in_(questions), *_within(scope, period, agents))
        .group_by(_c.search_rowid, _c.agent_id, _c.team)
        .subquery()
    )
    query = select(
        each.c.agent_id, each.c.team, func.count().label("n"), func.sum(each.c.lost).label("lost")
    ).group_by(each.c.agent_id, each.c.team)  # fmt: skip
    return [
        Counted(
            agent_id=row.agent_id, team=row.team, scorecard="", question="",
            tally=Tally(n=row.n, lost=float(row.lost)),
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def weeks(uow: UnitOfWork, scope: Scope, period: Period, source: str, agent_id: str) -> list[Week]:
    """One agent's scores, week by week (from Mondays, UTC), in order."""
    day = 86_400
    # 1 January 1970 was a Thursday: three days later weeks begin on Mondays.
    week = (_c.search_rowid // store.SERIALS + 3 * day) // (7 * day)
    query = (
        select(
            week.label("week"), func.count(_e.score).label("n"), func.sum(_e.score).label("total"),
            func.sum(_e.score * _e.score).label("squares"),
        )
        .join(measured_evaluation, _e.search_rowid == _c.search_rowid)
        .where(_e.source == source, _e.score.is_not(None), *_within(scope, period, (agent_id,)))
        .group_by("week")
        .order_by("week")
    )  # fmt: skip
    return [
        Week(start=int(row.week) * 7 * day - 3 * day, n=row.n, total=float(row.total), squares=float(row.squares))
        for row in uow.execute(query)
    ]


def candidates(
    uow: UnitOfWork, scope: Scope, period: Period, source: str, questions: Sequence[tuple[str, str]], *, good: bool,
    sure: float, limit: int, agents: Sequence[str] | None = None, not_agent: str | None = None,
) -> list[Candidate]:  # fmt: skip
    """Answers that got all of their points (``good``) or none, the surest first, then the best or worst calls."""
    conditions: list[ColumnElement[bool]] = [_a.lost <= 0.0 if good else _a.lost >= 1.0, _a.confidence >= sure]
    if not_agent is not None:
        conditions.append(_c.agent_id != not_agent)
    best = _e.score.desc() if good else _e.score.asc()
    query = (
        select(_c.id, _c.agent_id, _c.started_at, _e.evaluation_id, _e.score, _a.scorecard, _a.question, _a.confidence)
        .join(measured_answer, _a.search_rowid == _c.search_rowid)
        .join(
            measured_evaluation,
            (_e.search_rowid == _a.search_rowid) & (_e.source == _a.source) & (_e.scorecard == _a.scorecard),
        )
        .where(_a.source == source, tuple_(_a.scorecard, _a.question).in_(questions), *conditions)
        .where(*_within(scope, period, agents))
        .order_by(_a.confidence.desc(), best, _c.search_rowid.desc())
        .limit(limit)
    )
    return [
        Candidate(
            conversation_id=row.id, evaluation_id=row.evaluation_id, agent_id=row.agent_id, scorecard=row.scorecard,
            question=row.question, started_at=clock.from_column(row.started_at), confidence=row.confidence,
            score=row.score,
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def _within(scope: Scope, period: Period, agents: Sequence[str] | None) -> list[ColumnElement[bool]]:
    rules: list[Any] = [*search.reach(scope), _c.agent_id.is_not(None), _c.status != Status.QUARANTINED.value]
    if period.since is not None:
        rules.append(_c.search_rowid >= store.first_rowid(period.since))
    if period.until is not None:
        rules.append(_c.search_rowid < store.first_rowid(period.until))
    if agents is not None:
        rules.append(_c.agent_id.in_(list(agents)))
    return rules
