"""The tables of access: people, what they may see, their log-in sessions, their tokens."""

from __future__ import annotations

from collections.abc import Iterable
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
    Column("breadth", String(16)),
    Column("email", String(254)),
    Column("external_id", String(255)),
    Column("source", String(16)),
    Column("changed_at", DateTime),
)
"""``breadth`` NULL: by the role. ``source``: ``scim`` or ``sso`` for people whom an identity provider keeps."""

user_reach = Table(
    "user_reach",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("value", String(255), primary_key=True),
)
"""The teams and queues of those whose breadth is ``listed``."""

team = Table(
    "team",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("note", String(300), nullable=False),
    Column("created_at", DateTime, nullable=False),
)

login_session = Table(
    "login_session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user_id", String(36), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("expires_at", DateTime, nullable=False),
    Column("seen_at", DateTime),
    Column("browser", String(120)),
    Column("proven_by", String(24)),
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


def active_of_role(uow: UnitOfWork, role: str) -> int:
    """How many active people have a role."""
    query = select(func.count()).select_from(user).where(user.c.role == role, user.c.active)
    return int(uow.execute(query).scalar_one())


def reach_of(uow: UnitOfWork, user_id: str) -> dict[str, tuple[str, ...]]:
    """The listed teams and queues of a person, by kind."""
    query = select(user_reach).where(user_reach.c.user_id == user_id).order_by(user_reach.c.kind, user_reach.c.value)
    found: dict[str, tuple[str, ...]] = {"team": (), "queue": ()}
    for row in uow.execute(query):
        found[row.kind] += (row.value,)
    return found


def all_reaches(uow: UnitOfWork) -> dict[str, dict[str, tuple[str, ...]]]:
    """The same of everybody who has any, by user id."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in uow.execute(select(user_reach).order_by(user_reach.c.user_id, user_reach.c.kind, user_reach.c.value)):
        of = found.setdefault(row.user_id, {"team": (), "queue": ()})
        of[row.kind] += (row.value,)
    return found


def set_reach(uow: UnitOfWork, user_id: str, teams: Iterable[str], queues: Iterable[str]) -> None:
    """Replace the listed teams and queues of a person."""
    uow.execute(delete(user_reach).where(user_reach.c.user_id == user_id))
    rows = [{"user_id": user_id, "kind": "team", "value": each} for each in dict.fromkeys(teams)]
    rows += [{"user_id": user_id, "kind": "queue", "value": each} for each in dict.fromkeys(queues)]
    if rows:
        uow.execute(insert(user_reach), rows)


def teams(uow: UnitOfWork) -> list[Any]:
    """The teams that were entered, by name."""
    return list(uow.execute(select(team).order_by(team.c.name)))


def add_team(uow: UnitOfWork, name: str, note: str, at: datetime) -> None:
    """A new team."""
    uow.execute(insert(team).values(name=name, note=note, created_at=clock.to_column(at)))


def drop_team(uow: UnitOfWork, name: str) -> bool:
    """Forget a team; False when there is none."""
    return bool(uow.execute(delete(team).where(team.c.name == name)).rowcount)


def add_session(
    uow: UnitOfWork, digest: str, user_id: str, created: datetime, expires: datetime, *, browser: str | None = None,
    proven_by: str | None = None,
) -> None:  # fmt: skip
    """A person has logged in."""
    now = clock.to_column(created)
    uow.execute(
        insert(login_session).values(
            digest=digest, user_id=user_id, created_at=now, expires_at=clock.to_column(expires), seen_at=now,
            browser=browser, proven_by=proven_by,
        )
    )  # fmt: skip
    uow.execute(delete(login_session).where(login_session.c.expires_at < now))


def session(uow: UnitOfWork, digest: str) -> Any:
    """The row of a log-in session; None when it has ended."""
    return uow.execute(select(login_session).where(login_session.c.digest == digest)).one_or_none()


def sessions_of(uow: UnitOfWork, user_id: str) -> list[Any]:
    """A person's log-in sessions, newest first."""
    query = select(login_session).where(login_session.c.user_id == user_id)
    return list(uow.execute(query.order_by(login_session.c.created_at.desc(), login_session.c.digest)))


def touch_session(uow: UnitOfWork, digest: str, at: datetime) -> None:
    """Remember when it was last used."""
    uow.execute(update(login_session).where(login_session.c.digest == digest).values(seen_at=clock.to_column(at)))


def drop_session(uow: UnitOfWork, digest: str) -> None:
    """The person has logged out."""
    uow.execute(delete(login_session).where(login_session.c.digest == digest))


def drop_sessions_of(uow: UnitOfWork, user_id: str, but: str | None = None) -> int:
    """All log-in sessions of a person end, ``but`` one digest's; returns how many."""
    query = delete(login_session).where(login_session.c.user_id == user_id)
    if but is not None:
        query = query.where(login_session.c.digest != but)
    return int(uow.execute(query).rowcount)


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


def drop_tokens_of(uow: UnitOfWork, user_id: str) -> int:
    """All tokens of a person end; returns how many."""
    return int(uow.execute(delete(api_token).where(api_token.c.user_id == user_id)).rowcount)
