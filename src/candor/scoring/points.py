"""From answers to points: the one place where weights, n/a and critical failures become a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from candor.conversation.evaluation import Answer, AnswerKind, SectionScore, Value, Verdict
from candor.scoring.model import Band, Critical, Good, Question, Scorecard, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The score of a set of answers, in the words of ``Evaluation``."""

    answers: tuple[Answer, ...]
    sections: tuple[SectionScore, ...]
    """Every section, each before its sub-sections."""
    score: float | None
    passed: bool | None
    critical_failures: tuple[str, ...]
    unanswered: int


def share(question: Question, answer: Answer) -> float | None:
    """What part of the question's weight the answer earns, 0 to 1; None when it earns and costs nothing.

    A choice earns its option's share. Where several may be chosen, shares are added up, from 0 where some option
    gives and from 1 where options only take away, and held between 0 and 1.
    """
    if not question.scored:
        return None
    if question.kind is AnswerKind.YES_NO:
        return {Verdict.YES: 1.0, Verdict.NO: 0.0}.get(answer.verdict)
    if answer.verdict is not Verdict.ANSWERED or answer.value is None:
        return None
    if question.critical is not Critical.NONE and fails(question, answer):
        return 0.0
    return _worth(question, answer.value)


def _worth(question: Question, value: Value) -> float | None:
    match question.kind, value:
        case AnswerKind.CHOICE, str():
            return next((option.share for option in question.options if option.id == value), None)
        case AnswerKind.MULTI_CHOICE, tuple():
            start = 0.0 if any(option.share > 0 for option in question.options) else 1.0
            return min(1.0, max(0.0, start + sum(o.share for o in question.options if o.id in value)))
        case AnswerKind.RANGE, int() | float() if question.scale is not None:
            scale = question.scale
            part = min(1.0, max(0.0, (value - scale.low) / (scale.high - scale.low)))
            return part if scale.good is Good.HIGH else 1.0 - part
        case AnswerKind.NUMBER, int() | float():
            band = _band(question, value)
            return None if band is None else band.share
        case _:
            return None


def _band(question: Question, value: float) -> Band | None:
    bands = question.figure.bands if question.figure is not None else ()
    return next((band for band in bands if band.below is None or value < band.below), None)


def fails(question: Question, answer: Answer) -> bool:
    """Whether the answer is what a critical question fails by."""
    value = answer.value
    if question.kind is AnswerKind.YES_NO:
        return answer.verdict is Verdict.NO
    if answer.verdict is not Verdict.ANSWERED or value is None:
        return False
    if isinstance(value, int | float):
        if question.scale is not None and question.scale.fails_at is not None:
            limit = question.scale.fails_at
            return value <= limit if question.scale.good is Good.HIGH else value >= limit
        band = _band(question, value)
        return band is not None and band.fails
    chosen = value if isinstance(value, tuple) else (value,)
    return any(option.fails for option in question.options if option.id in chosen)


def tally(scorecard: Scorecard, answers: Mapping[str, Answer]) -> Result:
    """Score ``answers`` by question id; a question without one counts as if it were not there yet.

    Inside a section the points are divided by the weight of all questions that were answered: n/a, "cannot tell" and
    answers that are only suggested give their weight to the rest. Sub-sections take part with their weight beside the
    questions. Sections without an answer give their weight to the others. Bonus sections add their score times their
    weight over that of all other sections, up to 100. A critical failure zeroes its question, its section, or
    everything. ``passed`` is None when nothing could be answered, or when a question that is critical for the whole
    could not be and the rest would pass.
    """
    counting = _Counting(answers)
    regular = bonus = answered = whole = 0.0
    for section in scorecard.sections:
        value = counting.section(section)
        whole += 0.0 if section.bonus else section.weight
        if value is not None and section.bonus:
            bonus += value * section.weight
        elif value is not None:
            regular += value * section.weight
            answered += section.weight
    score: float | None = None
    if answered:
        score = min(100.0, max(0.0, round(regular / answered + bonus / whole, 2)))
        score = 0.0 if counting.fatal else score
    passed = None if score is None else score >= scorecard.pass_mark and not counting.fatal
    if passed and counting.waiting:
        passed = None
    return Result(
        answers=tuple(counting.answers),
        sections=tuple(counting.sections),
        score=score,
        passed=passed,
        critical_failures=tuple(counting.critical),
        unanswered=sum(answer.verdict is Verdict.CANNOT_TELL for answer in counting.answers),
    )


class _Counting:
    """Walks the sections once."""

    def __init__(self, given: Mapping[str, Answer]) -> None:
        self.given = given
        self.answers: list[Answer] = []
        self.sections: list[SectionScore] = []
        self.critical: list[str] = []
        self.fatal = self.waiting = False

    def section(self, section: Section) -> float | None:
        """Its score, 0 to 100; None when nothing in it was answered."""
        place = len(self.sections)
        zeroed = False
        earned = possible = 0.0
        for question in section.questions:
            answer = self.given.get(question.id)
            if answer is None:
                continue
            part = None if answer.suggested else share(question, answer)
            self.answers.append(replace(answer, points=None if part is None else question.weight * part))
            zeroed |= self._critical(question, answer)
            if part is not None:
                possible += question.weight
                earned += question.weight * part
        for inner in section.sections:
            value = self.section(inner)
            if value is not None:
                possible += inner.weight
                earned += inner.weight * value / 100.0
        score = round(100.0 * earned / possible, 2) if possible else None
        if score is not None and zeroed:
            score = 0.0
        self.sections.insert(
            place, SectionScore(section=section.id, title=section.title, score=score, weight=section.weight)
        )
        return score

    def _critical(self, question: Question, answer: Answer) -> bool:
        """Note what a critical question does to the whole; True when it zeroes its section."""
        if question.critical is Critical.NONE:
            return False
        if answer.suggested:  # neither met nor failed until a person says so
            self.waiting |= question.critical is Critical.ALL and answer.verdict is not Verdict.NOT_APPLICABLE
            return False
        self.waiting |= question.critical is Critical.ALL and answer.verdict is Verdict.CANNOT_TELL
        if not fails(question, answer):
            return False
        self.critical.append(question.id)
        self.fatal |= question.critical is Critical.ALL
        return question.critical is Critical.SECTION
