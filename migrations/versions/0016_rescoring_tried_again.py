"""Rescoring: parts are tried again some times only, and what is named of conversations goes with them

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    op.create_table(
        "rescoring_conversation",
        sa.Column("rescoring_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rescoring_id", "kind", "conversation_id", name=op.f("pk_rescoring_conversation")),
    )
    op.create_index(
        op.f("ix_rescoring_conversation_conversation_id"), "rescoring_conversation", ["conversation_id"], unique=False
    )
    op.add_column("rescoring_part", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("rescoring_part", sa.Column("not_before", sa.DateTime(), nullable=True))
    op.create_index("ix_rescoring_part_state", "rescoring_part", ["rescoring_id", "state", "place"], unique=False)
    _name_conversations_in_rows()
    _measure_legs()
    # Counts are in shares of a conversation now; there are some thousands of them at most.
    cell = sa.table("agreement_cell", sa.column("n", sa.Integer))
    op.execute(sa.update(cell).values(n=cell.c.n * 2520))


def _measure_legs() -> None:
    """The projection gets wider keys; it is made anew, and filled by the workers from the evaluations, in pieces."""
    op.drop_table("measured_answer")
    op.drop_table("measured_evaluation")
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "measured_answer",
        sa.Column("search_rowid", key, autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.String(length=64), server_default="", nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("lost", sa.Float(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "search_rowid", "source", "scorecard", "segment", "question", name=op.f("pk_measured_answer")
        ),
    )
    op.create_table(
        "measured_evaluation",
        sa.Column("search_rowid", key, autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.String(length=64), server_default="", nullable=False),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("search_rowid", "source", "scorecard", "segment", name=op.f("pk_measured_evaluation")),
    )
    op.create_index("ix_measured_evaluation_evaluation_id", "measured_evaluation", ["evaluation_id"], unique=False)
    op.create_index("ix_measured_evaluation_agent_id", "measured_evaluation", ["agent_id"], unique=False)


def _name_conversations_in_rows() -> None:
    """Results are few (one a simulation), and named their conversations where disposal did not find them."""
    bind = op.get_bind()
    job = sa.table("rescoring", sa.column("id", sa.String), sa.column("result", sa.Text))
    named = sa.table(
        "rescoring_conversation", sa.column("rescoring_id", sa.String), sa.column("kind", sa.String),
        sa.column("conversation_id", sa.String), sa.column("told", sa.Text),
    )  # fmt: skip
    kept = sa.table("conversation", sa.column("id", sa.String))
    for job_id, text in bind.execute(sa.select(job.c.id, job.c.result).where(job.c.result.is_not(None))).all():
        result: dict[str, Any] = json.loads(text)
        flipped: Iterable[dict[str, Any]] = result.pop("flipped", [])
        by_id = {str(each.pop("conversation")): each for each in flipped}
        there = set(bind.execute(sa.select(kept.c.id).where(kept.c.id.in_(list(by_id)))).scalars())
        rows = [
            {"rescoring_id": job_id, "kind": "flip", "conversation_id": one, "told": json.dumps(told)}
            for one, told in by_id.items()
            if one in there
        ]
        if rows:
            bind.execute(sa.insert(named), rows)
        bind.execute(sa.update(job).where(job.c.id == job_id).values(result=json.dumps(result, ensure_ascii=False)))
