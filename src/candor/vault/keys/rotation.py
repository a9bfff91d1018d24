"""Exchanging the master key: every data key is wrapped anew under the key that seals now; media are not touched.

What is still to do can be read from the rows themselves, so that killing it at any moment costs one batch at most, and
running it again goes on. A row is replaced only if it is still the one that was read: a key that was destroyed
meanwhile stays destroyed. A key that cannot be unwrapped is left as it is, counted, and told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, or_, select, update

from candor.errors import Damaged
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork, cut_log
from candor.kit.ids import new_id
from candor.vault.keys import register
from candor.vault.keys.ring import BOUND, KeyRing
from candor.vault.service import FIELDS, context_of
from candor.vault.store import data_key, key_rotation, sealed_object

_BATCH = 500
_STALE = timedelta(minutes=2)
"""A rotation that did not move for so long was stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a rotation is."""

    id: str
    to_key_id: str
    started_at: datetime
    seen_at: datetime
    finished_at: datetime | None
    total: int
    done: int
    failed: int
    """Data keys that neither could be unwrapped nor were lost: they are as they were."""

    @property
    def stopped(self) -> bool:
        """Whether it was interrupted, and waits to be run again."""
        return self.finished_at is None and clock.now() - self.seen_at > _STALE


def rotate(
    database: Database, ring: KeyRing, *, again: bool = False, follow: Callable[[Progress], None] = lambda _: None
) -> Progress:
    """Wrap everything under ``ring``'s sealing key; ``again`` includes what is under it already.

    Goes on where an earlier one to the same key was stopped. Raises Unavailable when a key service cannot be used:
    what was done stays done.
    """
    with database.write() as uow:
        progress, after = _begin(uow, ring, again=again)
        register.note(uow, ring.sealing)
    while True:
        with database.read() as uow:
            rows = _batch(uow, None if again else ring.key_id, after)
        if not rows:
            break
        fresh, failed = _rewrapped(ring, rows)
        after = rows[-1].object_id
        with database.write() as uow:
            for row, wrapped in fresh:
                uow.execute(
                    update(data_key)
                    .where(data_key.c.object_id == row.object_id, data_key.c.wrapped == row.wrapped)
                    .values(master_key_id=ring.key_id, wrapped=wrapped, form=BOUND)
                )
            progress = _advance(uow, progress.id, len(fresh), failed, after)
        follow(progress)
    with database.write() as uow:
        uow.execute(
            update(key_rotation).where(key_rotation.c.id == progress.id)
            .values(finished_at=clock.to_column(clock.now()), seen_at=clock.to_column(clock.now()))
        )  # fmt: skip
    cut_log(database.engine)  # the key that was wrapped by the old master key is not to lie in the log
    with database.read() as uow:
        return _read(uow, progress.id)


def latest(uow: UnitOfWork) -> Progress | None:
    """The rotation that was begun last."""
    row = uow.execute(select(key_rotation).order_by(key_rotation.c.started_at.desc()).limit(1)).one_or_none()
    return None if row is None else _progress(row)


def plain(one: Progress) -> dict[str, Any]:
    """For JSON."""
    return {
        "to": one.to_key_id, "started_at": one.started_at.isoformat(),
        "finished_at": one.finished_at and one.finished_at.isoformat(), "stopped": one.stopped, "total": one.total,
        "done": one.done, "failed": one.failed,
    }  # fmt: skip


def _begin(uow: UnitOfWork, ring: KeyRing, *, again: bool) -> tuple[Progress, str]:
    """The rotation to go on with, and the id after which it goes on."""
    open_one = uow.execute(
        select(key_rotation).where(key_rotation.c.to_key_id == ring.key_id, key_rotation.c.finished_at.is_(None))
        .order_by(key_rotation.c.started_at.desc()).limit(1)
    ).one_or_none()  # fmt: skip
    now = clock.to_column(clock.now())
    if open_one is not None:
        # With ``again`` the place is what tells; without it the rows do, and those that failed are tried once more.
        after = open_one.after_id if again else ""
        uow.execute(
            update(key_rotation).where(key_rotation.c.id == open_one.id)
            .values(seen_at=now, failed=open_one.failed if again else 0)
        )  # fmt: skip
        return _read(uow, open_one.id), after
    wanted = select(func.count()).select_from(data_key)
    total = uow.execute(wanted if again else wanted.where(_other(ring.key_id))).scalar_one()
    rotation_id = new_id()
    uow.execute(
        insert(key_rotation).values(
            id=rotation_id,
            to_key_id=ring.key_id,
            started_at=now,
            seen_at=now,
            total=total,
            done=0,
            failed=0,
            after_id="",
        )
    )
    return _read(uow, rotation_id), ""


def _other(key_id: str) -> ColumnElement[bool]:
    return or_(data_key.c.master_key_id != key_id, data_key.c.form != BOUND)


def _batch(uow: UnitOfWork, key_id: str | None, after: str) -> list[Row[tuple[str, str, bytes, int, str, str]]]:
    query = (
        select(
            data_key.c.object_id, data_key.c.master_key_id, data_key.c.wrapped, data_key.c.form,
            sealed_object.c.kind, sealed_object.c.conversation_id,
        )
        .select_from(data_key)
        .join(sealed_object, sealed_object.c.id == data_key.c.object_id, isouter=True)
        .where(data_key.c.object_id > after)
        .order_by(data_key.c.object_id)
        .limit(_BATCH)
    )  # fmt: skip
    if key_id is not None:
        query = query.where(_other(key_id))
    return list(uow.execute(query))


def _rewrapped(
    ring: KeyRing, rows: list[Row[tuple[str, str, bytes, int, str, str]]]
) -> tuple[list[tuple[Row[tuple[str, str, bytes, int, str, str]], bytes]], int]:
    """Each row with its data key wrapped anew, and how many could not be unwrapped."""
    fresh, failed = [], 0
    for row in rows:
        # A key without an object is that of a conversation's small fields.
        kind, conversation_id = (row.kind, row.conversation_id) if row.kind else (FIELDS, row.object_id)
        context = context_of(row.object_id, kind, conversation_id)
        try:
            secret = ring.unwrap(row.master_key_id, row.wrapped, context, row.form)
        except Damaged:
            failed += 1
            continue
        fresh.append((row, ring.wrap(secret, context)))
    return fresh, failed


def _advance(uow: UnitOfWork, rotation_id: str, done: int, failed: int, after: str) -> Progress:
    uow.execute(
        update(key_rotation).where(key_rotation.c.id == rotation_id)
        .values(
            done=key_rotation.c.done + done, failed=key_rotation.c.failed + failed, after_id=after,
            seen_at=clock.to_column(clock.now()),
        )
    )  # fmt: skip
    return _read(uow, rotation_id)


def _read(uow: UnitOfWork, rotation_id: str) -> Progress:
    return _progress(uow.execute(select(key_rotation).where(key_rotation.c.id == rotation_id)).one())


def _progress(row: Row[tuple[object, ...]]) -> Progress:
    finished = row.finished_at
    return Progress(
        id=row.id, to_key_id=row.to_key_id, started_at=clock.from_column(row.started_at),
        seen_at=clock.from_column(row.seen_at), finished_at=None if finished is None else clock.from_column(finished),
        total=row.total, done=row.done, failed=row.failed,
    )  # fmt: skip
