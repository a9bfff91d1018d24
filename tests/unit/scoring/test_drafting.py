"""Scorecards drafted from charts and policies: ours, and those of the shared material."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from candor.conversation.evaluation import Verdict
from candor.errors import InvalidInput
from candor.scoring.drafting import draft
from candor.scoring.dumper import dump_scorecard
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard, Steps
from candor.scoring.service import score
from tests.unit.scoring import calls

CHART: dict[str, Any] = {
    "title": "Card balance",
    "replies": {
        "hello": "Hello, how can I help?",
        "ask_name": "Could I have your full name, please?",
        "ask_account": "What is your account number, please?",
        "ask_pin": "And your PIN, please?",
        "query": "Query",
        "query_ok": "Succeeded",
        "query_failed": "Failed",
        "tell": "Your current balance is {amount} in credit.",
        "sorry": "I am sorry, but I cannot authenticate you.",
        "more": "Is there anything else that I can do for you?",
        "lost": "I did not quite understand that.",
    },
    "graph": {
        "hello": "ask_name",
        "ask_name": "ask_account",
        "ask_account": ["ask_pin"],
        "ask_pin": "query",
        "query_ok": "tell",
        "query_failed": "sorry",
        "tell": "more",
    },
}
GIVEN = """C: my name is [NAME_1]
A: what is your account number please
C: it is [ACCOUNT_1]
A: and your pin please
C: [PASSWORD_1]"""
TOLD = "A: your current balance is nine pounds in credit"
GOOD = f"A: hello how can i help\nC: what do i have\nA: could i have your full name please\n{GIVEN}\n{TOLD}"


def answers(card: Scorecard, lines: str) -> dict[str, Verdict]:
    text = calls.transcript(lines)
    made = score(card, text, calls.analysis(), conversation_id="x", transcript_id="t", pii=calls.spans(text))
    return {answer.question: answer.verdict for answer in made.answers}


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return draft(json.dumps(CHART), "card-balance")


def test_a_chart_becomes_a_scorecard_that_loads(card: Scorecard) -> None:
    assert load_scorecard(dump_scorecard(card)) == card
    assert (card.id, card.title) == ("card-balance", "Card balance")
    order = card.question("steps-in-order")
    assert order is not None
    assert isinstance(order.rule, Steps)
    steps = {step.id: step.after for step in order.rule.steps}
    assert list(steps) == ["hello", "ask-name", "ask-account", "ask-pin", "tell", "sorry", "more"]
    assert steps["ask-pin"] == ("hello", "ask-name", "ask-account")
    # the arrow from the decision to its answer is not drawn, and meant
    assert set(steps["tell"] or ()) == {"hello", "ask-name", "ask-account", "ask-pin"}


def test_a_good_call_is_good_and_others_fail_where_they_should(card: Scorecard) -> None:
    good = answers(card, GOOD)
    assert (good["steps-in-order"], good["identity-verified"], good["outcome"]) == (Verdict.YES,) * 3
    early = answers(
        card,
        f"C: hello\nA: your current balance is nine pounds in credit\nA: could i have your full name please\n{GIVEN}",
    )
    assert early["steps-in-order"] is Verdict.NO
    assert early["identity-verified"] is Verdict.NO  # given only after it was told
    refused = answers(
        card,
        f"A: could i have your full name please\n{GIVEN}\nA: i am sorry but i cannot authenticate you\nC: what a pity",
    )
    assert (refused["identity-verified"], refused["outcome"]) == (Verdict.NO, Verdict.NO)


def test_a_chart_that_asks_nothing_secret_has_no_question_about_identity() -> None:
    chart = {
        "replies": {"a": "Hello, what can I do?", "b": "At what time shall we come?", "c": "It is booked, thank you."},
        "graph": {"a": "b", "b": "c"},
    }
    made = draft(json.dumps(chart))
    assert [question.id for question in made.questions][:2] == ["steps-in-order", "outcome"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not json", "draft.json"),
        ("[]", "draft.unknown"),
        ("{}", "draft.unknown"),
        ('{"a": 1}', "draft.unknown"),
        ('{"replies": {}, "graph": {}}', "draft.empty"),
        ('{"replies": {"a": "One two three"}, "graph": {"a": "a"}}', "draft.empty"),
        ('{"flow": {"subflows": {}}}', "draft.empty"),
        ('{"flow": {"subflows": {"x": {"actions": []}}}}', "draft.empty"),
        ("[" * 100_000, "draft.json"),
    ],
)
def test_what_cannot_be_drafted_from_is_refused(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as told:
        draft(text)
    assert told.value.code == code


def test_a_large_chart_stays_within_the_limits_of_a_scorecard() -> None:
    names = [f"s{i}" for i in range(60)]
    says = {name: f"This is the sentence number {i} about topic {i * 7}, is it right?" for i, name in enumerate(names)}
    made = draft(json.dumps({"replies": says, "graph": dict(pairwise(names))}))
    assert load_scorecard(dump_scorecard(made)) == made


@pytest.mark.shared
def test_every_chart_of_the_shared_material_becomes_a_valid_scorecard(shared: Path) -> None:
    charts = sorted((shared / "text_quality_star" / "tasks").glob("*/*.json"))
    charts = [path for path in charts if path.stem == path.parent.name]
    assert len(charts) >= 8
    for path in charts:
        made = draft(path.read_text("utf-8"), path.stem)
        assert load_scorecard(dump_scorecard(made)) == made, path.stem
        assert {"steps-in-order", "outcome"} <= {question.id for question in made.questions}
        assert (made.question("identity-verified") is not None) == path.stem.startswith("bank"), path.stem


@pytest.mark.shared
def test_the_guidelines_of_a_shop_become_a_valid_scorecard(shared: Path) -> None:
    """ABCD: 10 flows, 55 sub-flows; each sub-flow is asked where the conversation is about it."""
    folder = shared / "text_policy_abcd"
    guidelines = json.loads((folder / "guidelines.json").read_text("utf-8"))
    made = draft((folder / "guidelines.json").read_text("utf-8"), "shop")
    assert load_scorecard(dump_scorecard(made)) == made
    assert {section.title for section in made.sections} == set(guidelines)
    asked = {question.id.split(".")[0] for question in made.questions}
    wanted = [name for flow in guidelines.values() for name in flow["subflows"]]
    assert len(asked) == len(set(wanted)) == 55
    for_people = [question.id for question in made.questions if not question.automatic]
    assert 0 < len(for_people) < 20, for_people
    size = made.question("return-due-to-size.steps")
    assert size is not None
    assert isinstance(size.rule, Steps)
    assert "Membership" in size.guidance
    assert size.applies_when.rule is not None
