"""The REST API over real rooms, a real database file and a real vault."""

from __future__ import annotations

import base64
import io
import json
import re
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.access.model import Right, UserRole
from candor.api import reference, telephony
from candor.api.app import create_api
from candor.api.caller import Needs
from candor.conversation.model import Conversation, Party, Role
from candor.kit.ids import new_id
from candor.services import Services
from candor.settings import Settings
from tests.unit.replay.calls import redaction

LIMIT = 3_000_000
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = Settings(
        data=tmp_path / "house", region="US", upload_limit=LIMIT, longest_hours=1.0, recorder=False, meaning=False
    )
    opened = wiring.open_services(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services), raise_server_exceptions=False) as client:
        yield client


def person(services: Services, role: UserRole = UserRole.ADMINISTRATOR, **more: Any) -> str:
    """A session's secret."""
    with services.database.write() as uow:
        user = services.access.add_user(
            uow, login=str(role), name="Robin Vale", role=role, password="correct horse battery", **more
        )
        return services.access.open_session(uow, user)


def bearer(services: Services, *scopes: Right, role: UserRole = UserRole.ADMINISTRATOR, **more: Any) -> dict[str, str]:
    with services.database.write() as uow:
        services.access.add_user(
            uow, login=f"p-{role}", name="Robin", role=role, password="correct horse battery", **more
        )
        who = services.access.principal_by_login(uow, f"p-{role}")
        secret, _ = services.access.create_token(uow, who, "test", scopes or sorted(who.rights))
    return {"Authorization": f"Bearer {secret}"}


def recording(seconds: float = 1.0, pitch: int = 40) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        frames = int(8000 * seconds)
        sound.writeframes(b"".join(int(9000 * ((i % pitch) / pitch - 0.5)).to_bytes(2, "little", signed=True) * 2
                                   for i in range(frames)))  # fmt: skip
    return out.getvalue()


def written(services: Services, team: str = "Billing", customer: str = "I was charged twice") -> str:
    """A finished conversation without sound."""
    conversation = Conversation(
        id=new_id(), started_at=datetime(2026, 3, 2, 9, tzinfo=UTC), team=team,
        parties=(Party(role=Role.AGENT, name="Dana", agent_id="a1"),
                 Party(role=Role.CUSTOMER, name="Ivy Marlow", tel="+12025550143")),
    )  # fmt: skip
    with services.database.write() as uow:
        services.shelf.put_conversation(uow, conversation, conversation.id)
        services.replay.index.write(
            uow, conversation=conversation, sound=None, redaction=redaction("hello", customer), analysis=None
        )
    return conversation.id


def test_every_route_declares_its_right(services: Services) -> None:
    open_to_all = reference.PUBLIC | telephony.SIGNED | {"/api/{rest:path}"}
    for_oneself = ("/api/v1/tokens", "/api/v1/sessions")
    routes = [route for route in iter_route_contexts(create_api(services).routes) if route.path not in open_to_all]
    assert len(routes) > 50
    for route in routes:
        assert isinstance(route.original_route, APIRoute)
        declared = [part.call for part in route.original_route.dependant.dependencies if isinstance(part.call, Needs)]
        assert len(declared) == 1, route.path
        assert declared[0].right is not None or route.path.startswith(for_oneself), route.path


def test_every_route_refuses_who_is_not_logged_in(services: Services, client: TestClient) -> None:
    for path, methods in create_api(services).openapi()["paths"].items():
        for method in methods:
            answer = client.request(method, re.sub(r"{\w+(?::path)?}", new_id(), path))
            assert answer.status_code == 401, (method, path)
            form = "scim" if "/scim/" in path else "problem"
            assert answer.headers["content-type"] == f"application/{form}+json"


def test_an_import_is_taken_once(services: Services, client: TestClient) -> None:
    headers, data = bearer(services), recording()
    form = [("metadata", (None, json.dumps({"call_id": "c-1"}))), ("file", ("call.wav", data))]
    first = client.post("/api/v1/imports", files=form, headers=headers)
    assert first.status_code == 202, first.text
    again = client.post("/api/v1/imports", files=form, headers=headers)
    assert (again.status_code, again.json()["conversation_id"]) == (200, first.json()["conversation_id"])
    found = client.get("/api/v1/conversations", headers=headers).json()
    assert [(row["external_id"], row["status"]) for row in found["conversations"]] == [("c-1", "queued")]
    retry = client.post(f"/api/v1/conversations/{first.json()['conversation_id']}/retry", headers=headers, json={})
    assert (retry.status_code, retry.json()["code"]) == (409, "pipeline.busy")


