"""Bringing a database to the shape that this version of the code expects."""

from __future__ import annotations

import fcntl
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from candor.errors import Conflict
from candor.kit.database import Database

_PACKAGED = Path(__file__).resolve().parent.parent / "migrations"
_CHECKOUT = Path(__file__).resolve().parents[3] / "migrations"


def folder() -> Path:
    """Where the migrations lie: in the installed package, or at the top of a checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def config() -> Config:
    """Alembic's configuration, without a file of its own."""
    settings = Config()
    settings.set_main_option("script_location", str(folder()))
    return settings


def upgrade(database: Database, lock_folder: Path) -> None:
    """Apply what is missing; one process at a time. Raises Conflict for a database of a newer version."""
    scripts = ScriptDirectory.from_config(config())
    head = scripts.get_current_head()
    with (lock_folder / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with database.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_revision()
            connection.rollback()
        if present == head:
            return
        if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
            raise Conflict(
                "The data folder was written by a newer version of Candor.",
                code="database.newer",
                advice="Start that version or a later one; nothing was changed.",
            )
        with database.write() as uow:
            settings = config()
            settings.attributes["connection"] = uow
            command.upgrade(settings, "head")
