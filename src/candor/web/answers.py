"""Answers of every kind, for people: what can be chosen, how it is read, what a form gave."""

from __future__ import annotations

from starlette.datastructures import FormData

from candor.conversation.evaluation import Answer, AnswerKind, Verdict
from candor.scoring.model import Question
from candor.web import words
from candor.web.i18n import _


def choices_of(question: Question) -> tuple[tuple[str, str], ...]:
    """(value, label) of what can be pressed for an answer; nothing for numbers, texts and dates."""
    match question.kind:
        case AnswerKind.YES_NO:
            return ((Verdict.YES.value, _("Yes")), (Verdict.NO.value, _("No")))
        case AnswerKind.CHOICE | AnswerKind.MULTI_CHOICE:
            return tuple((option.id, option.label) for option in question.options)
        case AnswerKind.RANGE if question.scale is not None and question.scale.high - question.scale.low <= 10:
            return tuple((str(value), str(value)) for value in range(question.scale.low, question.scale.high + 1))
        case _:
            return ()


def others_of(question: Question) -> tuple[tuple[str, str], ...]:
    """(verdict, label) of what else a person may answer."""
    found = [Verdict.CANNOT_TELL]
    if question.na_allowed:
        found.insert(0, Verdict.NOT_APPLICABLE)
    return tuple((each.value, words.say(words.VERDICT, each.value)) for each in found)


def given(form: FormData, verdict: str = "verdict", value: str = "value") -> tuple[str, str | list[str] | None]:
    """(verdict, value) out of a form with one group of buttons: ``=id`` is what was chosen of several, ``answered``
    says that it stands in ``value``, and anything else is a verdict. Nothing is checked yet."""
    pressed = str(form.get(verdict) or "").strip()
    if pressed.startswith("="):
        return Verdict.ANSWERED.value, pressed[1:]
    if pressed != Verdict.ANSWERED.value:
        return pressed, None
    found = [str(each).strip() for each in form.getlist(value)]
    return pressed, found[0] if len(found) == 1 else found


def said(question: Question | None, answer: Answer | None) -> str:
    """An answer in words: "Yes", the label of an option, a number with its unit."""
    if answer is None:
        return "–"
    if answer.verdict is not Verdict.ANSWERED or question is None:
        return words.say(words.VERDICT, answer.verdict.value)
    value = answer.value
    match question.kind:
        case AnswerKind.CHOICE | AnswerKind.MULTI_CHOICE:
            chosen = value if isinstance(value, tuple) else (value,)
            labels = [option.label for option in question.options if option.id in chosen]
            return ", ".join(labels) or _("none of them")
        case AnswerKind.RANGE if question.scale is not None and isinstance(value, int | float):
            return _("{value} of {low} to {high}").format(
                value=f"{value:g}", low=question.scale.low, high=question.scale.high
            )
        case AnswerKind.NUMBER if isinstance(value, int | float):
            unit = question.figure.unit if question.figure else ""
            return f"{value:g} {unit}".strip()
        case _:
            return str(value or "")


def tone(answer: Answer | None) -> str:
    """How an answer stands out."""
    return "quiet" if answer is None else words.VERDICT_TONE.get(answer.verdict.value, "accent")
