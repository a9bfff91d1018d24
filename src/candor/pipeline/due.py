"""Of which class each conversation is, and what is due on a day: the reading half of retention."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from candor.capture import store as register
from candor.consent.custody import conversation_consent
from candor.conversation.model import Conversation
from candor.errors import CandorError, InvalidInput
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline.shelf import Shelf
from candor.vault.disposal.store import disposal_item
from candor.vault.holds import store as holds
from candor.vault.retention import store
from candor.vault.retention.model import Facts, Period, decide, facts_of, in_effect
from candor.vault.retention.store import Word, retention_entry

_PAGE = 5_000
DUE_PAGE = 500
_log = get_logger("keeping")
Decide = Callable[[UnitOfWork, Conversation], Mapping[str, Any] | None]
"""What the law says of a conversation that nobody asked about when it came in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One class of conversations, and what follows for it on a day."""

    class_id: int
    facts: Facts
    period: Period
    word: Word | None
    """A person's, where there was a conflict."""

    @property
    def days(self) -> int | None:
        """After which it is destroyed; None: not by itself."""
        return self.word.days if self.word is not None else self.period.days

    @property
    def open(self) -> bool:
        """Whether it waits for a person's word."""
        return self.period.conflict is not None and self.word is None

    @property
    def label(self) -> str:
        """The schedule's name and version."""
        chosen = self.period.schedule
        return f"{chosen.name} v{chosen.version}" if chosen else ""

    @property
    def basis(self) -> str:
        """Why it is destroyed then, in a sentence."""
        chosen = self.period.schedule
        why = chosen.basis if chosen else "No schedule applies."
        return f"A person settled a conflict between schedule and law. {why}" if self.word else why


