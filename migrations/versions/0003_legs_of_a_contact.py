"""What the legs of one contact share, for finding one from the other

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    # Empty for what is there: a conversation gets them when it is indexed the next time.
    op.add_column("conversation_index", sa.Column("source", sa.String(length=64), nullable=True))
    op.add_column("conversation_index", sa.Column("contact", sa.String(length=255), nullable=True))
    op.create_index("ix_conversation_index_contact", "conversation_index", ["contact", "search_rowid"], unique=False)


def downgrade() -> None:
    """Back to the shape before."""
    op.drop_index("ix_conversation_index_contact", table_name="conversation_index")
    with op.batch_alter_table("conversation_index", schema=None) as batch_op:
        batch_op.drop_column("contact")
        batch_op.drop_column("source")
