"""Evaluations of a period, within the viewer's reach, as reports read them: over the tables of several rooms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from candor.conversation.codec import loads
from candor.conversation.evaluation import Evaluation, EvaluationSource, Occasion
from candor.kit.database import UnitOfWork, metadata
from candor.replay import search, store
from candor.replay.model import ConversationFilter, Scope, Status
from candor.scoring import marks
from candor.scoring import store as scoring
from candor.scoring.agreement.store import COMPARED
from candor.scoring.model import Scorecard
from candor.scoring.reports.model import Compared, Disputed, Judged

_t, _e = store.conversation_index, scoring.evaluations


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFilter:
    """What a report is about."""

    scorecard: str
    since: datetime
    until: datetime
    """By the beginning of the conversations; aware, exclusive."""
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


def _conditions(wanted: ReportFilter, scope: Scope) -> list[Any]:
    asked = ConversationFilter(
        since=wanted.since, until=wanted.until, teams=wanted.teams, queues=wanted.queues, agents=wanted.agents,
        statuses=(Status.READY,),
    )  # fmt: skip
    return list(search.conditions(asked, scope))


def conversations(uow: UnitOfWork, wanted: ReportFilter, scope: Scope) -> int:
    """How many there were: processed and open to be judged."""
    query = select(func.count()).select_from(_t).where(*_conditions(wanted, scope))
    return int(uow.execute(query).scalar_one())


def judged(uow: UnitOfWork, wanted: ReportFilter, scope: Scope, scorecard: Scorecard) -> Iterator[Judged]:
    """Each evaluation that stands and counts in scores; ``scorecard`` reads those of releases that kept no marks."""
    # Of a leg its own agent is judged, who may be another than the conversation's.
    agent = func.coalesce(case((_e.c.segment.is_not(None), _e.c.agent_id)), _t.c.agent_id)
    query = (
        _of(wanted, scope)
        .where(_e.c.superseded.is_(False), _e.c.occasion == Occasion.QUALITY.value)
        .with_only_columns(
            _e.c.conversation_id, _t.c.started_at, _e.c.source, _e.c.version, _e.c.evaluator, _e.c.score, _e.c.passed,
            _e.c.critical_failed, _e.c.marks, agent, case((agent == _t.c.agent_id, _t.c.agent)), _t.c.team, _e.c.id,
        )
    )  # fmt: skip
    for *row, evaluation_id in uow.execute(query):
        found = Judged(*row)
        yield found if found.marks is not None else found._replace(marks=_marks(uow, evaluation_id, scorecard))


def compared(uow: UnitOfWork, wanted: ReportFilter, scope: Scope) -> list[Compared]:
    """Blind scores of people beside the automatic ones of the same conversation and version, both over all of it.

    The last that each person gave, whatever a dispute made of it: it is they who are looked at.
    """
    other = _e.alias("automatic")
    query = (
        _of(wanted, scope)
        .join(
            other,
            (other.c.conversation_id == _e.c.conversation_id)
            & (other.c.scorecard == _e.c.scorecard)
            & (other.c.version == _e.c.version)
            & (other.c.source == EvaluationSource.AUTOMATIC.value)
            & other.c.superseded.is_(False)
            & other.c.segment.is_(None),
        )
        .where(
            _e.c.source == EvaluationSource.HUMAN.value, _e.c.blind.is_(True),
            _e.c.occasion.in_([each.value for each in COMPARED]), _e.c.segment.is_(None), _e.c.score.is_not(None),
            other.c.score.is_not(None),
        )
        .with_only_columns(_e.c.conversation_id, _e.c.evaluator, _e.c.score, other.c.score)
        .order_by(_e.c.created_at, _e.c.id)
    )  # fmt: skip
    last = {(row[0], row[1]): Compared(*row[1:]) for row in uow.execute(query)}
    return list(last.values())


def disputed(uow: UnitOfWork, wanted: ReportFilter, scope: Scope) -> list[Disputed]:
    """Answers of these evaluations that agents contested and did not withdraw."""
    disputes, questions = metadata.tables["dispute"], metadata.tables["dispute_question"]
    query = (
        _of(wanted, scope)
        .join(disputes, disputes.c.evaluation_id == _e.c.id)
        .join(questions, questions.c.dispute_id == disputes.c.id)
        .where(disputes.c.state != "withdrawn")
        .with_only_columns(disputes.c.id, questions.c.question, questions.c.outcome)
    )
    return [Disputed(*row) for row in uow.execute(query)]


def _of(wanted: ReportFilter, scope: Scope) -> Select[Any]:
    joined = _e.join(_t, _t.c.id == _e.c.conversation_id)
    return select(_e.c.id).select_from(joined).where(_e.c.scorecard == wanted.scorecard, *_conditions(wanted, scope))


def _marks(uow: UnitOfWork, evaluation_id: str, scorecard: Scorecard) -> str:
    text = uow.execute(select(_e.c.json).where(_e.c.id == evaluation_id)).scalar_one()
    return marks.write(marks.marks_of(loads(Evaluation, text), scorecard))
