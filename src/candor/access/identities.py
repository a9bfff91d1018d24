"""Which of the identity provider's people is which of ours, and the groups it put them in."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Index, String, Table, insert, select

from candor.kit.database import UnitOfWork, metadata

user_identity = Table(
    "user_identity",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", String(36), nullable=False),
)

user_group = Table(
    "user_group",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("external_id", String(255)),
    Column("created_at", DateTime, nullable=False),
    Column("changed_at", DateTime, nullable=False),
)

user_group_member = Table(
    "user_group_member",
    metadata,
    Column("group_id", String(36), primary_key=True),
    Column("user_id", String(36), primary_key=True),
    Index("ix_user_group_member_user_id", "user_id"),
)


def user_of(uow: UnitOfWork, issuer: str, subject: str) -> str | None:
    """Whose identity it is; None when it was never seen."""
    query = select(user_identity.c.user_id).where(user_identity.c.issuer == issuer, user_identity.c.subject == subject)
    return uow.execute(query).scalar_one_or_none()


def link(uow: UnitOfWork, issuer: str, subject: str, user_id: str) -> None:
    """From now on this identity is that person."""
    uow.execute(insert(user_identity).values(issuer=issuer, subject=subject, user_id=user_id))
