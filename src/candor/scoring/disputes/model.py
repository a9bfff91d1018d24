"""Disputes as frozen values, and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from candor.errors import Conflict, InvalidInput

LONGEST = 2_000


class ReplyKind(StrEnum):
    """What was said to an evaluation."""

    ACKNOWLEDGED = "acknowledged"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One word on an evaluation, by the agent or by those who answer."""

    id: str
    evaluation_id: str
    conversation_id: str
    by: str
    at: datetime
    kind: ReplyKind
    text: str = ""


class DisputeState(StrEnum):
    """Where a dispute stands."""

    OPEN = "open"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"


class Outcome(StrEnum):
    """What became of a disputed answer, and of the dispute as a whole."""

    UPHELD = "upheld"
    """The evaluation stands."""
    RESCORED = "rescored"
    """The agent was right: the answer was changed."""
    PARTLY = "partly"
    """Of a dispute: some of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedQuestion:
    """One contested answer."""

    question: str
    reason: str
    """The agent's."""
    outcome: Outcome | None = None
    outcome_reason: str = ""
    """The reviewer's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """An agent contests an evaluation."""

    id: str
    evaluation_id: str
    conversation_id: str
    agent_id: str
    by: str
    """User id of the agent."""
    opened_at: datetime
    state: DisputeState
    questions: tuple[DisputedQuestion, ...]
    reviewer: str | None = None
    decided_at: datetime | None = None
    new_evaluation_id: str | None = None

    @property
    def outcome(self) -> Outcome | None:
        """Of the whole; None while it is open, and when it was withdrawn."""
        found = {each.outcome for each in self.questions}
        if self.state is not DisputeState.DECIDED:
            return None
        if len(found) > 1:
            return Outcome.PARTLY
        return next(iter(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far agents may dispute."""

    window_days: int = 14
    """From the release; 0: they may not."""
    most: int = 5
    """Disputes of one agent in ``period_days``; 0: any number."""
    period_days: int = 30


def check(
    limits: Limits, *, released_at: datetime, now: datetime, recent: int, reasons: Mapping[str, str],
    known: frozenset[str],
) -> None:  # fmt: skip
    """Raise Conflict or InvalidInput unless this may be disputed now. The checks:

    1. Disputes are allowed, and the window is open.
    2. The agent has not disputed as often as the house allows. ``recent``: how often in the period.
    3. Each disputed question is one of the evaluation's, and has a reason.
    """
    if limits.window_days == 0:  # (1)
        raise Conflict("Evaluations are not disputed in this house.", code="dispute.off", advice="Leave a comment.")
    if now > released_at + timedelta(days=limits.window_days):
        raise Conflict(
            f"The time to dispute was {limits.window_days} days from the release; it is over.", code="dispute.late",
            advice="Leave a comment, or speak to your supervisor.",
        )  # fmt: skip
    if limits.most and recent >= limits.most:  # (2)
        raise Conflict(
            f"You have disputed {recent} evaluations in the last {limits.period_days} days, which is the limit.",
            code="dispute.limit", advice="Leave a comment, or speak to your supervisor.",
        )  # fmt: skip
    if not reasons:  # (3)
        raise InvalidInput("Choose the answers that you dispute.", code="dispute.empty")
    for question, reason in reasons.items():
        if question not in known:
            raise InvalidInput("The evaluation has no such question.", code="dispute.question")
        require_reason(reason, "dispute.reason")


def require_reason(text: str, code: str) -> None:
    """Raise InvalidInput unless it says something, and not too much."""
    if len(text.strip()) < 3:
        raise InvalidInput("Give a reason for each: whoever decides has only your words.", code=code)
    if len(text) > LONGEST:
        raise InvalidInput(f"A reason has at most {LONGEST:,} characters.", code=code)
