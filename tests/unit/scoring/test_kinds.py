"""Questions of every kind: read, written, answered by rules and figures, put on forms, and counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candor.conversation.codec import dumps, loads
from candor.conversation.evaluation import Answer, AnswerKind, Evaluation, Value, Verdict
from candor.conversation.model import Medium
from candor.errors import InvalidInput
from candor.scoring.conditions import in_order
from candor.scoring.dumper import dump_scorecard
from candor.scoring.form import questions_asked, validate_answers
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard, Segments, Weights
from candor.scoring.points import fails, share, tally
from candor.scoring.service import override
from tests.unit.scoring.calls import FILLER, analysis, answer, evaluate, transcript

EVERYTHING = """
id: everything
version: 3
title: Everything
weights: percent
media: [voice, chat]
queues: [sales, service]
segments: each
sections:
  - title: Opening
    weight: 60
    questions:
      - {id: greeted, text: "Greeted?", weight: 40, critical: section, rule: {says: {phrases: [good morning]}}}
      - id: reason
        text: What was it about?
        kind: choice
        weight: 20
        critical: question
        options:
          - {id: billing, label: A bill, share: 1, rule: {says: {phrases: [my bill], by: customer}}}
          - {id: leaving, label: Leaving, share: 0.5, fails: true, rule: {says: {phrases: [cancel], by: customer}}}
          - {id: other, label: Something else, share: 0}
    sections:
      - title: Tone
        weight: 40
        questions:
          - id: warmth
            text: How warm?
            kind: range
            weight: 50
            comment: on_loss
            critical: all
            scale: {low: 1, high: 5, low_label: cold, high_label: warm, fails_at: 1}
          - id: pace
            text: How quick?
            kind: range
            weight: 50
            scale: {low: 1, high: 5, good: low, metric: response.median.agent, low_at: 1, high_at: 9}
  - title: Work
    weight: 40
    questions:
      - id: mistakes
        text: Which mistakes?
        kind: multi_choice
        weight: 50
        options:
          - {id: price, label: Wrong price, share: -0.5, rule: {says: {phrases: [ten dollars]}}}
          - {id: name, label: Wrong name, share: -0.75, rule: {says: {phrases: [dear sir]}}}
      - id: held
        text: Longest hold?
        kind: number
        weight: 50
        number:
          unit: seconds
          least: 0
          metric: hold.longest
          bands: [{below: 30, share: 1}, {below: 120, share: 0.5}, {share: 0}]
      - {id: why_held, text: "Why so long?", kind: text, comment: optional,
         applies_when: {answer: {question: held, at_least: 30}}}
      - {id: due, text: "Promised for when?", kind: date, na_allowed: false, comment: always}
      - {id: retained, text: "Did they stay?", scored: false, applies_when: {answer: {question: reason, is: leaving}}}
  - title: Extra
    weight: 10
    bonus: true
    questions:
      - {id: praise, text: "Praise?", weight: 100, rule: {says: {phrases: [thank you so much], by: customer}}}
