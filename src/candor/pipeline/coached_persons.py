"""Agents as data subjects: which coaching is about a person who asks, and its erasure.

An agent is known by the agent's id, which a request names as an account. Names would not do: a customer may have the
same one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from candor.coaching import library, store
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline import parting
from candor.vault import store as vault_store
from candor.vault.requests import people
from candor.vault.requests.people import IdKind, People

_WHERE = (
    store.coaching_session.c.agent_id, store.coaching_plan.c.agent_id, library.course_assignment.c.agent_id,
    library.course_attempt.c.agent_id,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How much was destroyed."""

    sessions: tuple[str, ...]
    plans: tuple[str, ...]
    """Their ids."""
    courses: int

    def __bool__(self) -> bool:
        return bool(self.sessions or self.plans or self.courses)


def agents_of(uow: UnitOfWork, index: People, digests: Collection[str]) -> list[str]:
    """Ids of the agents with coaching whom these digests mean; ``uow`` writes."""
    known = {each for column in _WHERE for each in uow.execute(sa.select(column).distinct()).scalars()}
    return sorted(
        each
        for each in known
        if people.normal(IdKind.ACCOUNT, each) and index.person(uow, IdKind.ACCOUNT, each) in digests
    )


def forget(uow: UnitOfWork, agents: Collection[str], before: datetime) -> Forgotten:
    """Destroy coaching sessions with their notes and own clips, plans, courses given and attempts of until then."""
    at, wanted = clock.to_column(before), list(agents)
    session, plan = store.coaching_session, store.coaching_plan
    sessions = _ids(uow, session, sa.and_(session.c.agent_id.in_(wanted), session.c.created_at <= at))
    plans = _ids(uow, plan, sa.and_(plan.c.agent_id.in_(wanted), plan.c.created_at <= at))
    for one in (*sessions, *plans):
        drop(uow, one)
    given, tries = library.course_assignment, library.course_attempt
    uow.execute(sa.delete(tries).where(tries.c.agent_id.in_(wanted), tries.c.at <= at))
    courses = uow.execute(sa.delete(given).where(given.c.agent_id.in_(wanted), given.c.at <= at)).rowcount
    return Forgotten(sessions=sessions, plans=plans, courses=courses)


def drop(uow: UnitOfWork, session_or_plan: str) -> bool:
    """Destroy one session, with its own clips, or one plan; False when there is none of this id."""
    clip = library.clip
    gone = 0
    for table in (store.coaching_session, store.coaching_plan):
        gone += uow.execute(sa.delete(table).where(table.c.id == session_or_plan)).rowcount
    if gone:
        parting.forget(uow, _ids(uow, clip, clip.c.session_id == session_or_plan))
        vault_store.drop_key(uow, session_or_plan)
    return gone > 0


def _ids(uow: UnitOfWork, table: sa.Table, condition: sa.ColumnElement[bool]) -> tuple[str, ...]:
    return tuple(uow.execute(sa.select(table.c.id).where(condition)).scalars())
