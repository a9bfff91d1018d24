"""Single sign-on against a real provider on loopback: coming in, being mapped, and everything that must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient

from candor.access.groups import Groups
from candor.access.model import Breadth, UserRole
from candor.access.oidc import Provider
from candor.audit.service import Event, entries
from candor.errors import InvalidInput
from candor.replay.model import Scope, scope_of
from candor.web import create_web
from tests.peers.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.unit.web.fixtures import FakeServices

GROUPS = {
    "qa": {"role": "evaluator", "queues": ["billing-en"], "teams": ["Billing"]},
    "leads": {"role": "supervisor", "team": "Billing"},
    "everyone": {"role": "trainer", "everything": True},
}


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider().running() as running:
        yield running


@pytest.fixture
def services(provider: IdentityProvider) -> Iterator[FakeServices]:
    provider.fault, provider.claims = (
        "",
        {"email": "ada@example.com", "email_verified": True, "name": "Ada", "groups": ["qa"]},
    )
    made = FakeServices(groups=Groups(GROUPS), provider=Provider(provider.issuer, CLIENT, SECRET, label="Example"))
    yield made
    made.database.close()


@pytest.fixture
def client(services: FakeServices) -> Iterator[TestClient]:
    with TestClient(create_web(services), follow_redirects=False) as made:  # type: ignore[arg-type]
        yield made


def there_and_back(client: TestClient, target: str = "") -> str:
    """To the provider, which sends the browser back; returns our own address with the answer."""
    leave = client.get(f"/login/provider{target}")
    assert leave.status_code == 303, leave.text
    back = httpx.get(leave.headers["location"]).headers["location"]
    parts = urlsplit(back)
    return f"{parts.path}?{parts.query}"


def come_in(client: TestClient, target: str = "") -> Any:
    return client.get(there_and_back(client, target))


def refusals(services: FakeServices) -> list[str | None]:
    with services.database.read() as uow:
        return [each.subject for each in entries(uow) if each.event == Event.LOGIN_REFUSED]


def test_somebody_new_comes_in_with_what_the_groups_give(client: TestClient, services: FakeServices) -> None:
    answer = come_in(client, "?next=%2Fconversations%3Fteam%3DBilling")
    assert (answer.status_code, answer.headers["location"]) == (303, "/conversations?team=Billing")
    assert client.get("/conversations").status_code == 200
    with services.database.read() as uow:
        who = services.access.principal_by_login(uow, "ada@example.com")
        assert who.role is UserRole.EVALUATOR
        assert scope_of(who) == Scope(teams=("Billing",), queues=("billing-en",))
        assert services.access.people.get(uow, who.user_id).has_password is False
        assert [str(each.event) for each in entries(uow)][:2] == [Event.LOGIN, Event.USER_CREATED]


def test_the_button_is_on_the_page(client: TestClient) -> None:
    assert "Log in with Example" in client.get("/login").text


def test_groups_count_anew_at_every_log_in(client: TestClient, services: FakeServices, provider: Any) -> None:
    come_in(client)
    provider.claims["groups"] = ["leads", "unknown"]
    come_in(client)
    with services.database.read() as uow:
        who = services.access.people.by_login(uow, "ada@example.com")
    assert (who.role, who.team, who.reach.breadth) == (UserRole.SUPERVISOR, "Billing", Breadth.ROLE)


def test_a_new_name_is_the_same_person(client: TestClient, services: FakeServices, provider: Any) -> None:
    come_in(client)
    provider.claims["email"] = "ada.lovelace@example.com"
    come_in(client)
    with services.database.read() as uow:
        assert [each.login for each in services.access.users(uow) if "ada" in each.login] == ["ada@example.com"]


@pytest.mark.parametrize(
    "fault",
    [
        "nonce", "issuer", "audience", "two audiences", "expired", "future", "endless", "subject", "unsigned", "hmac",
        "stranger", "changed", "state", "mix-up", "denied",
    ],
)  # fmt: skip
def test_a_wrong_answer_lets_nobody_in(client: TestClient, services: FakeServices, provider: Any, fault: str) -> None:
    provider.fault = fault
    answer = come_in(client)
    assert answer.status_code == 401
    assert "could not be finished" in answer.text
    assert "candor_session" not in client.cookies
    with services.database.read() as uow:
        assert not any("ada" in each.login for each in services.access.users(uow))
    assert len(refusals(services)) == 1


def test_an_answer_is_taken_once(client: TestClient, services: FakeServices) -> None:
    back = there_and_back(client)
    cookie = client.cookies["candor_provider"]
    assert client.get(back).status_code == 303
    client.cookies.clear()
    client.cookies.set("candor_provider", cookie)
    assert client.get(back).status_code == 401
    assert "candor_session" not in client.cookies


def test_an_answer_in_another_browser_is_refused(client: TestClient, services: FakeServices) -> None:
    back = there_and_back(client)
    with TestClient(create_web(services), follow_redirects=False) as victim:  # type: ignore[arg-type]
        assert victim.get(back).status_code == 401
        assert "candor_session" not in victim.cookies


def test_who_has_no_mapped_group_stays_out(client: TestClient, services: FakeServices, provider: Any) -> None:
    provider.claims["groups"] = ["somewhere-else"]
    answer = come_in(client)
    assert answer.status_code == 403
    assert "none of your groups may use Candor" in answer.text
    assert refusals(services) == ["oidc.unmapped"]
    provider.claims["groups"] = "qa"  # a text is no list of groups
    assert come_in(client).status_code == 403


def test_an_unverified_address_is_nobody(client: TestClient, provider: Any) -> None:
    provider.claims["email_verified"] = False
    assert come_in(client).status_code == 401


def test_an_account_with_a_password_is_not_taken_over(
    client: TestClient, services: FakeServices, provider: Any
) -> None:
    with services.database.write() as uow:
        services.access.add_user(
            uow, login="ada@example.com", name="Ada", role=UserRole.ADMINISTRATOR, password="a long enough secret"
        )
    del provider.claims["email_verified"]
    assert come_in(client).status_code == 403
    assert refusals(services) == ["oidc.taken"]


def test_who_was_let_out_stays_out(client: TestClient, services: FakeServices) -> None:
    come_in(client)
    with services.database.write() as uow:
        services.access.set_active(uow, "ada@example.com", active=False)
    client.cookies.clear()
    assert come_in(client).status_code == 401
    assert refusals(services) == ["inactive"]


def test_a_provider_that_is_away_is_told_as_that(client: TestClient, services: FakeServices, provider: Any) -> None:
    provider.fault = "discovery"
    assert client.get("/login/provider").status_code == 503


def test_passwords_can_be_switched_off(client: TestClient, services: FakeServices) -> None:
    services.access.passwords_taken = False
    page = client.get("/login").text
    assert 'name="password"' not in page
    token = page.split('data-csrf="')[1].split('"')[0]
    answer = client.post("/login", data={"csrf": token, "login": "auditor", "password": "secret"})
    assert answer.status_code == 403


@pytest.mark.parametrize("address", ["http://login.example.com", "ftp://x", "http://10.0.0.1"])
def test_a_provider_in_the_clear_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        Provider(address, CLIENT, SECRET)
