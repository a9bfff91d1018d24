"""The tables of the first release

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEARCH = (
    "CREATE VIRTUAL TABLE conversation_text"
    " USING fts5(agent_text, customer_text, other_text, tokenize = 'unicode61 remove_diacritics 2')"
)
"""Full text is SQLite's own; Alembic knows nothing of it."""


def upgrade() -> None:
    """Towards the new shape."""
    op.create_table(
        "analysis",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_analysis")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("last_used_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_token_digest")),
    )
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.create_index("ix_api_token_user_id", ["user_id"], unique=False)

    op.create_table(
        "artifact",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.String(length=36), nullable=True),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("conversation_id", "kind", name=op.f("pk_artifact")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=True),
        sa.Column("subject", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_conversation_id", ["conversation_id"], unique=False)

    op.create_table(
        "conversation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("utc_offset_minutes", sa.Integer(), nullable=False),
        sa.Column("medium", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("queue", sa.String(length=255), nullable=True),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("sha512", sa.String(length=128), nullable=False),
        sa.Column("call_key", sa.String(length=255), nullable=False),
        sa.Column("object_id", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
        sa.UniqueConstraint("sha512", "call_key", name="uq_conversation_sha512_call_key"),
    )
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.create_index("ix_conversation_external_id", ["external_id"], unique=False)
        batch_op.create_index("ix_conversation_started_at", ["started_at"], unique=False)

    op.create_table(
        "conversation_category",
        sa.Column("category", sa.String(length=80), nullable=False),
        sa.Column(
            "search_rowid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.PrimaryKeyConstraint("category", "search_rowid", name=op.f("pk_conversation_category")),
    )
    with op.batch_alter_table("conversation_category", schema=None) as batch_op:
        batch_op.create_index("ix_conversation_category_search_rowid", ["search_rowid"], unique=False)

    op.create_table(
        "conversation_facet",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=255), nullable=False),
        sa.Column("team", sa.String(length=255), nullable=False),
        sa.Column("agent_id", sa.String(length=255), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", "team", "agent_id", name=op.f("pk_conversation_facet")),
    )
    op.create_table(
        "conversation_index",
        sa.Column(
            "search_rowid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("utc_offset_minutes", sa.Integer(), nullable=False),
        sa.Column("duration", sa.Float(), nullable=True),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("agent", sa.String(length=255), nullable=True),
        sa.Column("agent_id", sa.String(length=255), nullable=True),
        sa.Column("customer", sa.String(length=40), nullable=True),
        sa.Column("team", sa.String(length=255), nullable=True),
        sa.Column("queue", sa.String(length=255), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attention", sa.Text(), nullable=True),
        sa.Column("sentiment", sa.Float(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("score_source", sa.String(length=16), nullable=True),
        sa.Column("critical_failed", sa.Boolean(), nullable=False),
        sa.Column("pii_count", sa.Integer(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("search_rowid", name=op.f("pk_conversation_index")),
        sa.UniqueConstraint("id", name=op.f("uq_conversation_index_id")),
    )
    with op.batch_alter_table("conversation_index", schema=None) as batch_op:
        batch_op.create_index("ix_conversation_index_agent_id", ["agent_id", "search_rowid"], unique=False)
        batch_op.create_index("ix_conversation_index_duration", ["duration", "search_rowid"], unique=False)
        batch_op.create_index(batch_op.f("ix_conversation_index_external_id"), ["external_id"], unique=False)
        batch_op.create_index("ix_conversation_index_queue", ["queue", "search_rowid"], unique=False)
        batch_op.create_index("ix_conversation_index_score", ["score", "search_rowid"], unique=False)
        batch_op.create_index("ix_conversation_index_sentiment", ["sentiment", "search_rowid"], unique=False)
        batch_op.create_index("ix_conversation_index_status", ["status", "search_rowid"], unique=False)
        batch_op.create_index("ix_conversation_index_team", ["team", "search_rowid"], unique=False)

    op.create_table(
        "data_key",
        sa.Column("object_id", sa.String(length=36), nullable=False),
        sa.Column("master_key_id", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_data_key")),
    )
    op.create_table(
        "evaluation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("scorecard", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("evaluator", sa.String(length=64), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("critical_failed", sa.Boolean(), nullable=False),
        sa.Column("json", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded", sa.Boolean(), nullable=False),
        sa.Column("automatic_key", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
        sa.UniqueConstraint("automatic_key", name=op.f("uq_evaluation_automatic_key")),
    )
    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.create_index("ix_evaluation_conversation", ["conversation_id", "created_at"], unique=False)

    op.create_table(
        "intake",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake")),
    )
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.create_index("ix_intake_resolved_at_at", ["resolved_at", "at"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_session")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index("ix_login_session_user_id", ["user_id"], unique=False)

    op.create_table(
        "redaction_span_count",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("spans", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "kind", name=op.f("pk_redaction_span_count")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("first_stage", sa.String(length=32), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_conversation_id", ["conversation_id"], unique=False)
        batch_op.create_index("ix_run_state_created_at", ["state", "created_at"], unique=False)

    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    with op.batch_alter_table("saved_view", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_saved_view_owner"), ["owner"], unique=False)

    op.create_table(
        "scorecard",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("yaml", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name=op.f("pk_scorecard")),
    )
    op.create_table(
        "sealed_object",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha512", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealed_object")),
    )
    with op.batch_alter_table("sealed_object", schema=None) as batch_op:
        batch_op.create_index("ix_sealed_object_conversation_id", ["conversation_id"], unique=False)

    op.create_table(
        "stage_run",
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error", sa.String(length=1000), nullable=True),
        sa.Column("advice", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "stage", name=op.f("pk_stage_run")),
    )
    with op.batch_alter_table("stage_run", schema=None) as batch_op:
        batch_op.create_index("ix_stage_run_conversation_id", ["conversation_id"], unique=False)

    op.create_table(
        "transcript",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("engine", sa.String(length=40), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("object_id", sa.String(length=36), nullable=False),
        sa.Column("redaction_object_id", sa.String(length=36), nullable=True),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript")),
    )
    with op.batch_alter_table("transcript", schema=None) as batch_op:
        batch_op.create_index(
            "ix_transcript_conversation_id_created_at", ["conversation_id", "created_at"], unique=False
        )
        batch_op.create_index(
            "uq_transcript_current",
            ["conversation_id"],
            unique=True,
            sqlite_where=sa.text("current"),
            postgresql_where=sa.text("current"),
        )

    op.create_table(
        "user",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("login", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=120), nullable=True),
        sa.Column("agent_id", sa.String(length=120), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("login", name=op.f("uq_user_login")),
    )
    op.create_table(
        "utterance_vector",
        sa.Column("conversation_id", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("dims", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_utterance_vector")),
    )
    op.create_table(
        "worker",
        sa.Column("executor_id", sa.String(length=64), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("beat_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("executor_id", name=op.f("pk_worker")),
    )
    op.execute(SEARCH)


def downgrade() -> None:
    """Back to the shape before."""
    op.drop_table("worker")
    op.drop_table("utterance_vector")
    op.drop_table("user")
    with op.batch_alter_table("transcript", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_transcript_current", sqlite_where=sa.text("current"), postgresql_where=sa.text("current")
        )
        batch_op.drop_index("ix_transcript_conversation_id_created_at")

    op.drop_table("transcript")
    with op.batch_alter_table("stage_run", schema=None) as batch_op:
        batch_op.drop_index("ix_stage_run_conversation_id")

    op.drop_table("stage_run")
    with op.batch_alter_table("sealed_object", schema=None) as batch_op:
        batch_op.drop_index("ix_sealed_object_conversation_id")

    op.drop_table("sealed_object")
    op.drop_table("scorecard")
    with op.batch_alter_table("saved_view", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_view_owner"))

    op.drop_table("saved_view")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_state_created_at")
        batch_op.drop_index("ix_run_conversation_id")

    op.drop_table("run")
    op.drop_table("redaction_span_count")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index("ix_login_session_user_id")

    op.drop_table("login_session")
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.drop_index("ix_intake_resolved_at_at")

    op.drop_table("intake")
    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.drop_index("ix_evaluation_conversation")

    op.drop_table("evaluation")
    op.drop_table("data_key")
    with op.batch_alter_table("conversation_index", schema=None) as batch_op:
        batch_op.drop_index("ix_conversation_index_team")
        batch_op.drop_index("ix_conversation_index_status")
        batch_op.drop_index("ix_conversation_index_sentiment")
        batch_op.drop_index("ix_conversation_index_score")
        batch_op.drop_index("ix_conversation_index_queue")
        batch_op.drop_index(batch_op.f("ix_conversation_index_external_id"))
        batch_op.drop_index("ix_conversation_index_duration")
        batch_op.drop_index("ix_conversation_index_agent_id")

    op.drop_table("conversation_index")
    op.drop_table("conversation_facet")
    with op.batch_alter_table("conversation_category", schema=None) as batch_op:
        batch_op.drop_index("ix_conversation_category_search_rowid")

    op.drop_table("conversation_category")
    with op.batch_alter_table("conversation", schema=None) as batch_op:
        batch_op.drop_index("ix_conversation_started_at")
        batch_op.drop_index("ix_conversation_external_id")

    op.drop_table("conversation")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_conversation_id")

    op.drop_table("audit_event")
    op.drop_table("artifact")
    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_index("ix_api_token_user_id")

    op.drop_table("api_token")
    op.drop_table("analysis")
    op.execute("DROP TABLE conversation_text")
