"""Expected calls and the differences found: the tables of completeness.

Numbers and pauses of an expected call are in ``sealed``, which the caller seals and opens; a discrepancy has none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    and_,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from candor.capture.completeness.model import Discrepancy, ExpectedCall, Kind
from candor.conversation.codec import dumps, loads
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id

expected_call = Table(
    "expected_call",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("call_id", String(255), nullable=False),
    Column("started_at", DateTime, nullable=False),
    # Of the start when the list tells no length, so that periods find it.
    Column("ended_at", DateTime, nullable=False),
    Column("recorded_expected", Boolean, nullable=False),
    Column("listed_at", DateTime, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("source", "call_id", name="uq_expected_call_source_call_id"),
    Index("ix_expected_call_started_at", "started_at"),
)

discrepancy = Table(
    "discrepancy",
    metadata,
    Column("id", String(36), primary_key=True),
    # Of kind, call and recordings: what is found again is not new.
    Column("fingerprint", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("source", String(64), nullable=False),
    Column("call_id", String(255)),
    Column("expected_id", String(36)),
    Column("conversations", JSON, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("seconds", Float),
    Column("found_at", DateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("closed_at", DateTime),
    Column("closed_by", String(64)),
    Column("reason", String(1000)),
    UniqueConstraint("fingerprint", name="uq_discrepancy_fingerprint"),
    Index("ix_discrepancy_state_at", "state", "at"),
    Index("ix_discrepancy_at", "at"),
)


class State(StrEnum):
    """Where a discrepancy stands."""

    OPEN = "open"
    RESOLVED = "resolved"
    """A person has looked into it and said why it is so."""
    GONE = "gone"
    """A later check did not find it any more: the recording came, or the list was corrected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A discrepancy as it is kept."""

    id: str
    kind: Kind
    source: str
    call_id: str | None
    expected_id: str | None
    conversations: tuple[str, ...]
    at: datetime
    seconds: float | None
    found_at: datetime
    state: State
    closed_at: datetime | None
    closed_by: str | None
    """User id, or ``cli``."""
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a check changed."""

    new: int
    still: int
    """Known already, open or resolved."""
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """How many calls the lists have in a period."""

    calls: int
    to_record: int
    """Of them, how many should have been recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedPage:
    """Some of the discrepancies, newest call first."""

    rows: tuple[Noted, ...]
    next_cursor: str | None
    total: int


def put_expected(
    uow: UnitOfWork, calls: Sequence[ExpectedCall], *, seal: Callable[[str, str, bytes], bytes]
) -> tuple[int, int]:  # fmt: skip
    """Keep ``calls``; one with the same source and call id is replaced. Returns (added, replaced).

    ``seal(source, row id, plain)`` seals what must not be read in the database.
    """
    if not calls:
        return 0, 0
    wanted = {(call.source, call.call_id): call for call in calls}
    known = {
        (row.source, row.call_id): row.id
        for row in uow.execute(
            select(expected_call.c.id, expected_call.c.source, expected_call.c.call_id).where(
                expected_call.c.source.in_({source for source, _ in wanted}),
                expected_call.c.call_id.in_([call_id for _, call_id in wanted]),
            )
        )
    }
    now = clock.to_column(clock.now())
    rows = []
    for key, call in wanted.items():
        row_id = known.get(key) or new_id()
        rows.append(
            {
                "id": row_id, "source": call.source, "call_id": call.call_id,
                "started_at": clock.to_column(call.started_at),
                "ended_at": clock.to_column(call.ended_at or call.started_at),
                "recorded_expected": call.recorded_expected, "listed_at": now,
                "sealed": seal(call.source, row_id, dumps(call)),
            }
        )  # fmt: skip
    statement = upsert(expected_call)
    renewed = {
        name: statement.excluded[name]
        for name in ("started_at", "ended_at", "recorded_expected", "listed_at", "sealed")
    }  # fmt: skip
    uow.execute(statement.on_conflict_do_update(index_elements=["id"], set_=renewed), rows)
    replaced = len(wanted.keys() & known.keys())
    return len(wanted) - replaced, replaced


def expected_between(
    uow: UnitOfWork, since: datetime, until: datetime, *, unseal: Callable[[str, str, bytes], bytes]
) -> list[ExpectedCall]:
    """Calls that begin in [since, until), earliest first; ``unseal(source, row id, sealed)`` opens what was sealed."""
    rows = uow.execute(
        select(expected_call)
        .where(
            expected_call.c.started_at >= clock.to_column(since), expected_call.c.started_at < clock.to_column(until)
        )
        .order_by(expected_call.c.started_at, expected_call.c.id)
    )
    return [
        replace(loads(ExpectedCall, unseal(row.source, row.id, row.sealed)), key=row.id, source=row.source)
        for row in rows
    ]


def listed_between(uow: UnitOfWork, since: datetime, until: datetime, ended_before: datetime | None = None) -> Listed:
    """How many calls begin in [since, until); with ``ended_before``, only those over by then."""
    wanted = [
        expected_call.c.started_at >= clock.to_column(since),
        expected_call.c.started_at < clock.to_column(until),
    ]
    if ended_before is not None:
        wanted.append(expected_call.c.ended_at < clock.to_column(ended_before))
    row = uow.execute(
        select(
            func.count().label("calls"),
            func.sum(case((expected_call.c.recorded_expected, 1), else_=0)).label("to_record"),
        ).where(*wanted)
    ).one()
    return Listed(calls=row.calls, to_record=int(row.to_record or 0))


def extent(uow: UnitOfWork) -> tuple[datetime, datetime] | None:
    """When the first and the last listed call begin; None without any."""
    # Two queries, each answered by one end of the index.
    first = uow.execute(select(func.min(expected_call.c.started_at))).scalar_one_or_none()
    last = uow.execute(select(func.max(expected_call.c.started_at))).scalar_one_or_none()
    return None if first is None or last is None else (clock.from_column(first), clock.from_column(last))


def forget_expected(uow: UnitOfWork, before: datetime) -> int:
    """Delete calls that ended before a moment: lists are personal data and are needed only while they are checked."""
    gone = uow.execute(expected_call.delete().where(expected_call.c.ended_at < clock.to_column(before)))
    return gone.rowcount


def merge(
    uow: UnitOfWork, found: Iterable[Discrepancy], since: datetime, until: datetime, *,
    beyond: Collection[str] = (),
) -> Merged:  # fmt: skip
    """Note what a check of [since, until) found; what it did not find any more is gone.

    ``beyond`` are the ids of expected calls that the check left out: what was noted of them stays as it is.
    """
    wanted = {_fingerprint(each): each for each in found if since <= each.at < until}
    withheld = {each.expected for each in wanted.values() if each.kind is Kind.UNRECORDED}
    columns = select(
        discrepancy.c.id, discrepancy.c.fingerprint, discrepancy.c.kind, discrepancy.c.state,
        discrepancy.c.expected_id,
    )  # fmt: skip
    within = (discrepancy.c.at >= clock.to_column(since)) & (discrepancy.c.at < clock.to_column(until))
    known = {row.fingerprint: row for row in uow.execute(columns.where(within))}
    # A list that was corrected moves a call, perhaps from another day.
    elsewhere = [fingerprint for fingerprint in wanted if fingerprint not in known]
    for start in range(0, len(elsewhere), 400):
        some = discrepancy.c.fingerprint.in_(elsewhere[start : start + 400])
        known |= {row.fingerprint: row for row in uow.execute(columns.where(some))}
    now = clock.to_column(clock.now())
    new = 0
    for fingerprint, each in wanted.items():
        row = known.get(fingerprint)
        new += row is None or row.state == State.GONE
        _put(uow, fingerprint, each, now, again=row is not None and row.state == State.GONE)
    gone = [
        row.id
        for fingerprint, row in known.items()
        if fingerprint not in wanted and row.expected_id not in beyond and _goes(row, withheld)
    ]
    for start in range(0, len(gone), 400):
        uow.execute(
            update(discrepancy)
            .where(discrepancy.c.id.in_(gone[start : start + 400]))
            .values(state=State.GONE, closed_at=now, closed_by=None, reason=None)
        )
    return Merged(new=new, still=len(wanted) - new, gone=len(gone))


def open_count(uow: UnitOfWork) -> int:
    """How many discrepancies nobody has looked into yet."""
    return int(
        uow.execute(select(func.count()).select_from(discrepancy).where(discrepancy.c.state == State.OPEN)).scalar_one()
    )


def newest_open(uow: UnitOfWork) -> datetime | None:
    """When the newest open one was found."""
    found = uow.execute(
        select(func.max(discrepancy.c.found_at)).where(discrepancy.c.state == State.OPEN)
    ).scalar_one_or_none()
    return None if found is None else clock.from_column(found)


def counts(uow: UnitOfWork, since: datetime, until: datetime) -> dict[Kind, dict[State, int]]:
    """How many of each kind in [since, until), by state; every kind is there."""
    found: dict[Kind, dict[State, int]] = {kind: dict.fromkeys(State, 0) for kind in Kind}
    for row in uow.execute(
        select(discrepancy.c.kind, discrepancy.c.state, func.count().label("number"))
        .where(discrepancy.c.at >= clock.to_column(since), discrepancy.c.at < clock.to_column(until))
        .group_by(discrepancy.c.kind, discrepancy.c.state)
    ):
        found[Kind(row.kind)][State(row.state)] = row.number
    return found


def reasons(uow: UnitOfWork, since: datetime, until: datetime) -> dict[str, int]:
    """Why calls in [since, until) were rightly not recorded, and how many for each reason, the most first."""
    number = func.count().label("number")
    rows = uow.execute(
        select(discrepancy.c.reason, number)
        .where(
            discrepancy.c.at >= clock.to_column(since), discrepancy.c.at < clock.to_column(until),
            discrepancy.c.kind == Kind.UNRECORDED, discrepancy.c.state == State.RESOLVED,
        )
        .group_by(discrepancy.c.reason)
        .order_by(number.desc(), discrepancy.c.reason)
    )  # fmt: skip
    return {row.reason: row.number for row in rows}


def page(
    uow: UnitOfWork, since: datetime, until: datetime, *, kinds: Collection[Kind] = (),
    states: Collection[State] = (State.OPEN,), cursor: str | None = None, limit: int = 50,
) -> NotedPage:  # fmt: skip
    """Discrepancies of calls in [since, until), newest call first; raises InvalidInput for a cursor of elsewhere."""
    wanted = [
        discrepancy.c.at >= clock.to_column(since),
        discrepancy.c.at < clock.to_column(until),
        discrepancy.c.state.in_(states),
    ]
    if kinds:
        wanted.append(discrepancy.c.kind.in_(kinds))
    total = uow.execute(select(func.count()).select_from(discrepancy).where(*wanted)).scalar_one()
    after = list(wanted)
    if cursor is not None:
        place = uow.execute(select(discrepancy.c.at).where(discrepancy.c.id == cursor)).scalar_one_or_none()
        if place is None:
            raise InvalidInput("The cursor is not one of an earlier answer.", code="completeness.cursor")
        after.append(or_(discrepancy.c.at < place, and_(discrepancy.c.at == place, discrepancy.c.id < cursor)))
    rows = uow.execute(
        select(discrepancy).where(*after).order_by(discrepancy.c.at.desc(), discrepancy.c.id.desc()).limit(limit + 1)
    ).all()
    shown = tuple(_noted(row) for row in rows[:limit])
    return NotedPage(rows=shown, next_cursor=shown[-1].id if len(rows) > limit else None, total=int(total))


def get(uow: UnitOfWork, discrepancy_id: str) -> Noted:
    """One; raises NotFound."""
    row = uow.execute(select(discrepancy).where(discrepancy.c.id == discrepancy_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such discrepancy.", code="completeness.not_found")
    return _noted(row)


def resolve(uow: UnitOfWork, discrepancy_id: str, *, by: str, reason: str) -> Noted:
    """Close one with a reason; raises NotFound, InvalidInput without a reason, Conflict when it is closed already."""
    reason = reason.strip()
    if not reason or len(reason) > 1000:
        raise InvalidInput(
            "The reason is missing or longer than 1,000 letters.", code="completeness.reason",
            advice="Write what was found out, for example: switch test call, nothing to record.",
        )  # fmt: skip
    done = uow.execute(
        update(discrepancy)
        .where(discrepancy.c.id == discrepancy_id, discrepancy.c.state == State.OPEN)
        .values(state=State.RESOLVED, closed_at=clock.to_column(clock.now()), closed_by=by[:64], reason=reason)
    )
    found = get(uow, discrepancy_id)
    if done.rowcount == 0:
        raise Conflict("Somebody has closed this already.", code="completeness.closed")
    return found


def _fingerprint(value: Discrepancy) -> str:
    # A recording or call that changes makes another difference; how many seconds it is does not.
    about = (value.kind, value.source, value.call_id if value.expected else "", *value.conversations)
    return hashlib.sha256("\0".join(part or "" for part in about).encode()).hexdigest()


def _goes(row: Any, withheld: Collection[str | None]) -> bool:
    """Whether what is not found any more is gone: what a person has closed stays, unless it was no person."""
    if row.state == State.RESOLVED:
        return bool(row.kind == Kind.UNRECORDED or (row.kind == Kind.MISSING and row.expected_id in withheld))
    return bool(row.state == State.OPEN)


def _put(uow: UnitOfWork, fingerprint: str, value: Discrepancy, now: datetime, *, again: bool) -> None:
    renewed: dict[str, Any] = {
        "at": clock.to_column(value.at), "seconds": value.seconds, "call_id": value.call_id,
        "expected_id": value.expected,
    }  # fmt: skip
    opened: dict[str, Any] = {"state": State.OPEN}
    if value.kind is Kind.UNRECORDED:
        # Nobody has to look into it: it says itself why.
        opened = {"state": State.RESOLVED, "closed_at": now, "closed_by": "system", "reason": value.reason[:1000]}
        renewed |= opened
    elif again:
        renewed |= {"state": State.OPEN, "found_at": now, "closed_at": None, "closed_by": None, "reason": None}
    uow.execute(
        upsert(discrepancy)
        .values(
            id=new_id(), fingerprint=fingerprint, kind=value.kind, source=value.source,
            conversations=list(value.conversations), found_at=now, **opened,
            **{name: renewed[name] for name in ("at", "seconds", "call_id", "expected_id")},
        )
        .on_conflict_do_update(index_elements=["fingerprint"], set_=renewed)
    )  # fmt: skip


def _noted(row: Any) -> Noted:
    return Noted(
        id=row.id, kind=Kind(row.kind), source=row.source, call_id=row.call_id, expected_id=row.expected_id,
        conversations=tuple(row.conversations), at=clock.from_column(row.at), seconds=row.seconds,
        found_at=clock.from_column(row.found_at), state=State(row.state),
        closed_at=None if row.closed_at is None else clock.from_column(row.closed_at), closed_by=row.closed_by,
        reason=row.reason,
    )  # fmt: skip
