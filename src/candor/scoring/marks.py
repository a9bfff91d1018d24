"""An evaluation's answers in short, for counting: per question what was answered, and what share of its weight it got.

Reports and agreement read many thousands of evaluations; whole ones, with reasons and quotes, would take minutes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, NamedTuple

from candor.conversation.evaluation import Answer, AnswerKind, Evaluation, Verdict
from candor.scoring import points
from candor.scoring.model import Question, Scorecard

CANNOT_TELL = "?"
NOT_APPLICABLE = "n/a"
_NEVER_COMPARED = frozenset({AnswerKind.TEXT, AnswerKind.DATE})
_LEFT_OUT = frozenset({"id", "weight", "guidance", "critical", "comment", "na_allowed", "scored", "skills"})
"""What may change of a question without its answers meaning something else."""


class Mark(NamedTuple):
    """One answer in short."""

    code: str
    """``yes``, ``no``, ``n/a``, ``?`` (cannot tell), or ``=`` and the value."""
    share: float | None = None
    """Of the question's weight, 0 to 1; None when it is not scored."""
    suggested: bool = False


def code_of(answer: Answer) -> str | None:
    """An answer as something that can be equal to another's; None for words and dates without a value."""
    if answer.verdict is Verdict.CANNOT_TELL:
        return CANNOT_TELL
    if answer.verdict is not Verdict.ANSWERED:
        return answer.verdict.value
    value = answer.value
    if value is None:
        return None
    if isinstance(value, tuple):
        return "=" + "+".join(sorted(value))
    return f"={value:g}" if isinstance(value, int | float) else f"={value}"


def marks_of(evaluation: Evaluation, scorecard: Scorecard) -> dict[str, Mark]:
    """The answers by question, without what is only read (words, dates)."""
    made: dict[str, Mark] = {}
    questions = {question.id: question for question in scorecard.questions}
    for answer in evaluation.answers:
        question = questions.get(answer.question)
        code = code_of(answer)
        if question is None or code is None or question.kind in _NEVER_COMPARED:
            continue
        given = points.share(question, answer)
        made[question.id] = Mark(code, None if given is None else round(given, 4), answer.suggested)
    return made


def write(marks: Mapping[str, Mark]) -> str:
    """For the database: a JSON object, question → ``share|suggested|code``."""
    told = {
        name: f"{'' if mark.share is None else f'{mark.share:g}'}|{mark.suggested:d}|{mark.code}"
        for name, mark in marks.items()
    }
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def read(text: str) -> dict[str, Mark]:
    """The inverse of :func:`write`."""
    return {name: mark(told) for name, told in json.loads(text).items()}


def mark(told: str) -> Mark:
    """One answer as it is written. Alike answers are written alike: thousands are counted before they are read."""
    share, suggested, code = told.split("|", 2)
    return Mark(code, float(share) if share else None, suggested == "1")


@lru_cache(maxsize=4096)
def fingerprint(question: Question) -> str:
    """Equal as long as the question asks for the same and is answered by the same rules, over all versions.

    Fields that are as they are by default are left out, so that a release that knows more of questions changes none.
    """
    told = {name: value for name, value in _plain(question).items() if name not in _LEFT_OUT}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        kept = {each.name: getattr(value, each.name) for each in fields(value)}
        named = {
            each.name: _plain(kept[each.name]) for each in fields(value) if kept[each.name] != each.default
        }  # fmt: skip
        # Two kinds of rule with the same words are not the same rule.
        return {"": type(value).__name__, **named}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | frozenset | list):
        return [_plain(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
    return value
