"""The ledger's addresses: who may tell what, what is refused, and that no number comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor.access.model import Right, UserRole
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.kit import clock
from candor.services import Services
from tests.unit.api.test_api import bearer, client, services

__all__ = ["client", "services"]
EVENTS = "/api/v1/consent/events"
NUMBER = "+493023125012"


def tell(client: TestClient, auth: dict[str, str], **word: Any) -> Any:
    return client.post(EVENTS, headers=auth, json=word)


def held(services: Services, an_id: str) -> None:
    with services.database.write() as uow:
        made = Custody(
            conversation_id=an_id, started_at=clock.now(), state=CustodyState.PROVED, level=4, why="", proof="",
            decision='{"level": 4, "actions": []}', since=clock.now(),
        )  # fmt: skip
        custody.put(uow, made)
        custody.quarantine(uow, made, why="no proof", keep=timedelta(days=3))


def test_a_word_is_written_down_and_shows_no_number(services: Services, client: TestClient) -> None:
    auth = bearer(services)
    answer = tell(
        client, auth, event="given", method="key_press", call_id="c-1", number=NUMBER, text_version="de-1",
        proof={"reference": "gather-7"},
    )  # fmt: skip
    assert answer.status_code == 201
    told = answer.json()
    assert told["recorder"] in {"away", "not_recording"}
    assert (told["line"]["number"], told["line"]["who"]) == (1, "…5012")
    assert told["line"]["proof"] == {"reference": "gather-7"}
    assert tell(client, auth, event="announced", call_id="c-2").status_code == 201
    texts = [
        answer.text,
        client.get("/api/v1/consent/ledger", headers=auth).text,
        client.get("/api/v1/consent/ledger", params={"call_id": "c-1"}, headers=auth).text,
    ]
    assert all("3023125012" not in text for text in texts)
    lines = client.get("/api/v1/consent/ledger", headers=auth).json()["lines"]
    assert [line["number"] for line in lines] == [2, 1]
    assert lines[0]["previous"] == lines[1]["digest"]
    older = client.get("/api/v1/consent/ledger", params={"before": 2, "event": "given"}, headers=auth).json()["lines"]
    assert [line["number"] for line in older] == [1]
    check = client.get("/api/v1/consent/ledger/check", headers=auth).json()
    assert check == {"lines": 2, "head": lines[0]["digest"], "whole": True, "broken_at": None}


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ({"event": "given", "call_id": "c"}, "consent.method"),
        ({"event": "announced"}, "consent.subject"),
        ({"event": "refused", "number": "12"}, "consent.number"),
        ({"event": "given", "method": "written", "whose": "employee"}, "consent.subject"),
        ({"event": "refused", "call_id": "c", "expires_at": "2030-01-01T00:00:00Z"}, "consent.expiry"),
        ({"event": "announced", "call_id": "c", "at": "2199-01-01T00:00:00Z"}, "consent.moment"),
    ],
)
def test_words_that_say_too_little_are_refused(
    services: Services, client: TestClient, word: dict[str, Any], code: str
) -> None:
    auth = bearer(services)
    answer = tell(client, auth, **word)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get("/api/v1/consent/ledger/check", headers=auth).json()["lines"] == 0


@pytest.mark.parametrize(
    "word", [{"event": "yes"}, {"event": "given", "x": 1}, {"event": "given", "proof": {"digest": "zz"}}]
)
def test_words_of_another_shape_are_refused(services: Services, client: TestClient, word: dict[str, Any]) -> None:
    assert tell(client, bearer(services), **word).status_code == 422


def test_a_phone_system_tells_and_sees_nothing(services: Services, client: TestClient) -> None:
    auth = bearer(services, Right.CONSENT_WRITE)
    assert tell(client, auth, event="announced", call_id="c-1").status_code == 201
    for path in ("ledger", "ledger/check", "quarantine", "unrecorded", "do-not-record"):
        assert client.get(f"/api/v1/consent/{path}", headers=auth).status_code == 403, path


@pytest.mark.parametrize("role", [UserRole.AGENT, UserRole.EVALUATOR, UserRole.TRAINER, UserRole.AUDITOR])
def test_others_do_not_write(services: Services, client: TestClient, role: UserRole) -> None:
    assert tell(client, bearer(services, role=role), event="announced", call_id="c").status_code == 403


def test_a_supervisor_of_one_team_reads_nothing_of_the_house(services: Services, client: TestClient) -> None:
    auth = bearer(services, role=UserRole.SUPERVISOR, team="Billing")
    for path in ("ledger", "ledger/check", "quarantine", "unrecorded", "do-not-record"):
        assert client.get(f"/api/v1/consent/{path}", headers=auth).status_code == 403, path
    assert client.get("/api/v1/consent/rules", headers=auth).status_code == 200


def test_quarantine_is_resolved_with_a_reason_or_destroyed(services: Services, client: TestClient) -> None:
    auth = bearer(services)
    held(services, "conv-1")
    held(services, "conv-2")
    (first, second) = sorted(
        client.get("/api/v1/consent/quarantine", headers=auth).json()["conversations"],
        key=lambda c: c["conversation_id"],
    )
    assert (first["why"], first["state"]) == ("no proof", "quarantined")
    assert second["destroy_after"] > second["since"]
    base = "/api/v1/consent/quarantine"
    assert client.post(f"{base}/conv-1/resolve", headers=auth, json={"reason": " "}).status_code == 422
    assert client.post(f"{base}/nobody/resolve", headers=auth, json={"reason": "because"}).status_code == 404
    done = client.post(f"{base}/conv-1/resolve", headers=auth, json={"reason": "the notice was on the line before"})
    assert done.json()["state"] == "resolved"
    assert client.post(f"{base}/conv-1/resolve", headers=auth, json={"reason": "once more"}).status_code == 409
    assert client.post(f"{base}/conv-1/destroy", headers=auth, json={"reason": "no"}).status_code == 404
    assert client.post(f"{base}/conv-2/destroy", headers=auth, json={"reason": "nobody needs it"}).status_code == 204
    assert client.get("/api/v1/consent/quarantine", headers=auth).json() == {"conversations": [], "next": None}
    auditor = bearer(services, role=UserRole.AUDITOR)
    assert client.post(f"{base}/conv-1/resolve", headers=auditor, json={"reason": "me too"}).status_code == 403


def test_the_list_of_who_is_never_recorded(services: Services, client: TestClient) -> None:
    auth = bearer(services)
    address = "/api/v1/consent/do-not-record"
    assert client.put(address, headers=auth, json={"number": NUMBER, "reason": "asked for it"}).status_code == 204
    (person,) = client.get(address, headers=auth).json()["people"]
    assert (person["hint"], person["reason"]) == ("…5012", "asked for it")
    assert client.put(address, headers=auth, json={"number": "hello", "reason": "x"}).json()["code"] == "consent.number"
    assert (
        client.request("DELETE", address, headers=auth, json={"number": NUMBER, "reason": "changed"}).status_code == 204
    )
    missing = client.request("DELETE", address, headers=auth, json={"number": NUMBER, "reason": "again"})
    assert missing.status_code == 404
    assert NUMBER not in missing.text
