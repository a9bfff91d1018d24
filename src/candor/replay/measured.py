"""What answers cost, by question, beside the list's rows: what gaps, effects and suggestions are read from.

A projection, kept by :class:`candor.replay.index.Index` in the same unit of work as the list: of each conversation the
newest automatic evaluation and the newest one by a person, by scorecard. The two are kept apart and never added up.
What was made for another occasion is not in it, and no answer that is only suggested. What is about one leg counts for
the agent who had it, and the whole of such a conversation does not count beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
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
    or_,
    select,
    tuple_,
    union,
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
from candor.scoring.model import Scorecard

NOBODY = ""
"""In place of the agent of a leg of which nobody knows whose it was."""
_Key = BigInteger().with_variant(Integer, "sqlite")

measured_evaluation = Table(
    "measured_evaluation",
    metadata,
    Column("search_rowid", _Key, primary_key=True, autoincrement=False),
    Column("source", String(16), primary_key=True),
    Column("scorecard", String(64), primary_key=True),
    Column("segment", String(64), primary_key=True, server_default=""),
    # Whose leg it is; NULL: it is about the whole, and counts for the conversation's own agent.
    Column("agent_id", String(255)),
    Column("version", Integer, nullable=False),
    Column("evaluation_id", String(36), nullable=False),
    Column("score", Float),
    Index("ix_measured_evaluation_evaluation_id", "evaluation_id"),
    Index("ix_measured_evaluation_agent_id", "agent_id"),
)

measured_answer = Table(
    "measured_answer",
    metadata,
    Column("search_rowid", _Key, primary_key=True, autoincrement=False),
    Column("source", String(16), primary_key=True),
    Column("scorecard", String(64), primary_key=True),
    Column("segment", String(64), primary_key=True, server_default=""),
    Column("question", String(64), primary_key=True),
    Column("agent_id", String(255)),
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
    """Scores of one week by one scorecard: those of two are not the same figure."""

    scorecard: str
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
    put_all(uow, {rowid: evaluations})


def put_all(uow: UnitOfWork, judged: Mapping[int, Iterable[Evaluation]]) -> None:
    """Replace what is known of some rows of the list."""
    drop(uow, *judged)
    made: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    read = cache(partial(_scorecard, uow))
    given = {rowid: _counted(evaluations) for rowid, evaluations in judged.items()}
    whose = scorecards.agents_of(uow, [one.id for each in given.values() for one in each if one.segment is not None])
    for rowid, counted in given.items():
        for one in counted:
            place = {
                "search_rowid": rowid, "source": one.source.value, "scorecard": one.scorecard,
                "segment": one.segment or "",
                "agent_id": None if one.segment is None else whose.get(one.id) or NOBODY,
            }  # fmt: skip
            made.append({**place, "version": one.scorecard_version, "evaluation_id": one.id, "score": one.score})
            answers += [
                {**place, "question": question, "lost": lost, "confidence": sure}
                for question, lost, sure in _answers(one, read(one.scorecard, one.scorecard_version))
            ]
    if made:
        uow.execute(insert(measured_evaluation), made)
    if answers:
        uow.execute(insert(measured_answer), answers)


def _counted(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The newest by each source and scorecard: of every leg, where legs were judged, else of the whole."""
    newest: dict[tuple[str, str, str | None], Evaluation] = {}
    for one in evaluations:
        key = (one.source.value, one.scorecard, one.segment)
        if one.occasion is Occasion.QUALITY and (key not in newest or one.created_at > newest[key].created_at):
            newest[key] = one
    by_leg = {(source, scorecard) for source, scorecard, segment in newest if segment is not None}
    return [one for (*place, segment), one in newest.items() if segment is not None or tuple(place) not in by_leg]


def drop(uow: UnitOfWork, *rowids: int) -> None:
    """Forget what is known of some rows."""
    for table in (measured_answer, measured_evaluation):
        uow.execute(delete(table).where(table.c.search_rowid.in_(rowids)))


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


def _scorecard(uow: UnitOfWork, scorecard: str, version: int) -> Scorecard | None:
    try:
        return scorecards.get_scorecard(uow, scorecard, version)
    except NotFound:
        return None


