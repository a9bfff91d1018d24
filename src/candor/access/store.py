"""The tables of access: people, their log-in sessions, their tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

user = Table(
    "user",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("login", String(120), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("role", String(32), nullable=False),
    Column("team", String(120)),
    Column("agent_id", String(120)),
    Column("password_hash", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", DateTime),
    Column("created_at", DateTime, nullable=False),
)

login_session = Table(
    "login_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_id", String(36), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Index("ix_login_session_user_id", "user_id"),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("user_id", String(36), nullable=False),
    Column("name", String(120), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime),
    Column("last_used_at", DateTime),
    Index("ix_api_token_user_id", "user_id"),
)


def add_user(uow: UnitOfWork, **values: Any) -> None:
    """A new person."""
    uow.execute(insert(user).values(**values))


def user_by_login(uow: UnitOfWork, login: str) -> Any:
    """The row of a person, by log-in name in any case; None when there is none."""
    return uow.execute(select(user).where(func.lower(user.c.login) == login.strip().lower())).one_or_none()


def user_by_id(uow: UnitOfWork, user_id: str) -> Any:
    """The row of a person; None when there is none."""
    return uow.execute(select(user).where(user.c.id == user_id)).one_or_none()


def all_users(uow: UnitOfWork) -> list[Any]:
    """Everybody, by log-in name."""
    return list(uow.execute(select(user).order_by(user.c.login)))


def set_user(uow: UnitOfWork, user_id: str, **values: Any) -> None:
    """Change a person's row."""
    uow.execute(update(user).where(user.c.id == user_id).values(**values))


def add_session(uow: UnitOfWork, digest: str, user_id: str, created: datetime, expires: datetime) -> None:
    """A person has logged in."""
    uow.execute(
        insert(login_session).values(
            digest=digest, user_id=user_id, created_at=clock.to_column(created), expires_at=clock.to_column(expires)
        )
    )
    uow.execute(delete(login_session).where(login_session.c.expires_at < clock.to_column(created)))


def session_user(uow: UnitOfWork, digest: str, at: datetime) -> str | None:
    """Whose log-in session this is, if it has not expired."""
    return uow.execute(
        select(login_session.c.user_id).where(
            login_session.c.digest == digest, login_session.c.expires_at > clock.to_column(at)
        )
    ).scalar_one_or_none()


def drop_session(uow: UnitOfWork, digest: str) -> None:
    """The person has logged out."""
    uow.execute(delete(login_session).where(login_session.c.digest == digest))


def drop_sessions_of(uow: UnitOfWork, user_id: str) -> None:
    """All log-in sessions of a person end."""
    uow.execute(delete(login_session).where(login_session.c.user_id == user_id))


def add_token(uow: UnitOfWork, **values: Any) -> None:
    """A new API token; only its digest is kept."""
    uow.execute(insert(api_token).values(**values))


def token_by_digest(uow: UnitOfWork, digest: str) -> Any:
    """The row of a token; None when there is none."""
    return uow.execute(select(api_token).where(api_token.c.digest == digest)).one_or_none()


def tokens_of(uow: UnitOfWork, user_id: str) -> list[Any]:
    """A person's tokens, oldest first."""
    return list(uow.execute(select(api_token).where(api_token.c.user_id == user_id).order_by(api_token.c.id)))


def touch_token(uow: UnitOfWork, token_id: str, at: datetime) -> None:
    """Remember when it was last used."""
    uow.execute(update(api_token).where(api_token.c.id == token_id).values(last_used_at=clock.to_column(at)))


def drop_token(uow: UnitOfWork, user_id: str, token_id: str) -> bool:
    """Revoke a person's own token; False when it is not theirs or not there."""
    result = uow.execute(delete(api_token).where(api_token.c.id == token_id, api_token.c.user_id == user_id))
    return bool(result.rowcount)
