"""The address of the conversations list, read and written: every part of it has its place here.

The address is the page's whole state, so any list can be sent to a colleague, who sees it as far as their own rights
reach. Unreadable parts are named in ``problems`` and otherwise left out; they never widen or empty a list silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from candor.conversation.model import Direction
from candor.kit import clock
from candor.replay.model import ConversationFilter, SortKey, Status
from candor.web import words
from candor.web.i18n import _

PATH = "/conversations"
DEFAULT_COLUMNS = ("started", "duration", "agent", "customer", "queue", "sentiment", "score", "categories", "status")
SORTABLE = {
    "started": SortKey.STARTED,
    "duration": SortKey.DURATION,
    "sentiment": SortKey.SENTIMENT,
    "score": SortKey.SCORE,
}
LIMITS = (25, 50, 100, 200)
DEFAULT_LIMIT = 50

_MANY = ("agent", "team", "queue", "direction", "language", "category", "status")
_ONE = (
    "q", "period", "from", "to", "sentiment_min", "sentiment_max", "score_min", "score_max", "duration_min",
    "duration_max", "pii", "critical", "id",
)  # fmt: skip
FILTERS = (*_ONE, *_MANY)

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter in force, as shown, and the address of the list without it."""

    label: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the list page was asked for."""

    pairs: tuple[tuple[str, str], ...]
    """The filters of the address, as given."""
    filter: ConversationFilter
    problems: tuple[str, ...]
    sort: SortKey
    descending: bool
    cursor: str | None
    limit: int
    columns: tuple[str, ...]

    def address(self, **changes: str | None) -> str:
        """This list's address with ``changes``; a changed list starts again at its first page."""
        state = {
            "sort": None if self.sort is SortKey.STARTED else str(self.sort),
            "dir": None if self.descending else "asc",
            "limit": None if self.limit == DEFAULT_LIMIT else str(self.limit),
            "columns": None if self.columns == DEFAULT_COLUMNS else ",".join(self.columns),
        } | changes
        pairs = [*self.pairs, *((name, value) for name, value in state.items() if value)]
        return f"{PATH}?{urlencode(pairs)}" if pairs else PATH

    @property
    def query(self) -> str:
        """The query string without the place in the pages: what a saved view keeps."""
        return self.address().partition("?")[2]

    def without(self, names: Iterable[str], value: str | None = None) -> str:
        """The address without the filters ``names`` (or only where they have ``value``)."""
        gone = set(names)
        left = tuple(pair for pair in self.pairs if pair[0] not in gone or (value is not None and pair[1] != value))
        return Listing.address(_with_pairs(self, left))

    def by(self, column: str) -> str:
        """The address sorted by ``column``; the other way round when it is so already."""
        key = SORTABLE[column]
        descending = not self.descending if self.sort is key else True
        return self.address(sort=None if key is SortKey.STARTED else str(key), dir=None if descending else "asc")

    def one(self, name: str) -> str:
        """The value of a filter, as given, for its field."""
        return next((value for key, value in self.pairs if key == name), "")

    def many(self, name: str) -> tuple[str, ...]:
        """The values of a filter that takes several."""
        return tuple(value for key, value in self.pairs if key == name)

    @property
    def filtered(self) -> bool:
        """True when anything narrows the list."""
        return bool(self.pairs)

    def chips(self, agents: Mapping[str, str]) -> list[Chip]:
        """The filters in force; ``agents`` gives names for agent ids."""
        chips = [Chip(label=label, without=self.without(names)) for names, label in self._ranges()]
        for name, value in self.pairs:
            if name in _MANY:
                chips.append(Chip(label=_many_label(name, value, agents), without=self.without([name], value)))
        return chips

    def _ranges(self) -> list[tuple[tuple[str, ...], str]]:
        found: list[tuple[tuple[str, ...], str]] = []
        if self.one("q"):
            found.append((("q",), f"“{self.one('q')}”"))
        if self.one("period"):
            found.append((("period",), words.say(words.PERIOD, self.one("period"))))
        for low, high, label, unit in (
            ("from", "to", "", ""),
            ("duration_min", "duration_max", _("Length"), _(" min")),
            ("score_min", "score_max", _("Score"), ""),
            ("sentiment_min", "sentiment_max", _("Sentiment"), ""),
        ):
            text = _range_text(self.one(low), self.one(high), unit)
            if text:
                found.append(((low, high), f"{label} {text}".strip()))
        if self.one("pii"):
            found.append(
                (("pii",), _("Personal data found") if self.one("pii") == "yes" else _("No personal data found"))
            )
        if self.one("critical"):
            yes = self.one("critical") == "yes"
            found.append((("critical",), _("Critical question failed") if yes else _("No critical question failed")))
        if self.one("id"):
            found.append((("id",), _("Call id {id}").format(id=self.one("id"))))
        return found


