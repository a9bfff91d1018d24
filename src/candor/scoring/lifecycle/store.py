"""Drafts and versions in the database: the SQL of the lifecycle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, DateTime, Integer, String, Table, Text, delete, func, insert, select, update

from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.scoring.lifecycle.drafting import Tree
from candor.scoring.store import scorecards

scorecard_draft = Table(
    "scorecard_draft",
    metadata,
    Column("scorecard", String(64), primary_key=True),
    # The version it began from; NULL: a new scorecard, or one that was read from a file.
    Column("base_version", Integer),
    # The scorecard as plain data, which need not be right yet.
    Column("data", Text, nullable=False),
    # Raised by every save: who saves names the one they saw, so that nothing is overwritten unseen.
    Column("revision", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(64), nullable=False),
)


class VersionState(StrEnum):
    """Where a published version stands."""

    ACTIVE = "active"
    """New conversations are judged with it."""
    RETIRED = "retired"
    """Not any more; evaluations that were made with it keep it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One published version."""

    scorecard: str
    version: int
    yaml: str
    state: VersionState
    published_at: datetime
    published_by: str | None
    """None: it ships with the product."""
    changes: tuple[str, ...]
    """Against the version before it, in words."""
    retired_at: datetime | None
    retired_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody works on."""

    scorecard: str
    base_version: int | None
    data: Tree
    revision: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


def versions(uow: UnitOfWork, scorecard_id: str | None = None) -> tuple[Version, ...]:
    """Published versions by scorecard, the newest first."""
    query = select(scorecards).order_by(scorecards.c.id, scorecards.c.version.desc())
    if scorecard_id is not None:
        query = query.where(scorecards.c.id == scorecard_id)
    return tuple(_version(row) for row in uow.execute(query))


def version(uow: UnitOfWork, scorecard_id: str, number: int | None = None) -> Version:
    """One version, or the active one; raises NotFound."""
    query = select(scorecards).where(scorecards.c.id == scorecard_id)
    query = query.where(scorecards.c.active if number is None else scorecards.c.version == number)
    row = uow.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no such version of a scorecard.", code="scorecard.none")
    return _version(row)


def _version(row: Any) -> Version:
    created = row.created_at if row.created_at.tzinfo is not None else row.created_at.replace(tzinfo=UTC)
    return Version(
        scorecard=row.id, version=row.version, yaml=row.yaml,
        state=VersionState.ACTIVE if row.active else VersionState.RETIRED,
        published_at=created, published_by=row.published_by, changes=tuple(json.loads(row.changes or "[]")),
        retired_at=row.retired_at and clock.from_column(row.retired_at), retired_by=row.retired_by,
    )  # fmt: skip


def newest_number(uow: UnitOfWork, scorecard_id: str) -> int:
    """The highest version there is; 0 for none."""
    query = select(func.max(scorecards.c.version)).where(scorecards.c.id == scorecard_id)
    return uow.execute(query).scalar_one() or 0


def note_publication(uow: UnitOfWork, scorecard_id: str, number: int, by: str, changes: list[str]) -> None:
    """Who made a version, and what it changed."""
    uow.execute(
        update(scorecards)
        .where(scorecards.c.id == scorecard_id, scorecards.c.version == number)
        .values(published_by=by, changes=json.dumps(changes, ensure_ascii=False), retired_at=None, retired_by=None)
    )


def note_retirement(uow: UnitOfWork, scorecard_id: str, by: str) -> None:
    """Write down that what is active now goes, before it goes."""
    uow.execute(
        update(scorecards)
        .where(scorecards.c.id == scorecard_id, scorecards.c.active)
        .values(retired_at=clock.to_column(clock.now()), retired_by=by)
    )


# -- drafts --------------------------------------------------------------------------------------------------------


def drafts(uow: UnitOfWork) -> tuple[Draft, ...]:
    """All open drafts, by scorecard."""
    return tuple(_draft(row) for row in uow.execute(select(scorecard_draft).order_by(scorecard_draft.c.scorecard)))


def draft(uow: UnitOfWork, scorecard_id: str) -> Draft:
    """The open draft of a scorecard; raises NotFound."""
    row = uow.execute(select(scorecard_draft).where(scorecard_draft.c.scorecard == scorecard_id)).one_or_none()
    if row is None:
        raise NotFound("There is no open draft of this scorecard.", code="draft.none")
    return _draft(row)


def _draft(row: Any) -> Draft:
    return Draft(
        scorecard=row.scorecard, base_version=row.base_version, data=json.loads(row.data), revision=row.revision,
        created_at=clock.from_column(row.created_at), created_by=row.created_by,
        changed_at=clock.from_column(row.changed_at), changed_by=row.changed_by,
    )  # fmt: skip


def open_draft(uow: UnitOfWork, scorecard_id: str, data: Tree, *, by: str, base_version: int | None) -> Draft:
    """Begin one; raises Conflict when one is open."""
    held = select(scorecard_draft.c.scorecard).where(scorecard_draft.c.scorecard == scorecard_id)
    if uow.execute(held).one_or_none() is not None:
        raise Conflict(
            "A draft of this scorecard is open.", code="draft.open", advice="Go on with it, or discard it first."
        )
    now = clock.to_column(clock.now())
    uow.execute(
        insert(scorecard_draft).values(
            scorecard=scorecard_id, base_version=base_version, data=_dump(data), revision=1, created_at=now,
            created_by=by, changed_at=now, changed_by=by,
        )
    )  # fmt: skip
    return draft(uow, scorecard_id)


def save_draft(uow: UnitOfWork, scorecard_id: str, data: Tree, *, by: str, revision: int) -> Draft:
    """Keep a draft; raises Conflict when somebody saved another one since ``revision``."""
    done = uow.execute(
        update(scorecard_draft)
        .where(scorecard_draft.c.scorecard == scorecard_id, scorecard_draft.c.revision == revision)
        .values(data=_dump(data), revision=revision + 1, changed_at=clock.to_column(clock.now()), changed_by=by)
    )
    if done.rowcount != 1:
        draft(uow, scorecard_id)
        raise Conflict(
            "The draft was changed elsewhere meanwhile.", code="draft.changed", advice="Load the page again."
        )
    return draft(uow, scorecard_id)


def drop_draft(uow: UnitOfWork, scorecard_id: str) -> None:
    """Forget it; raises NotFound."""
    done = uow.execute(delete(scorecard_draft).where(scorecard_draft.c.scorecard == scorecard_id))
    if done.rowcount != 1:
        raise NotFound("There is no open draft of this scorecard.", code="draft.none")


def _dump(data: Tree) -> str:
    return json.dumps(data, ensure_ascii=False)
