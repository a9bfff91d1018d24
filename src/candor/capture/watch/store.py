"""What is remembered of watched places and the files in them.

File names often hold telephone numbers, so a row knows its file by a keyed digest of place and key, and shows a name
with its numbers cut down; the listing of the place gives the name back whenever work is to be done.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from candor.capture.watch.model import FileState, LastFile, Part, PlaceStatus
from candor.errors import Unavailable
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork, metadata
from candor.kit.ids import new_id

watched_place = Table(
    "watched_place",
    metadata,
    Column("name", String(64), primary_key=True),
    # The key of the digests of this place's file names.
    Column("sealed", LargeBinary, nullable=False),
    # Of the settings that decide what a file means: when it changes, refused files get another look.
    Column("settings", String(64), nullable=False),
    Column("checked_at", DateTime),
    Column("reached_at", DateTime),
    Column("failures", Integer, nullable=False),
    Column("next_at", DateTime),
    Column("code", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("owner", String(64)),
    Column("owned_until", DateTime),
)

watched_file = Table(
    "watched_file",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("place", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("shown", String(255), nullable=False),
    Column("part", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("tag", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_seen", DateTime, nullable=False),
    # When size and tag were first seen as they are.
    Column("changed_at", DateTime, nullable=False),
    # Of the last look that listed it; kept up only until the file is done.
    Column("seen_at", DateTime, nullable=False),
    Column("next_at", DateTime),
    Column("conversation_id", String(36)),
    Column("code", String(64)),
    Column("done_at", DateTime),
    UniqueConstraint("place", "digest", name="uq_watched_file_place_digest"),
    # It alone answers how many files stand where, and which was the last.
    Index("ix_watched_file_place_state_part_done_at", "place", "state", "part", "done_at"),
)

OPEN = (FileState.WAITING, FileState.HELD)
_CALLS = (Part.RECORDING, Part.DOCUMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFile:
    """How far one file has come."""

    id: str
    digest: str
    shown: str
    part: Part
    size: int
    tag: str
    state: FileState
    attempts: int
    first_seen: datetime
    changed_at: datetime
    next_at: datetime | None
    conversation_id: str | None
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One file of a listing, named by its digest."""

    digest: str
    shown: str
    part: Part
    size: int
    tag: str


def sealed_key(uow: UnitOfWork, place: str) -> bytes | None:
    """The sealed key of a place's digests; None before the first look."""
    return uow.execute(select(watched_place.c.sealed).where(watched_place.c.name == place)).scalar_one_or_none()


def add_place(uow: UnitOfWork, place: str, sealed: bytes, settings: str) -> None:
    """Remember a place."""
    uow.execute(
        upsert(watched_place)
        .values(name=place, sealed=sealed, settings=settings, failures=0, code="", message="")
        .on_conflict_do_nothing()
    )


def settle_settings(uow: UnitOfWork, place: str, settings: str) -> None:
    """Give refused files another look when the place's settings have changed since."""
    changed = uow.execute(
        update(watched_place)
        .where(watched_place.c.name == place, watched_place.c.settings != settings)
        .values(settings=settings)
    )
    if changed.rowcount:
        uow.execute(
            update(watched_file)
            .where(watched_file.c.place == place, watched_file.c.state == FileState.REFUSED)
            .values(state=FileState.WAITING, attempts=0, next_at=None)
        )


def own(uow: UnitOfWork, place: str, owner: str, seconds: float) -> bool:
    """Take the place for this process, or keep it; False while another has it."""
    now = clock.now()
    taken = uow.execute(
        update(watched_place)
        .where(
            watched_place.c.name == place,
            or_(
                watched_place.c.owner.is_(None),
                watched_place.c.owner == owner,
                watched_place.c.owned_until < clock.to_column(now),
            ),
        )
        .values(owner=owner, owned_until=clock.to_column(now + timedelta(seconds=seconds)))
    )
    return taken.rowcount == 1


def disown(uow: UnitOfWork, place: str, owner: str) -> None:
    """Let others have it."""
    uow.execute(
        update(watched_place)
        .where(watched_place.c.name == place, watched_place.c.owner == owner)
        .values(owner=None, owned_until=None)
    )


def due(uow: UnitOfWork, places: Collection[str]) -> set[str]:
    """Which of ``places`` are to be looked at now."""
    later = uow.execute(
        select(watched_place.c.name).where(
            watched_place.c.name.in_(places), watched_place.c.next_at > clock.to_column(clock.now())
        )
    ).scalars()
    return set(places) - set(later)


