"""Lists of what people evaluate, within a viewer's reach: assignments, evaluations, disputes, and how many wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from candor.conversation.evaluation import EvaluationSource, Occasion
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.replay import search, store
from candor.replay.model import ConversationRow, Scope
from candor.scoring.assignments.model import Assignment, AssignmentState
from candor.scoring.assignments.store import assignment_of, assignments
from candor.scoring.disputes.model import Dispute, DisputeState, ReplyKind
from candor.scoring.disputes.store import by_ids, disputes, replies
from candor.scoring.store import Held, evaluations, held_of

_t = store.conversation_index
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRow:
    """An assignment and its conversation."""

    assignment: Assignment
    row: ConversationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRow:
    """An evaluation and its conversation."""

    held: Held
    row: ConversationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRow:
    """A dispute, the evaluation it is about, and its conversation."""

    dispute: Dispute
    held: Held
    row: ConversationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for one person."""

    mine: int = 0
    overdue: int = 0
    queue: int = 0
    """In the queue, for whoever takes it."""
    disputes: int = 0
    """Open, and not about an evaluation of one's own."""
    unread: int = 0
    """Released evaluations of one's own work that are not acknowledged."""


def list_assignments(
    uow: UnitOfWork, scope: Scope, *, evaluator: str | None = None, in_queue: bool = False,
    state: AssignmentState | None = AssignmentState.OPEN, not_agent: str | None = None, limit: int = MOST,
) -> tuple[AssignmentRow, ...]:  # fmt: skip
    """By deadline, what is due first; ``not_agent``: without the conversations of this agent."""
    c = assignments.c
    rules: list[Any] = [*search.reach(scope)]
    if state is not None:
        rules.append(c.state == state.value)
    if in_queue:
        rules.append(c.evaluator.is_(None))
    elif evaluator is not None:
        rules.append(c.evaluator == evaluator)
    if not_agent is not None:
        rules.append(sa.or_(c.agent_id.is_(None), c.agent_id != not_agent))
    newest = state is not AssignmentState.OPEN
    order = c.done_at.desc() if newest else c.due_at
    joined = _both(assignments, c.conversation_id).where(*rules).order_by(order, c.id).limit(limit)
    return tuple(
        AssignmentRow(assignment=assignment_of(_part(row, assignments)), row=search.row_of(_part(row, _t)))
        for row in uow.execute(joined)
    )


def list_evaluations(
    uow: UnitOfWork, scope: Scope, *, agent_id: str | None = None, evaluator: str | None = None,
    released: bool | None = None, occasions: Sequence[Occasion] = (Occasion.QUALITY,), limit: int = MOST,
    not_agent: str | None = None, include_superseded: bool = False,
) -> tuple[EvaluationRow, ...]:  # fmt: skip
    """By people, the newest first; what was replaced only on request."""
    c = evaluations.c
    rules: list[Any] = [
        *search.reach(scope), c.source == EvaluationSource.HUMAN.value,
        c.occasion.in_([each.value for each in occasions]),
    ]  # fmt: skip
    if not include_superseded:
        rules.append(c.superseded.is_(False))
    if agent_id is not None:
        rules.append(c.agent_id == agent_id)
    if not_agent is not None:
        rules.append(sa.or_(c.agent_id.is_(None), c.agent_id != not_agent))
    if evaluator is not None:
        rules.append(c.evaluator == evaluator)
    if released is not None:
        rules.append(c.released_at.is_not(None) if released else c.released_at.is_(None))
    joined = _both(evaluations, c.conversation_id).where(*rules).order_by(c.created_at.desc(), c.id.desc())
    return tuple(
        EvaluationRow(held=held_of(_part(row, evaluations)), row=search.row_of(_part(row, _t)))
        for row in uow.execute(joined.limit(limit))
    )


