"""The ledger's table: lines that only come on top. The database itself refuses to change or delete them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, String, Table, Text

from candor.consent.ledger import chain
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Proof, Whose
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

consent_line = Table(
    "consent_line",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime, nullable=False),
    Column("event", String(16), nullable=False),
    Column("whose", String(16), nullable=False),
    Column("subject", String(64)),
    Column("conversation_id", String(36)),
    Column("call_id", String(255)),
    Column("text", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ix_consent_line_subject", "subject", "at"),
    Index("ix_consent_line_conversation_id", "conversation_id"),
    Index("ix_consent_line_call_id", "call_id"),
)
"""``text`` is the truth, which the digest covers; the other columns repeat what is looked for."""


def _refuse(name: str, verb: str) -> Any:
    """A trigger that lets nobody do so."""
    statement = (
        f"CREATE TRIGGER {name} BEFORE {verb} ON consent_line "
        "BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END"
    )
    return sa.DDL(statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]


sa.event.listen(consent_line, "after_create", _refuse("consent_line_stays", "UPDATE"))
sa.event.listen(consent_line, "after_create", _refuse("consent_line_remains", "DELETE"))

consent_expiry = Table(
    "consent_expiry",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("expires_at", DateTime, nullable=False, index=True),
)
"""Lines whose time is not over yet, or was not dealt with: what is to be looked at, out of all that was ever given."""

consent_secret = Table(
    "consent_secret",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""Secrets of this house, sealed by the vault: one row for each use."""

PSEUDONYMS, SOUND_ADDRESSES = 1, 2
"""What a secret is for: people in the ledger, and the addresses from which phone systems fetch announcements."""

