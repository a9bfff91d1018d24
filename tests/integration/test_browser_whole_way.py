"""One agent's whole way in a real Chromium: scored, coached, disputed, rescored, trained, improved.

The pages and the worker are processes of their own, started as people start them. Everybody logs in as themselves, and
what is looked at is what they read. Only the people and the scorecard are there beforehand.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor import wiring
from candor.access import store as people
from candor.access.model import UserRole
from candor.kit import clock
from candor.settings import Settings
from tests.conftest import ROOT
from tests.integration.test_browser import CHROMIUM
from tests.integration.test_browser_evaluating import browser, wait  # noqa: F401  a fixture
from tests.unit.pipeline.judged import PASSWORD

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]

CARD = """
id: desk
version: 1
title: Help desk
languages: [en]
pass_mark: 70
sections:
  - id: opening
    title: Opening
    weight: 60
    questions:
      - {id: greeting, text: "Does the agent greet the customer?", skills: [Warmth],
         rule: {says: {phrases: [good morning]}}}
  - id: closing
    title: Closing
    weight: 40
    questions:
      - {id: else, text: "Does the agent ask what else there is?", rule: {says: {phrases: [anything else]}}}
"""
AGENTS = {"a1": "Dana", "a2": "Eli", "a3": "Fay"}
PEOPLE = (
    ("ada", UserRole.ADMINISTRATOR, None), ("sam", UserRole.SUPERVISOR, None), ("tess", UserRole.TRAINER, None),
    ("eva", UserRole.EVALUATOR, None), ("dana", UserRole.AGENT, "a1"),
)  # fmt: skip


@dataclass
class Place:
    """A running Candor, and the people in front of it."""

    folder: Path
    browser: Any
    port: int
    complaints: list[str] = field(default_factory=list)

    def person(self, login: str) -> Any:
        """A browser window in which somebody has logged in."""
        context = self.browser.new_context(
            base_url=f"http://127.0.0.1:{self.port}", viewport={"width": 1280, "height": 860}
        )
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"{login}: {error}"))
        page.on(
            "console",
            lambda line: self.complaints.append(f"{login}: {line.text}") if line.type == "error" else None,
        )
        page.goto("/login")
        page.fill("#login", login)
        page.fill("#password", "secret")
        page.keyboard.press("Enter")
        page.wait_for_selector("nav.rail")
        return page


@contextmanager
def running(folder: Path, port: int) -> Iterator[None]:
    """The web process and one worker, as ``candor serve`` starts them."""
    settings = {
        "DATA": folder / "data", "PORT": port, "RECORDER": "false", "MEANING": "false", "REGION": "US",
        "SCORECARD": "desk", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    env = clean | {f"CANDOR_{name}": str(value) for name, value in settings.items()}
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("web", "worker"):
            command = [sys.executable, "-m", "candor.cli.main", name]
            started.append(subprocess.Popen(command, cwd=ROOT, env=env))
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.1)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def place(tmp_path: Path, browser: Any) -> Iterator[Place]:  # noqa: F811
    """People and a scorecard, and Candor running over them."""
    services = wiring.open_services(
        Settings(data=tmp_path / "data", recorder=False, meaning=False, region="US", scorecard="desk")
    )
    with services.database.write() as uow:
        for login, role, agent_id in PEOPLE:
            people.add_user(
                uow, id=login, login=login, name=login.title(), role=role, team="Billing", agent_id=agent_id,
                active=True, failures=0, password_hash=PASSWORD, created_at=clock.to_column(clock.now()),
            )  # fmt: skip
        services.scorecards.publish_text(uow, CARD, None)
    services.database.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running(tmp_path, port):
        yield Place(tmp_path, browser, port)


def chats(folder: Path, agent_id: str, moments: Sequence[datetime], *, greets: bool) -> list[Path]:
    """Written conversations, one a moment, in files of their own."""
    folder.mkdir(exist_ok=True)
    hello = "Good morning, how can I help you?" if greets else "What is it?"
    made = []
    for number, at in enumerate(moments):
        said = (
            ("c", "My bill of this month shows a fee that I do not know."), ("a", hello),
            ("c", "Please take the fee away, it is not mine."), ("a", "I took it off. Is there anything else?"),
            ("c", "No, that was all."),
        )  # fmt: skip
        chat = {
            "id": f"{agent_id}-{at:%Y%m%d}-{number}", "medium": "chat", "language": "en", "queue": "bills",
            "team": "Billing", "started_at": at.isoformat(),
            "parties": [
                {"id": "a", "role": "agent", "agent_id": agent_id, "name": AGENTS[agent_id]},
                {"id": "c", "role": "customer", "name": f"Customer {number}"},
            ],
            "messages": [
                {"by": by, "at": (at + timedelta(seconds=2 * n)).isoformat(), "text": text}
                for n, (by, text) in enumerate(said)
            ],
        }  # fmt: skip
        path = folder / f"{chat['id']}.json"
        path.write_text(json.dumps(chat), encoding="utf-8")
        made.append(path)
    return made


def take_in(ada: Any, files: Sequence[Path], everything: int) -> None:
    """Somebody sends files from the page of importing, and waits until all conversations are scored."""
    ada.goto("/import")
    ada.set_input_files("#files", [str(each) for each in files])
    ada.click("#import button[type=submit]")
    wait(ada, "!document.getElementById('import').querySelector('.tone-bad')", 1)
    wait(ada, f"document.getElementById('import-summary').textContent.startsWith('{len(files)} of {len(files)}')", 120)
    assert "0 not taken" in ada.text_content("#import-summary")
    deadline = time.monotonic() + 240
    while True:
        ada.goto("/quality/reports?scorecard=desk&period=90d")
        found = ada.locator(".q-short tbody tr").first
        if found.count() and found.locator("td").first.inner_text() == str(everything):
            return
        assert time.monotonic() < deadline, ada.inner_text("main")
        ada.wait_for_timeout(1000)


def sees_the_score(dana: Any) -> None:
    """The agent opens a conversation of hers: what the rules answered, and on what."""
    dana.goto("/conversations")
    dana.click("table.list tbody tr:first-child a.row-link, table tbody tr:first-child a")
    dana.wait_for_url("**/conversations/*-*")
    dana.click("#tab-score")
    told = dana.inner_text("#score")
    assert "Help desk" in told
    asked = dana.inner_text("#q-greeting")
    assert "Automatic" in asked
    assert "No" in asked
    assert "Yes" in dana.inner_text("#q-else")


def evaluates(eva: Any) -> str:
    """Somebody judges one by hand, and is too strict with the closing; returns the evaluation's address."""
    eva.goto("/conversations?agent=a1")
    eva.click("table tbody tr:first-child a")
    eva.wait_for_url("**/conversations/*-*")
    eva.click(".begin summary")
    eva.select_option("#b-card", "desk")
    eva.click(".begin .primary")
    eva.wait_for_url("**/evaluations/forms/*")
    assert "Agent: Dana" in eva.inner_text(".who-is-who")
    for question in ("greeting", "else"):
        eva.click(f"#q-{question} .choice[data-value=no]")
    wait(eva, "document.getElementById('answered').textContent === '2'")
    wait(eva, "document.getElementById('saved').textContent.startsWith('Saved')")
    eva.click("#submit")
    eva.wait_for_url("**/evaluations/*done=submitted")
    return str(eva.url.partition("?")[0])