def list_disputes(
    uow: UnitOfWork, scope: Scope, *, state: DisputeState | None = None, by: str | None = None,
    not_agent: str | None = None, limit: int = MOST,
) -> tuple[DisputeRow, ...]:  # fmt: skip
    """Open ones the longest waiting first, others the newest first."""
    c = disputes.c
    rules: list[Any] = [*search.reach(scope)]
    if state is not None:
        rules.append(c.state == state.value)
    if by is not None:
        rules.append(c.by == by)
    if not_agent is not None:
        rules.append(c.agent_id != not_agent)
    order = c.opened_at if state is DisputeState.OPEN else c.opened_at.desc()
    query = (
        sa.select(c.id.label("dispute_id"), *_named(evaluations), *_named(_t))
        .join(evaluations, evaluations.c.id == c.evaluation_id)
        .join(_t, _t.c.id == c.conversation_id)
        .where(*rules)
        .order_by(order, c.id)
        .limit(limit)
    )
    rows = uow.execute(query).all()
    found = by_ids(uow, [row.dispute_id for row in rows])
    return tuple(
        DisputeRow(
            dispute=found[row.dispute_id], held=held_of(_part(row, evaluations)), row=search.row_of(_part(row, _t))
        )
        for row in rows
    )  # fmt: skip


def waiting(
    uow: UnitOfWork, scope: Scope, user_id: str, agent_id: str | None, *, evaluates: bool, reviews: bool,
    answers: bool,
) -> Waiting:  # fmt: skip
    """Counts for one person, by what they may do."""
    a, d, e = assignments.c, disputes.c, evaluations.c
    open_ = a.state == AssignmentState.OPEN.value
    mine = overdue = queue = disputed = unread = 0
    if evaluates or answers:
        late = sa.func.coalesce(sa.func.sum(sa.case((a.due_at < clock.to_column(clock.now()), 1), else_=0)), 0)
        row = uow.execute(sa.select(sa.func.count(), late).where(a.evaluator == user_id, open_)).one()
        mine, overdue = int(row[0]), int(row[1])
    if evaluates:
        rules = [open_, a.evaluator.is_(None), *_others(a.agent_id, agent_id)]
        queue = _count(uow, assignments, a.conversation_id, [*rules, *search.reach(scope)])
    if reviews:
        query = sa.select(sa.func.count()).select_from(
            disputes.join(evaluations, e.id == d.evaluation_id).join(_t, _t.c.id == d.conversation_id)
        )  # fmt: skip
        rules = [
            d.state == DisputeState.OPEN.value, sa.or_(e.evaluator.is_(None), e.evaluator != user_id), d.by != user_id,
            *_others(d.agent_id, agent_id), *search.reach(scope),
        ]  # fmt: skip
        disputed = int(uow.execute(query.where(*rules)).scalar_one())
    if answers and agent_id is not None:
        read = sa.exists().where(
            replies.c.evaluation_id == e.id, replies.c.by == user_id, replies.c.kind == ReplyKind.ACKNOWLEDGED.value
        )  # fmt: skip
        rules = [
            e.agent_id == agent_id, e.released_at.is_not(None), e.occasion == Occasion.QUALITY.value,
            e.superseded.is_(False), ~read,
        ]  # fmt: skip
        unread = int(uow.execute(sa.select(sa.func.count()).select_from(evaluations).where(*rules)).scalar_one())
    return Waiting(mine=mine, overdue=overdue, queue=queue, disputes=disputed, unread=unread)


def _others(column: Any, agent_id: str | None) -> list[Any]:
    return [] if agent_id is None else [sa.or_(column.is_(None), column != agent_id)]


def _count(uow: UnitOfWork, table: sa.Table, key: Any, rules: Sequence[Any]) -> int:
    query = sa.select(sa.func.count()).select_from(table.join(_t, _t.c.id == key)).where(*rules)
    return int(uow.execute(query).scalar_one())


def _named(table: sa.Table) -> list[Any]:
    return [column.label(f"{table.name}__{column.name}") for column in table.c]


def _both(table: sa.Table, key: Any) -> sa.Select[Any]:
    return sa.select(*_named(table), *_named(_t)).join_from(table, _t, _t.c.id == key)


class _part:  # noqa: N801  reads like the row it stands for
    """One table's columns of a joined row."""

    def __init__(self, row: Any, table: sa.Table) -> None:
        self._row, self._prefix = row._mapping, f"{table.name}__"  # noqa: SLF001  SQLAlchemy's public name

    def __getattr__(self, name: str) -> Any:
        return self._row[self._prefix + name]
