"""Where agents work: sites under the law of their place, who works there, and documents that hold for all of them.

A works agreement, a consultation or a posted notice is owed once for a site, an agent's own consent by each agent. Both
are lines of the ledger; a site's are about the site (:attr:`Whose.WORKPLACE`). Documents lie sealed in the vault, found
by the digest that the line names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Column, DateTime, Index, Integer, LargeBinary, String, Table

from candor.consent.ledger.model import Whose
from candor.consent.ledger.service import Person
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

EVERYBODY_ELSE = "*"
"""The name of the site of those who are at none: the house's own place, which is in the settings."""
_LONGEST = 80
_MOST_AGENTS = 5_000

workplace = Table(
    "workplace",
    metadata,
    Column("name", String(_LONGEST), primary_key=True),
    Column("place", String(16), nullable=False),
    Column("added_at", DateTime, nullable=False),
    Column("added_by", String(64), nullable=False),
)
workplace_agent = Table(
    "workplace_agent",
    metadata,
    Column("agent_id", String(255), primary_key=True),
    Column("workplace", String(_LONGEST), nullable=False),
    Index("ix_workplace_agent_workplace", "workplace"),
)
consent_document = Table(
    "consent_document",
    metadata,
    Column("digest", String(128), primary_key=True),
    Column("object_id", String(36), nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("added_at", DateTime, nullable=False),
    Column("added_by", String(64), nullable=False),
)
"""``name`` is the file's, sealed: it may name somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """A site."""

    name: str
    place: str
    """An id of the rule pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One that is kept."""

    digest: str
    """SHA-512, hexadecimal."""
    object_id: str
    name: bytes
    """Sealed."""
    size: int
    """Bytes."""
    added_at: datetime


def site_of(name: str) -> Person:
    """A site as the ledger names it."""
    return Person(whose=Whose.WORKPLACE, name=name)


def add(uow: UnitOfWork, name: str, place: str, *, by: str) -> Workplace:
    """A new site; raises InvalidInput for a name that is none, Conflict for one that is taken.

    ``place`` is an id of the rule pack; whoever calls has looked it up.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST or name == EVERYBODY_ELSE:
        raise InvalidInput(f"A site needs a name of at most {_LONGEST} characters.", code="consent.workplace")
    if get(uow, name) is not None:
        raise Conflict("There is a site of that name.", code="consent.workplace")
    uow.execute(workplace.insert().values(name=name, place=place, added_at=clock.to_column(clock.now()), added_by=by))
    return Workplace(name=name, place=place)


def remove(uow: UnitOfWork, name: str) -> None:
    """Take a site away; raises NotFound, Conflict while agents are at it. What the ledger knows of it stays."""
    if workplace_agents(uow, name):
        raise Conflict("Agents work at this site: move them first.", code="consent.workplace")
    if not uow.execute(workplace.delete().where(workplace.c.name == name)).rowcount:
        raise _unknown()


def get(uow: UnitOfWork, name: str) -> Workplace | None:
    """One site by name."""
    row = uow.execute(sa.select(workplace).where(workplace.c.name == name)).first()
    return None if row is None else Workplace(name=row.name, place=row.place)


def every(uow: UnitOfWork) -> list[Workplace]:
    """All of them, by name."""
    rows = uow.execute(sa.select(workplace).order_by(workplace.c.name))
    return [Workplace(name=row.name, place=row.place) for row in rows]


def assign(uow: UnitOfWork, name: str, agents: Iterable[str]) -> int:
    """These agents work at a site from now on, and at no other; :data:`EVERYBODY_ELSE` takes them from theirs.

    Returns how many; raises NotFound, InvalidInput.
    """
    wanted = list(dict.fromkeys(one for agent in agents if (one := agent.strip())))
    if not wanted or len(wanted) > _MOST_AGENTS or any(len(one) > 255 for one in wanted):
        raise InvalidInput(f"Name agents by their ids, {_MOST_AGENTS} at most.", code="consent.workplace")
    if name != EVERYBODY_ELSE and get(uow, name) is None:
        raise _unknown()
    for agent in wanted:
        uow.execute(workplace_agent.delete().where(workplace_agent.c.agent_id == agent))
        if name != EVERYBODY_ELSE:
            uow.execute(workplace_agent.insert().values(agent_id=agent, workplace=name))
    return len(wanted)


def of_agents(uow: UnitOfWork, agents: Iterable[str]) -> dict[str, Workplace]:
    """Which of these agents are at which site; who is at none is left out."""
    wanted = list(agents)
    if not wanted:
        return {}
    rows = uow.execute(
        sa.select(workplace_agent.c.agent_id, workplace.c.name, workplace.c.place)
        .join(workplace, workplace.c.name == workplace_agent.c.workplace)
        .where(workplace_agent.c.agent_id.in_(wanted))
    )  # fmt: skip
    return {row.agent_id: Workplace(name=row.name, place=row.place) for row in rows}


def workplace_agents(uow: UnitOfWork, name: str) -> list[str]:
    """Ids of the agents at a site."""
    query = sa.select(workplace_agent.c.agent_id).where(workplace_agent.c.workplace == name)
    return sorted(uow.execute(query).scalars())


def put_document(uow: UnitOfWork, document: Document, *, by: str) -> None:
    """Remember where a document lies."""
    uow.execute(
        consent_document.insert().values(
            digest=document.digest, object_id=document.object_id, name=document.name, size=document.size,
            added_at=clock.to_column(document.added_at), added_by=by,
        )
    )  # fmt: skip


def document(uow: UnitOfWork, digest: str) -> Document | None:
    """One by its digest."""
    row = uow.execute(sa.select(consent_document).where(consent_document.c.digest == digest)).first()
    return None if row is None else Document(
        digest=row.digest, object_id=row.object_id, name=row.name, size=row.size,
        added_at=clock.from_column(row.added_at),
    )  # fmt: skip


def kept(uow: UnitOfWork, digests: Iterable[str]) -> set[str]:
    """Which of these documents are kept."""
    wanted = list(digests)
    if not wanted:
        return set()
    query = sa.select(consent_document.c.digest).where(consent_document.c.digest.in_(wanted))
    return set(uow.execute(query).scalars())


def _unknown() -> NotFound:
    return NotFound("There is no such site.", code="consent.workplace", advice="`candor consent sites` lists them.")
