"""Steps of a log-in that is not finished: what a browser must still show, kept for minutes under a secret of its own.

A step is no log-in session: nothing but the next step can be reached with it. Each is used once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, DateTime, Index, String, Table, delete, insert, select

from candor.access.secrets import digest, new_secret
from candor.errors import Unauthenticated
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

_LASTS = timedelta(minutes=10)

login_step = Table(
    "login_step",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("user_id", String(36)),
    Column("data", JSON, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Index("ix_login_step_expires_at", "expires_at"),
)


class StepKind(StrEnum):
    """What comes next."""

    FACTOR = "factor"
    """The password was right; a second factor is to be shown."""
    ENROL = "enrol"
    """The password was right; the role needs a second factor and the person has none yet."""
    PASSKEY = "passkey"
    """A challenge was given to a browser, for logging in or for a new passkey."""
    PROVIDER = "provider"
    """The browser was sent to the identity provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of them."""

    kind: StepKind
    user_id: str | None
    data: dict[str, Any] = field(default_factory=dict)


def begin(uow: UnitOfWork, step: Step) -> str:
    """Keep it; returns its secret."""
    secret, now = new_secret(), clock.now()
    uow.execute(delete(login_step).where(login_step.c.expires_at < clock.to_column(now)))
    uow.execute(
        insert(login_step).values(
            digest=digest(secret), kind=step.kind.value, user_id=step.user_id, data=step.data,
            expires_at=clock.to_column(now + _LASTS),
        )
    )  # fmt: skip
    return secret


def look(uow: UnitOfWork, secret: str | None, kind: StepKind) -> Step:
    """The step of that kind; raises Unauthenticated when it is over, was used, or is another."""
    row = uow.execute(select(login_step).where(login_step.c.digest == digest(secret or ""))).one_or_none()
    if row is None or row.kind != kind or clock.from_column(row.expires_at) <= clock.now():
        raise Unauthenticated("This log-in took too long, or was finished already.", advice="Please begin again.")
    return Step(kind=kind, user_id=row.user_id, data=dict(row.data))


def take(uow: UnitOfWork, secret: str | None, kind: StepKind, *, of: str | None = None) -> Step:
    """The same, and it is used up; ``of``: it must have been begun by this person."""
    step = look(uow, secret, kind)
    if of is not None and step.user_id != of:
        raise Unauthenticated("This was begun by somebody else.", advice="Please begin again.")
    uow.execute(delete(login_step).where(login_step.c.digest == digest(secret or "")))
    return step


def drop_of(uow: UnitOfWork, user_id: str) -> None:
    """What a person had begun is over."""
    uow.execute(delete(login_step).where(login_step.c.user_id == user_id))
