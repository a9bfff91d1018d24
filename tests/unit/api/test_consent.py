"""Consent through the API: decisions, rules, overrides, and who may."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.model import RIGHTS, Right, UserRole
from candor.api.app import create_api
from candor.services import Services
from candor.settings import load
from tests.peers import preloaded
from tests.unit.api.test_api import bearer

DECISIONS = "/api/v1/consent/decisions"
RULES = "/api/v1/consent/rules"
OVERRIDES = "/api/v1/consent/overrides"
QUESTION: dict[str, Any] = {
    "caller": "+14155550101", "callee": "+493023125012", "agent_location": "US-TX", "purpose": "quality",
    "channel": "voice", "at": "2026-11-23",
}  # fmt: skip
CHANGE = {"rule": "US-MD", "field": "engine_level", "value": 4, "author": "Dr. Nora Quist", "reason": "memo 17"}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = wiring.open_services(load(data=tmp_path / "data"))
    yield made
    made.database.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services), raise_server_exceptions=False) as made:
        yield made


def test_a_decision_has_all_that_the_issue_names(client: TestClient, services: Services) -> None:
    told = client.post(DECISIONS, json=QUESTION, headers=bearer(services, Right.CONSENT_READ))
    assert told.status_code == 200
    made = told.json()
    assert (made["level"], made["legs"], made["announcement_recorded"]) == (4, ["US-CA", "DE", "US-TX"], False)
    assert made["may_record"] is True
    assert "ask_opt_in" in [each["verb"] for each in made["actions"]]
    assert {"recording-fact", "purpose"} <= set(made["notice_elements"])
    assert made["employee_prerequisites"][0]["id"] == "US-TX.agent-policy"
    assert set(made["retention"]) >= {"min_days", "max_days", "conflict"}
    assert made["analysis_limits"]
    assert all(each["rule"] and each["citation"] for each in made["reasons"])
    assert made["confidence"] == 0.92  # of the least sure rule that was used: the AI Act's
    assert made["needs_review"] == []
    assert told.headers["cache-control"] == "no-store"


def test_names_of_the_command_line_are_taken_as_well(client: TestClient, services: Services) -> None:
    asked = {"purpose": "quality", "extra_leg": ["FR", "+14155550101"], "unknown_leg": ["us"], "sector": ["pci"]}
    made = client.post(DECISIONS, json=asked, headers=bearer(services, Right.CONSENT_READ)).json()
    assert (made["legs"], made["unknown_legs"], made["level"]) == (["FR", "US-CA"], ["us"], 3)
    assert "PCI-DSS" in made["sectors"]


def test_today_is_the_day_when_none_is_given(client: TestClient, services: Services) -> None:
    made = client.post(DECISIONS, json={**QUESTION, "at": None}, headers=bearer(services, Right.CONSENT_READ)).json()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", made["at"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"purpose": "quality"}, "consent.no_place"),
        ({"purpose": "fun", "agent_location": "DE", "caller": "+14155550101"}, "consent.purpose"),
        ({"purpose": "quality", "agent_location": "QQ"}, "consent.place"),
        ({"purpose": "quality", "agent_location": "DE", "sector": ["x"]}, "consent.sector"),
        ({"purpose": "quality", "caller": "+14155550101", "colour": "red"}, "invalid"),
        ({"purpose": "quality", "agent_location": "DE", "at": "soon"}, "invalid"),
        ({"purpose": "quality", "agent_location": "DE", "unknown_leg": ["mars"]}, "invalid"),
        ({"purpose": "quality", "extra_legs": ["DE"] * 51}, "invalid"),
        ({"agent_location": "DE"}, "invalid"),
    ],
)
def test_what_cannot_be_is_a_problem_that_echoes_nothing(
    client: TestClient, services: Services, asked: dict[str, Any], code: str
) -> None:
    told = client.post(DECISIONS, json=asked, headers=bearer(services, Right.CONSENT_READ))
    assert told.status_code == 422
    assert told.json()["code"] == code
    assert "5550101" not in told.text


def test_rules_are_shown_short_and_whole(client: TestClient, services: Services) -> None:
    headers = bearer(services, Right.CONSENT_READ)
    listed = client.get(RULES, headers=headers).json()
    assert len([each for each in listed["rules"] if each["kind"] == "place"]) == 109
    assert listed["levels"]["4"].startswith("Explicit opt-in")
    assert "must_record_mifid" in listed["purposes"]
    crossed = client.get(f"{RULES}?kind=cross", headers=headers).json()["rules"]
    assert crossed[0]["id"] == "X-STRICTEST"
    germany = client.get(f"{RULES}/DE", headers=headers).json()
    assert germany["citations"][0]["ref"] == "§ 201 StGB"
    oregon = client.get(f"{RULES}/US-OR?at=2020-06-01", headers=headers).json()
    assert oregon["channel_overrides"] == {"in_person": 2}
    assert client.get(f"{RULES}/NOWHERE", headers=headers).status_code == 404


def test_an_override_counts_at_once_and_stays_in_the_history(client: TestClient, services: Services) -> None:
    headers = bearer(services, Right.CONSENT_READ, Right.CONSENT_MANAGE)
    asked = {"purpose": "quality", "agent_location": "US-MD"}
    assert client.post(DECISIONS, json=asked, headers=headers).json()["level"] == 2
    made = client.post(OVERRIDES, json=CHANGE, headers=headers)
    assert (made.status_code, made.json()["old"], made.json()["new"]) == (201, 2, 4)
    decided = client.post(DECISIONS, json=asked, headers=headers).json()
    assert (decided["level"], decided["overridden"]) == (4, True)
    assert client.get(f"{RULES}/US-MD", headers=headers).json()["overrides"][0]["author"] == "Dr. Nora Quist"
    back = {**CHANGE, "withdraw": True}
    assert client.post(OVERRIDES, json=back, headers=headers).json()["withdrawn"] is True
    assert client.post(DECISIONS, json=asked, headers=headers).json()["level"] == 2
    history = client.get(f"{OVERRIDES}?rule=US-MD", headers=headers).json()["overrides"]
    assert [each["withdrawn"] for each in history] == [False, True]
    assert client.post(OVERRIDES, json={**CHANGE, "value": 7}, headers=headers).status_code == 422
    assert client.post(OVERRIDES, json={**CHANGE, "value": 2}, headers=headers).status_code == 409


def test_who_may(client: TestClient, services: Services) -> None:
    reading = {role for role in UserRole if Right.CONSENT_READ in RIGHTS[role]}
    managing = {role for role in UserRole if Right.CONSENT_MANAGE in RIGHTS[role]}
    assert reading == {UserRole.SUPERVISOR, UserRole.COMPLIANCE, UserRole.AUDITOR, UserRole.ADMINISTRATOR}
    assert managing == {UserRole.COMPLIANCE, UserRole.ADMINISTRATOR}
    auditor = bearer(services, role=UserRole.AUDITOR)
    assert client.get(RULES, headers=auditor).status_code == 200
    assert client.post(OVERRIDES, json=CHANGE, headers=auditor).status_code == 403
    agent = bearer(services, role=UserRole.AGENT)
    assert client.post(DECISIONS, json=QUESTION, headers=agent).status_code == 403
    narrow = bearer(services, Right.HEALTH_READ)
    assert client.get(RULES, headers=narrow).status_code == 403
    assert client.post(DECISIONS, json=QUESTION).status_code == 401


def test_the_answer_is_the_commands_answer(client: TestClient, services: Services, tmp_path: Path) -> None:
    told = client.post(DECISIONS, json=QUESTION, headers=bearer(services, Right.CONSENT_READ)).json()
    run = preloaded.run(
        "consent", "decide", "--caller", "+14155550101", "--callee", "+493023125012", "--agent-location", "US-TX",
        "--purpose", "quality", "--channel", "voice", "--at", "2026-11-23", "--json",
        environment=os.environ | {"CANDOR_DATA": str(tmp_path / "cli")},
    )  # fmt: skip
    assert json.loads(run.stdout) == told
