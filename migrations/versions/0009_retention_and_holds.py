"""Retention, legal holds, requests of data subjects

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    op.create_table(
        "retention_schedule",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("basis", sa.String(length=300), nullable=False),
        sa.Column("drafted_by", sa.String(length=64), nullable=False),
        sa.Column("drafted_at", sa.DateTime(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=True),
        sa.Column("effective_by", sa.String(length=64), nullable=True),
        sa.Column("effective_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_schedule")),
        sa.UniqueConstraint("name", "version", name="uq_retention_schedule_name_version"),
    )
    op.create_table(
        "retention_class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_class")),
        sa.UniqueConstraint("digest", name=op.f("uq_retention_class_digest")),
    )
    op.create_table(
        "retention_entry",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_retention_entry")),
    )
    op.create_index(
        "ix_retention_entry_class_id", "retention_entry", ["class_id", "started_at", "conversation_id"], unique=False
    )
    op.create_index("ix_retention_entry_decided", "retention_entry", ["decided", "conversation_id"], unique=False)
    op.create_table(
        "retention_word",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("conflict", sa.String(length=160), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_word")),
    )
    op.create_index("ix_retention_word_class_id", "retention_word", ["class_id", "conflict"], unique=False)
    op.create_table(
        "retention_sweep",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("destroyed", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.Integer(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_sweep")),
    )
    op.create_table(
        "tombstone",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("basis", sa.String(length=300), nullable=False),
        sa.Column("schedule", sa.String(length=120), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("request_id", sa.String(length=36), nullable=True),
        sa.Column("objects", sa.Text(), nullable=False),
        sa.Column("certificate_id", sa.String(length=36), nullable=True),
        sa.Column("filed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_tombstone")),
    )
    op.create_index("ix_tombstone_certificate_id", "tombstone", ["certificate_id"], unique=False)
    op.create_index("ix_tombstone_content", "tombstone", ["content"], unique=False)
    op.create_index("ix_tombstone_filed", "tombstone", ["filed"], unique=False)
    op.create_table(
        "disposal_certificate",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("issued_at", sa.DateTime(), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("conversations", sa.Integer(), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_certificate")),
    )
    op.create_table(
        "disposal_key",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_key")),
    )
    op.create_table(
        "disposal_remains",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name=op.f("pk_disposal_remains")),
    )
    op.create_table(
        "disposal_proposal",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("conversations", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_proposal")),
    )
    op.create_table(
        "disposal_item",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("proposal_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_disposal_item")),
    )
    op.create_index("ix_disposal_item_proposal_id", "disposal_item", ["proposal_id"], unique=False)
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=True),
        sa.Column("until", sa.DateTime(), nullable=True),
        sa.Column("asks", sa.Boolean(), nullable=False),
        sa.Column("placed_at", sa.DateTime(), nullable=False),
        sa.Column("placed_by", sa.String(length=64), nullable=False),
        sa.Column("released_at", sa.DateTime(), nullable=True),
        sa.Column("released_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index("ix_legal_hold_released_at", "legal_hold", ["released_at"], unique=False)
    op.create_table(
        "hold_person",
        sa.Column("hold_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("hold_id", "digest", name=op.f("pk_hold_person")),
    )
    op.create_table(
        "hold_conversation",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("hold_id", sa.String(length=36), nullable=False),
        sa.Column("named", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "hold_id", name=op.f("pk_hold_conversation")),
    )
    op.create_index("ix_hold_conversation_hold_id", "hold_conversation", ["hold_id"], unique=False)
    op.create_table(
        "subject_key",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "digest", name=op.f("pk_subject_key")),
    )
    op.create_index("ix_subject_key_digest", "subject_key", ["digest", "conversation_id"], unique=False)
    op.create_table(
        "subject_noted",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_subject_noted")),
    )
    op.create_table(
        "subject_secret",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_secret")),
    )
    op.create_table(
        "subject_request",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("law", sa.String(length=16), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("extended", sa.String(length=1000), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("digests", sa.Text(), nullable=False),
        sa.Column("verified", sa.String(length=1000), nullable=True),
        sa.Column("taken_by", sa.String(length=64), nullable=False),
        sa.Column("closed_at", sa.DateTime(), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_request")),
        sa.UniqueConstraint("number", name=op.f("uq_subject_request_number")),
    )
    op.create_index("ix_subject_request_state", "subject_request", ["state", "due_on"], unique=False)
    op.create_table(
        "request_item",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("how", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("request_id", "conversation_id", name=op.f("pk_request_item")),
    )
    op.create_index("ix_request_item_conversation_id", "request_item", ["conversation_id"], unique=False)
    op.create_index("ix_request_item_state", "request_item", ["state"], unique=False)
    op.create_table(
        "request_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_step")),
    )
    op.create_index("ix_request_step_request_id", "request_step", ["request_id", "id"], unique=False)


def downgrade() -> None:
    """Back to the shape before."""
    op.drop_table("request_step")
    op.drop_table("request_item")
    op.drop_table("subject_request")
    op.drop_table("subject_secret")
    op.drop_table("subject_noted")
    op.drop_table("subject_key")
    op.drop_table("hold_conversation")
    op.drop_table("hold_person")
    op.drop_table("legal_hold")
    op.drop_table("disposal_item")
    op.drop_table("disposal_proposal")
    op.drop_table("disposal_remains")
    op.drop_table("disposal_key")
    op.drop_table("disposal_certificate")
    op.drop_table("tombstone")
    op.drop_table("retention_sweep")
    op.drop_table("retention_word")
    op.drop_table("retention_entry")
    op.drop_table("retention_class")
    op.drop_table("retention_schedule")