def coached(tess: Any) -> str:
    """From the table of gaps to a shared session with a goal and a clip; returns its address."""
    tess.goto("/coaching")
    first = tess.locator("table.heat tbody tr").first
    assert first.locator("th").inner_text().startswith("Dana")
    assert "clear gap" in first.inner_text()
    first.locator("a").click()
    tess.wait_for_selector("#gaps")
    assert tess.is_checked("input[name=measure][value='desk/greeting']")
    assert "Does the agent greet the customer?" in tess.inner_text("tr:has(input[value='desk/greeting'])")
    tess.click("#begin button.primary")
    tess.wait_for_selector("#draft")
    tess.fill("#s-title", "Begin with a greeting")
    tess.fill("#t0", "80")
    tess.fill("#a0", "Read the clip before the first chat of the day")
    tess.click("text=Save the draft")
    tess.wait_for_selector("text=Saved.")
    # What a colleague did well is offered, with the words that it rests on.
    offered = tess.locator("li:has-text('a colleague')").first
    assert "Good morning" in offered.inner_text()
    offered.locator("button").click()
    tess.wait_for_selector("article.clip")
    tess.click("#draft button.primary")
    tess.wait_for_selector("text=Shared: the agent sees it now")
    return str(tess.url.partition("?")[0])


def acknowledges(dana: Any) -> None:
    """The agent finds the session from her first page, reads the clip, and says that she has read it."""
    dana.goto("/")
    dana.click("nav.rail >> text=Coaching")
    assert "waits for your acknowledgement" in dana.inner_text("main")
    dana.click("main a:has-text('Begin with a greeting')")
    dana.click("article.clip summary")
    assert "Good morning, how can I help you?" in dana.inner_text("article.clip")
    dana.fill("#s-comment", "I will try.")
    dana.click("text=Acknowledge")
    dana.wait_for_selector("text=You have acknowledged it.")
    dana.click("li:has-text('Read the clip') >> text=Done")
    dana.wait_for_selector("li:has-text('done on')")


