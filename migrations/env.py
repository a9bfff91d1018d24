"""Runs migrations on the connection that ``candor.kit.migrations`` hands over, inside its unit of work."""

from __future__ import annotations

from alembic import context

import candor.wiring  # noqa: F401  it imports every room, and with them their tables
from candor.kit.database import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=False
)
context.run_migrations()
