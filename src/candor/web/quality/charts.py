"""Where things stand in a chart, in percent of its width and height, so that it fits any screen without script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from candor.scoring.agreement.statistics import Interval
from candor.scoring.reports.model import Point, Step
from candor.web import words

_MOST_LABELS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One point of a line, with its interval."""

    x: float
    y: float
    low: float
    high: float
    label: str
    """For those who point at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line over time; it is broken where there is nothing."""

    spots: tuple[Spot, ...]
    lines: tuple[tuple[Spot, Spot], ...]
    labels: tuple[tuple[float, str], ...]
    """(x, words) under the chart."""
    mark: float | None
    """Height of the dashed line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """An interval on a line from 0 to 1."""

    low: float
    value: float
    high: float
    mark: float | None


def bar(figure: Interval | None, threshold: float | None) -> Bar | None:
    """Percent from the left; what is below 0 stands at 0."""
    if figure is None:
        return None
    mark = None if threshold is None else _percent(threshold)
    return Bar(low=_percent(figure.low), value=_percent(figure.value), high=_percent(figure.high), mark=mark)


def scores(points: Sequence[Point], step: Step, pass_mark: float) -> Trend:
    """Scores from 0 to 100 over time."""
    found = [
        (point.start, None)
        if point.value is None
        else (
            point.start,
            Interval(value=point.value, low=point.value, high=point.value, n=point.n)
            if point.mean is None
            else point.mean,
        )
        for point in points
    ]
    return _trend([(start, figure and _hundredth(figure)) for start, figure in found], step, pass_mark / 100)


def agreement(windows: Sequence[tuple[date, Interval | None]], threshold: float | None) -> Trend:
    """A coefficient from 0 to 1 over time."""
    return _trend(list(windows), Step.WEEK, threshold)


def start(day: date, step: Step) -> str:
    """The day, week or month in words."""
    if step is Step.MONTH:
        return f"{words.month(day.month)} {day.year}"
    return f"{day.day} {words.month(day.month)}"


def _trend(found: list[tuple[date, Interval | None]], step: Step, mark: float | None) -> Trend:
    size = max(1, len(found))
    spots: list[Spot | None] = []
    for place, (day, figure) in enumerate(found):
        x = round((place + 0.5) / size * 100, 2)
        spots.append(
            None
            if figure is None
            else Spot(
                x=x, y=_height(figure.value), low=_height(figure.low), high=_height(figure.high),
                label=f"{start(day, step)}: {figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f}), n = {figure.n}",
            )
        )  # fmt: skip
    every = -(-size // _MOST_LABELS)
    return Trend(
        spots=tuple(spot for spot in spots if spot is not None),
        lines=tuple((one, two) for one, two in pairwise(spots) if one and two),
        labels=tuple(
            (round((place + 0.5) / size * 100, 2), start(day, step))
            for place, (day, _) in enumerate(found)
            if not place % every
        ),
        mark=None if mark is None else _height(mark),
    )


def _hundredth(figure: Interval) -> Interval:
    return Interval(value=figure.value / 100, low=figure.low / 100, high=figure.high / 100, n=figure.n)


def _percent(value: float) -> float:
    return round(min(1.0, max(0.0, value)) * 100, 2)


def _height(value: float) -> float:
    return round(100 - _percent(value), 2)
