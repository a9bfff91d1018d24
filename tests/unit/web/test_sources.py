"""The page of sources over a real recorder and real calls; what is shown and steered, by whom."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture.siprec.client import OfferedStream, RecordingClient
from candor.errors import InvalidInput
from candor.web import create_web
from tests.peers.recorder import RunningRecorder, running
from tests.unit.api.test_capture import call, described, packets
from tests.unit.web.conftest import csrf_of
from tests.unit.web.fixtures import HOSTILE, FakeServices

SOURCES = '[{"name":"main","dialect":"twilio","secret":"sesame"},{"name":"gen","audiohook":true,"secret":"c2VzYW1l"}]'


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRecorder]:
    data = tmp_path_factory.mktemp("data")
    with running(data, CANDOR_STREAM_SOURCES=SOURCES, CANDOR_SIP_USERS='{"sbc": "opensesame"}') as made:
        yield made


@pytest.fixture(scope="module")
def open_recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRecorder]:
    """One that asks for no password."""
    with running(tmp_path_factory.mktemp("open")) as made:
        yield made


@pytest.fixture
def services(open_recorder: RunningRecorder) -> Iterator[FakeServices]:
    made = FakeServices(recorder=open_recorder.client)
    yield made
    made.database.close()


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def page_of(services: FakeServices, path: str = "/sources", role: str = "administrator") -> Any:
    with TestClient(create_web(services), raise_server_exceptions=False, follow_redirects=False) as client:
        token = csrf_of(client.get("/login").text)
        assert client.post("/login", data={"csrf": token, "login": role, "password": "secret"}).status_code == 303
        return client.get(path)


def test_how_to_connect_is_told_without_a_secret(recorder: RunningRecorder) -> None:
    services = FakeServices(recorder=recorder.client)
    page = page_of(services).text
    services.database.close()
    for transport in ("udp", "tcp"):
        assert f"<code>sip:candor@127.0.0.1:{recorder.port};transport={transport}</code>" in page
    assert "transport=tls" not in page
    shown = text(page)
    for words in (
        "127.0.0.0/8, ::1/128", "Password (digest) asked for", "SRTP taken when offered", "wss://…/streams/main",
        "wss://…/audiohook/gen", "candor capture check", "None at the moment",
        "Nobody has offered a call",
    ):  # fmt: skip
        assert words in shown
    assert re.search(r"\b0 of \d+ pairs in use", shown)
    assert "sesame" not in page
    assert "c2VzYW1l" not in page


def test_calls_are_shown_with_their_streams_and_no_names(admin: TestClient, open_recorder: RunningRecorder) -> None:
    with call(open_recorder, "shown-1", labels=("1",)):
        packets(open_recorder, "shown-1", 10)
        assert "one-way audio" not in text(admin.get("/sources/now").text)
        open_recorder.wait_for(lambda status: status["calls"][0]["one_way"])
        assert "one-way audio" in text(admin.get("/sources/now").text)
        whole, part = admin.get("/sources"), admin.get("/sources/now")
    for answer in (whole, part):
        shown = text(answer.text)
        assert "shown-1" in shown
        assert re.search(r"\d+ packets, 0 lost, jitter \d+\.\d ms", shown)
        assert "nothing came yet" in shown
        assert "siprec · 127.0.0.1 Recording." in shown
        for person in ("4155550101", "Ivy", "Dana", "1001@", "pbx"):
            assert person not in answer.text
    assert "<html" in whole.text
    assert "<html" not in part.text
    assert 'hx-get="/sources/now" hx-trigger="every 2s"' in whole.text


def test_a_call_is_steered_by_forms_and_written_down(
    admin: TestClient, services: FakeServices, open_recorder: RunningRecorder
) -> None:
    def post(call_id: str, verb: str, **form: str) -> str:
        answer = admin.post(f"/sources/calls/{call_id}/{verb}", data={"csrf": token} | form)
        assert answer.status_code == 303
        return str(answer.headers["location"])

    with call(open_recorder, "by-page"):
        page = admin.get("/sources").text
        token = csrf_of(page)
        (identifier,) = set(re.findall(r"/sources/calls/([0-9a-f-]{36})/pause", page))
        assert post(identifier, "pause", reason="card number") == "/sources?done=pause"
        assert "The call is paused" in admin.get("/sources?done=pause").text
        page = admin.get("/sources/now").text
        assert f"/sources/calls/{identifier}/resume" in page
        assert f"/sources/calls/{identifier}/pause" not in page
        assert post(identifier, "resume") == "/sources?done=resume"
        assert post(identifier, "end", reason="  ") == "/sources?done=reason"
        assert open_recorder.client.status()["active"] == 1
        assert post(identifier, "end", reason="private") == "/sources?done=end"
        open_recorder.wait_for(lambda status: not status["active"])
        assert post(identifier, "pause") == "/sources?done=gone"
        assert admin.post(f"/sources/calls/{identifier}/erase", data={"csrf": token}).status_code == 422
    with services.database.read() as uow:
        log = [entry for entry in audit.entries(uow, identifier) if entry.event is Event.CALL_STEERED]
    assert [(entry.subject, entry.actor, entry.reason) for entry in reversed(log)] == [
        ("pause", "user-administrator", "card number"), ("resume", "user-administrator", None),
        ("end", "user-administrator", "private"),
    ]  # fmt: skip


def test_a_form_without_the_sessions_token_changes_nothing(admin: TestClient, open_recorder: RunningRecorder) -> None:
    with call(open_recorder, "foreign"):
        (one,) = open_recorder.client.status()["calls"]
        for token in ("", "0" * 64):
            answer = admin.post(f"/sources/calls/{one['id']}/pause", data={"csrf": token, "reason": "x"})
            assert answer.status_code == 403
        assert open_recorder.client.status()["calls"][0]["paused"] is False
        for form in re.findall(r'<form[^>]*method="post".*?</form>', admin.get("/sources").text, re.DOTALL):
            csrf_of(form)


@pytest.mark.parametrize(
    ("role", "seen", "steered"),
    [
        ("auditor", 200, 403),
        ("compliance", 200, 403),
        ("supervisor", 403, 303),
        ("agent", 403, 303),
        ("evaluator", 403, 403),
    ],
)
def test_who_sees_and_who_steers(
    services: FakeServices, open_recorder: RunningRecorder, role: str, seen: int, steered: int
) -> None:
    with TestClient(create_web(services), raise_server_exceptions=False, follow_redirects=False) as client:
        client.post("/login", data={"csrf": csrf_of(client.get("/login").text), "login": role, "password": "secret"})
        token = csrf_of(client.get("/conversations").text)
        with call(open_recorder, "whose"):
            (one,) = open_recorder.client.status()["calls"]
            page = client.get("/sources")
            assert page.status_code == client.get("/sources/now").status_code == seen
            assert "/sources/calls/" not in page.text
            answer = client.post(f"/sources/calls/{one['id']}/pause", data={"csrf": token, "reason": "x"})
            assert answer.status_code == steered
            # The agent of the made-up house is a1, and this is 1001's call; the supervisor's team is its team.
            assert open_recorder.client.status()["calls"][0]["paused"] is (role == "supervisor")
        assert ('href="/sources"' in client.get("/help").text) is (seen == 200)


def test_what_a_sender_writes_is_escaped(admin: TestClient, open_recorder: RunningRecorder) -> None:
    with call(open_recorder, HOSTILE):
        page = admin.get("/sources").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert" in page
    assert not re.search(r"\sstyle=|\son\w+=\"|<style|javascript:", page)


def test_a_refused_offer_says_why(admin: TestClient, open_recorder: RunningRecorder) -> None:
    async def offer() -> None:
        client = RecordingClient()
        flow = await client.reach("127.0.0.1", open_recorder.port)
        unknown = (OfferedStream(label="1", payload_type=97, encoding="EVRC/8000"),)
        with pytest.raises(InvalidInput, match="488"):
            await client.begin(flow, unknown, described("refused"))
        await client.close()

    asyncio.run(offer())
    assert "none of its codecs can be recorded" in text(admin.get("/sources/now").text)


def test_a_call_is_found_by_its_id(admin: TestClient, open_recorder: RunningRecorder) -> None:
    with call(open_recorder, "needle"):
        assert "needle" in text(admin.get("/sources/now?call=needl").text)
        page = admin.get("/sources?call=haystack&x=1").text
    assert "No call in progress has this id." in page
    assert "/sources/calls/" not in page
    assert 'hx-get="/sources/now?call=haystack"' in page


def test_without_a_recorder_it_says_how_to_start_one() -> None:
    services = FakeServices()
    page = page_of(services)
    part = page_of(services, "/sources/now")
    services.database.close()
    assert page.status_code == part.status_code == 200
    for answer in (page, part):
        assert "No recorder answers on this machine." in answer.text
        assert "<code>candor serve</code>" in answer.text
        assert "<code>candor recorder</code>" in answer.text
    # It goes on asking, so that it is there when the recorder is.
    assert 'hx-trigger="every 2s"' in page.text


def test_alarms_stand_on_both_pages(tmp_path: Any) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data) as recorder:
        with call(recorder, "cut-off") as line:
            packets(recorder, "cut-off", 10)
            recorder.kill()
            assert line.session is not None
            line.session.ended.set()
            recorder.start()
        services = FakeServices(recorder=recorder.client)
        pages = [page_of(services, path).text for path in ("/sources", "/attention")]
        elsewhere = page_of(services, "/attention", "supervisor").text
    services.database.close()
    for page in pages:
        assert "what was sealed" in page
    assert 'href="/sources">Open sources' in pages[1]
    assert "what was sealed" not in elsewhere, "a supervisor sees one team only"


def test_attention_is_there_without_a_recorder(services: FakeServices) -> None:
    calm = FakeServices()
    page = page_of(calm, "/attention")
    calm.database.close()
    assert page.status_code == 200
    assert "Open sources" not in page.text
