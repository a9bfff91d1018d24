"""The register of conversations and the list of what was refused: the tables of capture.

A row shows only what listing needs. Names and numbers are in ``sealed``, which the caller seals and opens.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    or_,
    select,
    update,
)

from candor.conversation.codec import dumps, loads
from candor.conversation.model import Conversation
from candor.errors import CandorError, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id

conversation = Table(
    "conversation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("external_id", String(255)),
    Column("source", String(64), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("utc_offset_minutes", Integer, nullable=False),
    Column("medium", String(16), nullable=False),
    Column("direction", String(16), nullable=False),
    Column("queue", String(255)),
    Column("team", String(255)),
    Column("agent_id", String(255)),
    Column("language", String(35)),
    # Of the original bytes; empty where a conversation has none. With the call id: the key of "nothing twice".
    Column("sha512", String(128), nullable=False),
    Column("call_key", String(255), nullable=False),
    Column("object_id", String(36)),
    Column("created_at", DateTime, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("sha512", "call_key", name="uq_conversation_sha512_call_key"),
    Index("ix_conversation_started_at", "started_at"),
    Index("ix_conversation_external_id", "external_id"),
)

intake = Table(
    "intake",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("name", String(255), nullable=False),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("resolved_at", DateTime),
    Index("ix_intake_resolved_at_at", "resolved_at", "at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The outcome of registering."""

    id: str
    duplicate: bool
    """True when the conversation was there already: ``id`` is then the earlier one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRefusal:
    """Something that could not be taken in."""

    id: str
    at: datetime
    name: str
    code: str
    message: str
    advice: str


def register(
    uow: UnitOfWork, value: Conversation, *, seal: Callable[[bytes], bytes], sha512: str | None = None
) -> Registered:
    """Record ``value``; the same bytes with the same call id are the same conversation, whichever way they came in.

    ``sha512`` (hexadecimal) is for documents without a recording. A call id that one of the two lacks does not
    tell them apart.
    """
    digest = sha512 or (value.recording.sha512 if value.recording else "") or f"id:{value.id}"
    known = by_digest(uow, digest, external_id=value.external_id)
    if known is not None:
        return Registered(id=known, duplicate=True)
    agent = value.agent
    uow.execute(
        insert(conversation).values(
            id=value.id,
            external_id=value.external_id,
            source=value.source,
            started_at=clock.to_column(value.started_at),
            utc_offset_minutes=value.utc_offset_minutes,
            medium=value.medium.value,
            direction=value.direction.value,
            queue=value.queue,
            team=value.team,
            agent_id=agent.agent_id if agent else None,
            language=value.language,
            sha512=digest,
            call_key=value.external_id or "",
            object_id=value.recording.object_id if value.recording else None,
            created_at=clock.to_column(clock.now()),
            sealed=seal(dumps(value)),
        )
    )
    return Registered(id=value.id, duplicate=False)


def get(uow: UnitOfWork, conversation_id: str, *, unseal: Callable[[bytes], bytes]) -> Conversation:
    """The whole conversation value; raises NotFound."""
    sealed = uow.execute(select(conversation.c.sealed).where(conversation.c.id == conversation_id)).scalar_one_or_none()
    if sealed is None:
        raise NotFound("There is no such conversation.", code="conversation.not_found")
    return loads(Conversation, unseal(sealed))


def replace_value(uow: UnitOfWork, value: Conversation, *, seal: Callable[[bytes], bytes]) -> None:
    """Keep ``value`` in place of what is known of the conversation.

    The digest that tells whether the same bytes came already stays that of the bytes that came.
    """
    object_id = value.recording.object_id if value.recording else None
    changed = {"sealed": seal(dumps(value)), "object_id": object_id}
    uow.execute(update(conversation).where(conversation.c.id == value.id).values(**changed))


def exists(uow: UnitOfWork, conversation_id: str) -> bool:
    """Whether a conversation is registered."""
    return uow.execute(select(conversation.c.id).where(conversation.c.id == conversation_id)).first() is not None


def registered_at(uow: UnitOfWork, conversation_id: str) -> datetime | None:
    """When it was taken in; None when there is no such conversation."""
    found = uow.execute(select(conversation.c.created_at).where(conversation.c.id == conversation_id)).scalar()
    return None if found is None else clock.from_column(found)


def ids(uow: UnitOfWork) -> list[str]:
    """Every conversation, oldest call first."""
    return list(uow.execute(select(conversation.c.id).order_by(conversation.c.started_at, conversation.c.id)).scalars())


def by_digest(uow: UnitOfWork, sha512: str, *, external_id: str | None = None) -> str | None:
    """The id of the conversation made of these bytes; None when there is none.

    Two call ids that are both given and differ are two calls, even with the same bytes.
    """
    same = select(conversation.c.id).where(conversation.c.sha512 == sha512)
    if external_id is not None:
        same = same.where(or_(conversation.c.external_id == external_id, conversation.c.external_id.is_(None)))
    return uow.execute(same.order_by(conversation.c.id).limit(1)).scalar_one_or_none()


def by_external_id(uow: UnitOfWork, external_id: str) -> list[str]:
    """The conversations with this call id."""
    return list(uow.execute(select(conversation.c.id).where(conversation.c.external_id == external_id)).scalars())


def begun_between(
    uow: UnitOfWork, ids: Collection[str], since: datetime, before: datetime, limit: int
) -> list[tuple[str, datetime]]:
    """Those of ``ids`` that began from ``since`` on and before ``before``, newest first, with their start (aware)."""
    at = conversation.c.started_at
    query = (
        select(conversation.c.id, at)
        .where(conversation.c.id.in_(ids), at >= clock.to_column(since), at < clock.to_column(before))
        .order_by(at.desc(), conversation.c.id.desc())
        .limit(limit)
    )
    return [(row.id, clock.from_column(row.started_at)) for row in uow.execute(query)]


def external_id(uow: UnitOfWork, conversation_id: str) -> str | None:
    """The phone system's id of a conversation; None without one, and for what is not there."""
    query = select(conversation.c.external_id).where(conversation.c.id == conversation_id)
    return uow.execute(query).scalar_one_or_none()


