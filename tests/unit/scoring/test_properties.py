"""What holds for every input."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.conversation.evaluation import Answer, Evaluation, Verdict
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Critical, Question, Scorecard, Section
from candor.scoring.patterns import check_pattern
from candor.scoring.phrases import ACCEPT, Stream, near, sound
from candor.scoring.points import tally
from candor.scoring.service import builtin
from tests.unit.scoring.calls import FILLER, analysis, answer, card, evaluate, transcript

CARD = builtin("customer-service-basics")
SAID = ("hello", "thanks for calling", "how can i help you", "sorry", "a", "is it not", "my name is", "[NAME_1]", "bye")
WORDS = st.sampled_from(SAID)
LINE = st.builds(
    lambda who, words: f"{who}: {' '.join(words)}", st.sampled_from("AC"), st.lists(WORDS, min_size=1, max_size=12)
)
WEIGHT = st.floats(min_value=0.01, max_value=1000)
RULE = card("{says: {phrases: [hello]}}").questions[0].rule
WORD = st.text(string.ascii_lowercase, min_size=1, max_size=12)


def judged(evaluation: Evaluation) -> object:
    """All of it that must not depend on the moment."""
    return replace(evaluation, id="", created_at=evaluation.created_at.replace(year=2000, month=1, day=1, hour=0))


@given(st.lists(LINE, max_size=12), st.floats(min_value=0, max_value=1))
@settings(max_examples=40, deadline=None)
def test_any_transcript_gives_a_score_in_range_and_the_same_one_again(lines: list[str], confidence: float) -> None:
    text = transcript("\n".join(lines), confidence=confidence)
    first, second = evaluate(CARD, text), evaluate(CARD, text)
    assert first.answers == second.answers
    assert (first.score, first.sections, first.passed) == (second.score, second.sections, second.passed)
    assert first.score is None or 0 <= first.score <= 100
    assert len(first.answers) == len(CARD.questions)
    for found in first.answers:
        assert 0 <= found.confidence <= 1
        assert found.reason
        if found.verdict in {Verdict.YES, Verdict.NO}:
            assert found.evidence
        for evidence in found.evidence:
            assert evidence.start <= evidence.end
            assert evidence.utterance is None or evidence.utterance < len(text.utterances)


@st.composite
def counted(draw: st.DrawFn) -> tuple[Scorecard, dict[str, Answer]]:
    sections = []
    answers = {}
    for s in range(draw(st.integers(1, 4))):
        questions = []
        for q in range(draw(st.integers(1, 4))):
            name = f"q{s}.{q}"
            critical = draw(st.sampled_from(Critical))
            questions.append(Question(id=name, text="?", weight=draw(WEIGHT), rule=RULE, critical=critical))
            verdict = draw(st.sampled_from([each for each in Verdict if each is not Verdict.ANSWERED]))
            answers[name] = Answer(
                question=name, verdict=verdict, evidence=(), confidence=1, rule="t", points=None, reason="r"
            )
        sections.append(Section(id=f"s{s}", title=f"S{s}", weight=draw(WEIGHT), questions=tuple(questions)))
    built = Scorecard(
        id="p", version=1, title="P", languages=("en",), pass_mark=50, floor=0.4, sections=tuple(sections)
    )
    return built, answers


@given(counted())
@settings(deadline=None)
def test_scores_stay_in_range_and_a_yes_never_costs(drawn: tuple[Scorecard, dict[str, Answer]]) -> None:
    scorecard, answers = drawn
    result = tally(scorecard, answers)
    assert result.score is None or 0 <= result.score <= 100
    assert (result.score is None) == all(
        item.verdict in {Verdict.NOT_APPLICABLE, Verdict.CANNOT_TELL} for item in answers.values()
    )
    for name, item in answers.items():
        if item.verdict is Verdict.NO:
            better = tally(scorecard, answers | {name: replace(item, verdict=Verdict.YES)})
            assert (better.score or 0) >= (result.score or 0)


@given(st.lists(st.sampled_from(FILLER.splitlines()), min_size=1, max_size=6), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_unrelated_turns_change_no_verdict_about_what_was_said(filler: list[str], place: int) -> None:
    said = "A: is there anything else I can help you with\nC: no that is all for today then"
    lines = [*filler[:place], *said.splitlines(), *filler[place:]]
    rule = card("{says: {phrases: [anything else i can help]}}")
    assert answer(evaluate(rule, transcript("\n".join([*lines, *FILLER.splitlines()])))).verdict is Verdict.YES


@given(st.permutations(range(4)))
def test_the_order_of_findings_does_not_matter(order: list[int]) -> None:
    from tests.unit.scoring.calls import hold

    holds = [replace(hold(10.0 * i, 10.0 * i + 5), id=f"h{i}") for i in range(4)]
    rule = card("{finding: {kind: hold, at_least: 3}}")
    text = transcript(FILLER)
    straight = evaluate(rule, text, analysis(findings=holds))
    mixed = evaluate(rule, text, analysis(findings=[holds[i] for i in order]))
    assert straight.answers == mixed.answers


@given(st.lists(WORD, min_size=2, max_size=8), st.lists(WORD, max_size=10), st.lists(WORD, max_size=10))
@settings(deadline=None)
def test_a_phrase_said_word_for_word_is_always_found(phrase: list[str], front: list[str], back: list[str]) -> None:
    text = transcript("A: " + " ".join([*front, *phrase, *back]))
    hits = Stream(text.utterances).find(" ".join(phrase), exact=False)
    # Fillers alone are no phrase.
    assert hits == [] or max(hit.score for hit in hits) >= ACCEPT


@given(WORD, WORD)
def test_nearness_is_a_degree(said: str, wanted: str) -> None:
    assert near(said, said) == 1.0
    assert near(said, wanted) in {0.0, 0.8, 1.0}
    assert sound(said) == sound(said)


@given(st.text(alphabet="ab()[]{}*+?|\\.,019^$-", max_size=40))
@settings(max_examples=300, deadline=None)
def test_accepted_patterns_compile_and_are_quick(pattern: str) -> None:
    import re
    import time

    if check_pattern(pattern) is None:
        began = time.process_time()
        re.compile(pattern, re.IGNORECASE).search("a" * 300 + "ab" * 100)
        assert time.process_time() - began < 1


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_the_loader_in_another_way(text: str) -> None:
    from candor.errors import CandorError

    with pytest.raises(CandorError):
        load_scorecard(text)
