"""Decisions on the project's own cases and on the shared ones: each case says why it is so."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from candor.consent import pack, plain
from candor.consent.decide import decide
from candor.consent.model import Facts, UnknownLeg
from candor.errors import InvalidInput
from tests.unit.consent.cases import TODAY, cases, differences, facts

SHARED = Path(__file__).resolve().parents[4] / "shared" / "law"
AGENTS = {"Texas": "US-TX", "New York": "US-NY", "Georgia": "US-GA", "Delaware": "US-DE", "Idaho": "US-ID",
          "Pennsylvania": "US-PA"}  # fmt: skip


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['file']}-{case['id']}")
def test_a_case_of_our_own(case: dict[str, Any]) -> None:
    made = decide(pack.builtin(), facts(case["facts"]))
    assert differences(made, case["expect"]) == [], case["why"]
    json.dumps(plain.decision(made))


def test_the_cases_have_every_level_sector_purpose_and_override() -> None:
    every = cases()
    assert len({(case["file"], case["id"]) for case in every}) == len(every) >= 60
    decided = [decide(pack.builtin(), facts(case["facts"])) for case in every]
    law = pack.builtin().on(TODAY)
    assert {made.level for made in decided} == {0, 1, 2, 3, 4, 9}
    assert {sector for made in decided for sector in made.sectors} == set(law.sectors)
    assert {made.purpose for made in decided} == {each.id for each in law.head.purpose}
    assert {made.channel for made in decided} == {each.id for each in law.head.channel}
    asked = {(leg.id, key) for made in decided for leg in made.legs for key in (made.purpose, made.channel)}
    overrides = {(place.id, key) for place in law.jurisdictions.values()
                 for key in (*place.purpose_overrides, *place.channel_overrides)}  # fmt: skip
    assert overrides - asked == set()


def shared_cases() -> list[dict[str, Any]]:
    path = SHARED / "cases.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared law is not on this machine")
@pytest.mark.parametrize("case", shared_cases(), ids=lambda case: str(case["id"]))
@pytest.mark.parametrize("how", ["legs", "numbers"])
def test_a_shared_case(case: dict[str, Any], how: str) -> None:
    unknown = ((UnknownLeg.US,) if case["unknown_us"] else ()) + (
        (UnknownLeg.NON_US,) if case["unknown_non_us"] else ()
    )
    if how == "legs":
        given = Facts(purpose=case["purpose"], channel=case["channel"], at=TODAY, extra_legs=tuple(case["legs"]),
                      unknown_legs=unknown)  # fmt: skip
    else:
        numbers = re.findall(r"\+[\d ]+\d", case["caller"])
        state, _, country = case["agent"].partition(", ")
        given = Facts(
            purpose=case["purpose"], channel=case["channel"], at=TODAY, caller=numbers[0],
            callee=case["callee"] if case["callee"].startswith("+") else None,
            agent_location=AGENTS.get(state, country), extra_legs=tuple(numbers[1:]), unknown_legs=unknown,
        )  # fmt: skip
    made = decide(pack.builtin(), given)
    assert [leg.id for leg in made.legs] == case["legs"]
    assert (made.level, made.announcement_recorded) == (case["level"], case["announcement_recorded"])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "consent.no_place"),
        ({"agent_location": "XX"}, "consent.place"),
        ({"agent_location": "US-ZZ"}, "consent.place"),
        ({"agent_location": "Texas"}, "consent.place"),
        ({"agent_location": ""}, "consent.place"),
        ({"agent_location": "AU-XYZ"}, "consent.place"),
        ({"agent_location": "DE", "purpose": "fun"}, "consent.purpose"),
        ({"agent_location": "DE", "channel": "smoke"}, "consent.channel"),
        ({"agent_location": "DE", "sectors": ["fishing"]}, "consent.sector"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(given: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decide(pack.builtin(), facts({"purpose": "quality", **given}))
    assert caught.value.code == code
    assert caught.value.advice


def test_the_strictest_place_decides_whatever_else_is_on_the_line() -> None:
    law = pack.builtin().on(TODAY)
    for first in law.jurisdictions:
        alone = decide(pack.builtin(), facts({"purpose": "quality", "extra_legs": [first]}))
        beside = decide(pack.builtin(), facts({"purpose": "quality", "extra_legs": [first, "US-TX", "GB"]}))
        assert beside.level >= alone.level
        assert set(alone.notice_elements) <= set(beside.notice_elements)


def test_every_reason_names_its_rule_and_a_citation() -> None:
    for case in cases():
        made = decide(pack.builtin(), facts(case["facts"]))
        assert made.reasons
        for reason in made.reasons:
            assert reason.rule
            assert reason.citation
            assert reason.sources
        assert any(reason.decisive for reason in made.reasons)
        assert made.pack == pack.builtin().version


def test_nothing_that_was_asked_comes_back_with_a_number() -> None:
    made = decide(pack.builtin(), facts({"purpose": "quality", "caller": "+14155550101", "callee": "4930 12ab9"}))
    assert "5550101" not in json.dumps(plain.decision(made))
    assert "12ab9" not in json.dumps(plain.decision(made))
