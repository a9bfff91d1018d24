"""A report as CSV: one line a figure, with its interval and sample size, so that spreadsheets can take it apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from candor.scoring.agreement.statistics import Interval
from candor.scoring.reports.model import BINS, Group, GroupLine, Report, Side

HEAD = ("part", "source", "item", "label", "n", "value", "low", "high", "unit")


def as_csv(report: Report, names: Mapping[str, str]) -> str:
    """UTF-8 text; ``names``: what evaluators are called, by user id. Empty cells: not enough to tell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for row in _rows(report, names):
        writer.writerow([_safe(str(cell)) for cell in row])
    return out.getvalue()


def _rows(report: Report, names: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    period = f"{report.since.isoformat()}/{report.until.isoformat()}"
    yield ("report", "", report.scorecard, report.title, report.conversations, "", "", "", period)
    yield _line("coverage", "automatic", "", "", report.automatic_coverage, "share")
    yield _line("coverage", "human", "", "", report.human_coverage, "share")
    for side in (report.automatic, report.human):
        yield from _side(side)
    for part, found in (("team", report.teams), ("agent", report.agents)):
        for group in found:
            for source, line in (("automatic", group.automatic), ("human", group.human)):
                yield from _group(part, source, group, line)
    for each in report.strictness:
        name = names.get(each.evaluator, each.evaluator)
        yield _line("strictness", "human", each.evaluator, name, each.difference, "points", each.n)
        yield _line("leaning", "human", each.evaluator, name, each.leaning, "points", each.n)
    if report.disputes is not None:
        yield ("disputes", "human", "", "", report.disputes.evaluations, report.disputes.disputes, "", "", "disputes")
        yield _line("disputes", "human", "changed", "", report.disputes.changed, "share of decided answers")
        for question, asked, changed in report.disputes.questions:
            yield ("disputes", "human", question, "", asked, changed, "", "", "answers changed")


def _side(side: Side) -> Iterator[tuple[object, ...]]:
    source = side.source.value
    yield _line("score", source, "mean", "", side.mean, "points", side.evaluations)
    yield _line("score", source, "passed", "", side.passed, "share")
    yield _line("score", source, "critical", "", side.critical, "share")
    for place, number in enumerate(side.bins):
        width = 100 // BINS
        yield ("distribution", source, f"{place * width}-{(place + 1) * width}", "", number, "", "", "", "evaluations")
    for point in side.trend:
        value = "" if point.value is None else f"{point.value:.2f}"
        ends = ("", "") if point.mean is None else (f"{point.mean.low:.2f}", f"{point.mean.high:.2f}")
        yield ("trend", source, point.start.isoformat(), "", point.n, value, *ends, "points")
    for line in side.questions:
        yield _line("question", source, line.question, line.text, line.share, "share of the weight", line.n)
        for kind, number in (
            ("n/a", line.not_applicable), ("cannot tell", line.cannot_tell), ("suggested", line.suggested),
        ):  # fmt: skip
            yield ("question", source, line.question, kind, number, "", "", "", "answers")


def _group(part: str, source: str, group: Group, line: GroupLine) -> Iterator[tuple[object, ...]]:
    if not line.n:
        return
    named = f"{group.name} ({group.team})" if group.team else group.name
    if line.mean is None and line.single is not None:
        yield (f"{part} score", source, group.id, named, line.n, f"{line.single:.4g}", "", "", "points")
    else:
        yield _line(f"{part} score", source, group.id, named, line.mean, "points", line.n)
    yield _line(f"{part} passed", source, group.id, named, line.passed, "share")
    yield _line(f"{part} critical", source, group.id, named, line.critical, "share")


def _line(
    part: str, source: str, item: str, label: str, figure: Interval | None, unit: str, n: int | None = None
) -> tuple[object, ...]:
    if figure is None:
        return (part, source, item, label, n if n is not None else 0, "", "", "", unit)
    return (
        part, source, item, label, figure.n if n is None else n, f"{figure.value:.4g}", f"{figure.low:.4g}",
        f"{figure.high:.4g}", unit,
    )  # fmt: skip


def _safe(cell: str) -> str:
    # A spreadsheet must not take what others wrote for a formula; numbers below zero are numbers.
    risky = cell[:1] in {"=", "+", "-", "@", "\t", "\r"}
    return f"'{cell}" if risky and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
