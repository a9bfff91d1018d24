"""The recorder through the API: a real recorder in a process of its own, real calls, real rights."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from candor.access.model import Right, UserRole
from candor.api.app import create_api
from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture.siprec.client import OfferedStream, RecordingClient, Session, play
from candor.capture.siprec.model import Metadata, Participant, Stream, StreamAssociation
from candor.capture.siprec.model import Session as Communication
from candor.services import Services
from tests.peers.recorder import RunningRecorder, running
from tests.unit.api.test_api import bearer, services

__all__ = ["services"]

STREAMS = (OfferedStream(label="1"), OfferedStream(label="2"))
NUMBER = "4155550101"


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRecorder]:
    with running(tmp_path_factory.mktemp("data"), CANDOR_MOST_CALLS="3") as made:
        yield made


@pytest.fixture
def client(services: Services, recorder: RunningRecorder) -> Iterator[TestClient]:
    with TestClient(create_api(replace(services, recorder=recorder.client)), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def alone(services: Services) -> Iterator[TestClient]:
    """The API where no recorder runs."""
    with TestClient(create_api(services), raise_server_exceptions=False) as made:
        yield made


def described(call_id: str, team: str = "Billing") -> Metadata:
    return Metadata(
        sessions=(Communication(id=call_id, extension={"ucid": call_id, "team": team}),),
        participants=(
            Participant(id="c", aor=f"sip:+1{NUMBER}@sbc", name="Ivy Marlow"),
            Participant(id="a", aor="sip:1001@pbx", name="Dana Whitfield"),
        ),
        streams=(Stream(id="s1", label="1"), Stream(id="s2", label="2")),
        stream_associations=(
            StreamAssociation(participant="c", sends=("s1",)), StreamAssociation(participant="a", sends=("s2",)),
        ),
    )  # fmt: skip


class Line:
    """A call in progress from a thread of its own: sound on the given labels until it is hung up."""

    def __init__(self, port: int, metadata: Metadata, labels: tuple[str, ...]) -> None:
        self._port, self._metadata, self._labels = port, metadata, labels
        self._up, self._stop = threading.Event(), threading.Event()
        self.session: Session | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    async def _run(self) -> None:
        client = RecordingClient()
        try:
            self.session = await client.begin(await client.reach("127.0.0.1", self._port), STREAMS, self._metadata)
            playing = asyncio.create_task(play(self.session, dict.fromkeys(self._labels, b"\x55" * 160 * 50 * 60)))
            self._up.set()
            await asyncio.wait(
                {asyncio.create_task(asyncio.to_thread(self._stop.wait)), playing}, return_when="FIRST_COMPLETED"
            )
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
            if not self.session.ended.is_set():
                await client.end(self.session)
        finally:
            self._up.set()
            await client.close()


@contextmanager
def call(recorder: RunningRecorder, call_id: str, *, labels: tuple[str, ...] = ("1", "2")) -> Iterator[Line]:
    with Line(recorder.port, described(call_id), labels) as line:
        recorder.wait_for(lambda status: any(c["external_id"] == call_id for c in status["calls"]))
        yield line
    recorder.wait_for(lambda status: not any(c["external_id"] == call_id for c in status["calls"]))


def packets(recorder: RunningRecorder, call_id: str, least: int) -> Any:
    """Wait until each stream of the call that sends has brought ``least`` packets."""

    def enough(status: dict[str, Any]) -> bool:
        counts = [s["packets"] for c in status["calls"] if c["external_id"] == call_id for s in c["streams"]]
        return max(counts, default=0) >= least

    return recorder.wait_for(enough)


def figures(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name.removeprefix("candor_recorder_"), sample.labels.get("source", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_the_status_tells_of_calls_sources_and_how_to_connect(
    services: Services, client: TestClient, recorder: RunningRecorder
) -> None:
    auth = bearer(services)
    with call(recorder, "told-1", labels=("1",)):
        packets(recorder, "told-1", 20)
        recorder.wait_for(lambda status: status["calls"][0]["one_way"])
        answer = client.get("/api/v1/capture", headers=auth)
    found = answer.json()
    assert answer.status_code == 200
    (one,) = found["calls"]
    assert (one["external_id"], one["source"], one["protocol"], one["paused"]) == ("told-1", "siprec", "siprec", False)
    assert [stream["number"] for stream in one["streams"]] == [0, 1]
    heard, silent = one["streams"]
    assert heard["packets"] >= 20
    assert heard["loss_share"] == 0
    assert silent["silent_seconds"] is None
    assert silent["loss_share"] is None
    (source,) = found["sources"]
    assert (source["name"], source["active"], source["one_way"]) == ("siprec", 1, 1)
    assert source["packets"] >= 20
    port = recorder.port
    assert found["connect"]["sip"] == {
        "udp": f"sip:candor@127.0.0.1:{port};transport=udp", "tcp": f"sip:candor@127.0.0.1:{port};transport=tcp",
    }  # fmt: skip
    assert found["connect"]["allow"] == ["127.0.0.0/8", "::1/128"]
    assert found["offers"][0]["accepted"] is True
    assert found["alarms"] == []


def test_no_answer_names_a_person(services: Services, client: TestClient, recorder: RunningRecorder) -> None:
    auth = bearer(services)
    with call(recorder, "nameless"):
        texts = [client.get(path, headers=auth).text for path in ("/api/v1/capture", "/api/v1/metrics")]
    for text in texts:
        for secret in (NUMBER, "Ivy", "Marlow", "Dana", '"1001"', "pbx", "password"):
            assert secret not in text


def test_a_call_is_paused_resumed_and_ended_and_the_log_says_by_whom(
    services: Services, client: TestClient, recorder: RunningRecorder
) -> None:
    auth = bearer(services)
    with call(recorder, "steered") as line:
        paused = client.post("/api/v1/capture/calls/steered/pause", headers=auth, json={"reason": "card number"})
        conversation = paused.json()["id"]
        assert paused.json() == {
            "id": conversation, "external_id": "steered", "paused": True, "legs": [conversation],
        }  # fmt: skip
        before = packets(recorder, "steered", 0)["calls"][0]["streams"][0]["packets"]
        resumed = client.post(f"/api/v1/capture/calls/{conversation}/resume", headers=auth, json={})
        assert resumed.json()["paused"] is False
        packets(recorder, "steered", before + 10)
        assert client.post("/api/v1/capture/calls/steered/end", headers=auth, json={"reason": " "}).status_code == 422
        assert recorder.client.status()["active"] == 1
        ended = client.post("/api/v1/capture/calls/steered/end", headers=auth, json={"reason": "private call"})
        assert ended.status_code == 200
        assert line.session is not None
        recorder.wait_for(lambda status: not status["active"])
    with services.database.read() as uow:
        log = [entry for entry in audit.entries(uow, conversation) if entry.event is Event.CALL_STEERED]
        who = services.access.principal_by_login(uow, "p-administrator").user_id
    assert [(entry.subject, entry.reason) for entry in reversed(log)] == [
        ("pause", "card number"), ("resume", None), ("end", "private call"),
    ]  # fmt: skip
    assert {entry.actor for entry in log} == {who}


def test_an_id_with_slashes_is_one_id(services: Services, client: TestClient, recorder: RunningRecorder) -> None:
    with call(recorder, "a/b@10.0.0.1"):
        answer = client.post("/api/v1/capture/calls/a%2Fb@10.0.0.1/pause", headers=bearer(services), json={})
        assert answer.json()["external_id"] == "a/b@10.0.0.1"


def test_a_call_that_is_not_recorded_is_not_found_and_not_written_down(services: Services, client: TestClient) -> None:
    for given in ("nobody", "x" * 256):
        answer = client.post(f"/api/v1/capture/calls/{given}/pause", headers=bearer_once(services), json={})
        assert answer.status_code == (404 if len(given) < 256 else 422)
    with services.database.read() as uow:
        assert not [entry for entry in audit.entries(uow) if entry.event is Event.CALL_STEERED]


def bearer_once(services: Services) -> dict[str, str]:
    with services.database.read() as uow:
        known = {user.login for user in services.access.users(uow)}
    if "p-administrator" not in known:
        bearer(services)
    with services.database.write() as uow:
        who = services.access.principal_by_login(uow, "p-administrator")
        secret, _ = services.access.create_token(uow, who, "again", sorted(who.rights))
    return {"Authorization": f"Bearer {secret}"}


REACH: tuple[tuple[str, UserRole, dict[str, str], int], ...] = (
    ("the agent's own", UserRole.AGENT, {"agent_id": "1001"}, 200),
    ("another agent's", UserRole.AGENT, {"agent_id": "1002"}, 404),
    ("an agent without an id", UserRole.AGENT, {}, 404),
    ("the team's", UserRole.SUPERVISOR, {"team": "Billing"}, 200),
    ("another team's", UserRole.SUPERVISOR, {"team": "Retention"}, 404),
    ("a supervisor without a team", UserRole.SUPERVISOR, {}, 404),
    ("everybody's", UserRole.ADMINISTRATOR, {}, 200),
    ("to read only", UserRole.AUDITOR, {}, 403),
    ("to read only", UserRole.COMPLIANCE, {}, 403),
    ("nothing to do with it", UserRole.EVALUATOR, {}, 403),
    ("nothing to do with it", UserRole.TRAINER, {}, 403),
)


def test_who_may_pause_which_call(services: Services, client: TestClient, recorder: RunningRecorder) -> None:
    with call(recorder, "reach"):
        for number, (whose, role, about, status) in enumerate(REACH):
            recorder.client.steer("resume", "reach")
            with services.database.write() as uow:
                login = f"{role}-{number}"
                services.access.add_user(
                    uow, login=login, name="Robin", role=role, password="correct horse battery", **about
                )
                who = services.access.principal_by_login(uow, login)
                secret, _ = services.access.create_token(uow, who, "test", sorted(who.rights))
            auth = {"Authorization": f"Bearer {secret}"}
            answer = client.post("/api/v1/capture/calls/reach/pause", headers=auth, json={"reason": "card"})
            assert answer.status_code == status, (whose, role)
            (one,) = recorder.client.status()["calls"]
            assert one["paused"] is (status == 200), (whose, role)


@pytest.mark.parametrize("path", ["/api/v1/capture", "/api/v1/metrics"])
def test_who_may_look(services: Services, client: TestClient, path: str) -> None:
    seen = {
        role: client.get(path, headers=bearer(services, role=role, team="Billing")).status_code for role in UserRole
    }
    allowed = {UserRole.ADMINISTRATOR, UserRole.AUDITOR, UserRole.COMPLIANCE}
    assert {role for role, code in seen.items() if code == 200} == allowed
    assert set(seen.values()) == {200, 403}
    assert client.get(path).status_code == 401


def test_a_token_without_the_right_steers_nothing(
    services: Services, client: TestClient, recorder: RunningRecorder
) -> None:
    auth = bearer(services, Right.HEALTH_READ, Right.CONVERSATION_RETRY)
    with call(recorder, "narrow"):
        for verb in ("pause", "resume", "end"):
            answer = client.post(f"/api/v1/capture/calls/narrow/{verb}", headers=auth, json={"reason": "card"})
            assert answer.status_code == 403
        assert client.post("/api/v1/capture/calls/narrow/erase", headers=auth, json={}).status_code in {404, 405}
        (one,) = recorder.client.status()["calls"]
        assert one["paused"] is False


def test_figures_for_prometheus_count_calls_packets_and_refusals(
    services: Services, client: TestClient, recorder: RunningRecorder
) -> None:
    auth = bearer(services)
    before = figures(client.get("/api/v1/metrics", headers=auth).text)
    with call(recorder, "counted", labels=("1", "2")):
        packets(recorder, "counted", 30)
        answer = client.get("/api/v1/metrics", headers=auth)
        during = figures(answer.text)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert during["up", ""] == during["calls_active", ""] == 1
    assert during["live_packets", "siprec"] >= 30
    assert during["spool_trouble", ""] == 0
    assert during["media_ports_used", ""] == 2
    recorder.wait_for(lambda status: not status["active"])
    after = figures(client.get("/api/v1/metrics", headers=auth).text)
    assert after["calls_total", "siprec"] == before.get(("calls_total", "siprec"), 0) + 1
    assert after["packets_total", "siprec"] >= before.get(("packets_total", "siprec"), 0) + 30
    assert after["live_packets", "siprec"] == 0
    assert after["calls_active", ""] == 0


def test_a_refused_offer_is_told_in_words_and_counted(
    services: Services, client: TestClient, recorder: RunningRecorder
) -> None:
    auth = bearer(services)

    def refused() -> int:
        found = client.get("/api/v1/capture", headers=auth).json()["sources"]
        return sum(source["refused"] for source in found)

    before = refused()

    async def offer_video() -> None:
        client = RecordingClient()
        flow = await client.reach("127.0.0.1", recorder.port)
        unknown = (OfferedStream(label="1", payload_type=97, encoding="EVRC/8000"),)
        with pytest.raises(Exception, match="488"):
            await client.begin(flow, unknown, described("refused"))
        await client.close()

    asyncio.run(offer_video())
    newest = client.get("/api/v1/capture", headers=auth).json()["offers"][0]
    assert newest["accepted"] is False
    assert "none of its codecs can be recorded" in newest["words"]
    assert refused() == before + 1


def test_without_a_recorder_there_is_a_problem_and_a_zero(services: Services, alone: TestClient) -> None:
    auth = bearer(services)
    for method, path in (("GET", "/api/v1/capture"), ("POST", "/api/v1/capture/calls/x/pause")):
        answer = alone.request(method, path, headers=auth, json={} if method == "POST" else None)
        assert answer.status_code == 503
        assert answer.json()["code"] == "capture.no_recorder"
        assert "candor recorder" in answer.json()["advice"]
    found = figures(alone.get("/api/v1/metrics", headers=auth).text)
    assert found == {("up", ""): 0}


def test_the_alarms_of_the_status_are_told(services: Services, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data) as recorder:
        with Line(recorder.port, described("broken-off"), ("1", "2")) as line:
            packets(recorder, "broken-off", 10)
            recorder.kill()
            assert line.session is not None
            line.session.ended.set()
        recorder.start()
        with TestClient(create_api(replace(services, recorder=recorder.client))) as client:
            found = client.get("/api/v1/capture", headers=bearer(services)).json()
    assert found["left_open"] == 1
    (alarm,) = found["alarms"]
    assert "during a call" in alarm["message"]
