"""How a conversation was judged: answers to the questions of a scorecard, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """The answer to a yes/no question."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "n/a"
    CANNOT_TELL = "cannot_tell"


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
    """Points given out of the question's weight; None when n/a or cannot tell."""
    reason: str = ""
    """Why, in words; for an override the person's reason."""


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
