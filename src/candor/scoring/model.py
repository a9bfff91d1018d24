"""The scorecard as frozen values: sections, questions, conditions and the kinds of rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from candor.conversation.evaluation import AnswerKind
from candor.conversation.model import Direction, Medium, Role
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
    unlike: tuple[str, ...] = ()
    """Sentences that look alike and mean something else: one that is nearer to them does not count."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a procedure."""

    id: str
    rule: Rule
    required: bool = True
    """False: it may be left out, for example because the customer said it unasked."""
    after: tuple[str, ...] | None = None
    """Ids of the steps that come before it; None: all that are listed before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Yes when no required step is missing and none began before one that comes first; n/a when none was taken."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the customer came for was done, by the words of both in the last part of the conversation."""

    last: float | None = None
    """Seconds before the last word; None: the last half."""
    confirms: tuple[str, ...] = ()
    """Further phrases by which the agent says that it is done."""
    denies: tuple[str, ...] = ()
    """Further phrases by which anybody says that it is not."""


class About(StrEnum):
    """What an earlier contact has to be about, to count."""

    SAME = "same"
    """It shares a category with this one."""
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """The same customer was in touch within so many days before, or says so; ``present`` False turns it round."""

    days: float = 7.0
    about: About = About.SAME
    present: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A free question to a language model, where one is set; its answer counts only with a quote that is there."""

    prompt: str
    by: tuple[Role, ...] = ()
    """Whose words may be quoted; empty: anyone's."""


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
    | Steps
    | Resolution
    | Repeat
    | Ask
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerIs:
    """Another question was answered in a certain way; n/a and "cannot tell" never are."""

    question: str
    one_of: tuple[str, ...] = ()
    """``yes``, ``no`` or ids of options; for several choices one of them is enough."""
    at_least: float | None = None
    """For scales and numbers; inclusive, as ``at_most``."""
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a question applies: every part that is set must hold, else the answer is n/a."""

    directions: tuple[Direction, ...] = ()
    category: str | None = None
    finding: str | None = None
    metric: MetricRule | None = None
    rule: Rule | None = None
    answers: tuple[AnswerIs, ...] = ()
    media: tuple[Medium, ...] = ()
    queues: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    """Ids of the rule pack; one that the law of the conversation's places is in: ``US`` holds for ``US-CA``."""


class CommentNeed(StrEnum):
    """When an answer by a person needs a comment."""

    OPTIONAL = "optional"
    ON_LOSS = "on_loss"
    """When it does not get the full points."""
    ALWAYS = "always"


class Good(StrEnum):
    """Which end of a scale is worth the full points."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing that a choice offers."""

    id: str
    label: str
    share: float = 0.0
    """Of the question's weight, 0 to 1; where several may be chosen -1 to 1 (``points.share`` says how they add up)."""
    fails: bool = False
    """Counts as the "no" of a critical question."""
    rule: Rule | None = None
    """Chooses it automatically."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleMetric:
    """A figure of the analysis put on a scale: linear between the two figures, rounded, and held at the ends."""

    name: str
    low_at: float
    """The figure that stands for the scale's low end."""
    high_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Whole numbers from ``low`` to ``high``; the share of the weight grows evenly towards the good end."""

    low: int
    high: int
    low_label: str = ""
    high_label: str = ""
    good: Good = Good.HIGH
    fails_at: int | None = None
    """This value, and every worse one, counts as the "no" of a critical question."""
    metric: ScaleMetric | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Numbers below ``below`` and not in an earlier band; the last band has no end."""

    below: float | None
    share: float
    fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number in a unit; without bands it is asked but not scored."""

    unit: str = ""
    least: float | None = None
    most: float | None = None
    bands: tuple[Band, ...] = ()
    metric: str | None = None
    """The figure of the analysis that answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about the conversation; for yes/no "yes" is always the good answer."""

    id: str
    text: str
    weight: float
    rule: Rule | None = None
    """None, and no rule or metric further down: only a person answers it."""
    kind: AnswerKind = AnswerKind.YES_NO
    options: tuple[Option, ...] = ()
    """For choices, in the order in which rules are tried."""
    scale: Scale | None = None
    """For a range, never None."""
    figure: Figure | None = None
    """For a number, never None."""
    scored: bool = True
    """False: asked and shown, but worth nothing. Text and dates are never scored."""
    guidance: str = ""
    critical: Critical = Critical.NONE
    comment: CommentNeed = CommentNeed.OPTIONAL
    na_allowed: bool = True
    """Whether a person may answer n/a; conditions make any question n/a."""
    applies_when: Condition = Condition()
    skills: tuple[str, ...] = ()
    """What an agent practises to do better here; the same words on several questions make one skill."""

    @property
    def automatic(self) -> bool:
        """Whether anything but a person can answer it."""
        return (
            self.rule is not None
            or any(option.rule is not None for option in self.options)
            or (self.scale is not None and self.scale.metric is not None)
            or (self.figure is not None and self.figure.metric is not None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Questions, sub-sections, or both, that are scored together; weights are among neighbours."""

    id: str
    title: str
    weight: float
    questions: tuple[Question, ...] = ()
    sections: tuple[Section, ...] = ()
    bonus: bool = False
    """Adds to the score and never lowers it. Only at the top."""

    def walk(self) -> Iterator[Section]:
        """This section and all below it, each before its own parts."""
        yield self
        for section in self.sections:
            yield from section.walk()


class Weights(StrEnum):
    """How weights are meant."""

    POINTS = "points"
    """Any numbers; each counts in proportion to its neighbours."""
    PERCENT = "percent"
    """Neighbours sum to 100."""


class Segments(StrEnum):
    """What of a transferred conversation one evaluation is about."""

    WHOLE = "whole"
    EACH = "each"
    """Each leg by itself."""


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
    weights: Weights = Weights.POINTS
    media: tuple[Medium, ...] = ()
    """Only for conversations by these media; empty: all."""
    queues: tuple[str, ...] = ()
    """Only for conversations of these queues; empty: all."""
    segments: Segments = Segments.WHOLE

    def walk(self) -> Iterator[Section]:
        """All sections at every depth, each before its own parts."""
        for section in self.sections:
            yield from section.walk()

    @property
    def questions(self) -> tuple[Question, ...]:
        """All questions in order."""
        return tuple(question for section in self.walk() for question in section.questions)

    def question(self, question_id: str) -> Question | None:
        """The question with this id."""
        return next((question for question in self.questions if question.id == question_id), None)

    def used_for(self, medium: Medium, queue: str | None) -> bool:
        """Whether conversations by this medium and of this queue are judged with it."""
        return (not self.media or medium in self.media) and (not self.queues or queue in self.queues)
