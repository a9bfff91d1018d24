"""All transcripts that a conversation has had; the text itself is sealed in the vault."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from candor.errors import NotFound
from candor.kit.database import UnitOfWork, metadata

transcripts = sa.Table(
    "transcript",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("conversation_id", sa.String(36), nullable=False),
    sa.Column("engine", sa.String(40), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("version", sa.String(80), nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("object_id", sa.String(36), nullable=False),
    sa.Column("redaction_object_id", sa.String(36)),
    sa.Column("word_count", sa.Integer, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Index("ix_transcript_conversation_id_created_at", "conversation_id", "created_at"),
    sa.Index(
        "uq_transcript_current",
        "conversation_id",
        unique=True,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptRow:
    """One transcript of a conversation, without its text."""

    id: str
    conversation_id: str
    engine: str
    model: str
    version: str
    language: str
    object_id: str
    """The vault object with the unredacted transcript, as JSON."""
    redaction_object_id: str | None
    """The vault object with its redaction, once that exists."""
    word_count: int
    created_at: datetime
    """Aware, UTC."""
    current: bool


def insert(uow: UnitOfWork, row: TranscriptRow) -> None:
    """Keep a transcript; when it is the current one, the others of its conversation no longer are."""
    if row.current:
        _none_current(uow, row.conversation_id)
    uow.execute(transcripts.insert().values({column.name: getattr(row, column.name) for column in transcripts.c}))


def list_for(uow: UnitOfWork, conversation_id: str) -> list[TranscriptRow]:
    """All transcripts of a conversation, newest first."""
    query = (
        sa.select(transcripts)
        .where(transcripts.c.conversation_id == conversation_id)
        .order_by(transcripts.c.created_at.desc(), transcripts.c.id.desc())
    )
    return [_row(found) for found in uow.execute(query)]


def get(uow: UnitOfWork, transcript_id: str) -> TranscriptRow:
    """One transcript; raises NotFound."""
    found = uow.execute(sa.select(transcripts).where(transcripts.c.id == transcript_id)).first()
    if found is None:
        raise NotFound("There is no such transcript.")
    return _row(found)


def current(uow: UnitOfWork, conversation_id: str) -> TranscriptRow | None:
    """The transcript that everything else is made from; None before there is one."""
    query = sa.select(transcripts).where(transcripts.c.conversation_id == conversation_id, transcripts.c.current)
    found = uow.execute(query).first()
    return None if found is None else _row(found)


def current_ids(uow: UnitOfWork, conversations: Collection[str]) -> dict[str, str]:
    """The id of the current transcript of each conversation that has one."""
    query = sa.select(transcripts.c.conversation_id, transcripts.c.id).where(
        transcripts.c.conversation_id.in_(list(conversations)), transcripts.c.current
    )
    return {row.conversation_id: row.id for row in uow.execute(query)}


def set_current(uow: UnitOfWork, transcript_id: str) -> None:
    """Make an earlier (or later) transcript the current one; raises NotFound."""
    row = get(uow, transcript_id)
    _none_current(uow, row.conversation_id)
    uow.execute(transcripts.update().where(transcripts.c.id == transcript_id).values(current=True))


def set_redaction(uow: UnitOfWork, transcript_id: str, object_id: str) -> None:
    """Note where the redaction of a transcript lies; raises NotFound."""
    changed = uow.execute(
        transcripts.update().where(transcripts.c.id == transcript_id).values(redaction_object_id=object_id)
    )
    if changed.rowcount == 0:
        raise NotFound("There is no such transcript.")


def _none_current(uow: UnitOfWork, conversation_id: str) -> None:
    uow.execute(
        transcripts.update()
        .where(transcripts.c.conversation_id == conversation_id, transcripts.c.current)
        .values(current=False)
    )


def _row(found: sa.Row[tuple[object, ...]]) -> TranscriptRow:
    values = dict(found._mapping)  # noqa: SLF001  SQLAlchemy's documented way to a row's mapping
    moment: datetime = values["created_at"]
    # SQLite stores no offset; everything is written in UTC.
    values["created_at"] = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return TranscriptRow(**values)
