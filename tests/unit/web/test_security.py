from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor.web.security import SecurityHeaders
from tests.unit.web.conftest import LogIn, csrf_of
from tests.unit.web.consented import everything
from tests.unit.web.fixtures import HOSTILE, FakeServices

PAGES = (
    "/login",
    "/conversations",
    "/attention",
    "/completeness",
    "/sources",
    "/sources/now",
    "/sources/places",
    "/consent?check=1",
    "/consent/decide",
    "/consent/rules",
    "/consent/rules/DE",
    "/consent/quarantine",
    "/consent/ledger",
    "/consent/announcements",
    "/consent/employees",
    "/consent/never",
    "/import",
    "/help",
    "/nowhere",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_a_strict_policy_and_nothing_inline(
    admin: TestClient, services: FakeServices, path: str
) -> None:
    if path.startswith("/consent"):
        everything(services)
    answer = admin.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", answer.text)
    for attributes in re.findall(r"<script([^>]*)>", answer.text):
        assert "src=" in attributes or 'type="application/json"' in attributes


def test_pages_inside_the_whole_application_get_their_headers_once() -> None:
    """The outer ones, which know of https; a page by itself has its own."""
    sent: list[Any] = []

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        sent.append(send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        sent.append(send)
        await SecurityHeaders(answer)(scope, receive, send)  # type: ignore[arg-type]

    whole = TestClient(SecurityHeaders(inside, https=True))  # type: ignore[arg-type]
    headers = whole.get("/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "strict-transport-security" in headers
    assert sent[0] is sent[1], "nothing is put around it a second time"
    alone = TestClient(SecurityHeaders(answer)).get("/").headers  # type: ignore[arg-type]
    assert "default-src 'none'" in alone["content-security-policy"]


def test_the_conversation_page_has_nothing_inline(admin: TestClient, services: FakeServices) -> None:
    text = admin.get(f"/conversations/{services.replay.rows[0].id}").text
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", text)


def test_an_unforeseen_fault_is_a_page_with_a_reference_and_the_policy(
    admin: TestClient, services: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a customer's name")

    monkeypatch.setattr(services.replay, "page", broken)
    answer = admin.get("/conversations")
    assert answer.status_code == 500
    assert re.search(r"<code>[0-9a-f]{12}</code>", answer.text)
    assert "customer's name" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


POSTS = (
    "/login",
    "/logout",
    "/views",
    "/views/1/delete",
    "/conversations/selected",
    "/conversations/1/retry",
    "/conversations/1/evaluations",
    "/completeness/check",
    "/completeness/1/resolve",
    "/sources/calls/1/pause",
    "/consent/decide",
    "/consent/rules/DE/override",
    "/consent/rules/DE/withdraw",
    "/consent/quarantine/1/resolve",
    "/consent/quarantine/1/destroy",
    "/consent/announcements",
    "/consent/announcements/1/retire",
    "/consent/employees",
    "/consent/employees/withdraw",
    "/consent/never",
    "/consent/never/remove",
)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_change_without_the_sessions_token_is_refused(admin: TestClient, path: str, token: str) -> None:
    assert admin.post(path, data={"csrf": token}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}]
)
def test_a_change_from_another_site_is_refused_even_with_the_token(admin: TestClient, headers: dict[str, str]) -> None:
    token = csrf_of(admin.get("/conversations").text)
    assert admin.post("/logout", data={"csrf": token}, headers=headers).status_code == 403
    same = {"sec-fetch-site": "same-origin"}
    assert admin.post("/logout", data={"csrf": token}, headers=same).status_code == 303


def test_every_form_that_changes_something_carries_the_token(admin: TestClient, services: FakeServices) -> None:
    for path in (
        "/conversations?team=Billing",
        f"/conversations/{services.replay.rows[0].id}",
        "/attention",
        "/consent/decide",
    ):
        forms = re.findall(r'<form[^>]*method="post".*?</form>', admin.get(path).text, re.DOTALL)
        assert forms
        for form in forms:
            csrf_of(form)


def test_hostile_text_is_escaped_everywhere(admin: TestClient, services: FakeServices) -> None:
    import dataclasses

    replay = services.replay
    line = replay.transcript.utterances[1]
    word = dataclasses.replace(line.words[0], text=HOSTILE.replace(" ", ""))
    bare = dataclasses.replace(replay.transcript.utterances[2], text=HOSTILE + " [NAME_1]", words=())
    lines = list(replay.transcript.utterances)
    lines[1], lines[2] = dataclasses.replace(line, words=(word, *line.words[1:])), bare
    changed = dataclasses.replace(replay.transcript, utterances=tuple(lines), notes=(HOSTILE,))
    replay.redaction = dataclasses.replace(replay.redaction, transcript=changed)
    replay.rows[0] = dataclasses.replace(
        replay.rows[0], agent=HOSTILE, customer=HOSTILE, queue=HOSTILE, attention=HOSTILE, categories=(HOSTILE,)
    )
    from tests.unit.web import fixtures

    analysis = fixtures.analysis(replay.transcript)
    finding = dataclasses.replace(analysis.findings[0], label=HOSTILE + "</script>", quote=HOSTILE)
    replay.overlay["analysis"] = dataclasses.replace(analysis, findings=(finding,))
    identifier = replay.rows[0].id
    for path in (f"/conversations/{identifier}?q={HOSTILE}", f"/conversations?q={HOSTILE}&agent={HOSTILE}"):
        text = admin.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;alert" in text
    data = re.search(r'<script type="application/json" id="call-data">(.*?)</script>', text_of(admin, identifier))
    assert data
    assert "\\u003cscript>alert" in data[1]


def text_of(client: TestClient, identifier: str) -> str:
    return client.get(f"/conversations/{identifier}").text


def test_what_a_role_may_not_do_is_neither_shown_nor_done(log_in: LogIn, services: FakeServices) -> None:
    agent = log_in("agent")
    own = services.replay.rows[0].id
    page = agent.get(f"/conversations/{own}").text
    assert "Override" not in page
    assert 'href="/import"' not in page
    token = csrf_of(page)
    for path, data in (
        (f"/conversations/{own}/evaluations", {"verdict": "yes", "reason": "because"}),
        (f"/conversations/{own}/retry", {"stage": "decode"}),
        ("/conversations/selected", {"action": "export", "id": own}),
        ("/views", {"name": "x", "shared": "1"}),
    ):
        assert agent.post(path, data={"csrf": token} | data).status_code == 403
    for path in ("/import", "/attention", "/conversations.csv"):
        assert agent.get(path).status_code == 403
    assert services.replay.evaluations[own][0].source == "automatic"
    assert len(services.replay.evaluations[own]) == 1


def test_another_persons_conversation_does_not_exist(log_in: LogIn, services: FakeServices) -> None:
    agent = log_in("agent")
    other = services.replay.rows[1]
    assert other.agent_id != "a1"
    for path in ("", "/audio", "/peaks", "/processing"):
        assert agent.get(f"/conversations/{other.id}{path}").status_code == 404
    assert other.id not in agent.get("/conversations").text
