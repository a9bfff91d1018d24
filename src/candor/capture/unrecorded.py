"""Calls of which nothing was kept because they might not be recorded: only the fact and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Float, Index, Integer, String, Table, Text

from candor.capture.model import CallFacts, EventKind
from candor.capture.spool.spool import SpooledCall
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

unrecorded_call = Table(
    "unrecorded_call",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("external_id", String(255)),
    Column("source", String(64), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("level", Integer, nullable=False),
    Column("why", String(300), nullable=False),
    Column("dropped", sa.Boolean, nullable=False),
    Column("decision", Text, nullable=False),
    Column("agent_id", String(255)),
    Index("ix_unrecorded_call_started_at", "started_at"),
    Index("ix_unrecorded_call_external_id", "external_id"),
)
"""No number and no customer's name: who called is not kept either. The agent's id finds the call in a call list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecordedCall:
    """One of them."""

    id: str
    external_id: str | None
    source: str
    started_at: datetime
    seconds: float
    level: int
    why: str
    dropped: bool
    """Whether sound had been kept, and was destroyed when somebody refused."""
    decision: str = ""
    agent_id: str | None = None


def unrecorded(call: SpooledCall) -> UnrecordedCall | None:
    """The fact, of a call that holds no sound by the law's or somebody's word; None for any other."""
    verdict = call.facts.consent
    kinds = {event.kind for event in call.events}
    waited = any(event.kind is EventKind.PAUSED and event.reason == "consent" for event in call.events)
    if verdict is None or call.rows or not (waited or EventKind.REFUSED in kinds):
        return None
    return UnrecordedCall(
        id=call.facts.id, external_id=call.facts.external_id, source=call.facts.source,
        started_at=call.facts.started_at, seconds=_seconds(call.facts, call), level=verdict.level,
        why=verdict.words[:300], dropped=EventKind.DROPPED in kinds, decision=verdict.decision,
        agent_id=next((one.agent_id for one in call.facts.participants if one.agent_id), None),
    )  # fmt: skip


def put(uow: UnitOfWork, call: UnrecordedCall) -> None:
    """Write it down; once, however often it is told."""
    known = uow.execute(sa.select(unrecorded_call.c.id).where(unrecorded_call.c.id == call.id)).first()
    if known is None:
        uow.execute(
            unrecorded_call.insert().values(
                id=call.id, external_id=call.external_id, source=call.source,
                started_at=clock.to_column(call.started_at), seconds=call.seconds, level=call.level, why=call.why,
                dropped=call.dropped, decision=call.decision, agent_id=call.agent_id,
            )
        )  # fmt: skip


def newest(uow: UnitOfWork, *, limit: int = 100, before: datetime | None = None) -> list[UnrecordedCall]:
    """The newest first."""
    query = sa.select(unrecorded_call).order_by(unrecorded_call.c.started_at.desc()).limit(limit)
    if before is not None:
        query = query.where(unrecorded_call.c.started_at < clock.to_column(before))
    return [_call(row) for row in uow.execute(query)]


def during(uow: UnitOfWork, since: datetime, until: datetime) -> list[UnrecordedCall]:
    """Those that began in [since, until), the earliest first."""
    query = (
        sa.select(unrecorded_call)
        .where(unrecorded_call.c.started_at >= clock.to_column(since))
        .where(unrecorded_call.c.started_at < clock.to_column(until))
        .order_by(unrecorded_call.c.started_at, unrecorded_call.c.id)
    )
    return [_call(row) for row in uow.execute(query)]


def between(uow: UnitOfWork, since: datetime, until: datetime) -> dict[int, int]:
    """How many began in [since, until), by level."""
    query = (
        sa.select(unrecorded_call.c.level, sa.func.count())
        .where(unrecorded_call.c.started_at >= clock.to_column(since))
        .where(unrecorded_call.c.started_at < clock.to_column(until))
        .group_by(unrecorded_call.c.level)
    )
    return {int(level): int(count) for level, count in uow.execute(query)}


def _call(row: sa.Row[tuple[object, ...]]) -> UnrecordedCall:
    return UnrecordedCall(
        id=row.id, external_id=row.external_id, source=row.source, started_at=clock.from_column(row.started_at),
        seconds=row.seconds, level=row.level, why=row.why, dropped=row.dropped, decision=row.decision,
        agent_id=row.agent_id,
    )  # fmt: skip


def _seconds(facts: CallFacts, call: SpooledCall) -> float:
    last = max((event.at for event in call.events), default=facts.started_at)
    return max(0.0, (last - facts.started_at).total_seconds())
