"""A calibration session as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from candor.scoring.agreement.statistics import Interval
from candor.scoring.marks import Mark


class CalibrationState(StrEnum):
    """Where a session stands."""

    OPEN = "open"
    CLOSED = "closed"


class ReferenceKind(StrEnum):
    """What evaluators are held against."""

    NONE = "none"
    EXPERT = "expert"
    """What one of them, named beforehand, answered; blind like everybody."""
    CONSENSUS = "consensus"
    """What they agreed upon afterwards, written down by the one who leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One calibration session."""

    id: str
    title: str
    scorecard: str
    version: int
    conversations: tuple[str, ...]
    evaluators: tuple[str, ...]
    """User ids."""
    reference: ReferenceKind
    expert: str | None
    created_at: datetime
    created_by: str
    due_at: datetime
    state: CalibrationState = CalibrationState.OPEN
    closed_at: datetime | None = None
    closed_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One person's finished evaluation of one of the conversations, or the reference."""

    conversation_id: str
    evaluator: str
    evaluation_id: str
    score: float | None
    marks: dict[str, Mark]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What came of it for one question, or for all (no question)."""

    id: str
    question: str | None
    text: str
    by: str
    at: datetime
    draft_version: int | None = None
    """The draft of the scorecard in which it became guidance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionResult:
    """How evaluators differed in one question."""

    question: str
    variance: float | None
    """Of the share of the weight (0 to 1) inside each conversation, averaged; 0: all alike, 0.5: two that disagree."""
    equal: float | None
    """Of all pairs of answers to the same conversation, the share that is equal."""
    answers: int
    given: dict[str, dict[str, Mark]] = field(default_factory=dict)
    """Conversation → evaluator → what was answered."""
    reference: dict[str, Mark] = field(default_factory=dict)
    """Conversation → the reference's answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorResult:
    """How one evaluator stands to the reference."""

    evaluator: str
    submitted: int
    equal: Interval | None
    """Share of answers equal to the reference's, with Wilson's interval; None without a reference."""
    distance: float | None
    """Mean of the absolute differences of the scores, in points."""
    leaning: float | None
    """Mean of the differences themselves: below 0 is stricter than the reference."""
    scores: dict[str, float | None] = field(default_factory=dict)
    """Conversation → score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a session shows when it may be seen."""

    submitted: int
    expected: int
    alpha: Interval | None
    """Krippendorff's, nominal, over every question of every conversation."""
    questions: tuple[QuestionResult, ...]
    """The most disputed first."""
    evaluators: tuple[EvaluatorResult, ...]
    deviation: float | None
    """Standard deviation of the scores inside a conversation, averaged, in points."""
    reference_scores: dict[str, float | None] = field(default_factory=dict)
