"""Retention over all rooms: of which class a conversation is, what is due on a day, and the sweep that destroys it.

A sweep is safe to be killed and to be repeated: each conversation is destroyed in a unit of work of its own, keys
first, and what a sweep did not get to is due in the next.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline.disposing import Disposing, Order
from candor.pipeline.due import Decide, DueList, DueOne, Line
from candor.pipeline.holding import Holding
from candor.pipeline.shelf import Shelf
from candor.vault.disposal import store as disposals
from candor.vault.disposal.store import Issued, Proposal, ProposalState, Why
from candor.vault.retention import store
from candor.vault.retention.model import Facts
from candor.vault.retention.store import Sweep, Word, retention_entry

BEHIND = timedelta(minutes=5)
"""A clock that is this much behind what was already written down was set back."""
AHEAD = timedelta(days=45)
"""So long without a sweep, and a person says that the clock is right: one that runs ahead destroys everything."""
PER_PROPOSAL = 10_000
_log = get_logger("keeping")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep did."""

    sweep: Sweep
    certificates: tuple[Issued, ...]


class Keeping(DueList):
    """The due list, and what happens to it."""

    def __init__(
        self, database: Database, shelf: Shelf, disposing: Disposing, holding: Holding, *, default: Facts,
        decide: Decide | None = None, four_eyes: bool = False, lock: Path | None = None,
    ) -> None:  # fmt: skip
        """``default``: the house's own facts; ``four_eyes``: a second person approves what is destroyed;
        ``lock``: a file, so that one sweep runs at a time on this machine."""
        super().__init__(database, shelf, default=default, decide=decide)
        self._disposing, self._holding, self.four_eyes, self._lock = disposing, holding, four_eyes, lock

    def settle(self, class_id: int, days: int, *, by: str, reason: str) -> None:
        """A person's word on a conflict; it holds until schedule or law change. Raises NotFound, InvalidInput."""
        why = reason.strip()
        if len(why) < 3:
            raise InvalidInput("Say why so long.", code="retention.reason", advice="Nothing was changed.")
        with self._database.write() as uow:
            line = next((one for one in self.lines(uow, clock.now().date()) if one.class_id == class_id), None)
            if line is None or line.period.conflict is None:
                raise NotFound("There is no such conflict.", code="retention.no_conflict")
            word = Word(
                class_id=class_id, conflict=line.period.key, days=days, reason=why[:1000], by=by, at=clock.now()
            )
            store.add_word(uow, word)
            audit.record(uow, Event.RETENTION_SETTLED, by, subject=f"class {class_id}: {days} days", reason=why)

    def last_sweep(self) -> Sweep | None:
        """The newest; None before the first."""
        with self._database.read() as uow:
            return next(iter(store.sweeps(uow, 1)), None)

    def clock_problem(self, uow: UnitOfWork) -> str:
        """Why nothing may be destroyed by this clock, in words; empty when it may. The checks:

        1. It is not behind what was already written down.
        2. It has not jumped far ahead since the last sweep.
        """
        now, last = clock.now(), store.sweeps(uow, 1)
        newest = audit.entries(uow, limit=1)
        known = [entry.at for entry in newest] + [sweep.finished_at for sweep in last]
        if known and now < max(known) - BEHIND:  # (1)
            return (
                f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, and something was already written down at "
                f"{max(known):%Y-%m-%d %H:%M} UTC: the clock was set back."
            )
        if last and now - last[0].finished_at > AHEAD:  # (2)
            return (
                f"This machine's clock says {now:%Y-%m-%d %H:%M} UTC, {(now - last[0].finished_at).days} days after "
                "the last sweep: it may run ahead."
            )
        return ""

    def sweep(self, *, by: str = "system", most: int | None = None, clock_is_right: bool = False) -> Swept:
        """Destroy what is due, or with four eyes what is approved, and propose the rest.

        Raises Conflict when the clock cannot be trusted (``clock_is_right``: a person says that a jump ahead is
        real; a clock that was set back is refused all the same), or while another sweep runs.
        """
        with self._alone():
            started = clock.now()
            with self._database.read() as uow:
                problem = self.clock_problem(uow)
            if problem and not (clock_is_right and "ahead" in problem):
                raise Conflict(
                    problem, code="retention.clock",
                    advice="Nothing was destroyed. Set the clock right; if it is: candor retention sweep "
                    "--clock-is-right.",
                )  # fmt: skip
            self.classify()
            self._holding.refresh()
            if self.four_eyes:
                destroyed, held = self._approved(most)
                proposed = self._propose(by)
            else:
                destroyed, held = self._sweep(by, most)
                proposed = 0
            issued = self._disposing.finish()
            done = Sweep(
                started_at=started, finished_at=clock.now(), by=by, destroyed=destroyed, proposed=proposed, held=held
            )
            with self._database.write() as uow:
                store.add_sweep(uow, done)
        if destroyed or proposed:
            _log.info("retention swept", destroyed=destroyed, proposed=proposed, held=held)
        return Swept(sweep=done, certificates=tuple(issued))

    def run_approved(self) -> int:
        """Destroy what was approved since; returns how many conversations."""
        if not self.four_eyes:
            return 0
        with self._database.read() as uow:
            if not disposals.proposals(uow, ProposalState.APPROVED):
                return 0
            if self.clock_problem(uow):
                return 0
        with self._alone():
            destroyed, _ = self._approved(None)
            self._disposing.finish()
        return destroyed

    def propose(self, *, by: str) -> list[Proposal]:
        """Put what is due before a second person now; returns the new lists."""
        self.classify()
        self._holding.refresh()
        before = set[str]()
        with self._database.read() as uow:
            before = {one.id for one in disposals.proposals(uow, ProposalState.PROPOSED, limit=1000)}
        self._propose(by)
        with self._database.read() as uow:
            return [one for one in disposals.proposals(uow, ProposalState.PROPOSED, limit=1000) if one.id not in before]

    def approve(self, proposal_id: str, *, by: str, reason: str = "") -> None:
        """A second person's yes; it is destroyed with the next sweep. The checks:

        1. The list still waits.
        2. Neither who proposed it approves it,
        3. nor who put a schedule into effect by which something in it is destroyed.
        """
        with self._database.write() as uow:
            found = self._waiting(uow, proposal_id)  # (1)
            if found.by == by:  # (2)
                raise Forbidden("Who proposed the list cannot approve it: a second person must.", code="disposal.same")
            day = clock.now().date()
            chosen = {
                line.period.schedule.effective_by
                for line in self.lines(uow, day)
                if line.period.schedule is not None and self._has_any(uow, proposal_id, line)
            }
            if by in chosen:  # (3)
                raise Forbidden(
                    "Who put its schedule into effect cannot approve the list: a second person must.",
                    code="disposal.same",
                )
            disposals.decide(uow, proposal_id, ProposalState.APPROVED, by=by, reason=reason.strip() or None)
            audit.record(uow, Event.DISPOSAL_APPROVED, by, subject=proposal_id, reason=reason.strip() or None)

    def refuse(self, proposal_id: str, *, by: str, reason: str) -> None:
        """A second person's no, with its reason; the conversations stay, and are proposed again while they are due."""
        if len(reason.strip()) < 3:
            raise InvalidInput("Say why it is not destroyed.", code="disposal.reason")
        with self._database.write() as uow:
            self._waiting(uow, proposal_id)
            disposals.decide(uow, proposal_id, ProposalState.REFUSED, by=by, reason=reason.strip())
            audit.record(uow, Event.DISPOSAL_REFUSED, by, subject=proposal_id, reason=reason.strip())

    def _waiting(self, uow: UnitOfWork, proposal_id: str) -> Proposal:
        found = disposals.get_proposal(uow, proposal_id)
        if found is None:
            raise NotFound("There is no such list.", code="disposal.not_found")
        if found.state is not ProposalState.PROPOSED:
            raise Conflict("This list was decided already.", code="disposal.decided")
        return found

    def _has_any(self, uow: UnitOfWork, proposal_id: str, line: Line) -> bool:
        item = disposals.disposal_item
        query = (
            sa.select(item.c.conversation_id)
            .join(retention_entry, retention_entry.c.conversation_id == item.c.conversation_id)
            .where(item.c.proposal_id == proposal_id, retention_entry.c.class_id == line.class_id)
        )
        return uow.execute(query.limit(1)).first() is not None

    def _sweep(self, by: str, most: int | None) -> tuple[int, int]:
        """(destroyed, held) without a second person."""
        destroyed = held = 0
        for page in self.due_pages(clock.now()):
            for one in page:
                if one.held or (most is not None and destroyed >= most):
                    held += one.held
                    continue
                if self._destroy(one, by):
                    destroyed += 1
                else:
                    held += 1
        return destroyed, held

    def _approved(self, most: int | None) -> tuple[int, int]:
        destroyed = held = 0
        with self._database.read() as uow:
            approved = disposals.proposals(uow, ProposalState.APPROVED, limit=1000)
        for proposal in reversed(approved):
            with self._database.read() as uow:
                ids = disposals.items(uow, proposal.id)
                lines = {line.class_id: line for line in self.lines(uow, clock.now().date())}
            for conversation_id in ids:
                if most is not None and destroyed >= most:
                    return destroyed, held
                one = self.still_due(conversation_id, lines)
                if one is None:
                    continue
                if self._destroy(one, proposal.by, approved_by=proposal.decided_by):
                    destroyed += 1
                else:
                    held += 1
            with self._database.write() as uow:
                disposals.finish(uow, proposal.id)
        return destroyed, held

    def _propose(self, by: str) -> int:
        proposed = 0
        for page in self.due_pages(clock.now(), unproposed=True, size=PER_PROPOSAL):
            ids = [one.conversation_id for one in page if not one.held]
            if ids:
                with self._database.write() as uow:
                    made = disposals.add_proposal(uow, ids, by=by, day=clock.now().date())
                    audit.record(uow, Event.DISPOSAL_PROPOSED, by, subject=made.id)
                proposed += len(ids)
        return proposed

    def _destroy(self, one: DueOne, by: str, approved_by: str | None = None) -> bool:
        """Whether it was; not while a hold covers it."""
        chosen, word = one.line.period.schedule, one.line.word
        ordered = word.by if word else (chosen and chosen.effective_by) or by
        order = Order(
            why=Why.RETENTION, by=ordered, basis=one.line.basis, schedule=one.line.label or None, due_at=one.due_at,
            approved_by=approved_by,
        )  # fmt: skip
        try:
            with self._database.write() as uow:
                self._disposing.destroy_in(uow, one.conversation_id, order)
        except Conflict:
            return False
        except NotFound:
            return True  # somebody was faster
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        self._lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    "Another sweep is under way.", code="retention.busy", advice="Wait until it is done."
                ) from None
            yield
