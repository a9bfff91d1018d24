"""The pages of people, teams and one's own account, over the real access room."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient

from candor.access.browser import csrf_token
from candor.access.model import Breadth, UserRole
from candor.audit.service import Event, entries
from candor.kit import clock
from candor.replay.model import Scope, scope_of
from candor.web import create_web
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.fixtures import FakeServices, memory_database

GOOD = "a long enough secret"


def post(client: TestClient, address: str, **fields: Any) -> Any:
    token = csrf_token(client.cookies["candor_session"])
    return client.post(address, data={"csrf": token, **fields})


def events(services: FakeServices) -> list[str]:
    with services.database.read() as uow:
        return [str(each.event) for each in entries(uow)]


def test_an_administrator_adds_a_person_who_can_log_in(admin: TestClient, services: FakeServices) -> None:
    answer = post(admin, "/people", login="ada", name="Ada", role="evaluator", password=GOOD, team="", agent_id="")
    assert answer.status_code == 303, answer.text
    page = admin.get(answer.headers["location"]).text
    assert "The person is added." in page
    assert "Everything" in page
    with services.database.write() as uow:
        assert services.access.log_in(uow, "ada", GOOD)
    assert Event.USER_CREATED in events(services)
    assert "Ada" in admin.get("/people?q=ada").text
    assert "Ada" not in admin.get("/people?q=nobody").text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"login": "administrator"}, "Somebody has this log-in name already."),
        ({"login": "a b"}, "A log-in name has no spaces"),
        ({"password": "short"}, "A password has at least 12 characters"),
        ({"role": "emperor"}, "Choose a role."),
    ],
)
def test_what_cannot_be_is_told_beside_what_was_typed(admin: TestClient, fields: dict[str, str], told: str) -> None:
    given = {"login": "ada", "name": "Ada Lovelace", "role": "agent", "password": GOOD} | fields
    answer = post(admin, "/people", **given)
    assert answer.status_code == 422
    assert told in answer.text
    assert "Ada Lovelace" in answer.text
    assert GOOD not in answer.text


def test_what_a_person_sees_can_be_listed(admin: TestClient, services: FakeServices) -> None:
    address = "/people/user-evaluator"
    answer = post(admin, f"{address}/reach", breadth="listed", teams="Billing\nRetention", queues="general")
    assert answer.status_code == 303, answer.text
    page = admin.get(address).text
    assert "Billing, Retention, general" in page
    with services.database.read() as uow:
        who = services.access.principal_by_login(uow, "evaluator")
    assert scope_of(who) == Scope(teams=("Billing", "Retention"), queues=("general",))
    assert Event.REACH_CHANGED in events(services)


def test_an_empty_list_shows_nothing(admin: TestClient, services: FakeServices) -> None:
    post(admin, "/people/user-auditor/reach", breadth="listed", teams=" \n", queues="")
    with services.database.read() as uow:
        assert scope_of(services.access.principal_by_login(uow, "auditor")) == Scope(teams=(), queues=())
    assert "Nothing: the list is empty" in admin.get("/people/user-auditor").text


def test_an_agent_is_given_no_more_than_their_own(admin: TestClient, services: FakeServices) -> None:
    assert post(admin, "/people/user-agent/reach", breadth="everything").status_code == 422
    post(admin, "/people/user-evaluator/reach", breadth="everything")
    post(admin, "/people/user-evaluator", login="evaluator", name="Eve", role="agent", agent_id="a9")
    with services.database.read() as uow:
        who = services.access.people.get(uow, "user-evaluator")
    assert (who.role, who.reach.breadth) == (UserRole.AGENT, Breadth.ROLE)


def test_the_last_administrator_stays(admin: TestClient) -> None:
    answer = post(admin, "/people/user-administrator", login="administrator", name="Robin", role="agent")
    assert answer.status_code == 422
    assert "Nobody would be left who may manage people." in answer.text
    answer = post(admin, "/people/user-administrator/active", active="no", reason="holidays")
    assert "Nobody would be left" in answer.text


def test_who_is_let_out_is_out_at_once(admin: TestClient, services: FakeServices) -> None:
    with services.database.write() as uow:
        session = services.access.log_in(uow, "trainer", "secret")
    assert post(admin, "/people/user-trainer/active", active="no", reason="").status_code == 422
    assert post(admin, "/people/user-trainer/active", active="no", reason="left the company").status_code == 303
    with TestClient(create_web(services), follow_redirects=False) as other:  # type: ignore[arg-type]
        other.cookies.set("candor_session", session)
        assert other.get("/conversations").headers["location"].startswith("/login")
    assert "Robin Vale" in admin.get("/people?active=no").text
    with services.database.read() as uow:
        assert [each.reason for each in entries(uow) if each.event == Event.USER_CHANGED] == ["left the company"]


def test_a_log_in_is_seen_and_ended_by_its_owner(client: TestClient, log_in: LogIn, services: FakeServices) -> None:
    log_in("auditor")
    with services.database.write() as uow:
        entry = services.access.enter(uow, "user-auditor", browser="Firefox on Linux", proven_by="passkey")
        other = next(each for each in services.access.sessions.of(uow, "user-auditor") if each.browser)
    page = client.get("/account").text
    assert "Firefox on Linux" in page
    assert "this one" in page
    assert post(client, "/account/sessions", session=other.id).status_code == 303
    with services.database.read() as uow:
        assert services.access.sessions.user(uow, entry.session or "") is None
    assert client.get("/account").status_code == 200
    assert post(client, "/account/sessions", session="0" * 16).status_code == 404


def test_an_app_is_set_up_and_then_asked_for(client: TestClient, log_in: LogIn, services: FakeServices) -> None:
    log_in("auditor")
    assert post(client, "/account/app").status_code == 303
    page = client.get("/account").text
    key = "".join(re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].split())
    assert "<svg" in page
    assert "style=" not in page
    assert post(client, "/account/app/confirm", code="000000x").status_code == 422
    told = post(client, "/account/app/confirm", code=pyotp.TOTP(key).at(clock.now())).text
    recovery = re.findall(r"<li><code>([a-z2-7-]{19})</code></li>", told)
    assert len(recovery) == 10
    assert key not in client.get("/account").text
    post(client, "/logout")

    token = csrf_of(client.get("/login").text)
    step = client.post("/login", data={"csrf": token, "login": "auditor", "password": "secret"})
    assert step.headers["location"] == "/login/code"
    assert "candor_session" not in client.cookies
    assert client.get("/conversations").status_code == 303
    form = client.get("/login/code").text
    wrong = client.post("/login/code", data={"csrf": csrf_of(form), "code": "123"})
    assert wrong.status_code == 401
    code = client.post("/login/code", data={"csrf": csrf_of(form), "code": recovery[0]})
    assert code.status_code == 303
    assert client.get("/conversations").status_code == 200
    found = events(services)
    assert found.count(Event.LOGIN) == 2
    assert Event.RECOVERY_USED in found


def test_a_step_is_no_session(client: TestClient, log_in: LogIn, services: FakeServices) -> None:
    log_in("auditor")
    with services.database.write() as uow:
        key = services.access.factors.apps.begin(uow, "user-auditor")
        services.access.factors.confirm_app(uow, "user-auditor", pyotp.TOTP(key).at(clock.now()))
    post(client, "/logout")
    token = csrf_of(client.get("/login").text)
    client.post("/login", data={"csrf": token, "login": "auditor", "password": "secret"})
    step = client.cookies["candor_step"]
    client.cookies.set("candor_session", step)
    assert client.get("/account").headers["location"].startswith("/login")


def enrolling() -> FakeServices:
    return FakeServices(database=memory_database(), second_factor=frozenset({UserRole.COMPLIANCE}))


def test_a_role_that_needs_a_second_factor_sets_one_up_at_log_in() -> None:
    services = enrolling()
    with TestClient(create_web(services), follow_redirects=False) as client:  # type: ignore[arg-type]
        token = csrf_of(client.get("/login").text)
        step = client.post(
            "/login", data={"csrf": token, "login": "compliance", "password": "secret", "next": "/attention"}
        )
        assert step.headers["location"] == "/login/enrol?next=%2Fattention"
        page = client.get(step.headers["location"]).text
        key = "".join(re.search(r'class="key">([A-Z2-7 ]+)<', page)[1].split())
        assert client.post("/login/enrol", data={"csrf": csrf_of(page), "code": "1"}).status_code == 422
        done = client.post(
            "/login/enrol", data={"csrf": csrf_of(page), "code": pyotp.TOTP(key).at(clock.now()), "next": "/attention"}
        )
        assert "Keep your recovery codes" in done.text
        assert client.get("/attention").status_code == 200
        # It is needed: the only one cannot be taken away by its owner.
        assert "Your role needs a second factor." in post(client, "/account/app/remove").text
    services.database.close()


def test_an_old_log_in_changes_no_factor(client: TestClient, log_in: LogIn, services: FakeServices) -> None:
    with clock.freeze(clock.now()) as advance:
        log_in("auditor")
        advance(timedelta(minutes=16))
        answer = post(client, "/account/app")
        assert answer.status_code == 422
        assert "needs a log-in of the last 15 minutes" in answer.text


def test_an_administrator_takes_lost_factors_away(admin: TestClient, services: FakeServices) -> None:
    with services.database.write() as uow:
        key = services.access.factors.apps.begin(uow, "user-trainer")
        services.access.factors.confirm_app(uow, "user-trainer", pyotp.TOTP(key).at(clock.now()))
    assert post(admin, "/people/user-trainer/factors", reason="x").status_code == 422
    assert post(admin, "/people/user-trainer/factors", reason="showed her badge").status_code == 303
    with services.database.write() as uow:
        assert services.access.log_in(uow, "trainer", "secret")
    assert Event.FACTOR_REMOVED in events(services)


def test_a_token_is_shown_once(client: TestClient, log_in: LogIn, services: FakeServices) -> None:
    log_in("supervisor")
    assert post(client, "/account/tokens", name="", days="90", scope="conversation:read").status_code == 422
    assert post(client, "/account/tokens", name="bi", days="0", scope="conversation:read").status_code == 422
    assert post(client, "/account/tokens", name="bi", days="90", scope="user:manage").status_code == 422
    made = post(client, "/account/tokens", name="bi", days="90", scope="conversation:read").text
    secret = re.search(r"candor_[\w-]{43}", made)[0]
    page = client.get("/account").text
    assert secret not in page
    with services.database.read() as uow:
        who = services.access.principal_for_token(uow, secret)
        token = services.access.tokens(uow, who.user_id)[0]
    assert post(client, f"/account/tokens/{token.id}/revoke").status_code == 303
    assert "You have none." in client.get("/account").text


def test_a_new_password_needs_the_present_one(client: TestClient, log_in: LogIn, services: FakeServices) -> None:
    log_in("auditor")
    assert post(client, "/account/password", present="wrong", password=GOOD).status_code == 422
    assert post(client, "/account/password", present="secret", password=GOOD).status_code == 303
    assert client.get("/account").headers["location"].startswith("/login")
    with services.database.write() as uow:
        assert services.access.log_in(uow, "auditor", GOOD)


def test_teams_are_entered_and_removed(admin: TestClient) -> None:
    assert post(admin, "/people/teams", name="North", note="starts in May").status_code == 303
    page = admin.get("/people/teams").text
    assert "starts in May" in page
    assert "Billing" in page  # heard of in calls
    assert post(admin, "/people/teams", name="North").status_code == 422
    post(admin, "/people/user-evaluator/reach", breadth="listed", teams="North")
    assert post(admin, "/people/teams/remove", name="North").status_code == 422
    post(admin, "/people/user-evaluator/reach", breadth="role")
    assert post(admin, "/people/teams/remove", name="North").status_code == 303


def test_the_pages_of_people_are_for_administrators(log_in: LogIn) -> None:
    client = log_in("compliance")
    assert client.get("/people").status_code == 403
    assert 'href="/people"' not in client.get("/conversations").text
    assert 'href="/account"' in client.get("/conversations").text
