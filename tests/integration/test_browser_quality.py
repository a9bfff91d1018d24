"""Agreement, calibration and reports in a real Chromium: thresholds, judging blind, notes that become guidance."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.conversation.evaluation import Verdict
from candor.kit import clock
from candor.scoring import store as scores
from candor.scoring.lifecycle import store as lifecycle
from tests.integration.test_browser import CHROMIUM
from tests.integration.test_browser_evaluating import (
    CONTRAST,
    MANNERS,
    Server,
    browser,  # noqa: F401  a fixture
    logged_in,
    wait,
)
from tests.unit.pipeline.judged import House
from tests.unit.scoring.quality.made import evaluation, keep

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Sixty calls over nine weeks, judged by rules and, most of them, by somebody who was blind."""
    made, rng = House(tmp_path_factory.mktemp("quality")), random.Random(7)
    with made.services.database.read() as uow:
        card = scores.get_scorecard(uow, "basics")
    verdict = {True: Verdict.YES, False: Verdict.NO}
    for number in range(60):
        at = clock.now() - timedelta(days=1 + number)
        call = made.call("a1" if number % 2 else "a3", at=at, scored=False)
        truth = {name: rng.random() < 0.6 for name in ("greeting", "verify", "else")}
        rules = truth | {"verify": truth["verify"] if rng.random() < 0.6 else not truth["verify"]}
        with made.services.database.write() as uow:
            told = {name: verdict[value] for name, value in rules.items()}
            kept = [keep(uow, evaluation(told, conversation=call, card=card, at=at))]
            if number % 5:
                human = {name: verdict[value] for name, value in truth.items()}
                kept.append(keep(uow, evaluation(human, conversation=call, card=card, evaluator="eva", at=at)))
            made.services.replay.index.rescore(uow, call, tuple(kept))
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    made = Server(house.folder / "data")
    yield made
    made.kill()


def judge(page: Any, answers: str) -> None:
    """Fill the form in by keyboard and submit it."""
    page.wait_for_selector("#form .ask")
    for key in answers:
        page.keyboard.press("j")
        page.keyboard.press(key)
    wait(page, "document.getElementById('answered').textContent === '3'")
    wait(page, "document.getElementById('saved').textContent.startsWith('Saved')")
    page.keyboard.press("s")
    page.wait_for_url("**done=submitted")


