"""The self-made signing certificate; its private key is sealed by the vault."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Integer, LargeBinary, Table, Text

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

evidence_key = Table(
    "evidence_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("chain", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime, nullable=False),
)


def get(uow: UnitOfWork) -> tuple[str, bytes] | None:
    """(certificate as PEM, sealed private key); None before the first use."""
    row = uow.execute(sa.select(evidence_key).order_by(evidence_key.c.id.desc()).limit(1)).first()
    return None if row is None else (row.chain, row.sealed)


def put(uow: UnitOfWork, chain: str, sealed: bytes) -> None:
    """Keep it; earlier ones stay."""
    last = uow.execute(sa.select(sa.func.max(evidence_key.c.id))).scalar() or 0
    now = clock.to_column(clock.now())
    uow.execute(evidence_key.insert().values(id=last + 1, chain=chain, sealed=sealed, created_at=now))
