"""The audit log's verbs: write in the deed's own unit of work, read in order."""

from __future__ import annotations

from candor.audit import origin as origins
from candor.audit import store
from candor.audit.model import Entry, Event
from candor.audit.store import Wanted
from candor.kit.database import UnitOfWork

__all__ = ["Entry", "Event", "Wanted", "entries", "record"]


def record(
    uow: UnitOfWork, event: Event, actor: str, *, conversation_id: str | None = None, subject: str | None = None,
    reason: str | None = None,
) -> int:  # fmt: skip
    """Append one line; it is there if and only if the deed is. Returns its number.

    ``actor``, ``subject`` and ids name nobody; ``reason`` may, and can be erased later (:mod:`candor.audit.model`).
    """
    return store.append(
        uow, event, actor, conversation_id=conversation_id, subject=subject, reason=reason, origin=origins.current()
    )


def entries(
    uow: UnitOfWork, conversation_id: str | None = None, limit: int = 200, before: int | None = None
) -> tuple[Entry, ...]:
    """The newest lines first, of one conversation or of all; ``before`` a number for the next page."""
    return tuple(store.newest(uow, Wanted(conversation_id=conversation_id), before=before, limit=limit))
