"""Calibration sessions in the database; their evaluations are among all others, with the session in ``about``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, Integer, String, Table, Text

from candor.conversation.evaluation import Occasion
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id
from candor.scoring import marks
from candor.scoring.calibration.model import CalibrationState, Note, ReferenceKind, Session, Submission
from candor.scoring.store import evaluations

calibration = Table(
    "calibration",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("title", String(200), nullable=False),
    Column("scorecard", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("reference", String(16), nullable=False),
    Column("expert", String(64)),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("due_at", DateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("closed_at", DateTime),
    Column("closed_by", String(64)),
)

calibration_conversation = Table(
    "calibration_conversation",
    metadata,
    Column("calibration_id", String(36), primary_key=True),
    Column("conversation_id", String(36), primary_key=True),
    Column("place", Integer, nullable=False),
    Index("ix_calibration_conversation_conversation_id", "conversation_id"),
)

calibration_evaluator = Table(
    "calibration_evaluator",
    metadata,
    Column("calibration_id", String(36), primary_key=True),
    Column("evaluator", String(64), primary_key=True),
    Index("ix_calibration_evaluator_evaluator", "evaluator"),
)

calibration_note = Table(
    "calibration_note",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("calibration_id", String(36), nullable=False),
    Column("question", String(64)),
    Column("text", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("draft_version", Integer),
    Index("ix_calibration_note_calibration_id", "calibration_id"),
)


def put(uow: UnitOfWork, session: Session) -> None:
    """Keep a new session."""
    uow.execute(
        sa.insert(calibration).values(
            id=session.id, title=session.title, scorecard=session.scorecard, version=session.version,
            reference=session.reference.value, expert=session.expert, created_at=clock.to_column(session.created_at),
            created_by=session.created_by, due_at=clock.to_column(session.due_at), state=session.state.value,
        )
    )  # fmt: skip
    uow.execute(
        sa.insert(calibration_conversation),
        [
            {"calibration_id": session.id, "conversation_id": one, "place": place}
            for place, one in enumerate(session.conversations)
        ],
    )
    uow.execute(
        sa.insert(calibration_evaluator),
        [{"calibration_id": session.id, "evaluator": who} for who in session.evaluators],
    )


def get(uow: UnitOfWork, session_id: str) -> Session:
    """One; raises NotFound. Conversations that were destroyed since are not in it any more."""
    row = uow.execute(sa.select(calibration).where(calibration.c.id == session_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such calibration session.", code="calibration.none")
    return _sessions(uow, [row])[0]


def listed(
    uow: UnitOfWork, *, evaluator: str | None = None, conversation_id: str | None = None, limit: int = 100
) -> list[Session]:
    """The newest first; of one person, or with one conversation, when given."""
    query = sa.select(calibration).order_by(calibration.c.id.desc()).limit(limit)
    if evaluator is not None:
        side = calibration_evaluator.c
        query = query.where(calibration.c.id.in_(sa.select(side.calibration_id).where(side.evaluator == evaluator)))
    if conversation_id is not None:
        other = calibration_conversation.c
        named = sa.select(other.calibration_id).where(other.conversation_id == conversation_id)
        query = query.where(calibration.c.id.in_(named))
    return _sessions(uow, uow.execute(query).all())


def close(uow: UnitOfWork, session_id: str, *, by: str) -> bool:
    """End it; False when it was over already."""
    done = uow.execute(
        sa.update(calibration)
        .where(calibration.c.id == session_id, calibration.c.state == CalibrationState.OPEN.value)
        .values(state=CalibrationState.CLOSED.value, closed_at=clock.to_column(clock.now()), closed_by=by)
    )
    return done.rowcount == 1


def submissions(uow: UnitOfWork, session_id: str, occasion: Occasion = Occasion.CALIBRATION) -> list[Submission]:
    """The newest evaluation of each person and conversation that was made for the session; also later superseded ones.

    (The same person may judge the same conversation in a later session.)
    """
    table = evaluations.c
    query = (
        sa.select(table.conversation_id, table.evaluator, table.id, table.score, table.marks, table.created_at)
        .where(table.about == session_id, table.occasion == occasion.value)
        .order_by(table.created_at, table.id)
    )
    found: dict[tuple[str, str], Submission] = {}
    for row in uow.execute(query):
        found[row.conversation_id, row.evaluator] = Submission(
            conversation_id=row.conversation_id, evaluator=row.evaluator, evaluation_id=row.id, score=row.score,
            marks=marks.read(row.marks or "{}"), at=row.created_at,
        )  # fmt: skip
    return list(found.values())


def put_note(uow: UnitOfWork, session_id: str, *, question: str | None, text: str, by: str) -> Note:
    """Write down what came of it."""
    made = Note(id=new_id(), question=question, text=text, by=by, at=clock.now())
    uow.execute(
        sa.insert(calibration_note).values(
            id=made.id, calibration_id=session_id, question=question, text=text, by=by, at=clock.to_column(made.at)
        )
    )
    return made


def mark_note(uow: UnitOfWork, note_id: str, draft_version: int) -> None:
    """It became guidance in this draft."""
    uow.execute(sa.update(calibration_note).where(calibration_note.c.id == note_id).values(draft_version=draft_version))


def notes(uow: UnitOfWork, session_id: str) -> list[Note]:
    """In the order in which they were written."""
    query = sa.select(calibration_note).where(calibration_note.c.calibration_id == session_id)
    return [
        Note(
            id=row.id, question=row.question, text=row.text, by=row.by, at=clock.from_column(row.at),
            draft_version=row.draft_version,
        )
        for row in uow.execute(query.order_by(calibration_note.c.id))
    ]  # fmt: skip


def _sessions(uow: UnitOfWork, rows: Iterable[Any]) -> list[Session]:
    rows = list(rows)
    ids = [row.id for row in rows]
    conversations: dict[str, list[str]] = {}
    side = calibration_conversation
    for row in uow.execute(sa.select(side).where(side.c.calibration_id.in_(ids)).order_by(side.c.place)):
        conversations.setdefault(row.calibration_id, []).append(row.conversation_id)
    evaluators: dict[str, list[str]] = {}
    other = calibration_evaluator
    for row in uow.execute(sa.select(other).where(other.c.calibration_id.in_(ids)).order_by(other.c.evaluator)):
        evaluators.setdefault(row.calibration_id, []).append(row.evaluator)
    return [
        Session(
            id=row.id, title=row.title, scorecard=row.scorecard, version=row.version,
            conversations=tuple(conversations.get(row.id, ())), evaluators=tuple(evaluators.get(row.id, ())),
            reference=ReferenceKind(row.reference), expert=row.expert, created_at=clock.from_column(row.created_at),
            created_by=row.created_by, due_at=clock.from_column(row.due_at), state=CalibrationState(row.state),
            closed_at=row.closed_at and clock.from_column(row.closed_at), closed_by=row.closed_by,
        )
        for row in rows
    ]  # fmt: skip
