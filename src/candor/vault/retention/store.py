"""The tables of retention: schedules with their history, classes of conversations, a person's words, sweeps.

A *class* is all conversations with the same facts. There are few of them, so a sweep over a million conversations is
some hundred questions to one index: which of this class began before its cut.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, DateTime, Index, Integer, String, Table, Text, UniqueConstraint

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.vault.retention.model import Conditions, Facts, Ground, Schedule

retention_schedule = Table(
    "retention_schedule",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("version", Integer, nullable=False),
    Column("conditions", Text, nullable=False),
    Column("days", Integer),
    Column("basis", String(300), nullable=False),
    Column("drafted_by", String(64), nullable=False),
    Column("drafted_at", DateTime, nullable=False),
    Column("effective_from", Date),
    Column("effective_by", String(64)),
    Column("effective_at", DateTime),
    UniqueConstraint("name", "version", name="uq_retention_schedule_name_version"),
)

retention_class = Table(
    "retention_class",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("facts", Text, nullable=False),
)

retention_entry = Table(
    "retention_entry",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("class_id", Integer, nullable=False),
    Column("started_at", DateTime, nullable=False),
    # Whether there was a consent decision to take the facts from: one that comes later makes it be looked at again.
    Column("decided", Boolean, nullable=False),
    Index("ix_retention_entry_class_id", "class_id", "started_at", "conversation_id"),
    Index("ix_retention_entry_decided", "decided", "conversation_id"),
)

retention_word = Table(
    "retention_word",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("class_id", Integer, nullable=False),
    Column("conflict", String(160), nullable=False),
    Column("days", Integer, nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Index("ix_retention_word_class_id", "class_id", "conflict"),
)

retention_sweep = Table(
    "retention_sweep",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime, nullable=False),
    Column("by", String(64), nullable=False),
    Column("destroyed", Integer, nullable=False),
    Column("proposed", Integer, nullable=False),
    Column("held", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person said of a conflict."""

    class_id: int
    conflict: str
    days: int
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One look at what is due."""

    started_at: datetime
    finished_at: datetime
    by: str
    destroyed: int
    proposed: int
    """Given to a person to approve."""
    held: int
    """Due, and under a legal hold."""


# ---- schedules ----


def schedules(uow: UnitOfWork) -> list[Schedule]:
    """Every version of every schedule, by name, the oldest version first."""
    query = sa.select(retention_schedule).order_by(retention_schedule.c.name, retention_schedule.c.version)
    return [_schedule(row) for row in uow.execute(query)]


def get_schedule(uow: UnitOfWork, schedule_id: str) -> Schedule | None:
    """One version."""
    row = uow.execute(sa.select(retention_schedule).where(retention_schedule.c.id == schedule_id)).first()
    return None if row is None else _schedule(row)


def add_schedule(uow: UnitOfWork, one: Schedule) -> None:
    """Keep a new version."""
    uow.execute(
        retention_schedule.insert().values(
            id=one.id, name=one.name, version=one.version, conditions=json.dumps(one.when.given), days=one.days,
            basis=one.basis, drafted_by=one.drafted_by, drafted_at=clock.to_column(one.drafted_at),
            effective_from=one.effective_from, effective_by=one.effective_by,
            effective_at=one.effective_at and clock.to_column(one.effective_at),
        )
    )  # fmt: skip


def put_in_effect(uow: UnitOfWork, schedule_id: str, *, day: date, by: str, at: datetime) -> None:
    """Make a draft count from ``day`` on."""
    uow.execute(
        retention_schedule.update()
        .where(retention_schedule.c.id == schedule_id)
        .values(effective_from=day, effective_by=by, effective_at=clock.to_column(at))
    )


def drop_draft(uow: UnitOfWork, schedule_id: str) -> bool:
    """Forget a draft; whether it was one."""
    table = retention_schedule
    return bool(uow.execute(table.delete().where(table.c.id == schedule_id, table.c.effective_from.is_(None))).rowcount)


def newest_version(uow: UnitOfWork, name: str) -> int:
    """0 when there is none of that name."""
    query = sa.select(sa.func.max(retention_schedule.c.version)).where(retention_schedule.c.name == name)
    return int(uow.execute(query).scalar() or 0)


# ---- classes and entries ----


def classes(uow: UnitOfWork) -> dict[int, Facts]:
    """Every class that ever was, by its id."""
    return {row.id: _facts(row.facts) for row in uow.execute(sa.select(retention_class.c.id, retention_class.c.facts))}


def class_of(uow: UnitOfWork, facts: Facts) -> int:
    """The class of these facts, made when it is new."""
    text = json.dumps(asdict(facts), sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = uow.execute(sa.select(retention_class.c.id).where(retention_class.c.digest == digest)).scalar()
    if found is not None:
        return int(found)
    made = retention_class.insert().values(digest=digest, facts=text).returning(retention_class.c.id)
    return int(uow.execute(made).scalar_one())


def put_entries(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]], *, anew: bool = False) -> None:
    """Say of which class conversations are; ``rows`` have the columns of the table; ``anew``: they had one before."""
    if not rows:
        return
    if anew:
        ids = [row["conversation_id"] for row in rows]
        uow.execute(retention_entry.delete().where(retention_entry.c.conversation_id.in_(ids)))
    uow.execute(retention_entry.insert(), [dict(row) for row in rows])


def entry_of(uow: UnitOfWork, conversation_id: str) -> tuple[int, datetime] | None:
    """(class, beginning) of one conversation; None before it was looked at."""
    query = sa.select(retention_entry.c.class_id, retention_entry.c.started_at)
    row = uow.execute(query.where(retention_entry.c.conversation_id == conversation_id)).first()
    return None if row is None else (row.class_id, clock.from_column(row.started_at))


def sizes(uow: UnitOfWork) -> dict[int, int]:
    """How many conversations each class has."""
    query = sa.select(retention_entry.c.class_id, sa.func.count()).group_by(retention_entry.c.class_id)
    return {int(class_id): int(count) for class_id, count in uow.execute(query)}


def begun_before(class_id: int, cut: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions on ``retention_entry``: of that class, begun at ``cut`` or earlier."""
    return (retention_entry.c.class_id == class_id, retention_entry.c.started_at <= clock.to_column(cut))


