"""Coaching in a real Chromium over the whole product: from a gap to a session, a course, and the effect."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import uvicorn

from candor import wiring
from candor.coaching.model import ClipKind, Course, Goal, Lesson
from candor.coaching.store import coaching_session
from candor.kit import clock
from candor.pipeline.coaching import Draft
from candor.pipeline.library import NewClip
from candor.scoring import store as scorecards
from candor.scoring.loader import load_scorecard
from tests.integration.test_browser import ARGUMENTS, CHROMIUM, HERE, playwright
from tests.unit.coaching.house import CARD, House

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]
PATIENCE = 60_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("coaching") / "data")
    since = clock.now() - timedelta(days=30)
    made.days("a1", 16, 13, since=since)
    for each in ("a2", "a3", "a4", "a5"):
        made.days(each, 16, 3, since=since)
    good = made.call("a2", at=clock.now() - timedelta(days=2))
    made.services.library.add(
        NewClip(
            conversation_id=good, start=3, end=9, kind=ClipKind.EXEMPLARY, title="A warm opening",
            measures=("desk/greeting",),
        ), made.who("trainer"),
    )  # fmt: skip
    crowd(made, good)
    yield made
    made.close()


def crowd(made: House, call: str) -> None:
    """More questions than fit beside one another, with long names; a draft and a course about one of them."""
    with made.services.database.write() as uow:
        for number in range(5):
            text = CARD.replace("id: desk", f"id: more{number}").replace(
                "Did the agent", f"In the {number}th place, did the"
            )
            scorecards.put_scorecard(uow, load_scorecard(text), yaml=text)
            made.judge(uow, call, (), scorecard=f"more{number}")
        made.services.replay.index.rescore(uow, call, made.services.shelf.evaluations(uow, call))
    trainer, measure = made.who("trainer"), "more0/greeting"
    course = Course(
        id="", title="Greeting", about="", measures=(measure,), lessons=(Lesson(words="Say hello."),), quiz=(),
        pass_mark=80, attempts=0, by="", created_at=clock.now(), published_at=None, retired_at=None,
    )  # fmt: skip
    made.services.library.put_course(course, trainer)
    made.services.coaching.draft("a6", Draft(title="A draft", goals=(Goal(words="Greet", measure=measure),)), trainer)


@pytest.fixture(scope="module")
def base(house: House) -> Iterator[str]:
    server = uvicorn.Server(
        uvicorn.Config(wiring.application(house.services), host="127.0.0.1", port=0, log_level="error", ws="none")
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


def person(browser: Any, base: str, login: str, complaints: list[str], **options: Any) -> Any:
    """A page of somebody who is logged in."""
    context = browser.new_context(base_url=base, viewport={"width": 1280, "height": 860}, **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.fill("#login", login)
    page.fill("#password", "secret words here")
    page.keyboard.press("Enter")
    page.wait_for_selector("nav.rail")
    return page


def share_a_session(coach: Any) -> str:
    """From the table of gaps to a shared session; returns its address."""
    # The gap.
    coach.goto("/coaching")
    assert coach.text_content("tbody tr:first-child th").strip().startswith("Dana")
    assert "clear gap" in coach.text_content("tbody tr:first-child td.heat-clear")
    coach.click("tbody tr:first-child a")
    coach.wait_for_selector("#gaps")
    assert coach.is_checked("input[name=measure][value='desk/greeting']")
    # A session on it, with a clip.
    coach.click("#begin button.primary")
    coach.wait_for_selector("#draft")
    coach.fill("#s-title", "Begin with a greeting")
    coach.fill("#t0", "80")
    coach.fill("#a0", "Listen to the clip")
    coach.click("text=Save the draft")
    coach.wait_for_selector("text=Saved.")
    coach.click("li:has-text('A warm opening') >> button")
    coach.wait_for_selector("article.clip")
    coach.click("summary:has-text('Private notes')")
    coach.fill("#s-notes", "Go gently.")
    coach.click("text=Keep the notes")
    coach.wait_for_selector("text=Your notes are kept")
    coach.click("#draft button.primary")
    coach.wait_for_selector("text=Shared: the agent sees it now")
    return str(coach.url.partition("?")[0])


def hear_and_acknowledge(browser: Any, base: str, complaints: list[str]) -> Any:
    """The agent's side; returns their page."""
    # The agent hears the clip and acknowledges.
    agent = person(browser, base, "dana", complaints)
    agent.goto("/coaching/mine")
    agent.click("main a:has-text('Begin with a greeting')")
    agent.wait_for_selector("[data-clip][data-ready]")
    assert "Go gently." not in agent.content()
    agent.click("[data-clip] button")
    agent.wait_for_selector("[data-clip] button.playing")
    deadline = time.monotonic() + 30
    while float(agent.get_attribute(".clip-wave", "aria-valuenow")) < 1:
        assert time.monotonic() < deadline, "the clip does not play"
        agent.wait_for_timeout(100)
    agent.focus(".clip-wave")
    agent.keyboard.press(" ")
    agent.wait_for_selector("[data-clip] button:not(.playing)")
    agent.fill("#s-comment", "I will try.")
    agent.click("text=Acknowledge")
    agent.wait_for_selector("text=You have acknowledged it.")
    agent.click("li:has-text('Listen to the clip') >> text=Done")
    agent.wait_for_selector("li:has-text('done on')")
    return agent