def read(params: Iterable[tuple[str, str]], zone: ZoneInfo) -> Listing:
    """Read an address. ``params`` are its name–value pairs, ``zone`` the one in which its dates are days."""
    given = [(name, value.strip()[:500]) for name, value in params if value.strip()]
    pairs = tuple((name, value) for name, value in given if name in FILTERS)
    reader = _Reader(pairs)
    extra = dict(given)
    since, until = reader.dates(zone)
    conversation_filter = ConversationFilter(
        text=reader.one("q"),
        since=since,
        until=until,
        agents=reader.many("agent"),
        teams=reader.many("team"),
        queues=reader.many("queue"),
        directions=reader.enums("direction", Direction),
        languages=reader.many("language"),
        categories=reader.many("category"),
        statuses=reader.enums("status", Status),
        sentiment_min=reader.number("sentiment_min", -1, 1),
        sentiment_max=reader.number("sentiment_max", -1, 1),
        score_min=reader.number("score_min", 0, 100),
        score_max=reader.number("score_max", 0, 100),
        duration_min=reader.minutes("duration_min"),
        duration_max=reader.minutes("duration_max"),
        has_pii=reader.choice("pii"),
        critical_failed=reader.choice("critical"),
        external_id=reader.one("id"),
    )
    sort = _enum_or(SortKey, extra.get("sort", ""), SortKey.STARTED)
    if sort is SortKey.RELEVANCE and not conversation_filter.text:
        sort = SortKey.STARTED
    ticked = [value for name, value in given if name == "column"]  # from the form; the address joins them
    asked_columns = ticked or extra.get("columns", "").split(",")
    chosen = tuple(dict.fromkeys(name for name in asked_columns if name in words.COLUMN))
    limit = extra.get("limit", "")
    return Listing(
        pairs=tuple(pair for pair in pairs if pair[0] not in reader.bad),
        filter=conversation_filter,
        problems=tuple(reader.problems),
        sort=sort,
        descending=extra.get("dir") != "asc",
        cursor=extra.get("cursor"),
        limit=int(limit) if limit.isascii() and limit.isdigit() and int(limit) in LIMITS else DEFAULT_LIMIT,
        columns=chosen or DEFAULT_COLUMNS,
    )


class _Reader:
    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self._pairs = pairs
        self.problems: list[str] = []
        self.bad: set[str] = set()

    def one(self, name: str) -> str | None:
        return next((value for key, value in self._pairs if key == name), None)

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self._pairs if key == name)

    def enums(self, name: str, kind: type[E]) -> tuple[E, ...]:
        found = []
        for value in self.many(name):
            try:
                found.append(kind(value))
            except ValueError:
                self._refuse(name, value)
        return tuple(found)

    def number(self, name: str, low: float, high: float) -> float | None:
        return self._parse(name, lambda text: _bounded(float(text.replace(",", ".").replace("−", "-")), low, high))

    def minutes(self, name: str) -> float | None:
        """``3``, ``2.5`` (minutes) or ``2:30``, as seconds."""
        return self._parse(name, _seconds)

    def choice(self, name: str) -> bool | None:
        return self._parse(name, lambda text: {"yes": True, "no": False}[text])

    def dates(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Days in ``zone``, both inclusive, as moments [since, until)."""
        today = clock.now().astimezone(zone).date()
        period = self._parse("period", lambda text: _period(text, today))
        first = self._parse("from", date.fromisoformat) or (period[0] if period else None)
        last = self._parse("to", date.fromisoformat) or (period[1] if period else None)
        since = datetime.combine(first, time(), zone) if first else None
        until = datetime.combine(last + timedelta(days=1), time(), zone) if last and last < date.max else None
        return since, until

    def _parse(self, name: str, convert: Callable[[str], T]) -> T | None:
        text = self.one(name)
        if text is None:
            return None
        try:
            return convert(text)
        except (ValueError, KeyError):
            self._refuse(name, text)
            return None

    def _refuse(self, name: str, value: str) -> None:
        self.bad.add(name)
        self.problems.append(
            _("“{value}” cannot be read as {name}, so that filter was left out.").format(
                value=value, name=_FIELD.get(name, name)
            )
        )


_FIELD = {
    "from": _("a date"),
    "to": _("a date"),
    "period": _("a period"),
    "sentiment_min": _("a sentiment between −1 and 1"),
    "sentiment_max": _("a sentiment between −1 and 1"),
    "score_min": _("a score between 0 and 100"),
    "score_max": _("a score between 0 and 100"),
    "duration_min": _("a length in minutes"),
    "duration_max": _("a length in minutes"),
    "direction": _("a direction"),
    "status": _("a status"),
    "pii": _("yes or no"),
    "critical": _("yes or no"),
}


def _with_pairs(listing: Listing, pairs: tuple[tuple[str, str], ...]) -> Listing:
    return Listing(
        pairs=pairs, filter=listing.filter, problems=(), sort=listing.sort, descending=listing.descending,
        cursor=None, limit=listing.limit, columns=listing.columns,
    )  # fmt: skip


def _bounded(value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # also refuses NaN
        raise ValueError
    return value


def _seconds(text: str) -> float:
    minutes, colon, seconds = text.replace(",", ".").partition(":")
    return _bounded(float(minutes) * 60 + (float(seconds) if colon else 0), 0, 7 * 86400)


def _period(name: str, today: date) -> tuple[date, date]:
    if name == "yesterday":
        return today - timedelta(days=1), today - timedelta(days=1)
    days = {"today": 1, "7d": 7, "30d": 30, "90d": 90}[name]
    return today - timedelta(days=days - 1), today


def _enum_or(kind: type[E], value: str, default: E) -> E:
    try:
        return kind(value)
    except ValueError:
        return default


def _range_text(low: str, high: str, unit: str) -> str:
    if low and high:
        return f"{low} – {high}{unit}"
    if low:
        return f"≥ {low}{unit}" if unit or not low[:4].isdigit() else _("from {date}").format(date=low)
    if high:
        return f"≤ {high}{unit}" if unit or not high[:4].isdigit() else _("until {date}").format(date=high)
    return ""


def _many_label(name: str, value: str, agents: Mapping[str, str]) -> str:
    if name == "agent":
        return agents.get(value, value)
    if name == "direction":
        return words.say(words.DIRECTION, value)
    if name == "status":
        return words.say(words.STATUS, value)
    if name == "category":
        return words.title(value)
    label = {"team": _("Team"), "queue": _("Queue"), "language": _("Language")}[name]
    return f"{label}: {value}"
