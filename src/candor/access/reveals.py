"""Leave to open a conversation unmasked: for one person, for a reason, for a while. Each is kept for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, DateTime, Index, String, Table, insert, select, update

from candor.errors import Forbidden, InvalidInput
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id

reveal = Table(
    "reveal",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("granted_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Index("ix_reveal_conversation_id", "conversation_id", "user_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One leave."""

    id: str
    conversation_id: str
    user_id: str
    reason: str
    granted_at: datetime
    expires_at: datetime


def grant(uow: UnitOfWork, conversation_id: str, user_id: str, reason: str, lasts: timedelta) -> Grant:
    """Give it; raises InvalidInput without a reason that somebody could judge later."""
    said = " ".join(reason.split())
    if not 10 <= len(said) <= 1000:
        raise InvalidInput(
            "Opening unmasked needs a reason of at least ten characters.",
            code="reveal.reason",
            advice="Say what for, such as the number of the case: it stands in the conversation's history.",
        )
    now = clock.now()
    made = Grant(
        id=new_id(), conversation_id=conversation_id, user_id=user_id, reason=said, granted_at=now,
        expires_at=now + lasts,
    )  # fmt: skip
    uow.execute(
        insert(reveal).values(
            id=made.id, conversation_id=conversation_id, user_id=user_id, reason=said,
            granted_at=clock.to_column(now), expires_at=clock.to_column(made.expires_at),
        )
    )  # fmt: skip
    return made


def current(uow: UnitOfWork, conversation_id: str, user_id: str) -> Grant | None:
    """The one that holds now and longest; None when there is none."""
    query = (
        select(reveal)
        .where(
            reveal.c.conversation_id == conversation_id,
            reveal.c.user_id == user_id,
            reveal.c.expires_at > clock.to_column(clock.now()),
        )
        .order_by(reveal.c.expires_at.desc())
        .limit(1)
    )
    row = uow.execute(query).one_or_none()
    return None if row is None else Grant(
        id=row.id, conversation_id=row.conversation_id, user_id=row.user_id, reason=row.reason,
        granted_at=clock.from_column(row.granted_at), expires_at=clock.from_column(row.expires_at),
    )  # fmt: skip


def require(uow: UnitOfWork, conversation_id: str, user_id: str) -> Grant:
    """The one that holds now; raises Forbidden."""
    held = current(uow, conversation_id, user_id)
    if held is None:
        raise Forbidden(
            "The unmasked conversation is not open to you now.",
            code="reveal.none",
            advice="Ask for it with a reason; it is then open for a while.",
        )
    return held


def end(uow: UnitOfWork, conversation_id: str, user_id: str) -> bool:
    """Give it back early; False when none held."""
    now = clock.to_column(clock.now())
    query = update(reveal).where(
        reveal.c.conversation_id == conversation_id, reveal.c.user_id == user_id, reveal.c.expires_at > now
    )
    return bool(uow.execute(query.values(expires_at=now)).rowcount)
