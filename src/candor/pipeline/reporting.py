"""Quality reports: made within the reach of who asks, taken along as PDF or CSV, and made again every week or month."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.exc import IntegrityError

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.pipeline.judging import Sight
from candor.scoring import store as scorecards
from candor.scoring.model import Scorecard
from candor.scoring.reports import figures, sheet, store
from candor.scoring.reports.model import Compared, Disputed, Judged, Report
from candor.scoring.reports.store import Every, Made, Schedule
from candor.vault.service import Vault

LONGEST = timedelta(days=3 * 366)
MOST_SCHEDULES = 50
_KIND, _OWNER = "report", "reports"
_BEHIND = 6
"""Reports of earlier periods that are made up for, where nothing ran."""
_log = get_logger("reporting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a report is to be about."""

    scorecard: str
    since: datetime
    until: datetime
    """By the beginning of the conversations; aware, exclusive."""
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What is read for a report."""

    conversations: int
    judged: Sequence[Judged]
    compared: Sequence[Compared]
    disputed: Sequence[Disputed] | None


Reader = Callable[[UnitOfWork, Wanted, Principal, Scorecard], Read]
"""Reads over the tables of several rooms, within the person's reach."""
Names = Callable[[UnitOfWork], dict[str, str]]


class Reporting:
    """The verbs."""

    def __init__(
        self, database: Database, vault: Vault, read: Reader, sight: Sight, names: Names, *, company: str = ""
    ) -> None:
        """``names``: what people are called, by user id."""
        self._database, self._vault, self._read, self._sight = database, vault, read, sight
        self._names, self._company = names, company

    def report(self, uow: UnitOfWork, principal: Principal, wanted: Wanted, zone: ZoneInfo) -> Report:
        """Make it; raises Forbidden, NotFound (no such scorecard), InvalidInput (the period)."""
        principal.require(Right.QUALITY_READ)
        if not wanted.since < wanted.until or wanted.until - wanted.since > LONGEST:
            raise InvalidInput("A report is about a period of at most three years.", code="report.period")
        scorecard = scorecards.get_scorecard(uow, wanted.scorecard)
        found = self._read(uow, wanted, principal, scorecard)
        return figures.report(
            scorecard, found.judged, since=wanted.since, until=wanted.until, conversations=found.conversations,
            compared=found.compared, disputed=found.disputed, zone=zone,
        )  # fmt: skip

    def names(self, uow: UnitOfWork) -> dict[str, str]:
        """What evaluators are called."""
        return self._names(uow)

    def as_pdf(self, uow: UnitOfWork, principal: Principal, wanted: Wanted, zone: ZoneInfo) -> bytes:
        """The same as a file."""
        return self._drawn(self.report(uow, principal, wanted, zone), self._names(uow), zone, _about(wanted))

    def as_csv(self, uow: UnitOfWork, principal: Principal, wanted: Wanted, zone: ZoneInfo) -> str:
        """The same for spreadsheets."""
        return sheet.as_csv(self.report(uow, principal, wanted, zone), self._names(uow))

    def exported(self, uow: UnitOfWork, principal: Principal, wanted: Wanted, form: str) -> None:
        """Note that somebody took it along."""
        subject = f"{wanted.scorecard} {wanted.since:%Y-%m-%d} {wanted.until:%Y-%m-%d} {form}"
        audit.record(uow, Event.REPORT_EXPORTED, principal.user_id, subject=subject)

    # ---- schedules ----

    def schedule(
        self, uow: UnitOfWork, principal: Principal, *, name: str, scorecard: str, every: Every, zone: str,
        teams: tuple[str, ...] = (), queues: tuple[str, ...] = (),
    ) -> Schedule:  # fmt: skip
        """Have it made after each week or month from now on, the last whole one at once; within one's own reach."""
        principal.require(Right.QUALITY_READ)
        scorecards.get_scorecard(uow, scorecard)
        called = name.strip()
        if not 1 <= len(called) <= 120:
            raise InvalidInput("Give the report a name.", code="report.name")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidInput("There is no such zone.", code="time.zone", advice="Such as Europe/Paris.") from None
        if len(store.schedules(uow, principal.user_id)) >= MOST_SCHEDULES:
            raise Conflict(f"One person has at most {MOST_SCHEDULES} scheduled reports.", code="report.many")
        made = Schedule(
            id=new_id(), owner=principal.user_id, name=called, scorecard=scorecard, every=every, teams=teams,
            queues=queues, zone=zone, created_at=clock.now(),
        )  # fmt: skip
        store.put(uow, made)
        audit.record(uow, Event.REPORT_SCHEDULED, principal.user_id, subject=f"{made.id} every {every}")
        return made

    def schedules(self, uow: UnitOfWork, principal: Principal) -> list[tuple[Schedule, list[Made]]]:
        """One's own, each with its finished reports, the newest first."""
        principal.require(Right.QUALITY_READ)
        found = store.schedules(uow, principal.user_id)
        return [(each, store.finished(uow, [each.id], limit=store.KEPT)) for each in found]

    def unschedule(self, uow: UnitOfWork, principal: Principal, schedule_id: str) -> None:
        """No longer; its finished reports are destroyed with it. Raises NotFound for anybody else's."""
        principal.require(Right.QUALITY_READ)
        if not any(each.id == schedule_id for each in store.schedules(uow, principal.user_id)):
            raise NotFound("You have no such scheduled report.", code="report.none")
        for object_id in store.remove(uow, schedule_id):
            self._vault.shred(uow, object_id)
        audit.record(uow, Event.REPORT_SCHEDULED, principal.user_id, subject=f"{schedule_id} ended")

    def open(self, uow: UnitOfWork, principal: Principal, report_id: str, form: str) -> tuple[str, bytes]:
        """(file name, bytes) of a finished one of one's own; raises NotFound for anybody else's."""
        principal.require(Right.QUALITY_READ)
        found = store.one(uow, report_id)
        if found is None or found[1].owner != principal.user_id or form not in {"pdf", "csv"}:
            raise NotFound("You have no such report.", code="report.none")
        made, schedule = found
        data = self._vault.read(uow, made.pdf if form == "pdf" else made.csv)
        audit.record(uow, Event.REPORT_EXPORTED, principal.user_id, subject=f"{made.id} {form}")
        day = made.since.astimezone(ZoneInfo(schedule.zone)).date().isoformat()
        return f"quality-{schedule.scorecard}-{day}.{form}", data

    def tend(self) -> int:
        """Make what is due; returns how many. Killed in between, it makes the rest next time, and none twice."""
        with self._database.read() as uow:
            every = store.schedules(uow)
        return sum(self._catch_up(each) for each in every)

    def _catch_up(self, schedule: Schedule) -> int:
        with self._database.read() as uow:
            owner, newest = self._sight.person(uow, schedule.owner), store.latest(uow, schedule.id)
        if owner is None or not owner.may(Right.QUALITY_READ):
            return 0  # who left, or may no longer, gets none
        done = 0
        for since, until in due(schedule, newest, clock.now()):
            try:
                done += self._make(schedule, owner, since, until)
            except CandorError as error:
                _log.warning("a scheduled report was not made", schedule=schedule.id, code=error.code)
                break
        return done

    def _drawn(self, report: Report, names: Mapping[str, str], zone: ZoneInfo, about: Sequence[str]) -> bytes:
        from candor.scoring.reports import pdf  # noqa: PLC0415  takes a third of a second to import

        return pdf.draw(report, names, zone=zone, made_at=clock.now(), about=about, company=self._company)

    def _make(self, schedule: Schedule, owner: Principal, since: datetime, until: datetime) -> int:
        zone = ZoneInfo(schedule.zone)
        wanted = Wanted(
            scorecard=schedule.scorecard, since=since, until=until, teams=schedule.teams, queues=schedule.queues
        )
        with self._database.read() as uow:
            report, names = self.report(uow, owner, wanted, zone), self._names(uow)
        drawn = self._drawn(report, names, zone, [schedule.name, *_about(wanted)])
        sealed = [
            self._vault.seal(_KIND, _OWNER, data) for data in (drawn, sheet.as_csv(report, names).encode())
        ]  # fmt: skip
        try:
            with self._database.write() as uow:
                ids = [self._vault.keep(uow, each) for each in sealed]
                made = Made(
                    id=new_id(), schedule_id=schedule.id, since=since, until=until, made_at=clock.now(), pdf=ids[0],
                    csv=ids[1],
                )  # fmt: skip
                for object_id in store.add(uow, made):
                    self._vault.shred(uow, object_id)
        except IntegrityError:  # another worker was faster; what was sealed here is swept
            return 0
        return 1


def due(schedule: Schedule, newest: datetime | None, now: datetime) -> list[tuple[datetime, datetime]]:
    """The periods that are over and have no report yet, the oldest first; of a new schedule the last one alone."""
    ends: list[datetime] = []
    end = _begin(now, schedule)
    while len(ends) < _BEHIND and (newest is None or end > newest):
        ends.append(end)
        if newest is None:
            break
        end = _begin(end - timedelta(hours=1), schedule)
    return [(_begin(each - timedelta(hours=1), schedule), each) for each in reversed(ends)]


def _begin(moment: datetime, schedule: Schedule) -> datetime:
    """The beginning of the week or month that a moment lies in, as the clock in the schedule's zone says."""
    local = moment.astimezone(ZoneInfo(schedule.zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if schedule.every is Every.MONTH:
        return midnight.replace(day=1)
    day = midnight.date() - timedelta(days=midnight.weekday())
    return midnight.replace(year=day.year, month=day.month, day=day.day)


def _about(wanted: Wanted) -> list[str]:
    parts = (("team", wanted.teams), ("queue", wanted.queues), ("agent", wanted.agents))
    return [f"{name}: {', '.join(values)}" for name, values in parts if values]
