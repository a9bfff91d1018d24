"""Scorecards out of YAML: what is refused and how the sentence names the place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from candor.conversation.model import Direction, Role
from candor.errors import InvalidInput, NotFound, TooLarge
from candor.scoring.dumper import dump_scorecard
from candor.scoring.loader import MAX_BYTES, load_scorecard
from candor.scoring.model import Critical, Says
from candor.scoring.patterns import check_pattern
from candor.scoring.service import builtin, builtin_yaml, builtins
from tests.unit.scoring.calls import card

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "scorecards"
BAD = sorted(VECTORS.glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_scorecards_are_refused_with_their_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    expected = text.splitlines()[0].removeprefix("# expect: ")
    began = time.process_time()
    with pytest.raises(InvalidInput) as refusal:
        load_scorecard(text)
    assert expected in refusal.value.message
    assert refusal.value.code == "scorecard.invalid"
    assert time.process_time() - began < 2


def test_there_are_vectors() -> None:
    assert len(BAD) >= 50


def test_too_large() -> None:
    with pytest.raises(TooLarge):
        load_scorecard("#" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    "pattern", [r"\bthis is [A-Z][a-z]{1,20}\b", r"(?:ab|cd)?x", r"\d{4}", "a+b", r"[)(*+]x", r"\(a\)+"]
)
def test_harmless_patterns_are_taken(pattern: str) -> None:
    assert check_pattern(pattern) is None


def test_builtin_round_trip() -> None:
    assert builtins() == ("customer-service-basics",)
    scorecard = builtin("customer-service-basics")
    assert load_scorecard(dump_scorecard(scorecard)) == scorecard
    assert len(scorecard.questions) >= 17
    with pytest.raises(NotFound):
        builtin("nothing")


def test_builtin_yaml_is_what_people_copy() -> None:
    data = yaml.safe_load(builtin_yaml("customer-service-basics"))
    assert data["title"] == "Customer service basics"
    assert {section["weight"] for section in data["sections"]}


def test_every_rule_kind_round_trips() -> None:
    rule = """{all: [
      {says: {phrases: [hello, good morning], patterns: ['\\bhi\\b'], unless: [hello kitty], by: [agent, system],
              first: 20, times: 2, exact: true}},
      {never_says: {phrases: [whatever], by: anyone, last: 30}},
      {meaning: {examples: [I understand], threshold: 0.7, within: 30,
                 after: {says: {phrases: [broken], by: customer}}}},
      {metric: {name: hold.count, op: '<=', threshold: 2}},
      {sentiment: {of: agent, measure: change, op: '>', threshold: -0.1}},
      {order: {first: {says: {phrases: [a phrase]}}, then: {says: {phrases: [another phrase]}}}},
      {pii: {kinds: [NAME, DOB], at_least: 2, by: customer, before: {says: {phrases: [balance]}}}},
      {finding: {kind: hold, present: false, by: agent, min_value: 10, at_least: 2}},
      {not: {any: [{finding: {kind: dead_air}}]}}]}"""
    question = "applies_when: {direction: [inbound], finding: hold, metric: {name: hold.count, op: '>', threshold: 0}}"
    scorecard = card(rule, extra=question)
    assert load_scorecard(dump_scorecard(scorecard)) == scorecard
    assert scorecard.questions[0].applies_when.directions == (Direction.INBOUND,)


def test_defaults() -> None:
    scorecard = card("{says: {phrases: hello}}")
    (question,) = scorecard.questions
    assert question.rule == Says(phrases=("hello",), by=(Role.AGENT,), times=1)
    assert question.critical is Critical.NONE
    assert (scorecard.pass_mark, scorecard.floor, scorecard.languages) == (70, 0.4, ("en",))
    assert scorecard.sections[0].id == "s"


@pytest.mark.parametrize("name", ["medium", "queue", "the_scorecards_media", "the_scorecards_queues"])
def test_what_was_taken_in_before_it_was_looked_for_is_still_read(name: str) -> None:
    text = (VECTORS / f"unreachable_by_{name}.yaml").read_text(encoding="utf-8")
    assert load_scorecard(text, vocabulary=None).id == "bad"
