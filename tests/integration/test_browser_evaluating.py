"""Evaluating in a real Chromium over a server that is killed: the whole way, two windows, a log-in that ends."""

from __future__ import annotations

import os
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.kit import clock
from candor.pipeline.evaluating import Ask
from candor.scoring.forms import store as forms
from candor.scoring.sampling import Per, Plan
from tests.conftest import ROOT
from tests.integration.test_browser import ARGUMENTS, CHROMIUM
from tests.peers import preloaded
from tests.unit.pipeline.judged import House

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]
MANNERS = (Path(__file__).parent / "manners.js").read_text(encoding="utf-8")
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


class Server:
    """The pages in a process of their own, on a port that stays."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.integration.serving_pages", str(self.data), str(self.port)]
        self.process = preloaded.Popen(command, cwd=ROOT)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.base}/login", timeout=5).close()
            except OSError:
                if time.monotonic() > deadline:
                    self.kill()
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture
def server(house: House) -> Iterator[Server]:
    made = Server(house.folder / "data")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


def logged_in(browser: Any, server: Server, who: str, width: int = 1280) -> tuple[Any, list[str]]:
    """A page of somebody, and the list of its complaints."""
    context = browser.new_context(base_url=server.base, viewport={"width": width, "height": 860})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
    log_in(page, who)
    return page, complaints


def log_in(page: Any, who: str) -> None:
    page.goto("/login")
    page.fill("#login", who)
    page.fill("#password", "secret")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/login" not in address)


def wait(page: Any, condition: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(25)


def saved(page: Any, revision: int) -> None:
    wait(page, f"document.getElementById('saved').dataset.revision === '{revision}'")


def shown(page: Any, selector: str) -> None:
    wait(page, f"document.querySelector({selector!r})?.checkVisibility() === true")


def begun(page: Any, call: str) -> str:
    """Open a form from the conversation's page; returns its id."""
    page.goto(f"/conversations/{call}")
    page.click(".begin summary")
    page.select_option("#b-card", "basics")
    page.click(".begin .primary")
    page.wait_for_url("**/evaluations/forms/*")
    return str(page.url.rpartition("/")[2].partition("?")[0])


def kept(house: House, form: str) -> Any:
    with house.services.database.read() as uow:
        return forms.get(uow, form)


def planned(ada: Any) -> None:
    """Somebody makes a plan and draws."""
    ada.goto("/evaluations/plans/new")
    ada.fill("#p-name", "Daily sample")
    ada.select_option("#p-card", "basics")
    ada.select_option("#p-per", "day")
    ada.fill("#p-agent", "1")
    ada.select_option("#p-release", "by-hand")
    ada.check("input[name=evaluators][value=eva]")
    ada.click("button[name=save]")
    ada.wait_for_url("**/evaluations/plans/*done=saved")
    ada.get_by_text("Draw now from the period under way").click()
    ada.wait_for_url("**done=drawn*")


def evaluated(eva: Any) -> str:
    """Somebody fills the form in, by keys alone; returns the evaluation's address."""
    wait(eva, "document.querySelector('.count-badge')?.textContent.startsWith('1')")
    eva.goto("/evaluations")
    eva.get_by_role("button", name="Evaluate").click()
    eva.wait_for_url("**/evaluations/forms/*")
    assert "Automatic" not in eva.text_content("#form")
    eva.keyboard.press("j")
    eva.keyboard.press("y")
    saved(eva, 1)
    eva.evaluate(
        "(() => { const words = document.querySelectorAll('#u0 [data-t]');"
        " getSelection().setBaseAndExtent(words[0].firstChild, 0, words[3].firstChild, 7); })()"
    )
    eva.wait_for_timeout(100)
    eva.keyboard.press("c")
    eva.keyboard.type("as it should be")
    eva.keyboard.press("Escape")
    wait(eva, "Number(document.getElementById('saved').dataset.revision) >= 2")
    eva.keyboard.press("s")
    wait(eva, "document.querySelectorAll('#fault-list li').length === 2")
    assert eva.evaluate("document.activeElement.id") == "q-verify"
    eva.keyboard.press("n")
    eva.keyboard.press("m")
    eva.keyboard.type("Nobody asked for the name.")
    eva.keyboard.press("Escape")
    eva.keyboard.press("j")
    eva.keyboard.press("y")
    wait(eva, "document.getElementById('answered').textContent === '3'")
    wait(eva, "document.getElementById('saved').textContent.startsWith('Saved')")
    assert eva.text_content("#score") == "50"
    eva.keyboard.press("s")
    eva.wait_for_url("**/evaluations/*done=submitted")
    assert "Thank you for calling" in eva.text_content("#q-greeting .proof")
    return str(eva.url.partition("?")[0])


