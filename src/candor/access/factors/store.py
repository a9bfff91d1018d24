"""The tables of second factors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    LargeBinary,
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

totp = Table(
    "totp",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("confirmed_at", DateTime),
)
"""``last_step``: the 30-second step of the last code that was taken; none at or before it is taken again."""

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("user_id", String(36), primary_key=True),
    Column("digest", String(64), primary_key=True),
)

passkey = Table(
    "passkey",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("credential", String(1400), nullable=False, unique=True),
    Column("user_id", String(36), nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", String(80), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("last_used_at", DateTime),
    Index("ix_passkey_user_id", "user_id"),
)
"""``credential``: its id, base64url; a credential id has at most 1,023 bytes (WebAuthn level 3, 4)."""


def totp_of(uow: UnitOfWork, user_id: str) -> Any:
    """The row of an authenticator app; None when there is none."""
    return uow.execute(select(totp).where(totp.c.user_id == user_id)).one_or_none()


def put_totp(uow: UnitOfWork, user_id: str, sealed: bytes) -> None:
    """A new one, not confirmed yet, in place of any other."""
    drop_totp(uow, user_id)
    uow.execute(insert(totp).values(user_id=user_id, sealed=sealed, last_step=-1))


def use_step(uow: UnitOfWork, user_id: str, step: int) -> bool:
    """Note that the code of a step was taken; False when it, or a later one, had been already."""
    query = update(totp).where(totp.c.user_id == user_id, totp.c.last_step < step).values(last_step=step)
    return bool(uow.execute(query).rowcount)


def confirm_totp(uow: UnitOfWork, user_id: str, at: datetime) -> None:
    """It is in use from now on."""
    uow.execute(update(totp).where(totp.c.user_id == user_id).values(confirmed_at=clock.to_column(at)))


def drop_totp(uow: UnitOfWork, user_id: str) -> bool:
    """Take it away; False when there was none."""
    return bool(uow.execute(delete(totp).where(totp.c.user_id == user_id)).rowcount)


def put_codes(uow: UnitOfWork, user_id: str, digests: list[str]) -> None:
    """Recovery codes in place of all earlier ones."""
    drop_codes(uow, user_id)
    uow.execute(insert(recovery_code), [{"user_id": user_id, "digest": each} for each in digests])


def use_code(uow: UnitOfWork, user_id: str, digest: str) -> bool:
    """Use one up; False when it is none of theirs."""
    query = delete(recovery_code).where(recovery_code.c.user_id == user_id, recovery_code.c.digest == digest)
    return bool(uow.execute(query).rowcount)


def codes_left(uow: UnitOfWork, user_id: str) -> int:
    """How many are unused."""
    query = select(func.count()).select_from(recovery_code).where(recovery_code.c.user_id == user_id)
    return int(uow.execute(query).scalar_one())


def drop_codes(uow: UnitOfWork, user_id: str) -> None:
    """None is left."""
    uow.execute(delete(recovery_code).where(recovery_code.c.user_id == user_id))


def passkeys_of(uow: UnitOfWork, user_id: str) -> list[Any]:
    """A person's passkeys, oldest first."""
    return list(uow.execute(select(passkey).where(passkey.c.user_id == user_id).order_by(passkey.c.id)))


def passkey_by_credential(uow: UnitOfWork, credential: str) -> Any:
    """The row of a passkey; None when it is not known."""
    return uow.execute(select(passkey).where(passkey.c.credential == credential)).one_or_none()


def add_passkey(uow: UnitOfWork, **values: Any) -> None:
    """A new one."""
    uow.execute(insert(passkey).values(**values))


def note_passkey(uow: UnitOfWork, passkey_id: str, sign_count: int, at: datetime) -> None:
    """It was used."""
    values = {"sign_count": sign_count, "last_used_at": clock.to_column(at)}
    uow.execute(update(passkey).where(passkey.c.id == passkey_id).values(**values))


def drop_passkey(uow: UnitOfWork, user_id: str, passkey_id: str) -> bool:
    """Take one away; False when it is not theirs."""
    query = delete(passkey).where(passkey.c.user_id == user_id, passkey.c.id == passkey_id)
    return bool(uow.execute(query).rowcount)


def with_factors(uow: UnitOfWork) -> dict[str, tuple[bool, int]]:
    """User id → (whether an app is in use, how many passkeys), of those who have any."""
    found: dict[str, tuple[bool, int]] = {
        row.user_id: (True, 0) for row in uow.execute(select(totp.c.user_id).where(totp.c.confirmed_at.is_not(None)))
    }
    for row in uow.execute(select(passkey.c.user_id, func.count().label("n")).group_by(passkey.c.user_id)):
        found[row.user_id] = (found.get(row.user_id, (False, 0))[0], int(row.n))
    return found
