"""Rule packs that were installed after the one that ships: kept whole, the newest counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, DateTime, Integer, String, Table, Text, insert, select

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

consent_pack = Table(
    "consent_pack",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("installed_at", DateTime, nullable=False),
    Column("installed_by", String(64), nullable=False),
    # The pack's files by name, as JSON.
    Column("files", Text, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A pack that was brought in."""

    id: int
    version: str
    digest: str
    """SHA-256 over names and contents."""
    installed_at: datetime
    installed_by: str
    """User id, or ``cli``."""


def add(uow: UnitOfWork, *, version: str, digest: str, by: str, texts: dict[str, bytes]) -> None:
    """Append one."""
    uow.execute(
        insert(consent_pack).values(
            version=version, digest=digest, installed_at=clock.to_column(clock.now()), installed_by=by,
            files=json.dumps({name: text.decode() for name, text in texts.items()}),
        )
    )  # fmt: skip


def newest(uow: UnitOfWork) -> tuple[int, datetime] | None:
    """Id and time of the latest; the id alone would not do: one that was rolled back is given again."""
    table = consent_pack.c
    found = uow.execute(select(table.id, table.installed_at).order_by(table.id.desc()).limit(1)).one_or_none()
    return found and (found.id, found.installed_at)


def texts(uow: UnitOfWork, pack_id: int) -> dict[str, bytes]:
    """The files of one."""
    kept = uow.execute(select(consent_pack.c.files).where(consent_pack.c.id == pack_id)).scalar_one()
    return {name: text.encode() for name, text in json.loads(kept).items()}


def history(uow: UnitOfWork) -> tuple[Installed, ...]:
    """All, newest first."""
    columns = [each for each in consent_pack.c if each.name != "files"]
    return tuple(
        Installed(
            id=row.id, version=row.version, digest=row.digest, installed_at=clock.from_column(row.installed_at),
            installed_by=row.installed_by,
        )
        for row in uow.execute(select(*columns).order_by(consent_pack.c.id.desc()))
    )  # fmt: skip
