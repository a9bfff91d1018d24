"""A report as PDF, A4, nothing fetched: figures with their intervals, the trend and the distribution drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fpdf.enums import XPos, YPos

from candor.kit.sheet import INK, LINE, QUIET, Sheet, latin
from candor.scoring.agreement.statistics import Interval
from candor.scoring.reports.model import BINS, Group, GroupLine, Point, Report, Side, Step

_COLOUR = {"automatic": (36, 86, 201), "human": (122, 63, 181)}
_NAME = {"automatic": "Automatic", "human": "By people"}
_MOST_POINTS = 400


class _Page(Sheet):
    def __init__(self, title: str, made_at: datetime) -> None:
        super().__init__(title, f"Candor · {title}", made_at)

    def heading(self, text: str, room: float = 30, below: float = 2) -> None:
        super().heading(text, room, below)

    def words(self, text: str, size: float = 9, quiet: bool = False) -> None:
        self.set_font("Helvetica", size=size)
        self.set_text_color(*(QUIET if quiet else INK))
        self.multi_cell(0, 4.6, latin(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)

    def grid(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
        """The first column is words, cut to fit; the others are figures."""

        def row(cells: Sequence[str], *, bold: bool) -> None:
            self.set_font("Helvetica", "B" if bold else "", 8.5)
            self.set_text_color(*(QUIET if bold else INK))
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
                self.cell(width, 5.4, self.cut(latin(cell), width - 2), align="L" if not place else "R", border="B")
            self.ln(5.4)

        self.set_draw_color(*LINE)
        row(head, bold=True)
        for cells in rows:
            if self.will_page_break(6):
                self.add_page()
                row(head, bold=True)
            row(cells, bold=False)
        self.ln(2)

    def cut(self, text: str, width: float) -> str:
        """As much of it as fits."""
        if self.get_string_width(text) <= width:
            return text
        while text and self.get_string_width(text + "...") > width:
            text = text[:-1]
        return text + "..."


def draw(
    report: Report, names: Mapping[str, str], *, zone: ZoneInfo, made_at: datetime, about: Sequence[str] = (),
    company: str = "",
) -> bytes:  # fmt: skip
    """The report as a PDF file; ``names``: what evaluators are called; ``about``: what it is narrowed to, in words."""
    last = report.until.astimezone(zone) - timedelta(microseconds=1)
    period = f"{report.since.astimezone(zone):%d %B %Y} to {last:%d %B %Y}"
    page = _Page(f"Quality report: {report.title}, {period}", made_at)
    page.set_font("Helvetica", "B", 20)
    page.set_text_color(*INK)
    page.cell(0, 10, "Quality report", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    versions = f"version{'s' * (len(report.versions) > 1)} {', '.join(map(str, report.versions)) or '-'}"
    page.words(f"{report.title} ({versions}), {period}", 11)
    narrowed = " · ".join([*([company] if company else []), *about, f"made {made_at.astimezone(zone):%d %B %Y, %H:%M}"])
    page.words(narrowed, 9, quiet=True)
    _summary(page, report)
    for side in (report.automatic, report.human):
        if side.trend:
            page.heading(f"Scores over time: {_NAME[side.source.value].lower()}", 62)
            _trend(page, side, report)
    page.heading("Distribution of scores", 62)
    _distribution(page, report)
    page.heading("Questions")
    _questions(page, report)
    _groups(page, "Teams", report.teams)
    _groups(page, "Agents", report.agents)
    _people(page, report, names)
    page.heading("How to read it")
    page.words(
        "Automatic evaluations and those by people are never put together. Intervals hold the true figure in 95 of 100 "
        "such reports: of means by Student's t, of shares by Wilson's method. n is what a figure rests on; where it is "
        "small the interval is wide, and a difference inside it is no difference. A dash: not enough to tell.",
        quiet=True,
    )
    return bytes(page.output())


def _summary(page: _Page, report: Report) -> None:
    page.heading("In short")
    sides = (report.automatic, report.human)
    rows = [
        ["Conversations", *(f"{report.conversations:,}" for _ in sides)],
        ["Evaluated", *(f"{side.evaluations:,}" for side in sides)],
        ["Coverage", _share(report.automatic_coverage), _share(report.human_coverage)],
        ["Mean score", *(_points(side.mean) for side in sides)],
        [f"Passed (from {report.pass_mark:g})", *(_share(side.passed) for side in sides)],
        ["With a critical failure", *(_share(side.critical) for side in sides)],
    ]
    page.grid(["", "Automatic", "By people"], rows, [60, 57, 57])


def _trend(page: _Page, side: Side, report: Report) -> None:
    left, top, width, height = page.l_margin + 10, page.get_y() + 2, page.epw - 12, 42.0
    points = side.trend[-_MOST_POINTS:]
    page.set_font("Helvetica", size=7)
    page.set_text_color(*QUIET)
    page.set_line_width(0.15)
    for score in (0, 25, 50, 75, 100):
        y = top + height * (1 - score / 100)
        page.set_draw_color(*LINE)
        page.line(left, y, left + width, y)
        page.text(left - 7, y + 1, str(score))
    page.set_draw_color(*QUIET)
    page.set_dash_pattern(dash=1.2, gap=1.2)
    mark = top + height * (1 - report.pass_mark / 100)
    page.line(left, mark, left + width, mark)
    page.set_dash_pattern()
    every = max(1, -(-len(points) // 10))
    before: tuple[float, float] | None = None
    page.set_draw_color(*_COLOUR[side.source.value])
    page.set_fill_color(*_COLOUR[side.source.value])
    for place, point in enumerate(points):
        x = left + width * (place + 0.5) / len(points)
        if not place % every:
            page.text(x - 4, top + height + 4, _label(point, report.step))
        if point.value is None:
            before = None
            continue
        y = top + height * (1 - point.value / 100)
        if point.mean is not None:
            page.set_line_width(0.2)
            page.line(x, top + height * (1 - point.mean.low / 100), x, top + height * (1 - point.mean.high / 100))
        page.set_line_width(0.5)
        if before is not None:
            page.line(*before, x, y)
        page.ellipse(x - 0.7, y - 0.7, 1.4, 1.4, style="F")
        before = (x, y)
    page.set_line_width(0.2)
    page.set_y(top + height + 6)
    of = {Step.DAY: "day", Step.WEEK: "week", Step.MONTH: "month"}[report.step]
    page.words(f"Mean of each {of} with its 95 % interval; dashed: the pass mark.", 8, quiet=True)


def _label(point: Point, step: Step) -> str:
    return f"{point.start:%b %y}" if step is Step.MONTH else f"{point.start.day} {point.start:%b}"


def _distribution(page: _Page, report: Report) -> None:
    top, height, gap = page.get_y() + 5, 36.0, 8.0
    width = (page.epw - gap) / 2
    for place, side in enumerate((report.automatic, report.human)):
        left, most = page.l_margin + place * (width + gap), max(side.bins) or 1
        page.set_fill_color(*_COLOUR[side.source.value])
        page.set_font("Helvetica", size=7)
        page.set_text_color(*QUIET)
        for index, number in enumerate(side.bins):
            tall = height * number / most
            x = left + width * index / BINS
            page.rect(x + 0.4, top + height - tall, width / BINS - 0.8, tall, style="F")
            page.text(x + 0.4, top + height + 3.5, str(index * (100 // BINS)))
            if number:
                page.text(x + 0.6, top + height - tall - 0.8, f"{number:,}")
        page.set_draw_color(*LINE)
        page.line(left, top + height, left + width, top + height)
        page.text(left, top + height + 8, f"{_NAME[side.source.value]}, n = {sum(side.bins):,}")
    page.set_y(top + height + 11)


def _questions(page: _Page, report: Report) -> None:
    rows = [
        [
            auto.text, _share(auto.share), f"{auto.n:,}", f"{auto.suggested:,}", _share(human.share), f"{human.n:,}",
        ]
        for auto, human in zip(report.automatic.questions, report.human.questions, strict=True)
    ]  # fmt: skip
    page.words("The share of each question's weight that was earned.", 8, quiet=True)
    head = ["Question", "Automatic", "n", "suggested", "By people", "n"]
    page.grid(head, rows, [61, 36, 13, 20, 33, 11])


def _groups(page: _Page, title: str, groups: Sequence[Group]) -> None:
    if not groups:
        return
    page.heading(title)
    rows = [
        [
            f"{group.name} ({group.team})" if group.team else group.name,
            *(cell for line in (group.automatic, group.human) for cell in (_mean(line), _share(line.passed))),
            f"{group.automatic.n:,} / {group.human.n:,}",
        ]
        for group in groups
    ]
    head = [title[:-1], "Automatic", "passed", "By people", "passed", "n"]
    page.grid(head, rows, [38, 30, 30, 30, 30, 16])


def _mean(line: GroupLine) -> str:
    return f"{line.single:.1f}" if line.mean is None and line.single is not None else _points(line.mean)


def _people(page: _Page, report: Report, names: Mapping[str, str]) -> None:
    if report.strictness:
        page.heading("Evaluators")
        page.words(
            "Scores given blind, less the automatic score of the same conversation; and how they lean beside "
            "colleagues (below 0: stricter), drawn towards 0 as far as few conversations explain it.", 8, quiet=True,
        )  # fmt: skip
        rows = [
            [names.get(one.evaluator, one.evaluator), f"{one.n:,}", _points(one.difference), _points(one.leaning)]
            for one in report.strictness
        ]
        page.grid(["Evaluator", "n", "To automatic", "Leaning"], rows, [70, 18, 43, 43])
    found = report.disputes
    if found is not None and found.disputes:
        page.heading("Disputes")
        page.words(
            f"{found.disputes:,} of {found.evaluations:,} evaluations by people were disputed, {found.open:,} are open;"
            f" of {found.answers:,} decided answers {_share(found.changed)} were changed."
        )
        texts = {line.question: line.text for line in report.human.questions}
        rows = [[texts.get(name, name), f"{asked:,}", f"{changed:,}"] for name, asked, changed in found.questions]
        page.grid(["Question", "Disputed", "Changed"], rows, [104, 35, 35])


def _share(figure: Interval | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.value:.0%} ({figure.low * 100:.0f} to {figure.high * 100:.0f})"


def _points(figure: Interval | None) -> str:
    return "-" if figure is None else f"{figure.value:.1f} ({figure.low:.1f} to {figure.high:.1f})"
