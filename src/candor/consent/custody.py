"""What consent lets us do with a conversation that is held: open to those who may, quarantined, resolved, destroyed.

A conversation without the proof that its decision required, or whose consent was withdrawn, is quarantined: nobody can
play or read it and no stage runs on it. A person with the right resolves it with a reason, or it is destroyed when its
time is over.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, Integer, String, Table, Text

from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata


class CustodyState(StrEnum):
    """Where a conversation stands."""

    PENDING = "pending"
    """Decided; nobody has looked for the proof yet."""
    PROVED = "proved"
    """What its decision required is proved, or nothing was required."""
    QUARANTINED = "quarantined"
    RESOLVED = "resolved"
    """A person let it go on, with a reason."""
    DESTROYED = "destroyed"


conversation_consent = Table(
    "conversation_consent",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("started_at", DateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("level", Integer, nullable=False),
    Column("why", String(300), nullable=False),
    Column("decision", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("since", DateTime, nullable=False),
    Column("destroy_after", DateTime),
    Column("resolved_by", String(64)),
    Column("reason", String(1000)),
    Index("ix_conversation_consent_state", "state", "destroy_after"),
    Index("ix_conversation_consent_started_at", "started_at"),
    Index("ix_conversation_consent_listed", "state", "started_at", "conversation_id"),
)
"""``decision`` and ``proof`` are JSON; nothing in them names a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """How it stands with one conversation."""

    conversation_id: str
    started_at: datetime
    state: CustodyState
    level: int
    why: str
    """In a sentence."""
    decision: str
    proof: str
    since: datetime
    destroy_after: datetime | None = None
    resolved_by: str | None = None
    reason: str | None = None


def get(uow: UnitOfWork, conversation_id: str) -> Custody | None:
    """None for a conversation of which nobody asked."""
    query = sa.select(conversation_consent).where(conversation_consent.c.conversation_id == conversation_id)
    row = uow.execute(query).first()
    return None if row is None else _custody(row)


def put(uow: UnitOfWork, custody: Custody) -> None:
    """Replace what is known of a conversation."""
    uow.execute(conversation_consent.delete().where(conversation_consent.c.conversation_id == custody.conversation_id))
    uow.execute(
        conversation_consent.insert().values(
            conversation_id=custody.conversation_id, started_at=clock.to_column(custody.started_at),
            state=custody.state, level=custody.level, why=custody.why[:300], decision=custody.decision,
            proof=custody.proof, since=clock.to_column(custody.since),
            destroy_after=custody.destroy_after and clock.to_column(custody.destroy_after),
            resolved_by=custody.resolved_by, reason=custody.reason and custody.reason[:1000],
        )
    )  # fmt: skip


def is_held(uow: UnitOfWork, conversation_id: str) -> bool:
    """Whether nobody may play or read a conversation now."""
    return bool(held_among(uow, [conversation_id]))


def held_among(uow: UnitOfWork, conversations: Collection[str]) -> set[str]:
    """Those of many that nobody may play or read now."""
    table = conversation_consent.c
    states = [CustodyState.QUARANTINED.value, CustodyState.DESTROYED.value]
    query = sa.select(table.conversation_id).where(
        table.conversation_id.in_(list(conversations)), table.state.in_(states)
    )
    return set(uow.execute(query).scalars())


def require_free(uow: UnitOfWork, conversation_id: str) -> None:
    """Raises Forbidden for a conversation that nobody may play or read now."""
    if is_held(uow, conversation_id):
        raise Forbidden(
            "This conversation is quarantined: the proof of consent that the law asks for is missing.",
            code="consent.quarantined",
            advice="Whoever may manage consent can resolve it with a reason, under Consent.",
        )


def quarantine(uow: UnitOfWork, before: Custody, *, why: str, keep: timedelta) -> Custody:
    """Set a conversation aside until it is resolved or its time is over."""
    now = clock.now()
    held = Custody(
        conversation_id=before.conversation_id, started_at=before.started_at, state=CustodyState.QUARANTINED,
        level=before.level, why=why, decision=before.decision, proof=before.proof, since=now,
        destroy_after=now + keep,
    )  # fmt: skip
    put(uow, held)
    return held


def resolve(uow: UnitOfWork, conversation_id: str, *, by: str, reason: str) -> Custody:
    """Let a quarantined conversation go on; raises NotFound, Conflict when it is not quarantined, InvalidInput."""
    held = get(uow, conversation_id)
    if held is None:
        raise NotFound("Nothing is known of the consent for this conversation.", code="consent.unknown")
    if held.state is not CustodyState.QUARANTINED:
        raise Conflict("This conversation is not quarantined.", code="consent.not_quarantined")
    if len(reason.strip()) < 3:
        raise InvalidInput("Say why this conversation may be kept.", code="consent.reason")
    now = clock.now()
    uow.execute(
        conversation_consent.update()
        .where(conversation_consent.c.conversation_id == conversation_id)
        .values(
            state=CustodyState.RESOLVED, since=clock.to_column(now), destroy_after=None, resolved_by=by,
            reason=reason.strip()[:1000],
        )
    )  # fmt: skip
    found = get(uow, conversation_id)
    assert found is not None  # noqa: S101  it was there a moment ago
    return found


