"""Jobs and their parts in the database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, Index, Integer, String, Table, Text, func, insert, or_, select, update

from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id

PART = 40
"""Conversations of one part: some seconds of work, so that little is repeated when a process dies."""
HELD = timedelta(seconds=90)
"""After which a part that was not delivered is free again."""

rescoring = Table(
    "rescoring",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("scorecard", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    # What is scored with: a draft goes on changing.
    Column("yaml", Text, nullable=False),
    Column("since", DateTime, nullable=False),
    Column("until", DateTime, nullable=False),
    # How many conversations the period has, of which `total` were drawn with `seed`.
    Column("population", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("seed", Integer),
    Column("state", String(16), nullable=False),
    Column("asked_at", DateTime, nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("finished_at", DateTime),
    Column("result", Text),
    Index("ix_rescoring_state", "state", "id"),
    Index("ix_rescoring_scorecard", "scorecard", "id"),
)

rescoring_part = Table(
    "rescoring_part",
    metadata,
    Column("rescoring_id", String(36), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("conversations", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("holder", String(36)),
    Column("held_until", DateTime),
    Column("result", Text),
)
_p = rescoring_part.c


class Kind(StrEnum):
    """What it is for."""

    SIMULATE = "simulate"
    """Nothing but the comparison is kept."""
    RESCORE = "rescore"
    """Evaluations are kept."""


class State(StrEnum):
    """Where a job stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job."""

    id: str
    kind: Kind
    scorecard: str
    version: int
    yaml: str
    since: datetime
    until: datetime
    population: int
    total: int
    seed: int | None
    state: State
    asked_at: datetime
    asked_by: str
    finished_at: datetime | None
    result: dict[str, Any] | None
    done: int
    """Conversations whose part is delivered."""

    @property
    def progress(self) -> float:
        """0 to 1."""
        return self.done / self.total if self.total else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one process has in hand."""

    job: Job
    place: int
    conversations: tuple[str, ...]
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A new job."""

    kind: Kind
    scorecard: str
    version: int
    yaml: str
    since: datetime
    until: datetime
    population: int
    seed: int | None
    by: str


def add(uow: UnitOfWork, wanted: Wanted, conversations: Sequence[str]) -> str:
    """A job over these conversations; its id. Without any it is done at once."""
    job_id = new_id()
    now = clock.to_column(clock.now())
    uow.execute(
        insert(rescoring).values(
            id=job_id, kind=wanted.kind.value, scorecard=wanted.scorecard, version=wanted.version, yaml=wanted.yaml,
            since=clock.to_column(wanted.since), until=clock.to_column(wanted.until), population=wanted.population,
            total=len(conversations), seed=wanted.seed, state=State.RUNNING.value, asked_at=now, asked_by=wanted.by,
        )
    )  # fmt: skip
    parts = [
        {
            "rescoring_id": job_id, "place": place, "size": len(chunk), "state": "free",
            "conversations": json.dumps(chunk),
        }
        for place, chunk in enumerate(_chunks(conversations))
    ]  # fmt: skip
    if parts:
        uow.execute(insert(rescoring_part), parts)
    return job_id


def _chunks(ids: Sequence[str]) -> Iterator[list[str]]:
    for begin in range(0, len(ids), PART):
        yield list(ids[begin : begin + PART])


def get(uow: UnitOfWork, job_id: str) -> Job:
    """One job; raises NotFound."""
    row = uow.execute(select(rescoring).where(rescoring.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such simulation or rescoring.", code="rescoring.none")
    return _job(uow, row)


def newest(uow: UnitOfWork, scorecard: str, kind: Kind | None = None, limit: int = 20) -> tuple[Job, ...]:
    """Jobs of a scorecard, the newest first."""
    query = select(rescoring).where(rescoring.c.scorecard == scorecard).order_by(rescoring.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(rescoring.c.kind == kind.value)
    return tuple(_job(uow, row) for row in uow.execute(query).all())


def running(uow: UnitOfWork) -> tuple[str, ...]:
    """Ids of jobs that are not over, the oldest first."""
    query = select(rescoring.c.id).where(rescoring.c.state == State.RUNNING.value).order_by(rescoring.c.id)
    return tuple(uow.execute(query).scalars())


def _job(uow: UnitOfWork, row: Any) -> Job:
    done = select(func.coalesce(func.sum(_p.size), 0)).where(_p.rescoring_id == row.id, _p.state == "done")
    return Job(
        id=row.id, kind=Kind(row.kind), scorecard=row.scorecard, version=row.version, yaml=row.yaml,
        since=clock.from_column(row.since), until=clock.from_column(row.until), population=row.population,
        total=row.total, seed=row.seed, state=State(row.state), asked_at=clock.from_column(row.asked_at),
        asked_by=row.asked_by, finished_at=row.finished_at and clock.from_column(row.finished_at),
        result=json.loads(row.result) if row.result else None,
        done=uow.execute(done).scalar_one() if row.state == State.RUNNING.value else _reached(row.result),
    )  # fmt: skip


def _reached(result: str | None) -> int:
    """How many conversations were looked at before it was over."""
    told = json.loads(result or "{}")
    skipped: dict[str, int] = told.get("skipped", {})
    return int(told.get("scored", 0)) + sum(skipped.values())


def take(uow: UnitOfWork, job_id: str) -> Part | None:
    """Hold a part that is free, or whose holder's time is over; None when there is none (now)."""
    now = clock.now()
    free = (
        select(_p.place, _p.conversations)
        .where(
            _p.rescoring_id == job_id,
            or_(_p.state == "free", (_p.state == "held") & (_p.held_until < clock.to_column(now))),
        )
        .order_by(_p.place)
        .limit(1)
    )
    row = uow.execute(free).one_or_none()
    if row is None:
        return None
    job = get(uow, job_id)
    if job.state is not State.RUNNING:
        return None
    holder = new_id()
    uow.execute(
        update(rescoring_part)
        .where(_p.rescoring_id == job_id, _p.place == row.place)
        .values(state="held", holder=holder, held_until=clock.to_column(now + HELD))
    )
    return Part(job=job, place=row.place, conversations=tuple(json.loads(row.conversations)), holder=holder)