do_not_record = Table(
    "do_not_record",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("hint", String(64), nullable=False),
    Column("added_at", DateTime, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("reason", String(1000), nullable=False),
)
"""People who are never recorded, by pseudonym."""

PAGE = 1_000


def append(uow: UnitOfWork, entry: Entry) -> Line:
    """Put a line on top; ``uow`` must be one that writes, so that nobody else does meanwhile."""
    last = uow.execute(
        sa.select(consent_line.c.number, consent_line.c.digest).order_by(consent_line.c.number.desc()).limit(1)
    ).first()
    number, previous = (0, chain.START) if last is None else (last.number, last.digest)
    line, text = chain.sealed(entry, number + 1, previous)
    uow.execute(
        consent_line.insert().values(
            number=line.number, at=clock.to_column(entry.at), event=entry.event, whose=entry.whose,
            subject=entry.subject, conversation_id=entry.conversation_id, call_id=entry.call_id, text=text,
            previous=line.previous, digest=line.digest,
        )
    )  # fmt: skip
    if entry.expires_at is not None:
        ends = clock.to_column(entry.expires_at)
        uow.execute(consent_expiry.insert().values(line=line.number, expires_at=ends))
    return line


def of_subject(uow: UnitOfWork, subject: str) -> list[Line]:
    """Everything about one person, oldest first."""
    return _lines(uow, consent_line.c.subject == subject)


def of_call(uow: UnitOfWork, *, conversation_id: str | None = None, call_id: str | None = None) -> list[Line]:
    """Everything about one call, by either of its names, oldest first."""
    named = [
        column == value
        for column, value in ((consent_line.c.conversation_id, conversation_id), (consent_line.c.call_id, call_id))
        if value is not None
    ]
    return _lines(uow, sa.or_(*named)) if named else []


def written_of_call(uow: UnitOfWork, *, conversation_id: str, call_id: str | None) -> list[tuple[int, str, str, str]]:
    """The same lines as they were written, for others to check: (number, canonical text, previous, digest)."""
    named = consent_line.c.conversation_id == conversation_id
    if call_id is not None:
        named |= consent_line.c.call_id == call_id
    rows = uow.execute(sa.select(consent_line).where(named).order_by(consent_line.c.number))
    return [(row.number, row.text, row.previous, row.digest) for row in rows]


def newest(
    uow: UnitOfWork, *, before: int | None = None, events: tuple[ConsentEvent, ...] = (), limit: int = 100
) -> list[Line]:
    """The newest lines first; ``before`` a number for the next page."""
    query = sa.select(consent_line).order_by(consent_line.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(consent_line.c.number < before)
    if events:
        query = query.where(consent_line.c.event.in_(events))
    return [_line(row) for row in uow.execute(query)]


def employees(uow: UnitOfWork) -> list[Line]:
    """The newest line of each employee that the ledger knows."""
    newest_of = (
        sa.select(sa.func.max(consent_line.c.number))
        .where(consent_line.c.whose == Whose.EMPLOYEE, consent_line.c.subject.is_not(None))
        .group_by(consent_line.c.subject)
    )
    return _lines(uow, consent_line.c.number.in_(newest_of))


def walk(uow: UnitOfWork) -> Iterator[tuple[int, str, str, str]]:
    """Every line in order, as :func:`candor.consent.ledger.chain.check` takes it."""
    after = 0
    while True:
        rows = uow.execute(
            sa.select(consent_line.c.number, consent_line.c.text, consent_line.c.previous, consent_line.c.digest)
            .where(consent_line.c.number > after).order_by(consent_line.c.number).limit(PAGE)
        ).all()  # fmt: skip
        for row in rows:
            yield row.number, row.text, row.previous, row.digest
        if len(rows) < PAGE:
            return
        after = rows[-1].number


def expiring(uow: UnitOfWork, until: datetime, limit: int = 1_000) -> list[Line]:
    """Consent whose time is over and that nobody has looked at for that, the first to end first."""
    query = (
        sa.select(consent_line)
        .join(consent_expiry, consent_expiry.c.line == consent_line.c.number)
        .where(consent_expiry.c.expires_at <= clock.to_column(until))
        .order_by(consent_expiry.c.expires_at, consent_line.c.number)
        .limit(limit)
    )
    return [_line(row) for row in uow.execute(query)]


def looked_at(uow: UnitOfWork, number: int) -> None:
    """The expiry of a line was dealt with."""
    uow.execute(consent_expiry.delete().where(consent_expiry.c.line == number))


def secret(uow: UnitOfWork, use: int = PSEUDONYMS) -> bytes | None:
    """A sealed secret; None before its first use."""
    query = sa.select(consent_secret.c.sealed).where(consent_secret.c.id == use)
    found: bytes | None = uow.execute(query).scalar()
    return found


def put_secret(uow: UnitOfWork, sealed: bytes, use: int = PSEUDONYMS) -> None:
    """Keep it; there is only one for each use."""
    uow.execute(consent_secret.insert().values(id=use, sealed=sealed))


def never_record(uow: UnitOfWork, subject: str, *, hint: str, by: str, reason: str) -> None:
    """Put a person on the list; no change when they are on it."""
    if not uow.execute(sa.select(do_not_record.c.subject).where(do_not_record.c.subject == subject)).first():
        uow.execute(
            do_not_record.insert().values(
                subject=subject, hint=hint, added_at=clock.to_column(clock.now()), added_by=by, reason=reason[:1000]
            )
        )


def may_record_again(uow: UnitOfWork, subject: str) -> bool:
    """Take a person off the list; whether they were on it."""
    return bool(uow.execute(do_not_record.delete().where(do_not_record.c.subject == subject)).rowcount)


def never_recorded(uow: UnitOfWork) -> list[sa.Row[tuple[object, ...]]]:
    """The list, newest first."""
    return list(uow.execute(sa.select(do_not_record).order_by(do_not_record.c.added_at.desc())))


def is_refused(uow: UnitOfWork, subject: str) -> bool:
    """Whether somebody is never recorded."""
    return uow.execute(sa.select(do_not_record.c.subject).where(do_not_record.c.subject == subject)).first() is not None


def _lines(uow: UnitOfWork, condition: sa.ColumnElement[bool]) -> list[Line]:
    query = sa.select(consent_line).where(condition).order_by(consent_line.c.number)
    return [_line(row) for row in uow.execute(query)]


def _line(row: sa.Row[tuple[object, ...]]) -> Line:
    told = json.loads(str(row.text))
    entry = Entry(
        at=datetime.fromisoformat(told["at"]), event=ConsentEvent(told["event"]), whose=Whose(told["whose"]),
        subject=told["subject"], hint=told["hint"], conversation_id=told["conversation_id"], call_id=told["call_id"],
        method=Method(told["method"]), covers=tuple(told["covers"]), proof=Proof(**told["proof"]),
        text_version=told["text_version"], language=told["language"],
        expires_at=None if told["expires_at"] is None else datetime.fromisoformat(told["expires_at"]),
        actor=told["actor"],
    )  # fmt: skip
    return Line(
        number=row.number, written_at=datetime.fromisoformat(told["written_at"]), entry=entry, previous=row.previous,
        digest=row.digest,
    )  # fmt: skip