def reached(uow: UnitOfWork, place: str, next_at: datetime) -> None:
    """The place answered."""
    now = clock.to_column(clock.now())
    uow.execute(
        update(watched_place)
        .where(watched_place.c.name == place)
        .values(checked_at=now, reached_at=now, failures=0, code="", message="", next_at=clock.to_column(next_at))
    )


def missed(uow: UnitOfWork, place: str, code: str, message: str, every: float, longest: float) -> None:
    """The place did not answer: the next look comes later each time, at most after ``longest`` seconds."""
    failures = uow.execute(select(watched_place.c.failures).where(watched_place.c.name == place)).scalar_one()
    pause = min(max(longest, every), every * 2.0 ** min(failures, 20))
    now = clock.now()
    uow.execute(
        update(watched_place)
        .where(watched_place.c.name == place)
        .values(
            checked_at=clock.to_column(now), failures=failures + 1, code=code[:64], message=message,
            next_at=clock.to_column(now + timedelta(seconds=pause)),
        )
    )  # fmt: skip


def known(uow: UnitOfWork, place: str, digests: Collection[str]) -> dict[str, WatchedFile]:
    """Digest → what is remembered; at most 500 at a time."""
    rows = uow.execute(select(watched_file).where(watched_file.c.place == place, watched_file.c.digest.in_(digests)))
    return {row.digest: _file(row) for row in rows}


def notice(uow: UnitOfWork, place: str, sightings: Iterable[Sighting], before: Mapping[str, WatchedFile]) -> None:
    """Remember what a listing shows: new files, changed ones, and that open ones are still there."""
    now = clock.to_column(clock.now())
    fresh: list[dict[str, Any]] = []
    still: list[str] = []
    for seen in sightings:
        row = before.get(seen.digest)
        if row is None:
            fresh.append(
                {
                    "id": new_id(), "place": place, "digest": seen.digest, "shown": seen.shown, "part": seen.part,
                    "size": seen.size, "tag": seen.tag, "state": FileState.WAITING, "attempts": 0, "first_seen": now,
                    "changed_at": now, "seen_at": now,
                }
            )  # fmt: skip
        elif (row.size, row.tag) != (seen.size, seen.tag):
            # The conversation stays noted: it tells later that this is the second version of a file.
            values: dict[str, Any] = {"size": seen.size, "tag": seen.tag, "state": FileState.WAITING, "attempts": 0,
                                      "changed_at": now, "seen_at": now, "next_at": None, "code": None}  # fmt: skip
            if row.state not in OPEN:
                values["first_seen"] = now
            uow.execute(update(watched_file).where(watched_file.c.id == row.id).values(values))
        elif row.state in OPEN:
            still.append(row.id)
    if fresh:
        uow.execute(upsert(watched_file).on_conflict_do_nothing(), fresh)
    if still:
        uow.execute(update(watched_file).where(watched_file.c.id.in_(still)).values(seen_at=now))


def settle(
    uow: UnitOfWork, file_id: str, state: FileState, *, conversation_id: str | None = None, code: str | None = None
) -> None:
    """A file has come to (the end of) its way."""
    values: dict[str, Any] = {"state": state, "code": code, "next_at": None}
    if conversation_id is not None:
        values["conversation_id"] = conversation_id
    if state is not FileState.WAITING:
        values["done_at"] = clock.to_column(clock.now())
    uow.execute(update(watched_file).where(watched_file.c.id == file_id).values(values))


def later(uow: UnitOfWork, file_id: str, code: str, seconds: float) -> None:
    """Try a file again after a pause."""
    next_at = clock.now() + timedelta(seconds=seconds)
    uow.execute(
        update(watched_file)
        .where(watched_file.c.id == file_id)
        .values(code=code[:64], attempts=watched_file.c.attempts + 1, next_at=clock.to_column(next_at))
    )


def reconsider(uow: UnitOfWork, place: str) -> None:
    """Give another look to files that were refused for what a manifest said of them."""
    uow.execute(
        update(watched_file)
        .where(
            watched_file.c.place == place,
            watched_file.c.state == FileState.REFUSED,
            watched_file.c.part == Part.RECORDING,
            or_(watched_file.c.code.like("manifest.%"), watched_file.c.code.like("start.%")),
        )
        .values(state=FileState.WAITING, attempts=0, next_at=None)
    )


