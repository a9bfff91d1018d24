"""The verbs of schedules: draft, put into effect, withdraw. A version that counts is never changed again."""

from __future__ import annotations

from datetime import date

from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id
from candor.vault.retention import store
from candor.vault.retention.model import Schedule, in_effect
from candor.vault.retention.reading import Draft


class Schedules:
    """The schedules of this house."""

    def __init__(self, *, four_eyes: bool = False) -> None:
        """``four_eyes``: who drafted a version cannot put it into effect."""
        self.four_eyes = four_eyes

    def draft(self, uow: UnitOfWork, given: Draft, *, by: str) -> Schedule:
        """A new version, which does not count yet."""
        made = Schedule(
            id=new_id(), name=given.name, version=store.newest_version(uow, given.name) + 1, when=given.when,
            days=given.days, basis=given.basis, drafted_by=by, drafted_at=clock.now(),
        )  # fmt: skip
        store.add_schedule(uow, made)
        audit.record(uow, Event.RETENTION_DRAFTED, by, subject=_subject(made))
        return made

    def put_in_effect(self, uow: UnitOfWork, schedule_id: str, *, day: date | None = None, by: str) -> Schedule:
        """Make a draft count from ``day`` (today, when left out) on. The checks:

        1. It is a draft.
        2. It does not change what counted in the past.
        3. With four eyes, somebody else drafted it.
        """
        found, today = self._draft(uow, schedule_id), clock.now().date()  # (1)
        start = day or today
        if start < today:  # (2)
            raise InvalidInput("A schedule counts from today or later.", code="retention.day")
        if self.four_eyes and found.drafted_by == by:  # (3)
            raise Forbidden(
                "Who drafted a schedule cannot put it into effect: a second person must.", code="disposal.same"
            )
        store.put_in_effect(uow, schedule_id, day=start, by=by, at=clock.now())
        audit.record(uow, Event.RETENTION_CHANGED, by, subject=f"{_subject(found)} from {start}")
        return found

    def discard(self, uow: UnitOfWork, schedule_id: str, *, by: str) -> None:
        """Forget a draft; raises NotFound, Conflict for one that counts."""
        found = self._draft(uow, schedule_id)
        store.drop_draft(uow, schedule_id)
        audit.record(uow, Event.RETENTION_DRAFTED, by, subject=f"{_subject(found)} discarded")

    def withdraw(self, uow: UnitOfWork, name: str, *, by: str, reason: str, day: date | None = None) -> Schedule:
        """Let a schedule count no longer from ``day`` (today) on; what it applied to falls to the next that fits."""
        why, start = reason.strip(), day or clock.now().date()
        if len(why) < 3:
            raise InvalidInput("Say why it is withdrawn.", code="retention.reason")
        if start < clock.now().date():
            raise InvalidInput("A schedule ends today or later.", code="retention.day")
        if not any(one.name == name for one in in_effect(store.schedules(uow), start)):
            raise NotFound("No such schedule is in effect on that day.", code="retention.not_found")
        last = next(one for one in reversed(store.schedules(uow)) if one.name == name)
        over = Schedule(
            id=new_id(), name=name, version=last.version + 1, when=last.when, days=None, basis=why[:300],
            drafted_by=by, drafted_at=clock.now(), effective_from=start, effective_by=by, effective_at=clock.now(),
        )  # fmt: skip
        store.add_schedule(uow, over)
        audit.record(uow, Event.RETENTION_CHANGED, by, subject=f"{_subject(over)} withdrawn from {start}", reason=why)
        return over

    @staticmethod
    def _draft(uow: UnitOfWork, schedule_id: str) -> Schedule:
        found = store.get_schedule(uow, schedule_id)
        if found is None:
            raise NotFound("There is no such schedule.", code="retention.not_found")
        if found.effective_from is not None:
            raise Conflict(
                "This version counts and is not changed any more.", code="retention.counts",
                advice="Draft another version of the same name.",
            )  # fmt: skip
        return found


def _subject(one: Schedule) -> str:
    return f"{one.name} v{one.version}"
