"""Evaluation by people

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    for column in (
        sa.Column("occasion", sa.String(length=16), nullable=False, server_default="quality"),
        sa.Column("segment", sa.String(length=64), nullable=True),
        sa.Column("about", sa.String(length=36), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("release_at", sa.DateTime(), nullable=True),
        sa.Column("released_at", sa.DateTime(), nullable=True),
    ):
        op.add_column("evaluation", column)
    # Overrides, the only ones by people until now, were shown at once; they are few beside the automatic ones.
    op.execute("UPDATE evaluation SET released_at = created_at WHERE source = 'human'")
    for name, columns, condition in (
        ("ix_evaluation_agent_id", ["agent_id", "released_at"], "agent_id IS NOT NULL"),
        ("ix_evaluation_release_at", ["release_at"], "release_at IS NOT NULL AND released_at IS NULL"),
        ("ix_evaluation_about", ["about"], "about IS NOT NULL"),
    ):
        where = {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
        op.create_index(name, "evaluation", columns, unique=False, **where)
    op.create_table(
        "evaluation_plan",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_plan")),
    )
    op.create_table(
        "evaluation_draw",
        sa.Column("plan_id", sa.String(length=36), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("json", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", "period", "number", name=op.f("pk_evaluation_draw")),
    )
    op.create_table(
        "evaluation_assignment",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("occasion", sa.String(length=16), nullable=False),
        sa.Column("evaluator", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("release", sa.String(length=16), nullable=False),
        sa.Column("plan_id", sa.String(length=36), nullable=True),
        sa.Column("period", sa.String(length=16), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("segment", sa.String(length=64), nullable=True),
        sa.Column("about", sa.String(length=36), nullable=True),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("evaluation_id", sa.String(length=36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_assignment")),
        sa.UniqueConstraint("plan_id", "conversation_id", "occasion", name="uq_evaluation_assignment_drawn"),
    )
    op.create_index("ix_evaluation_assignment_evaluator", "evaluation_assignment", ["evaluator", "state", "due_at"])
    op.create_index("ix_evaluation_assignment_state", "evaluation_assignment", ["state", "due_at"])
    op.create_index("ix_evaluation_assignment_conversation_id", "evaluation_assignment", ["conversation_id"])
    op.create_table(
        "evaluation_form",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("occasion", sa.String(length=16), nullable=False),
        sa.Column("evaluator", sa.String(length=64), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("saved_at", sa.DateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("segment", sa.String(length=64), nullable=True),
        sa.Column("about", sa.String(length=36), nullable=True),
        sa.Column("assignment_id", sa.String(length=36), nullable=True),
        sa.Column("release", sa.String(length=16), nullable=False),
        sa.Column("evaluation_id", sa.String(length=36), nullable=True),
        sa.Column("transcript_id", sa.String(length=36), nullable=True),
        sa.Column("excluded", sa.Text(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("open_key", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_form")),
        sa.UniqueConstraint("open_key", name=op.f("uq_evaluation_form_open_key")),
    )
    op.create_index("ix_evaluation_form_conversation_id", "evaluation_form", ["conversation_id", "evaluator"])
    op.create_index("ix_evaluation_form_about", "evaluation_form", ["about"])
    op.create_index("ix_evaluation_form_evaluator", "evaluation_form", ["evaluator", "state"])
    op.create_table(
        "evaluation_reply",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_reply")),
    )
    op.create_index("ix_evaluation_reply_evaluation_id", "evaluation_reply", ["evaluation_id", "at"])
    op.create_index("ix_evaluation_reply_conversation_id", "evaluation_reply", ["conversation_id"])
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("evaluation_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("agent_id", sa.String(length=255), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("opened_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reviewer", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("new_evaluation_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("evaluation_id", name=op.f("uq_dispute_evaluation_id")),
    )
    op.create_index("ix_dispute_state", "dispute", ["state", "opened_at"])
    op.create_index("ix_dispute_agent_id", "dispute", ["agent_id", "opened_at"])
    op.create_index("ix_dispute_conversation_id", "dispute", ["conversation_id"])
    op.create_table(
        "dispute_question",
        sa.Column("dispute_id", sa.String(length=36), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("outcome_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dispute_id", "question", name=op.f("pk_dispute_question")),
    )
    op.create_index("ix_dispute_question_conversation_id", "dispute_question", ["conversation_id"])
