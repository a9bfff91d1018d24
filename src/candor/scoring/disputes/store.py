"""Replies and disputes in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, String, Table, Text
from sqlalchemy.exc import IntegrityError

from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.scoring.disputes.model import Dispute, DisputedQuestion, DisputeState, Outcome, Reply, ReplyKind

replies = Table(
    "evaluation_reply",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("evaluation_id", String(36), nullable=False),
    Column("conversation_id", String(36), nullable=False),
    Column("by", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_evaluation_reply_evaluation_id", "evaluation_id", "at"),
    Index("ix_evaluation_reply_conversation_id", "conversation_id"),
)

disputes = Table(
    "dispute",
    metadata,
    Column("id", String(36), primary_key=True),
    # An evaluation is disputed once: what came of it is final, a further talk is a comment.
    Column("evaluation_id", String(36), nullable=False, unique=True),
    Column("conversation_id", String(36), nullable=False),
    Column("agent_id", String(255), nullable=False),
    Column("by", String(64), nullable=False),
    Column("opened_at", DateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reviewer", String(64)),
    Column("decided_at", DateTime),
    Column("new_evaluation_id", String(36)),
    Index("ix_dispute_state", "state", "opened_at"),
    Index("ix_dispute_agent_id", "agent_id", "opened_at"),
    Index("ix_dispute_conversation_id", "conversation_id"),
)

questions = Table(
    "dispute_question",
    metadata,
    Column("dispute_id", String(36), primary_key=True),
    Column("question", String(64), primary_key=True),
    Column("conversation_id", String(36), nullable=False),
    Column("reason", Text, nullable=False),
    Column("outcome", String(16)),
    Column("outcome_reason", Text, nullable=False),
    Index("ix_dispute_question_conversation_id", "conversation_id"),
)


def add_reply(uow: UnitOfWork, reply: Reply) -> None:
    """Keep a word."""
    uow.execute(
        sa.insert(replies).values(
            id=reply.id, evaluation_id=reply.evaluation_id, conversation_id=reply.conversation_id, by=reply.by,
            at=clock.to_column(reply.at), kind=reply.kind.value, text=reply.text,
        )
    )  # fmt: skip


def replies_to(uow: UnitOfWork, evaluation_id: str) -> tuple[Reply, ...]:
    """What was said to an evaluation, in order."""
    query = sa.select(replies).where(replies.c.evaluation_id == evaluation_id).order_by(replies.c.at, replies.c.id)
    return tuple(
        Reply(
            id=row.id, evaluation_id=row.evaluation_id, conversation_id=row.conversation_id, by=row.by,
            at=clock.from_column(row.at), kind=ReplyKind(row.kind), text=row.text,
        )
        for row in uow.execute(query)
    )  # fmt: skip


def acknowledged(uow: UnitOfWork, evaluation_ids: Iterable[str], by: str) -> dict[str, datetime]:
    """Which of these this person has acknowledged, and when."""
    query = sa.select(replies.c.evaluation_id, replies.c.at).where(
        replies.c.evaluation_id.in_(list(evaluation_ids)), replies.c.by == by,
        replies.c.kind == ReplyKind.ACKNOWLEDGED.value,
    )  # fmt: skip
    return {row.evaluation_id: clock.from_column(row.at) for row in uow.execute(query)}


def add(uow: UnitOfWork, dispute: Dispute) -> None:
    """A new dispute; raises Conflict when the evaluation was disputed before."""
    try:
        uow.execute(
            sa.insert(disputes).values(
                id=dispute.id, evaluation_id=dispute.evaluation_id, conversation_id=dispute.conversation_id,
                agent_id=dispute.agent_id, by=dispute.by, opened_at=clock.to_column(dispute.opened_at),
                state=dispute.state.value,
            )
        )  # fmt: skip
    except IntegrityError as error:
        raise Conflict("This evaluation was disputed already.", code="dispute.twice") from error
    for each in dispute.questions:
        uow.execute(
            sa.insert(questions).values(
                dispute_id=dispute.id, question=each.question, conversation_id=dispute.conversation_id,
                reason=each.reason, outcome_reason="",
            )
        )  # fmt: skip


def get(uow: UnitOfWork, dispute_id: str) -> Dispute:
    """One dispute; raises NotFound."""
    found = _read(uow, sa.select(disputes).where(disputes.c.id == dispute_id))
    if not found:
        raise NotFound("There is no such dispute.", code="dispute.none")
    return found[0]


def of_evaluation(uow: UnitOfWork, evaluation_id: str) -> Dispute | None:
    """The dispute about an evaluation."""
    found = _read(uow, sa.select(disputes).where(disputes.c.evaluation_id == evaluation_id))
    return found[0] if found else None


def leading_to(uow: UnitOfWork, evaluation_id: str) -> Dispute | None:
    """The dispute that this evaluation came from."""
    found = _read(uow, sa.select(disputes).where(disputes.c.new_evaluation_id == evaluation_id))
    return found[0] if found else None


def by_ids(uow: UnitOfWork, ids: Iterable[str]) -> dict[str, Dispute]:
    """Disputes by id."""
    return {one.id: one for one in _read(uow, sa.select(disputes).where(disputes.c.id.in_(list(ids))))}


def by_evaluations(uow: UnitOfWork, ids: Iterable[str]) -> dict[str, Dispute]:
    """Disputes by the id of the evaluation that they are about."""
    found = _read(uow, sa.select(disputes).where(disputes.c.evaluation_id.in_(list(ids))))
    return {one.evaluation_id: one for one in found}


def opened_since(uow: UnitOfWork, by: str, since: datetime) -> int:
    """How many one person has opened since then; what they withdrew counts, too."""
    query = sa.select(sa.func.count()).select_from(disputes)
    query = query.where(disputes.c.by == by, disputes.c.opened_at >= clock.to_column(since))
    return int(uow.execute(query).scalar_one())


def close(
    uow: UnitOfWork, dispute: Dispute, state: DisputeState, *, reviewer: str | None = None,
    outcomes: Iterable[DisputedQuestion] = (), new_evaluation_id: str | None = None,
) -> None:  # fmt: skip
    """End an open dispute; raises Conflict when it has ended already."""
    done = uow.execute(
        sa.update(disputes)
        .where(disputes.c.id == dispute.id, disputes.c.state == DisputeState.OPEN.value)
        .values(
            state=state.value, reviewer=reviewer, decided_at=clock.to_column(clock.now()),
            new_evaluation_id=new_evaluation_id,
        )
    )  # fmt: skip
    if done.rowcount != 1:
        raise Conflict("This dispute was decided meanwhile.", code="dispute.closed")
    for each in outcomes:
        uow.execute(
            sa.update(questions)
            .where(questions.c.dispute_id == dispute.id, questions.c.question == each.question)
            .values(outcome=each.outcome and each.outcome.value, outcome_reason=each.outcome_reason)
        )


def _read(uow: UnitOfWork, query: Any) -> list[Dispute]:
    rows = uow.execute(query).all()
    if not rows:
        return []
    asked: dict[str, list[DisputedQuestion]] = {}
    parts = sa.select(questions).where(questions.c.dispute_id.in_([row.id for row in rows]))
    for part in uow.execute(parts.order_by(questions.c.question)):
        asked.setdefault(part.dispute_id, []).append(
            DisputedQuestion(
                question=part.question, reason=part.reason, outcome=Outcome(part.outcome) if part.outcome else None,
                outcome_reason=part.outcome_reason,
            )
        )  # fmt: skip
    return [
        Dispute(
            id=row.id, evaluation_id=row.evaluation_id, conversation_id=row.conversation_id, agent_id=row.agent_id,
            by=row.by, opened_at=clock.from_column(row.opened_at), state=DisputeState(row.state),
            questions=tuple(asked.get(row.id, ())), reviewer=row.reviewer,
            decided_at=row.decided_at and clock.from_column(row.decided_at), new_evaluation_id=row.new_evaluation_id,
        )
        for row in rows
    ]  # fmt: skip