def _answers(evaluation: Evaluation, scorecard: Scorecard | None) -> Iterable[tuple[str, float, float]]:
    """(question, lost share, confidence) of what counts."""
    if scorecard is None:
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
        select(_agent(_a), _c.team, _a.scorecard, _a.question, func.count().label("n"), func.sum(_a.lost).label("lost"))
        .join(measured_answer, _a.search_rowid == _c.search_rowid)
        .where(_a.source == source, *_within(scope, period, agents, _a))
        .group_by(_agent(_a), _c.team, _a.scorecard, _a.question)
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
        select(_agent(_a), _c.team, func.avg(_a.lost).label("lost"))
        .join(measured_answer, _a.search_rowid == _c.search_rowid)
        .where(_a.source == source, tuple_(_a.scorecard, _a.question).in_(questions))
        .where(*_within(scope, period, agents, _a))
        .group_by(_c.search_rowid, _agent(_a), _c.team)
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
    """One agent's scores by each scorecard, week by week (from Mondays, UTC), in order."""
    day = 86_400
    # 1 January 1970 was a Thursday: three days later weeks begin on Mondays.
    week = (_c.search_rowid // store.SERIALS + 3 * day) // (7 * day)
    query = (
        select(
            _e.scorecard, week.label("week"), func.count(_e.score).label("n"), func.sum(_e.score).label("total"),
            func.sum(_e.score * _e.score).label("squares"),
        )
        .join(measured_evaluation, _e.search_rowid == _c.search_rowid)
        .where(_e.source == source, _e.score.is_not(None), *_within(scope, period, (agent_id,), _e))
        .group_by(_e.scorecard, "week")
        .order_by(_e.scorecard, "week")
    )  # fmt: skip
    return [
        Week(
            scorecard=row.scorecard, start=int(row.week) * 7 * day - 3 * day, n=row.n, total=float(row.total),
            squares=float(row.squares),
        )
        for row in uow.execute(query)
    ]  # fmt: skip


def candidates(
    uow: UnitOfWork, scope: Scope, period: Period, source: str, questions: Sequence[tuple[str, str]], *, good: bool,
    sure: float, limit: int, agents: Sequence[str] | None = None, not_agent: str | None = None,
) -> list[Candidate]:  # fmt: skip
    """Answers that got all of their points (``good``) or none, the surest first, then the best or worst calls."""
    conditions: list[ColumnElement[bool]] = [_a.lost <= 0.0 if good else _a.lost >= 1.0, _a.confidence >= sure]
    if not_agent is not None:
        conditions.append(func.coalesce(_e.agent_id, _c.agent_id) != not_agent)
    best = _e.score.desc() if good else _e.score.asc()
    query = (
        select(_c.id, _agent(_e), _c.started_at, _e.evaluation_id, _e.score, _a.scorecard, _a.question, _a.confidence)
        .join(measured_answer, _a.search_rowid == _c.search_rowid)
        .join(
            measured_evaluation,
            (_e.search_rowid == _a.search_rowid)
            & (_e.source == _a.source)
            & (_e.scorecard == _a.scorecard)
            & (_e.segment == _a.segment),
        )
        .where(_a.source == source, tuple_(_a.scorecard, _a.question).in_(questions), *conditions)
        .where(*_within(scope, period, agents, _e))
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


def _agent(of: Any) -> Any:
    """Whose it counts for."""
    return func.coalesce(of.agent_id, _c.agent_id).label("agent_id")


def _within(scope: Scope, period: Period, agents: Sequence[str] | None, of: Any) -> list[ColumnElement[bool]]:
    """Reach, period, and whose; ``of``: the table that says whose leg it is."""
    known = or_(of.agent_id != NOBODY, of.agent_id.is_(None) & _c.agent_id.is_not(None))
    rules: list[Any] = [*search.reach(scope), known, _c.status != Status.QUARANTINED.value]
    if period.since is not None:
        rules.append(_c.search_rowid >= store.first_rowid(period.since))
    if period.until is not None:
        rules.append(_c.search_rowid < store.first_rowid(period.until))
    if agents is not None:
        whose, calls, legs = list(agents), store.conversation_index.alias(), measured_evaluation.alias()
        # Found by their indexes first: over two tables "or" would read everybody's of the period.
        theirs = union(
            select(calls.c.search_rowid).where(calls.c.agent_id.in_(whose)),
            select(legs.c.search_rowid).where(legs.c.agent_id.in_(whose)),
        )
        rules.append(_c.search_rowid.in_(theirs))
        rules.append(or_(of.agent_id.in_(whose), of.agent_id.is_(None) & _c.agent_id.in_(whose)))
    return rules
