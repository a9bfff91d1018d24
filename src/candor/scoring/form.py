"""What a form of the scorecard asks, and what is wrong with what was put into it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

from candor.conversation.evaluation import Answer, AnswerKind, Verdict
from candor.scoring.conditions import holds, in_order
from candor.scoring.model import CommentNeed, Question, Scorecard
from candor.scoring.points import share

MAX_COMMENT = 2000
MAX_TEXT = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that must be put right before the answers can be taken."""

    question: str
    code: str
    """``unknown``, ``missing``, ``not_asked``, ``kind``, ``value``, ``na`` or ``comment``."""
    message: str
    """A sentence for the person at the form."""


def questions_asked(
    scorecard: Scorecard, answers: Mapping[str, Answer], *, excluded: Collection[str] = ()
) -> tuple[Question, ...]:
    """The questions that apply, given the answers so far, in the order of the scorecard.

    A question whose condition waits for an answer that is not there yet is not asked yet. ``excluded``: ids of
    questions that the conversation itself rules out (direction, findings, rules: what an automatic answer calls n/a).
    """
    asked: set[str] = set()
    for question in in_order(scorecard):
        conditions = question.applies_when.answers
        if question.id not in excluded and all(
            wanted.question in asked and holds(wanted, answers) for wanted in conditions
        ):
            asked.add(question.id)
    return tuple(question for question in scorecard.questions if question.id in asked)


def counting(scorecard: Scorecard, answers: Mapping[str, Answer]) -> dict[str, Answer]:
    """``answers`` where what another answer hides is n/a: it was answered before that one was changed."""
    asked = {question.id for question in questions_asked(scorecard, answers)}
    return {
        name: each if name in asked or each.verdict is Verdict.NOT_APPLICABLE else _hidden(each)
        for name, each in answers.items()
    }


def _hidden(answer: Answer) -> Answer:
    return replace(
        answer, verdict=Verdict.NOT_APPLICABLE, value=None, reason="", evidence=(), suggested=False, points=None
    )


def validate_answers(
    scorecard: Scorecard,
    answers: Mapping[str, Answer],
    *,
    excluded: Collection[str] = (),
    complete: bool = True,
) -> tuple[Fault, ...]:
    """Everything that is wrong with the answers of a person, in the order of the scorecard.

    Not ``complete``: a draft, which may lack answers and comments. n/a is fine for a question that is not asked.
    """
    known = {question.id: question for question in scorecard.questions}
    faults = [
        Fault(question=name, code="unknown", message="The scorecard has no such question.")
        for name in answers
        if name not in known
    ]
    asked = {question.id for question in questions_asked(scorecard, answers, excluded=excluded)}
    for name, question in known.items():
        answer = answers.get(name)
        if name not in asked:
            if answer is not None and answer.verdict is not Verdict.NOT_APPLICABLE:
                message = "This question is not asked here; take the answer out."
                faults.append(Fault(question=name, code="not_asked", message=message))
        elif answer is None:
            if complete:
                faults.append(Fault(question=name, code="missing", message="This question waits for an answer."))
        else:
            fault = _fault(question, answer, complete=complete)
            if fault:
                faults.append(Fault(question=name, code=fault[0], message=fault[1]))
    return tuple(faults)


def answer_fault(question: Question, answer: Answer) -> str | None:
    """What is wrong with one finished answer by itself; None when it may stand."""
    found = _fault(question, answer, complete=True)
    return None if found is None else found[1]


def _fault(question: Question, answer: Answer, *, complete: bool) -> tuple[str, str] | None:
    if len(answer.reason) > MAX_COMMENT:
        return "comment", f"A comment has at most {MAX_COMMENT:,} characters."
    if answer.verdict is Verdict.NOT_APPLICABLE and not question.na_allowed:
        return "na", "This question cannot be left out with n/a."
    if answer.verdict in {Verdict.YES, Verdict.NO, Verdict.ANSWERED}:
        yes_no = question.kind is AnswerKind.YES_NO
        if yes_no is (answer.verdict is Verdict.ANSWERED) or (yes_no and answer.value is not None):
            return "kind", "Answer yes or no." if yes_no else "Yes and no do not answer this question."
        wrong = None if yes_no else value_fault(question, answer.value)
        if wrong:
            return "value", wrong
    if complete and not answer.reason.strip() and needs_comment(question, answer):
        return "comment", "This answer needs a comment."
    return None


def needs_comment(question: Question, answer: Answer) -> bool:
    """Whether this answer may not be given without a comment."""
    if question.comment is CommentNeed.ON_LOSS:
        given = share(question, answer)
        return given is not None and given < 1.0
    return question.comment is CommentNeed.ALWAYS


def value_fault(question: Question, value: object) -> str | None:
    """What is wrong with a value as an answer to a question that is not yes/no; None when it may stand."""
    match question.kind:
        case AnswerKind.CHOICE | AnswerKind.MULTI_CHOICE:
            return _choice_fault(question, value)
        case AnswerKind.RANGE if question.scale is not None:
            low, high = question.scale.low, question.scale.high
            whole = _number_fault(value, low, high) is None and float(value).is_integer()  # type: ignore[arg-type]
            return None if whole else f"Give a whole number from {low} to {high}."
        case AnswerKind.NUMBER if question.figure is not None:
            return _number_fault(value, question.figure.least, question.figure.most)
        case AnswerKind.DATE:
            return None if isinstance(value, str) and _is_date(value) else "Give a date as YYYY-MM-DD."
        case _:
            return _text_fault(value)


def _choice_fault(question: Question, value: object) -> str | None:
    options = [option.id for option in question.options]
    if question.kind is AnswerKind.CHOICE:
        return None if isinstance(value, str) and value in options else "Choose one of the options."
    if not isinstance(value, tuple) or any(item not in options for item in value):
        return "Choose from the options."
    return None if list(value) == [item for item in options if item in value] else "Choose each option once."


def _text_fault(value: object) -> str | None:
    if not isinstance(value, str) or not value.strip():
        return "Write something, or leave it out with n/a."
    return None if len(value) <= MAX_TEXT else f"Write at most {MAX_TEXT:,} characters."


def _number_fault(value: object, least: float | None, most: float | None) -> str | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return "Give a number."
    if least is not None and value < least:
        return f"Give a number from {least:g}."
    if most is not None and value > most:
        return f"Give a number up to {most:g}."
    return None


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
