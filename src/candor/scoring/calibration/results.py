"""From submissions to results. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean, stdev, variance

from candor.scoring.agreement import statistics
from candor.scoring.agreement.statistics import Measurement
from candor.scoring.calibration.model import (
    EvaluatorResult,
    QuestionResult,
    ReferenceKind,
    Results,
    Session,
    Submission,
)
from candor.scoring.intervals import wilson
from candor.scoring.marks import CANNOT_TELL, Mark
from candor.scoring.model import Scorecard


def references(session: Session, given: Sequence[Submission], agreed: Sequence[Submission]) -> dict[str, Submission]:
    """Conversation → what evaluators are held against."""
    if session.reference is ReferenceKind.EXPERT:
        return {each.conversation_id: each for each in given if each.evaluator == session.expert}
    if session.reference is ReferenceKind.CONSENSUS:
        return {each.conversation_id: each for each in agreed}
    return {}


def complete(session: Session, given: Sequence[Submission]) -> bool:
    """Whether everybody has judged everything."""
    done = {(each.conversation_id, each.evaluator) for each in given}
    return all((one, who) in done for one in session.conversations for who in session.evaluators)


def results(
    session: Session, scorecard: Scorecard, given: Sequence[Submission], agreed: Sequence[Submission] = ()
) -> Results:
    """Compare; ``agreed``: the reference evaluations of a consensus."""
    held = references(session, given, agreed)
    questions = [_question(question.id, given, held) for question in scorecard.questions]
    by_conversation = [[each for each in given if each.conversation_id == one] for one in session.conversations]
    units = [
        [each.marks[question.id].code for each in group if _told(each, question.id)]
        for group in by_conversation
        for question in scorecard.questions
    ]
    spreads = [
        stdev(scores)
        for group in by_conversation
        if len(scores := [each.score for each in group if each.score is not None]) > 1
    ]
    return Results(
        submitted=len(given), expected=len(session.conversations) * len(session.evaluators),
        alpha=statistics.alpha_interval(units, Measurement.NOMINAL, seed=seed_of(session)),
        questions=tuple(sorted(questions, key=lambda each: (-(each.variance or 0.0), each.equal or 0.0))),
        evaluators=tuple(_evaluator(who, session, given, held) for who in session.evaluators),
        deviation=fmean(spreads) if spreads else None,
        reference_scores={one: each.score for one, each in held.items()},
    )  # fmt: skip


def seed_of(session: Session) -> int:
    """Of the draws behind alpha's interval: the same session always shows the same."""
    return int.from_bytes(hashlib.sha256(session.id.encode()).digest()[:4], "big")


def _question(question: str, given: Sequence[Submission], held: Mapping[str, Submission]) -> QuestionResult:
    answers: dict[str, dict[str, str]] = {}
    shares: dict[str, list[float]] = {}
    for each in given:
        if _told(each, question):
            mark = each.marks[question]
            answers.setdefault(each.conversation_id, {})[each.evaluator] = mark.code
            if mark.share is not None:
                shares.setdefault(each.conversation_id, []).append(mark.share)
    spread = [variance(values) for values in shares.values() if len(values) > 1]
    pairs = [one == other for group in answers.values() for one, other in combinations(group.values(), 2)]
    told: dict[str, dict[str, Mark]] = {}
    for each in given:
        if question in each.marks:
            told.setdefault(each.conversation_id, {})[each.evaluator] = each.marks[question]
    return QuestionResult(
        question=question, variance=fmean(spread) if spread else None, equal=fmean(pairs) if pairs else None,
        answers=sum(len(group) for group in answers.values()), given=told,
        reference={one: each.marks[question] for one, each in held.items() if question in each.marks},
    )  # fmt: skip


def _evaluator(
    who: str, session: Session, given: Sequence[Submission], held: Mapping[str, Submission]
) -> EvaluatorResult:
    mine = [each for each in given if each.evaluator == who]
    apart = [
        each.score - against
        for each in mine
        if each.conversation_id in held
        and each.score is not None
        and (against := held[each.conversation_id].score) is not None
    ]
    same = [
        each.marks[name].code == mark.code
        for each in mine
        if each.conversation_id in held
        for name, mark in held[each.conversation_id].marks.items()
        if mark.code != CANNOT_TELL and _told(each, name)
    ]
    # An expert is not held against himself.
    compared = who != session.expert or session.reference is not ReferenceKind.EXPERT
    return EvaluatorResult(
        evaluator=who, submitted=len(mine), equal=wilson(sum(same), len(same)) if same and compared else None,
        distance=fmean(abs(one) for one in apart) if apart and compared else None,
        leaning=fmean(apart) if apart and compared else None,
        scores={each.conversation_id: each.score for each in mine},
    )  # fmt: skip


def _told(each: Submission, question: str) -> bool:
    return question in each.marks and each.marks[question].code != CANNOT_TELL
