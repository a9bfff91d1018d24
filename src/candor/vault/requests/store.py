"""The register of data subjects' requests. Who asked is sealed, under a key of the request's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Column, Date, DateTime, Index, Integer, LargeBinary, String, Table, Text

from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.vault.requests.people import IdKind

subject_request = Table(
    "subject_request",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("law", String(16), nullable=False),
    Column("received_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("extended", String(1000)),
    Column("state", String(16), nullable=False),
    # Who asked and by what they are found, JSON; None once the request is closed and its time is over.
    Column("sealed", LargeBinary),
    Column("digests", Text, nullable=False),
    Column("verified", String(1000)),
    Column("taken_by", String(64), nullable=False),
    Column("closed_at", DateTime),
    Column("closed_by", String(64)),
    Column("outcome", String(1000)),
    Index("ix_subject_request_state", "state", "due_on"),
)

request_item = Table(
    "request_item",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("conversation_id", String(36), primary_key=True),
    Column("started_at", DateTime, nullable=False),
    Column("how", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("words", String(500), nullable=False),
    Column("until", Date),
    Index("ix_request_item_state", "state"),
    Index("ix_request_item_conversation_id", "conversation_id"),
)

request_step = Table(
    "request_step",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("request_id", String(36), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("by", String(64), nullable=False),
    Column("what", String(32), nullable=False),
    Column("words", String(500), nullable=False),
    Index("ix_request_step_request_id", "request_id", "id"),
)


HELD_BACK, LET_GO = "held_back", "let_go"
"""Steps of a request: a legal hold keeps something beside its conversations; and that it keeps it no longer."""


class RequestKind(StrEnum):
    """What somebody wants."""

    ACCESS = "access"
    """A copy of what is held (GDPR art. 15, 20)."""
    ERASURE = "erasure"
    """That it is destroyed (GDPR art. 17)."""


class RequestState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    CLOSED = "closed"


class ItemState(StrEnum):
    """What is to become of one conversation, or became of it."""

    FOUND = "found"
    LEFT_OUT = "left_out"
    """A person said that it is not theirs."""
    GIVEN = "given"
    """In a copy that was handed out."""
    ERASED = "erased"
    EXCEPTED = "excepted"
    """It could not be erased, and why; it is as soon as it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who asks, and by what they are found."""

    name: str
    contact: str = ""
    keys: tuple[tuple[IdKind, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRequest:
    """One request."""

    id: str
    number: int
    kind: RequestKind
    law: str
    received_on: date
    due_on: date
    extended: str | None
    """Why it took longer; None: it was not extended."""
    state: RequestState
    digests: tuple[str, ...]
    verified: str | None
    """How it was made sure that they are who they say; None: not yet."""
    taken_by: str
    closed_at: datetime | None = None
    closed_by: str | None = None
    outcome: str | None = None

    def overdue(self, today: date) -> bool:
        """Whether it should have been answered."""
        return self.state is RequestState.OPEN and today > self.due_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One conversation of a request."""

    request_id: str
    conversation_id: str
    started_at: datetime
    how: str
    state: ItemState
    words: str
    """Why, in words that the person can be told."""
    until: date | None = None
    """Until when an exception holds, where that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that was done."""

    at: datetime
    by: str
    what: str
    words: str


class Cipher(Protocol):
    """Seals who asks (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed."""


CipherFor = Callable[[UnitOfWork, str, bool], Cipher]
"""By a request's id; True: make its key when there is none."""


def add(uow: UnitOfWork, request: SubjectRequest, subject: Subject, cipher: Cipher) -> None:
    """Keep a new one."""
    told = json.dumps({"name": subject.name, "contact": subject.contact, "keys": subject.keys}).encode()
    uow.execute(
        subject_request.insert().values(
            id=request.id, number=request.number, kind=request.kind, law=request.law, received_on=request.received_on,
            due_on=request.due_on, state=request.state, sealed=cipher.seal("subject", told),
            digests=json.dumps(request.digests), taken_by=request.taken_by,
        )
    )  # fmt: skip


def next_number(uow: UnitOfWork) -> int:
    """For a new one; ``uow`` writes."""
    return int(uow.execute(sa.select(sa.func.max(subject_request.c.number))).scalar() or 0) + 1


def get(uow: UnitOfWork, request_id: str) -> SubjectRequest:
    """One, by its id or its number; raises NotFound."""
    column: Any = subject_request.c.id
    wanted: Any = request_id
    if request_id.isascii() and request_id.isdigit() and len(request_id) < 10:
        column, wanted = subject_request.c.number, int(request_id)
    row = uow.execute(sa.select(subject_request).where(column == wanted)).first()
    if row is None:
        raise NotFound("There is no such request.", code="request.not_found")
    return _request(row)


def subject_of(uow: UnitOfWork, request_id: str, cipher: CipherFor) -> Subject | None:
    """Who asked; None once that was forgotten."""
    query = sa.select(subject_request.c.sealed).where(subject_request.c.id == request_id)
    sealed = uow.execute(query).scalar()
    if sealed is None:
        return None
    told = json.loads(cipher(uow, request_id, False).open("subject", sealed))
    keys = tuple((IdKind(kind), value) for kind, value in told["keys"])
    return Subject(name=told["name"], contact=told["contact"], keys=keys)


