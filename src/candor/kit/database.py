"""One database handle, one shape of transaction.

A unit of work is a SQLAlchemy connection inside one transaction, committed at the edge (a request, a stage, a
command). Rooms receive it as ``uow`` and never commit. On SQLite the file runs in WAL mode with ``secure_delete``,
so that a deleted key does not linger in free pages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from candor.errors import Unavailable

UnitOfWork = Connection
_AFTERWARDS = "candor_after_commit"
_PATIENCE_MS = 15_000

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's tables register here, so that migrations can be compared with the code."""


def after_commit(uow: UnitOfWork, callback: Callable[[Engine], None]) -> None:
    """Call ``callback`` once after ``uow`` is committed, never when it is not; a crash in between leaves it out."""
    uow.info.setdefault(_AFTERWARDS, {})[callback] = None


def cut_log(engine: Engine) -> None:
    """Write what waits in the write-ahead log into the database and cut the log, so that deleted rows are nowhere.

    Left to the next call while a reader needs the log.
    """
    if engine.dialect.name == "sqlite":
        # What it comes after is committed: that the log cannot be cut just now must not look like a failure of that.
        with suppress(OperationalError, sqlite3.OperationalError), engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA busy_timeout=200")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
            cursor.close()


class Database:
    """The engine and its two kinds of transaction."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A snapshot for queries; whatever it might write is rolled back. Raises Unavailable when it cannot be read."""
        try:
            with self.engine.connect() as connection:
                yield connection
                connection.rollback()
        except OperationalError as error:
            raise Unavailable("The database cannot be read just now.", advice="Try again in a moment.") from error

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """A unit of work: committed when the block ends, rolled back when it raises.

        Raises Unavailable when the database is locked for longer than its patience or is away.
        """
        try:
            with self.engine.connect() as connection:
                connection.execution_options(candor_write=True)
                connection.info.pop(_AFTERWARDS, None)
                with connection.begin():
                    yield connection
                afterwards = connection.info.pop(_AFTERWARDS, {})
            for callback in afterwards:
                callback(self.engine)
        except OperationalError as error:
            raise Unavailable("The database did not take the change.", advice="Try again in a moment.") from error

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def make_engine(url: str) -> Engine:
    """An engine whose SQLite connections are tuned for many readers and one short writer at a time."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def sqlite_url(path: Path) -> str:
    """The URL of a database file."""
    return f"sqlite:///{path}"


def _tune_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling is switched off: _begin_sqlite starts transactions explicitly.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={_PATIENCE_MS}",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
        "cache_size=-32768",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a deferred transaction that upgrades later fails with "database is locked".
    mode = "IMMEDIATE" if connection.get_execution_options().get("candor_write") else "DEFERRED"
    # To the driver itself: a statement of SQLAlchemy's costs as much as the rest of an empty transaction.
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101  a connection that begins has one
    try:
        raw.execute(f"BEGIN {mode}")
    except sqlite3.OperationalError as error:
        raise OperationalError(f"BEGIN {mode}", None, error) from error