def due(uow: UnitOfWork, limit: int = 100) -> list[Custody]:
    """Quarantined conversations whose time is over, the oldest first."""
    query = (
        sa.select(conversation_consent)
        .where(conversation_consent.c.state == CustodyState.QUARANTINED)
        .where(conversation_consent.c.destroy_after <= clock.to_column(clock.now()))
        .order_by(conversation_consent.c.destroy_after)
        .limit(limit)
    )
    return [_custody(row) for row in uow.execute(query)]


def destroyed(
    uow: UnitOfWork, conversation_id: str, *, call_id: str | None = None, why: str | None = None
) -> None:  # fmt: skip
    """Write down that it is gone, and ``why``; by ``call_id`` (the phone system's) call lists still know the call."""
    held = get(uow, conversation_id)
    proof: dict[str, object] = json.loads(held.proof or "{}") if held else {}
    uow.execute(
        conversation_consent.update()
        .where(conversation_consent.c.conversation_id == conversation_id)
        .values(
            state=CustodyState.DESTROYED, since=clock.to_column(clock.now()), destroy_after=None,
            proof=json.dumps(proof | {"call_id": call_id}, separators=(",", ":")),
            **({} if why is None else {"why": why[:300]}),
        )
    )  # fmt: skip


def destroyed_between(uow: UnitOfWork, since: datetime, until: datetime) -> dict[str, str]:
    """Calls that began in [since, until) and were destroyed: the phone system's call id, and why in a sentence."""
    table = conversation_consent
    query = (
        sa.select(table)
        .where(table.c.state == CustodyState.DESTROYED)
        .where(table.c.started_at >= clock.to_column(since))
        .where(table.c.started_at < clock.to_column(until))
    )
    held = [_custody(row) for row in uow.execute(query)]
    ids = [(json.loads(one.proof or "{}").get("call_id"), one.why) for one in held]
    return {call_id: why for call_id, why in ids if call_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which conversations a list is of."""

    state: CustodyState
    level: int | None = None
    since: datetime | None = None
    """They began then or later."""
    until: datetime | None = None
    """They began before."""


def listed(
    uow: UnitOfWork, wanted: Wanted, *, before: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Custody]:
    """The newest first; ``before``: begin and id of the last one that was listed."""
    table = conversation_consent
    query = _of(sa.select(table), wanted).order_by(table.c.started_at.desc(), table.c.conversation_id.desc())
    if before is not None:
        place = sa.tuple_(table.c.started_at, table.c.conversation_id)
        query = query.where(place < sa.tuple_(sa.literal(clock.to_column(before[0]), DateTime()), before[1]))
    return [_custody(row) for row in uow.execute(query.limit(limit))]


def cursor(last: Custody) -> str:
    """Where a page ended, as text that an address can hold."""
    return f"{last.started_at.isoformat()}~{last.conversation_id}"


def place(cursor: str | None) -> tuple[datetime, str] | None:
    """The same as :func:`listed` takes it; raises InvalidInput for what is none."""
    if not cursor:
        return None
    at, _, an_id = cursor.partition("~")
    try:
        found = clock.require_aware(datetime.fromisoformat(at))
    except ValueError:
        raise InvalidInput("That is not where a page ended.", code="consent.before") from None
    return found, an_id


def count(uow: UnitOfWork, wanted: Wanted) -> int:
    """How many there are."""
    return int(uow.execute(_of(sa.select(sa.func.count()).select_from(conversation_consent), wanted)).scalar_one())


def _of(query: sa.Select[Any], wanted: Wanted) -> sa.Select[Any]:
    table = conversation_consent
    query = query.where(table.c.state == wanted.state)
    if wanted.level is not None:
        query = query.where(table.c.level == wanted.level)
    if wanted.since is not None:
        query = query.where(table.c.started_at >= clock.to_column(wanted.since))
    return query if wanted.until is None else query.where(table.c.started_at < clock.to_column(wanted.until))


def coverage(uow: UnitOfWork, since: datetime, until: datetime) -> dict[tuple[int, CustodyState], int]:
    """How many conversations that began in [since, until) had which level and stand how."""
    table = conversation_consent
    query = (
        sa.select(table.c.level, table.c.state, sa.func.count())
        .where(table.c.started_at >= clock.to_column(since))
        .where(table.c.started_at < clock.to_column(until))
        .group_by(table.c.level, table.c.state)
    )
    return {(int(level), CustodyState(state)): int(count) for level, state, count in uow.execute(query)}


def _custody(row: sa.Row[tuple[object, ...]]) -> Custody:
    return Custody(
        conversation_id=row.conversation_id, started_at=clock.from_column(row.started_at),
        state=CustodyState(row.state), level=row.level, why=row.why, decision=row.decision, proof=row.proof,
        since=clock.from_column(row.since), destroy_after=row.destroy_after and clock.from_column(row.destroy_after),
        resolved_by=row.resolved_by, reason=row.reason,
    )  # fmt: skip
