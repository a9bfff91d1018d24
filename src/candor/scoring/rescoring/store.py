"""Jobs and their parts in the database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, Index, Integer, String, Table, Text, delete, func, insert, or_, select, update

from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id
from candor.scoring.rescoring.comparing import MOST_FLIPS, add_up

PART = 40
"""Conversations of one part: some seconds of work, so that little is repeated when a process dies."""
HELD = timedelta(seconds=90)
"""After which a part that was not delivered is free again; whoever works on it says so before (:func:`go_on`)."""
WAITS = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""Between the attempts at what failed; after the last one it is set aside."""
SPLIT_AFTER = 3
"""Attempts that nobody delivered (who held the part died) after which its conversations are tried one by one."""
DIED = "rescoring.died"
MOST_ASIDE = 1000
"""How many set aside are named; all are counted."""

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
    # How often it was taken.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", DateTime),
    Index("ix_rescoring_part_state", "rescoring_id", "state", "place"),
)
_p = rescoring_part.c

rescoring_conversation = Table(
    "rescoring_conversation",
    metadata,
    Column("rescoring_id", String(36), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("conversation_id", String(36), primary_key=True, index=True),
    Column("told", Text, nullable=False),
)
"""What a job says of single conversations: a table of its own, so that it goes with them."""
_n = rescoring_conversation.c
_FLIP, _ASIDE = "flip", "aside"


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
class Aside:
    """A conversation that could not be judged."""

    conversation_id: str
    code: str
    """Of the error, such as ``judge.away``; ``rescoring.died``: whoever worked on it did."""
    attempts: int


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
    waiting: int = 0
    """Conversations that failed and are tried again later."""
    aside: tuple[Aside, ...] = ()
    """Those that failed until nothing more was tried."""

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
    attempts: int
    """How often it was taken, this time included."""
    taken_at: datetime


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
    parts = [_row_of(job_id, place, chunk) for place, chunk in enumerate(_chunks(conversations))]
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
    runs = row.state == State.RUNNING.value
    result = json.loads(row.result) if row.result else None
    if result is not None:
        result["flipped"] = [{"conversation": one, **told} for one, told in _named(uow, row.id, _FLIP).items()]
    return _bare(
        row, result=result, done=_size(uow, row.id, _p.state == "done") if runs else _reached(row, result),
        waiting=_size(uow, row.id, _p.state == "free", _p.not_before.is_not(None)) if runs else 0,
        aside=tuple(Aside(conversation_id=one, **told) for one, told in _named(uow, row.id, _ASIDE).items()),
    )  # fmt: skip


def _bare(row: Any, **more: Any) -> Job:
    return Job(
        id=row.id, kind=Kind(row.kind), scorecard=row.scorecard, version=row.version, yaml=row.yaml,
        since=clock.from_column(row.since), until=clock.from_column(row.until), population=row.population,
        total=row.total, seed=row.seed, state=State(row.state), asked_at=clock.from_column(row.asked_at),
        asked_by=row.asked_by, finished_at=row.finished_at and clock.from_column(row.finished_at), **more,
    )  # fmt: skip


def _size(uow: UnitOfWork, job_id: str, *conditions: Any) -> int:
    query = select(func.coalesce(func.sum(_p.size), 0)).where(_p.rescoring_id == job_id, *conditions)
    return int(uow.execute(query).scalar_one())


def _named(uow: UnitOfWork, job_id: str, kind: str) -> dict[str, dict[str, Any]]:
    query = select(_n.conversation_id, _n.told).where(_n.rescoring_id == job_id, _n.kind == kind)
    return {row.conversation_id: json.loads(row.told) for row in uow.execute(query.order_by(_n.conversation_id))}


def _reached(row: Any, result: dict[str, Any] | None) -> int:
    """How many conversations were looked at before it was over; one that is judged by legs has several results."""
    told = result or {}
    skipped: dict[str, int] = told.get("skipped", {})
    looked_at = int(told.get("scored", 0)) + sum(skipped.values())
    return int(row.total) if row.state == State.DONE.value else min(int(row.total), looked_at)


def take(uow: UnitOfWork, job_id: str) -> Part | None:
    """Hold a part that is free, or whose holder's time is over; None when there is none (now).

    One that was taken several times and never delivered kills whoever works on it: its conversations become parts
    of their own, and of those the one that does it is set aside.
    """
    job = uow.execute(select(rescoring).where(rescoring.c.id == job_id).with_for_update()).one_or_none()
    if job is None or job.state != State.RUNNING.value:
        return None
    now = clock.now()
    while (row := _next(uow, job_id, clock.to_column(now))) is not None:
        ids = tuple(json.loads(row.conversations))
        if len(ids) > 1 and row.attempts >= SPLIT_AFTER:
            _split(uow, job_id, row.place, ids)
        elif len(ids) == 1 and row.attempts > len(WAITS):
            _set_aside(uow, job_id, ids[0], DIED, row.attempts)
            _end_part(uow, job_id, row.place, {**add_up((), {}), "skipped": {DIED: 1}})
        else:
            holder = new_id()
            uow.execute(
                update(rescoring_part)
                .where(_p.rescoring_id == job_id, _p.place == row.place)
                .values(state="held", holder=holder, held_until=clock.to_column(now + HELD), attempts=row.attempts + 1)
            )
            return Part(
                job=_bare(job, result=None, done=0), place=row.place, conversations=ids, holder=holder,
                attempts=row.attempts + 1, taken_at=now,
            )  # fmt: skip
    return None


def _next(uow: UnitOfWork, job_id: str, now: datetime) -> Any:
    """A free part whose time has come, the lowest first, else one whose holder's time is over."""
    query = select(_p.place, _p.conversations, _p.attempts).where(_p.rescoring_id == job_id).order_by(_p.place).limit(1)
    free = query.where(_p.state == "free", or_(_p.not_before.is_(None), _p.not_before <= now))
    left = query.where(_p.state == "held", _p.held_until < now)
    return uow.execute(free).one_or_none() or uow.execute(left).one_or_none()


def _split(uow: UnitOfWork, job_id: str, place: int, ids: Sequence[str]) -> None:
    first = _free_place(uow, job_id)
    uow.execute(delete(rescoring_part).where(_p.rescoring_id == job_id, _p.place == place))
    uow.execute(insert(rescoring_part), [_row_of(job_id, first + n, (one,)) for n, one in enumerate(ids)])


def _free_place(uow: UnitOfWork, job_id: str) -> int:
    return 1 + int(uow.execute(select(func.max(_p.place)).where(_p.rescoring_id == job_id)).scalar_one())


def _row_of(job_id: str, place: int, ids: Sequence[str]) -> dict[str, Any]:
    return {
        "rescoring_id": job_id, "place": place, "size": len(ids), "state": "free", "conversations": json.dumps(ids),
        "attempts": 0, "not_before": None,
    }  # fmt: skip


def go_on(uow: UnitOfWork, part: Part) -> bool:
    """Hold a part for longer: somebody works on it still. False when it was given to another, or nobody wants it."""
    held = update(rescoring_part).where(*_mine(part)).values(held_until=clock.to_column(clock.now() + HELD))
    return uow.execute(held).rowcount == 1


def _mine(part: Part) -> tuple[Any, ...]:
    return (
        _p.rescoring_id == part.job.id, _p.place == part.place, _p.holder == part.holder, _p.state == "held"
    )  # fmt: skip


def deliver(uow: UnitOfWork, part: Part, result: dict[str, Any], failed: Mapping[str, str] | None = None) -> bool:
    """End a part; False, and nothing is to be kept, when it was given to another or the job was cancelled.

    ``failed``: conversation → code of the error. Each is tried again by itself, later and later, then set aside.
    """
    mine = select(rescoring.c.state).where(rescoring.c.id == part.job.id).with_for_update()
    state = uow.execute(mine).scalar_one_or_none()
    if state != State.RUNNING.value or not _end_part(uow, part.job.id, part.place, {}, *_mine(part)):
        return False
    failed = failed or {}
    result = {**add_up((), {}), **result}
    skipped = dict(result["skipped"])
    attempt = part.attempts if len(part.conversations) == 1 else 1
    if attempt <= len(WAITS) and failed:
        first, due = _free_place(uow, part.job.id), clock.to_column(clock.now() + WAITS[attempt - 1])
        again = [
            {**_row_of(part.job.id, first + n, (one,)), "attempts": attempt, "not_before": due}
            for n, one in enumerate(failed)
        ]
        uow.execute(insert(rescoring_part), again)
        ended = len(part.conversations) - len(failed)
    else:
        for one, code in failed.items():
            _set_aside(uow, part.job.id, one, code, attempt)
            skipped[code] = skipped.get(code, 0) + 1
        ended = len(part.conversations)
    _name_flips(uow, part.job.id, result.pop("flipped"))
    uow.execute(
        update(rescoring_part)
        .where(_p.rescoring_id == part.job.id, _p.place == part.place)
        .values(result=json.dumps({**result, "skipped": skipped}, ensure_ascii=False), size=ended)
    )
    return True


def _end_part(uow: UnitOfWork, job_id: str, place: int, result: dict[str, Any], *conditions: Any) -> bool:
    told = {name: value for name, value in result.items() if name != "flipped"}
    ended = (
        update(rescoring_part)
        .where(_p.rescoring_id == job_id, _p.place == place, *conditions)
        .values(
            state="done", holder=None, held_until=None, not_before=None, conversations="[]",
            result=json.dumps(told, ensure_ascii=False),
        )
    )  # fmt: skip
    return uow.execute(ended).rowcount == 1


def _set_aside(uow: UnitOfWork, job_id: str, conversation_id: str, code: str, attempts: int) -> None:
    if _count_named(uow, job_id, _ASIDE) < MOST_ASIDE:
        told = json.dumps({"code": code, "attempts": attempts})
        row = {"rescoring_id": job_id, "kind": _ASIDE, "conversation_id": conversation_id, "told": told}
        uow.execute(insert(rescoring_conversation).values(**row))


def _name_flips(uow: UnitOfWork, job_id: str, flipped: Sequence[Mapping[str, Any]]) -> None:
    room = MOST_FLIPS - _count_named(uow, job_id, _FLIP) if flipped else 0
    named = {each["conversation"]: each for each in reversed(flipped)}  # one of whose legs two flip is named once
    rows = [
        {
            "rescoring_id": job_id, "kind": _FLIP, "conversation_id": one,
            "told": json.dumps({name: value for name, value in each.items() if name != "conversation"}),
        }
        for one, each in list(named.items())[: max(0, room)]
    ]  # fmt: skip
    if rows:
        uow.execute(insert(rescoring_conversation), rows)


def _count_named(uow: UnitOfWork, job_id: str, kind: str) -> int:
    query = select(func.count()).where(_n.rescoring_id == job_id, _n.kind == kind).select_from(rescoring_conversation)
    return int(uow.execute(query).scalar_one())


def take_aside(uow: UnitOfWork, job_id: str) -> list[str]:
    """The conversations that were set aside, which are forgotten here: another job has them now."""
    mine = (_n.rescoring_id == job_id, _n.kind == _ASIDE)
    query = select(_n.conversation_id).where(*mine).order_by(_n.conversation_id)
    ids = list(uow.execute(query).scalars())
    uow.execute(delete(rescoring_conversation).where(*mine))
    return ids


def results(uow: UnitOfWork, job_id: str) -> list[dict[str, Any]]:
    """What was delivered, in order."""
    query = select(_p.result).where(_p.rescoring_id == job_id, _p.state == "done").order_by(_p.place)
    return [json.loads(text) for text in uow.execute(query).scalars()]


def unfinished(uow: UnitOfWork, job_id: str) -> bool:
    """Whether any part is not delivered."""
    query = select(_p.place).where(_p.rescoring_id == job_id, _p.state.in_(["free", "held"])).limit(1)
    return uow.execute(query).first() is not None


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
