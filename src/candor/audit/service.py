"""The audit log: write in the deed's own unit of work, read in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, DateTime, Index, Integer, String, Table, insert, select

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata


class Event(StrEnum):
    """What can have been done, ``source:subject:action``."""

    LOGIN = "web:session:open"
    LOGIN_REFUSED = "web:session:refuse"
    LOGOUT = "web:session:close"
    IMPORTED = "intake:conversation:import"
    REFUSED = "intake:conversation:refuse"
    PLAYED = "replay:sound:play"
    OPENED_ORIGINAL = "replay:original:open"
    EXPORTED = "replay:conversation:export"
    OVERRIDDEN = "scoring:answer:override"
    RETRIED = "pipeline:stage:retry"
    TOKEN_CREATED = "access:token:create"  # noqa: S105
    TOKEN_REVOKED = "access:token:revoke"  # noqa: S105
    USER_CREATED = "access:user:create"
    USER_CHANGED = "access:user:change"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the log."""

    at: datetime
    event: Event
    actor: str
    """User id, or ``cli`` for a command on the machine itself."""
    conversation_id: str | None
    subject: str | None
    """What exactly: a question's id, a stage, an export's format."""
    reason: str | None


def record(
    uow: UnitOfWork, event: Event, actor: str, *, conversation_id: str | None = None, subject: str | None = None,
    reason: str | None = None,
) -> None:  # fmt: skip
    """Append one line; it is there if and only if the deed is."""
    uow.execute(
        insert(audit_event).values(
            at=clock.to_column(clock.now()), event=event, actor=actor, conversation_id=conversation_id,
            subject=subject and subject[:120], reason=reason and reason[:1000],
        )
    )  # fmt: skip


def entries(uow: UnitOfWork, conversation_id: str | None = None, limit: int = 200) -> tuple[Entry, ...]:
    """The newest lines first, of one conversation or of all."""
    query = select(audit_event).order_by(audit_event.c.id.desc()).limit(limit)
    if conversation_id is not None:
        query = query.where(audit_event.c.conversation_id == conversation_id)
    return tuple(
        Entry(
            at=clock.from_column(row.at), event=Event(row.event), actor=row.actor,
            conversation_id=row.conversation_id, subject=row.subject, reason=row.reason,
        )
        for row in uow.execute(query)
    )  # fmt: skip
