"""The tables of legal holds. What a hold says of a case is sealed: it often names somebody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Index, LargeBinary, String, Table

from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

legal_hold = Table(
    "legal_hold",
    metadata,
    Column("id", String(36), primary_key=True),
    # Case, reason, query, hints of people; and the reason of its release.
    Column("sealed", LargeBinary, nullable=False),
    Column("since", DateTime),
    Column("until", DateTime),
    Column("asks", Boolean, nullable=False),
    Column("placed_at", DateTime, nullable=False),
    Column("placed_by", String(64), nullable=False),
    Column("released_at", DateTime),
    Column("released_by", String(64)),
    Index("ix_legal_hold_released_at", "released_at"),
)

hold_person = Table(
    "hold_person",
    metadata,
    Column("hold_id", String(36), primary_key=True),
    Column("digest", String(64), primary_key=True),
)

hold_conversation = Table(
    "hold_conversation",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("hold_id", String(36), primary_key=True),
    # Named one by one, rather than found by the hold's rule.
    Column("named", Boolean, nullable=False),
    Column("at", DateTime, nullable=False),
    Index("ix_hold_conversation_hold_id", "hold_id"),
)


class Cipher(Protocol):
    """Seals what a hold says (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed."""


CipherFor = Callable[[UnitOfWork, bool], Cipher]
"""True: make its key when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """One hold. A conversation is under it when it is named, or when all of people, period and query fit."""

    id: str
    case: str
    """The matter: a file number, the parties."""
    reason: str
    people: tuple[str, ...] = ()
    """Blind digests of numbers, addresses, names; any of them."""
    hints: tuple[str, ...] = ()
    """What people may know those by: the last digits."""
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    query: str | None = None
    """Words and filters of the list of conversations, as its address has them."""
    placed_at: datetime
    placed_by: str
    released_at: datetime | None = None
    released_by: str | None = None
    release_reason: str | None = None

    @property
    def has_rule(self) -> bool:
        """Whether it finds conversations by itself, those to come included."""
        return bool(self.people or self.since or self.until or self.query)


def place(uow: UnitOfWork, hold: LegalHold, cipher: Cipher) -> None:
    """Keep a new hold."""
    uow.execute(
        legal_hold.insert().values(
            id=hold.id, sealed=cipher.seal(hold.id, _told(hold)), since=hold.since and clock.to_column(hold.since),
            until=hold.until and clock.to_column(hold.until), asks=bool(hold.query),
            placed_at=clock.to_column(hold.placed_at), placed_by=hold.placed_by,
        )
    )  # fmt: skip
    if hold.people:
        uow.execute(hold_person.insert(), [{"hold_id": hold.id, "digest": one} for one in dict.fromkeys(hold.people)])


def release(uow: UnitOfWork, hold: LegalHold, cipher: Cipher, *, by: str, reason: str) -> LegalHold:
    """End a hold; raises Conflict when it is over."""
    if hold.released_at is not None:
        raise Conflict("This hold is released already.", code="hold.released")
    over = replace(hold, released_at=clock.now(), released_by=by, release_reason=reason)
    uow.execute(
        legal_hold.update()
        .where(legal_hold.c.id == hold.id)
        .values(
            sealed=cipher.seal(hold.id, _told(over)), released_at=clock.to_column(over.released_at or clock.now()),
            released_by=by,
        )
    )  # fmt: skip
    return over


def get(uow: UnitOfWork, hold_id: str, cipher: Cipher) -> LegalHold:
    """One hold; raises NotFound."""
    row = uow.execute(sa.select(legal_hold).where(legal_hold.c.id == hold_id)).first()
    if row is None:
        raise NotFound("There is no such hold.", code="hold.not_found")
    return _hold(uow, row, cipher)


def listed(uow: UnitOfWork, cipher: Cipher, *, standing: bool | None = None, limit: int = 500) -> list[LegalHold]:
    """The newest first; ``standing``: only those that are not released (True), or are (False)."""
    query = sa.select(legal_hold).order_by(legal_hold.c.placed_at.desc(), legal_hold.c.id.desc()).limit(limit)
    if standing is not None:
        query = query.where(legal_hold.c.released_at.is_(None) if standing else legal_hold.c.released_at.is_not(None))
    return [_hold(uow, row, cipher) for row in uow.execute(query).all()]


def any_standing(uow: UnitOfWork) -> bool:
    """Whether there is any hold at all."""
    return (
        uow.execute(sa.select(legal_hold.c.id).where(legal_hold.c.released_at.is_(None)).limit(1)).first() is not None
    )


def add(uow: UnitOfWork, hold_id: str, conversation_ids: Iterable[str], *, named: bool) -> int:
    """Put conversations under a hold; returns how many were not."""
    ids = list(dict.fromkeys(conversation_ids))
    added, at = 0, clock.to_column(clock.now())
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        known = set(
            uow.execute(
                sa.select(hold_conversation.c.conversation_id).where(
                    hold_conversation.c.hold_id == hold_id, hold_conversation.c.conversation_id.in_(part)
                )
            ).scalars()
        )
        rows = [
            {"hold_id": hold_id, "conversation_id": one, "named": named, "at": at} for one in part if one not in known
        ]
        if rows:
            uow.execute(hold_conversation.insert(), rows)
        added += len(rows)
    return added


def is_held(uow: UnitOfWork, conversation_id: str) -> bool:
    """Whether a standing hold covers it, as far as it is known by now."""
    return uow.execute(sa.select(held_by(sa.literal(conversation_id)))).scalar_one() is True


def is_about(uow: UnitOfWork, digests: Iterable[str]) -> bool:
    """Whether a standing hold names one of these people: of what has no conversation any more."""
    query = (
        sa.select(hold_person.c.hold_id)
        .join(legal_hold, legal_hold.c.id == hold_person.c.hold_id)
        .where(legal_hold.c.released_at.is_(None), hold_person.c.digest.in_(list(digests)))
        .limit(1)
    )
    return uow.execute(query).first() is not None


def held_by(conversation_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """The same as a condition of a larger query."""
    return (
        sa.exists()
        .where(hold_conversation.c.conversation_id == conversation_id)
        .where(hold_conversation.c.hold_id == legal_hold.c.id)
        .where(legal_hold.c.released_at.is_(None))
    )


def holds_of(uow: UnitOfWork, conversation_id: str) -> list[str]:
    """Ids of the standing holds on one conversation."""
    query = (
        sa.select(legal_hold.c.id)
        .join(hold_conversation, hold_conversation.c.hold_id == legal_hold.c.id)
        .where(hold_conversation.c.conversation_id == conversation_id, legal_hold.c.released_at.is_(None))
        .order_by(legal_hold.c.placed_at)
    )
    return list(uow.execute(query).scalars())


def counts(uow: UnitOfWork) -> dict[str, int]:
    """How many conversations each hold covers."""
    query = sa.select(hold_conversation.c.hold_id, sa.func.count()).group_by(hold_conversation.c.hold_id)
    return {hold_id: int(count) for hold_id, count in uow.execute(query)}


def conversations(uow: UnitOfWork, hold_id: str, limit: int = 200) -> list[str]:
    """What a hold covers, the newest first."""
    query = sa.select(hold_conversation.c.conversation_id).where(hold_conversation.c.hold_id == hold_id)
    return list(uow.execute(query.order_by(hold_conversation.c.conversation_id.desc()).limit(limit)).scalars())


def _told(hold: LegalHold) -> bytes:
    return json.dumps(
        {
            "case": hold.case, "reason": hold.reason, "hints": hold.hints, "query": hold.query,
            "release_reason": hold.release_reason,
        }
    ).encode()  # fmt: skip


def _hold(uow: UnitOfWork, row: Any, cipher: Cipher) -> LegalHold:
    told = json.loads(cipher.open(row.id, row.sealed))
    people = uow.execute(sa.select(hold_person.c.digest).where(hold_person.c.hold_id == row.id)).scalars()
    return LegalHold(
        id=row.id, case=told["case"], reason=told["reason"], people=tuple(people), hints=tuple(told["hints"]),
        since=row.since and clock.from_column(row.since), until=row.until and clock.from_column(row.until),
        query=told["query"], placed_at=clock.from_column(row.placed_at), placed_by=row.placed_by,
        released_at=row.released_at and clock.from_column(row.released_at), released_by=row.released_by,
        release_reason=told["release_reason"],
    )  # fmt: skip
