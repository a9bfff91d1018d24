"""How it stands with the watched places, for the doors: what a worker's looks brought, and what needs a person.

No place is asked for it, and no recorder needs to run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from candor.capture.watch import store
from candor.capture.watch.model import LastFile, PlaceStatus, WatchedPlace
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.pipeline.recording import Alarm
from candor.pipeline.store import live_workers
from candor.pipeline.worker import ALIVE_WITHIN

OVERDUE = timedelta(minutes=5)
"""A look that is later than this does not come by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNow:
    """One watched place."""

    place: WatchedPlace
    status: PlaceStatus
    trouble: Alarm | None
    """Why nothing is taken from it, and what to do."""

    def plain(self, *, names: bool) -> dict[str, Any]:
        """For JSON; ``names`` of files may name people, and come without their numbers."""
        status = self.status
        return {
            "name": self.place.name,
            "where": self.place.where,
            "checked_at": _text(status.checked_at),
            "reached_at": _text(status.reached_at),
            "next_at": _text(status.next_at),
            "waiting": status.waiting,
            "waiting_since": _text(status.oldest_waiting),
            "taken": status.taken,
            "refused": status.refused,
            "last_taken": _file(status.last_taken, names=names),
            "last_refused": _file(status.last_refused, names=names),
            "trouble": self.trouble and {"message": self.trouble.message, "advice": self.trouble.advice},
        }


class Places:
    """The watched places of the settings."""

    def __init__(self, places: Sequence[WatchedPlace]) -> None:
        self.places = tuple(places)

    def now(self, uow: UnitOfWork) -> list[PlaceNow]:
        """Each in the order of the settings."""
        if not self.places:
            return []
        working = bool(live_workers(uow, ALIVE_WITHIN))
        found = store.status(uow, [place.name for place in self.places])
        return [
            PlaceNow(place=place, status=status, trouble=_trouble(status, working=working))
            for place, status in zip(self.places, found, strict=True)
        ]

    def alarms(self, uow: UnitOfWork) -> list[Alarm]:
        """What needs a person; files that were refused one by one are on the desk (:mod:`candor.pipeline.desk`)."""
        return [
            Alarm(f"Watched place {each.place.name}: {each.trouble.message}", each.trouble.advice)
            for each in self.now(uow)
            if each.trouble is not None
        ]


def _file(last: LastFile | None, *, names: bool) -> dict[str, Any] | None:
    if last is None:
        return None
    told = {"at": _text(last.at), "code": last.code or None}
    return told | {"file": last.shown, "conversation_id": last.conversation_id} if names else told


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _trouble(status: PlaceStatus, *, working: bool) -> Alarm | None:
    if not working:
        return Alarm("No worker runs, so nobody looks at it.", "Start candor serve, or candor worker.")
    if status.failures:
        return Alarm(status.message, "What lies there is not lost: it is taken in once the place can be used again.")
    if status.next_at is not None and not status.owned and clock.now() - status.next_at > OVERDUE:
        return Alarm("Workers run, but none has looked at it for a while.", "Restart Candor, and look into its log.")
    return None
