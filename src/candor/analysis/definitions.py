# ruff: noqa: E501  (a table of sentences)
"""Every metric with its definition: the one table behind the code, the documentation and its test."""

from __future__ import annotations

from dataclasses import dataclass

DEAD_AIR_SECONDS = 5.0
"""Silence from which a gap between two stretches of speech is reported, as a hold or as dead air."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """What a metric means."""

    unit: str
    definition: str


_PER_ROLE = {
    "talk.seconds.{}": MetricDefinition(
        unit="s", definition="Time in which the {} speaks; pauses up to 0.5 s inside an utterance count as speech."
    ),
    "talk.share.{}": MetricDefinition(
        unit="ratio",
        definition="talk.seconds of the {} divided by the sum of all parties' talk.seconds (talk ratio); the shares sum to 1.",
    ),
    "listen.share.{}": MetricDefinition(
        unit="ratio",
        definition="Time in which somebody else speaks and the {} does not, divided by the time in which anybody speaks.",
    ),
    "speech.rate.{}": MetricDefinition(
        unit="words/min",
        definition="Words of the {} per minute of the {}'s own speech; masked data counts neither as word nor as time. "
        "Measured from 5 words on.",
    ),
    "turn.count.{}": MetricDefinition(
        unit="count",
        definition="Turns of the {}: speech until another party takes the floor or 5 s of silence; a listener's "
        "back-channel ends no turn.",
    ),
    "turn.mean.{}": MetricDefinition(unit="s", definition="Mean length of the {}'s turns, from first to last word."),
    "turn.longest.{}": MetricDefinition(unit="s", definition="Length of the {}'s longest turn."),
    "interruption.count.{}": MetricDefinition(
        unit="count",
        definition="Times the {} starts while another party is in mid-speech (at least 0.3 s in) and the other one "
        "yields after an overlap of at least 0.5 s, or both go on for more than 1 s. Back-channels do not count.",
    ),
}
_WHOLE = {
    "silence.seconds": MetricDefinition(
        unit="s", definition="Time in which no party speaks, from the first to the last second of the call."
    ),
    "silence.share": MetricDefinition(
        unit="ratio", definition="silence.seconds divided by the length of the call (non-talk share)."
    ),
    "silence.longest": MetricDefinition(
        unit="s", definition="The longest silence between two stretches of speech, holds included."
    ),
    "dead_air.count": MetricDefinition(
        unit="count",
        definition="Silences of at least 5 s between two stretches of speech that were not announced as a hold.",
    ),
    "dead_air.longest": MetricDefinition(unit="s", definition="The longest dead air; 0 when there is none."),
    "hold.count": MetricDefinition(
        unit="count",
        definition='Silences of at least 5 s that were announced ("one moment", "let me check") by the last thing said '
        'before them, or thanked for after them ("thank you for holding").',
    ),
    "hold.seconds": MetricDefinition(unit="s", definition="Length of all holds together."),
    "hold.longest": MetricDefinition(unit="s", definition="Length of the longest hold; 0 when there is none."),
    "overlap.seconds": MetricDefinition(
        unit="s", definition="Time in which two or more parties speak at once (double talk)."
    ),
    "overlap.share": MetricDefinition(
        unit="ratio", definition="overlap.seconds divided by the time in which anybody speaks."
    ),
    "monologue.longest.customer": MetricDefinition(
        unit="s",
        definition="The customer's longest stretch of speech that no other party breaks with more than a back-channel.",
    ),
    "first_word.agent": MetricDefinition(unit="s", definition="From the start of the call to the agent's first word."),
    "response.median.agent": MetricDefinition(
        unit="s",
        definition="Median time from the end of a customer's turn to the start of the agent's turn after it; 0 where they overlap.",
    ),
    "response.p90.agent": MetricDefinition(unit="s", definition="The same, 90th percentile (linear interpolation)."),
}

ROLES = ("agent", "customer")
"""Roles that have metrics of their own; others count in silence, overlap and as "somebody else"."""

METRICS: dict[str, MetricDefinition] = {
    **{
        name.format(role): MetricDefinition(unit=each.unit, definition=each.definition.replace("{}", role))
        for name, each in _PER_ROLE.items()
        for role in ROLES
    },
    **_WHOLE,
}
"""All metrics by name. A metric that cannot be measured on a call (nobody of that role spoke) is left out there."""
