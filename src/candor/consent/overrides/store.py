"""The table of overrides. Rows are added, never changed or removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Index, Integer, String, Table, insert, select

from candor.consent.overrides.model import Override
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

consent_override = Table(
    "consent_override",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("field", String(120), nullable=False),
    Column("old_value", JSON, nullable=False),
    Column("new_value", JSON, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("effective_from", Date, nullable=False),
    Column("effective_until", Date),
    Column("author", String(120), nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("made_at", DateTime, nullable=False),
    Index("ix_consent_override_rule", "rule"),
)


def add(uow: UnitOfWork, override: Override) -> Override:
    """Append one; returns it with its id."""
    made = uow.execute(
        insert(consent_override).values(
            rule=override.rule, field=override.field, old_value=override.old, new_value=override.new,
            withdrawn=override.withdrawn, effective_from=override.effective_from,
            effective_until=override.effective_until, author=override.author, made_by=override.made_by,
            reason=override.reason, made_at=clock.to_column(override.made_at),
        )
    )  # fmt: skip
    return replace(override, id=int(made.lastrowid))


def every(uow: UnitOfWork, rule: str | None = None) -> tuple[Override, ...]:
    """All, of one rule or of every rule, oldest first."""
    query = select(consent_override).order_by(consent_override.c.id)
    if rule is not None:
        query = query.where(consent_override.c.rule == rule)
    return tuple(
        Override(
            id=row.id, rule=row.rule, field=row.field, old=row.old_value, new=row.new_value, withdrawn=row.withdrawn,
            effective_from=row.effective_from, effective_until=row.effective_until, author=row.author,
            made_by=row.made_by, reason=row.reason, made_at=clock.from_column(row.made_at),
        )
        for row in uow.execute(query)
    )  # fmt: skip


def newest(uow: UnitOfWork) -> tuple[int, datetime] | None:
    """Id and time of the latest, to tell whether anything has changed.

    The id alone would not do: one that was rolled back is given again.
    """
    table = consent_override.c
    found = uow.execute(select(table.id, table.made_at).order_by(table.id.desc()).limit(1)).one_or_none()
    return found and (found.id, found.made_at)