def deliver(uow: UnitOfWork, part: Part, result: dict[str, Any]) -> bool:
    """End a part; False, and nothing is to be kept, when it was given to another or the job was cancelled."""
    if uow.execute(select(rescoring.c.state).where(rescoring.c.id == part.job.id)).scalar_one() != State.RUNNING.value:
        return False
    done = uow.execute(
        update(rescoring_part)
        .where(
            _p.rescoring_id == part.job.id, _p.place == part.place, _p.holder == part.holder, _p.state == "held"
        )
        .values(state="done", holder=None, held_until=None, result=json.dumps(result, ensure_ascii=False))
    )  # fmt: skip
    return done.rowcount == 1


def results(uow: UnitOfWork, job_id: str) -> list[dict[str, Any]]:
    """What was delivered, in order."""
    query = select(_p.result).where(_p.rescoring_id == job_id, _p.state == "done").order_by(_p.place)
    return [json.loads(text) for text in uow.execute(query).scalars()]


def unfinished(uow: UnitOfWork, job_id: str) -> int:
    """How many parts are not delivered."""
    query = select(func.count()).where(_p.rescoring_id == job_id, _p.state != "done").select_from(rescoring_part)
    return int(uow.execute(query).scalar_one())


def end(uow: UnitOfWork, job_id: str, state: State, result: dict[str, Any] | None) -> bool:
    """Close a job; False when it is closed already. Parts go, whose results are in the job's now."""
    done = uow.execute(
        update(rescoring)
        .where(rescoring.c.id == job_id, rescoring.c.state == State.RUNNING.value)
        .values(
            state=state.value, finished_at=clock.to_column(clock.now()),
            result=None if result is None else json.dumps(result, ensure_ascii=False),
        )
    )  # fmt: skip
    if done.rowcount == 1:
        uow.execute(rescoring_part.delete().where(_p.rescoring_id == job_id))
    return done.rowcount == 1
