"""A checklist answered from the sound of a call that is none of ours: import, transcript, redaction, answers.

A call of two and a half minutes; a second one, twice as long, is in ``tests/soak``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.product import ROOT, Candor

pytestmark = [pytest.mark.slow, pytest.mark.shared]

CARD = ROOT / "tests" / "vectors" / "quality" / "checklist.yaml"
AGENT, WHOLE = "lca_demo_agent.wav", "PCA_Auto0_Mono.wav"
FACTS = {
    # What the agent was to say (refs_lca_demo_agent.json); the caller's side is silent in this recording.
    (AGENT, "greeting"): "yes",  # "Thanks for calling ACME Bank. My name is Babu."
    (AGENT, "offers-help"): "yes",  # "How can i help you?"
    (AGENT, "name-check"): "yes",  # "Thanks Bob!"
    (AGENT, "read-back"): "no",  # nothing of an account is spoken of
    (AGENT, "further-help"): "yes",  # "Is there anything else I can help you with today?"
    (AGENT, "closing"): "yes",  # "We appreciate your business. ... Have a great day."
    # A whole call, both voices in one channel, without a reference; as it is heard.
    (WHOLE, "greeting"): "yes",  # "Thank you for calling ... This is ..."
    (WHOLE, "offers-help"): "yes",  # "How can I help you today?"
    (WHOLE, "name-check"): "yes",  # "Can I get your first and last name"
    (WHOLE, "read-back"): "no",  # a garage's number is told, none of the customer's is read back
    (WHOLE, "further-help"): "no",
    (WHOLE, "closing"): "yes",  # "Have a good one."
}
"""What is true of the two recordings, by question."""


def answers(shared: Path, folder: Path, name: str) -> dict[str, Any]:
    """What ``candor score`` says of a recording, by question."""
    sound = shared / "audio_calls_aws" / "dev" / "audio" / name
    if not sound.is_file():
        pytest.skip("the AWS sample calls (../shared/data/audio_calls_aws) are not on this machine")
    candor = Candor(folder / "data", {"CANDOR_RESIDUAL_CHECK": "off"})
    taken = candor.run("import", sound, "--json", timeout=1_500)
    assert taken.code == 0, taken.err
    (one,) = taken.json["imported"]
    (evaluation,) = candor.json("score", one["id"], "--scorecard", CARD)["evaluations"]
    assert evaluation["scorecard"] == "checklist"
    return {answer["question"]: answer for answer in evaluation["answers"]}


def check(told: dict[str, Any], file: str, question: str) -> None:
    """The answer is right, and says where."""
    answer = told[question]
    assert answer["verdict"] == FACTS[file, question], answer["reason"]
    assert answer["rule"] == f"checklist/{question}@1+engine.1"
    assert 0.4 <= answer["confidence"] <= 1
    assert answer["evidence"]
    for each in answer["evidence"]:
        assert 0 <= each["start"] <= each["end"] <= 280
        if answer["verdict"] == "yes":
            assert each["quote"]


@pytest.fixture(scope="module")
def told(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return answers(shared, tmp_path_factory.mktemp("checklist"), AGENT)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("question", [question for file, question in FACTS if file == AGENT])
def test_the_checklist_is_answered_right_from_the_sound(told: dict[str, Any], question: str) -> None:
    check(told, AGENT, question)
