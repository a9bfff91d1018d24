"""The watched places on the page of sources, and their troubles among what needs attention."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from candor.access.model import RIGHTS, Right, UserRole
from candor.web import create_web
from tests.unit.web.conftest import csrf_of
from tests.unit.web.fixtures import FakeServices
from tests.unit.web.test_sources import text
from tests.unit.web.watched import CALL_ID, CLOUD, NEW, PBX, looked, missed, work


@pytest.fixture
def services() -> Iterator[FakeServices]:
    made = FakeServices(watched=(PBX, CLOUD, NEW))
    yield made
    made.database.close()


def shown(client: TestClient, path: str = "/sources/places") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return text(answer.text)


def test_without_a_place_the_page_says_how_to_set_one_up() -> None:
    services = FakeServices()
    with TestClient(create_web(services), follow_redirects=False) as client:
        client.post(
            "/login", data={"csrf": csrf_of(client.get("/login").text), "login": "auditor", "password": "secret"}
        )
        page = shown(client, "/sources")
    services.database.close()
    assert "No folder or bucket is watched" in page
    assert "[[watch]]" in page
    assert "docs/howto/watch-a-folder-or-bucket.md" in page


def test_places_are_shown_without_a_recorder(admin: TestClient, services: FakeServices) -> None:
    work(services.database)
    looked(services.database)
    page = admin.get("/sources").text
    words = text(page)
    assert "candor recorder" in words
    assert 'hx-get="/sources/places" hx-trigger="every 10s"' in page
    assert "pbx /srv/recordings watched" in words
    assert "Ada_Lovelace_…0143.wav 1 since" in words
    assert f'href="/conversations/{CALL_ID}"' in page
    assert re.search(r" 3 2 \S.* watch\.name_mismatch", words)
    assert "new /srv/new not looked at yet" in words
    assert "Watched place" not in shown(admin, "/attention")


def test_trouble_is_told_with_what_to_do(admin: TestClient, services: FakeServices) -> None:
    work(services.database)
    missed(services.database)
    for path in ("/sources/places", "/attention"):
        words = shown(admin, path)
        assert "cloud: The object store does not answer as it should. Check its address and the network." in words
        assert "is not lost" in words
    page = admin.get("/sources/places").text
    assert "s3://recordings/calls" in page
    assert "secret" not in page


def test_nobody_looking_is_trouble(admin: TestClient, services: FakeServices) -> None:
    looked(services.database, next_in=-400)
    assert "No worker runs" in shown(admin, "/attention")
    work(services.database, seconds_ago=60)
    assert "No worker runs" in shown(admin)
    work(services.database)
    assert "none has looked at it for a while" in shown(admin)


@pytest.mark.parametrize("role", ["agent", "supervisor", "evaluator", "trainer"])
def test_who_does_not_see_all_calls_sees_no_place(client: TestClient, services: FakeServices, role: str) -> None:
    missed(services.database)
    token = csrf_of(client.get("/login").text)
    client.post("/login", data={"csrf": token, "login": role, "password": "secret"})
    assert client.get("/sources").status_code == 403
    assert client.get("/sources/places").status_code == 403
    assert "cloud" not in client.get("/attention").text


def test_names_of_files_are_for_those_who_may_see_conversations(
    client: TestClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RIGHTS, UserRole.AUDITOR, frozenset({Right.HEALTH_READ}))
    looked(services.database)
    token = csrf_of(client.get("/login").text)
    client.post("/login", data={"csrf": token, "login": "auditor", "password": "secret"})
    page = client.get("/sources/places").text
    assert "/srv/recordings" in page
    assert "Lovelace" not in page
    assert CALL_ID not in page
