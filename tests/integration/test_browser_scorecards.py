"""The builder of scorecards in a real Chromium: by keyboard and mouse, saved with every change, then simulated."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from candor import wiring
from candor.scoring import store as scores
from tests.integration.test_browser import ARGUMENTS, CHROMIUM
from tests.unit.pipeline.judged import House

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, {"meaning": False})
    for _ in range(8):
        made.call()
    yield made
    made.close()


@pytest.fixture
def base(house: House) -> Iterator[str]:
    app = wiring.application(house.services)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def page(base: str) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        page = chromium.new_context(base_url=base, viewport={"width": 1280, "height": 900}).new_page()
        page.goto("/login")
        page.fill("[name=login]", "ada")
        page.fill("[name=password]", "secret")
        page.click("main button[type=submit], main button.primary")
        page.wait_for_url("**/conversations**")
        yield page
        chromium.close()


def part(path: str, field: str) -> str:
    return f"#{field}-{path}".replace(".", "\\.")


def draft(house: House) -> dict[str, Any]:
    with house.services.database.read() as uow:
        return house.services.scorecards.draft(uow, "basics", None).data


def test_from_a_version_to_the_next(house: House, page: Any) -> None:
    page.goto("/scorecards/basics")
    page.click("text=Draft a new version from it")
    page.click(part("s0.q0", "p") + " summary >> nth=0")

    # A change of a field is saved, and what follows from it is drawn anew; a fault stands at its question.
    weight = page.locator(part("s0.q0", "we"))
    weight.click()
    weight.press("Control+a")
    weight.press_sequentially("15")
    weight.press("Tab")
    page.wait_for_selector(part("s0.q0", "w") + ':has-text("75 %")')
    assert draft(house)["sections"][0]["questions"][0]["weight"] == 15
    weight.click()
    weight.press("Control+a")
    weight.press_sequentially("much")
    weight.press("Tab")
    page.wait_for_selector(part("s0.q0", "f") + ' .field-error:has-text("must be a number")')
    assert "1 fault" in page.inner_text("#status")
    page.click("text=Publish …")
    assert "cannot be published" in page.inner_text("main")
    page.go_back()
    page.locator(part("s0.q0", "we")).fill("5")
    page.locator(part("s0.q0", "we")).press("Tab")
    page.wait_for_selector('#status:has-text("ready to publish")')

    # Another kind brings its own fields; Alt and an arrow move the question that one is in, and the focus goes along.
    page.select_option(part("s0.q0", "k"), "choice")
    page.wait_for_selector(part("s0.q0", "ol") + "-0")
    page.focus(part("s0.q0", "t"))
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_selector(part("s0.q1", "ol") + "-0")
    assert [each["id"] for each in draft(house)["sections"][0]["questions"]] == ["verify", "greeting"]
    assert page.locator(part("s0.q1", "t")).evaluate("field => field === document.activeElement")

    # Added, copied and taken away by button.
    page.click(part("s1", "p") + " >> text=Add a question")
    page.wait_for_selector(part("s1.q1", "t"))
    page.locator(part("s1.q1", "p") + ' [data-act="copy"]').click()
    page.wait_for_selector(part("s1.q2", "p"))
    page.locator(part("s1.q2", "p") + ' [data-act="remove"]').click()
    page.wait_for_selector(part("s1.q2", "p"), state="detached")
    assert len(draft(house)["sections"][1]["questions"]) == 2

    # What it would have said of past conversations, then out with it.
    page.click("button:has-text('Simulate')")
    page.wait_for_url("**/runs/**")
    assert house.services.rescoring.work() == 8
    page.wait_for_selector(".sc-chart", timeout=30_000)
    assert "8 of 8 conversations" in page.inner_text("main")
    page.goto("/scorecards/basics/draft/publish")
    assert "Does the agent greet?" in page.inner_text("main")
    page.click("text=Publish as version 2")
    page.wait_for_selector("text=Published: new conversations are judged with it")
    with house.services.database.read() as uow:
        assert scores.get_scorecard(uow, "basics").version == 2


def test_a_second_window_is_told_and_overwrites_nothing(house: House, page: Any, base: str) -> None:
    page.goto("/scorecards/basics")
    page.click("text=Draft a new version from it")
    other = page.context.new_page()
    other.goto(f"{base}/scorecards/basics/draft")
    page.fill(part("s0", "t"), "Beginning")
    page.press(part("s0", "t"), "Tab")
    page.wait_for_selector('#status:has-text("change 2")')
    other.fill(part("s0", "t"), "Other words")
    other.press(part("s0", "t"), "Tab")
    other.wait_for_selector(part("s0", "f") + ' .field-error:has-text("changed elsewhere")')
    assert draft(house)["sections"][0]["title"] == "Beginning"


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_works_without_script(house: House, page: Any, base: str, width: int) -> None:
    context = page.context.browser.new_context(
        java_script_enabled=False, storage_state=page.context.storage_state(), base_url=base,
        viewport={"width": width, "height": 900},
    )  # fmt: skip
    plain = context.new_page()
    plain.goto("/scorecards/basics")
    plain.click("text=Draft a new version from it")
    plain.fill(part("s0", "t"), "Beginning")
    plain.click(part("s0", "p") + " > form >> text=Save")
    assert "Saved." in plain.inner_text("main")
    plain.click(part("s0", "p") + " > form >> text=Add a question")
    assert draft(house)["sections"][0]["title"] == "Beginning"
    assert len(draft(house)["sections"][0]["questions"]) == 3
    page.set_viewport_size({"width": width, "height": 900})
    for address in ("/scorecards", "/scorecards/basics", "/scorecards/basics/draft", "/scorecards/basics/draft/yaml"):
        page.goto(address)
        assert page.locator("html").evaluate("root => root.scrollWidth") <= width, address
    context.close()