@dataclass(frozen=True, slots=True, kw_only=True)
class DueOne:
    """One conversation whose time is over."""

    conversation_id: str
    started_at: datetime
    due_at: datetime
    line: Line
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many conversations one schedule destroys by a day."""

    schedule: str
    days: int
    basis: str
    due: int
    held: int
    """Of these, under a legal hold: they stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConflict:
    """A class that waits for a person's word, and how many conversations it has."""

    line: Line
    conversations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would be destroyed by the end of a day (UTC)."""

    day: date
    counts: tuple[Count, ...]
    conflicts: tuple[OpenConflict, ...]
    unscheduled: int
    """Conversations to which no schedule applies: they are kept."""
    total: int
    """All that are known."""
    unseen: int
    """Conversations whose class is not known yet; the next sweep finds it."""

    @property
    def due(self) -> int:
        """Conversations that would be destroyed."""
        return sum(each.due - each.held for each in self.counts)

    @property
    def held(self) -> int:
        """Conversations that are due and stay under a legal hold."""
        return sum(each.held for each in self.counts)


class DueList:
    """Classes of conversations, and what follows for them."""

    def __init__(self, database: Database, shelf: Shelf, *, default: Facts, decide: Decide | None = None) -> None:
        """``default``: the house's own facts."""
        self._database, self._shelf, self._default, self._decide = database, shelf, default, decide

    def classify(self, most: int | None = None) -> int:
        """Find the class of conversations that have none, or whose consent was decided since; returns how many.

        ``most``: leave the rest to the next sweep, for callers that cannot wait.
        """
        table, custody, entry = register.conversation, conversation_consent, retention_entry
        columns = (table.c.id, table.c.queue, table.c.medium, table.c.started_at, custody.c.decision)
        joined = table.outerjoin(custody, custody.c.conversation_id == table.c.id)
        fresh = sa.select(*columns).select_from(joined)
        fresh = fresh.where(~sa.exists().where(entry.c.conversation_id == table.c.id))
        inner = table.join(custody, custody.c.conversation_id == table.c.id)
        late = sa.select(*columns).select_from(inner.join(entry, entry.c.conversation_id == table.c.id))
        late = late.where(entry.c.decided.is_(False))
        known: dict[tuple[str | None, str, str | None], int] = {}
        done = 0
        for query, anew in ((fresh, False), (late, True)):
            after = ""
            while True:
                size = _PAGE if most is None else min(_PAGE, most - done)
                with self._database.write() as uow:
                    page = uow.execute(query.where(table.c.id > after).order_by(table.c.id).limit(size)).all()
                    rows = [self._entry(uow, row, known) for row in page]
                    store.put_entries(uow, rows, anew=anew)
                done += len(page)
                if len(page) < size or done == most:
                    break
                after = page[-1].id
        return done

    def _entry(self, uow: UnitOfWork, row: Any, known: dict[tuple[str | None, str, str | None], int]) -> dict[str, Any]:
        """``known``: classes by queue, medium and decision, so that of a million calls few decisions are parsed."""
        # What comes last in a decision is when it was made, which no two calls share and no period depends on.
        told = row.decision and (row.decision.rpartition('"at":')[0] or row.decision)
        key = (row.queue, row.medium, told)
        class_id = known.get(key)
        if class_id is None:
            decision = json.loads(row.decision) if row.decision else self._asked(uow, row.id)
            facts = facts_of(decision, queue=row.queue, channel=row.medium, default=self._default)
            class_id = store.class_of(uow, facts)
            if told or self._decide is None:
                known[key] = class_id
        return {
            "conversation_id": row.id, "class_id": class_id, "started_at": row.started_at,
            "decided": bool(row.decision),
        }  # fmt: skip

    def _asked(self, uow: UnitOfWork, conversation_id: str) -> Mapping[str, Any] | None:
        if self._decide is None:
            return None
        try:
            return self._decide(uow, self._shelf.conversation(uow, conversation_id))
        except CandorError as error:
            _log.warning("no law is known of a conversation", conversation=conversation_id, code=error.code)
            return None

    def lines(self, uow: UnitOfWork, day: date) -> list[Line]:
        """Every class, by the schedules that are in effect on ``day``."""
        schedules, words = in_effect(store.schedules(uow), day), store.words(uow)
        found = []
        for class_id, facts in store.classes(uow).items():
            period = decide(schedules, facts)
            word = words.get((class_id, period.key)) if period.conflict else None
            found.append(Line(class_id=class_id, facts=facts, period=period, word=word))
        return found

    def preview(self, uow: UnitOfWork, day: date) -> Preview:
        """Counts by schedule of what would be destroyed by the end of ``day``; reads classes that are known by now."""
        moment, sizes = _end(day), store.sizes(uow)
        kept = int(uow.execute(sa.select(sa.func.count()).select_from(register.conversation)).scalar_one())
        counted: dict[tuple[str, int, str], list[int]] = {}
        conflicts, unscheduled = [], 0
        for line in self.lines(uow, day):
            size = sizes.get(line.class_id, 0)
            if line.open:
                if size:
                    conflicts.append(OpenConflict(line=line, conversations=size))
            elif line.days is None:
                unscheduled += size
            elif size:
                due, held = self._count(uow, line, moment)
                if due:
                    cell = counted.setdefault((line.label, line.days, line.basis), [0, 0])
                    cell[0] += due
                    cell[1] += held
        counts = [
            Count(schedule=label, days=days, basis=basis, due=due, held=held)
            for (label, days, basis), (due, held) in counted.items()
        ]
        return Preview(
            day=day, counts=tuple(sorted(counts, key=lambda one: (-one.due, one.schedule))),
            conflicts=tuple(sorted(conflicts, key=lambda one: -one.conversations)), unscheduled=unscheduled,
            total=sum(sizes.values()), unseen=max(kept - sum(sizes.values()), 0),
        )  # fmt: skip

    def due(self, uow: UnitOfWork, day: date, limit: int = 200) -> list[DueOne]:
        """Conversations that would be destroyed by the end of ``day``, the longest overdue first."""
        found: list[DueOne] = []
        for line in self.lines(uow, day):
            if not line.open and line.days is not None:
                rows = uow.execute(_due_rows(line, _end(day)).limit(limit))
                found += [_due_one(line, row) for row in rows]
        return sorted(found, key=lambda one: (one.due_at, one.conversation_id))[:limit]

    def of(self, uow: UnitOfWork, conversation_id: str, day: date | None = None) -> tuple[Line, datetime] | None:
        """(what follows for it, when it began) of one conversation; None before it was looked at."""
        entry = store.entry_of(uow, conversation_id)
        if entry is None:
            return None
        lines = self.lines(uow, day or clock.now().date())
        return next(line for line in lines if line.class_id == entry[0]), entry[1]

    def still_due(self, conversation_id: str, lines: Mapping[int, Line]) -> DueOne | None:
        with self._database.read() as uow:
            entry = store.entry_of(uow, conversation_id)
        line = lines.get(entry[0]) if entry else None
        if entry is None or line is None or line.open or line.days is None:
            return None
        due_at = entry[1] + timedelta(days=line.days)
        if due_at > clock.now():
            return None
        return DueOne(conversation_id=conversation_id, started_at=entry[1], due_at=due_at, line=line, held=False)

    def due_pages(self, moment: datetime, *, unproposed: bool = False, size: int = DUE_PAGE) -> Iterator[list[DueOne]]:
        with self._database.read() as uow:
            lines = [line for line in self.lines(uow, moment.date()) if not line.open and line.days is not None]
        entry = retention_entry
        for line in lines:
            after: tuple[datetime, str] | None = None
            while True:
                query = _due_rows(line, moment)
                if unproposed:
                    item = disposal_item
                    query = query.where(~sa.exists().where(item.c.conversation_id == entry.c.conversation_id))
                if after is not None:
                    query = query.where(
                        sa.or_(
                            entry.c.started_at > after[0],
                            sa.and_(entry.c.started_at == after[0], entry.c.conversation_id > after[1]),
                        )
                    )
                with self._database.read() as uow:
                    rows = uow.execute(query.limit(size)).all()
                if rows:
                    yield [_due_one(line, row) for row in rows]
                if len(rows) < size:
                    break
                after = (rows[-1].started_at, rows[-1].conversation_id)

    def _count(self, uow: UnitOfWork, line: Line, moment: datetime) -> tuple[int, int]:
        """(due, of these held)."""
        rules = store.begun_before(line.class_id, moment - timedelta(days=line.days or 0))
        due = int(uow.execute(sa.select(sa.func.count()).select_from(retention_entry).where(*rules)).scalar_one())
        if not due or not holds.any_standing(uow):
            return due, 0
        held = holds.held_by(retention_entry.c.conversation_id)
        query = sa.select(sa.func.count()).select_from(retention_entry).where(*rules, held)
        return due, int(uow.execute(query).scalar_one())


def _due_rows(line: Line, moment: datetime) -> sa.Select[Any]:
    entry = retention_entry
    held = holds.held_by(entry.c.conversation_id)
    cut = moment - timedelta(days=line.days or 0)
    query = sa.select(entry.c.conversation_id, entry.c.started_at, held.label("held"))
    return query.where(*store.begun_before(line.class_id, cut)).order_by(entry.c.started_at, entry.c.conversation_id)


def _due_one(line: Line, row: Any) -> DueOne:
    started = clock.from_column(row.started_at)
    return DueOne(
        conversation_id=row.conversation_id, started_at=started, due_at=started + timedelta(days=line.days or 0),
        line=line, held=bool(row.held),
    )  # fmt: skip


def _end(day: date) -> datetime:
    try:
        return datetime.combine(day + timedelta(days=1), time(), UTC)
    except OverflowError:
        raise InvalidInput("That day is too far away.", code="retention.day") from None
