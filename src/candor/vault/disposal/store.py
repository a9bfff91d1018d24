"""The tables of disposal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Date, DateTime, Index, Integer, LargeBinary, String, Table, Text

from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.kit.ids import new_id


class Why(StrEnum):
    """Why a conversation was destroyed."""

    RETENTION = "retention"
    """Its period was over."""
    REQUEST = "request"
    """A data subject asked for it (GDPR art. 17, CCPA 1798.105)."""
    QUARANTINE = "quarantine"
    """Its proof of consent was missing, or consent was withdrawn."""


tombstone = Table(
    "tombstone",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("why", String(16), nullable=False),
    # Blind digest of the original bytes: the same file is known again, and tells nobody anything.
    Column("content", String(64)),
    Column("by", String(64), nullable=False),
    Column("approved_by", String(64)),
    Column("basis", String(300), nullable=False),
    Column("schedule", String(120)),
    Column("due_at", DateTime),
    Column("request_id", String(36)),
    # Of the destroyed objects: id, kind, size, digest. In the certificate once there is one, and no longer here.
    Column("objects", Text, nullable=False),
    Column("certificate_id", String(36)),
    Column("filed", Boolean, nullable=False),
    Index("ix_tombstone_content", "content"),
    Index("ix_tombstone_certificate_id", "certificate_id"),
    Index("ix_tombstone_filed", "filed"),
)

disposal_certificate = Table(
    "disposal_certificate",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("issued_at", DateTime, nullable=False),
    Column("why", String(16), nullable=False),
    Column("conversations", Integer, nullable=False),
    Column("objects", Integer, nullable=False),
    Column("approved_by", String(64)),
    Column("signed", Text, nullable=False),
)

disposal_key = Table(
    "disposal_key",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("public", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", DateTime, nullable=False),
)

disposal_remains = Table(
    "disposal_remains",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(64), primary_key=True),
)
"""What is still to be removed after the keys and rows are gone: bytes (``object``), the engine's memory (``run``)."""

disposal_proposal = Table(
    "disposal_proposal",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", DateTime, nullable=False),
    Column("by", String(64), nullable=False),
    Column("day", Date, nullable=False),
    Column("conversations", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(64)),
    Column("decided_at", DateTime),
    Column("reason", String(1000)),
)

disposal_item = Table(
    "disposal_item",
    metadata,
    Column("conversation_id", String(36), primary_key=True),
    Column("proposal_id", String(36), nullable=False),
    Index("ix_disposal_item_proposal_id", "proposal_id"),
)
"""A conversation is in one proposal at most."""


