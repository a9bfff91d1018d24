"""Legal holds over all rooms: what they cover, conversations to come included, and the one question before destroying.

Every path that destroys asks :meth:`Holding.require_free`: retention, erasure on request, quarantine. What merely
*replaces* (another transcript, a stage done again) keeps what it replaces while a hold stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.conversation.model import Conversation
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline.persons import Persons
from candor.vault.holds import store
from candor.vault.holds.store import CipherFor, LegalHold
from candor.vault.requests import people
from candor.vault.requests.people import IdKind


class Asking(Protocol):
    """The list of conversations, asked for what a hold's query finds."""

    def find(self, uow: UnitOfWork, query: str) -> Iterable[str]:
        """Ids of what it finds now; raises InvalidInput for a query that is none."""

    def fits(self, uow: UnitOfWork, query: str, conversation_id: str) -> bool | None:
        """Whether it finds this one; None while that cannot be told: nothing of it is searchable (yet)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a new hold is to cover."""

    case: str
    reason: str
    conversations: Sequence[str] = ()
    people: Sequence[tuple[IdKind, str]] = ()
    since: datetime | None = None
    until: datetime | None = None
    query: str | None = None


class Holding:
    """Places, releases and asks."""

    def __init__(self, database: Database, cipher: CipherFor, persons: Persons, asking: Asking) -> None:
        self._database, self._cipher, self._persons, self._asking = database, cipher, persons, asking

    def place(self, wanted: Wanted, *, by: str) -> LegalHold:
        """Begin a hold; raises InvalidInput, NotFound for a conversation that is not there."""
        case, reason = _said(wanted.case, "case", 200), _said(wanted.reason, "reason", 1000)
        if wanted.since and wanted.until and wanted.until <= wanted.since:
            raise InvalidInput("The period ends before it begins.", code="hold.period")
        with self._database.write() as uow:
            _require_there(uow, wanted.conversations)
            query = (wanted.query or "").strip() or None
            if query is not None:
                list(self._asking.find(uow, query))  # raises InvalidInput now rather than in every sweep
            hold = LegalHold(
                id=new_id(), case=case, reason=reason, since=wanted.since, until=wanted.until, query=query,
                people=tuple(self._persons.digest(uow, kind, value) for kind, value in wanted.people),
                hints=tuple(f"{kind} {people.hint_of(kind, value)}" for kind, value in wanted.people),
                placed_at=clock.now(), placed_by=by,
            )  # fmt: skip
            if not hold.has_rule and not wanted.conversations:
                raise InvalidInput(
                    "A hold needs what it is about.", code="hold.empty",
                    advice="Give conversations, a person, a period or a query.",
                )  # fmt: skip
            store.place(uow, hold, self._cipher(uow, True))
            store.add(uow, hold.id, wanted.conversations, named=True)
            self._refresh(uow, hold)
            audit.record(uow, Event.HOLD_PLACED, by, subject=hold.id, reason=reason)
        return hold

    def add(self, hold_id: str, conversation_ids: Sequence[str], *, by: str) -> int:
        """Name further conversations; returns how many were not under it. Raises NotFound, Conflict when it is over."""
        with self._database.write() as uow:
            hold = self.get(uow, hold_id)
            if hold.released_at is not None:
                raise Conflict("This hold is released already.", code="hold.released")
            _require_there(uow, conversation_ids)
            added = store.add(uow, hold_id, conversation_ids, named=True)
            audit.record(uow, Event.HOLD_CHANGED, by, subject=hold_id, reason=f"{added} conversations added")
        return added

    def release(self, hold_id: str, *, by: str, reason: str) -> LegalHold:
        """End a hold: what was due goes on with the next sweep, unless another hold stands."""
        why = _said(reason, "reason", 1000)
        with self._database.write() as uow:
            over = store.release(uow, self.get(uow, hold_id), self._cipher(uow, False), by=by, reason=why)
            audit.record(uow, Event.HOLD_RELEASED, by, subject=hold_id, reason=why)
        return over

    def get(self, uow: UnitOfWork, hold_id: str) -> LegalHold:
        """One hold; raises NotFound."""
        if not _any(uow):
            raise NotFound("There is no such hold.", code="hold.not_found")
        return store.get(uow, hold_id, self._cipher(uow, False))

    def listed(self, uow: UnitOfWork, *, standing: bool | None = None) -> list[LegalHold]:
        """The newest first."""
        return store.listed(uow, self._cipher(uow, False), standing=standing) if _any(uow) else []

    def on(self, uow: UnitOfWork, conversation_id: str) -> list[LegalHold]:
        """The standing holds on one conversation."""
        ids = store.holds_of(uow, conversation_id)
        return [store.get(uow, one, self._cipher(uow, False)) for one in ids]

    def note(self, uow: UnitOfWork, conversation: Conversation) -> None:
        """Put a conversation that has just come in under the holds that are about it."""
        for hold in self._standing(uow):
            if not hold.query and self._fits(uow, hold, conversation.id, conversation.started_at):
                store.add(uow, hold.id, [conversation.id], named=False)

    def refresh(self, *, asking_only: bool = False) -> int:
        """Put what holds find by now under them; returns how many conversations that were."""
        with self._database.read() as uow:
            holds = [each for each in self._standing(uow) if each.query or not asking_only]
        added = 0
        for hold in holds:
            with self._database.write() as uow:
                added += self._refresh(uow, hold)
        return added

    def require_free(self, uow: UnitOfWork, conversation_id: str) -> None:
        """Raise Conflict while a hold covers a conversation; ``uow`` writes.

        1. What is known to be held is held.
        2. Every standing hold is asked again, about this one conversation.
        3. Where a query cannot be asked (nothing of it is searchable), it is taken to be held.
        """
        held = store.is_held(uow, conversation_id)  # (1)
        if not held and store.any_standing(uow):
            self._persons.ensure(uow, conversation_id)
            query = sa.select(register.conversation.c.started_at).where(register.conversation.c.id == conversation_id)
            begun: datetime | None = uow.execute(query).scalar()
            for hold in self._standing(uow) if begun is not None else ():
                if begun and self._fits(uow, hold, conversation_id, clock.from_column(begun)):  # (2) (3)
                    store.add(uow, hold.id, [conversation_id], named=False)
                    held = True
        if held:
            raise Conflict(
                "A legal hold covers this conversation: nothing of it is destroyed.", code="hold.held",
                advice="Release the hold first, under Compliance, Holds.",
            )  # fmt: skip

    def _standing(self, uow: UnitOfWork) -> list[LegalHold]:
        return self.listed(uow, standing=True)

    def _fits(self, uow: UnitOfWork, hold: LegalHold, conversation_id: str, started: datetime) -> bool:
        if not hold.has_rule:
            return False
        if (hold.since and started < hold.since) or (hold.until and started >= hold.until):
            return False
        if hold.people and not people.is_one_of(uow, conversation_id, hold.people):
            return False
        return not hold.query or self._asking.fits(uow, hold.query, conversation_id) is not False

    def _refresh(self, uow: UnitOfWork, hold: LegalHold) -> int:
        if not hold.has_rule:
            return 0
        found: set[str] | None = None
        if hold.people:
            found = set(people.conversations_of(uow, hold.people))
        if hold.query:
            asked = set(self._asking.find(uow, hold.query))
            found = asked if found is None else found & asked
        table = register.conversation
        query = sa.select(table.c.id)
        if hold.since:
            query = query.where(table.c.started_at >= clock.to_column(hold.since))
        if hold.until:
            query = query.where(table.c.started_at < clock.to_column(hold.until))
        if found is None:
            return store.add(uow, hold.id, uow.execute(query).scalars(), named=False)
        if hold.since or hold.until:
            found &= set(uow.execute(query).scalars())
        return store.add(uow, hold.id, sorted(found), named=False)


def _any(uow: UnitOfWork) -> bool:
    return uow.execute(sa.select(store.legal_hold.c.id).limit(1)).first() is not None


def _require_there(uow: UnitOfWork, conversation_ids: Iterable[str]) -> None:
    for one in conversation_ids:
        if not register.exists(uow, one):
            raise NotFound("There is no such conversation.", code="conversation.not_found")


def _said(text: str, what: str, most: int) -> str:
    found = text.strip()
    if not 3 <= len(found) <= most:
        raise InvalidInput(f"Give the hold a {what} of 3 to {most:,} characters.", code=f"hold.{what}")
    return found
