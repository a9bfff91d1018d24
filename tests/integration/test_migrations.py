"""The migrations and the code's tables describe the same database, and a newer database is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

import candor.api.app
import candor.web.app
import candor.wiring  # noqa: F401  together they import every room, and with them their tables
from candor.errors import Conflict
from candor.kit.database import Database, metadata, sqlite_url
from candor.kit.migrations import upgrade


def shape(database: Database) -> dict[str, str]:
    with database.read() as uow:
        rows = uow.execute(
            text(
                "SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
            )
        )
        return {name: "".join(sql.split()).lower().replace('"', "") for name, sql in rows}


def columns(database: Database, table: str) -> list[tuple[object, ...]]:
    with database.read() as uow:
        return sorted(tuple(row)[1:] for row in uow.execute(text(f"PRAGMA table_info('{table}')")))


def test_migrated_and_created_databases_are_the_same(tmp_path: Path) -> None:
    migrated = Database(sqlite_url(tmp_path / "migrated.db"))
    upgrade(migrated, tmp_path)
    created = Database(sqlite_url(tmp_path / "created.db"))
    metadata.tables.keys()
    for table in metadata.sorted_tables:
        if table.name not in {"effect", "mark_log"}:  # the kill tests' own
            table.create(created.engine)
    assert shape(migrated).keys() == shape(created).keys()
    for table in metadata.tables:
        if table not in {"effect", "mark_log"}:
            assert columns(migrated, table) == columns(created, table), table
    upgrade(migrated, tmp_path)
    migrated.close()
    created.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    upgrade(database, tmp_path)
    with database.write() as uow:
        uow.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    with pytest.raises(Conflict, match="newer version"):
        upgrade(database, tmp_path)
    database.close()
