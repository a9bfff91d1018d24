"""The meaning rule with the sentence model, where it is installed."""

from __future__ import annotations

import pytest

from candor.analysis.adapters.minilm import load
from candor.conversation.evaluation import Verdict
from tests.unit.scoring.calls import FILLER, answer, card, evaluate, transcript

RULE = card(
    "{meaning: {threshold: 0.5, examples: ['I understand how frustrating this must be for you', "
    "'I can see why you are upset']}}"
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("I totally get how annoying this must be for you", Verdict.YES),
        ("it is totally understandable that you are frustrated", Verdict.YES),
        ("please give me the number on the back of your router", Verdict.NO),
        ("your parcel leaves the warehouse on Monday", Verdict.NO),
    ],
)
def test_other_words_for_the_same_thing(said: str, expected: Verdict) -> None:
    model = load()
    if model is None:
        pytest.skip("the sentence model is not installed")
    assert answer(evaluate(RULE, transcript(f"A: {said}\n{FILLER}"), embed=model)).verdict is expected