def take_a_course(coach: Any, agent: Any) -> None:
    """Made, published, given, failed, passed."""
    # A course with a quiz: failed, then passed.
    coach.goto("/coaching/courses")
    if not coach.is_visible("#c-title"):  # folded up where there are courses already
        coach.click("summary:has-text('Make a course')")
    coach.fill("#c-title", "Opening a call")
    coach.check("input[name=measure][value='desk/greeting']")
    coach.fill("#w0", "People decide in seconds.")
    coach.fill("#q0", "What comes first?")
    coach.fill("#r0", "* A greeting\nThe account number")
    coach.click("text=Keep the draft")
    coach.wait_for_selector("text=The draft is kept")
    coach.click("button:has-text('Publish')")
    coach.wait_for_selector("text=Published: it can be assigned")
    coach.check("input[name=agent][value=a1]")
    coach.click("button:has-text('Give it to them')")
    coach.wait_for_selector("text=Assigned.")
    agent.goto("/coaching/mine")
    agent.click("main a:has-text('Opening a call')")
    agent.wait_for_selector("fieldset.quiz")
    agent.check("input[name=q0][value='1']")
    agent.click("text=Hand in")
    agent.wait_for_selector("fieldset.quiz.wrong")
    agent.check("input[name=q0][value='0']")
    agent.click("text=Hand in")
    agent.wait_for_selector("text=Passed: you have completed this course.")


def follow_up(coach: Any, agent: Any, house: House, address: str) -> None:
    """Calls come in, and the same questions are asked again."""
    # Five days go by: what was shared today was shared then, and since then calls have come in.
    with house.services.database.write() as uow:
        earlier = clock.to_column(clock.now() - timedelta(days=5))
        uow.execute(coaching_session.update().values(shared_at=earlier, acknowledged_at=earlier))
    since = clock.now() - timedelta(days=4, hours=20)
    house.days("a1", 13, 1, since=since)
    for each in ("a2", "a3", "a4", "a5"):
        house.days(each, 13, 2, since=since)
    # The effect.
    coach.goto(address)
    coach.wait_for_selector(".effect")
    told = coach.text_content(".effect")
    assert "better" in told
    assert "Beyond the team" in told
    coach.fill("#s-conclusion", "It shows.")
    coach.click("button:has-text('Measure and close')")
    coach.wait_for_selector("text=Followed up. What was measured today stays")
    agent.goto(address)
    assert "target reached" in agent.text_content("main")


def test_from_a_gap_to_an_effect(browser: Any, base: str, house: House) -> None:
    complaints: list[str] = []
    coach = person(browser, base, "trainer", complaints)
    address = share_a_session(coach)
    agent = hear_and_acknowledge(browser, base, complaints)
    take_a_course(coach, agent)
    follow_up(coach, agent, house, address)
    # Chromium notes every answer of 4xx and 5xx; there was none.
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_fit_and_have_contrast(browser: Any, base: str, width: int, scheme: str) -> None:
    complaints: list[str] = []
    page = person(browser, base, "trainer", complaints, color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 860})
    contrast, manners = ((HERE / name).read_text(encoding="utf-8") for name in ("contrast.js", "manners.js"))
    addresses = ["/coaching", "/coaching/agent?id=a1", "/coaching/library", "/coaching/courses", "/coaching/sessions"]
    for listed, title in (("/coaching/courses", "Greeting"), ("/coaching/sessions", "A draft")):
        page.goto(listed)
        addresses.append(page.get_attribute(f"main a:text-is('{title}')", "href"))
    for address in addresses:
        page.goto(address)
        page.wait_for_timeout(200)
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"
        assert page.evaluate(fits), address
        assert page.evaluate(contrast) + page.evaluate(manners) == [], address
    assert complaints == []
