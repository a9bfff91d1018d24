"""Coaching sessions, plans and templates in the database. What they say of somebody is sealed, each by its own key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Column, Date, DateTime, Index, Integer, LargeBinary, String, Table, Text

from candor.coaching.model import Body, Plan, Session, Source, State, Template
from candor.conversation.codec import dumps, loads
from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata

coaching_session = Table(
    "coaching_session",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("agent_id", String(255), nullable=False),
    Column("coach", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("days", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("shared_at", DateTime),
    Column("acknowledged_at", DateTime),
    Column("followed_up_at", DateTime),
    Column("follow_up_on", Date),
    Column("plan_id", String(36)),
    # Goals, actions, words of both: see Body. And what the coach keeps to himself.
    Column("body", LargeBinary, nullable=False),
    Column("notes", LargeBinary),
    Index("ix_coaching_session_agent_id", "agent_id", "created_at"),
    Index("ix_coaching_session_coach", "coach", "created_at"),
    Index("ix_coaching_session_plan_id", "plan_id"),
)

coaching_plan = Table(
    "coaching_plan",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("agent_id", String(255), nullable=False, index=True),
    Column("coach", String(64), nullable=False),
    Column("until", Date),
    Column("created_at", DateTime, nullable=False),
    Column("closed_at", DateTime),
    # Title and aim.
    Column("sealed", LargeBinary, nullable=False),
)

coaching_template = Table(
    "coaching_template",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("body", Text, nullable=False),
    Column("by", String(64), nullable=False),
    Column("created_at", DateTime, nullable=False),
)


class Cipher(Protocol):
    """Seals what a session says (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed."""


class CipherFor(Protocol):
    """The cipher of one session or plan, by its id; each has a data key of its own."""

    def __call__(self, uow: UnitOfWork, owner: str, create: bool) -> Cipher:
        """``create``: make the key when there is none."""


_BODY, _NOTES, _PLAN = "body", "notes", "plan"


# ---- sessions ----


def add(uow: UnitOfWork, session: Session, cipher: CipherFor) -> None:
    """Keep a new one."""
    sealed = cipher(uow, session.id, True).seal(_BODY, dumps(session.body))
    uow.execute(coaching_session.insert().values(**_row(session), body=sealed))


def change(uow: UnitOfWork, session: Session, cipher: CipherFor) -> Session:
    """Keep it as it is now, if nobody has changed it since it was read; raises Conflict. Returns it as it is kept."""
    sealed = cipher(uow, session.id, False).seal(_BODY, dumps(session.body))
    made = replace(session, revision=session.revision + 1)
    done = uow.execute(
        coaching_session.update()
        .where(coaching_session.c.id == session.id, coaching_session.c.revision == session.revision)
        .values(**_row(made), body=sealed)
    )
    if done.rowcount != 1:
        raise Conflict(
            "Somebody has changed this coaching session in the meantime.", code="coaching.revision",
            advice="Open it again: nothing of theirs was overwritten.",
        )  # fmt: skip
    return made


def get(uow: UnitOfWork, session_id: str, cipher: CipherFor) -> Session:
    """One; raises NotFound."""
    row = uow.execute(coaching_session.select().where(coaching_session.c.id == session_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such coaching session.", code="coaching.none")
    return _session(uow, row, cipher)


def listed(
    uow: UnitOfWork, cipher: CipherFor, *, agents: Iterable[str] | None = None, coach: str | None = None,
    plan_id: str | None = None, limit: int = 200,
) -> list[Session]:  # fmt: skip
    """The newest first; ``agents``: of these alone."""
    table = coaching_session.c
    query = coaching_session.select().order_by(table.created_at.desc(), table.id.desc()).limit(limit)
    if agents is not None:
        query = query.where(table.agent_id.in_(list(agents)))
    if coach is not None:
        query = query.where(table.coach == coach)
    if plan_id is not None:
        query = query.where(table.plan_id == plan_id)
    return [_session(uow, row, cipher) for row in uow.execute(query)]


def drop(uow: UnitOfWork, session_id: str) -> None:
    """Forget one; its key is the caller's to destroy."""
    uow.execute(coaching_session.delete().where(coaching_session.c.id == session_id))


def notes(uow: UnitOfWork, session_id: str, cipher: CipherFor) -> str:
    """What the coach keeps to himself; empty when there is nothing."""
    sealed = uow.execute(
        sa.select(coaching_session.c.notes).where(coaching_session.c.id == session_id)
    ).scalar_one_or_none()  # fmt: skip
    return "" if sealed is None else cipher(uow, session_id, False).open(_NOTES, sealed).decode()


def put_notes(uow: UnitOfWork, session_id: str, text: str, cipher: CipherFor) -> None:
    """Keep them in place of the earlier ones."""
    sealed = cipher(uow, session_id, False).seal(_NOTES, text.encode()) if text else None
    uow.execute(coaching_session.update().where(coaching_session.c.id == session_id).values(notes=sealed))


def _row(session: Session) -> dict[str, Any]:
    return {
        "id": session.id, "agent_id": session.agent_id, "coach": session.coach, "state": session.state.value,
        "source": session.source.value, "days": session.days, "revision": session.revision,
        "created_at": clock.to_column(session.created_at), "shared_at": _column(session.shared_at),
        "acknowledged_at": _column(session.acknowledged_at), "followed_up_at": _column(session.followed_up_at),
        "follow_up_on": session.follow_up_on, "plan_id": session.plan_id,
    }  # fmt: skip


def _session(uow: UnitOfWork, row: Any, cipher: CipherFor) -> Session:
    return Session(
        id=row.id, agent_id=row.agent_id, coach=row.coach, state=State(row.state), source=Source(row.source),
        days=row.days, revision=row.revision, created_at=clock.from_column(row.created_at),
        shared_at=moment(row.shared_at), acknowledged_at=moment(row.acknowledged_at),
        followed_up_at=moment(row.followed_up_at), follow_up_on=row.follow_up_on, plan_id=row.plan_id,
        body=loads(Body, cipher(uow, row.id, False).open(_BODY, row.body)),
    )  # fmt: skip


# ---- plans ----


def add_plan(uow: UnitOfWork, plan: Plan, cipher: CipherFor) -> None:
    """Keep a new one."""
    sealed = cipher(uow, plan.id, True).seal(_PLAN, "\n".join((plan.title, plan.aim)).encode())
    uow.execute(
        coaching_plan.insert().values(
            id=plan.id, agent_id=plan.agent_id, coach=plan.coach, until=plan.until, closed_at=None,
            created_at=clock.to_column(plan.created_at), sealed=sealed,
        )
    )  # fmt: skip


def plan(uow: UnitOfWork, plan_id: str, cipher: CipherFor) -> Plan:
    """One; raises NotFound."""
    row = uow.execute(coaching_plan.select().where(coaching_plan.c.id == plan_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such coaching plan.", code="coaching.none")
    return _plan(uow, row, cipher)


def plans(uow: UnitOfWork, agent_id: str, cipher: CipherFor) -> list[Plan]:
    """Of one agent, the newest first."""
    query = coaching_plan.select().where(coaching_plan.c.agent_id == agent_id).order_by(coaching_plan.c.id.desc())
    return [_plan(uow, row, cipher) for row in uow.execute(query)]


def close_plan(uow: UnitOfWork, plan_id: str, at: datetime) -> None:
    """It is over."""
    uow.execute(
        coaching_plan.update().where(coaching_plan.c.id == plan_id).values(closed_at=clock.to_column(at))
    )  # fmt: skip


def _plan(uow: UnitOfWork, row: Any, cipher: CipherFor) -> Plan:
    title, _, aim = cipher(uow, row.id, False).open(_PLAN, row.sealed).decode().partition("\n")
    return Plan(
        id=row.id, agent_id=row.agent_id, coach=row.coach, title=title, aim=aim, until=row.until,
        created_at=clock.from_column(row.created_at), closed_at=moment(row.closed_at),
    )  # fmt: skip


# ---- templates ----


def put_template(uow: UnitOfWork, template: Template) -> None:
    """Keep it, in place of one of the same name."""
    uow.execute(coaching_template.delete().where(coaching_template.c.name == template.name))
    uow.execute(
        coaching_template.insert().values(
            id=template.id, name=template.name, body=dumps(template.body).decode(), by=template.by,
            created_at=clock.to_column(clock.now()),
        )
    )  # fmt: skip


def templates(uow: UnitOfWork) -> Sequence[Template]:
    """By name."""
    rows = uow.execute(coaching_template.select().order_by(coaching_template.c.name))
    return [Template(id=row.id, name=row.name, body=loads(Body, row.body), by=row.by) for row in rows]


def drop_template(uow: UnitOfWork, template_id: str) -> bool:
    """Forget one; False when there is none."""
    return uow.execute(coaching_template.delete().where(coaching_template.c.id == template_id)).rowcount > 0


def moment(found: datetime | None) -> datetime | None:
    """A column that may be empty."""
    return None if found is None else clock.from_column(found)


def _column(found: datetime | None) -> datetime | None:
    return None if found is None else clock.to_column(found)


def today() -> date:
    """The day it is, in UTC."""
    return clock.now().date()
