"""The consent ledger, quarantine, calls of which nothing was kept

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SQLITE = "CREATE TRIGGER {} BEFORE {} ON consent_line BEGIN SELECT RAISE(ABORT, '{}'); END"
_POSTGRES = """
CREATE FUNCTION consent_line_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the consent ledger is append-only'; END $$;
CREATE TRIGGER consent_line_stays BEFORE UPDATE OR DELETE ON consent_line
FOR EACH ROW EXECUTE FUNCTION consent_line_refuse();
"""


def upgrade() -> None:
    """Towards the new shape."""
    op.create_table(
        "consent_line",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("whose", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=True),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("call_id", sa.String(length=255), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_consent_line")),
    )
    op.create_index("ix_consent_line_subject", "consent_line", ["subject", "at"], unique=False)
    op.create_index("ix_consent_line_conversation_id", "consent_line", ["conversation_id"], unique=False)
    op.create_index("ix_consent_line_call_id", "consent_line", ["call_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        for name, verb in (("consent_line_stays", "UPDATE"), ("consent_line_remains", "DELETE")):
            op.execute(_SQLITE.format(name, verb, "the consent ledger is append-only"))
    elif op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRES)
    op.create_table(
        "consent_secret",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_secret")),
    )
    op.create_table(
        "do_not_record",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=64), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_do_not_record")),
    )
    op.create_table(
        "announcement",
        sa.Column("version", sa.String(length=128), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("covers", sa.Text(), nullable=False),
        sa.Column("asks", sa.Boolean(), nullable=False),
        sa.Column("yes_key", sa.String(length=1), nullable=True),
        sa.Column("no_key", sa.String(length=1), nullable=True),
        sa.Column("wav", sa.LargeBinary(), nullable=True),
        sa.Column("print", sa.LargeBinary(), nullable=True),
        sa.Column("spoken_by", sa.String(length=64), nullable=True),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.Column("added_by", sa.String(length=64), nullable=False),
        sa.Column("retired_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_announcement")),
    )
    op.create_table(
        "unrecorded_call",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unrecorded_call")),
    )
    op.create_index("ix_unrecorded_call_started_at", "unrecorded_call", ["started_at"], unique=False)
    op.create_index("ix_unrecorded_call_external_id", "unrecorded_call", ["external_id"], unique=False)
    op.create_table(
        "conversation_consent",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("destroy_after", sa.DateTime(), nullable=True),
        sa.Column("resolved_by", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversation_consent")),
    )
    op.create_index("ix_conversation_consent_state", "conversation_consent", ["state", "destroy_after"], unique=False)
    op.create_index("ix_conversation_consent_started_at", "conversation_consent", ["started_at"], unique=False)


def downgrade() -> None:
    """Back to the shape before."""
    op.drop_table("conversation_consent")
    op.drop_table("unrecorded_call")
    op.drop_table("announcement")
    op.drop_table("do_not_record")
    op.drop_table("consent_secret")
    op.drop_table("consent_line")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION consent_line_refuse")
