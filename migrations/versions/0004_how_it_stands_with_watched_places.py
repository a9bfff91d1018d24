"""An index that tells how it stands with a watched place

Before you merge this: it runs inside one transaction while other processes may still run the code before it. Add
columns as nullable or with a server default, never rename or drop in the release that stops using a thing, and keep
work proportional to rows out of it (fill in batches from a pipeline run instead).
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Towards the new shape."""
    # The new one begins with the columns of the old one and serves its queries, too.
    op.create_index(
        "ix_watched_file_place_state_part_done_at", "watched_file", ["place", "state", "part", "done_at"], unique=False
    )
    op.drop_index("ix_watched_file_place_state", table_name="watched_file")


def downgrade() -> None:
    """Back to the shape before."""
    op.create_index("ix_watched_file_place_state", "watched_file", ["place", "state"], unique=False)
    op.drop_index("ix_watched_file_place_state_part_done_at", table_name="watched_file")
