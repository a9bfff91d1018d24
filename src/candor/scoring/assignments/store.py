"""Plans, draws and assignments in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Index, Integer, String, Table, Text, UniqueConstraint

from candor.conversation.codec import dumps, loads
from candor.conversation.evaluation import Occasion
from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.scoring.assignments.model import Assignment, AssignmentState, DrawRecord, PlanRecord
from candor.scoring.sampling import Plan, Shortfall

plans = Table(
    "evaluation_plan",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("json", Text, nullable=False),
)

draws = Table(
    "evaluation_draw",
    metadata,
    # The key is what makes the draw at a period's end happen once, whoever does it and whoever is killed.
    Column("plan_id", String(36), primary_key=True),
    Column("period", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime, nullable=False),
    Column("json", Text, nullable=False),
)

assignments = Table(
    "evaluation_assignment",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("agent_id", String(255)),
    Column("scorecard", String(64), nullable=False),
    Column("occasion", String(16), nullable=False),
    Column("evaluator", String(64)),
    Column("state", String(16), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("due_at", DateTime, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("release", String(16), nullable=False),
    Column("plan_id", String(36)),
    Column("period", String(16)),
    Column("why", String(200), nullable=False),
    Column("segment", String(64)),
    Column("about", String(36)),
    Column("done_at", DateTime),
    Column("evaluation_id", String(36)),
    Column("reason", Text, nullable=False),
    # NULL is equal to nothing: those that no plan drew are not bound by it.
    UniqueConstraint("plan_id", "conversation_id", "occasion", name="uq_evaluation_assignment_drawn"),
    Index("ix_evaluation_assignment_evaluator", "evaluator", "state", "due_at"),
    Index("ix_evaluation_assignment_state", "state", "due_at"),
    Index("ix_evaluation_assignment_conversation_id", "conversation_id"),
)
_MOMENTS = ("created_at", "due_at", "done_at")


def put_plan(uow: UnitOfWork, plan: Plan, owner: str) -> None:
    """Keep a plan in place of what it was."""
    values = {
        "owner": owner, "active": plan.active, "changed_at": clock.to_column(clock.now()),
        "json": dumps(plan).decode(),
    }  # fmt: skip
    done = uow.execute(sa.update(plans).where(plans.c.id == plan.id).values(**values))
    if not done.rowcount:
        uow.execute(sa.insert(plans).values(id=plan.id, **values))


def plan(uow: UnitOfWork, plan_id: str) -> PlanRecord:
    """One plan; raises NotFound."""
    row = uow.execute(sa.select(plans).where(plans.c.id == plan_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such sampling plan.", code="plan.none")
    return _plan(row)


def list_plans(uow: UnitOfWork, *, active_only: bool = False) -> tuple[PlanRecord, ...]:
    """All plans, the active ones first, the oldest first."""
    query = sa.select(plans).order_by(plans.c.active.desc(), plans.c.id)
    if active_only:
        query = query.where(plans.c.active)
    return tuple(_plan(row) for row in uow.execute(query))


def _plan(row: Any) -> PlanRecord:
    return PlanRecord(plan=loads(Plan, row.json), owner=row.owner, changed_at=clock.from_column(row.changed_at))


def put_draw(uow: UnitOfWork, draw: DrawRecord) -> bool:
    """Keep a draw; False when that one has been made already."""
    key = (draws.c.plan_id == draw.plan_id, draws.c.period == draw.period, draws.c.number == draw.number)
    if uow.execute(sa.select(draws.c.number).where(*key)).first() is not None:
        return False
    uow.execute(
        sa.insert(draws).values(
            plan_id=draw.plan_id, period=draw.period, number=draw.number, at=clock.to_column(draw.at),
            json=dumps(draw).decode(),
        )
    )  # fmt: skip
    return True


def list_draws(uow: UnitOfWork, plan_id: str, limit: int = 50) -> tuple[DrawRecord, ...]:
    """The draws of a plan, the newest first."""
    query = sa.select(draws.c.json).where(draws.c.plan_id == plan_id).order_by(draws.c.at.desc()).limit(limit)
    return tuple(loads(DrawRecord, text) for text in uow.execute(query).scalars())


def next_number(uow: UnitOfWork, plan_id: str, period: str) -> int:
    """For a draw that somebody asks for."""
    query = sa.select(sa.func.max(draws.c.number)).where(draws.c.plan_id == plan_id, draws.c.period == period)
    return int(uow.execute(query).scalar() or 0) + 1


def is_drawn(uow: UnitOfWork, plan_id: str, period: str) -> bool:
    """Whether the draw at the end of the period has been made."""
    query = sa.select(draws.c.number).where(
        draws.c.plan_id == plan_id, draws.c.period == period, draws.c.number == 0
    )  # fmt: skip
    return uow.execute(query).first() is not None


def drawn_by(uow: UnitOfWork, plan_id: str) -> list[tuple[str, str, str, str]]:
    """(conversation, agent, period, why) of all that a plan ever drew."""
    c = assignments.c
    query = sa.select(c.conversation_id, c.agent_id, c.period, c.why).where(
        c.plan_id == plan_id, c.occasion == Occasion.QUALITY.value
    )  # fmt: skip
    return [(row.conversation_id, row.agent_id or "", row.period or "", row.why) for row in uow.execute(query)]


def put(uow: UnitOfWork, one: Assignment) -> None:
    """A new assignment."""
    values = {name: getattr(one, name) for name in Assignment.__dataclass_fields__}
    for name in _MOMENTS:
        values[name] = values[name] and clock.to_column(values[name])
    uow.execute(
        sa.insert(assignments).values(**values | {"occasion": one.occasion.value, "state": one.state.value})
    )  # fmt: skip


def get(uow: UnitOfWork, assignment_id: str) -> Assignment:
    """One assignment; raises NotFound."""
    row = uow.execute(sa.select(assignments).where(assignments.c.id == assignment_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such assignment.", code="assignment.none")
    return assignment_of(row)


def assignment_of(row: Any) -> Assignment:
    """From a row of the table."""
    values = {name: getattr(row, name) for name in Assignment.__dataclass_fields__}
    for name in _MOMENTS:
        values[name] = values[name] and clock.from_column(values[name])
    values |= {"occasion": Occasion(row.occasion), "state": AssignmentState(row.state)}
    return Assignment(**values)


def change(uow: UnitOfWork, before: Assignment, **values: Any) -> Assignment:
    """Change an open assignment as it was read; raises Conflict when it has changed meanwhile."""
    given = {
        name: clock.to_column(value) if isinstance(value, datetime) else value for name, value in values.items()
    }  # fmt: skip
    c = assignments.c
    done = uow.execute(
        sa.update(assignments)
        .where(
            c.id == before.id,
            c.state == AssignmentState.OPEN.value,
            c.evaluator.is_(None) if before.evaluator is None else c.evaluator == before.evaluator,
        )
        .values(**given)
    )
    if done.rowcount != 1:
        raise Conflict("Somebody took or finished it meanwhile.", code="assignment.changed", advice="Load the page.")
    return replace(before, **values)


def load(uow: UnitOfWork) -> dict[str, int]:
    """Open assignments of each evaluator."""
    c = assignments.c
    query = sa.select(c.evaluator, sa.func.count().label("n")).where(
        c.state == AssignmentState.OPEN.value, c.evaluator.is_not(None)
    )  # fmt: skip
    return {row.evaluator: int(row.n) for row in uow.execute(query.group_by(c.evaluator))}


def open_of(uow: UnitOfWork, conversation_id: str, evaluator: str, occasion: Occasion) -> Assignment | None:
    """What this person has to evaluate of a conversation; None: nothing."""
    c = assignments.c
    query = sa.select(assignments).where(
        c.conversation_id == conversation_id, c.evaluator == evaluator, c.occasion == occasion.value,
        c.state == AssignmentState.OPEN.value,
    )  # fmt: skip
    row = uow.execute(query.order_by(c.due_at).limit(1)).one_or_none()
    return None if row is None else assignment_of(row)


def waiting(uow: UnitOfWork, evaluator: str, now: datetime) -> tuple[int, int]:
    """(open, of these overdue) assignments of one person."""
    c = assignments.c
    late = sa.func.coalesce(sa.func.sum(sa.case((c.due_at < clock.to_column(now), 1), else_=0)), 0)
    query = sa.select(sa.func.count(), late).where(c.evaluator == evaluator, c.state == AssignmentState.OPEN.value)
    row = uow.execute(query).one()
    return int(row[0]), int(row[1])


def shortfall_words(found: Iterable[Shortfall]) -> list[str]:
    """``agent a17: 1 of 3``."""
    return [f"{one.what}: {one.got} of {one.wanted}" for one in found]
