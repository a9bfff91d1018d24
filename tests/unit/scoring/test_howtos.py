"""What the how-to guides show can be used as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from candor.capture.files import read_chat
from candor.scoring.drafting import draft
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Ask

DOCS = Path(__file__).resolve().parents[3] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return [
        "\n".join(line.removeprefix(indent) for line in body.splitlines())
        for indent, body in re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("page", ["howto/score-conversations.md", "howto/judge-with-a-language-model.md"])
def test_every_scorecard_of_a_guide_loads(page: str) -> None:
    found = [load_scorecard(text) for text in blocks(page, "yaml")]
    assert found
    if "judge" in page:
        assert all(isinstance(question.rule, Ask) for card in found for question in card.questions)


def test_the_chart_of_the_guide_can_be_drafted() -> None:
    (chart,) = blocks("howto/score-conversations.md", "json")
    made = draft(chart)
    assert [question.id for question in made.questions][:3] == ["steps-in-order", "identity-verified", "outcome"]


def test_the_chat_of_the_reference_is_read() -> None:
    (chat,) = [text for text in blocks("reference/import.md", "json") if "messages" in text]
    read = read_chat(json.loads(chat))
    assert [each.start for each in read.transcript.utterances] == [5.0, 25.0]
    assert read.notes == ()
