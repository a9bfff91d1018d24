"""Schedules of reports, and the finished ones; their files are sealed objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, String, Table, Text, UniqueConstraint

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

KEPT = 60
"""Finished reports of one schedule that are kept; older ones are destroyed."""

report_schedule = Table(
    "report_schedule",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(120), nullable=False),
    Column("scorecard", String(64), nullable=False),
    Column("every", String(16), nullable=False),
    # JSON: teams, queues.
    Column("filter", Text, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Index("ix_report_schedule_owner", "owner"),
)

report_made = Table(
    "report_made",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("schedule_id", String(36), nullable=False),
    Column("since", DateTime, nullable=False),
    Column("until", DateTime, nullable=False),
    Column("made_at", DateTime, nullable=False),
    Column("pdf", String(36), nullable=False),
    Column("csv", String(36), nullable=False),
    UniqueConstraint("schedule_id", "until"),
)


class Every(StrEnum):
    """How often."""

    WEEK = "week"
    """From Monday to Sunday."""
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A report that is made again and again, within its owner's reach at the time."""

    id: str
    owner: str
    name: str
    scorecard: str
    every: Every
    teams: tuple[str, ...]
    queues: tuple[str, ...]
    zone: str
    """IANA name: whose midnights."""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A finished one."""

    id: str
    schedule_id: str
    since: datetime
    until: datetime
    made_at: datetime
    pdf: str
    """Object ids."""
    csv: str


def put(uow: UnitOfWork, schedule: Schedule) -> None:
    """Keep a new schedule."""
    uow.execute(
        sa.insert(report_schedule).values(
            id=schedule.id, owner=schedule.owner, name=schedule.name, scorecard=schedule.scorecard,
            every=schedule.every.value, zone=schedule.zone, created_at=clock.to_column(schedule.created_at),
            filter=json.dumps({"teams": schedule.teams, "queues": schedule.queues}),
        )
    )  # fmt: skip


def schedules(uow: UnitOfWork, owner: str | None = None) -> list[Schedule]:
    """By name; all, or one person's."""
    query = sa.select(report_schedule).order_by(report_schedule.c.name, report_schedule.c.id)
    if owner is not None:
        query = query.where(report_schedule.c.owner == owner)
    return [_schedule(row) for row in uow.execute(query)]


def remove(uow: UnitOfWork, schedule_id: str) -> list[str]:
    """Forget a schedule and its reports; returns the objects that are to be destroyed."""
    objects = [each for made in finished(uow, [schedule_id], limit=100_000) for each in (made.pdf, made.csv)]
    uow.execute(sa.delete(report_made).where(report_made.c.schedule_id == schedule_id))
    uow.execute(sa.delete(report_schedule).where(report_schedule.c.id == schedule_id))
    return objects


def add(uow: UnitOfWork, made: Made) -> list[str]:
    """Keep a finished one; returns objects of reports that are older than what is kept."""
    uow.execute(
        sa.insert(report_made).values(
            id=made.id, schedule_id=made.schedule_id, since=clock.to_column(made.since),
            until=clock.to_column(made.until), made_at=clock.to_column(made.made_at), pdf=made.pdf, csv=made.csv,
        )
    )  # fmt: skip
    old = finished(uow, [made.schedule_id], limit=100_000)[KEPT:]
    uow.execute(sa.delete(report_made).where(report_made.c.id.in_([one.id for one in old])))
    return [each for one in old for each in (one.pdf, one.csv)]


def latest(uow: UnitOfWork, schedule_id: str) -> datetime | None:
    """Until when its newest report goes."""
    query = sa.select(sa.func.max(report_made.c.until)).where(report_made.c.schedule_id == schedule_id)
    found = uow.execute(query).scalar()
    return None if found is None else clock.from_column(found)


def finished(uow: UnitOfWork, schedule_ids: Sequence[str], limit: int = 200) -> list[Made]:
    """The newest first."""
    table = report_made
    query = sa.select(table).where(table.c.schedule_id.in_(schedule_ids)).order_by(table.c.until.desc(), table.c.id)
    return [_made(row) for row in uow.execute(query.limit(limit))]


def one(uow: UnitOfWork, report_id: str) -> tuple[Made, Schedule] | None:
    """A finished one with its schedule."""
    row = uow.execute(sa.select(report_made).where(report_made.c.id == report_id)).one_or_none()
    if row is None:
        return None
    found = uow.execute(sa.select(report_schedule).where(report_schedule.c.id == row.schedule_id)).one_or_none()
    return None if found is None else (_made(row), _schedule(found))


def _schedule(row: Any) -> Schedule:
    told = json.loads(row.filter)
    return Schedule(
        id=row.id, owner=row.owner, name=row.name, scorecard=row.scorecard, every=Every(row.every),
        teams=tuple(told["teams"]), queues=tuple(told["queues"]), zone=row.zone,
        created_at=clock.from_column(row.created_at),
    )  # fmt: skip


def _made(row: Any) -> Made:
    return Made(
        id=row.id, schedule_id=row.schedule_id, since=clock.from_column(row.since),
        until=clock.from_column(row.until), made_at=clock.from_column(row.made_at), pdf=row.pdf, csv=row.csv,
    )  # fmt: skip
