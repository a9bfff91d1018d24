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


_PER_ROLE = (
    "talk.seconds",
    "talk.share",
    "listen.share",
    "speech.rate",
    "turn.count",
    "turn.mean",
    "turn.longest",
    "interruption.count",
)

DEFAULT = Vocabulary(
    metrics=frozenset(
        {
            *(f"{name}.{role}" for name in _PER_ROLE for role in ("agent", "customer")),
            "silence.seconds",
            "silence.share",
            "silence.longest",
            "dead_air.count",
            "dead_air.longest",
            "hold.count",
            "hold.seconds",
            "hold.longest",
            "overlap.seconds",
            "overlap.share",
            "monologue.longest.customer",
            "first_word.agent",
            "response.median.agent",
            "response.p90.agent",
        }
    ),
    categories=frozenset(
        {
            "apology",
            "appointment",
            "billing_problem",
            "cancellation",
            "churn_threat",
            "closing",
            "complaint",
            "delivery_problem",
            "empathy",
            "escalation",
            "greeting",
            "hold_request",
            "hold_return",
            "legal_threat",
            "offer_of_further_help",
            "payment",
            "profanity",
            "promise",
            "recording_disclosure",
            "refund",
            "repeat_contact",
            "resolution",
            "technical_problem",
            "upsell",
            "verification",
            "vulnerability",
        }
    ),
    findings=frozenset(
        {"dead_air", "hold", "interruption", "keyword", "overlap", "phrase", "sentiment_drop", "sentiment_recovery"}
    ),
)
