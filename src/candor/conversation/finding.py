"""What was noticed in a conversation: metrics, findings, sentiment. Each points at what it was seen in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One measured figure of a conversation."""

    name: str
    """Dotted and stable: ``talk.share.agent``, ``silence.seconds`` …; listed in docs/reference/metrics.md."""
    value: float
    unit: str
    """``s``, ``ratio``, ``count``, ``words/min`` …"""
    n: int
    """How many observations it was computed from."""
    utterances: tuple[int, ...] = ()
    """The utterances it rests on, where they can be named (the longest turn, the first agent word …)."""
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth looking at, with its place."""

    id: str
    """Unique in its conversation and stable for the same input and rule version."""
    kind: str
    """``dead_air``, ``hold``, ``interruption``, ``overlap``, ``phrase``, ``keyword``, ``sentiment_drop`` …"""
    label: str
    """For people: "Asked for a supervisor"."""
    start: float
    end: float
    utterances: tuple[int, ...] = ()
    speaker: int | None = None
    category: str | None = None
    """Phrase category, for example ``escalation``."""
    value: float | None = None
    unit: str | None = None
    quote: str | None = None
    """From the redacted text."""
    confidence: float = 1.0
    rule: str = ""
    """Rule id and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """How one utterance sounds by its words (text-based; never from the voice)."""

    utterance: int
    value: float
    """-1 (very negative) to 1 (very positive)."""
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePoint:
    """Sentiment over time, smoothed: one point of the strip under the waveform."""

    start: float
    end: float
    agent: float | None
    customer: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword:
    """A word or phrase that marks this conversation."""

    text: str
    weight: float
    utterances: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Everything that was noticed, by one version of the rules."""

    version: str
    metrics: tuple[Metric, ...]
    findings: tuple[Finding, ...]
    sentiments: tuple[Sentiment, ...]
    course: tuple[CoursePoint, ...]
    keywords: tuple[Keyword, ...]
    categories: tuple[str, ...]
    """Phrase categories present, most certain first."""
    sentiment_customer: float | None = None
    """Overall, -1 to 1; None when the customer said too little."""
    sentiment_agent: float | None = None

    def metric(self, name: str) -> float | None:
        """The value of one metric, None when it was not measurable here."""
        return next((metric.value for metric in self.metrics if metric.name == name), None)