def forget_subject(uow: UnitOfWork, request_id: str) -> None:
    """Who asked is not needed any more; the caller destroys the key."""
    uow.execute(subject_request.update().where(subject_request.c.id == request_id).values(sealed=None))


def listed(uow: UnitOfWork, *, state: RequestState | None = None, limit: int = 500) -> list[SubjectRequest]:
    """By deadline, the open ones first."""
    table = subject_request
    order = (sa.case((table.c.state == RequestState.OPEN, 0), else_=1), table.c.due_on, table.c.number)
    query = sa.select(table).order_by(*order).limit(limit)
    if state is not None:
        query = query.where(table.c.state == state)
    return [_request(row) for row in uow.execute(query)]


def overdue(uow: UnitOfWork, today: date) -> int:
    """How many should have been answered."""
    table = subject_request
    query = sa.select(sa.func.count()).where(table.c.state == RequestState.OPEN, table.c.due_on < today)
    return int(uow.execute(query).scalar_one())


def change(uow: UnitOfWork, request_id: str, **values: Any) -> None:
    """Set some columns."""
    uow.execute(subject_request.update().where(subject_request.c.id == request_id).values(**values))


def put_items(uow: UnitOfWork, items: Iterable[Item]) -> int:
    """Keep conversations that are not in the request yet; returns how many."""
    added = 0
    for one in items:
        known = uow.execute(
            sa.select(request_item.c.state).where(
                request_item.c.request_id == one.request_id, request_item.c.conversation_id == one.conversation_id
            )
        ).first()
        if known is None:
            uow.execute(
                request_item.insert().values(
                    request_id=one.request_id, conversation_id=one.conversation_id,
                    started_at=clock.to_column(one.started_at), how=one.how, state=one.state, words=one.words[:500],
                    until=one.until,
                )
            )  # fmt: skip
            added += 1
    return added


def set_item(
    uow: UnitOfWork, request_id: str, conversation_id: str, state: ItemState, words: str, until: date | None = None
) -> None:
    """Say what became of one conversation; raises NotFound."""
    changed = uow.execute(
        request_item.update()
        .where(request_item.c.request_id == request_id, request_item.c.conversation_id == conversation_id)
        .values(state=state, words=words[:500], until=until)
    )
    if changed.rowcount == 0:
        raise NotFound("This conversation is not part of the request.", code="request.item")


def items(uow: UnitOfWork, request_id: str) -> list[Item]:
    """Its conversations, the oldest first."""
    query = sa.select(request_item).where(request_item.c.request_id == request_id)
    return [
        _item(row) for row in uow.execute(query.order_by(request_item.c.started_at, request_item.c.conversation_id))
    ]


def waiting(uow: UnitOfWork) -> list[Item]:
    """Conversations whose erasure was ordered and could not be done yet."""
    query = sa.select(request_item).where(request_item.c.state == ItemState.EXCEPTED)
    return [_item(row) for row in uow.execute(query.order_by(request_item.c.until, request_item.c.conversation_id))]


def held_back(uow: UnitOfWork) -> list[tuple[SubjectRequest, datetime]]:
    """Requests of which something beside conversations could not be erased and is to be, with when that was."""
    last = sa.select(sa.func.max(request_step.c.id)).where(request_step.c.what.in_([HELD_BACK, LET_GO]))
    query = sa.select(request_step).where(
        request_step.c.id.in_(last.group_by(request_step.c.request_id)), request_step.c.what == HELD_BACK
    )
    return [(get(uow, row.request_id), clock.from_column(row.at)) for row in uow.execute(query).all()]


def add_step(uow: UnitOfWork, request_id: str, step: Step) -> None:
    """Note what was done."""
    uow.execute(
        request_step.insert().values(
            request_id=request_id, at=clock.to_column(step.at), by=step.by, what=step.what, words=step.words[:500]
        )
    )


def steps(uow: UnitOfWork, request_id: str) -> list[Step]:
    """What was done, the oldest first."""
    rows = uow.execute(
        sa.select(request_step).where(request_step.c.request_id == request_id).order_by(request_step.c.id)
    )
    return [Step(at=clock.from_column(row.at), by=row.by, what=row.what, words=row.words) for row in rows]


def _request(row: Any) -> SubjectRequest:
    return SubjectRequest(
        id=row.id, number=row.number, kind=RequestKind(row.kind), law=row.law, received_on=row.received_on,
        due_on=row.due_on, extended=row.extended, state=RequestState(row.state),
        digests=tuple(json.loads(row.digests)), verified=row.verified, taken_by=row.taken_by,
        closed_at=row.closed_at and clock.from_column(row.closed_at), closed_by=row.closed_by, outcome=row.outcome,
    )  # fmt: skip


def _item(row: Any) -> Item:
    return Item(
        request_id=row.request_id, conversation_id=row.conversation_id, started_at=clock.from_column(row.started_at),
        how=row.how, state=ItemState(row.state), words=row.words, until=row.until,
    )  # fmt: skip
