"""Weights, n/a, critical failures and what a person overrides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from candor.conversation.evaluation import Answer, Evaluation, EvaluationSource, Verdict
from candor.errors import Conflict, InvalidInput
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard
from candor.scoring.points import Result, tally
from candor.scoring.service import override
from tests.unit.scoring.calls import FILLER, answer, evaluate, transcript

YES, NO, NA, UNSURE = Verdict.YES, Verdict.NO, Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL


def scorecard(**critical: str) -> Scorecard:
    """Two sections: one with questions a (weight 3) and b (1), weight 60; one with c (1) and d (1), weight 40."""
    weights = {"a": 3, "b": 1, "c": 1, "d": 1}
    questions = {
        name: f"{{id: {name}, text: 'Is {name} so?', weight: {weight}, critical: {critical.get(name, 'none')}, "
        f"rule: {{says: {{phrases: [word {name * 4}]}}}}}}"
        for name, weight in weights.items()
    }
    return load_scorecard(
        f"""{{id: points, version: 1, title: Points, pass_mark: 70, sections: [
        {{title: First, weight: 60, questions: [{questions["a"]}, {questions["b"]}]}},
        {{title: Second, weight: 40, questions: [{questions["c"]}, {questions["d"]}]}}]}}"""
    )


def counted(verdicts: str, **critical: str) -> Result:
    """The result of four verdicts, y n - ? each."""
    kinds = {"y": YES, "n": NO, "-": NA, "?": UNSURE}
    answers = {
        name: Answer(question=name, verdict=kinds[letter], evidence=(), confidence=1, rule="test", points=None)
        for name, letter in zip("abcd", verdicts, strict=True)
    }
    return tally(scorecard(**critical), answers)


@pytest.mark.parametrize(
    ("verdicts", "score", "sections", "passed", "unanswered"),
    [
        ("yyyy", 100, (100, 100), True, 0),
        ("nnnn", 0, (0, 0), False, 0),
        ("ynyy", 85, (75, 100), True, 0),
        ("y-yy", 100, (100, 100), True, 0),  # b gives its weight to a
        ("n-yy", 40, (0, 100), False, 0),
        ("y?yn", 80, (100, 50), True, 1),
        ("yy--", 100, (100, None), True, 0),  # an empty section gives its weight to the other
        ("yn--", 75, (75, None), True, 0),
        ("--yn", 50, (None, 50), False, 0),
        ("----", None, (None, None), None, 0),
        ("????", None, (None, None), None, 4),
    ],
)
def test_tally(
    verdicts: str, score: float | None, sections: tuple[float | None, ...], passed: bool | None, unanswered: int
) -> None:
    result = counted(verdicts)
    assert result.score == score
    assert tuple(section.score for section in result.sections) == sections
    assert result.passed is passed
    assert result.unanswered == unanswered


def test_points_are_given_out_of_the_weight() -> None:
    assert [item.points for item in counted("yn-?").answers] == [3, 0, None, None]


def test_critical_question_costs_only_itself() -> None:
    result = counted("yyny", c="question")
    assert (result.score, result.passed, result.critical_failures) == (80, True, ("c",))


def test_critical_section_zeroes_its_section() -> None:
    result = counted("yyny", c="section")
    assert (result.score, result.critical_failures) == (60, ("c",))
    assert [section.score for section in result.sections] == [100, 0]


def test_critical_all_zeroes_everything() -> None:
    result = counted("yyny", c="all")
    assert (result.score, result.passed, result.critical_failures) == (0, False, ("c",))


@pytest.mark.parametrize("verdicts", ["yyyy", "yy-y"])
def test_critical_without_a_no_costs_nothing(verdicts: str) -> None:
    result = counted(verdicts, c="all")
    assert (result.score, result.passed, result.critical_failures) == (100, True, ())


def test_passing_waits_for_a_critical_question_that_cannot_be_told() -> None:
    assert counted("yy?y", c="all").passed is None
    assert counted("nn?y", c="all").passed is False


# -- overriding ----------------------------------------------------------------------------------------------------

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
LINES = "A: word aaaa and then word bbbb and also word cccc for you\n" + FILLER


def automatic(card: Scorecard) -> Evaluation:
    """What the rules say: yes, yes, yes, no."""
    return evaluate(card, transcript(LINES))


def test_override_is_a_human_evaluation_beside_the_automatic_one() -> None:
    card = scorecard()
    first = automatic(card)
    kept = replace(first)
    mine = override(first, "d", YES, "  I heard it\nclearly ", "u1", card, AT)
    assert first == kept
    assert (mine.source, mine.evaluator, mine.created_at) == (EvaluationSource.HUMAN, "u1", AT)
    assert mine.id != first.id
    assert (first.score, mine.score) == (80, 100)
    changed = answer(mine, "d")
    assert (changed.verdict, changed.reason, changed.rule) == (YES, "I heard it clearly", "human")
    assert (changed.confidence, changed.points) == (1.0, 1)
    assert answer(mine, "a") == answer(first, "a")


def test_overrides_of_one_person_add_up() -> None:
    card = scorecard()
    one = override(automatic(card), "d", YES, "heard it", "u1", card, AT)
    two = override(one, "a", NO, "not that word", "u1", card, AT)
    assert [answer(two, name).verdict for name in "abcd"] == [NO, YES, YES, YES]
    assert two.score == 55
    back = override(two, "a", NA, "does not apply after all", "u1", card, AT)
    assert back.score == 100
    assert answer(back, "a").points is None


def test_override_sees_critical_failures() -> None:
    card = scorecard(a="all")
    mine = override(automatic(card), "a", NO, "it was somebody else", "u1", card, AT)
    assert (mine.score, mine.passed, mine.critical_failures) == (0, False, ("a",))


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_override_needs_a_reason(reason: str) -> None:
    card = scorecard()
    with pytest.raises(InvalidInput, match="reason"):
        override(automatic(card), "a", NO, reason, "u1", card)


def test_override_refuses_what_it_cannot_mean() -> None:
    card = scorecard()
    first = automatic(card)
    with pytest.raises(InvalidInput, match="no question"):
        override(first, "z", NO, "why", "u1", card)
    with pytest.raises(InvalidInput, match="at most"):
        override(first, "a", NO, "x" * 2001, "u1", card)
    with pytest.raises(InvalidInput, match="the person"):
        override(first, "a", NO, "why", "", card)
    with pytest.raises(InvalidInput, match="version 2"):
        override(first, "a", NO, "why", "u1", replace(card, version=2))
    with pytest.raises(InvalidInput, match="verdict"):
        override(first, "a", "perhaps", "why", "u1", card)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        override(override(first, "a", NO, "why", "u1", card), "b", NO, "why", "u2", card)
