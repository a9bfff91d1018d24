"""The vault's tables: what is sealed, and under which wrapped key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id
from candor.vault.keys.ring import BOUND

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
    Column("form", SmallInteger, nullable=False, server_default="0"),
    Index("ix_data_key_master_key_id", "master_key_id", "form"),
)
"""``form``: :data:`candor.vault.keys.ring.BOUND` and the like."""

vault_tenant = Table(
    "vault_tenant",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String(36), nullable=False),
    Column("made_at", DateTime, nullable=False),
)

master_key = Table(
    "master_key",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("place", String(500), nullable=False),
    Column("since", DateTime, nullable=False),
)
"""Every master key that ever sealed here, and since when."""

key_rotation = Table(
    "key_rotation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("to_key_id", String(64), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("after_id", String(36), nullable=False),
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
    """Record a wrapped key, bound to its tenant."""
    uow.execute(insert(data_key).values(object_id=object_id, master_key_id=master_key_id, wrapped=wrapped, form=BOUND))


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


def get_key(uow: UnitOfWork, object_id: str) -> tuple[str, bytes, int] | None:
    """(master key id, wrapped key, its form); None when it was destroyed or never was."""
    row = uow.execute(
        select(data_key.c.master_key_id, data_key.c.wrapped, data_key.c.form).where(data_key.c.object_id == object_id)
    ).one_or_none()
    return None if row is None else (row.master_key_id, row.wrapped, row.form)


def drop_key(uow: UnitOfWork, object_id: str) -> None:
    """Destroy the key."""
    uow.execute(delete(data_key).where(data_key.c.object_id == object_id))


def any_key(uow: UnitOfWork, master_key_id: str | None = None) -> bool:
    """Whether anything is sealed at all, or under that master key."""
    wanted = select(data_key.c.object_id)
    if master_key_id is not None:
        wanted = wanted.where(data_key.c.master_key_id == master_key_id)
    return uow.execute(wanted.limit(1)).first() is not None


def of_conversation(uow: UnitOfWork, conversation_id: str) -> list[str]:
    """Objects of a conversation whose key is still there."""
    kept = select(data_key.c.object_id)
    query = select(sealed_object.c.id).where(
        sealed_object.c.conversation_id == conversation_id, sealed_object.c.id.in_(kept)
    )
    return list(uow.execute(query).scalars())


def ids(uow: UnitOfWork) -> set[str]:
    """Every recorded object that can still be opened."""
    kept = select(sealed_object.c.id).join(data_key, data_key.c.object_id == sealed_object.c.id)
    return set(uow.execute(kept).scalars())


def tenant(uow: UnitOfWork) -> str | None:
    """The name of this data folder among all that may use the same master key; None before it has one."""
    return uow.execute(select(vault_tenant.c.name)).scalar_one_or_none()


def make_tenant(uow: UnitOfWork) -> str:
    """The name, made at random when there is none yet; another process may have been faster."""
    try:
        with uow.begin_nested():
            uow.execute(insert(vault_tenant).values(id=1, name=new_id(), made_at=clock.to_column(clock.now())))
    except IntegrityError:
        pass
    return str(uow.execute(select(vault_tenant.c.name)).scalar_one())
