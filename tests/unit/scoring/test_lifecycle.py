"""Drafts: what can be done to their parts, what is wrong with them and where, and what a version changes."""

from __future__ import annotations

import copy
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.errors import InvalidInput
from candor.scoring.dumper import dump_scorecard
from candor.scoring.lifecycle import checking, drafting
from candor.scoring.lifecycle.changes import Sort, changes
from candor.scoring.loader import load_scorecard
from candor.scoring.service import builtin, builtin_yaml
from tests.unit.scoring.test_kinds import EVERYTHING

BASICS = "customer-service-basics"


@pytest.fixture
def tree() -> drafting.Tree:
    return dict(yaml.safe_load(EVERYTHING))


def ids(tree: drafting.Tree) -> list[str]:
    return [str(drafting.at(tree, path)["id"]) for path in drafting.paths(tree) if drafting.at(tree, path).get("id")]


def test_a_blank_draft_can_be_published() -> None:
    checked = checking.check(drafting.blank("mine", "Mine"))
    assert checked.faults == ()
    assert checked.scorecard is not None
    assert checked.scorecard.title == "Mine"


@pytest.mark.parametrize("kind", sorted(drafting.STARTERS))
def test_what_a_new_question_begins_with_is_right(kind: str) -> None:
    tree, path = drafting.add_question(drafting.blank("mine", "Mine"), "s0")
    assert path == "s0.q1"
    tree = drafting.set_kind(tree, path, kind)
    assert checking.check(tree).faults == ()


def test_every_verb_leaves_the_tree_that_it_was_given(tree: drafting.Tree) -> None:
    before = copy.deepcopy(tree)
    drafting.add_question(tree, "s0")
    drafting.add_section(tree)
    drafting.duplicate(tree, "s0")
    drafting.remove(tree, "s0.q0")
    drafting.move(tree, "s0.q0", 1)
    drafting.set_fields(tree, "s0", {"title": "Other"})
    drafting.set_kind(tree, "s0.q0", "text")
    assert tree == before


def test_moving_goes_on_into_the_next_section(tree: drafting.Tree) -> None:
    order = [drafting.at(tree, path)["id"] for path in drafting.paths(tree) if path.rpartition(".")[2][0] == "q"]
    assert order[:3] == ["greeted", "reason", "warmth"]
    moved, path = drafting.move(tree, "s0.q1", 1)
    assert (path, drafting.at(moved, path)["id"]) == ("s0.s0.q0", "reason")
    back, path = drafting.move(moved, path, -1)
    assert (path, back) == ("s0.q1", tree)
    assert drafting.move(tree, "s0.q0", -1) == (tree, "s0.q0")
    sections, path = drafting.move(tree, "s1", -1)
    assert path == "s0"
    assert [part["title"] for part in sections["sections"]] == ["Work", "Opening", "Extra"]


def test_a_copy_has_ids_of_its_own(tree: drafting.Tree) -> None:
    twin, path = drafting.duplicate(tree, "s0")
    assert path == "s1"
    found = ids(twin)
    assert len(found) == len(set(found))
    assert len(found) > len(ids(tree))


@pytest.mark.parametrize("path", ["s9", "q0", "s0.q9", "s0.x1", "", "s0..q1", "s-1", "s0.q0.q0"])
def test_a_part_that_is_not_there(tree: drafting.Tree, path: str) -> None:
    with pytest.raises(InvalidInput, match="not there"):
        drafting.at(tree, path)


def test_faults_are_told_where_they_are(tree: drafting.Tree) -> None:
    wrong = drafting.set_fields(tree, "s0.q0", {"weight": "much"})
    wrong = drafting.set_fields(wrong, "s1.q1", {"number": {"bands": [{"share": 2}]}})
    checked = checking.check(wrong)
    assert checked.scorecard is None
    assert "weight: must be a number" in checked.at("s0.q0")[0].message
    assert "must be from 0 to 1" in checked.at("s1.q1")[0].message
    assert len(checked.faults) == 2


