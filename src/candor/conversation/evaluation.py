"""How a conversation was judged: answers to the questions of a scorecard, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """How a question stands: yes and no answer a yes/no question, ``ANSWERED`` one of any other kind."""

    YES = "yes"
    NO = "no"
    ANSWERED = "answered"
    """``Answer.value`` says what."""
    NOT_APPLICABLE = "n/a"
    CANNOT_TELL = "cannot_tell"


class AnswerKind(StrEnum):
    """What a question may be answered with."""

    YES_NO = "yes_no"
    """``verdict`` alone; no value."""
    CHOICE = "choice"
    """Value: the id of one option."""
    MULTI_CHOICE = "multi_choice"
    """Value: the ids of some options, in the order of the scorecard; none is an answer too."""
    RANGE = "range"
    """Value: a whole number on a scale with named ends, for example 1 to 5."""
    NUMBER = "number"
    """Value: a number in the question's unit."""
    TEXT = "text"
    """Value: words; never scored."""
    DATE = "date"
    """Value: ISO 8601, YYYY-MM-DD; never scored."""


Value = str | float | tuple[str, ...]
"""What a question other than yes/no was answered with; ``AnswerKind`` says which."""


class Occasion(StrEnum):
    """What an evaluation was made for; only ``QUALITY`` ones count in an agent's scores."""

    QUALITY = "quality"
    SELF = "self"
    """The agent's own view of their own conversation."""
    CALIBRATION = "calibration"
    """One of several blind ones of the same conversation."""
    REFERENCE = "reference"
    """What a calibration is held against."""
    GRADING = "grading"
    """The evaluator was evaluated: the same conversation, judged again by a second person."""


class EvaluationSource(StrEnum):
    """Who judged; the two are kept apart and never averaged."""

    AUTOMATIC = "automatic"
    HUMAN = "human"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What an answer rests on: a quote or a measured stretch, with its place."""

    start: float
    end: float
    utterance: int | None = None
    quote: str | None = None
    """From the redacted text."""
    note: str = ""
    """What it shows: "no greeting in the first 20 s"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question."""

    question: str
    """The question's id in its scorecard."""
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    confidence: float
    """How sure the rule is, 0 to 1: never to be read as the score."""
    rule: str
    """Rule id and version; ``human`` for a person."""
    points: float | None
    """Points given out of the question's weight; None when n/a, cannot tell, not scored, or only suggested."""
    reason: str = ""
    """Why, in words; for an override the person's reason."""
    value: Value | None = None
    """For every kind but yes/no."""
    suggested: bool = False
    """Shown but not counted: automatic answers to this question do not agree enough with people's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionScore:
    """The score of one section of the scorecard."""

    section: str
    title: str
    score: float | None
    """0 to 100; None when no question of it could be answered."""
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One judgement of one conversation by one version of one scorecard."""

    id: str
    conversation_id: str
    scorecard: str
    scorecard_version: int
    source: EvaluationSource
    answers: tuple[Answer, ...]
    sections: tuple[SectionScore, ...]
    score: float | None
    """0 to 100 over what could be answered; None when nothing could."""
    passed: bool | None
    critical_failures: tuple[str, ...]
    """Ids of critical questions answered "no"."""
    unanswered: int
    """How many questions are "cannot tell" and wait for a person."""
    created_at: datetime
    evaluator: str | None = None
    """User id, for human evaluations."""
    transcript_id: str | None = None
    """Which transcript it was made on."""
    occasion: Occasion = Occasion.QUALITY
    segment: str | None = None
    """The leg of a transferred conversation that it is about; None: all of it."""
