"""What people ask for and what they get: filters, rows of the list, the whole conversation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from candor.access.model import Breadth, OwnCalls, Principal, UserRole
from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.model import Conversation, Direction, Sound
from candor.conversation.transcript import Redaction
from candor.conversation.vcon.lawful import LawfulBasis
from candor.redaction.residue import Residue


class Status(StrEnum):
    """Where a conversation stands on its way."""

    QUEUED = "queued"
    PROCESSING = "processing"
    READY = "ready"
    NEEDS_ATTENTION = "needs_attention"
    QUARANTINED = "quarantined"
    """Without the proof of consent that the law asks for: nobody can play or read it."""


class SortKey(StrEnum):
    """What a list can be sorted by."""

    STARTED = "started"
    DURATION = "duration"
    SCORE = "score"
    SENTIMENT = "sentiment"
    RELEVANCE = "relevance"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Every part narrows; empty means "all"."""

    ids: tuple[str, ...] = ()
    text: str | None = None
    """Words, "quoted phrases", and ``agent:`` / ``customer:`` in front to say who said it."""
    since: datetime | None = None
    until: datetime | None = None
    agents: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    directions: tuple[Direction, ...] = ()
    languages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    sentiment_min: float | None = None
    sentiment_max: float | None = None
    score_min: float | None = None
    score_max: float | None = None
    duration_min: float | None = None
    duration_max: float | None = None
    has_pii: bool | None = None
    critical_failed: bool | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How far the viewer's rights reach. Applied to every query, always.

    Nothing given (all None): everything. Else a conversation is within when any of what is given names it, so that
    an empty tuple names none.
    """

    teams: tuple[str, ...] | None = None
    queues: tuple[str, ...] | None = None
    agent_ids: tuple[str, ...] | None = None
    evaluated: bool = False
    """Of these, only those that a person has evaluated."""


def scope_of(principal: Principal) -> Scope:
    """How far this person sees: agents themselves, supervisors their team, the others everything, unless listed.

    Fails closed: an agent without an agent id, a supervisor without a team, a list without a name see nothing.
    """
    reach = principal.reach
    if principal.role is UserRole.AGENT:
        own = steering_scope(principal)
        if reach.own is OwnCalls.NONE:
            return Scope(agent_ids=())
        return own if reach.own is OwnCalls.ALL else replace(own, evaluated=True)
    if reach.breadth is Breadth.LISTED:
        return Scope(teams=reach.teams, queues=reach.queues)
    if reach.breadth is Breadth.ROLE and principal.role is UserRole.SUPERVISOR:
        return Scope(teams=(principal.team,) if principal.team else ())
    return Scope()


def steering_scope(principal: Principal) -> Scope:
    """Whose calls this person may pause while they are recorded.

    Agents theirs, whatever they may see of them later: a card number must not be recorded because of a policy.
    """
    if principal.role is UserRole.AGENT:
        return Scope(agent_ids=(principal.agent_id,) if principal.agent_id else ())
    return scope_of(principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRow:
    """One line of the list."""

    id: str
    external_id: str | None
    started_at: datetime
    utc_offset_minutes: int
    duration: float | None
    direction: Direction
    agent: str | None
    """The agent's name, or id without a name."""
    agent_id: str | None
    customer: str | None
    """Masked: the last four digits of the number, never the whole."""
    team: str | None
    queue: str | None
    language: str | None
    status: Status
    attention: str | None
    """Why it needs attention, in words."""
    sentiment: float | None
    score: float | None
    score_source: str | None
    critical_failed: bool
    pii_count: int
    categories: tuple[str, ...]
    snippet: str | None = None
    """With the hits between U+E000 and U+E001; escape before marking them up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of rows; ``next_cursor`` and ``previous_cursor`` are opaque (keyset paging)."""

    rows: tuple[ConversationRow, ...]
    next_cursor: str | None
    previous_cursor: str | None
    total: int | None
    """How many match; None when counting would take too long (then ``total_at_least``)."""
    total_at_least: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One stage's latest state for one conversation."""

    stage: str
    state: str
    """``waiting``, ``running``, ``done``, ``retrying``, ``parked``."""
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    error_code: str | None
    error: str | None
    """In words, without personal data."""
    advice: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationView:
    """A whole conversation, as far as it has been processed; redacted."""

    conversation: Conversation
    row: ConversationRow
    sound: Sound | None
    redaction: Redaction | None
    analysis: Analysis | None
    evaluations: tuple[Evaluation, ...]
    """Automatic ones first, newest first within a source; several versions may stand side by side."""
    stages: tuple[StageRun, ...]
    transcripts: tuple[TranscriptInfo, ...] = ()
    legs: tuple[ConversationRow, ...] = ()
    """The other legs of the same contact that the viewer may see, in order of time."""
    residue: Residue | None = None
    """What the residual check of the redacted sound found; with something left, the sound is set aside."""
    cuts: tuple[dict[str, Any], ...] = ()
    """Card verification codes that were cut out of the original."""
    basis: LawfulBasis | None = None
    """On what lawful basis it is held, as far as that was decided or somebody gave their word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptInfo:
    """One of the transcripts a conversation has; earlier ones are kept."""

    id: str
    engine: str
    model: str
    version: str
    created_at: datetime
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """A named filter of one person, or shared with all."""

    id: str
    owner: str
    name: str
    query: str
    """The list page's query string."""
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """What the filters can be set to: the values that occur, for the drop-downs."""

    agents: tuple[tuple[str, str], ...] = ()
    """(agent id, name)."""
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    statuses: tuple[tuple[str, int], ...] = field(default=())
    """(status, how many)."""
