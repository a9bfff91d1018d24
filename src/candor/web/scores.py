"""Evaluations side by side: what the rules answered and what a person did, question by question, never merged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource
from candor.errors import NotFound
from candor.scoring.model import Critical, Question, Scorecard
from candor.web import words

FindScorecard = Callable[[str, int], Scorecard]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLine:
    """One question and its answers."""

    question: Question | None
    """None when its scorecard was taken away."""
    id: str
    text: str
    guidance: str
    critical: bool
    weight: float | None
    automatic: Answer | None
    human: Answer | None
    """Only when a person answered it, not when a human evaluation took it over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionBlock:
    """A section with the scores both sides gave it."""

    title: str
    automatic: float | None
    human: float | None
    lines: tuple[QuestionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBlock:
    """All there is of one scorecard on this conversation."""

    scorecard: str
    version: int
    title: str
    pass_mark: float | None
    automatic: Evaluation | None
    human: Evaluation | None
    sections: tuple[SectionBlock, ...]
    older: int
    """Earlier evaluations that are kept but not shown."""


def blocks(evaluations: tuple[Evaluation, ...], find: FindScorecard) -> tuple[ScoreBlock, ...]:
    """One block a scorecard and leg, with its newest automatic and newest human evaluation."""
    by_card: dict[tuple[str, str | None], list[Evaluation]] = {}
    for evaluation in sorted(evaluations, key=lambda each: each.created_at, reverse=True):
        by_card.setdefault((evaluation.scorecard, evaluation.segment), []).append(evaluation)
    return tuple(_block(card, leg, group, find) for (card, leg), group in by_card.items())


def _block(card: str, leg: str | None, group: list[Evaluation], find: FindScorecard) -> ScoreBlock:
    automatic = next((each for each in group if each.source is EvaluationSource.AUTOMATIC), None)
    human = next((each for each in group if each.source is EvaluationSource.HUMAN), None)
    version = (automatic or human or group[0]).scorecard_version
    try:
        scorecard: Scorecard | None = find(card, version)
    except NotFound:
        scorecard = None  # an old version that was taken away: the answers still stand
    shown = [each for each in (automatic, human) if each]
    return ScoreBlock(
        scorecard=card,
        version=version,
        title=(scorecard.title if scorecard else words.title(card.replace("-", "_"))) + (f" · {leg}" if leg else ""),
        pass_mark=scorecard.pass_mark if scorecard else None,
        automatic=automatic,
        human=human,
        sections=_sections(scorecard, automatic, human) if scorecard else _bare(automatic, human),
        older=len(group) - len(shown),
    )


def _sections(scorecard: Scorecard, automatic: Evaluation | None, human: Evaluation | None) -> tuple[SectionBlock, ...]:
    by_rule, by_person = _answers(automatic), _answers(human)
    return tuple(
        SectionBlock(
            title=section.title,
            automatic=_section_score(automatic, section.id),
            human=_section_score(human, section.id),
            lines=tuple(
                QuestionLine(
                    question=question,
                    id=question.id,
                    text=question.text,
                    guidance=question.guidance,
                    critical=question.critical is not Critical.NONE,
                    weight=question.weight,
                    automatic=by_rule.get(question.id),
                    human=_by_person(by_person.get(question.id)),
                )
                for question in section.questions
            ),
        )
        for section in scorecard.walk()
    )


def _bare(automatic: Evaluation | None, human: Evaluation | None) -> tuple[SectionBlock, ...]:
    by_rule, by_person = _answers(automatic), _answers(human)
    lines = tuple(
        QuestionLine(
            question=None, id=each, text=words.title(each.replace("-", "_")), guidance="", critical=False, weight=None,
            automatic=by_rule.get(each), human=_by_person(by_person.get(each)),
        )
        for each in dict.fromkeys([*by_rule, *by_person])
    )  # fmt: skip
    return (SectionBlock(title="", automatic=None, human=None, lines=lines),)


def repeats(answer: Answer) -> bool:
    """True when the reason only says again what the quotes below it show."""
    # A long quote is cut in the reason: its beginning tells.
    return any(proof.quote and proof.quote[:60] in answer.reason for proof in answer.evidence)


def _answers(evaluation: Evaluation | None) -> dict[str, Answer]:
    return {answer.question: answer for answer in evaluation.answers} if evaluation else {}


def _by_person(answer: Answer | None) -> Answer | None:
    return answer if answer and answer.rule == "human" else None


def _section_score(evaluation: Evaluation | None, section: str) -> float | None:
    if evaluation is None:
        return None
    return next((each.score for each in evaluation.sections if each.section == section), None)
