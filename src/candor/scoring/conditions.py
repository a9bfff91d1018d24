"""Questions that depend on answers to others: what is asked when, in which order, and what never can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from candor.conversation.evaluation import Answer, AnswerKind, Verdict
from candor.scoring.model import AnswerIs, Condition, Question, Scorecard


def holds(wanted: AnswerIs, answers: Mapping[str, Answer]) -> bool | None:
    """Whether the other question was answered so; None while that is not known."""
    answer = answers.get(wanted.question)
    if answer is None or answer.verdict is Verdict.CANNOT_TELL:
        return None
    if answer.verdict is Verdict.NOT_APPLICABLE:
        return False
    value = answer.value
    if answer.verdict is not Verdict.ANSWERED or value is None:
        return answer.verdict.value in wanted.one_of
    if isinstance(value, tuple):
        return any(choice in wanted.one_of for choice in value)
    if isinstance(value, str):
        return value in wanted.one_of
    return (wanted.at_least is None or value >= wanted.at_least) and (wanted.at_most is None or value <= wanted.at_most)


def in_order(scorecard: Scorecard) -> tuple[Question, ...]:
    """All questions, each after those its condition refers to; otherwise as they stand."""
    by_id = {question.id: question for question in scorecard.questions}
    done: dict[str, Question] = {}

    def take(question: Question) -> None:
        if question.id not in done:
            for wanted in question.applies_when.answers:
                take(by_id[wanted.question])
            done[question.id] = question

    for question in by_id.values():
        take(question)
    return tuple(done.values())


def cycle(scorecard: Scorecard) -> tuple[str, ...] | None:
    """Ids of questions that wait for one another, the first one again at the end; None when there are none."""
    asks = {
        question.id: [wanted.question for wanted in question.applies_when.answers] for question in scorecard.questions
    }
    safe: set[str] = set()

    def follow(name: str, path: list[str]) -> tuple[str, ...] | None:
        if name in path:
            return (*path[path.index(name) :], name)
        if name not in safe:
            for other in asks.get(name, ()):
                found = follow(other, [*path, name])
                if found:
                    return found
            safe.add(name)
        return None

    return next((found for name in asks if (found := follow(name, []))), None)


def unreachable(scorecard: Scorecard) -> tuple[str, str] | None:
    """The first question that can never be asked, and why; there must be no cycle."""
    by_id = {question.id: question for question in scorecard.questions}
    for question in scorecard.questions:
        why = _clash(_chain(question, by_id), by_id)
        if why:
            return question.id, why
    return None


def nowhere(scorecard: Scorecard) -> tuple[str, str] | None:
    """The first question for which there is no direction, medium or queue to be asked in, and why; no cycle again."""
    by_id = {question.id: question for question in scorecard.questions}
    for question in scorecard.questions:
        why = _bound(scorecard, [by_id[name].applies_when for name in _chain(question, by_id)])
        if why:
            return question.id, why
    return None


def _chain(question: Question, by_id: Mapping[str, Question]) -> list[str]:
    """The question and all that its condition rests on, each once."""
    chain = [question.id]
    for name in chain:
        chain += [w.question for w in by_id[name].applies_when.answers if w.question not in chain]
    return chain


def _bound(scorecard: Scorecard, asked: Sequence[Condition]) -> str | None:
    """Why no one conversation is of all directions, media and queues that the scorecard and these are for.

    Places are left out: the law of several counts for one conversation.
    """
    bounds: tuple[tuple[str, Sequence[str], list[Sequence[str]]], ...] = (
        ("directions", (), [each.directions for each in asked]),
        ("media", scorecard.media, [each.media for each in asked]),
        ("queues", scorecard.queues, [each.queues for each in asked]),
    )
    for what, whole, each in bounds:
        left = set(each[0])
        if whole and left:
            left &= set(whole)
            if not left:
                return f"the scorecard is for other {what}: {', '.join(whole)}"
        left = left or set(whole)
        for wanted in each[1:]:
            if wanted and left and not left & set(wanted):
                return f"the questions it rests on are asked of other {what}"
            left = (left & set(wanted)) if left and wanted else left | set(wanted)
    return None


def _clash(chain: list[str], by_id: Mapping[str, Question]) -> str | None:
    """Why not all of these can be answered so in one conversation."""
    wanted: dict[str, list[AnswerIs]] = {}
    for name in chain:
        for item in by_id[name].applies_when.answers:
            wanted.setdefault(item.question, []).append(item)
    for name, items in wanted.items():
        if not _possible(by_id[name], items):
            return f'"{name}" would have to be answered in two ways at once'
    return None


def _possible(question: Question, items: list[AnswerIs]) -> bool:
    """Whether one answer meets all of these."""
    if question.kind is AnswerKind.MULTI_CHOICE:
        return True
    if question.kind in {AnswerKind.RANGE, AnswerKind.NUMBER}:
        least = max((item.at_least for item in items if item.at_least is not None), default=float("-inf"))
        most = min((item.at_most for item in items if item.at_most is not None), default=float("inf"))
        if question.scale is not None:
            least, most = max(least, question.scale.low), min(most, question.scale.high)
        if question.figure is not None:
            least = max(least, question.figure.least if question.figure.least is not None else least)
            most = min(most, question.figure.most if question.figure.most is not None else most)
        return least <= most
    return bool(set.intersection(*(set(item.one_of) for item in items)))
