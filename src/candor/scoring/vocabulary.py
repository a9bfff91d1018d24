"""The names that scorecards may use: metrics, finding kinds and phrase categories of this version of the analysis.

Rooms do not import one another, so the lists stand here; a test compares them with what the analysis writes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Known names; a scorecard that uses another one is refused, because it could never be answered."""

    metrics: frozenset[str]
    categories: frozenset[str]
    findings: frozenset[str]


DEFAULT = Vocabulary(
    metrics=frozenset(
        {
            "talk.share.agent",
            "talk.share.customer",
            "dead_air.longest",
            "hold.count",
            "overlap.seconds",
            "overlap.share",
            "speech.rate.agent",
        }
    ),
    categories=frozenset(),
    findings=frozenset({"dead_air", "hold", "interruption", "overlap", "phrase", "keyword", "sentiment_drop"}),
)