def record_refusal(uow: UnitOfWork, name: str, error: CandorError) -> str:
    """Put something on the list of what needs attention; an open entry of the same name and reason is renewed."""
    name, at = name[:255], clock.to_column(clock.now())
    open_one = uow.execute(
        select(intake.c.id)
        .where(intake.c.name == name, intake.c.code == error.code, intake.c.resolved_at.is_(None))
        .limit(1)
    ).scalar_one_or_none()
    if open_one is not None:
        uow.execute(
            update(intake).where(intake.c.id == open_one).values(at=at, message=error.message, advice=error.advice)
        )
        return str(open_one)
    refusal_id = new_id()
    uow.execute(
        insert(intake).values(
            id=refusal_id, at=at, name=name, code=error.code, message=error.message, advice=error.advice
        )
    )
    return refusal_id


def open_refusals(uow: UnitOfWork) -> list[IntakeRefusal]:
    """What still needs attention, newest first."""
    rows = uow.execute(select(intake).where(intake.c.resolved_at.is_(None)).order_by(intake.c.at.desc(), intake.c.id))
    return [
        IntakeRefusal(
            id=row.id, at=clock.from_column(row.at), name=row.name, code=row.code, message=row.message,
            advice=row.advice,
        )
        for row in rows
    ]  # fmt: skip


def resolve_refusal(uow: UnitOfWork, refusal_id: str) -> None:
    """Take an entry off the list; raises NotFound when it is not on it."""
    done = uow.execute(
        update(intake)
        .where(intake.c.id == refusal_id, intake.c.resolved_at.is_(None))
        .values(resolved_at=clock.to_column(clock.now()))
    )
    if done.rowcount == 0:
        raise NotFound("There is no such entry that needs attention.", code="intake.not_found")
