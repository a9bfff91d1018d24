"""What the pages of quality share: tabs, periods, forms that are shown again with what was wrong."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Principal, Right
from candor.errors import CandorError
from candor.kit import clock
from candor.scoring.agreement.statistics import Interval
from candor.web.i18n import N_, gettext
from candor.web.quality import terms
from candor.web.render import renderer_of
from candor.web.visit import Visit

TABS = (
    ("/quality/agreement", N_("Agreement"), Right.QUALITY_READ),
    ("/quality/calibration", N_("Calibration"), Right.EVALUATION_WRITE),
    ("/quality/reports", N_("Reports"), Right.QUALITY_READ),
)
"""Address, name, and the right that shows it."""
PERIODS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}


def tabs_of(principal: Principal) -> list[tuple[str, str]]:
    """All tabs of quality that this person may open, those of evaluations and scorecards among them."""
    from candor.web.tabs import quality_tabs  # noqa: PLC0415  it puts the tabs above among its own

    return quality_tabs(principal)


def page(request: Request, visit: Visit, template: str, problem: CandorError | None = None, **values: Any) -> Response:
    """One of the pages, with its tabs; with what was wrong at 422."""
    given: dict[str, Any] = {
        "tabs": tabs_of(visit.principal), "terms": terms, "noticed": "", "problem": problem, "share": share,
        "points": points, "coefficient": coefficient,
    }  # fmt: skip
    values["form"] = defaultdict(str, values.get("form") or {})  # what was not typed is empty
    status = 200 if problem is None else 422
    return renderer_of(request).page(request, f"quality/{template}", status=status, **given | values)


def done(address: str, what: str) -> RedirectResponse:
    """Back to a page, which then says that it was done."""
    joint = "&" if "?" in address else "?"
    return RedirectResponse(f"{address}{joint}done={what}", status_code=303)


def share(figure: Interval | None) -> str:
    """``78 % (71–84)``."""
    if figure is None:
        return "–"
    return f"{figure.value * 100:.0f} % ({figure.low * 100:.0f}–{figure.high * 100:.0f})"


def points(figure: Interval | None) -> str:
    """``81.4 (79.0–83.8)``."""
    if figure is None:
        return "–"
    return f"{_minus(figure.value, 1)} ({_minus(figure.low, 1)}{_to(figure.low)}{_minus(figure.high, 1)})"


def coefficient(figure: Interval | None) -> str:
    """``0.71 (0.62–0.79)``."""
    if figure is None:
        return "–"
    return f"{_minus(figure.value, 2)} ({_minus(figure.low, 2)}{_to(figure.low)}{_minus(figure.high, 2)})"


def _minus(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) else text


def _to(low: float) -> str:
    return f" {gettext('to')} " if low < 0 else "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What stretch of time an address asks for."""

    name: str
    """One of PERIODS; empty: by date."""
    first: date
    last: date
    since: datetime
    until: datetime
    """Exclusive."""

    def query(self, **more: str) -> str:
        """As an address's query, with whatever else is asked."""
        mine = {"period": self.name} if self.name else {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return urlencode({name: value for name, value in (mine | more).items() if value})


def period_of(request: Request, zone: ZoneInfo, usual: str = "90d") -> Period:
    """Read it from the address; what cannot be read is left out, more than three years is cut."""
    given = request.query_params
    today = clock.now().astimezone(zone).date()
    first, last = day(given.get("from")), day(given.get("to"))
    name = given.get("period", usual)
    if first or last:  # whoever writes dates means them, whatever the choice beside them still says
        name = ""
    elif name not in PERIODS:
        name = usual
    end = today if name else last or today
    begin = end - timedelta(days=PERIODS[name] - 1) if name else first or end - timedelta(days=29)
    begin = max(min(begin, end), end - timedelta(days=3 * 365))
    return Period(
        name=name, first=begin, last=end, since=datetime.combine(begin, time(), zone),
        until=datetime.combine(end + timedelta(days=1), time(), zone),
    )  # fmt: skip


def day(text: str | None) -> date | None:
    """A day in an address; None for what is none."""
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if 1990 <= found.year <= 2200 else None