def test_a_threshold_makes_suggestions_of_what_people_do_not_confirm(
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    page, complaints = logged_in(browser, server, "sam")
    page.goto("/quality/agreement?scorecard=basics")
    assert page.locator(".q-questions tbody tr").count() == 3
    assert page.locator("text=Counts, unchecked").count() >= 3
    page.click("text=Set a threshold for all questions")
    page.fill("#g-threshold", "much")
    page.click("button:has-text('Set the threshold')")
    assert page.locator("#g-threshold[aria-invalid=true]").count() == 1
    page.fill("#g-threshold", "0.6")
    page.fill("#g-least", "30")
    page.click("button:has-text('Set the threshold')")
    page.wait_for_url("**done=set")
    rows = {row.split("?")[0]: row for row in page.locator(".q-questions tbody tr").all_inner_texts()}
    assert "Counts" in rows["Does the agent greet"]
    assert "Suggested only" in rows["Is the customer verified"]
    page.click("text=Is the customer verified?")
    page.wait_for_url("**/basics/verify")
    assert page.locator(".q-plot circle").count() >= 2
    page.click("button:has-text('Count without a check')")
    page.wait_for_url("**done=set")
    assert "Counts, unchecked" in page.inner_text("h2#now")
    assert [line for line in complaints if "422" not in line] == []
    page.context.close()
    with house.services.database.read() as uow:
        assert house.services.trusting.overview(uow, house.person("sam"), "basics").gate is not None


def test_a_calibration_from_call_to_guidance(
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    one = house.call("a1")
    sam, complaints = logged_in(browser, server, "sam")
    sam.goto(f"/quality/calibration?conversation={server.base}/conversations/{one}")
    sam.fill("#c-title", "The first of March")
    sam.select_option("#c-card", "basics")
    sam.fill("#c-due", (clock.now() + timedelta(days=2)).date().isoformat())
    sam.check("input[name=evaluator][value=eva]")
    sam.click("button:has-text('Call the session')")
    assert "2 to 50 evaluators" in sam.inner_text("[role=alert]")
    sam.check("input[name=evaluator][value=sam]")
    sam.click("button:has-text('Call the session')")
    sam.wait_for_url("**done=called")
    session = sam.url.split("?")[0]
    sam.click("button:has-text('Judge it, blind')")
    judge(sam, "yyy")
    sam.goto(session)
    assert "Results are hidden" in sam.inner_text("main")
    assert sam.locator("#result").count() == 0
    eva, more = logged_in(browser, server, "eva")
    eva.goto("/quality/calibration")
    eva.click("text=The first of March")
    eva.click("button:has-text('Judge it, blind')")
    judge(eva, "yny")
    eva.goto(session)
    assert "33 % of pairs equal" not in eva.inner_text("main")
    assert "Is the customer verified?" in eva.locator(".q-asked h3").first.inner_text()
    assert "variance 0.50" in eva.locator(".q-asked h3").first.inner_text()
    assert eva.locator("text=Write down what came of it").count() == 0, "who called it writes"
    sam.reload()
    sam.locator("summary:has-text('Write down what came of it')").first.click()
    sam.fill("#w-verify", "A date of birth is enough.")
    sam.locator("button:has-text('Write down')").first.click()
    sam.wait_for_url("**done=noted")
    sam.click("summary:has-text('Make it guidance')")
    sam.click("button:has-text('Put it into a draft')")
    sam.wait_for_url("**done=guidance")
    assert "draft of version 2" in sam.inner_text(".q-note")
    with house.services.database.read() as uow:
        assert "A date of birth is enough." in str(lifecycle.draft(uow, "basics").data)
    assert complaints == []
    assert more == []
    sam.context.close()
    eva.context.close()


def test_a_report_is_read_taken_along_and_scheduled(
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    page, complaints = logged_in(browser, server, "sam")
    page.goto("/quality/reports?scorecard=basics&period=90d")
    assert "48" in page.inner_text(".q-short")
    assert page.locator(".q-plot circle").count() > 10
    for form, start in (("PDF", b"%PDF-"), ("CSV", b"part,source")):
        with page.expect_download() as taken:
            page.click(f".complete-actions >> text={form}")
        assert Path(taken.value.path()).read_bytes().startswith(start)
    page.click("summary:has-text('Schedule this report')")
    page.fill("#s-name", "Billing every week")
    page.click("button:has-text('Schedule')")
    page.wait_for_url("**done=scheduled")
    assert house.services.reporting.tend() == 1
    page.reload()
    with page.expect_download() as taken:
        page.click(".keep-cards >> text=PDF")
    assert Path(taken.value.path()).read_bytes().startswith(b"%PDF-")
    assert complaints == []
    page.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_every_page_can_be_read_by_everybody(
    scheme: str,
    width: int,
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    page, complaints = logged_in(browser, server, "ada", width)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    faults = []
    for path in (
        "/quality/agreement?scorecard=basics", "/quality/agreement/basics/verify", "/quality/calibration",
        "/quality/reports?scorecard=basics", "/quality/reports?scorecard=basics&from=2019-01-01&to=2019-02-01",
        "/quality/agreement?scorecard=customer-service-basics",
    ):  # fmt: skip
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
        faults += [f"{path}: {fault}" for fault in page.evaluate(CONTRAST) + page.evaluate(MANNERS)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{path}: wider than the screen")
    assert not faults, "\n".join(faults)
    assert complaints == []
    page.context.close()
