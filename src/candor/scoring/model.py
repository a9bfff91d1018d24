"""The scorecard as frozen values: sections, questions, conditions and the ten kinds of rule."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from candor.conversation.model import Direction, Role
from candor.conversation.transcript import PiiKind


class Critical(StrEnum):
    """What a "no" takes with it."""

    NONE = "none"
    QUESTION = "question"
    """Reported as a critical failure; costs the question's own points only."""
    SECTION = "section"
    """The section scores 0."""
    ALL = "all"
    """The whole evaluation scores 0 and is not passed."""


class Op(StrEnum):
    """How a figure is compared with its threshold."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "=="


class Measure(StrEnum):
    """Which figure of the sentiment is meant."""

    OVERALL = "overall"
    """Over the whole conversation, -1 to 1."""
    END = "end"
    """Mean of the last third."""
    CHANGE = "change"
    """Mean of the last third less mean of the first third, -2 to 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """Some of ``phrases`` (or regular expressions ``patterns``) is said, in the stated place, ``times`` times."""

    phrases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    """A hit inside or touching one of these phrases does not count."""
    by: tuple[Role, ...] = (Role.AGENT,)
    """Empty: anyone."""
    first: float | None = None
    """Only in so many seconds from the first word of those speakers."""
    last: float | None = None
    """Only in so many seconds before the last word of the conversation."""
    after: Rule | None = None
    before: Rule | None = None
    within: float | None = None
    """With ``after`` or ``before``: at most so many seconds from that rule's match."""
    times: int = 1
    exact: bool = False
    """True: no allowance for recogniser errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverSays:
    """None of it is said: yes when the search comes back empty."""

    search: Says


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Something is said that means the same as one of the examples (by embeddings, else by shared keywords)."""

    examples: tuple[str, ...]
    threshold: float = 0.6
    """Cosine similarity from which a sentence counts."""
    by: tuple[Role, ...] = (Role.AGENT,)
    first: float | None = None
    last: float | None = None
    after: Rule | None = None
    before: Rule | None = None
    within: float | None = None
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """One figure of the analysis compared with a threshold."""

    name: str
    op: Op
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentRule:
    """How the customer (or agent) sounds by their words."""

    of: Role = Role.CUSTOMER
    measure: Measure = Measure.OVERALL
    op: Op = Op.AT_LEAST
    threshold: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """``first`` happens before ``then``; n/a when ``then`` never happens."""

    first: Rule
    then: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiRule:
    """Personal data of at least ``at_least`` of these kinds was given, optionally after or before something."""

    kinds: tuple[PiiKind, ...]
    by: tuple[Role, ...] = (Role.CUSTOMER,)
    at_least: int = 1
    after: Rule | None = None
    before: Rule | None = None
    within: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRule:
    """The analysis has at least ``at_least`` findings of this kind (and category, speaker, size)."""

    kind: str
    category: str | None = None
    by: tuple[Role, ...] = ()
    min_value: float | None = None
    at_least: int = 1
    present: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRule:
    """The analysis put the conversation into a phrase category."""

    name: str
    present: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """Yes when every rule says yes."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """Yes when one rule says yes."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """Yes becomes no and the other way round."""

    rule: Rule


Rule = (
    Says
    | NeverSays
    | Meaning
    | MetricRule
    | SentimentRule
    | Order
    | PiiRule
    | FindingRule
    | CategoryRule
    | AllOf
    | AnyOf
    | Not
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a question applies: every part that is set must hold, else the answer is n/a."""

    directions: tuple[Direction, ...] = ()
    category: str | None = None
    finding: str | None = None
    metric: MetricRule | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One yes/no question about the conversation; "yes" is always the good answer."""

    id: str
    text: str
    weight: float
    rule: Rule
    guidance: str = ""
    critical: Critical = Critical.NONE
    applies_when: Condition = Condition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Questions that are scored together."""

    id: str
    title: str
    weight: float
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """One version of one scorecard."""

    id: str
    version: int
    title: str
    languages: tuple[str, ...]
    """BCP 47 primary tags it is worded for, for example ``en``; other conversations are "cannot tell"."""
    pass_mark: float
    """0 to 100."""
    floor: float
    """Below this confidence an answer becomes "cannot tell"."""
    sections: tuple[Section, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions in order."""
        return tuple(question for section in self.sections for question in section.questions)

    def question(self, question_id: str) -> Question | None:
        """The question with this id."""
        return next((question for question in self.questions if question.id == question_id), None)
