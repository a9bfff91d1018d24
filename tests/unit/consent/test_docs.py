"""The reference page names every level, purpose, channel, action and field of the answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from candor.consent import pack, plain
from candor.consent.decide import decide
from candor.consent.model import ActionVerb
from tests.unit.consent.cases import TODAY, facts

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "consent-decisions.md"


def test_the_page_names_what_there_is() -> None:
    named = set(re.findall(r"`([^`\n]+)`", PAGE.read_text(encoding="utf-8")))
    law = pack.builtin().on(TODAY)
    answer = plain.decision(decide(pack.builtin(), facts({"purpose": "quality", "extra_legs": ["DE"]})))
    wanted = {str(verb) for verb in ActionVerb} | {each.id for each in law.head.purpose}
    wanted |= {each.id for each in law.head.channel} | set(answer) - {"purpose", "channel"}
    assert wanted - named == set()


@pytest.mark.parametrize("level", ["0", "1", "2", "3", "4", "9"])
def test_the_page_explains_every_level(level: str) -> None:
    assert f"| {level} | " in PAGE.read_text(encoding="utf-8")


def test_the_page_gives_the_pack_that_ships() -> None:
    assert f"Version {pack.builtin().version}" in PAGE.read_text(encoding="utf-8")