def disputes(dana: Any) -> None:
    """From her conversation the agent comes to what somebody answered, and contests one answer."""
    dana.goto("/my-scores")
    assert "by Eva" in dana.inner_text(".keep-list")
    sees_the_score(dana)
    dana.click("#score >> text=the whole evaluation")
    dana.wait_for_url("**/evaluations/*")
    assert "about you" in dana.inner_text(".call-head")
    assert "0" in dana.inner_text(".call-head .score")
    dana.click("#dispute summary")
    dana.check("input[name=question][value=else]")
    dana.fill("#r-else", "I asked, in my last message.")
    dana.click("#send-dispute")
    dana.wait_for_url("**done=disputed")


def rescored(eva: Any, sam: Any) -> None:
    """Who evaluated may not decide; somebody else does."""
    eva.goto("/evaluations/disputes")
    eva.click(".row-link")
    assert "Somebody else than the evaluator" in eva.inner_text("main")
    assert eva.locator("#decide").count() == 0
    sam.goto("/evaluations/disputes")
    sam.click(".row-link")
    assert "I asked, in my last message." in sam.inner_text("#ruling")
    sam.check("input[name=outcome-else][value=rescored]")
    sam.check("input[name=answer-else][value=yes]")
    sam.fill("#r-else", "It is there, in the last message.")
    sam.click("#decide")
    sam.wait_for_url("**done=decided")


def reads_the_ruling(dana: Any) -> None:
    """The agent reads the new score, and why."""
    dana.goto("/my-scores")
    assert "40" in dana.inner_text(".keep-list .score")
    dana.click(".row-link")
    dana.wait_for_url("**/evaluations/*")
    assert "came from a dispute" in dana.inner_text("main")
    dana.click("#answers .keep-lines a")
    dana.wait_for_selector("text=It is there, in the last message.")


def gives_a_course(tess: Any) -> None:
    """A clip of the library and a quiz about it; published, and given from the page of the agent who needs it."""
    tess.goto("/coaching/agent?id=a1")
    tess.locator("a:has-text('cut a clip')").first.click()
    tess.fill("#cut #c-title", "A warm opening")
    tess.check("#cut input[name=measure][value='desk/greeting']")
    tess.click("text=Put it into the library")
    tess.wait_for_selector("text=The clip is in the library.")
    assert "Good morning, how can I help you?" in tess.text_content("article.clip")
    tess.goto("/coaching/courses")
    tess.fill("#c-title", "Opening a conversation")
    tess.check("input[name=measure][value='desk/greeting']")
    tess.fill("#w0", "People decide in seconds.")
    tess.select_option("#k0", label="A warm opening")
    tess.fill("#q0", "What comes first?")
    tess.fill("#r0", "* A greeting\nThe account number")
    tess.click("text=Keep the draft")
    tess.wait_for_selector("text=The draft is kept")
    tess.click("button:has-text('Publish')")
    tess.wait_for_selector("text=Published: it can be assigned")
    tess.goto("/coaching/agent?id=a1")
    offered = tess.locator("#courses li:has-text('Opening a conversation')")
    assert "Does the agent greet the customer?" in offered.inner_text()
    offered.locator("button").click()
    tess.wait_for_selector("text=Assigned.")
    tess.click("tr:has-text('waits') >> text=Dana")
    assert "waits" in tess.inner_text("#courses li:has-text('Opening a conversation')")


