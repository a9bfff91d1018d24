"""The log's tables: lines that only come on top, the tree over them, its checkpoints. The database refuses the rest.

A line is in the tree in the moment it is written, in the unit of work of the deed itself: the head row is locked, the
line takes the next number, its hash is its leaf. Of the tree's inner nodes the roots of full subtrees of 256, 65,536 …
lines are kept (``audit_tile``), each made once, when its last line comes: appending costs the same at any size, and a
root or a proof reads some hundred rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Index, Integer, LargeBinary, String, Table, Text
from sqlalchemy.exc import OperationalError

from candor.audit import tree
from candor.audit.model import Entry, Event, leaf_of, moment, reason_digest, salt, told
from candor.kit import clock
from candor.kit.database import UnitOfWork, after_commit, cut_log, metadata
from candor.kit.ids import new_id

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime, nullable=False),
    Column("event", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("conversation_id", String(36)),
    Column("subject", String(120)),
    Column("origin", String(64)),
    Column("reason_digest", String(64)),
    Column("before", Integer),
    Column("leaf", LargeBinary(32), nullable=False),
    Index("ix_audit_entry_at", "at"),
    Index("ix_audit_entry_event", "event"),
    Index("ix_audit_entry_actor", "actor"),
    Index("ix_audit_entry_conversation_id", "conversation_id"),
)
"""``leaf`` is the hash over the other columns (:func:`candor.audit.model.told`); a line's place is its number − 1."""

audit_reason = Table(
    "audit_reason",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("text", String(1000), nullable=False),
)
"""Why, as somebody wrote it. It may name people, so it can be deleted; the line keeps its digest."""

