"""The values of this room: sessions and plans of a coach and an agent; clips, playlists and courses to learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from candor.coaching.gaps import Effect
from candor.errors import InvalidInput

MOST_TEXT = 4_000
MOST_LINES = 20
LONGEST_CLIP = 300.0
"""Seconds. More than that is a call, not a clip."""
SHORTEST_CLIP = 1.0


class Source(StrEnum):
    """Whose answers measure: the two are never averaged."""

    AUTOMATIC = "automatic"
    HUMAN = "human"


class State(StrEnum):
    """How far a coaching session is; each follows the one before."""

    DRAFT = "draft"
    """Only the coach sees it."""
    SHARED = "shared"
    ACKNOWLEDGED = "acknowledged"
    FOLLOWED_UP = "followed_up"


class Who(StrEnum):
    """Who does what was agreed."""

    AGENT = "agent"
    COACH = "coach"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What a figure is about: one question of a scorecard, over its versions, or a skill. Exactly one of the two."""

    scorecard: str | None = None
    question: str | None = None
    skill: str | None = None

    def __post_init__(self) -> None:
        if (self.skill is None) == (self.question is None) or (self.scorecard is None) != (self.question is None):
            raise InvalidInput("A measure is a question of a scorecard, or a skill.", code="coaching.measure")

    @property
    def key(self) -> str:
        """As it stands in forms, addresses and labels: ``SCORECARD/QUESTION`` or ``skill:NAME``."""
        return f"skill:{self.skill}" if self.skill is not None else f"{self.scorecard}/{self.question}"

    @classmethod
    def of(cls, key: str) -> Measure:
        """The inverse of :attr:`key`; raises InvalidInput."""
        if key.startswith("skill:") and len(key) > len("skill:"):
            return cls(skill=key.removeprefix("skill:"))
        scorecard, _, question = key.partition("/")
        if not scorecard or not question:
            raise InvalidInput("A measure is written SCORECARD/QUESTION or skill:NAME.", code="coaching.measure")
        return cls(scorecard=scorecard, question=question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What should become better, measured or not."""

    words: str
    measure: str | None = None
    """The key of a :class:`Measure`."""
    target: float | None = None
    """The share of points kept that is aimed at, 0 to 1."""
    by: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something agreed on."""

    id: str
    words: str
    who: Who
    by: date | None = None
    done_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the follow-up found of one goal, as it was on that day."""

    measure: str
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a session says; kept sealed."""

    title: str
    summary: str = ""
    """What the two talk about: the agent reads it, too."""
    goals: tuple[Goal, ...] = ()
    actions: tuple[Action, ...] = ()
    clips: tuple[str, ...] = ()
    """Ids, in the order in which they are played."""
    comment: str = ""
    """The agent's own words, when acknowledging."""
    conclusion: str = ""
    """The coach's word at the follow-up."""
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One coaching session."""

    id: str
    agent_id: str
    coach: str
    """User id."""
    state: State
    source: Source
    days: int
    """How far the measuring looks back before it was shared, and on after it."""
    revision: int
    """Grows with each change: who changes an older one is told."""
    created_at: datetime
    shared_at: datetime | None
    acknowledged_at: datetime | None
    followed_up_at: datetime | None
    follow_up_on: date | None
    plan_id: str | None
    body: Body


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """How a session may begin; names nobody."""

    id: str
    name: str
    body: Body
    """Title, summary, goals and actions."""
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Several sessions and courses for one agent, towards one aim."""

    id: str
    agent_id: str
    coach: str
    title: str
    aim: str
    until: date | None
    created_at: datetime
    closed_at: datetime | None


class ClipKind(StrEnum):
    """What a clip shows."""

    EXEMPLARY = "exemplary"
    CAUTIONARY = "cautionary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A stretch of a conversation to learn from; only ever its redacted rendition."""

    id: str
    conversation_id: str
    """Of one that was destroyed since: it names nothing any more."""
    start: float
    """Seconds."""
    end: float
    kind: ClipKind
    title: str
    why: str
    """What to listen for."""
    by: str
    created_at: datetime
    session_id: str | None
    """Made for one coaching session alone; None: in the library."""
    tags: tuple[str, ...]
    measures: tuple[str, ...]
    """Keys of questions and skills that it is about."""
    copy_id: str | None
    """The sealed copy that may stay when the conversation's time is over; None: it goes with it."""
    copy_until: date | None
    agent_id: str | None = None
    """Whose call it is, for those who may know."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Playlist:
    """Clips in an order."""

    id: str
    name: str
    about: str
    by: str
    clips: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One question of a quiz with what may be ticked."""

    text: str
    options: tuple[str, ...]
    right: tuple[int, ...]
    """Places in ``options``, from 0: exactly these must be ticked."""
    because: str = ""
    """Told after answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One step of a course: words, a clip, or both."""

    words: str = ""
    clip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Lessons and a short quiz."""

    id: str
    title: str
    about: str
    measures: tuple[str, ...]
    """What it teaches: by these its effect is measured."""
    lessons: tuple[Lesson, ...]
    quiz: tuple[Choice, ...]
    pass_mark: int
    """Percent of quiz questions; without a quiz, having read it is enough."""
    attempts: int
    """How often the quiz may be tried; 0: as often as wanted."""
    by: str
    created_at: datetime
    published_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A course that somebody is to take."""

    course_id: str
    agent_id: str
    by: str
    at: datetime
    due: date | None
    plan_id: str | None
    started_at: datetime | None
    completed_at: datetime | None
    score: float | None
    """Of the best attempt, percent."""
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a quiz."""

    id: str
    course_id: str
    agent_id: str
    at: datetime
    score: float
    """Percent."""
    passed: bool
    ticked: tuple[tuple[int, ...], ...] = field(default=())
    """For each question the places that were ticked."""
