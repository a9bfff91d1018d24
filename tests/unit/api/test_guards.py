"""How many requests, how many guesses, how large: over the whole application, as it is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.model import UserRole
from candor.api import guards
from candor.services import Services
from candor.settings import load

PASSWORD = "correct horse battery"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = wiring.open_services(load(data=tmp_path / "data"))
    with made.database.write() as uow:
        made.access.add_user(uow, login="ada", name="Ada", role=UserRole.AUDITOR, password=PASSWORD)
    yield made
    made.database.close()


def served(services: Services, **limits: float) -> TestClient:
    settings = load(data=Path("/nowhere")).model_copy(update=limits)
    return TestClient(wiring.application(services, settings), base_url="http://127.0.0.1", follow_redirects=False)


def form(client: TestClient) -> str:
    page = client.get("/login").text
    return page.split('name="csrf" value="', 1)[1].split('"', 1)[0]


def test_requests_are_limited_by_caller_and_told_when_to_come_again(services: Services) -> None:
    client = served(services, requests_per_second=0.5)
    answers = [client.get("/api/v1/openapi.json") for _ in range(7)]
    assert [answer.status_code for answer in answers].count(429) == 2
    last = answers[-1]
    assert last.headers["content-type"] == "application/problem+json"
    assert last.json()["code"] == "rate"
    assert int(last.headers["retry-after"]) in (1, 2)
    # Somebody with a token of their own is another caller, even with a wrong one.
    other = client.get("/api/v1/conversations", headers={"Authorization": "Bearer candor_other"})
    assert other.status_code == 401
    # A page's own files are not counted.
    assert client.get("/static/x/none.css").status_code == 404


def test_pages_say_it_in_words(services: Services) -> None:
    client = served(services, requests_per_second=0.1)
    assert client.get("/login").status_code == 200
    refused = client.get("/login")
    assert refused.status_code == 429
    assert refused.text.startswith("Too many tries. Wait ")
    assert refused.headers["content-security-policy"].startswith("default-src 'none'")
    assert refused.headers["cache-control"] == "no-store"


def test_guessing_at_log_ins_stops_and_others_go_on(services: Services) -> None:
    inside, outside = served(services, guesses_per_minute=4), None
    entered = inside.post("/login", data={"login": "ada", "password": PASSWORD, "csrf": form(inside)})
    assert entered.status_code == 303
    outside = TestClient(inside.app, base_url="http://127.0.0.1", follow_redirects=False)
    csrf = form(outside)
    tries = [
        outside.post("/login", data={"login": f"guess{n}", "password": "wrong password here", "csrf": csrf}).status_code
        for n in range(6)
    ]
    assert tries == [401, 401, 401, 401, 429, 429]
    # Right now not even the right password comes in from there; whoever is in stays in.
    right = outside.post("/login", data={"login": "ada", "password": PASSWORD, "csrf": csrf})
    assert right.status_code == 429
    assert inside.get("/conversations").status_code == 200


def test_guessed_tokens_count_too(services: Services) -> None:
    client = served(services, guesses_per_minute=3)
    csrf = form(client)
    for number in range(3):
        assert client.get("/api/v1/conversations", headers={"Authorization": f"Bearer x{number}"}).status_code == 401
    assert client.post("/login", data={"login": "ada", "password": PASSWORD, "csrf": csrf}).status_code == 429


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_a_body_beyond_the_limit_is_refused(
    services: Services, announced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "LARGEST_BODY", 1_000)
    client = served(services)
    body = b'{"caller": "' + b"1" * 2_000 + b'"}'
    with services.database.write() as uow:
        principal = services.access.principal_by_login(uow, "ada")
        token, _ = services.access.create_token(uow, principal, "t", ["consent:read"])
    answer = client.post(
        "/api/v1/consent/decisions", content=body if announced else iter([body]),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == (413 if announced else 400)


def test_every_answer_carries_the_headers(services: Services) -> None:
    client = served(services)
    for address in ("/login", "/api/v1/openapi.json", "/api/v1/conversations", "/api/v1/docs", "/nowhere", "/api/none"):
        headers = client.get(address).headers
        assert "default-src 'none'" in headers["content-security-policy"], address
        assert "unsafe" not in headers["content-security-policy"], address
        assert headers["x-content-type-options"] == "nosniff", address
        assert headers["x-frame-options"] == "DENY", address
        assert headers["cross-origin-opener-policy"] == "same-origin", address
        assert headers["cache-control"] == "no-store", address
        assert "strict-transport-security" not in headers, address