def test_faults_of_a_section_and_of_the_whole(tree: drafting.Tree) -> None:
    heavy = checking.check(drafting.set_fields(tree, "s0.s0.q0", {"weight": 60}))
    assert heavy.at("s0.s0")[0].message.endswith("sum to 110 %, not to 100 %.")
    light = checking.check(drafting.set_fields(tree, "s1", {"weight": 30}))
    assert light.at("")[0].message.startswith("The weights of its sections sum to 90 %")
    waiting = {"answer": {"question": "nobody", "is": "yes"}}
    lost = checking.check(drafting.set_fields(tree, "s1.q0", {"applies_when": waiting}))
    assert 'no question "nobody"' in lost.at("s1.q0")[0].message


def test_weights_come_to_shares_of_the_whole(tree: drafting.Tree) -> None:
    held = checking.weights(tree)
    assert held["s0.s0.q0"].share == 0.5
    assert held["s0.s0.q0"].whole == pytest.approx(0.6 * 0.4 * 0.5)
    assert held["s1.q2"].whole == 0  # words
    counted = [path for path in held if path.rpartition(".")[2][0] == "q" and not path.startswith("s2")]
    assert sum(held[path].whole for path in counted) == pytest.approx(1)
    assert checking.together(tree) == 100


def test_a_draft_of_the_built_in_one_is_checked_in_no_time() -> None:
    tree = yaml.safe_load(dump_scorecard(builtin(BASICS)))
    assert checking.check(tree).scorecard == builtin(BASICS)
    began = time.process_time()
    checking.check(tree)
    assert time.process_time() - began < 0.5


NAMES = [
    "id",
    "title",
    "text",
    "weight",
    "sections",
    "questions",
    "kind",
    "options",
    "rule",
    "scale",
    "number",
    "bonus",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_whatever_somebody_typed_is_checked_and_never_breaks(value: object) -> None:
    tree = {"id": "x", "version": 1, "title": "X", "sections": [value, {"title": "S", "questions": [value]}]}
    checked = checking.check(tree)
    assert checked.scorecard is not None or checked.faults
    checking.weights(tree)


# -- differences ---------------------------------------------------------------------------------------------------


def told(old: str, new: str) -> set[str]:
    return {str(each) for each in changes(load_scorecard(old), load_scorecard(new))}


def test_the_same_is_no_change() -> None:
    assert changes(builtin(BASICS), load_scorecard(builtin_yaml(BASICS))) == ()


def test_the_first_version_is_one_line() -> None:
    (only,) = changes(None, builtin(BASICS))
    assert only.sort is Sort.ADDED


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id: everything\nversion: 3", "id: everything\nversion: 4\npass_mark: 80", "pass mark 70 → 80"),
        ("segments: each", "segments: whole", "segments each → whole"),
        ('text: "Greeted?", weight: 40', 'text: "Hello?", weight: 40', "wording Greeted? → Hello?"),
        ("critical: section, rule", "critical: none, rule", "critical section → none"),
        ("{says: {phrases: [good morning]}}", "{says: {phrases: [good day]}}", "is answered by another rule"),
        ("comment: on_loss", "comment: always", "comment on_loss → always"),
        ("fails_at: 1", "fails_at: 2", "other options, scale or bands"),
        ("at_least: 30", "at_least: 60", "is asked under another condition"),
        ("na_allowed: false", "na_allowed: true", "n/a allowed no → yes"),
        ("bonus: true\n", "bonus: true\n    id: more\n", '"Extra" (more) was added'),
        ("id: praise", "id: applause", '"Praise?" (praise) was removed'),
    ],
)
def test_changes_in_words(old: str, new: str, words: str) -> None:
    assert EVERYTHING.count(old) == 1
    found = told(EVERYTHING, EVERYTHING.replace(old, new))
    assert any(words in each for each in found), found
