"""A new SQLite database as the migrations make it, or with every table, without making them one by one each time.

The first one of a process is made so; what is there then is remembered as statements, which make the next. What was
drawn by lot (the name of the audit log) is drawn again.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, MetaData

from candor.kit.database import metadata

_run = command.upgrade
_BUILT_IN = "sqlite_%"
_DRAWN = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_create = MetaData.create_all
_made: dict[int, list[tuple[str, tuple[Any, ...]]]] = {}
"""What makes a new database: by the migrations (0), or of so many tables."""


def remember() -> None:
    """From now on in this process; the migrations themselves stay at :func:`run`."""
    command.upgrade = remembered
    vars(metadata)["create_all"] = _created


def run(settings: Config, revision: str) -> None:
    """Every migration, one after the other."""
    _run(settings, revision)


def remembered(config: Config, revision: str, sql: bool = False, tag: str | None = None) -> None:
    """The same shape, at once where the database is new and of SQLite."""
    uow: Connection = config.attributes["connection"]
    raw: Any = uow.connection.dbapi_connection
    if revision != "head" or uow.dialect.name != "sqlite" or not _is_new(raw):
        run(config, revision)
        return
    _again(raw, 0, lambda: run(config, revision))


def _created(bind: Engine | Connection, **more: Any) -> None:
    with bind.begin() if isinstance(bind, Engine) else nullcontext(bind) as uow:
        raw: Any = uow.connection.dbapi_connection
        if more or uow.dialect.name != "sqlite" or not _is_new(raw):
            _create(metadata, uow, **more)
        else:
            _again(raw, len(metadata.tables), lambda: _create(metadata, uow))


def _is_new(raw: Any) -> bool:
    return bool(raw.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,))


def _again(raw: Any, which: int, make: Callable[[], None]) -> None:
    if which not in _made:
        make()
        _made[which] = _statements(raw)
        return
    for statement, values in _made[which]:
        raw.execute(statement, [_drawn_again(value) for value in values])


def _drawn_again(value: Any) -> Any:
    return _DRAWN.sub(lambda _: str(uuid.uuid4()), value) if isinstance(value, str) else value


def _statements(raw: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """What makes such a database: its definitions in the order they were made, then the rows."""
    hidden = {name for _, name, kind, *_ in raw.execute("PRAGMA table_list") if kind == "shadow"}
    found = raw.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE ? ORDER BY rowid",
        (_BUILT_IN,),
    ).fetchall()
    made: list[tuple[str, tuple[Any, ...]]] = [(sql, ()) for _, name, sql in found if name not in hidden]
    for kind, name, _ in found:
        if kind == "table" and name not in hidden:
            rows = raw.execute(f'SELECT * FROM "{name}"').fetchall()
            made += [(f'INSERT INTO "{name}" VALUES ({",".join("?" * len(row))})', tuple(row)) for row in rows]
    return made