class ProposalState(StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """That a conversation was destroyed."""

    conversation_id: str
    at: datetime
    why: Why
    content: str | None = None
    by: str = "system"
    approved_by: str | None = None
    basis: str = ""
    schedule: str | None = None
    due_at: datetime | None = None
    request_id: str | None = None
    objects: tuple[dict[str, Any], ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate that was issued."""

    id: str
    issued_at: datetime
    why: Why
    conversations: int
    objects: int
    approved_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A list of conversations that two people destroy."""

    id: str
    at: datetime
    by: str
    day: date
    conversations: int
    state: ProposalState
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


# ---- tombstones ----


def put_tombstone(uow: UnitOfWork, stone: Tombstone, *, filed: bool = False) -> None:
    """Keep it; the first word on a conversation stands."""
    if is_destroyed(uow, stone.conversation_id):
        return
    uow.execute(
        tombstone.insert().values(
            conversation_id=stone.conversation_id, at=clock.to_column(stone.at), why=stone.why, content=stone.content,
            by=stone.by, approved_by=stone.approved_by, basis=stone.basis[:300],
            schedule=stone.schedule and stone.schedule[:120], due_at=stone.due_at and clock.to_column(stone.due_at),
            request_id=stone.request_id, objects=json.dumps(stone.objects, separators=(",", ":")), filed=filed,
        )
    )  # fmt: skip


def is_destroyed(uow: UnitOfWork, conversation_id: str) -> bool:
    """Whether there is a tombstone for it."""
    query = sa.select(tombstone.c.conversation_id).where(tombstone.c.conversation_id == conversation_id)
    return uow.execute(query).first() is not None


def any_stone(uow: UnitOfWork) -> bool:
    """Whether anything was ever destroyed."""
    return uow.execute(sa.select(tombstone.c.conversation_id).limit(1)).first() is not None


def forget_content(uow: UnitOfWork, content: str) -> None:
    """Let these bytes be taken in again; that they were destroyed once stays."""
    uow.execute(tombstone.update().where(tombstone.c.content == content).values(content=None))


def by_content(uow: UnitOfWork, content: str) -> Tombstone | None:
    """The tombstone of what was made of these bytes."""
    row = uow.execute(sa.select(tombstone).where(tombstone.c.content == content).limit(1)).first()
    return None if row is None else _tombstone(row)


def newest(uow: UnitOfWork, limit: int = 100) -> list[Tombstone]:
    """The newest first."""
    query = sa.select(tombstone).order_by(tombstone.c.at.desc(), tombstone.c.conversation_id.desc()).limit(limit)
    return [_tombstone(row) for row in uow.execute(query)]


def unfiled(uow: UnitOfWork, limit: int = 1000) -> list[Tombstone]:
    """Those that are not in the file beside the database yet."""
    query = sa.select(tombstone).where(tombstone.c.filed.is_(False)).order_by(tombstone.c.at).limit(limit)
    return [_tombstone(row) for row in uow.execute(query)]


def set_filed(uow: UnitOfWork, conversation_ids: Iterable[str]) -> None:
    """They are in the file."""
    ids = list(conversation_ids)
    uow.execute(tombstone.update().where(tombstone.c.conversation_id.in_(ids)).values(filed=True))


def uncertified(uow: UnitOfWork, limit: int) -> list[Tombstone]:
    """Those that no certificate tells of yet, the oldest first."""
    query = (
        sa.select(tombstone)
        .where(tombstone.c.certificate_id.is_(None))
        .order_by(tombstone.c.at, tombstone.c.conversation_id)
    )
    return [_tombstone(row) for row in uow.execute(query.limit(limit))]


# ---- certificates ----


def put_certificate(uow: UnitOfWork, issued: Issued, signed: str, conversation_ids: Iterable[str]) -> None:
    """Keep it, and let go of the digests that it now holds."""
    uow.execute(
        disposal_certificate.insert().values(
            id=issued.id, issued_at=clock.to_column(issued.issued_at), why=issued.why,
            conversations=issued.conversations, objects=issued.objects, approved_by=issued.approved_by, signed=signed,
        )
    )  # fmt: skip
    ids = list(conversation_ids)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        uow.execute(
            tombstone.update()
            .where(tombstone.c.conversation_id.in_(part))
            .values(certificate_id=issued.id, objects="[]")
        )


def certificates(uow: UnitOfWork, limit: int = 50) -> list[Issued]:
    """The newest first."""
    table = disposal_certificate
    columns = [each for each in table.c if each.name != "signed"]
    rows = uow.execute(sa.select(*columns).order_by(table.c.issued_at.desc(), table.c.id.desc()).limit(limit))
    return [
        Issued(
            id=row.id, issued_at=clock.from_column(row.issued_at), why=Why(row.why), conversations=row.conversations,
            objects=row.objects, approved_by=row.approved_by,
        )
        for row in rows
    ]  # fmt: skip


def signed(uow: UnitOfWork, certificate_id: str) -> str | None:
    """The certificate itself."""
    query = sa.select(disposal_certificate.c.signed).where(disposal_certificate.c.id == certificate_id)
    found: str | None = uow.execute(query).scalar()
    return found


def signing_key(uow: UnitOfWork) -> tuple[str, str, bytes] | None:
    """(id, public JWK, sealed private key) of the newest; None before the first use."""
    row = uow.execute(sa.select(disposal_key).order_by(disposal_key.c.made_at.desc()).limit(1)).first()
    return None if row is None else (row.id, row.public, row.sealed)


def put_signing_key(uow: UnitOfWork, key_id: str, public: str, sealed: bytes) -> None:
    """Keep a new key."""
    at = clock.to_column(clock.now())
    uow.execute(disposal_key.insert().values(id=key_id, public=public, sealed=sealed, made_at=at))


def public_keys(uow: UnitOfWork) -> dict[str, str]:
    """Every key that ever signed here: id → public JWK."""
    return {row.id: row.public for row in uow.execute(sa.select(disposal_key.c.id, disposal_key.c.public))}


# ---- remains ----


def add_remains(uow: UnitOfWork, kind: str, names: Iterable[str]) -> None:
    """Note what is to be removed once this unit of work is committed."""
    rows = [{"kind": kind, "name": name} for name in dict.fromkeys(names)]
    if rows:
        uow.execute(disposal_remains.insert(), rows)


def remains(uow: UnitOfWork, kind: str, limit: int = 1000) -> list[str]:
    """What is still to be removed."""
    query = sa.select(disposal_remains.c.name).where(disposal_remains.c.kind == kind).limit(limit)
    return list(uow.execute(query).scalars())


def drop_remains(uow: UnitOfWork, kind: str, names: Iterable[str]) -> None:
    """They are gone."""
    table = disposal_remains
    uow.execute(table.delete().where(table.c.kind == kind, table.c.name.in_(list(names))))


# ---- proposals ----


def add_proposal(uow: UnitOfWork, conversation_ids: list[str], *, by: str, day: date) -> Proposal:
    """Put conversations before a second person; none of them may be in another proposal."""
    made = Proposal(
        id=new_id(), at=clock.now(), by=by, day=day, conversations=len(conversation_ids),
        state=ProposalState.PROPOSED, decided_by=None, decided_at=None, reason=None,
    )  # fmt: skip
    uow.execute(
        disposal_proposal.insert().values(
            id=made.id, at=clock.to_column(made.at), by=by, day=day, conversations=made.conversations, state=made.state
        )
    )
    rows = [{"conversation_id": one, "proposal_id": made.id} for one in conversation_ids]
    uow.execute(disposal_item.insert(), rows)
    return made


def proposals(uow: UnitOfWork, *states: ProposalState, limit: int = 50) -> list[Proposal]:
    """Those in one of ``states`` (any, when none is given), the newest first."""
    query = sa.select(disposal_proposal).order_by(disposal_proposal.c.at.desc()).limit(limit)
    if states:
        query = query.where(disposal_proposal.c.state.in_(states))
    return [_proposal(row) for row in uow.execute(query)]


def get_proposal(uow: UnitOfWork, proposal_id: str) -> Proposal | None:
    """One."""
    row = uow.execute(sa.select(disposal_proposal).where(disposal_proposal.c.id == proposal_id)).first()
    return None if row is None else _proposal(row)


def items(uow: UnitOfWork, proposal_id: str, limit: int = 1_000_000) -> list[str]:
    """The conversations of a proposal."""
    query = sa.select(disposal_item.c.conversation_id).where(disposal_item.c.proposal_id == proposal_id)
    return list(uow.execute(query.order_by(disposal_item.c.conversation_id).limit(limit)).scalars())


def decide(uow: UnitOfWork, proposal_id: str, state: ProposalState, *, by: str, reason: str | None) -> None:
    """A second person's word; a refused proposal lets its conversations go."""
    uow.execute(
        disposal_proposal.update()
        .where(disposal_proposal.c.id == proposal_id)
        .values(state=state, decided_by=by, decided_at=clock.to_column(clock.now()), reason=reason and reason[:1000])
    )
    if state is ProposalState.REFUSED:
        uow.execute(disposal_item.delete().where(disposal_item.c.proposal_id == proposal_id))


def finish(uow: UnitOfWork, proposal_id: str) -> None:
    """What was to be destroyed of it is; the rest is free for another proposal."""
    uow.execute(
        disposal_proposal.update().where(disposal_proposal.c.id == proposal_id).values(state=ProposalState.DONE)
    )
    uow.execute(disposal_item.delete().where(disposal_item.c.proposal_id == proposal_id))


def _tombstone(row: Any) -> Tombstone:
    return Tombstone(
        conversation_id=row.conversation_id, at=clock.from_column(row.at), why=Why(row.why), content=row.content,
        by=row.by, approved_by=row.approved_by, basis=row.basis, schedule=row.schedule,
        due_at=row.due_at and clock.from_column(row.due_at), request_id=row.request_id,
        objects=tuple(json.loads(row.objects)),
    )  # fmt: skip


def _proposal(row: Any) -> Proposal:
    return Proposal(
        id=row.id, at=clock.from_column(row.at), by=row.by, day=row.day, conversations=row.conversations,
        state=ProposalState(row.state), decided_by=row.decided_by,
        decided_at=row.decided_at and clock.from_column(row.decided_at), reason=row.reason,
    )  # fmt: skip
