"""Agreement, calibration and reports

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    op.add_column("evaluation", sa.Column("marks", sa.Text(), nullable=True))
    op.create_table(
        "agreement_pair",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("segment", sa.String(length=64), nullable=False),
        sa.Column("evaluator", sa.String(length=64), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("automatic", sa.Text(), nullable=True),
        sa.Column("human", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "conversation_id", "scorecard", "version", "segment", "evaluator", name=op.f("pk_agreement_pair")
        ),
    )
    op.create_table(
        "agreement_cell",
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("automatic", sa.String(length=200), nullable=False),
        sa.Column("human", sa.String(length=200), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "scorecard", "question", "fingerprint", "week", "automatic", "human", name=op.f("pk_agreement_cell")
        ),
    )
    op.create_table(
        "agreement_gate",
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("measure", sa.String(length=16), nullable=False),
        sa.Column("set_by", sa.String(length=64), nullable=False),
        sa.Column("set_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("scorecard", "question", name=op.f("pk_agreement_gate")),
    )
    op.create_table(
        "agreement_state",
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        *_figure(),
        sa.PrimaryKeyConstraint("scorecard", "question", name=op.f("pk_agreement_state")),
    )
    op.create_table(
        "agreement_change",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=True),
        sa.Column("n", sa.Integer(), nullable=False),
        *_figure(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_change")),
    )
    op.create_index("ix_agreement_change_question", "agreement_change", ["scorecard", "question", "id"], unique=False)
    _calibration()
    _reports()


def _calibration() -> None:
    op.create_table(
        "calibration",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=16), nullable=False),
        sa.Column("expert", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
    )
    op.create_table(
        "calibration_conversation",
        sa.Column("calibration_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("calibration_id", "conversation_id", name=op.f("pk_calibration_conversation")),
    )
    op.create_index(
        "ix_calibration_conversation_conversation_id", "calibration_conversation", ["conversation_id"], unique=False
    )
    op.create_table(
        "calibration_evaluator",
        sa.Column("calibration_id", sa.String(length=36), nullable=False),
        sa.Column("evaluator", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("calibration_id", "evaluator", name=op.f("pk_calibration_evaluator")),
    )
    op.create_index("ix_calibration_evaluator_evaluator", "calibration_evaluator", ["evaluator"], unique=False)
    op.create_table(
        "calibration_note",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("calibration_id", sa.String(length=36), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("draft_version", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_note")),
    )
    op.create_index("ix_calibration_note_calibration_id", "calibration_note", ["calibration_id"], unique=False)


def _reports() -> None:
    op.create_table(
        "report_schedule",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("every", sa.String(length=16), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedule")),
    )
    op.create_index("ix_report_schedule_owner", "report_schedule", ["owner"], unique=False)
    op.create_table(
        "report_made",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("schedule_id", sa.String(length=36), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("pdf", sa.String(length=36), nullable=False),
        sa.Column("csv", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_made")),
        sa.UniqueConstraint("schedule_id", "until", name=op.f("uq_report_made_schedule_id")),
    )


def _figure() -> list[sa.Column]:
    """A figure, its interval, and what was asked of it."""
    return [
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("least", sa.Integer(), nullable=True),
        sa.Column("measure", sa.String(length=16), nullable=True),
    ]