def forget_vanished(uow: UnitOfWork, place: str, since: datetime) -> None:
    """After a whole listing that began at ``since``: open files that it did not show are gone.

    One that the vault holds was put away by us, or by somebody else; one that waited is nothing any more.
    """
    gone = (watched_file.c.place == place) & (watched_file.c.seen_at < clock.to_column(since))
    uow.execute(update(watched_file).where(gone, watched_file.c.state == FileState.HELD).values(state=FileState.DONE))
    uow.execute(
        update(watched_file)
        .where(gone, watched_file.c.state == FileState.WAITING, watched_file.c.conversation_id.is_not(None))
        .values(state=FileState.DONE, next_at=None)
    )
    uow.execute(delete(watched_file).where(gone, watched_file.c.state == FileState.WAITING))


def status(uow: UnitOfWork, places: Collection[str]) -> list[PlaceStatus]:
    """How it stands with each of ``places``, in their order."""
    rows = {
        row.name: row
        for row in uow.execute(select(watched_place).where(watched_place.c.name.in_(places)))
    }  # fmt: skip
    counts: dict[str, dict[FileState, int]] = {name: {} for name in places}
    for row in uow.execute(
        select(watched_file.c.place, watched_file.c.state, watched_file.c.part, func.count().label("files"))
        .where(watched_file.c.place.in_(places))
        .group_by(watched_file.c.place, watched_file.c.state, watched_file.c.part)
    ):
        state = FileState(row.state)
        if row.part in _CALLS or state is FileState.REFUSED:
            counts[row.place][state] = counts[row.place].get(state, 0) + row.files
    oldest = {
        row.place: clock.from_column(row.first)
        for row in uow.execute(
            select(watched_file.c.place, func.min(watched_file.c.first_seen).label("first"))
            .where(
                watched_file.c.place.in_(places), watched_file.c.state == FileState.WAITING,
                watched_file.c.part.in_(_CALLS),
            )
            .group_by(watched_file.c.place)
        )
    }  # fmt: skip
    return [
        _status(
            name, rows.get(name), counts[name], oldest.get(name),
            last_taken=_last(uow, name, (FileState.HELD, FileState.DONE), _CALLS),
            last_refused=_last(uow, name, (FileState.REFUSED,), tuple(Part)),
        )
        for name in places
    ]  # fmt: skip


def _status(
    name: str, row: Any, counts: dict[FileState, int], oldest: datetime | None, **last: LastFile | None
) -> PlaceStatus:  # fmt: skip
    return PlaceStatus(
        name=name,
        checked_at=_moment(row and row.checked_at),
        reached_at=_moment(row and row.reached_at),
        failures=row.failures if row else 0,
        next_at=_moment(row and row.next_at),
        code=row.code if row else "",
        message=row.message if row else "",
        owned=bool(row and row.owned_until and clock.from_column(row.owned_until) > clock.now()),
        files=counts,
        oldest_waiting=oldest,
        **last,
    )


def _last(uow: UnitOfWork, place: str, states: tuple[FileState, ...], parts: tuple[Part, ...]) -> LastFile | None:
    """The latest file of a place in one of ``states``; each pair of state and part is one look into the index."""
    rows = [
        row
        for state in states
        for part in parts
        for row in uow.execute(
            select(watched_file)
            .where(
                watched_file.c.place == place, watched_file.c.state == state, watched_file.c.part == part,
                watched_file.c.done_at.is_not(None),
            )
            .order_by(watched_file.c.done_at.desc())
            .limit(1)
        )
    ]  # fmt: skip
    newest = max(rows, key=lambda row: row.done_at, default=None)
    if newest is None:
        return None
    return LastFile(
        at=clock.from_column(newest.done_at), shown=newest.shown, conversation_id=newest.conversation_id,
        code=newest.code or "",
    )  # fmt: skip


def _file(row: Any) -> WatchedFile:
    return WatchedFile(
        id=row.id, digest=row.digest, shown=row.shown, part=Part(row.part), size=row.size, tag=row.tag,
        state=FileState(row.state), attempts=row.attempts, first_seen=clock.from_column(row.first_seen),
        changed_at=clock.from_column(row.changed_at), next_at=_moment(row.next_at),
        conversation_id=row.conversation_id, code=row.code,
    )  # fmt: skip


def _moment(column: datetime | None) -> datetime | None:
    return None if column is None else clock.from_column(column)


def make_durable(database: Database) -> None:
    """Bring what was committed onto the disk: SQLite in WAL mode may lose its last commits when the power fails."""
    if database.engine.dialect.name != "sqlite" or not database.engine.url.database:
        return
    for suffix in ("-wal", ""):
        with suppress(FileNotFoundError):
            handle = os.open(Path(database.engine.url.database + suffix), os.O_RDONLY)
            try:
                os.fsync(handle)
            except OSError as error:
                raise Unavailable("The database's disk does not take what was written.", code="watch.disk") from error
            finally:
                os.close(handle)
