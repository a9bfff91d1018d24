"""From answers to points: the one place where weights, n/a and critical failures become a score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from candor.conversation.evaluation import Answer, SectionScore, Verdict
from candor.scoring.model import Critical, Scorecard, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The score of a set of answers, in the words of ``Evaluation``."""

    answers: tuple[Answer, ...]
    sections: tuple[SectionScore, ...]
    score: float | None
    passed: bool | None
    critical_failures: tuple[str, ...]
    unanswered: int


def tally(scorecard: Scorecard, answers: Mapping[str, Answer]) -> Result:
    """Score ``answers`` (by question id, one for every question).

    Inside a section the points of yes answers are divided by the weight of all yes and no answers: n/a and
    "cannot tell" give their weight to the rest. Sections without an answer give their weight to the others.
    A critical "no" zeroes its question, its section, or everything. ``passed`` is None when nothing could be
    answered, or when a question that is critical for the whole could not be and the rest would pass.
    """
    scored: list[Answer] = []
    sections: list[SectionScore] = []
    critical: list[str] = []
    fatal = waiting = False
    for section in scorecard.sections:
        zeroed = False
        for question in section.questions:
            verdict = answers[question.id].verdict
            points = {Verdict.YES: question.weight, Verdict.NO: 0.0}.get(verdict)
            scored.append(replace(answers[question.id], points=points))
            if question.critical is not Critical.NONE and verdict is Verdict.NO:
                critical.append(question.id)
                zeroed |= question.critical is Critical.SECTION
                fatal |= question.critical is Critical.ALL
            waiting |= question.critical is Critical.ALL and verdict is Verdict.CANNOT_TELL
        value = _section_score(section, answers)
        if value is not None and zeroed:
            value = 0.0
        sections.append(SectionScore(section=section.id, title=section.title, score=value, weight=section.weight))
    weight = sum(item.weight for item in sections if item.score is not None)
    score: float | None = None
    if weight:
        total = sum(item.score * item.weight for item in sections if item.score is not None)
        score = 0.0 if fatal else min(100.0, max(0.0, round(total / weight, 2)))
    passed = None if score is None else score >= scorecard.pass_mark and not fatal
    if passed and waiting:
        passed = None
    return Result(
        answers=tuple(scored),
        sections=tuple(sections),
        score=score,
        passed=passed,
        critical_failures=tuple(critical),
        unanswered=sum(answer.verdict is Verdict.CANNOT_TELL for answer in scored),
    )


def _section_score(section: Section, answers: Mapping[str, Answer]) -> float | None:
    earned = possible = 0.0
    for question in section.questions:
        verdict = answers[question.id].verdict
        if verdict in {Verdict.YES, Verdict.NO}:
            possible += question.weight
            earned += question.weight if verdict is Verdict.YES else 0.0
    return round(100.0 * earned / possible, 2) if possible else None
