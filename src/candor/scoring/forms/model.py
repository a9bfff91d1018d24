"""A form as frozen values, and how what was given becomes answers and an evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from candor.conversation.evaluation import (
    Answer,
    AnswerKind,
    Evaluation,
    EvaluationSource,
    Evidence,
    Occasion,
    Value,
    Verdict,
)
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.ids import new_id
from candor.scoring.form import MAX_COMMENT, MAX_TEXT, Fault, questions_asked, validate_answers
from candor.scoring.model import Question, Scorecard
from candor.scoring.points import Result, tally

MOST_PINS = 20
LONGEST_NOTE = 500
LONGEST_QUOTE = 1_000
LONGEST_SUMMARY = 4_000
HUMAN = "human"


class FormState(StrEnum):
    """Where a form stands."""

    OPEN = "open"
    SUBMITTED = "submitted"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was put down for one question so far."""

    verdict: Verdict | None = None
    value: Value | None = None
    comment: str = ""
    pins: tuple[Evidence, ...] = ()
    """Places in the conversation: a quote or a moment, with a note."""

    @property
    def empty(self) -> bool:
        """Whether nothing is there."""
        return self == Given()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One person's form about one conversation, for one version of one scorecard."""

    id: str
    conversation_id: str
    agent_id: str | None
    """Whose conversation, or leg of it, is judged."""
    scorecard: str
    version: int
    occasion: Occasion
    evaluator: str
    blind: bool
    """What rules and others answered is hidden until it is submitted."""
    seen: bool = False
    """The evaluator had opened the conversation with its scores before: then the evaluation does not count as blind."""
    opened_at: datetime
    saved_at: datetime
    revision: int = 0
    """Raised by each change."""
    state: FormState = FormState.OPEN
    segment: str | None = None
    about: str | None = None
    """By occasion: the evaluation that is graded, the calibration session, the dispute."""
    assignment_id: str | None = None
    release: str = ""
    evaluation_id: str | None = None
    transcript_id: str | None = None
    excluded: tuple[str, ...] = ()
    """Questions that the conversation's direction rules out."""
    answers: dict[str, Given] = field(default_factory=dict)
    summary: str = ""
    """A comment on the whole."""


def excluded_by(scorecard: Scorecard, direction: str) -> tuple[str, ...]:
    """Questions that are not for conversations of this direction; what a rule only supposes, people decide."""
    return tuple(
        question.id
        for question in scorecard.questions
        if question.applies_when.directions and direction not in question.applies_when.directions
    )


def answers_of(scorecard: Scorecard, given: Mapping[str, Given]) -> dict[str, Answer]:
    """Answers by question id, of what has a verdict and is in the scorecard."""
    return {
        question.id: Answer(
            question=question.id, verdict=put.verdict, value=put.value, evidence=put.pins, confidence=1.0, rule=HUMAN,
            points=None, reason=put.comment,
        )
        for question in scorecard.questions
        if (put := given.get(question.id)) is not None and put.verdict is not None
    }  # fmt: skip


def asked(scorecard: Scorecard, form: Form) -> tuple[Question, ...]:
    """The questions that stand in the form now."""
    return questions_asked(scorecard, answers_of(scorecard, form.answers), excluded=form.excluded)


def standing(scorecard: Scorecard, form: Form) -> Result:
    """What it would come to now; answers to questions that are not asked any more do not count."""
    return tally(scorecard, _counting(scorecard, form))


def faults(scorecard: Scorecard, form: Form) -> tuple[Fault, ...]:
    """What keeps the form from being submitted, in the order of the scorecard."""
    return validate_answers(scorecard, _counting(scorecard, form), excluded=form.excluded)


def _counting(scorecard: Scorecard, form: Form) -> dict[str, Answer]:
    # What a change of an earlier answer has hidden stays in the form, in case it is changed back, and counts nothing.
    shown = {question.id for question in asked(scorecard, form)}
    return {name: each for name, each in answers_of(scorecard, form.answers).items() if name in shown}


