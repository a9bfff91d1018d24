"""How many calls had which level, with and without proof; the trend; those without; whether the ledger is whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from fastapi import APIRouter, Request, Response

from candor.capture import unrecorded
from candor.consent import custody
from candor.consent.custody import CustodyState
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.web.consent import common, terms
from candor.web.visit import CurrentVisit, Visit

router = APIRouter()

PERIODS = {"7d": 7, "30d": 30, "90d": 90}
NOT_RECORDED = "not_recorded"
PARTS = ("proved", "resolved", "pending", "quarantined", "destroyed", NOT_RECORDED)
"""Of a bar from the foot up."""
_MOST_LISTED = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the trend."""

    day: date
    counts: Counter[str]
    """By custody state, and ``not_recorded``."""

    @property
    def total(self) -> int:
        """All calls of the day."""
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class Coverage:
    """All of a period."""

    days: tuple[Bar, ...]
    levels: dict[int, Counter[str]]

    @property
    def counts(self) -> Counter[str]:
        """Over all levels."""
        return sum(self.levels.values(), Counter())

    @property
    def highest(self) -> int:
        """Calls of the busiest day; 1 where there are none."""
        return max([1, *(each.total for each in self.days)])

    @property
    def share(self) -> float | None:
        """Of the recordings whose proof was looked for, those that had it; None without any."""
        counts = self.counts
        looked = sum(counts[part] for part in ("proved", "resolved", "quarantined", "destroyed"))
        return counts["proved"] / looked if looked else None


@router.get("/consent")
def overview(request: Request, visit: CurrentVisit) -> Response:
    """The page; ``check`` walks the ledger now."""
    common.check(visit)
    given = request.query_params
    period = given.get("period", "30d")
    period = period if period in PERIODS else "30d"
    with visit.services.database.read() as uow:
        covered = coverage(uow, visit, PERIODS[period])
        without = custody.Wanted(state=CustodyState.QUARANTINED)
        held, count = custody.listed(uow, without, limit=_MOST_LISTED), custody.count(uow, without)
        ledger = visit.services.consenting.ledger.verify(uow) if given.get("check") else None
    return common.page(
        request, visit, "overview.html", period=period, periods=PERIODS, covered=covered, parts=PARTS,
        held=held, more=count - len(held), ledger=ledger, checked_at=clock.now(),
        house=visit.services.house, enforced=visit.services.enforced, levels=terms.LEVELS, part_words=PART_WORDS,
    )  # fmt: skip


def coverage(uow: UnitOfWork, visit: Visit, days: int) -> Coverage:
    """The last ``days`` days in the viewer's zone, today included."""
    today = clock.now().astimezone(visit.zone).date()
    bars, levels = [], {level: Counter[str]() for level in terms.LEVELS}
    for back in range(days - 1, -1, -1):
        day = today - timedelta(days=back)
        since, until = (datetime.combine(each, time(), visit.zone) for each in (day, day + timedelta(days=1)))
        counts: Counter[str] = Counter()
        for (level, state), count in custody.coverage(uow, since, until).items():
            counts[state.value] += count
            levels.setdefault(level, Counter())[state.value] += count
        for level, count in unrecorded.between(uow, since, until).items():
            counts[NOT_RECORDED] += count
            levels.setdefault(level, Counter())[NOT_RECORDED] += count
        bars.append(Bar(day, counts))
    return Coverage(tuple(bars), levels)


PART_WORDS = {state.value: words for state, words in terms.STATE.items()} | {NOT_RECORDED: terms.NOT_RECORDED}
