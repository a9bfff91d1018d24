"""Runs and their stages: the pipeline's memory of what is to be done and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    PARKED = "parked"


class StageState(StrEnum):
    """Where a stage of a run stands; without a row it is waiting."""

    RUNNING = "running"
    RETRYING = "retrying"
    DONE = "done"
    PARKED = "parked"


UNFINISHED = (RunState.QUEUED, RunState.RUNNING)

run = Table(
    "run",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("first_stage", String(32), nullable=False),
    Column("options", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Index("ix_run_state_created_at", "state", "created_at"),
    Index("ix_run_conversation_id", "conversation_id"),
)

stage_run = Table(
    "stage_run",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("stage", String(32), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("seconds", Float),
    Column("error_code", String(64)),
    Column("error", String(1000)),
    Column("advice", String(1000)),
    Index("ix_stage_run_conversation_id", "conversation_id"),
)

artifact = Table(
    "artifact",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("object_id", String(36)),
    Column("value", JSON),
)
"""What each stage left for the next: the current working copy, playback, peaks, redaction of a conversation."""

worker = Table(
    "worker",
    metadata,
    Column("executor_id", String(64), primary_key=True),
    Column("pid", Integer, nullable=False),
    Column("beat_at", DateTime, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One way of a conversation through the stages, from ``first_stage`` on."""

    id: str
    conversation_id: str
    reason: str
    first_stage: str
    options: dict[str, Any]
    state: RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """One stage of one run."""

    run_id: str
    stage: str
    state: StageState
    attempts: int
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    error_code: str | None
    error: str | None
    advice: str | None


def add_run(uow: UnitOfWork, conversation_id: str, *, reason: str, first_stage: str, options: dict[str, Any]) -> str:
    """Ask for a run; any worker picks it up after the unit of work is committed."""
    run_id = new_id()
    uow.execute(
        insert(run).values(
            id=run_id, conversation_id=conversation_id, reason=reason, first_stage=first_stage, options=options,
            state=RunState.QUEUED, created_at=clock.to_column(clock.now()),
        )
    )  # fmt: skip
    return run_id


def get_run(uow: UnitOfWork, run_id: str) -> Run | None:
    """One run."""
    row = uow.execute(select(run).where(run.c.id == run_id)).one_or_none()
    return None if row is None else _run(row)


def unfinished(uow: UnitOfWork, *, since: str = "", limit: int = 1000) -> list[Run]:
    """Queued and running runs in the order they were asked for; ``since`` is the last id already seen."""
    rows = uow.execute(select(run).where(run.c.state.in_(UNFINISHED), run.c.id > since).order_by(run.c.id).limit(limit))
    return [_run(row) for row in rows]


def states(uow: UnitOfWork, conversation_ids: list[str]) -> dict[str, RunState]:
    """The state of the newest run of each conversation."""
    newest = (
        select(func.max(run.c.id)).where(run.c.conversation_id.in_(conversation_ids)).group_by(run.c.conversation_id)
    )
    return {
        row.conversation_id: RunState(row.state)
        for row in uow.execute(select(run.c.conversation_id, run.c.state).where(run.c.id.in_(newest)))
    }


def counts(uow: UnitOfWork) -> dict[str, int]:
    """How many runs are in each state."""
    rows = uow.execute(select(run.c.state, func.count()).group_by(run.c.state))
    return {row[0]: row[1] for row in rows}


def set_run(uow: UnitOfWork, run_id: str, state: RunState) -> None:
    """Move a run on."""
    finished = None if state in UNFINISHED else clock.to_column(clock.now())
    uow.execute(update(run).where(run.c.id == run_id).values(state=state, finished_at=finished))


def get_stage(uow: UnitOfWork, run_id: str, stage: str) -> StageRecord | None:
    """One stage of one run."""
    row = uow.execute(select(stage_run).where(stage_run.c.run_id == run_id, stage_run.c.stage == stage)).one_or_none()
    return None if row is None else _record(row)


def start_stage(uow: UnitOfWork, a_run: Run, stage: str) -> int:
    """Mark it running; returns which attempt this is, from 1."""
    values = {"state": StageState.RUNNING, "started_at": clock.to_column(clock.now()), "finished_at": None}
    statement = upsert(stage_run).values(
        run_id=a_run.id, stage=stage, conversation_id=a_run.conversation_id, attempts=1, **values
    )
    uow.execute(
        statement.on_conflict_do_update(
            index_elements=["run_id", "stage"], set_={**values, "attempts": stage_run.c.attempts + 1}
        )
    )
    return int(
        uow.execute(
            select(stage_run.c.attempts).where(stage_run.c.run_id == a_run.id, stage_run.c.stage == stage)
        ).scalar_one()
    )


