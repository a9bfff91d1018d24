"""The pages in a real Chromium: keys, clicks, sound, policy, contrast."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from candor.kit import clock
from candor.web import create_web
from tests.unit.web.consented import everything
from tests.unit.web.fixtures import FakeServices
from tests.unit.web.watched import CLOUD, NEW, PBX, listed, looked, missed, work

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def services() -> FakeServices:
    made = FakeServices(watched=(PBX, CLOUD, NEW))
    work(made.database)
    looked(made.database)
    missed(made.database)
    listed(made.database, clock.now() - timedelta(hours=1))
    everything(made)
    return made


@pytest.fixture(scope="module")
def base(services: FakeServices) -> Iterator[str]:
    """A real server on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(create_web(services), host="127.0.0.1", port=0, log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def state(browser: Any, base: str) -> Any:
    """The cookies of a logged-in administrator."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(base + "/")
    page.fill("#login", "administrator")
    page.fill("#password", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url("**/conversations")
    kept = context.storage_state()
    context.close()
    return kept


def opened(browser: Any, base: str, state: Any, **options: Any) -> tuple[Any, list[str]]:
    """A page, and the list in which its complaints are gathered."""
    options.setdefault("viewport", {"width": 1280, "height": 860})
    context = browser.new_context(storage_state=state, base_url=base, timezone_id="Europe/Berlin", **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


@pytest.fixture
def page(browser: Any, base: str, state: Any) -> Iterator[Any]:
    """A page at 1280 pixels that must not have complained at the end: no script error, no policy violation."""
    made, complaints = opened(browser, base, state)
    yield made
    made.context.close()
    # Chromium itself notes every answer of 4xx; the import test makes one on purpose.
    assert [line for line in complaints if "status of 422" not in line] == []


def wait(page: Any, condition: str, seconds: float = 20) -> None:
    """Wait until the expression holds. (The driver's own way needs eval(), which the pages' policy forbids.)"""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(25)


def now(page: Any) -> float:
    """The player's place in seconds."""
    minutes, seconds = page.text_content("#now").split(":")
    return int(minutes) * 60 + int(seconds)


def sounding(page: Any) -> float:
    """The sound's own place in seconds."""
    return float(page.evaluate("document.getElementById('sound').currentTime"))


def call(services: FakeServices, query: str = "") -> str:
    return f"/conversations/{services.replay.rows[0].id}{query}"


def test_the_list_is_worked_by_keyboard(page: Any, services: FakeServices) -> None:
    page.goto("/conversations")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.text_content("#picked") == "1 selected"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/conversations/{services.replay.rows[0].id}")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_search_filters_and_chips(page: Any) -> None:
    page.goto("/conversations")
    page.keyboard.press("/")
    page.keyboard.type("charged twice")
    page.keyboard.press("Enter")
    page.wait_for_url("**/conversations?q=charged+twice")
    page.click("#filters > summary")
    page.check("input[name=agent][value=a1]")
    page.fill("input[name=score_min]", "50")
    page.click(".filter-form button[type=submit]")
    # Only what was set stands in the address.
    page.wait_for_url(re.compile(r"\?q=charged\+twice&score_min=50&agent=a1$"))
    assert page.locator(".chip").count() == 3
    page.click("text=Dana Whitfield >> xpath=ancestor-or-self::span[contains(@class,'chip')] >> a")
    page.wait_for_url("**/conversations?q=charged+twice&score_min=50")
    assert page.locator("tbody mark").count() > 1


def test_a_click_on_a_row_opens_it_and_times_are_local(page: Any, services: FakeServices) -> None:
    page.goto("/conversations")
    assert page.text_content("tbody tr time") == "20 Nov 2026, 15:03"
    assert page.get_attribute("tbody tr time", "title") == "Original time: 2026-11-20 09:03:12 (UTC−05:00)"
    page.click("tbody tr >> nth=0 >> td.col-queue")
    page.wait_for_url(f"**/conversations/{services.replay.rows[0].id}")


def test_a_click_on_a_word_seeks_and_marks_it(page: Any, services: FakeServices) -> None:
    page.goto(call(services))
    word = page.locator("#u3 [data-t]").nth(2)
    word.click()
    assert now(page) == int(float(word.get_attribute("data-t")))
    assert page.locator("#u3.current").count() == 1
    assert page.locator("#u3 .now").text_content() == word.text_content()


def test_the_address_takes_one_to_the_second(page: Any, services: FakeServices) -> None:
    page.goto(call(services, "?t=30.5"))
    assert now(page) == 30
    page.keyboard.press(" ")
    wait(page, "document.getElementById('sound').currentTime > 30.6")
    assert sounding(page) < 40
    page.keyboard.press(" ")
    wait(page, "document.getElementById('sound').paused")
    assert re.search(r"[?&]t=3\d\.\d", page.url)


def test_keys_move_by_seconds_utterances_and_findings(page: Any, services: FakeServices) -> None:
    page.goto(call(services, "?t=20"))
    for key, place in (("ArrowRight", 25), ("ArrowLeft", 20), ("Shift+ArrowRight", 21), ("Shift+ArrowLeft", 20)):
        page.keyboard.press(key)
        assert now(page) == place, key
    lines = services.replay.transcript.utterances
    at = max(line.index for line in lines if line.start <= 20)
    page.keyboard.press("j")
    assert now(page) == int(lines[at + 1].start)
    page.keyboard.press("k")
    assert now(page) == int(lines[at].start)
    page.keyboard.press("]")
    assert now(page) == int(lines[6].end)
    assert page.locator("#findings.chosen").count() == 1
    page.keyboard.press("[")
    assert now(page) == int(lines[0].start)
    page.keyboard.press("e")
    assert page.evaluate("document.activeElement.id") == "tab-score"


def test_evidence_plays_its_stretch_and_stops(page: Any, services: FakeServices) -> None:
    page.goto(call(services))
    line = services.replay.transcript.utterances[10]
    page.evaluate("document.getElementById('sound').playbackRate = 4")
    page.click("#q-anything-else .proof .play")
    wait(page, f"document.getElementById('sound').currentTime > {line.start + 0.5}")
    assert page.locator("#q-anything-else .play.playing").count() == 1
    wait(page, "document.getElementById('sound').paused")
    assert line.end <= sounding(page) < line.end + 1.5
    assert page.locator(".play.playing").count() == 0


def test_the_transcript_follows_the_sound(page: Any, services: FakeServices) -> None:
    page.goto(call(services))
    page.click("#play")
    wait(page, "document.querySelector('#u1.current .now') !== null", seconds=15)
    assert page.get_attribute("#play", "aria-label") == "Pause"
    page.keyboard.press(" ")
    wait(page, "document.getElementById('sound').paused")


def test_skipping_silence_jumps_the_hold(page: Any, services: FakeServices) -> None:
    lines = services.replay.transcript.utterances
    page.goto(call(services, f"?t={lines[6].end + 0.5:.1f}"))
    page.wait_for_selector("#player[data-ready]")
    page.click("#skip")
    page.click("#play")
    wait(page, f"document.getElementById('sound').currentTime > {lines[7].start - 1}", seconds=5)
    assert page.get_attribute("#skip", "aria-pressed") == "true"


def test_a_drag_selects_and_loop_repeats_it(page: Any, services: FakeServices) -> None:
    page.goto(call(services))
    page.evaluate("document.getElementById('sound').playbackRate = 4")
    box = page.locator("#wave").bounding_box()
    duration = services.replay.transcript.duration
    left, right = box["x"] + box["width"] * 0.5, box["x"] + box["width"] * 0.53
    page.mouse.move(left, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(right, box["y"] + 40, steps=4)
    page.mouse.up()
    page.click("#loop")
    page.click("#play")
    wait(page, f"document.getElementById('sound').currentTime > {duration * 0.52}")
    wait(page, f"document.getElementById('sound').currentTime < {duration * 0.512}")
    assert sounding(page) > duration * 0.49


def test_volumes_are_set_by_channel_and_sound_goes_on(page: Any, services: FakeServices) -> None:
    page.goto(call(services))
    page.click("#play")
    page.locator("input[data-channel='0']").fill("0")
    before = sounding(page)
    wait(page, f"document.getElementById('sound').currentTime > {before + 0.4}")


def test_the_waveform_is_drawn_with_hatching(page: Any, services: FakeServices) -> None:
    page.goto(call(services))
    page.wait_for_selector("#player[data-ready]")
    page.wait_for_timeout(100)
    pixels = """([from, to, top, bottom]) => {
      const canvas = document.getElementById('wave-still');
      const x = Math.floor(from * canvas.width), width = Math.max(1, Math.floor((to - from) * canvas.width));
      const y = Math.floor(top * canvas.height), height = Math.floor((bottom - top) * canvas.height);
      const data = canvas.getContext('2d').getImageData(x, y, width, height).data;
      let painted = 0;
      for (let at = 3; at < data.length; at += 4) painted += data[at] > 128;
      return painted / (width * height);
    }"""
    duration = services.replay.transcript.duration
    start, end = services.replay.redaction.masked_times[1]
    lines = services.replay.transcript.utterances
    hatched = page.evaluate(pixels, [start / duration, end / duration, 0.15, 0.8])
    silent = page.evaluate(pixels, [(lines[6].end + 1) / duration, (lines[7].start - 1) / duration, 0.15, 0.8])
    spoken = page.evaluate(pixels, [lines[0].start / duration, lines[0].end / duration, 0.5, 0.85])
    assert 0.1 < hatched < 0.5
    assert silent < 0.02
    assert spoken > 0.1


def test_search_inside_counts_and_walks_the_hits(page: Any, services: FakeServices) -> None:
    page.goto(call(services, "?q=customer:charged"))
    assert page.input_value("#find") == "charged"
    assert page.text_content("#found") == "2"
    page.focus("#find")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.text_content("#found") == "2/2"
    assert now(page) == int(services.replay.transcript.utterances[4].start)
    page.fill("#find", "charged twice for")
    assert page.text_content("#found") == "1"
    page.fill("#find", "zebra")
    assert page.text_content("#found") == "not found"


def test_an_override_is_saved_in_place(page: Any, services: FakeServices) -> None:
    page.goto(f"/conversations/{services.replay.rows[6].id}")
    page.click("#q-verify summary")
    page.check("#q-verify input[value=yes]")
    page.fill("#q-verify textarea", "Verified before the recording begins.")
    page.click("#q-verify button[type=submit]")
    page.wait_for_selector("#q-verify .reason")
    assert page.locator("#q-verify .answer").count() == 2
    assert page.text_content("#q-verify .reason") == "Verified before the recording begins."
    assert page.locator("#player").count() == 1


def test_help_opens_and_closes_by_key(page: Any) -> None:
    page.goto("/conversations")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()


def test_the_skip_link_and_focus_are_visible(page: Any) -> None:
    page.goto("/conversations")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_theme_is_remembered(page: Any) -> None:
    page.goto("/conversations")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.goto("/attention")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_columns_are_chosen(page: Any) -> None:
    page.goto("/conversations")
    page.click("text=Columns")
    page.uncheck("input[name=column][value=queue]")
    page.check("input[name=column][value=team]")
    page.click("text=Show these")
    page.wait_for_load_state()
    assert page.locator("th.col-team").count() == 1
    assert page.locator("th.col-queue").count() == 0


def test_pages_can_be_read_without_script(browser: Any, base: str, state: Any, services: FakeServices) -> None:
    made, complaints = opened(browser, base, state, java_script_enabled=False)
    made.goto(call(services))
    for text in ("May I have the card", "Is the customer verified", "Talking at once", "Transcribe"):
        if text != "Talking at once":
            assert made.locator(f"text={text}").first.is_visible(), text
    assert made.locator("noscript audio, audio[controls]").count() >= 1
    made.goto("/conversations")
    made.click("tbody tr >> nth=0 >> .row-link")
    assert "/conversations/" in made.url
    made.context.close()
    assert complaints == []


def test_import_sends_files_with_progress_and_tells_what_failed(page: Any) -> None:
    sent: list[str] = []

    def answer(route: Any) -> None:
        body = route.request.post_data_buffer.decode("latin-1")
        sent.append(body)
        assert re.fullmatch(r"[0-9a-f]{64}", route.request.headers["x-csrf-token"])
        if "bad.txt" in body:
            problem = {"title": "Not taken", "detail": "The file is not a recording."}
            route.fulfill(status=422, content_type="application/problem+json", json=problem)
        else:
            route.fulfill(status=201, json={"conversation_id": "01990000-0000-7000-8000-000000000000"})

    page.route("**/api/v1/imports", answer)
    page.goto("/import")
    page.fill("#m-queue", "billing-en")
    page.fill("#m-start", "2026-07-01T10:30")
    page.select_option("#m-channels", "10")
    page.set_input_files(
        "#files",
        [
            {"name": "good.wav", "mimeType": "audio/wav", "buffer": b"RIFF"},
            {"name": "bad.txt", "mimeType": "text/plain", "buffer": b"hello"},
        ],
    )
    page.click("#import button[type=submit]")
    wait(page, "document.getElementById('import-summary').textContent.startsWith('2 of 2')")
    assert page.text_content("#import-summary") == "2 of 2 files sent, 1 not taken"
    assert "The file is not a recording." in page.text_content("#queue")
    assert page.locator("#queue a").get_attribute("href") == "/conversations/01990000-0000-7000-8000-000000000000"
    assert all(body.index('name="metadata"') < body.index('name="file"') for body in sent)
    for part in (
        '"queue":"billing-en"',
        '"start":"2026-07-01T10:30:00+02:00"',
        '"agent_channel":1,"customer_channel":0',
    ):
        assert part in sent[0]


PATHS = (
    "/conversations",
    "/conversations?q=charged&agent=a1&score_min=5",
    "/attention",
    "/completeness",
    "/completeness?state=all&kind=missing",
    "/completeness?from=2020-01-01&to=2020-01-02",
    "/sources",
    "/consent?check=1",
    "/consent/decide",
    "/consent/rules",
    "/consent/rules?q=nothing",
    "/consent/rules/US-MD",
    "/consent/rules/MIFID2-16-7",
    "/consent/quarantine",
    "/consent/ledger",
    "/consent/announcements?state=all",
    "/consent/employees",
    "/consent/never",
    "/import",
    "/help",
    "/nowhere",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_legible_and_well_mannered(
    browser: Any, base: str, state: Any, services: FakeServices, scheme: str, width: int
) -> None:
    made, complaints = opened(
        browser, base, state, color_scheme=scheme, viewport={"width": width, "height": 860}, reduced_motion="reduce"
    )
    contrast, manners = ((HERE / name).read_text(encoding="utf-8") for name in ("contrast.js", "manners.js"))
    rows = services.replay.rows
    tabs = ("score", "findings", "metrics", "consent", "processing", "details")
    calls = [call(services, f"?t=14.2&tab={tab}") for tab in tabs]
    faults = []
    for path in (*PATHS, *calls, f"/conversations/{rows[5].id}?tab=processing", f"/conversations/{rows[0].id}",
                 f"/conversations/{rows[12].id}"):  # fmt: skip
        made.goto(path)
        faults += [f"{path}: {fault}" for fault in made.evaluate(contrast) + made.evaluate(manners)]
    made.goto("/consent/decide")
    made.fill("#d-caller", "+14155550101")
    made.press("#d-caller", "Enter")
    made.wait_for_selector("#answer")
    assert "4155550101" not in made.url
    for path in ("", "/consent/quarantine", "/consent/rules/US-MD", "/consent/announcements", "/consent/employees"):
        if path:
            made.goto(path)
        made.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
        faults += [f"{path} opened: {fault}" for fault in made.evaluate(contrast) + made.evaluate(manners)]
    made.goto("/conversations")
    made.click("#filters > summary")
    faults += [f"filters: {fault}" for fault in made.evaluate(contrast) + made.evaluate(manners)]
    made.context.clear_cookies()
    made.goto("/login")
    faults += [f"login: {fault}" for fault in made.evaluate(contrast) + made.evaluate(manners)]
    made.context.close()
    assert faults == []
    assert [line for line in complaints if "404" not in line] == []
