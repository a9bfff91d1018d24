"""The pages over made-up calls, and a browser-like client for each role."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from candor.web import create_web
from tests.unit.web.fixtures import FakeServices

LogIn = Callable[[str], TestClient]


def csrf_of(page: str) -> str:
    """The token in a page's form."""
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found, "the page has no form with a token"
    return found[1]


@pytest.fixture
def services() -> Iterator[FakeServices]:
    made = FakeServices()
    yield made
    made.database.close()


@pytest.fixture
def client(services: FakeServices) -> Iterator[TestClient]:
    with TestClient(create_web(services), raise_server_exceptions=False, follow_redirects=False) as made:
        yield made


@pytest.fixture
def log_in(client: TestClient) -> LogIn:
    """Log a role in on the one client."""

    def enter(role: str) -> TestClient:
        token = csrf_of(client.get("/login").text)
        answer = client.post("/login", data={"csrf": token, "login": role, "password": "secret"})
        assert answer.status_code == 303, answer.text
        return client

    return enter


@pytest.fixture
def admin(log_in: LogIn) -> TestClient:
    return log_in("administrator")
