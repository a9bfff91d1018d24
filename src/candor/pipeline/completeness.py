"""Holding call lists against the register: what the doors and the workers call.

Rooms meet here: the lists and their differences (capture), the register and its sealed conversations, the sound and
analysis that the stages left. A check of a long period goes day by day, so that memory is bounded by one day's calls.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import or_, select

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.capture import unrecorded
from candor.capture.completeness import store
from candor.capture.completeness.calls import CallList, CallListReader, read_call_list
from candor.capture.completeness.model import CapturedCall, ExpectedCall, Gap, Kind, Tolerances, WithheldCall
from candor.capture.completeness.numbers import comparable
from candor.capture.completeness.reconcile import reconcile
from candor.capture.completeness.store import Listed, State
from candor.capture.selfcheck import NAME as SELF_CHECK
from candor.consent import custody
from candor.conversation.model import Conversation, Medium, Sound
from candor.errors import CandorError, InvalidInput
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline.shelf import Shelf

LONGEST_PERIOD = timedelta(days=400)
_DAY = timedelta(days=1)
_EDGE = timedelta(hours=2)
"""Calls so close to a day's ends may belong to recordings beyond them."""
_BATCH = 1000
_REFUSED_AT_ONCE = 2.0
"""Seconds under which a withheld call was not taken at all: how long it went on without us is not known."""
_SPACE = uuid.UUID("2b7a4a52-4f58-5d09-8a3e-5d5e0b6f9c10")
_SILENT = re.compile(r"Channel (\d+)(?: \(\w+\))? is silent")
_NOBODY = "No speech was found."
_LOST = frozenset({"interrupted", "discarded"})
_log = get_logger("completeness")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a list."""

    added: int
    replaced: int
    errors: tuple[tuple[int, CandorError], ...]
    """(line or position, why it was not taken)."""
    notes: tuple[str, ...]
    first: datetime | None
    """Start of the earliest call that was taken."""
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check found."""

    since: datetime
    until: datetime
    expected: int
    captured: int
    found: dict[Kind, int]
    new: int
    gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How complete a period is, by the latest check."""

    listed: Listed
    counts: dict[Kind, dict[State, int]]
    missing: int
    unclear: int
    """Calls whose recording nobody can tell among several."""
    reasons: dict[str, int]
    """Why calls were rightly not recorded, and how many for each reason."""

    @property
    def unrecorded(self) -> int:
        """Calls of the lists that might not be recorded, and of which nothing is held."""
        return sum(self.reasons.values())

    @property
    def to_record(self) -> int:
        """Calls that should have been recorded."""
        return max(0, self.listed.to_record - self.unrecorded)

    @property
    def recorded(self) -> int:
        """Of them, those that were."""
        return max(0, self.to_record - self.missing - self.unclear)

    @property
    def share(self) -> float | None:
        """Recorded of expected, 0 to 1; None when nothing was expected."""
        return self.recorded / self.to_record if self.to_record else None

    def open(self, kind: Kind) -> int:
        """How many of a kind nobody has looked into."""
        return self.counts[kind][State.OPEN]


class Completeness:
    """Call lists in, differences out."""

    def __init__(
        self, database: Database, shelf: Shelf, *, region: str | None = None, zone: str | None = None,
        tolerances: Tolerances | None = None, grace: float = 900.0,
    ) -> None:  # fmt: skip
        """``region`` (ISO 3166) and ``zone`` (IANA) read what lists leave open.

        ``grace`` seconds after its end a call's recording may still be on its way.
        """
        self._database, self._shelf = database, shelf
        self._region, self._zone = region, zone
        self.tolerances = tolerances or Tolerances()
        self._grace = timedelta(seconds=grace)

    # Lists

    def import_list(self, data: bytes, name: str, *, source: str, zone: str | None = None) -> Imported:
        """Take a CSV or JSON Lines file; raises InvalidInput when nothing of it can be read."""
        return self._keep(read_call_list(data, name, source=source, zone=zone or self._zone, region=self._region))

    def put(self, calls: Iterable[Mapping[str, object]], *, source: str, zone: str | None = None) -> Imported:
        """Take calls that a program gives; the same call again replaces it."""
        reader = CallListReader(source=source, zone=zone or self._zone, region=self._region)
        return self._keep(reader.objects(calls))

    def forget(self, before: datetime) -> int:
        """Delete listed calls that ended before a moment; what was found about them stays."""
        with self._database.write() as uow:
            return store.forget_expected(uow, before)

    def _keep(self, given: CallList) -> Imported:
        added = replaced = 0
        for batch in _batches(given.calls, _BATCH):
            with self._database.write() as uow:
                new, old = store.put_expected(uow, batch, seal=self._sealer(uow))
                audit.record(uow, Event.CALL_LIST_IMPORTED, "call list", subject=f"{new} new, {old} replaced")
            added, replaced = added + new, replaced + old
        starts = [call.started_at for call in given.calls]
        return Imported(
            added=added, replaced=replaced, errors=given.errors, notes=given.notes,
            first=min(starts, default=None), last=max(starts, default=None),
        )  # fmt: skip

    def _sealer(self, uow: UnitOfWork) -> Callable[[str, str, bytes], bytes]:
        vault = self._shelf.vault
        return lambda source, row_id, plain: vault.fields(uow, _key_of(source), create=True).seal(row_id, plain)

    def _opener(self, uow: UnitOfWork) -> Callable[[str, str, bytes], bytes]:
        ciphers = {}

        def unseal(source: str, row_id: str, sealed: bytes) -> bytes:
            if source not in ciphers:
                ciphers[source] = self._shelf.vault.fields(uow, _key_of(source))
            return ciphers[source].open(row_id, sealed)

        return unseal

    # Checks

    def check(self, since: datetime, until: datetime) -> Checked:
        """Hold the lists of [since, until) against the register and note the differences.

        Raises InvalidInput for a period that is empty or longer than 400 days.
        """
        _check_period(since, until)
        found: dict[Kind, int] = dict.fromkeys(Kind, 0)
        expected = captured = new = gone = 0
        begin = since
        while begin < until:
            end = min(begin + _DAY, until)
            day = self._check_day(begin, end, found)
            expected, captured, new, gone = (
                have + more for have, more in zip((expected, captured, new, gone), day, strict=True)
            )
            begin = end
        return Checked(
            since=since, until=until, expected=expected, captured=captured, found=found, new=new, gone=gone
        )  # fmt: skip

    def check_recent(self, days: float = 2.0) -> Checked:
        """Check the last days: for whoever does so every few minutes."""
        now = clock.now()
        checked = self.check(now - timedelta(days=days), now)
        if checked.new or checked.gone:
            _log.info("lists checked", expected=checked.expected, captured=checked.captured, new=checked.new,
                      gone=checked.gone)  # fmt: skip
        return checked

    def _check_day(self, since: datetime, until: datetime, found: dict[Kind, int]) -> tuple[int, int, int, int]:
        over = clock.now() - self._grace
        with self._database.read() as uow:
            calls = store.expected_between(uow, since - _EDGE, until + _EDGE, unseal=self._opener(uow))
            recordings = list(self._captured(uow, since - _EDGE, until + _EDGE))
            withheld = list(_withheld(uow, since - _EDGE, until + _EDGE))
            extent = store.extent(uow)
        listed = self._listed(calls, extent, since, until)
        differences = [
            each
            for each in reconcile(calls, recordings, self.tolerances, listed=listed, withheld=withheld)
            if listed is not None or each.kind is not Kind.UNEXPECTED or each.expected is not None
        ]
        # Calls that go on, or were over only just now, may get their recording yet.
        early = {call.id for call in calls if (call.ended_at or call.started_at) > over}
        told = [each for each in differences if since <= each.at < until and each.expected not in early]
        with self._database.write() as uow:
            merged = store.merge(uow, told, since, until, beyond=early)
        for each in told:
            found[each.kind] += 1
        return (
            sum(since <= call.started_at < until for call in calls),
            sum(since <= recording.started_at < until for recording in recordings),
            merged.new, merged.gone,
        )  # fmt: skip

    @staticmethod
    def _listed(
        calls: Iterable[ExpectedCall], extent: tuple[datetime, datetime] | None, since: datetime, until: datetime
    ) -> tuple[datetime, datetime] | None:
        """Where in a day the lists speak; None on a day that they pass over, as when it was not delivered yet."""
        if extent is None or not any(since <= call.started_at < until for call in calls):
            return None
        return max(extent[0], since), min(extent[1], until)

    def _captured(self, uow: UnitOfWork, since: datetime, until: datetime) -> Iterator[CapturedCall]:
        table = register.conversation
        rows = uow.execute(
            select(table.c.id)
            .where(
                table.c.started_at >= clock.to_column(since), table.c.started_at < clock.to_column(until),
                table.c.medium.in_([Medium.VOICE.value, Medium.VIDEO.value]),
                # Calls that `candor capture check` placed to itself: no phone system knows of them.
                or_(table.c.external_id.is_(None), ~table.c.external_id.startswith(f"{SELF_CHECK}-")),
            )
            .order_by(table.c.started_at, table.c.id)
        ).all()  # fmt: skip
        for row in rows:
            yield self._one(uow, self._shelf.conversation(uow, row.id))

    def _one(self, uow: UnitOfWork, value: Conversation) -> CapturedCall:
        sound = self._shelf.sound(uow, value.id)
        return CapturedCall(
            conversation_id=value.id, external_id=value.external_id, started_at=value.started_at,
            duration=sound.duration if sound else None,
            numbers=frozenset(
                number for party in value.parties if (number := comparable(party.tel, self._region)) is not None
            ),
            agent_id=value.agent.agent_id if value.agent else None,
            silent_channels=silent_channels(sound) if sound else None,
            speech=self._speech(uow, value.id),
            gaps=tuple(
                Gap(start=gap.start, stop=gap.stop, lost=gap.reason in _LOST) for gap in getattr(value, "gaps", ())
            ),
            source=value.source,
        )  # fmt: skip

    def _speech(self, uow: UnitOfWork, conversation_id: str) -> float | None:
        """Seconds of speech as far as it was analysed."""
        analysis = self._shelf.analysis(uow, conversation_id)
        if analysis is None:
            return None
        seconds = sum(metric.value for metric in analysis.metrics if metric.name.startswith("talk.seconds."))
        if seconds > 0:
            return seconds
        # No text may also mean another language: only where the recogniser heard nobody, nobody speaks.
        redaction = self._shelf.redaction(uow, conversation_id)
        quiet = redaction is not None and _NOBODY in redaction.transcript.notes and not redaction.transcript.utterances
        return 0.0 if quiet else None

    # Reading

    def report(self, uow: UnitOfWork, since: datetime, until: datetime) -> Report:
        """How complete [since, until) is; calls within their grace do not count yet."""
        counts = store.counts(uow, since, until)
        held = {kind: counts[kind][State.OPEN] + counts[kind][State.RESOLVED] for kind in Kind}
        return Report(
            listed=store.listed_between(uow, since, until, clock.now() - self._grace), counts=counts,
            missing=held[Kind.MISSING], unclear=held[Kind.AMBIGUOUS], reasons=store.reasons(uow, since, until),
        )  # fmt: skip

    def resolve(self, discrepancy_id: str, *, by: str, reason: str) -> store.Noted:
        """Close one with a reason; raises NotFound, InvalidInput, Conflict."""
        with self._database.write() as uow:
            audit.record(uow, Event.DISCREPANCY_RESOLVED, by, subject=discrepancy_id, reason=reason)
            return store.resolve(uow, discrepancy_id, by=by, reason=reason)


def _withheld(uow: UnitOfWork, since: datetime, until: datetime) -> Iterator[WithheldCall]:
    """Calls of which nothing was kept by the law's or somebody's word, or that were destroyed for want of consent."""
    for call in unrecorded.during(uow, since, until):
        if call.external_id or call.agent_id:
            seen = call.seconds if call.seconds >= _REFUSED_AT_ONCE else None
            yield WithheldCall(
                call_id=call.external_id, why=call.why, started_at=call.started_at, seconds=seen, agent_id=call.agent_id
            )
    for call_id, why in custody.destroyed_between(uow, since, until).items():
        yield WithheldCall(call_id=call_id, why=f"{why} What was recorded of it was destroyed.")


def open_count(uow: UnitOfWork) -> int:
    """How many differences wait for a person: one line under "needs attention"."""
    return store.open_count(uow)


def silent_channels(sound: Sound) -> tuple[bool, ...]:
    """Which channels nobody can hear, by what decoding noted (candor.capture.files.service)."""
    if any(note.startswith("No sound above") for note in sound.notes):
        return (True,) * max(1, sound.channels)
    quiet = {int(found[1]) for note in sound.notes if (found := _SILENT.match(note))}
    return tuple(channel + 1 in quiet for channel in range(sound.channels))


def _check_period(since: datetime, until: datetime) -> None:
    if since.tzinfo is None or until.tzinfo is None:
        raise InvalidInput("A time has no offset.", code="time.zone", advice="Write 2026-03-02T09:00:00+01:00.")
    if not timedelta(0) < until - since <= LONGEST_PERIOD:
        raise InvalidInput("The period is empty, or longer than 400 days.", code="completeness.period")


def _key_of(source: str) -> str:
    return str(uuid.uuid5(_SPACE, source))


def _batches(calls: Iterable[ExpectedCall], size: int) -> Iterator[list[ExpectedCall]]:
    iterator = iter(calls)
    while batch := list(islice(iterator, size)):
        yield batch
