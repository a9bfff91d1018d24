"""The vault's tables: what is sealed, and under which wrapped key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, String, Table, delete, insert, select

from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

sealed_object = Table(
    "sealed_object",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha512", String(128)),
    Column("created_at", DateTime, nullable=False),
    Index("ix_sealed_object_conversation_id", "conversation_id"),
)

# Apart from the objects' table, so that destroying a key leaves the fact of the object and nothing of the key.
data_key = Table(
    "data_key",
    metadata,
    Column("object_id", String(36), primary_key=True),
    Column("master_key_id", String(64), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedObject:
    """One sealed object and its wrapped key."""

    id: str
    conversation_id: str
    kind: str
    size: int
    """Plaintext bytes."""
    sha512: str | None
    """Of the plaintext, hexadecimal; None for derived objects, whose integrity the seal itself proves."""
    master_key_id: str
    wrapped: bytes
    created_at: datetime


def put(uow: UnitOfWork, sealed: SealedObject) -> None:
    """Record an object and its key."""
    uow.execute(
        insert(sealed_object).values(
            id=sealed.id, conversation_id=sealed.conversation_id, kind=sealed.kind, size=sealed.size,
            sha512=sealed.sha512, created_at=clock.to_column(sealed.created_at),
        )
    )  # fmt: skip
    put_key(uow, sealed.id, sealed.master_key_id, sealed.wrapped)


def put_key(uow: UnitOfWork, object_id: str, master_key_id: str, wrapped: bytes) -> None:
    """Record a wrapped key."""
    uow.execute(insert(data_key).values(object_id=object_id, master_key_id=master_key_id, wrapped=wrapped))


def get(uow: UnitOfWork, object_id: str) -> tuple[str, str]:
    """(conversation id, kind) of an object; raises NotFound."""
    row = uow.execute(
        select(sealed_object.c.conversation_id, sealed_object.c.kind).where(sealed_object.c.id == object_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such sealed object.", code="vault.not_found")
    return row.conversation_id, row.kind


def size_of(uow: UnitOfWork, object_id: str) -> int:
    """Plaintext bytes of an object; raises NotFound."""
    size = uow.execute(select(sealed_object.c.size).where(sealed_object.c.id == object_id)).scalar_one_or_none()
    if size is None:
        raise NotFound("There is no such sealed object.", code="vault.not_found")
    return int(size)


def get_key(uow: UnitOfWork, object_id: str) -> tuple[str, bytes] | None:
    """(master key id, wrapped key); None when it was destroyed or never was."""
    row = uow.execute(
        select(data_key.c.master_key_id, data_key.c.wrapped).where(data_key.c.object_id == object_id)
    ).one_or_none()
    return None if row is None else (row.master_key_id, row.wrapped)


def drop_key(uow: UnitOfWork, object_id: str) -> None:
    """Destroy the key."""
    uow.execute(delete(data_key).where(data_key.c.object_id == object_id))


def any_key(uow: UnitOfWork, master_key_id: str | None = None) -> bool:
    """Whether anything is sealed at all, or under that master key."""
    wanted = select(data_key.c.object_id)
    if master_key_id is not None:
        wanted = wanted.where(data_key.c.master_key_id == master_key_id)
    return uow.execute(wanted.limit(1)).first() is not None


def ids(uow: UnitOfWork) -> set[str]:
    """Every recorded object."""
    return set(uow.execute(select(sealed_object.c.id)).scalars())
