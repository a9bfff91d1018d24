"""Announcements in use: text, what it tells, how it sounds, and the print by which it is found again in recordings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, String, Table, Text

from candor.consent.announcements.model import Announcement
from candor.errors import NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

announcement = Table(
    "announcement",
    metadata,
    Column("version", String(128), primary_key=True),
    Column("language", String(35), nullable=False),
    Column("level", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("covers", Text, nullable=False),
    Column("asks", Boolean, nullable=False),
    Column("yes_key", String(1)),
    Column("no_key", String(1)),
    Column("wav", LargeBinary),
    Column("print", LargeBinary),
    Column("spoken_by", String(64)),
    Column("added_at", DateTime, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("retired_at", DateTime),
)
"""``wav`` is the master (16 kHz, 16 bits); it holds no personal data. ``print`` is CAP1 (consent.proof.prints)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """One version of one announcement; a changed word or sound is another version."""

    version: str
    language: str
    level: int
    text: str
    covers: dict[str, str]
    """Element → manner."""
    asks: bool
    yes_key: str | None
    no_key: str | None
    spoken_by: str | None
    """The synthesiser, or ``upload``; None while it has no sound."""
    added_at: datetime
    added_by: str
    retired_at: datetime | None
    print: bytes | None
    """By which it is found again; kept for ever, since old recordings hold old announcements."""


def put(
    uow: UnitOfWork, made: Announcement, *, by: str, version: str | None = None, wav: bytes | None = None,
    found_by: bytes | None = None, spoken_by: str | None = None,
) -> None:  # fmt: skip
    """Take an announcement into use, as ``made.version`` or another; the same version again gets this sound."""
    version = version or made.version
    sound = {"wav": wav, "print": found_by, "spoken_by": spoken_by, "retired_at": None}
    known = uow.execute(sa.select(announcement.c.version).where(announcement.c.version == version)).first()
    if known is not None:
        uow.execute(announcement.update().where(announcement.c.version == version).values(**sound))
        return
    uow.execute(
        announcement.insert().values(
            version=version, language=made.language, level=made.level, text=made.text,
            covers=json.dumps(made.covers, sort_keys=True), asks=made.asks, yes_key=made.keys and made.keys.yes,
            no_key=made.keys and made.keys.no, added_at=clock.to_column(clock.now()), added_by=by, **sound,
        )
    )  # fmt: skip


def retire(uow: UnitOfWork, version: str) -> None:
    """No longer played; it is still found in recordings. Raises NotFound."""
    query = announcement.update().where(announcement.c.version == version)
    if not uow.execute(query.values(retired_at=clock.to_column(clock.now()))).rowcount:
        raise _unknown()


def get(uow: UnitOfWork, version: str) -> InUse:
    """One version; raises NotFound."""
    row = uow.execute(sa.select(*_TOLD).where(announcement.c.version == version)).first()
    if row is None:
        raise _unknown()
    return _in_use(row)


def wav(uow: UnitOfWork, version: str) -> bytes:
    """Its sound, 16 kHz WAV; raises NotFound without one."""
    found = uow.execute(sa.select(announcement.c.wav).where(announcement.c.version == version)).scalar()
    if found is None:
        raise NotFound("This announcement has no sound.", code="announcement.silent", advice="Speak or upload it.")
    return bytes(found)


def every(uow: UnitOfWork, *, retired: bool = False) -> list[InUse]:
    """Those in use, the newest first; with ``retired`` those of before, too."""
    query = sa.select(*_TOLD).order_by(announcement.c.added_at.desc())
    if not retired:
        query = query.where(announcement.c.retired_at.is_(None))
    return [_in_use(row) for row in uow.execute(query)]


def fitting(uow: UnitOfWork, *, level: int, elements: frozenset[str], language: str) -> InUse | None:
    """The newest in use that tells all of ``elements`` in a language, of the lowest level that is enough.

    One of a stricter level serves too, but a question is asked only where a yes is needed.
    """
    primary = _primary(language)
    query = (
        sa.select(*_TOLD)
        .where(announcement.c.retired_at.is_(None), announcement.c.level >= level)
        .order_by(announcement.c.level, announcement.c.added_at.desc())
    )
    for row in uow.execute(query):
        if _primary(row.language) != primary or row.asks is not (level == _OPT_IN):
            continue
        if elements <= json.loads(row.covers).keys():
            return _in_use(row)
    return None


_OPT_IN = 4
_TOLD = tuple(column for column in announcement.c if column.name != "wav")
"""All but the sound, which is large."""


def _primary(language: str) -> str:
    return language.lower().replace("_", "-").split("-")[0]


def _unknown() -> NotFound:
    return NotFound("There is no announcement of that version.", code="announcement.not_found")


def _in_use(row: sa.Row[tuple[object, ...]]) -> InUse:
    return InUse(
        version=row.version, language=row.language, level=row.level, text=row.text, covers=json.loads(row.covers),
        asks=row.asks, yes_key=row.yes_key, no_key=row.no_key, spoken_by=row.spoken_by,
        added_at=clock.from_column(row.added_at), added_by=row.added_by,
        retired_at=row.retired_at and clock.from_column(row.retired_at), print=row.print,
    )  # fmt: skip
