"""Assignments as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from candor.conversation.evaluation import Occasion
from candor.scoring.sampling import Plan, Shortfall


class AssignmentState(StrEnum):
    """Where an assignment stands."""

    OPEN = "open"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    """Nobody evaluates it; the reason says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One conversation to be evaluated by one person, or by whoever takes it."""

    id: str
    conversation_id: str
    agent_id: str | None
    """Whose conversation it is; they never get it, but for a self-evaluation."""
    scorecard: str
    occasion: Occasion
    evaluator: str | None
    """User id; None: it lies in the queue."""
    state: AssignmentState
    created_at: datetime
    created_by: str
    due_at: datetime
    blind: bool = True
    release: str = ""
    plan_id: str | None = None
    period: str | None = None
    why: str = ""
    segment: str | None = None
    about: str | None = None
    """The evaluation that is graded."""
    done_at: datetime | None = None
    evaluation_id: str | None = None
    reason: str = ""
    """Of the last one who gave it back or withdrew it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A plan as it is kept."""

    plan: Plan
    owner: str
    """User id of who saved it last: candidates are those that this person sees."""
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawRecord:
    """One draw of a plan: enough to repeat it."""

    plan_id: str
    period: str
    number: int
    """0 for the one that is made by itself when the period is over; from 1 those that somebody asked for before."""
    seed: str
    at: datetime
    by: str
    candidates: int
    picked: int
    refused: int
    shortfalls: tuple[Shortfall, ...]