def evaluation_of(scorecard: Scorecard, form: Form) -> Evaluation:
    """The finished evaluation: an answer to every question, n/a where it was not asked. ``faults`` must be none."""
    answers = _counting(scorecard, form)
    for question in scorecard.questions:
        if question.id not in answers:
            answers[question.id] = Answer(
                question=question.id, verdict=Verdict.NOT_APPLICABLE, evidence=(), confidence=1.0, rule=HUMAN,
                points=None,
            )  # fmt: skip
    result = tally(scorecard, answers)
    return Evaluation(
        id=new_id(), conversation_id=form.conversation_id, scorecard=scorecard.id,
        scorecard_version=scorecard.version, source=EvaluationSource.HUMAN, evaluator=form.evaluator,
        created_at=clock.now(), transcript_id=form.transcript_id, occasion=form.occasion, segment=form.segment,
        answers=result.answers, sections=result.sections, score=result.score, passed=result.passed,
        critical_failures=result.critical_failures, unanswered=result.unanswered,
    )  # fmt: skip


def given_of(evaluation: Evaluation) -> dict[str, Given]:
    """An evaluation's answers as the beginning of a form."""
    return {
        answer.question: Given(
            verdict=answer.verdict, value=answer.value, comment=answer.reason[:MAX_COMMENT],
            pins=answer.evidence[:MOST_PINS],
        )
        for answer in evaluation.answers
    }  # fmt: skip


def read_given(question: Question, data: Mapping[str, Any]) -> Given:
    """What came from a page or a program; unfinished is fine, nonsense raises InvalidInput (``form.answer``).

    ``verdict``: a verdict or nothing; ``value`` by the question's kind; ``comment``; ``pins``: a list of
    ``{start, end, utterance, quote, note}`` in seconds.
    """
    verdict = data.get("verdict") or None
    if verdict is not None and verdict not in set(Verdict):
        raise _wrong(f"A verdict is one of {', '.join(Verdict)}.")
    value = _value(question, data.get("value"))
    if question.kind is not AnswerKind.YES_NO and verdict not in {Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL}:
        verdict = Verdict.ANSWERED if value is not None else None
    if question.kind is AnswerKind.YES_NO or verdict != Verdict.ANSWERED:
        value = None
    comment = str(data.get("comment") or "").replace("\r\n", "\n")
    if len(comment) > MAX_COMMENT:
        raise _wrong(f"A comment has at most {MAX_COMMENT:,} characters.")
    pins = data.get("pins") or ()
    if not isinstance(pins, list | tuple) or len(pins) > MOST_PINS:
        raise _wrong(f"At most {MOST_PINS} places are pinned to an answer.")
    return Given(
        verdict=None if verdict is None else Verdict(verdict), value=value, comment=comment,
        pins=tuple(_pin(pin) for pin in pins),
    )  # fmt: skip


def _value(question: Question, value: Any) -> Value | None:
    """In the type of the question's kind; whether it is in range is looked at when the form is submitted."""
    if value is None or value == "":
        return None
    try:
        match question.kind:
            case AnswerKind.YES_NO:
                return None
            case AnswerKind.MULTI_CHOICE:
                chosen = {str(each) for each in value} if isinstance(value, list | tuple) else {str(value)}
                unknown = chosen - {option.id for option in question.options}
                if unknown:
                    raise _wrong("Choose from the options.")
                return tuple(option.id for option in question.options if option.id in chosen)
            case AnswerKind.RANGE | AnswerKind.NUMBER:
                number = float(str(value).replace(",", "."))
                if not math.isfinite(number):
                    raise _wrong("Give a number.")
                return number
            case _:
                text = str(value)
                if len(text) > MAX_TEXT:
                    raise _wrong(f"Write at most {MAX_TEXT:,} characters.")
                return text
    except ValueError:
        raise _wrong("Give a number.") from None


def _pin(data: Any) -> Evidence:
    if not isinstance(data, Mapping):
        raise _wrong("A pin is a place: start, end, note.")
    try:
        start = float(data.get("start") or 0.0)
        end = float(data.get("end") or start)
        place = data.get("utterance")
        utterance = None if place is None or place == "" else int(place)
    except (TypeError, ValueError):
        raise _wrong("A pin's times are seconds.") from None
    if not (math.isfinite(start) and math.isfinite(end)) or start < 0 or end < start:
        raise _wrong("A pin's times are seconds from the beginning.")
    quote, note = str(data.get("quote") or ""), str(data.get("note") or "")
    if len(quote) > LONGEST_QUOTE or len(note) > LONGEST_NOTE:
        raise _wrong(f"A pinned note has at most {LONGEST_NOTE} characters, a quote {LONGEST_QUOTE:,}.")
    return Evidence(start=start, end=end, utterance=utterance, quote=quote or None, note=note)


def _wrong(message: str) -> InvalidInput:
    return InvalidInput(message, code="form.answer")