"""


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return load_scorecard(EVERYTHING)


def given(question: str, verdict: Verdict, value: Value | None = None, reason: str = "") -> Answer:
    return Answer(
        question=question,
        verdict=verdict,
        evidence=(),
        confidence=1,
        rule="human",
        points=None,
        reason=reason,
        value=value,
    )


def sheet(**values: Value | bool | None) -> dict[str, Answer]:
    """Answers by id: True and False are yes and no, None is n/a, the rest is a value."""
    answers = {}
    for name, value in values.items():
        if value is None:
            answers[name] = given(name, Verdict.NOT_APPLICABLE)
        elif isinstance(value, bool):
            answers[name] = given(name, Verdict.YES if value else Verdict.NO)
        else:
            answers[name] = given(name, Verdict.ANSWERED, value)
    return answers


def test_everything_round_trips(card: Scorecard) -> None:
    assert load_scorecard(dump_scorecard(card)) == card
    assert card.weights is Weights.PERCENT
    assert card.segments is Segments.EACH
    assert [section.id for section in card.walk()] == ["opening", "tone", "work", "extra"]
    assert [question.id for question in card.questions][:4] == ["greeted", "reason", "warmth", "pace"]
    assert {question.kind for question in card.questions} == set(AnswerKind)


def test_where_it_is_used(card: Scorecard) -> None:
    assert card.used_for(Medium.CHAT, "sales")
    assert not card.used_for(Medium.EMAIL, "sales")
    assert not card.used_for(Medium.CHAT, "returns")
    assert not card.used_for(Medium.CHAT, None)
    assert replace(card, queues=(), media=()).used_for(Medium.EMAIL, None)


@pytest.mark.parametrize(
    ("name", "value", "worth"),
    [
        ("reason", "billing", 1.0),
        ("reason", "other", 0.0),
        ("reason", "leaving", 0.0),  # half, but it fails a critical question
        ("warmth", 1.0, 0.0),
        ("warmth", 4.0, 0.75),
        ("pace", 1.0, 1.0),
        ("pace", 5.0, 0.0),
        ("mistakes", (), 1.0),
        ("mistakes", ("price",), 0.5),
        ("mistakes", ("price", "name"), 0.0),
        ("held", 0.0, 1.0),
        ("held", 29.9, 1.0),
        ("held", 30.0, 0.5),
        ("held", 500.0, 0.0),
        ("why_held", "a slow system", None),
        ("due", "2026-05-04", None),
    ],
)
def test_what_an_answer_is_worth(card: Scorecard, name: str, value: Value, worth: float | None) -> None:
    question = card.question(name)
    assert question is not None
    assert share(question, given(name, Verdict.ANSWERED, value)) == worth


def test_the_arithmetic_by_hand(card: Scorecard) -> None:
    result = tally(
        card, sheet(greeted=True, reason="other", warmth=4.0, pace=3.0, mistakes=("price",), held=10.0, praise=None)
    )
    # Tone: (.75 + .5) / 2. Opening: .4 × 1 + .2 × 0 + .4 × .625. Work: (.5 + 1) / 2.
    assert {each.section: each.score for each in result.sections} == {
        "opening": 65.0, "tone": 62.5, "work": 75.0, "extra": None,
    }  # fmt: skip
    assert result.score == 69.0
    assert result.passed is False
    lifted = tally(
        card, sheet(greeted=True, reason="other", warmth=4.0, pace=3.0, mistakes=("price",), held=10.0, praise=True)
    )
    assert (lifted.score, lifted.passed) == (79.0, True)


def test_a_bonus_never_lowers_and_stops_at_100(card: Scorecard) -> None:
    best = {"greeted": True, "reason": "billing", "warmth": 5.0, "pace": 1.0, "mistakes": (), "held": 1.0}
    assert tally(card, sheet(**best, praise=True)).score == 100
    assert tally(card, sheet(**best, praise=False)).score == 100
    assert tally(card, sheet(praise=True)).score is None


def test_critical_answers_of_other_kinds(card: Scorecard) -> None:
    fatal = tally(card, sheet(greeted=True, warmth=1.0, held=1.0))
    assert (fatal.score, fatal.passed, fatal.critical_failures) == (0.0, False, ("warmth",))
    zeroed = tally(card, sheet(greeted=False, reason="billing", warmth=5.0, pace=1.0, held=1.0))
    assert {each.section: each.score for each in zeroed.sections}["opening"] == 0
    assert {each.section: each.score for each in zeroed.sections}["tone"] == 100
    assert zeroed.score == 40


def test_a_suggestion_is_shown_and_not_counted(card: Scorecard) -> None:
    answers = sheet(greeted=False, mistakes=(), held=1.0)
    answers["greeted"] = replace(answers["greeted"], suggested=True)
    result = tally(card, answers)
    assert (result.score, result.critical_failures) == (100, ())
    assert [(each.verdict, each.points) for each in result.answers if each.question == "greeted"] == [
        (Verdict.NO, None)
    ]


# -- automatic answers ---------------------------------------------------------------------------------------------

CALL = "A: good morning how can I help you today\nC: I want to cancel all of it please now\nA: that is ten dollars\n"


def automatic(card: Scorecard, lines: str = CALL, **metrics: float) -> Evaluation:
    return evaluate(card, transcript(lines + FILLER), analysis(metrics=metrics))


def test_rules_choose_options_and_figures_answer(card: Scorecard) -> None:
    made = automatic(card, **{"hold.longest": 45.0, "response.median.agent": 3.0})
    assert answer(made, "reason").value == "leaving"
    assert "Leaving" in answer(made, "reason").reason
    assert answer(made, "reason").evidence[0].quote
    assert answer(made, "mistakes").value == ("price",)
    assert (answer(made, "held").value, answer(made, "held").points) == (45.0, 25.0)
    assert (answer(made, "pace").value, answer(made, "pace").points) == (2.0, 37.5)
    assert answer(made, "warmth").verdict is Verdict.CANNOT_TELL
    assert "person" in answer(made, "warmth").reason
    assert answer(made, "why_held").verdict is Verdict.CANNOT_TELL
    assert answer(made, "retained").verdict is Verdict.CANNOT_TELL
    assert made.critical_failures == ("reason",)
    assert loads(Evaluation, dumps(made)) == made


def test_what_is_left_over_and_what_does_not_apply(card: Scorecard) -> None:
    made = automatic(
        card, "A: good morning and what can I do for you\nC: well hello there my friend\n", **{"hold.longest": 2.0}
    )
    assert answer(made, "reason").value == "other"
    assert answer(made, "mistakes").value == ()
    assert answer(made, "why_held").verdict is Verdict.NOT_APPLICABLE
    assert "held" in answer(made, "why_held").reason
    assert answer(made, "retained").verdict is Verdict.NOT_APPLICABLE
    assert answer(made, "pace").verdict is Verdict.CANNOT_TELL  # was not measured


def test_a_person_overrides_with_a_value(card: Scorecard) -> None:
    made = automatic(card, **{"hold.longest": 45.0})
    mine = override(made, "held", Verdict.ANSWERED, "it was music, not a hold", "u1", card, value=5.0)
    assert (answer(mine, "held").value, answer(mine, "held").points) == (5.0, 50.0)
    # Whoever was not held is not asked why for so long.
    assert answer(made, "why_held").verdict is Verdict.CANNOT_TELL
    assert answer(mine, "why_held").verdict is Verdict.NOT_APPLICABLE
    said = override(mine, "held", Verdict.ANSWERED, "a hold after all", "u1", card, value=60.0)
    said = override(said, "why_held", Verdict.ANSWERED, "they said so", "u1", card, value="a slow system")
    hidden = override(said, "held", Verdict.ANSWERED, "no, music", "u1", card, value=5.0)
    assert (answer(said, "why_held").value, answer(hidden, "why_held").value) == ("a slow system", None)
    with pytest.raises(InvalidInput, match="number from 0"):
        override(made, "held", Verdict.ANSWERED, "why", "u1", card, value=-1.0)
    with pytest.raises(InvalidInput, match="Yes and no do not answer"):
        override(made, "held", Verdict.YES, "why", "u1", card)
    with pytest.raises(InvalidInput, match="Answer yes or no"):
        override(made, "greeted", Verdict.ANSWERED, "why", "u1", card, value="yes")


# -- forms ---------------------------------------------------------------------------------------------------------


def faults(card: Scorecard, answers: dict[str, Answer], *, complete: bool = True) -> dict[str, str]:
    return {fault.question: fault.code for fault in validate_answers(card, answers, complete=complete)}


FULL: dict[str, Value | bool | None] = {
    "greeted": True, "reason": "billing", "warmth": 5.0, "pace": 1.0, "mistakes": (), "held": 3.0, "praise": None,
}  # fmt: skip


def test_a_complete_sheet_has_no_fault(card: Scorecard) -> None:
    answers = sheet(**FULL) | {"due": given("due", Verdict.ANSWERED, "2026-05-04", "said at the end")}
    assert faults(card, answers) == {}


@pytest.mark.parametrize(
    ("name", "wrong", "code"),
    [
        ("greeted", given("greeted", Verdict.ANSWERED, "yes"), "kind"),
        ("reason", given("reason", Verdict.YES), "kind"),
        ("reason", given("reason", Verdict.ANSWERED, "weather"), "value"),
        ("warmth", given("warmth", Verdict.ANSWERED, 6.0), "value"),
        ("warmth", given("warmth", Verdict.ANSWERED, 2.5), "value"),
        ("warmth", given("warmth", Verdict.ANSWERED, float("nan")), "value"),
        ("warmth", given("warmth", Verdict.ANSWERED, 4.0), "comment"),  # lost a point without saying why
        ("mistakes", given("mistakes", Verdict.ANSWERED, ("name", "price")), "value"),
        ("mistakes", given("mistakes", Verdict.ANSWERED, "name"), "value"),
        ("held", given("held", Verdict.ANSWERED, -3.0), "value"),
        ("held", given("held", Verdict.ANSWERED, True), "value"),
        ("due", given("due", Verdict.ANSWERED, "4 May", "x"), "value"),
        ("due", given("due", Verdict.ANSWERED, "2026-05-04"), "comment"),
        ("due", given("due", Verdict.NOT_APPLICABLE, None, "x"), "na"),
        ("greeted", given("greeted", Verdict.YES, None, "x" * 2001), "comment"),
        ("why_held", given("why_held", Verdict.ANSWERED, "slow"), "not_asked"),
        ("nobody", given("nobody", Verdict.YES), "unknown"),
    ],
)
def test_every_fault_has_its_name(card: Scorecard, name: str, wrong: Answer, code: str) -> None:
    answers = sheet(**FULL) | {"due": given("due", Verdict.ANSWERED, "2026-05-04", "said")} | {name: wrong}
    assert faults(card, answers) == {name: code}


def test_a_draft_may_wait_for_answers_and_comments(card: Scorecard) -> None:
    answers = {"warmth": given("warmth", Verdict.ANSWERED, 4.0)}
    assert faults(card, answers, complete=False) == {}
    assert set(faults(card, answers)) == {"warmth", "greeted", "reason", "pace", "mistakes", "held", "due", "praise"}


def test_what_is_asked_follows_the_answers(card: Scorecard) -> None:
    def asked(**values: Value | bool | None) -> set[str]:
        return {question.id for question in questions_asked(card, sheet(**values))} & {"why_held", "retained"}

    assert asked() == set()
    assert asked(held=29.0, reason="billing") == set()
    assert asked(held=30.0, reason="leaving") == {"why_held", "retained"}
    assert asked(held=None, reason=None) == set()
    left = questions_asked(card, sheet(held=99.0), excluded={"held"})
    assert {question.id for question in left}.isdisjoint({"held", "why_held"})


def test_a_condition_may_look_ahead() -> None:
    card = load_scorecard(
        """{id: c, version: 1, title: C, sections: [{title: S, weight: 1, questions: [
        {id: c, text: C., applies_when: {answer: {question: b, is: [yes, no]}}, rule: {says: {phrases: [word cccc]}}},
        {id: b, text: B., applies_when: {answer: {question: a, is: no}}, rule: {says: {phrases: [word bbbb]}}},
        {id: a, text: A., rule: {says: {phrases: [word aaaa]}}}]}]}"""
    )
    assert [question.id for question in in_order(card)] == ["a", "b", "c"]
    said = evaluate(card, transcript("A: word aaaa and word cccc for you\n" + FILLER))
    assert [each.verdict for each in said.answers] == [Verdict.NOT_APPLICABLE, Verdict.NOT_APPLICABLE, Verdict.YES]
    assert [each.question for each in said.answers] == ["c", "b", "a"]
    unsaid = evaluate(card, transcript("A: and word cccc for you dear customer\n" + FILLER))
    assert [each.verdict for each in unsaid.answers] == [Verdict.YES, Verdict.NO, Verdict.NO]


def test_many_conditions_are_read_in_no_time() -> None:
    """Each question rests on the two before it: 2^60 ways up, one question each."""
    questions = ["{id: q0, text: Q.}", "{id: q1, text: Q.}"] + [
        f"{{id: q{i}, text: Q., applies_when: {{answer: [{{question: q{i - 1}, is: yes}}, "
        f"{{question: q{i - 2}, is: yes}}]}}}}"
        for i in range(2, 60)
    ]
    text = "{id: c, version: 1, title: C, sections: [{title: S, weight: 1, questions: [" + ", ".join(questions) + "]}]}"
    assert len(load_scorecard(text).questions) == 60


def test_fails_and_share_need_an_answer(card: Scorecard) -> None:
    for question in card.questions:
        for verdict in (Verdict.CANNOT_TELL, Verdict.NOT_APPLICABLE, Verdict.ANSWERED):
            assert not fails(question, given(question.id, verdict))
            assert share(question, given(question.id, verdict)) is None