def disputed(dana: Any) -> None:
    """The agent sees it, hears the evidence and contests one answer."""
    dana.goto("/my-scores")
    wait(dana, "document.querySelector('.count-badge')?.textContent.startsWith('1')")
    dana.click(".row-link")
    dana.wait_for_url("**/evaluations/*")
    dana.click("#acknowledge")
    dana.wait_for_url("**done=acknowledged")
    dana.click("#q-greeting .play")
    wait(dana, "document.getElementById('sound').currentTime > 0.5")
    dana.click("#dispute summary")
    dana.check("input[name=question][value=verify]")
    dana.fill("#r-verify", "I asked for it at 0:12.")
    dana.click("#send-dispute")
    dana.wait_for_url("**done=disputed")


def test_from_the_sample_to_a_rescored_dispute(browser: Any, house: House, server: Server) -> None:
    call = house.call("a1", at=clock.now() - timedelta(minutes=5))
    ada, ada_said = logged_in(browser, server, "ada")
    planned(ada)
    eva, eva_said = logged_in(browser, server, "eva")
    address = evaluated(eva)
    dana, dana_said = logged_in(browser, server, "dana")
    dana.goto("/my-scores")
    assert "No evaluation has been released" in dana.text_content("main")
    assert dana.goto(address).status == 404
    ada.goto("/evaluations/done?show=unreleased")
    ada.click(".row-link")
    ada.click("#release")
    ada.wait_for_url("**done=released")
    disputed(dana)
    eva.goto("/evaluations/disputes")
    eva.click(".row-link")
    assert "Somebody else than the evaluator" in eva.text_content("main")
    sam, sam_said = logged_in(browser, server, "sam")
    sam.goto("/evaluations/disputes")
    sam.click(".row-link")
    sam.check("input[name=outcome-verify][value=rescored]")
    sam.check("input[name=answer-verify][value=yes]")
    sam.fill("#r-verify", "It is there, in other words.")
    sam.click("#decide")
    sam.wait_for_url("**done=decided")
    dana.goto("/my-scores")
    assert "100" in dana.text_content(".keep-list .score")
    dana.click(".row-link")
    dana.wait_for_url("**/evaluations/*")
    text = dana.text_content("#answers")
    assert "History" in text
    dana.click("#answers .keep-lines a")
    dana.wait_for_url(address)
    assert "It is there, in other words." in dana.text_content("#answers")
    assert house.score(call) == (100.0, "human")
    assert [*ada_said, *eva_said, *dana_said, *sam_said] == []


def test_a_server_that_is_killed_loses_nothing(browser: Any, house: House, server: Server) -> None:
    eva, said = logged_in(browser, server, "eva")
    form = begun(eva, house.call())
    eva.keyboard.press("j")
    eva.keyboard.press("y")
    saved(eva, 1)
    server.kill()
    assert kept(house, form).answers["greeting"].verdict == "yes"
    eva.keyboard.press("j")
    eva.keyboard.press("n")
    eva.keyboard.press("m")
    eva.keyboard.type("Written while the server was away.")
    wait(eva, "document.getElementById('saved').textContent.includes('no connection')")
    server.start()
    wait(eva, "document.getElementById('saved').textContent.startsWith('Saved')")
    found = kept(house, form)
    assert {name: put.verdict for name, put in found.answers.items()} == {"greeting": "yes", "verify": "no"}
    assert found.answers["verify"].comment == "Written while the server was away."
    # And once more with the page gone as well: the tab's own storage has it.
    eva.context.route("**/answers", lambda route: route.abort())
    eva.keyboard.type(" And more.")
    wait(eva, "document.getElementById('saved').textContent.includes('no connection')")
    eva.on("dialog", lambda dialog: dialog.accept())
    eva.reload()
    assert eva.input_value("#c-verify") == "Written while the server was away. And more."
    assert kept(house, form).answers["verify"].comment == "Written while the server was away."
    eva.context.unroute("**/answers")
    wait(eva, "document.getElementById('saved').textContent.startsWith('Saved')")
    assert kept(house, form).answers["verify"].comment == "Written while the server was away. And more."
    assert said == []


