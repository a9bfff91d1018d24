"""By when a request must be answered: data by jurisdiction, and the arithmetic of months. Pure but for reading it."""

from __future__ import annotations

import calendar
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources

from candor.errors import InvalidInput

OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law's periods: from receipt, and by how much more they may be extended once."""

    id: str
    name: str
    places: tuple[str, ...]
    cite: str
    months: int = 0
    days: int = 0
    more_months: int = 0
    more_days: int = 0

    def due(self, received: date) -> date:
        """The last day on which it may be answered."""
        return _later(received, self.months, self.days)

    def longest(self, received: date) -> date:
        """The last day to which it may be extended; the same as ``due`` where it may not."""
        return _later(received, self.months + self.more_months, self.days + self.more_days)


@lru_cache(maxsize=1)
def laws() -> dict[str, Law]:
    """Every law, by its id."""
    text = resources.files("candor.vault.requests").joinpath("data/deadlines.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["law"]
    return {row["id"]: Law(**row | {"places": tuple(row["places"])}) for row in rows}


def law(law_id: str) -> Law:
    """One law; raises InvalidInput."""
    if law_id not in laws():
        raise InvalidInput(
            "There is no such law.", code="request.law", advice=f"There are: {', '.join(laws())}."
        )  # fmt: skip
    return laws()[law_id]


def law_of(place: str | None) -> Law:
    """The law of a place: ``DE``, ``US-CA``."""
    wanted = (place or "").upper()
    return next((one for one in laws().values() if wanted in one.places), laws()[OTHER])


def _later(start: date, months: int, days: int) -> date:
    """A month later is the same day of the next one, or its last day where it has none (Reg. 1182/71, art. 3(2)(c))."""
    count = start.year * 12 + start.month - 1 + months
    year, month = divmod(count, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, day) + timedelta(days=days)
