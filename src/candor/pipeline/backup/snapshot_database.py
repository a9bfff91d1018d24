"""One moment of a SQLite database, while others write to it, and what stands in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from candor.errors import Damaged, Unavailable

_OBJECTS = (
    "SELECT o.id, o.kind, o.conversation_id, k.master_key_id, k.wrapped, k.form "
    "FROM data_key k JOIN sealed_object o ON o.id = k.object_id ORDER BY substr(o.id, -2), o.id"
)
_FIELDS = (
    "SELECT k.object_id, 'fields', k.object_id, k.master_key_id, k.wrapped, k.form "
    "FROM data_key k WHERE NOT EXISTS (SELECT 1 FROM sealed_object o WHERE o.id = k.object_id)"
)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A data key in the snapshot, and what it belongs to."""

    object_id: str
    kind: str
    conversation_id: str
    master_key_id: str
    wrapped: bytes
    form: int


def read_only(path: Path) -> str:
    """The address of a database that is not to be changed."""
    return f"{path.absolute().as_uri()}?mode=ro"


def copy_database(source: Path, into: Path) -> None:
    """Copy what is committed at one moment (SQLite's backup interface); writers go on meanwhile."""
    try:
        with closing(sqlite3.connect(read_only(source), uri=True, timeout=30)) as live:  # noqa: SIM117
            with closing(sqlite3.connect(into)) as copy:
                live.backup(copy, pages=-1)
                copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        raise Unavailable(
            f"The database {source.name} cannot be copied ({error}).", code="backup.database",
            advice="Try again; when it stays so, the disk or the file is damaged: restore an earlier backup.",
        ) from error  # fmt: skip


class Copy:
    """A copy, opened to be looked into and put right; nobody else has it."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None)
        self.connection.execute("PRAGMA secure_delete=ON")

    def close(self) -> None:
        """Let go of it."""
        self.connection.close()

    def whole(self) -> bool:
        """Whether SQLite finds no damage in it."""
        try:
            return [row[0] for row in self.connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
        except sqlite3.DatabaseError:
            return False

    def has_table(self, name: str) -> bool:
        """Whether it is there: a backup may be of an older version."""
        found = self.connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,))
        return found.fetchone() is not None

    def objects(self) -> Iterator[KeyRow]:
        """Every object that can be opened, by folder and name."""
        return (KeyRow(*row) for row in self.connection.execute(_OBJECTS))

    def fields(self) -> Iterator[KeyRow]:
        """Keys of small sealed fields."""
        return (KeyRow(*row) for row in self.connection.execute(_FIELDS))

    def forget_keys(self, object_ids: list[str]) -> None:
        """Destroy keys."""
        with self.transaction():
            self.connection.executemany("DELETE FROM data_key WHERE object_id = ?", [(one,) for one in object_ids])

    def forget_destroyed(self, live: Path) -> None:
        """Destroy keys that were destroyed in ``live`` since the copy was made."""
        self.connection.execute("ATTACH DATABASE ? AS live", (read_only(live),))
        try:
            with self.transaction():
                self.connection.execute(
                    "DELETE FROM main.data_key WHERE object_id NOT IN (SELECT object_id FROM live.data_key)"
                )
        finally:
            self.connection.execute("DETACH DATABASE live")

    def conversations(self) -> Iterator[str]:
        """Ids of all that are registered."""
        return (row[0] for row in self.connection.execute("SELECT id FROM conversation"))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")


def opened(path: Path) -> Copy:
    """Open a copy; raises Damaged when it is no database."""
    try:
        copy = Copy(path)
        copy.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise Damaged("The database in the backup cannot be read.", code="backup.damaged") from error
    return copy
