"""Units of work: kept whole or not at all, and a database that somebody else writes to is told as such."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from candor.errors import Unavailable
from candor.kit import database as kit
from candor.kit.database import Database, sqlite_url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "candor.db"


@pytest.fixture
def database(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(kit, "_PATIENCE_MS", 200)
    opened = Database(sqlite_url(path))
    with opened.write() as uow:
        uow.execute(text("CREATE TABLE said (word TEXT)"))
    yield opened
    opened.close()


def words(database: Database) -> list[str]:
    with database.read() as uow:
        return list(uow.execute(text("SELECT word FROM said")).scalars())


def test_a_unit_that_raises_leaves_nothing(database: Database) -> None:
    def half_way() -> None:
        with database.write() as uow:
            uow.execute(text("INSERT INTO said VALUES ('half')"))
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        half_way()
    assert words(database) == []


def test_a_database_that_is_locked_too_long_says_try_again(database: Database, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="did not take the change"), database.write() as uow:
        uow.execute(text("INSERT INTO said VALUES ('never')"))
    assert words(database) == []  # readers are not kept waiting by a writer
    other.execute("COMMIT")
    other.close()
    with database.write() as uow:
        uow.execute(text("INSERT INTO said VALUES ('later')"))
    assert words(database) == ["later"]


def test_what_a_reader_writes_is_not_kept(database: Database) -> None:
    with database.read() as uow:
        uow.execute(text("INSERT INTO said VALUES ('by mistake')"))
    assert words(database) == []