audit_tile = Table(
    "audit_tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
)
"""Roots of full subtrees: level 1 of 256 lines, level 2 of 65,536."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("waiting", Boolean, nullable=False),
)
"""One row, which every writer locks. ``waiting``: lines of an older version are still to be taken in."""

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("note", Text, nullable=False),
)

audit_key = Table(
    "audit_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("public", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime, nullable=False),
)
"""What signs checkpoints: the private half is sealed by the vault."""

audit_event = Table(
    "audit_event",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("event", String(64), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("conversation_id", String(36)),
    Column("subject", String(120)),
    Column("reason", String(1000)),
    Index("ix_audit_event_conversation_id", "conversation_id"),
)
"""The log of versions before the tree; :func:`take_in` moves its lines over."""

STAY = ("audit_entry", "audit_tile", "audit_checkpoint")
"""Tables whose rows the database neither changes nor deletes; of reasons it refuses changes only."""
BATCH = 1_000
"""Lines of an older version that one unit of work takes in."""


def _refuse(table: Table, verb: str) -> None:
    """A trigger that lets nobody do so (migration 0008 has the same, and PostgreSQL's)."""
    statement = (
        f"CREATE TRIGGER {table.name}_no_{verb.lower()} BEFORE {verb} ON {table.name} "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
    )
    ddl = sa.DDL(statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]
    sa.event.listen(table, "after_create", ddl)


for _table in (audit_entry, audit_tile, audit_checkpoint):
    _refuse(_table, "UPDATE")
    _refuse(_table, "DELETE")
_refuse(audit_reason, "UPDATE")

# The update locks the row: whoever writes next waits for the end of this unit of work.
_NEXT = audit_head.update().values(size=audit_head.c.size + sa.text("1")).returning(
    audit_head.c.size, audit_head.c.waiting
)  # fmt: skip
_EVENTS = {event.value: event for event in Event}
_LINE, _REASON, _TILE = audit_entry.insert(), audit_reason.insert(), audit_tile.insert()
_READ = (
    sa.select(audit_entry)
    .where(audit_entry.c.number > sa.bindparam("after"), audit_entry.c.number <= sa.bindparam("upto"))
    .order_by(audit_entry.c.number).limit(5_000)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log stands."""

    name: str
    size: int
    waiting: bool


def append(
    uow: UnitOfWork, event: str, actor: str, *, conversation_id: str | None = None, subject: str | None = None,
    reason: str | None = None, origin: str | None = None,
) -> int:  # fmt: skip
    """Put a line on top; returns its number. ``uow`` must be one that writes."""
    number, waiting = _next(uow)
    if waiting:
        number = _take_in(uow, number, BATCH)
    # The time is read behind the lock, so that lines stand in order of time.
    _put(
        uow, number, clock.now(), event, actor, conversation_id=conversation_id, subject=subject, origin=origin,
        reason=reason,
    )  # fmt: skip
    return number


def take_in(uow: UnitOfWork) -> int:
    """Move up to 1,000 lines of an older version into the tree; returns how many there were."""
    number, _ = _next(uow)
    after = _take_in(uow, number, BATCH)
    uow.execute(audit_head.update().values(size=after - 1))
    return after - number


def head(uow: UnitOfWork) -> Head | None:
    """None before the first line of a database that was made without migrations."""
    row = uow.execute(sa.select(audit_head)).first()
    return None if row is None else Head(row.name, row.size, row.waiting)


def found_log(uow: UnitOfWork) -> None:
    """Make the head row, with the log's name, where there is none."""
    if uow.execute(sa.select(audit_head.c.id)).first() is None:
        old = uow.execute(sa.select(audit_event.c.id).limit(1)).first() is not None
        name = f"candor/audit/{new_id()}"
        uow.execute(audit_head.insert().values(id=1, name=name, size=0, waiting=old))


def _next(uow: UnitOfWork) -> tuple[int, bool]:
    """(the number of the next line, whether older lines come first)."""
    rows = _run(uow, _NEXT, {}).fetchall()
    if not rows:
        found_log(uow)
        rows = _run(uow, _NEXT, {}).fetchall()
    return int(rows[0][0]), bool(rows[0][1])


@lru_cache(maxsize=8)
def _prepared(statement: Any, dialect: Any) -> tuple[str, list[str] | None, dict[str, Any]]:
    """A statement as the driver takes it; the order of its values, None: by name; and those that it has already."""
    compiled = statement.compile(dialect=dialect)
    order = list(compiled.positiontup) if compiled.positional else None
    return str(compiled), order, {name: value for name, value in compiled.params.items() if value is not None}


def _run(uow: UnitOfWork, statement: Any, values: dict[str, Any]) -> Any:
    """Give a statement to the driver itself, in the same transaction: values go in and out as it has them.

    A line costs a third of the time so, and a log that is read whole a quarter.
    """
    text, order, known = _prepared(statement, uow.dialect)
    values = known | values
    cursor = uow.connection.cursor()
    try:
        cursor.execute(text, values if order is None else [values[name] for name in order])
    except uow.dialect.loaded_dbapi.OperationalError as error:
        raise OperationalError(text, None, error) from error
    return cursor


def _put(
    uow: UnitOfWork, number: int, at: datetime, event: str, actor: str, *, conversation_id: str | None,
    subject: str | None, origin: str | None, reason: str | None, before: int | None = None,
) -> None:  # fmt: skip
    digest = None
    if reason:
        its_salt, text = salt(), _clean(reason, 1000)
        digest = reason_digest(its_salt, text)
        uow.execute(_REASON, {"number": number, "salt": its_salt, "text": text})
    actor, subject, origin = _clean(actor, 64), subject and _clean(subject, 120), origin and _clean(origin, 64)
    line = told(
        number=number, at=moment(at), event=str(event), actor=actor, conversation_id=conversation_id, subject=subject,
        origin=origin, reason=digest, before=before,
    )  # fmt: skip
    plain = clock.to_column(at)
    _run(
        uow, _LINE,
        {
            "number": number, "at": plain.isoformat(" ", "microseconds") if uow.dialect.name == "sqlite" else plain,
            "event": str(event), "actor": actor, "conversation_id": conversation_id, "subject": subject,
            "origin": origin, "reason_digest": digest, "before": before, "leaf": tree.leaf_hash(leaf_of(line)),
        },
    )  # fmt: skip
    level, size = 0, number
    while size and size % tree.TILE == 0:
        # The last line of a full subtree: its root is made of the 256 roots (or leaves) below.
        level, size = level + 1, size // tree.TILE
        root = tree.root_of(_roots(uow, level - 1, (size - 1) * tree.TILE, tree.TILE))
        uow.execute(_TILE, {"level": level, "place": size - 1, "root": root})


def _clean(text: str, most: int) -> str:
    """What a database can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "")[:most].encode("utf-8", "replace").decode()


def _take_in(uow: UnitOfWork, number: int, most: int) -> int:
    """Give up to ``most`` older lines the numbers from ``number`` on; returns the one after them."""
    rows = uow.execute(sa.select(audit_event).order_by(audit_event.c.id).limit(most)).all()
    for place, row in enumerate(rows):
        _put(
            uow, number + place, clock.from_column(row.at), row.event, row.actor, conversation_id=row.conversation_id,
            subject=row.subject, origin=None, reason=row.reason, before=row.id,
        )  # fmt: skip
    if rows:
        uow.execute(audit_event.delete().where(audit_event.c.id <= rows[-1].id))
    after = number + len(rows)
    uow.execute(audit_head.update().values(size=after, waiting=len(rows) == most))
    return after


# ---- reading ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines; what is None or empty asks nothing."""

    conversation_id: str | None = None
    actor: str | None = None
    events: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As SQL."""
        line = audit_entry.c
        asked: list[sa.ColumnElement[bool]] = []
        if self.conversation_id is not None:
            asked.append(line.conversation_id == self.conversation_id)
        if self.actor is not None:
            asked.append(line.actor == self.actor)
        if self.events:
            asked.append(line.event.in_(self.events))
        if self.since is not None:
            asked.append(line.at >= clock.to_column(self.since))
        if self.until is not None:
            asked.append(line.at < clock.to_column(self.until))
        return asked


def newest(uow: UnitOfWork, wanted: Wanted, *, before: int | None = None, limit: int = 100) -> list[Entry]:
    """The newest lines first; ``before`` a number for the next page."""
    query = _lines().where(*wanted.conditions()).order_by(audit_entry.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(audit_entry.c.number < before)
    return [entry_of(row) for row in uow.execute(query)]


class Line(NamedTuple):
    """A line as it is kept, beside what it says."""

    number: int
    leaf: bytes
    text: str | None
    """The reason's, and its salt."""
    salt: bytes | None


def walk(uow: UnitOfWork, after: int = 0, upto: int | None = None) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Every line behind number ``after`` in order, with what it says (:func:`candor.audit.model.told`).

    A million lines are read here: columns come as the driver gives them, and reasons, which few lines have, by
    themselves.
    """
    while True:
        rows = _run(uow, _READ, {"after": after, "upto": upto or 2**31 - 1}).fetchall()
        if not rows:
            return
        reasons = _reasons(uow, after, rows[-1][0])
        for number, at, event, actor, conversation_id, subject, origin, reason, before, leaf in rows:
            says: dict[str, Any] = {"actor": actor, "at": _moment(at), "event": event, "number": number}
            if conversation_id is not None:
                says["conversation_id"] = conversation_id
            if subject is not None:
                says["subject"] = subject
            if origin is not None:
                says["origin"] = origin
            if reason is not None:
                says["reason"] = reason
            if before is not None:
                says["before"] = before
            text, its_salt = reasons.get(number, (None, None))
            yield Line(number, bytes(leaf), text, its_salt), says
        after = rows[-1][0]


def line(uow: UnitOfWork, number: int) -> tuple[Line, dict[str, Any]] | None:
    """One of them."""
    row = uow.execute(sa.select(audit_entry).where(audit_entry.c.number == number)).first()
    if row is None:
        return None
    says = told(
        number=number, at=_moment(row.at), event=row.event, actor=row.actor, conversation_id=row.conversation_id,
        subject=row.subject, origin=row.origin, reason=row.reason_digest, before=row.before,
    )  # fmt: skip
    text, its_salt = _reasons(uow, number - 1, number).get(number, (None, None))
    return Line(number, row.leaf, text, its_salt), says


def _reasons(uow: UnitOfWork, after: int, upto: int) -> dict[int, tuple[str | None, bytes | None]]:
    within = sa.and_(audit_reason.c.number > after, audit_reason.c.number <= upto)
    return {row.number: (row.text, row.salt) for row in uow.execute(sa.select(audit_reason).where(within))}


def _moment(at: datetime | str) -> str:
    """As :func:`candor.audit.model.moment`, of what a column without a zone holds: SQLite keeps texts."""
    return f"{at.replace(' ', 'T') if isinstance(at, str) else at.isoformat(timespec='microseconds')}Z"


def any_older(uow: UnitOfWork) -> bool:
    """Whether lines of an older version wait."""
    return uow.execute(sa.select(audit_event.c.id).limit(1)).first() is not None


def subjects(uow: UnitOfWork, event: str) -> set[str]:
    """What lines of an event are about."""
    query = sa.select(audit_entry.c.subject).where(audit_entry.c.event == event)
    return {subject for subject in uow.execute(query).scalars() if subject}


def _lines() -> sa.Select[Any]:
    joined = audit_entry.outerjoin(audit_reason, audit_reason.c.number == audit_entry.c.number)
    return sa.select(audit_entry, audit_reason.c.text, audit_reason.c.salt).select_from(joined)


def entry_of(row: sa.Row[Any]) -> Entry:
    """A row as a value."""
    return Entry(
        at=clock.from_column(row.at), event=_EVENTS.get(row.event, row.event), actor=row.actor,
        conversation_id=row.conversation_id, subject=row.subject, reason=row.text, origin=row.origin,
        number=row.number, reason_digest=row.reason_digest, before=row.before,
    )  # fmt: skip


def actors(uow: UnitOfWork) -> list[str]:
    """Everybody who ever did something; a skip through the index, not a scan of the log."""
    found: list[str] = []
    query = sa.select(sa.func.min(audit_entry.c.actor))
    actor = uow.execute(query).scalar()
    while actor is not None:
        found.append(actor)
        actor = uow.execute(query.where(audit_entry.c.actor > actor)).scalar()
    return found


def tiles(uow: UnitOfWork) -> Iterator[tuple[int, int, bytes]]:
    """All kept inner nodes, by level and place."""
    yield from (
        (row.level, row.place, row.root)
        for row in uow.execute(sa.select(audit_tile).order_by(audit_tile.c.level, audit_tile.c.place))
    )


def subtree(uow: UnitOfWork) -> Callable[[int, int], bytes]:
    """Gives roots of parts of the tree, for proofs, out of what is kept; raises LookupError for a hole.

    It remembers them: several proofs in one unit of work share most of theirs.
    """

    @cache
    def between(start: int, stop: int) -> bytes:
        size = stop - start
        if size >= tree.TILE and size & (size - 1):
            middle = start + tree.split(size)
            return tree.node_hash(between(start, middle), between(middle, stop))
        level = (size.bit_length() - 1) // tree.WIDTH
        return tree.root_of(_roots(uow, level, start >> tree.WIDTH * level, max(size >> tree.WIDTH * level, 1)))

    return between


def _roots(uow: UnitOfWork, level: int, first: int, count: int) -> list[bytes]:
    """Leaves (level 0) or kept inner nodes, by place; raises LookupError when one is missing."""
    if level == 0:
        place, query = audit_entry.c.number, sa.select(audit_entry.c.leaf)
        query = query.where(audit_entry.c.number > first, audit_entry.c.number <= first + count)
    else:
        place = audit_tile.c.place
        query = sa.select(audit_tile.c.root).where(audit_tile.c.level == level)
        query = query.where(place >= first, place < first + count)
    found = uow.execute(query.order_by(place)).scalars().all()
    if len(found) != count:
        raise LookupError("a line or an inner node is missing")
    return list(found)


def root_at(uow: UnitOfWork, size: int) -> bytes:
    """The root of the first ``size`` lines; raises LookupError for a hole."""
    return tree.EMPTY if size == 0 else subtree(uow)(0, size)


# ---- reasons, checkpoints, the key ----


def forget_reason(uow: UnitOfWork, number: int) -> bool:
    """Whether there was one; its bytes are gone from the file, and from its log, too."""
    after_commit(uow, cut_log)
    return bool(uow.execute(audit_reason.delete().where(audit_reason.c.number == number)).rowcount)


def put_checkpoint(uow: UnitOfWork, size: int, at: datetime, note: str) -> None:
    """Keep it behind those before."""
    last = uow.execute(sa.select(sa.func.max(audit_checkpoint.c.number))).scalar() or 0
    uow.execute(audit_checkpoint.insert().values(number=last + 1, size=size, at=clock.to_column(at), note=note))


def checkpoints(uow: UnitOfWork, limit: int | None = None) -> list[tuple[int, datetime, str]]:
    """(size, when, note), the newest first."""
    query = sa.select(audit_checkpoint).order_by(audit_checkpoint.c.number.desc()).limit(limit)
    return [(row.size, clock.from_column(row.at), row.note) for row in uow.execute(query)]


def key(uow: UnitOfWork) -> tuple[bytes, bytes] | None:
    """(public, sealed private); None before it was made."""
    row = uow.execute(sa.select(audit_key).order_by(audit_key.c.id.desc()).limit(1)).first()
    return None if row is None else (row.public, row.sealed)


def put_key(uow: UnitOfWork, public: bytes, sealed: bytes) -> None:
    """There is one."""
    uow.execute(audit_key.insert().values(id=1, public=public, sealed=sealed, created_at=clock.to_column(clock.now())))