# ---- words ----


def words(uow: UnitOfWork) -> dict[tuple[int, str], Word]:
    """The newest word on each conflict, by class and conflict."""
    rows = uow.execute(sa.select(retention_word).order_by(retention_word.c.id))
    return {(row.class_id, row.conflict): _word(row) for row in rows}


def add_word(uow: UnitOfWork, word: Word) -> None:
    """Keep a word; earlier ones stay in the history."""
    uow.execute(
        retention_word.insert().values(
            class_id=word.class_id, conflict=word.conflict, days=word.days, reason=word.reason, by=word.by,
            at=clock.to_column(word.at),
        )
    )  # fmt: skip


# ---- sweeps ----


def add_sweep(uow: UnitOfWork, sweep: Sweep) -> None:
    """Note that one was done."""
    uow.execute(
        retention_sweep.insert().values(
            started_at=clock.to_column(sweep.started_at), finished_at=clock.to_column(sweep.finished_at), by=sweep.by,
            destroyed=sweep.destroyed, proposed=sweep.proposed, held=sweep.held,
        )
    )  # fmt: skip


def sweeps(uow: UnitOfWork, limit: int = 20) -> list[Sweep]:
    """The newest first."""
    rows = uow.execute(sa.select(retention_sweep).order_by(retention_sweep.c.id.desc()).limit(limit))
    return [
        Sweep(
            started_at=clock.from_column(row.started_at), finished_at=clock.from_column(row.finished_at), by=row.by,
            destroyed=row.destroyed, proposed=row.proposed, held=row.held,
        )
        for row in rows
    ]  # fmt: skip


def _schedule(row: Any) -> Schedule:
    when = json.loads(row.conditions)
    if "consent" in when:
        when["consent"] = Ground(when["consent"])
    return Schedule(
        id=row.id, name=row.name, version=row.version, when=Conditions(**when), days=row.days, basis=row.basis,
        drafted_by=row.drafted_by, drafted_at=clock.from_column(row.drafted_at), effective_from=row.effective_from,
        effective_by=row.effective_by, effective_at=row.effective_at and clock.from_column(row.effective_at),
    )  # fmt: skip


def _facts(text: str) -> Facts:
    value = json.loads(text)
    lists: Iterable[str] = ("places", "sectors")
    return Facts(**value | {name: tuple(value[name]) for name in lists} | {"consent": Ground(value["consent"])})


def _word(row: Any) -> Word:
    return Word(
        class_id=row.class_id, conflict=row.conflict, days=row.days, reason=row.reason, by=row.by,
        at=clock.from_column(row.at),
    )  # fmt: skip
