"""Passkeys as they are kept; making and showing them is in :mod:`candor.access.factors.ceremonies`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candor.access.factors import store
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyInfo:
    """A passkey as its owner sees it."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


def of(uow: UnitOfWork, user_id: str) -> tuple[PasskeyInfo, ...]:
    """A person's passkeys, oldest first."""
    return tuple(
        PasskeyInfo(
            id=row.id, name=row.name, created_at=clock.from_column(row.created_at),
            last_used_at=row.last_used_at and clock.from_column(row.last_used_at),
        )
        for row in store.passkeys_of(uow, user_id)
    )  # fmt: skip


def remove(uow: UnitOfWork, user_id: str, passkey_id: str) -> None:
    """Take one away; raises NotFound."""
    if not store.drop_passkey(uow, user_id, passkey_id):
        raise NotFound("There is no such passkey.", code="factor.none")
