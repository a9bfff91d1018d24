"""What is known of a question's agreement, what is asked of it, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from candor.scoring.agreement.statistics import Interval, Measurement


class Measure(StrEnum):
    """Which figure a gate looks at."""

    KAPPA = "kappa"
    """Cohen's; weighted for scales and numbers."""
    ALPHA = "alpha"
    """Krippendorff's."""
    EQUAL = "equal"
    """The share of equal answers; for questions that are nearly always answered the same."""


class Standing(StrEnum):
    """Whether a question's automatic answers count."""

    UNCHECKED = "unchecked"
    """No gate is set: they count, and nobody has asked whether they should."""
    COUNTED = "counted"
    """The lower end of the interval is at or above the gate's threshold."""
    SUGGESTED = "suggested"
    """It is below: they are shown and do not count."""
    UNPROVEN = "unproven"
    """A gate is set, and there are too few pairs, or too little variety, to tell: they are shown and do not count."""

    @property
    def counts(self) -> bool:
        """Whether automatic answers count."""
        return self in {Standing.UNCHECKED, Standing.COUNTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a house asks of automatic answers before they count."""

    threshold: float
    """Of the lower end of the 95 % interval; kappa and alpha -1 to 1, equal 0 to 1."""
    least: int = 50
    """Pairs that there must be."""
    measure: Measure = Measure.KAPPA


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far automatic and human answers to one question agree."""

    question: str
    measurement: Measurement
    n: int
    """Conversations in which both sides gave an answer (n/a is one, "cannot tell" is none)."""
    abstained: int
    """Conversations in which the rules could not tell and people could."""
    equal: Interval | None
    kappa: Interval | None
    """None where there are no pairs or both sides always answered the same one thing."""
    alpha: Interval | None
    prevalence: float | None
    """The largest share of one answer, 0 to 1."""
    seed: int
    """Of the draws that the intervals come from."""

    @property
    def one_sided(self) -> bool:
        """Whether one answer is so frequent that kappa and alpha tell little."""
        return self.prevalence is not None and self.prevalence >= 0.9

    def by(self, measure: Measure) -> Interval | None:
        """The figure that a gate looks at."""
        return {Measure.KAPPA: self.kappa, Measure.ALPHA: self.alpha, Measure.EQUAL: self.equal}[measure]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of time and the agreement in it."""

    since: date
    until: date
    """Exclusive."""
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Whether agreement changed of late."""

    since: date
    """From when on it is of late."""
    recent: Interval | None
    """The gate's measure; None where it is not defined."""
    before: Interval | None
    recent_pairs: int
    before_pairs: int
    change: Interval | None
    """Recent less before; None where either is not defined."""
    worse: bool
    """The whole interval of the change is below 0."""
    below: bool
    """There are enough recent pairs, and their figure is below the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a question stands at the latest look."""

    scorecard: str
    question: str
    fingerprint: str
    standing: Standing
    since: datetime
    at: datetime
    n: int
    figure: Interval | None
    gate: Gate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step in the history of a gate."""

    scorecard: str
    question: str
    at: datetime
    standing: Standing
    before: Standing | None
    n: int
    figure: Interval | None
    gate: Gate | None
