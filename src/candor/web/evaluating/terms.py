"""What people read for the values of evaluating."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from candor.conversation.evaluation import Occasion
from candor.scoring.assignments.model import AssignmentState
from candor.scoring.disputes.model import DisputeState, Outcome
from candor.scoring.sampling import Per, Stratum, TargetKind
from candor.web.answers import said, tone
from candor.web.i18n import N_, _, gettext

__all__ = [
    "DISPUTE", "OCCASION", "OUTCOME", "OUTCOME_TONE", "PER", "STATE", "STRATUM", "TARGET", "release_words", "said",
    "say", "tone",
]  # fmt: skip
OCCASION = {
    Occasion.QUALITY: N_("Evaluation"),
    Occasion.SELF: N_("Self-evaluation"),
    Occasion.CALIBRATION: N_("Calibration"),
    Occasion.REFERENCE: N_("Reference"),
    Occasion.GRADING: N_("Grading"),
}
STATE = {
    AssignmentState.OPEN: N_("open"),
    AssignmentState.DONE: N_("done"),
    AssignmentState.WITHDRAWN: N_("withdrawn"),
}
DISPUTE = {
    DisputeState.OPEN: N_("waits for a decision"),
    DisputeState.DECIDED: N_("decided"),
    DisputeState.WITHDRAWN: N_("withdrawn"),
}
OUTCOME = {Outcome.UPHELD: N_("upheld"), Outcome.RESCORED: N_("rescored"), Outcome.PARTLY: N_("partly rescored")}
OUTCOME_TONE = {Outcome.UPHELD: "quiet", Outcome.RESCORED: "good", Outcome.PARTLY: "attention"}
PER = {Per.DAY: N_("each day"), Per.WEEK: N_("each week"), Per.MONTH: N_("each month")}
STRATUM = {
    Stratum.QUEUE: N_("Queue"),
    Stratum.MEDIUM: N_("Channel (voice, chat …)"),
    Stratum.LENGTH: N_("Length"),
    Stratum.SCORE: N_("Automatic score"),
}
TARGET = {
    TargetKind.FINDING: N_("a finding, such as dead_air"),
    TargetKind.CATEGORY: N_("a category, such as cancellation"),
    TargetKind.WORDS: N_("words that were said"),
    TargetKind.CRITICAL: N_("a critical question failed"),
    TargetKind.SCORE_BELOW: N_("a score below"),
}


def say(table: Mapping[Any, str], value: object) -> str:
    """In words; unknown values as they are."""
    found = table.get(value)
    return gettext(found) if found else str(value)


def release_words(release: str) -> str:
    """When an evaluation is shown to its agent."""
    if release == "at-once":
        return _("at once")
    if release == "by-hand":
        return _("when somebody releases it")
    return _("as the house does") if not release else _("after %s days") % release
