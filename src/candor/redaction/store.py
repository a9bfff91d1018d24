"""How much personal data was found in each conversation: kinds and counts, never values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Integer, String, Table, delete, insert, select

from candor.conversation.transcript import PiiSpan
from candor.kit.database import UnitOfWork, metadata

redaction_span_count = Table(
    "redaction_span_count",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("spans", Integer, nullable=False),
)
"""One row a conversation and kind that was found in it."""


def write_counts(uow: UnitOfWork, conversation_id: str, spans: Sequence[PiiSpan]) -> None:
    """Replace the counts of a conversation by those of ``spans``."""
    forget_counts(uow, conversation_id)
    counts = Counter(span.kind for span in spans)
    rows = [{"conversation_id": conversation_id, "kind": kind.value, "spans": n} for kind, n in sorted(counts.items())]
    if rows:
        uow.execute(insert(redaction_span_count), rows)


def read_counts(uow: UnitOfWork, conversation_id: str) -> Mapping[str, int]:
    """Kind to number of spans; empty when nothing was found."""
    table = redaction_span_count.c
    query = select(table.kind, table.spans).where(table.conversation_id == conversation_id).order_by(table.kind)
    return {row.kind: row.spans for row in uow.execute(query)}


def forget_counts(uow: UnitOfWork, conversation_id: str) -> None:
    """Remove the counts of a conversation."""
    uow.execute(delete(redaction_span_count).where(redaction_span_count.c.conversation_id == conversation_id))
