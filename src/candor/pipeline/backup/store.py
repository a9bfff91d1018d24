"""What the database remembers of backups: when the last one was made and verified, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Index, String, Table, insert, select, update

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

backup = Table(
    "backup",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("target", String(500), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime, nullable=False),
    Column("objects", BigInteger, nullable=False),
    Column("copied", BigInteger, nullable=False),
    Column("copied_bytes", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("verified_at", DateTime),
    Column("faults", BigInteger),
    Index("ix_backup_finished_at", "finished_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One backup that was finished."""

    name: str
    target: str
    started_at: datetime
    finished_at: datetime
    objects: int
    copied: int
    """Objects that were not there from an earlier backup."""
    copied_bytes: int
    missing: int
    """Objects that the vault should have had, and had not."""
    verified_at: datetime | None = None
    faults: int | None = None
    """What the last verification found."""


def plain(one: Made) -> dict[str, Any]:
    """For JSON."""
    return {
        "name": one.name, "target": one.target, "started_at": one.started_at.isoformat(),
        "finished_at": one.finished_at.isoformat(), "objects": one.objects, "copied": one.copied,
        "copied_bytes": one.copied_bytes, "missing": one.missing,
        "verified_at": one.verified_at and one.verified_at.isoformat(), "faults": one.faults,
    }  # fmt: skip


def put(uow: UnitOfWork, made: Made) -> None:
    """Remember a finished backup."""
    uow.execute(
        insert(backup).values(
            id=made.name, target=made.target[:500], started_at=clock.to_column(made.started_at),
            finished_at=clock.to_column(made.finished_at), objects=made.objects, copied=made.copied,
            copied_bytes=made.copied_bytes, missing=made.missing,
        )
    )  # fmt: skip


def verified(uow: UnitOfWork, name: str, faults: int) -> None:
    """Remember what a verification found; nothing happens for a backup that is not remembered."""
    uow.execute(
        update(backup).where(backup.c.id == name).values(verified_at=clock.to_column(clock.now()), faults=faults)
    )


def newest(uow: UnitOfWork, limit: int = 20) -> list[Made]:
    """The newest first."""
    query = select(backup).order_by(backup.c.finished_at.desc()).limit(limit)
    return [
        Made(
            name=row.id, target=row.target, started_at=clock.from_column(row.started_at),
            finished_at=clock.from_column(row.finished_at), objects=row.objects, copied=row.copied,
            copied_bytes=row.copied_bytes, missing=row.missing, faults=row.faults,
            verified_at=None if row.verified_at is None else clock.from_column(row.verified_at),
        )
        for row in uow.execute(query)
    ]  # fmt: skip
