"""``candor capture``: a test call through a real recorder and a real worker, and every step that can fail, failing."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import uvicorn

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture.selfcheck import TONES, Outcome, Plan, State, check, hear, tone
from candor.capture.siprec.client import OfferedStream, RecordingClient, play
from candor.conversation.model import Conversation, Party, Recording
from candor.kit import clock
from candor.kit.ids import new_id
from candor.web import create_web
from tests.integration.test_recorder import certificates, described, free_port
from tests.peers import preloaded
from tests.peers.recorder import RunningRecorder, running
from tests.unit.api.test_capture import call
from tests.unit.web.fixtures import FakeServices

HERE = Path(__file__).parent
SIP = ["recorder", "session", "labels", "sound", "spool", "good-bye"]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRecorder]:
    with running(tmp_path_factory.mktemp("data")) as made:
        yield made


def candor(recorder: RunningRecorder, *arguments: str, **settings: str) -> preloaded.Ended:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    environment = kept | {"CANDOR_DATA": str(recorder.data)} | recorder.settings | settings
    return preloaded.run("capture", *arguments, environment=environment, timeout=90)


def checked(recorder: RunningRecorder, *arguments: str, **settings: str) -> tuple[int, dict[str, Any]]:
    """(exit code, what it told)."""
    done = candor(recorder, "check", "--json", "--seconds", "1", *arguments, **settings)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def states(found: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in found["steps"]}


@contextmanager
def worker(recorder: RunningRecorder) -> Iterator[None]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    process = preloaded.Popen(
        [*preloaded.CANDOR, "worker"], env=kept | {"CANDOR_DATA": str(recorder.data), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        services = recorder.services()
        from candor.pipeline import store

        def live() -> bool:
            with services.database.read() as uow:
                return bool(store.live_workers(uow, 15))

        for _ in range(600):
            if live():
                break
            assert process.poll() is None
            threading.Event().wait(0.1)
        services.database.close()
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_the_test_call_is_followed_into_its_conversation(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data) as recorder, worker(recorder):
        code, found = checked(recorder)
        assert (code, found["ok"]) == (0, True), found
        assert states(found) == dict.fromkeys([*SIP, "conversation", "channels"], "ok")
        services = recorder.services()
        with services.database.read() as uow:
            made = services.shelf.conversation(uow, found["conversation_id"])
            log = audit.entries(uow, found["conversation_id"])
        services.database.close()
    assert made.external_id == found["call_id"]
    assert made.external_id.startswith("candor-check-")
    # The metadata named the second stream's party first.
    assert {party.name: party.channel for party in made.parties} == {
        "Test tone of 440 Hz": 0,
        "Test tone of 1000 Hz": 1,
    }
    assert made.agent is None
    assert Event.OPENED_ORIGINAL in {entry.event for entry in log}


def test_without_a_worker_it_says_where_the_call_waits(recorder: RunningRecorder) -> None:
    done = candor(recorder, "check", "--seconds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * len(SIP) + ["skipped"]
    assert "`candor serve`" in lines[-2]
    assert "kept as the spool" in lines[-1]
    assert list((recorder.data / "spool").glob("*.done"))
    assert recorder.client.status()["active"] == 0


def test_over_tcp(recorder: RunningRecorder) -> None:
    code, found = checked(recorder, "--transport", "tcp")
    assert code == 0, found
    assert "over TCP" in found["steps"][0]["words"]


def test_over_tls_with_a_client_certificate(tmp_path: Path) -> None:
    authority, server, client = certificates(tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    settings = {
        "CANDOR_SIPS_PORT": str(free_port()), "CANDOR_TLS_CERTIFICATE": str(server),
        "CANDOR_TLS_CLIENT_CA": str(authority),
    }  # fmt: skip
    with running(data, **settings) as recorder:
        code, found = checked(recorder, "--transport", "tls")
        assert code == 0, found
        code, found = checked(recorder, "--transport", "tls", CANDOR_TLS_CERTIFICATE=str(client))
    assert code == 1
    assert states(found) == {"recorder": "ok", "session": "failed"}
    assert "CANDOR_TLS_CERTIFICATE" in found["steps"][-1]["advice"]


def test_tls_that_is_switched_off_is_said(recorder: RunningRecorder) -> None:
    done = candor(recorder, "check", "--transport", "tls")
    assert done.returncode == 2
    assert "CANDOR_SIPS_PORT" in done.stderr


def test_with_a_password_and_with_srtp(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data, CANDOR_SIP_USERS='{"sbc": "right"}', CANDOR_SRTP="require") as recorder:
        code, found = checked(recorder)
        assert code == 0, found
        assert found["steps"][1]["words"] == "The session was accepted with SRTP."
        for users in ('{"sbc": "wrong"}', "{}"):
            code, found = checked(recorder, CANDOR_SIP_USERS=users)
            assert code == 1
            assert states(found) == {"recorder": "ok", "session": "failed"}
            assert "401" in found["steps"][-1]["words"]
            assert "CANDOR_SIP_USERS" in found["steps"][-1]["advice"]
            assert "wrong" not in json.dumps(found).replace("is wrong", "")


def test_the_recorders_own_words_say_why_it_does_not_answer(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data, CANDOR_SIP_ALLOW='["192.0.2.0/24"]') as recorder:
        code, found = checked(recorder)
    assert code == 1
    step = found["steps"][-1]
    assert step["state"] == "failed"
    assert "not in CANDOR_SIP_ALLOW" in step["words"]
    assert step["advice"].startswith("Add 127.0.0.1,")


def test_without_a_recorder_it_fails_and_says_how_to_start_one(tmp_path: Path) -> None:
    code, found = checked(RunningRecorder(tmp_path / "data"))
    assert code == 1
    assert states(found) == {"recorder": "failed"}
    assert "candor recorder" in found["steps"][0]["advice"]


class House:
    """No worker, or one that made what it is told."""

    def __init__(self, made: Conversation | None = None, recording: bytes = b"") -> None:
        self._made, self._recording = made, recording

    def working(self) -> bool:
        return False

    def kept(self, call_id: str) -> tuple[Conversation, BinaryIO] | None:
        return (self._made, io.BytesIO(self._recording)) if self._made else None


def place(recorder: RunningRecorder, house: House, spool: Path | None = None) -> Outcome:
    plan = Plan(spool=spool or recorder.data / "spool", seconds=0.5)
    return asyncio.run(check(recorder.client, plan, house))


def recording(*channels: tuple[float, ...]) -> bytes:
    """A WAV of the tones of each channel; none is silence."""
    at = np.arange(8000) / 8000
    sides = [sum((np.sin(2 * np.pi * hertz * at) for hertz in tones), np.zeros(8000)) for tones in channels]
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((9000 * np.stack(sides, axis=1)).astype("<i2").tobytes())
    return out.getvalue()


def made(*channels: int | None) -> Conversation:
    parties = tuple(
        Party(name=f"Test tone of {hertz:.0f} Hz", channel=channel)
        for hertz, channel in zip(TONES.values(), channels, strict=True)
    )
    about = Recording(object_id=new_id(), mediatype="audio/x-wav", filename="call.wav", size=1, sha512="")
    return Conversation(id=new_id(), started_at=clock.now(), parties=parties, recording=about)


@pytest.mark.parametrize(
    ("parties", "sound", "words"),
    [
        ((0, 1), ((440,), (1000,)), ""),
        ((0, 1), ((1000,), (440,)), "sounds of 1000 Hz"),
        ((0, 1), ((440,), ()), "who sent 1000 Hz sounds of 0 Hz"),
        ((0, None), ((440,), (1000,)), "Who sent 1000 Hz has no channel"),
        ((0, 1), ((440, 1000), (440, 1000)), "of its power"),
        ((0, 1), ((440,),), "Who sent 1000 Hz has no channel"),
    ],
)
def test_sound_in_the_wrong_place_is_found_out(
    recorder: RunningRecorder, parties: tuple[int | None, ...], sound: tuple[tuple[float, ...], ...], words: str
) -> None:
    outcome = place(recorder, House(made(*parties), recording(*sound)))
    assert outcome.ok is not bool(words)
    assert words in outcome.steps[-1].words
    assert outcome.steps[-1].name == "channels"


def test_tones_that_are_mixed_are_neither() -> None:
    ((_, share),) = hear(io.BytesIO(recording((440, 1000))), "call.wav")
    assert 0.4 < share < 0.6


def test_another_data_folder_is_found_out(recorder: RunningRecorder, tmp_path: Path) -> None:
    outcome = place(recorder, House(), tmp_path)
    assert outcome.steps[-1].state is State.FAILED
    assert outcome.steps[-1].name == "spool"
    assert "CANDOR_DATA" in outcome.steps[-1].advice
    recorder.wait_for(lambda status: not status["active"])


def test_a_recorder_that_dies_meanwhile_is_a_failed_step(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data) as recorder:
        timer = threading.Timer(0.6, recorder.kill)
        timer.start()
        plan = Plan(spool=data / "spool", seconds=2)
        outcome = asyncio.run(check(recorder.client, plan, House()))
        timer.join()
    assert not outcome.ok
    assert outcome.steps[-1].state is State.FAILED
    assert len(outcome.steps) < len(SIP)


def test_a_tone_is_whole_packets() -> None:
    assert len(tone(440, 1.01)) % 160 == 0
    assert len(tone(440, 2)) == 16_000


def test_calls_are_steered_from_the_machine_and_it_is_written_down(recorder: RunningRecorder) -> None:
    async def call() -> None:
        client = RecordingClient()
        flow = await client.reach("127.0.0.1", recorder.port)
        session = await client.begin(flow, [OfferedStream(label="1"), OfferedStream(label="2")], described("by-hand"))
        await play(session, dict.fromkeys(("1", "2"), b"\x55" * 160 * 50 * 40))
        await client.close()

    thread = threading.Thread(target=lambda: asyncio.run(call()))
    thread.start()
    running_call = recorder.wait_for(lambda status: status["active"])["calls"][0]
    done = candor(recorder, "status")
    assert "by-hand" in done.stdout
    assert "1 call in progress." in done.stdout
    told = json.loads(candor(recorder, "status", "--json").stdout)
    assert told["calls"][0]["id"] == running_call["id"]
    assert "+14155550101" not in json.dumps(told)
    assert "agents" not in told["calls"][0]
    assert candor(recorder, "pause", "by-hand", "--reason", "card").stdout == "paused\n"
    assert recorder.client.status()["calls"][0]["paused"] is True
    assert "paused" in candor(recorder, "status").stdout
    assert candor(recorder, "resume", running_call["id"]).stdout == "recording\n"
    assert recorder.client.status()["calls"][0]["paused"] is False
    assert candor(recorder, "end", "by-hand").stdout == "ended\n"
    thread.join(20)
    assert not thread.is_alive(), "no BYE came"
    gone = candor(recorder, "pause", "by-hand")
    assert gone.returncode == 3
    assert "No such call" in gone.stderr
    services = recorder.services()
    with services.database.read() as uow:
        log = [entry for entry in audit.entries(uow) if entry.event is Event.CALL_STEERED]
    services.database.close()
    assert [(entry.subject, entry.actor, entry.reason) for entry in reversed(log)] == [
        ("pause", "cli", "card"), ("resume", "cli", None), ("end", "cli", None),
    ]  # fmt: skip


# ---- the page, in a real Chromium ----


@pytest.fixture(scope="module")
def base(recorder: RunningRecorder) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(create_web(FakeServices(recorder=recorder.client)), port=0, log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(1000):
        if server.started:
            break
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from tests.integration.test_browser import ARGUMENTS, CHROMIUM

    if not CHROMIUM.exists():
        pytest.skip("Debian's chromium is not installed (apt-get install chromium)")
    with driver.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def opened(browser: Any, base: str, **options: Any) -> Iterator[Any]:
    """A page of an administrator that must not complain: no script error, no policy violation."""
    context = browser.new_context(base_url=base, **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.fill("#login", "administrator")
    page.fill("#password", "secret")
    page.press("#password", "Enter")
    page.wait_for_url("**/conversations")
    yield page
    context.close()
    assert complaints == []


def wait(page: Any, condition: str, seconds: float = 15) -> None:
    for _ in range(round(seconds * 20)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


COUNT = (
    "Number(/([0-9]+) packets/.exec(document.querySelector('#call-table').textContent.replaceAll('\\u202f', ''))[1])"
)


@pytest.mark.browser
def test_the_page_goes_on_by_itself_but_not_under_ones_hands(
    browser: Any, base: str, recorder: RunningRecorder
) -> None:
    with opened(browser, base) as page:
        page.goto("/sources")
        wait(page, "document.body.textContent.includes('None at the moment')")
        with call(recorder, "live-1") as line:
            wait(page, "document.querySelector('#call-table')?.textContent.includes('live-1')")
            first = page.evaluate(COUNT)
            wait(page, f"{COUNT} > {first}")
            page.click("#call-table summary")
            page.fill("#call-table input[name=reason]", "private")
            page.click("h1")
            held = page.evaluate(COUNT)
            page.wait_for_timeout(4500)
            assert page.evaluate(COUNT) == held
            assert page.input_value("#call-table input[name=reason]") == "private"
            page.click("#call-table summary")
            page.click("h1")
            wait(page, f"{COUNT} > {held}")
            page.click("#hold")
            held = page.evaluate(COUNT)
            page.wait_for_timeout(4500)
            assert page.evaluate(COUNT) == held
            page.click("#hold")
            page.click("#call-table button:has-text('Pause')")
            page.wait_for_url("**/sources?done=pause")
            assert recorder.client.status()["calls"][0]["paused"] is True
            page.click("#call-table summary")
            page.click("#call-table .source-end")
            assert "done=pause" in page.url, "the browser asks for the reason"
            page.fill("#call-table input[name=reason]", "private")
            page.click("#call-table .source-end")
            page.wait_for_url("**/sources?done=end")
            assert line.session is not None
            recorder.wait_for(lambda status: not status["active"])
        wait(page, "document.body.textContent.includes('None at the moment')")


@pytest.mark.browser
def test_the_page_works_without_script(browser: Any, base: str, recorder: RunningRecorder) -> None:
    with opened(browser, base, java_script_enabled=False) as page, call(recorder, "plain-1"):
        page.goto("/sources")
        assert "plain-1" in page.text_content("#call-table")
        page.click("#call-table button:has-text('Pause')")
        assert "The call is paused" in page.text_content("main")
        page.click("a.button:has-text('Refresh')")
        page.click("#call-table summary")
        page.fill("#call-table input[name=reason]", "over")
        page.click("#call-table details button:has-text('Resume')")
        assert "is recorded again" in page.text_content("main")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_legible_and_well_mannered(
    browser: Any, base: str, recorder: RunningRecorder, scheme: str, width: int
) -> None:
    contrast, manners = ((HERE / name).read_text(encoding="utf-8") for name in ("contrast.js", "manners.js"))
    look = {"color_scheme": scheme, "viewport": {"width": width, "height": 860}, "reduced_motion": "reduce"}
    with opened(browser, base, **look) as page, call(recorder, "seen-1"), call(recorder, "seen-2", labels=("1",)):
        recorder.client.steer("pause", "seen-1")
        for path in ("/sources", "/sources?done=end", "/sources?call=nobody"):
            page.goto(path)
            if page.locator("#call-table summary").count():
                page.click("#call-table summary >> nth=0")
            assert page.evaluate(contrast) + page.evaluate(manners) == [], path