def test_the_pages_keep_to_the_manners(browser: Any, house: House, server: Server) -> None:
    call = house.call()
    house.call()
    with house.services.database.write() as uow:
        ada, eva = house.person("ada"), house.person("eva")
        evaluating, assigning = house.services.evaluating, house.services.assigning
        plan = assigning.save_plan(uow, ada, Plan(id="", name="Daily", scorecard="basics", per=Per.DAY))
        assigning.draw_now(uow, ada, plan.id)
        form = evaluating.open(uow, eva, Ask(conversation_id=call, scorecard="basics"))
        for question in ("greeting", "verify", "else"):
            form, _ = evaluating.save(
                uow, eva, form.id, form.revision, question,
                {"verdict": "no", "pins": [{"start": 1, "end": 3, "utterance": 0, "quote": "Thank you", "note": "x"}]},
            )  # fmt: skip
        made = evaluating.submit(uow, eva, form.id, form.revision)
        contested = house.services.disputing.dispute(uow, house.person("dana"), made.id, {"verify": "I did ask."})
        again = evaluating.open(uow, eva, Ask(conversation_id=call, scorecard="basics", blind=False))
    pages = {
        "eva": ["/evaluations", f"/evaluations/forms/{again.id}", f"/evaluations/{made.id}", "/evaluations/disputes"],
        "ada": ["/evaluations", "/evaluations/plans", f"/evaluations/plans/{plan.id}", "/evaluations/done"],
        "sam": [f"/evaluations/disputes/{contested.id}", f"/conversations/{call}"],
        "dana": ["/my-scores", f"/evaluations/{made.id}"],
    }
    faults = []
    for width, scheme in ((1280, "light"), (390, "dark")):
        for who, paths in pages.items():
            page, said = logged_in(browser, server, who, width)
            page.emulate_media(color_scheme=scheme)
            for path in paths:
                page.goto(path)
                page.wait_for_timeout(300)
                page.evaluate("document.querySelectorAll('details:not(.menu)').forEach((each) => (each.open = true))")
                faults += [
                    f"{who} {path} {width}: {fault}" for fault in page.evaluate(MANNERS) + page.evaluate(CONTRAST)
                ]
                if folder := os.environ.get("SHOTS"):
                    name = path.strip("/").split("/")
                    page.screenshot(path=f"{folder}/{who}-{'-'.join(name[:2])[:24]}-{width}.png", full_page=width < 500)
            faults += said
            page.context.close()
    assert faults == []


def test_of_two_windows_the_second_is_told(browser: Any, house: House, server: Server) -> None:
    first, said = logged_in(browser, server, "eva")
    form = begun(first, house.call())
    second = first.context.new_page()
    second.goto(f"/evaluations/forms/{form}")
    first.keyboard.press("j")
    first.keyboard.press("y")
    saved(first, 1)
    second.click("#q-greeting .choice[data-value=no]")
    shown(second, "#trouble")
    assert "changed in another window" in second.text_content("#trouble-text")
    assert kept(house, form).answers["greeting"].verdict == "yes"
    second.fill("#c-verify", "Kept on the page.")
    second.wait_for_timeout(700)
    assert "verify" not in kept(house, form).answers
    second.click("#keep-mine")
    wait(second, "document.getElementById('q-greeting').querySelector('[data-value=no]').ariaPressed === 'true'")
    deadline = time.monotonic() + 15
    while kept(house, form).answers.get("verify") is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert kept(house, form).answers["greeting"].verdict == "no"
    # Now the first is behind; it takes what is saved.
    first.keyboard.press("j")
    first.keyboard.press("y")
    shown(first, "#trouble")
    first.on("dialog", lambda dialog: dialog.accept())
    first.click("#take-theirs")
    wait(first, "document.querySelector('#c-verify')?.value === 'Kept on the page.'")
    assert said == []


def test_a_log_in_that_ends_keeps_the_text_and_saves_it_afterwards(browser: Any, house: House, server: Server) -> None:
    eva, said = logged_in(browser, server, "eva")
    form = begun(eva, house.call())
    eva.keyboard.press("j")
    eva.keyboard.press("y")
    saved(eva, 1)
    with house.services.database.write() as uow:
        uow.exec_driver_sql("DELETE FROM login_session")
    eva.fill("#c-greeting", "Written after the log-in had ended.")
    shown(eva, "#log-in")
    assert kept(house, form).answers["greeting"].comment == ""
    other = eva.context.new_page()
    log_in(other, "eva")
    eva.bring_to_front()
    deadline = time.monotonic() + 20
    while kept(house, form).answers["greeting"].comment == "":
        assert time.monotonic() < deadline
        eva.wait_for_timeout(50)
    assert kept(house, form).answers["greeting"].comment == "Written after the log-in had ended."
    assert eva.input_value("#c-greeting") == "Written after the log-in had ended."
    assert said == []
