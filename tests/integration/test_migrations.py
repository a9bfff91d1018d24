"""The migrations and the code's tables describe the same database, and a newer database is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

import candor.api.app
import candor.web.app
import candor.wiring  # noqa: F401  together they import every room, and with them their tables
from candor.errors import Conflict
from candor.kit import migrations
from candor.kit.database import Database, metadata, sqlite_url
from candor.kit.migrations import upgrade
from tests.peers import migrated


@pytest.fixture(autouse=True)
def _migrations_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "upgrade", migrated.run)


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


def test_the_newest_is_told_by_its_file_s_name() -> None:
    assert migrations.newest() == ScriptDirectory.from_config(migrations.config()).get_current_head()


def test_a_remembered_database_is_a_migrated_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests' own houses are made of."""
    made = []
    for name, way in (("one", migrated.run), ("two", migrated.remembered), ("three", migrated.remembered)):
        monkeypatch.setattr(command, "upgrade", way)
        database = Database(sqlite_url(tmp_path / f"{name}.db"))
        upgrade(database, tmp_path)
        made.append(database)
    one, two, three = made
    head = ScriptDirectory.from_config(migrations.config()).get_current_head()
    assert shape(one) == shape(two) == shape(three)
    names = []
    for database in made:
        with database.read() as uow:
            rows = {table: uow.execute(text(f"SELECT count(*) FROM \"{table}\"")).scalar() for table in metadata.tables
                    if table not in {"effect", "mark_log"}}  # fmt: skip
            assert {table: count for table, count in rows.items() if count} == {"audit_head": 1}
            assert uow.execute(text("SELECT version_num FROM alembic_version")).scalar() == head
            names.append(uow.execute(text("SELECT name FROM audit_head")).scalar())
        database.close()
    assert len(set(names)) == 3, "each house has an audit log of its own"


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    upgrade(database, tmp_path)
    with database.write() as uow:
        uow.execute(text("UPDATE alembic_version SET version_num = 'from-the-future'"))
    with pytest.raises(Conflict, match="newer version"):
        upgrade(database, tmp_path)
    database.close()
