"""One database handle, one shape of transaction.

A unit of work is a SQLAlchemy connection inside one transaction, committed at the edge (a request, a stage, a
command). Rooms receive it as ``uow`` and never commit. On SQLite the file runs in WAL mode with ``secure_delete``,
so that a deleted key does not linger in free pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from candor.errors import Unavailable

UnitOfWork = Connection

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's tables register here, so that migrations can be compared with the code."""


class Database:
    """The engine and its two kinds of transaction."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A snapshot for queries; whatever it might write is rolled back."""
        with self.engine.connect() as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """A unit of work: committed when the block ends, rolled back when it raises.

        Raises Unavailable when the database is locked for longer than its patience or is away.
        """
        try:
            with self.engine.connect() as connection:
                connection.execution_options(candor_write=True)
                with connection.begin():
                    yield connection
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
        "busy_timeout=15000",
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
    connection.exec_driver_sql(f"BEGIN {mode}")
