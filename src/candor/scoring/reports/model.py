"""A report as frozen values, and what it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from candor.conversation.evaluation import EvaluationSource
from candor.scoring.agreement.statistics import Interval

BINS = 10
"""Of the distribution of scores: 0 to 10, 10 to 20 … 90 to 100."""


class Judged(NamedTuple):
    """One evaluation as reports read it."""

    conversation_id: str
    started_at: datetime
    """Of the conversation; naive, UTC."""
    source: str
    version: int
    evaluator: str | None
    score: float | None
    passed: bool | None
    critical_failed: bool
    marks: str | None
    """See :mod:`candor.scoring.marks`; None in evaluations of releases that did not count."""
    agent_id: str | None = None
    """Who was judged: of a leg its agent, else the conversation's."""
    agent: str | None = None
    team: str | None = None


class Compared(NamedTuple):
    """A person's blind score beside the automatic one of the same conversation and version."""

    evaluator: str
    human: float
    automatic: float


class Disputed(NamedTuple):
    """One disputed answer."""

    dispute: str
    question: str
    outcome: str | None
    """``upheld``, ``rescored``; None while it is open."""


class Step(StrEnum):
    """How a trend is cut."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One step of a trend."""

    start: date
    n: int
    mean: Interval | None
    """None with fewer than two evaluations; then ``value`` is all there is."""
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLine:
    """One question in a report."""

    question: str
    text: str
    n: int
    """Answers that earn or cost something."""
    share: Interval | None
    """Of the weight that was earned, 0 to 1."""
    not_applicable: int
    cannot_tell: int
    suggested: int
    """Automatic answers that were shown and did not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """All evaluations of one source."""

    source: EvaluationSource
    evaluations: int
    mean: Interval | None
    passed: Interval | None
    """Share of those that could be passed or failed."""
    critical: Interval | None
    """Share with a critical failure."""
    bins: tuple[int, ...]
    trend: tuple[Point, ...]
    questions: tuple[QuestionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """One evaluator beside the rules and the colleagues."""

    evaluator: str
    n: int
    difference: Interval | None
    """Their score less the automatic one, in points, over conversations they judged blind."""
    leaning: Interval | None
    """How much lower (below 0: stricter) or higher than colleagues they score, the automatic score being the yardstick;
    drawn towards 0 as far as few conversations explain it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputes:
    """What agents contested, and what came of it."""

    evaluations: int
    """Human ones that could be disputed."""
    disputes: int
    open: int
    answers: int
    """Disputed answers that were decided."""
    changed: Interval | None
    """Share of these that were rescored."""
    questions: tuple[tuple[str, int, int], ...]
    """(question, disputed, rescored), the most disputed first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """One team's or agent's evaluations of one source."""

    n: int
    mean: Interval | None
    """None with fewer than two scores; then ``single`` may be the one."""
    single: float | None
    passed: Interval | None
    critical: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A team or an agent in a report."""

    id: str
    name: str
    team: str | None
    """Of an agent, as the conversations name it."""
    automatic: GroupLine
    human: GroupLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What evaluations with one scorecard in one period come to."""

    scorecard: str
    title: str
    versions: tuple[int, ...]
    since: datetime
    until: datetime
    step: Step
    pass_mark: float
    conversations: int
    """Processed ones, evaluated or not."""
    automatic_coverage: Interval | None
    human_coverage: Interval | None
    automatic: Side
    human: Side
    strictness: tuple[Strictness, ...]
    disputes: Disputes | None
    """None where nothing is known of disputes."""
    teams: tuple[Group, ...] = ()
    agents: tuple[Group, ...] = ()