def test_a_raw_import(services: Services, client: TestClient) -> None:
    meta = base64.urlsafe_b64encode(json.dumps({"call_id": "c-2", "filename": "x.wav"}).encode()).decode()
    headers = bearer(services) | {"Candor-Metadata": meta}
    answer = client.post("/api/v1/imports/raw", content=recording(), headers=headers)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ([("file", ("big.wav", b"RIFF" + bytes(LIMIT + 5)))], 413, "media.too_large"),
        ([("metadata", (None, "{")), ("file", ("x.wav", b"x"))], 422, "import.metadata"),
        ([("file", ("x.wav", b"x")), ("metadata", (None, "{}"))], 422, "import.order"),
        ([("metadata", (None, "{}")), ("other", ("x", b"x"))], 422, "import.no_file"),
    ],
)
def test_bad_forms_are_refused(services: Services, client: TestClient, form: Any, status: int, code: str) -> None:
    answer = client.post("/api/v1/imports", files=form, headers=bearer(services))
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_form_that_is_cut_short_takes_nothing_in(services: Services, client: TestClient) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    headers = bearer(services) | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/api/v1/imports", content=head + recording(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "import.cut_short")
    assert client.get("/api/v1/conversations", headers=headers).json()["total"] == 0


def test_search_get_and_export(services: Services, client: TestClient) -> None:
    headers, an_id = bearer(services), written(services)
    found = client.get("/api/v1/search", params={"q": "charged"}, headers=headers).json()
    assert found["conversations"][0]["snippet"] == "I was \ue000charged\ue001 twice"
    whole = client.get(f"/api/v1/conversations/{an_id}", headers=headers)
    assert whole.json()["id"] == an_id
    assert "Marlow" not in whole.text
    assert "5550143" not in whole.text
    for form in ("json", "csv", "vcon"):
        answer = client.get(f"/api/v1/conversations/{an_id}/export", params={"format": form}, headers=headers)
        assert answer.status_code == 200
        assert "Marlow" not in answer.text
    assert client.get(f"/api/v1/conversations/{an_id}/audio", headers=headers).status_code == 404


def test_a_token_does_only_what_its_scopes_say_within_its_owners_reach(services: Services, client: TestClient) -> None:
    mine, theirs = written(services, "Billing"), written(services, "Retention")
    headers = bearer(services, Right.CONVERSATION_READ, role=UserRole.SUPERVISOR, team="Billing")
    assert client.get(f"/api/v1/conversations/{mine}", headers=headers).status_code == 200
    for rest in ("", "/audio", "/peaks", "/transcript", "/findings", "/evaluations"):
        assert client.get(f"/api/v1/conversations/{theirs}{rest}", headers=headers).status_code == 404
    assert client.get(f"/api/v1/conversations/{mine}/export?format=json", headers=headers).status_code == 403
    assert client.post("/api/v1/tokens", json={"name": "x", "scopes": ["conversation:read"]}, headers=headers
                       ).json()["code"] == "token.in_person"  # fmt: skip


def test_the_cookie_needs_the_sessions_own_token_for_changes(services: Services, client: TestClient) -> None:
    secret = person(services)
    client.cookies.set(SESSION_COOKIE, secret)
    body = {"name": "mine", "scopes": ["conversation:read"]}
    assert client.get("/api/v1/tokens").status_code == 200
    assert client.post("/api/v1/tokens", json=body).json()["code"] == "csrf"
    good = {"X-CSRF-Token": csrf_token(secret)}
    assert client.post("/api/v1/tokens", json=body, headers=good | {"Sec-Fetch-Site": "cross-site"}).status_code == 403
    made = client.post("/api/v1/tokens", json=body, headers=good)
    assert made.status_code == 201
    token = {"Authorization": f"Bearer {made.json()['secret']}"}
    assert client.get("/api/v1/conversations", headers=token).status_code == 200
    assert client.delete(f"/api/v1/tokens/{made.json()['id']}", headers=good).status_code == 204
    assert client.get("/api/v1/conversations", headers=token).status_code == 401


def test_errors_never_echo_what_was_sent(services: Services, client: TestClient) -> None:
    headers, secret = bearer(services), "4111111111111111"
    for answer in (
        client.get("/api/v1/conversations", params={"since": secret, "limit": secret}, headers=headers),
        client.get("/api/v1/conversations", params={"cursor": secret}, headers=headers),
        client.get(f"/api/v1/{secret}", headers=headers),
        client.post("/api/v1/tokens", json={"name": {"a": secret}, "scopes": [secret]}, headers=headers),
    ):
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text
        assert {"type", "title", "status", "detail", "code", "instance"} <= answer.json().keys()


def test_the_reference_page_needs_no_script(client: TestClient) -> None:
    answer = client.get("/api/v1/docs")
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.")


def test_the_reference_in_docs_is_the_api(services: Services) -> None:
    made = reference.markdown(create_api(services).openapi())
    assert (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8") == made


def test_the_documents_description_names_every_key(services: Services, client: TestClient) -> None:
    found = client.get(f"/api/v1/conversations/{written(services)}", headers=bearer(services)).json()
    told = (ROOT / "docs" / "reference" / "conversation-json.md").read_text(encoding="utf-8")
    assert [key for key in found if f"`{key}`" not in told] == []
