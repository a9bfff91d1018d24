from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from candor.audit.service import Event, entries
from candor.errors import Unauthenticated
from candor.web.security import local_path
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.fixtures import FakeServices


def test_a_page_asks_for_log_in_and_leads_back(client: TestClient) -> None:
    asked = client.get("/conversations?team=Billing")
    assert asked.status_code == 303
    assert asked.headers["location"] == "/login?next=%2Fconversations%3Fteam%3DBilling"
    page = client.get(asked.headers["location"])
    answer = client.post(
        "/login",
        data={
            "csrf": csrf_of(page.text),
            "login": "auditor",
            "password": "secret",
            "next": "/conversations?team=Billing",
        },
    )
    assert answer.headers["location"] == "/conversations?team=Billing"


def test_the_cookie_is_closed_to_scripts_and_other_sites(client: TestClient, services: FakeServices) -> None:
    token = csrf_of(client.get("/login").text)
    answer = client.post("/login", data={"csrf": token, "login": "auditor", "password": "secret"})
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("candor_session"))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    services.https = True
    token = csrf_of(client.get("/login").text)
    answer = client.post("/login", data={"csrf": token, "login": "auditor", "password": "secret"})
    assert any("Secure" in each for each in answer.headers.get_list("set-cookie"))


def test_a_wrong_name_and_a_wrong_password_are_told_alike(client: TestClient, services: FakeServices) -> None:
    token = csrf_of(client.get("/login").text)
    texts = []
    for login, password in (("nobody", "secret"), ("auditor", "wrong")):
        answer = client.post("/login", data={"csrf": token, "login": login, "password": password})
        assert answer.status_code == 401
        assert "candor_session" not in answer.headers.get("set-cookie", "")
        texts.append(answer.text.replace(login, ""))
    assert texts[0] == texts[1]
    with services.database.read() as uow:
        assert [entry.event for entry in entries(uow)] == [Event.LOGIN_REFUSED] * 2


def test_log_out_ends_the_session_on_the_server(admin: TestClient, services: FakeServices) -> None:
    token = csrf_of(admin.get("/conversations").text)
    session = admin.cookies["candor_session"]
    assert admin.post("/logout", data={"csrf": token}).headers["location"] == "/login"
    with services.database.read() as uow, pytest.raises(Unauthenticated):
        services.access.principal(uow, session)
    admin.cookies.set("candor_session", session)
    assert admin.get("/conversations").status_code == 303


@pytest.mark.parametrize(
    ("role", "home"),
    [("agent", "/conversations"), ("compliance", "/attention"), ("supervisor", "/conversations?period=today")],
)
def test_each_role_has_a_home(log_in: LogIn, role: str, home: str) -> None:
    assert log_in(role).get("/").headers["location"] == home


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil.example", "https://evil.example", "x", "", None, "/a\nb"]
)
def test_a_log_in_never_leads_to_another_site(address: str | None) -> None:
    assert local_path(address) == "/"


def test_a_path_of_our_own_is_kept() -> None:
    assert local_path("/conversations?q=a%2Fb") == "/conversations?q=a%2Fb"
