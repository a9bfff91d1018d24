"""Bringing a database to the shape that this version of the code expects."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from candor.errors import Conflict
from candor.kit.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_PACKAGED = Path(__file__).resolve().parent.parent / "migrations"
_CHECKOUT = Path(__file__).resolve().parents[3] / "migrations"


def folder() -> Path:
    """Where the migrations lie: in the installed package, or at the top of a checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def config() -> Config:
    """Alembic's configuration, without a file of its own."""
    from alembic.config import Config  # noqa: PLC0415  see upgrade

    settings = Config()
    settings.set_main_option("script_location", str(folder()))
    return settings


def newest() -> str:
    """The number of the last migration: each file's name begins with its own."""
    return max(file.name.partition("_")[0] for file in (folder() / "versions").glob("[0-9]*.py"))


def upgrade(database: Database, lock_folder: Path) -> None:
    """Apply what is missing; one process at a time. Raises Conflict for a database of a newer version."""
    with (lock_folder / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        present = _present(database)
        if present == newest():
            return
        from alembic import command  # noqa: PLC0415  a quarter of a second, for those that have something to apply
        from alembic.script import ScriptDirectory  # noqa: PLC0415

        scripts = ScriptDirectory.from_config(config())
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


def _present(database: Database) -> str | None:
    """The migration that was applied last; None for a new database."""
    with database.engine.connect() as connection:
        there = inspect(connection).has_table("alembic_version")
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() if there else None
        connection.rollback()
    return None if found is None else str(found)
