"""Consent: what the first release of the ledger left out

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    op.create_table(
        "workplace",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workplace")),
    )
    op.create_table(
        "workplace_agent",
        sa.Column("agent_id", sa.String(length=255), nullable=False),
        sa.Column("workplace", sa.String(length=80), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_workplace_agent")),
    )
    op.create_index("ix_workplace_agent_workplace", "workplace_agent", ["workplace"], unique=False)
    op.create_table(
        "consent_document",
        sa.Column("digest", sa.String(length=128), nullable=False),
        sa.Column("object_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_consent_document")),
    )
    op.create_table(
        "consent_expiry",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("line", name=op.f("pk_consent_expiry")),
    )
    op.create_index(op.f("ix_consent_expiry_expires_at"), "consent_expiry", ["expires_at"], unique=False)
    # Consent with an end is rare: a ledger's lines are many, these few.
    ends = {
        "sqlite": "replace(substr(json_extract(text, '$.expires_at'), 1, 26), 'T', ' ')",
        "postgresql": "(text::json ->> 'expires_at')::timestamptz AT TIME ZONE 'UTC'",
    }[op.get_bind().dialect.name]
    op.execute(
        f"INSERT INTO consent_expiry (line, expires_at) SELECT number, {ends} FROM consent_line "  # noqa: S608  our own
        f"WHERE event IN ('given', 'inherited') AND {ends} IS NOT NULL"
    )
    op.create_index(
        "ix_conversation_consent_listed", "conversation_consent", ["state", "started_at", "conversation_id"],
        unique=False,
    )  # fmt: skip
    op.add_column("unrecorded_call", sa.Column("agent_id", sa.String(length=255), nullable=True))