def takes_the_course(dana: Any) -> None:
    """Failed, then passed."""
    dana.goto("/coaching/mine")
    dana.click("main a:has-text('Opening a conversation')")
    dana.wait_for_selector("fieldset.quiz")
    assert "Good morning, how can I help you?" in dana.text_content("article.clip")
    dana.check("input[name=q0][value='1']")
    dana.click("text=Hand in")
    dana.wait_for_selector("fieldset.quiz.wrong")
    dana.check("input[name=q0][value='0']")
    dana.click("text=Hand in")
    dana.wait_for_selector("text=Passed: you have completed this course.")
    dana.click("nav.views >> text=My coaching")
    assert "completed" in dana.inner_text("li:has-text('Opening a conversation')")


def shows(tess: Any, dana: Any, session: str) -> None:
    """The session, the course, the gaps and the agent's weeks all show that it is better."""
    tess.goto(session)
    told = tess.inner_text(".effect")
    assert "better" in told
    assert "0 % (12 conversations before) → 100 % (12 after)" in " ".join(told.split())
    assert "between" in told
    assert "not enough" not in told, "it is held against the rest of the team"
    tess.fill("#s-conclusion", "It shows.")
    tess.click("button:has-text('Measure and close')")
    tess.wait_for_selector("text=Followed up. What was measured today stays")
    tess.goto("/coaching/courses")
    tess.click("main a:has-text('Opening a conversation')")
    assert "better" in tess.inner_text(".effect")
    tess.goto("/coaching")
    assert "clear gap" in tess.inner_text("tr:has(th:has-text('Dana'))"), "over 90 days, with those before"
    tess.select_option("#by-days", "30")
    tess.click(".coach-by button")
    tess.wait_for_url("**days=30*")
    dana_now = tess.inner_text("tr:has(th:has-text('Dana'))")
    assert "no gap shown" in dana_now
    assert "clear gap" not in dana_now
    tess.goto("/coaching/agent?id=a1")
    tess.click("summary:has-text('As a table')")
    weeks = [row.split() for row in tess.locator("section:has(.coach-trend) tbody tr").all_inner_texts()]
    assert weeks[0][2] == "40"
    assert weeks[-1][2] == "100"
    dana.goto(session)
    told = dana.inner_text("main")
    assert "better" in told
    assert "target reached" in told
    assert "It shows." in told


def test_scored_coached_disputed_rescored_trained_improved(place: Place) -> None:
    now = clock.now()
    earlier = [now - timedelta(days=50 - n) for n in range(12)]
    before = [
        *chats(place.folder / "chats", "a1", earlier, greets=False),
        *chats(place.folder / "chats", "a2", earlier, greets=True),
        *chats(place.folder / "chats", "a3", earlier[:8], greets=True),
    ]
    ada, dana, eva, sam, tess = (place.person(login) for login in ("ada", "dana", "eva", "sam", "tess"))
    take_in(ada, before, 32)
    sees_the_score(dana)
    evaluates(eva)
    session = coached(tess)
    acknowledges(dana)
    disputes(dana)
    rescored(eva, sam)
    reads_the_ruling(dana)
    gives_a_course(tess)
    takes_the_course(dana)
    since = [clock.now()] * 12
    after = [
        *chats(place.folder / "later", "a1", since, greets=True),
        *chats(place.folder / "later", "a2", since[:6], greets=True),
        *chats(place.folder / "later", "a3", since[:6], greets=True),
    ]
    take_in(ada, after, 56)
    shows(tess, dana, session)
    assert place.complaints == []
