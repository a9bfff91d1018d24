"""Provisioning as the usual identity providers send it, over the real product."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.model import Breadth, Right, UserRole
from candor.access.scim.schemas import ENTERPRISE, GROUP, PATCH, USER
from candor.api.app import create_api
from candor.audit.service import Event, entries
from candor.errors import Unauthenticated
from candor.services import Services
from candor.settings import Settings
from tests.unit.api.test_api import bearer

BASE = "/api/v1/scim/v2"
GROUPS = {
    "Candor QA": {"role": "evaluator", "teams": ["Billing"]},
    "Candor Leads": {"role": "supervisor", "team": "Billing"},
}


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = wiring.open_services(Settings(data=tmp_path / "data", groups=GROUPS, recorder=False, meaning=False))
    yield opened
    opened.database.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    auth = bearer(services, Right.USER_PROVISION)
    with TestClient(create_api(services), raise_server_exceptions=False, headers=auth) as client:
        yield client


def person(client: TestClient, login: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    resource = {
        "schemas": [USER, ENTERPRISE], "userName": login, "externalId": f"x-{login}", "active": True,
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"value": login, "type": "work", "primary": True}], ENTERPRISE: {"employeeNumber": "a7"},
    } | more  # fmt: skip
    answer = client.post(f"{BASE}/Users", json=resource)
    assert answer.status_code == 201, answer.text
    return answer.json()


def group(client: TestClient, name: str, *members: str) -> dict[str, Any]:
    resource = {"schemas": [GROUP], "displayName": name, "members": [{"value": each} for each in members]}
    answer = client.post(f"{BASE}/Groups", json=resource)
    assert answer.status_code == 201, answer.text
    return answer.json()


def doing(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


def patch(client: TestClient, address: str, *operations: dict[str, Any], **headers: str) -> Any:
    return client.patch(f"{BASE}{address}", json=doing(*operations), headers=headers)


def test_a_person_is_made_and_found_again(client: TestClient, services: Services) -> None:
    made = person(client)
    assert (made["userName"], made["displayName"], made["active"]) == ("ada@example.com", "Ada Lovelace", True)
    assert made[ENTERPRISE] == {"employeeNumber": "a7"}
    answer = client.get(f"{BASE}/Users/{made['id']}")
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.headers["etag"] == made["meta"]["version"]
    for asked in ('userName eq "ADA@example.com"', 'externalId eq "x-ada@example.com"', "active eq true"):
        found = client.get(f"{BASE}/Users", params={"filter": asked}).json()
        assert [each["id"] for each in found["Resources"]] == [made["id"]], asked
    with services.database.read() as uow:
        who = services.access.people.by_login(uow, "ada@example.com")
        assert (who.role, who.agent_id, who.has_password, who.source) == (UserRole.AGENT, "a7", False, "scim")
        assert Event.PROVISIONED in [each.event for each in entries(uow)]


def test_people_made_by_hand_are_out_of_reach(client: TestClient, services: Services) -> None:
    with services.database.read() as uow:
        administrator = services.access.people.by_login(uow, "p-administrator")
    assert client.get(f"{BASE}/Users").json()["totalResults"] == 0
    assert client.get(f"{BASE}/Users/{administrator.id}").status_code == 404
    answer = patch(client, f"/Users/{administrator.id}", {"op": "replace", "path": "active", "value": False})
    assert answer.status_code == 404
    taken = client.post(f"{BASE}/Users", json={"schemas": [USER], "userName": "P-Administrator"})
    assert (taken.status_code, taken.json()["scimType"]) == (409, "uniqueness")
    stolen = client.post(
        f"{BASE}/Groups",
        json={"schemas": [GROUP], "displayName": "Candor QA", "members": [{"value": administrator.id}]},
    )
    assert stolen.status_code == 404


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"active": False}},
    ],
    ids=["by path", "as a text", "without a path"],
)
def test_who_is_not_active_any_more_is_out_at_once(
    client: TestClient, services: Services, operation: dict[str, Any]
) -> None:
    made = person(client)
    with services.database.write() as uow:
        session = services.access.open_session(uow, made["id"])
        who = services.access.principal(uow, session)
        token, _ = services.access.create_token(uow, who, "mine", [Right.CONVERSATION_READ])
    answer = patch(client, f"/Users/{made['id']}", operation)
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    with services.database.write() as uow:
        with pytest.raises(Unauthenticated):
            services.access.principal(uow, session)
        services.access.people.set_active(uow, made["id"], active=True)
        for gone in (
            lambda: services.access.principal(uow, session),
            lambda: services.access.principal_for_token(uow, token),
        ):
            with pytest.raises(Unauthenticated):  # ended for good, not only while the person was away
                gone()


def test_groups_give_role_and_reach_and_take_them_back(client: TestClient, services: Services) -> None:
    ada, ben = person(client), person(client, "ben@example.com")
    qa = group(client, "Candor QA", ada["id"])
    with services.database.read() as uow:
        who = services.access.people.get(uow, ada["id"])
        assert (who.role, who.reach.breadth, who.reach.teams) == (UserRole.EVALUATOR, Breadth.LISTED, ("Billing",))
    answer = patch(client, f"/Groups/{qa['id']}", {"op": "add", "path": "members", "value": [{"value": ben["id"]}]})
    assert {each["value"] for each in answer.json()["members"]} == {ada["id"], ben["id"]}
    patch(client, f"/Groups/{qa['id']}", {"op": "remove", "path": f'members[value eq "{ada["id"]}"]'})
    group(client, "Candor Leads", ben["id"])
    with services.database.read() as uow:
        who = services.access.people.get(uow, ada["id"])
        assert (who.role, who.reach.breadth) == (UserRole.AGENT, Breadth.ROLE)
        # The first rule that fits says the role; what is to be seen adds up.
        assert services.access.people.get(uow, ben["id"]).role is UserRole.EVALUATOR
    assert client.get(f"{BASE}/Users/{ben['id']}").json()["groups"][0]["display"] == "Candor Leads"
    assert client.delete(f"{BASE}/Groups/{qa['id']}").status_code == 204
    with services.database.read() as uow:
        assert services.access.people.get(uow, ben["id"]).role is UserRole.SUPERVISOR


def test_a_renamed_group_counts_by_its_new_name(client: TestClient, services: Services) -> None:
    ada = person(client)
    made = group(client, "Something", ada["id"])
    patch(client, f"/Groups/{made['id']}", {"op": "replace", "value": {"displayName": "Candor Leads"}})
    with services.database.read() as uow:
        assert services.access.people.get(uow, ada["id"]).role is UserRole.SUPERVISOR
    body = {"schemas": [GROUP], "displayName": "Candor Leads", "members": []}
    assert client.put(f"{BASE}/Groups/{made['id']}", json=body).json()["members"] == []
    with services.database.read() as uow:
        assert services.access.people.get(uow, ada["id"]).role is UserRole.AGENT


def test_a_deleted_person_is_gone_and_can_come_back(client: TestClient, services: Services) -> None:
    made = person(client)
    assert client.delete(f"{BASE}/Users/{made['id']}").status_code == 204
    assert client.get(f"{BASE}/Users/{made['id']}").status_code == 404
    assert client.get(f"{BASE}/Users").json()["totalResults"] == 0
    with services.database.read() as uow:
        assert services.access.people.get(uow, made["id"]).active is False
    again = person(client)
    assert (again["id"], again["active"]) == (made["id"], True)


def test_pages(client: TestClient) -> None:
    made = [person(client, f"p{number}@example.com")["id"] for number in range(5)]
    seen: list[str] = []
    for start in (1, 3, 5):
        page = client.get(f"{BASE}/Users", params={"startIndex": start, "count": 2}).json()
        assert (page["totalResults"], page["startIndex"]) == (5, start)
        seen += [each["id"] for each in page["Resources"]]
    assert sorted(seen) == sorted(made)
    assert client.get(f"{BASE}/Users", params={"count": 0}).json()["Resources"] == []


def test_another_version_is_not_overwritten(client: TestClient) -> None:
    made = person(client)
    change = {"op": "replace", "path": "displayName", "value": "Ada L."}
    answer = patch(client, f"/Users/{made['id']}", change, **{"If-Match": 'W/"another"'})
    assert answer.status_code == 412
    answer = patch(client, f"/Users/{made['id']}", change, **{"If-Match": made["meta"]["version"]})
    assert answer.json()["displayName"] == "Ada L."


def test_a_whole_resource_takes_away_what_it_leaves_out(client: TestClient) -> None:
    made = person(client)
    body = {"schemas": [USER], "userName": "ada@example.com", "displayName": "Ada"}
    told = client.put(f"{BASE}/Users/{made['id']}", json=body).json()
    assert told["displayName"] == "Ada"
    assert not {"externalId", "emails", ENTERPRISE} & set(told)


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "kind"),
    [
        ("POST", "/Users", {"schemas": [USER]}, 400, "invalidValue"),
        ("POST", "/Users", [1], 400, "invalidSyntax"),
        ("GET", "/Users?filter=userName sw %22a%22", None, 400, "invalidFilter"),
        ("GET", "/Users?filter=password eq %22a%22", None, 400, "invalidFilter"),
        ("GET", "/Groups?filter=members eq %22a%22", None, 400, "invalidFilter"),
        ("PATCH", "/Users/{id}", {"Operations": []}, 400, "invalidSyntax"),
        ("PATCH", "/Users/{id}", doing({"op": "move"}), 400, "invalidSyntax"),
        ("PATCH", "/Users/{id}", doing({"op": "remove"}), 400, "noTarget"),
        ("PATCH", "/Users/{id}", doing({"op": "add", "path": "a[[", "value": 1}), 400, "invalidPath"),
        ("PATCH", "/Users/{id}", doing({"op": "replace", "path": "active", "value": 3}), 400, "invalidValue"),
        ("GET", "/Users/nobody", None, 404, None),
        ("GET", "/Schemas/urn:none", None, 404, None),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_scims_own_form(
    client: TestClient, method: str, address: str, body: Any, status: int, kind: str | None
) -> None:
    made = person(client)
    answer = client.request(method, BASE + address.replace("{id}", made["id"]), json=body)
    told = answer.json()
    assert (answer.status_code, told.get("scimType"), told["status"]) == (status, kind, str(status)), told
    assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert answer.headers["content-type"] == "application/scim+json"


def test_what_it_says_of_itself(client: TestClient) -> None:
    assert client.get(f"{BASE}/ServiceProviderConfig").json()["patch"] == {"supported": True}
    assert {each["id"] for each in client.get(f"{BASE}/Schemas").json()["Resources"]} == {USER, GROUP, ENTERPRISE}
    assert client.get(f"{BASE}/Schemas/{USER}").json()["name"] == "User"
    assert client.get(f"{BASE}/ResourceTypes/Group").json()["schema"] == GROUP


def test_other_tokens_provision_nobody(client: TestClient, services: Services) -> None:
    with services.database.write() as uow:
        who = services.access.principal_by_login(uow, "p-administrator")
        other, _ = services.access.create_token(uow, who, "other", [Right.USER_MANAGE])
    answer = client.get(f"{BASE}/Users", headers={"Authorization": f"Bearer {other}"})
    assert (answer.status_code, answer.json()["status"]) == (403, "403")
    answer = client.get(f"{BASE}/Users", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
