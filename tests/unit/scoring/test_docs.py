"""The reference names every field and rule kind that the code reads, and its examples load."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from candor.conversation.transcript import PiiKind
from candor.scoring.loader import FIELDS, RULE_KINDS, load_scorecard
from candor.scoring.vocabulary import DEFAULT

DOCS = Path(__file__).resolve().parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "scorecards.md").read_text(encoding="utf-8")
HEADINGS = {"scorecard": "The scorecard", "section": "Section", "question": "Question"}


def part(heading: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#+ |\Z)", REFERENCE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/reference/scorecards.md has no heading {heading}"
    return found[1]


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_every_field_is_documented_and_no_other(kind: str) -> None:
    rows = re.findall(r"^\| (`[^|]*`) \|", part(HEADINGS.get(kind, kind)), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert documented == FIELDS[kind]


def test_every_rule_kind_is_documented() -> None:
    headings = set(re.findall(r"^### (.+)$", REFERENCE, re.MULTILINE))
    documented = {name for heading in headings for name in heading.split(", ")}
    assert set(RULE_KINDS) <= documented


def test_kinds_of_findings_and_personal_data_are_listed() -> None:
    assert all(f"`{kind}`" in part("finding") for kind in DEFAULT.findings)
    assert all(f"`{kind.value}`" in part("pii") for kind in PiiKind)


def test_the_example_of_the_guide_loads() -> None:
    guide = (DOCS / "howto" / "write-a-scorecard.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert len(load_scorecard(textwrap.dedent(example)).questions) == 4