def end_stage(
    uow: UnitOfWork, run_id: str, stage: str, state: StageState, seconds: float,
    error: tuple[str, str, str] | None = None,
) -> None:  # fmt: skip
    """Record how it ended; ``error`` is (code, sentence, advice)."""
    code, sentence, advice = error or (None, None, None)
    uow.execute(
        update(stage_run)
        .where(stage_run.c.run_id == run_id, stage_run.c.stage == stage)
        .values(
            state=state, finished_at=clock.to_column(clock.now()), seconds=seconds, error_code=code,
            error=sentence and sentence[:1000], advice=advice and advice[:1000],
        )
    )  # fmt: skip


def history(uow: UnitOfWork, conversation_id: str) -> list[StageRecord]:
    """Every stage of every run of a conversation, oldest run first."""
    rows = uow.execute(
        select(stage_run)
        .where(stage_run.c.conversation_id == conversation_id)
        .order_by(stage_run.c.run_id, stage_run.c.started_at)
    )
    return [_record(row) for row in rows]


def newest_run(uow: UnitOfWork, conversation_id: str) -> Run | None:
    """The latest run of a conversation."""
    row = uow.execute(
        select(run).where(run.c.conversation_id == conversation_id).order_by(run.c.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _run(row)


def parked(uow: UnitOfWork, limit: int = 500) -> list[tuple[Run, StageRecord]]:
    """Conversations whose newest run is parked, newest first, with the stage that did it."""
    newest = select(func.max(run.c.id)).group_by(run.c.conversation_id)
    rows = uow.execute(
        select(run).where(run.c.state == RunState.PARKED, run.c.id.in_(newest)).order_by(run.c.id.desc()).limit(limit)
    ).all()
    found = []
    for row in rows:
        stage = uow.execute(
            select(stage_run).where(stage_run.c.run_id == row.id, stage_run.c.state == StageState.PARKED).limit(1)
        ).one_or_none()
        if stage is not None:
            found.append((_run(row), _record(stage)))
    return found


def put_artifact(
    uow: UnitOfWork, conversation_id: str, kind: str, *, object_id: str | None = None, value: Any = None
) -> str | None:
    """Make this the current artifact of its kind; returns the object it replaces, for shredding."""
    before = uow.execute(
        select(artifact.c.object_id).where(artifact.c.conversation_id == conversation_id, artifact.c.kind == kind)
    ).scalar_one_or_none()
    statement = upsert(artifact).values(conversation_id=conversation_id, kind=kind, object_id=object_id, value=value)
    uow.execute(
        statement.on_conflict_do_update(
            index_elements=["conversation_id", "kind"], set_={"object_id": object_id, "value": value}
        )
    )
    return before


def get_artifact(uow: UnitOfWork, conversation_id: str, kind: str) -> tuple[str | None, Any] | None:
    """(object id, value) of the current artifact of a kind."""
    row = uow.execute(
        select(artifact.c.object_id, artifact.c.value).where(
            artifact.c.conversation_id == conversation_id, artifact.c.kind == kind
        )
    ).one_or_none()
    return None if row is None else (row.object_id, row.value)


def beat(uow: UnitOfWork, executor_id: str, pid: int) -> None:
    """A worker says that it lives."""
    values = {"pid": pid, "beat_at": clock.to_column(clock.now())}
    statement = upsert(worker).values(executor_id=executor_id, **values)
    uow.execute(statement.on_conflict_do_update(index_elements=["executor_id"], set_=values))


def live_workers(uow: UnitOfWork, within: float) -> set[str]:
    """Executors that spoke within the last ``within`` seconds."""
    limit = clock.to_column(clock.now() - timedelta(seconds=within))
    return set(uow.execute(select(worker.c.executor_id).where(worker.c.beat_at >= limit)).scalars())


def retire(uow: UnitOfWork, executor_id: str) -> None:
    """A worker leaves in good order."""
    uow.execute(delete(worker).where(worker.c.executor_id == executor_id))


def _run(row: Any) -> Run:
    return Run(
        id=row.id, conversation_id=row.conversation_id, reason=row.reason, first_stage=row.first_stage,
        options=dict(row.options or {}), state=RunState(row.state),
    )  # fmt: skip


def _record(row: Any) -> StageRecord:
    return StageRecord(
        run_id=row.run_id, stage=row.stage, state=StageState(row.state), attempts=row.attempts,
        started_at=clock.from_column(row.started_at),
        finished_at=row.finished_at and clock.from_column(row.finished_at), seconds=row.seconds,
        error_code=row.error_code, error=row.error, advice=row.advice,
    )  # fmt: skip
