"""Questions of every kind in a real Chromium: pressed on the form, overridden on the conversation's page, disputed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from candor.kit.ids import new_id
from candor.scoring import service as scoring
from candor.scoring import store as scores
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

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="Debian's chromium is not installed (apt-get install chromium)"),
]
CARD = """
id: basics
version: 2
title: Every kind
languages: [en]
pass_mark: 50
sections:
  - id: what
    title: What it was about
    weight: 50
    questions:
      - {id: greeting, text: "Does the agent greet?", weight: 10, rule: {says: {phrases: [thank you for calling]}}}
      - id: reason
        text: "Why did they call?"
        kind: choice
        na_allowed: false
        weight: 10
        options: [{id: bill, label: "A bill", share: 1}, {id: leaving, label: "They leave", share: 0}]
      - {id: retained, text: "Did they stay?", weight: 10, applies_when: {answer: {question: reason, is: leaving}}}
      - id: shown
        text: "What was shown?"
        kind: multi_choice
        weight: 10
        options: [{id: care, label: Care, share: 0.5}, {id: haste, label: Haste, share: 0.5}]
  - id: how
    title: How it went
    weight: 50
    questions:
      - {id: tone, text: "How warm was it?", kind: range, weight: 10,
         scale: {low: 1, high: 5, low_label: cold, high_label: warm}}
      - {id: percent, text: "How much was understood?", kind: range, scored: false, scale: {low: 0, high: 100}}
      - {id: held, text: "How long did they wait?", kind: number, scored: false, number: {unit: s, least: 0}}
      - {id: why, text: "What would you say instead?", kind: text}
      - {id: due, text: "Promised for when?", kind: date, na_allowed: false}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("kinds"))
    with made.services.database.write() as uow:
        scores.put_scorecard(uow, scoring.load_scorecard(CARD), yaml=CARD)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(house: House) -> Iterator[Server]:
    made = Server(house.folder / "data")
    yield made
    made.kill()


def press(page: Any, question: str, value: str) -> None:
    page.click(f"#q-{question} .choice[data-value='{value}']")


def saved(page: Any) -> None:
    wait(page, "document.getElementById('saved').textContent.startsWith('Saved')")


def submitted(page: Any, call: str) -> str:
    """A form in which every kind is answered; returns the evaluation's address."""
    page.goto(f"/conversations/{call}")
    page.click(".begin summary")
    page.select_option("#b-card", "basics")
    page.click(".begin .primary")
    page.wait_for_url("**/evaluations/forms/*")
    assert not page.is_visible("#q-retained")
    press(page, "greeting", "yes")
    press(page, "reason", "leaving")
    page.wait_for_selector("#q-retained", state="visible")
    assert page.text_content("#total") == "9"
    press(page, "retained", "no")
    press(page, "shown", "care")
    press(page, "shown", "haste")
    press(page, "shown", "care")  # and away again
    press(page, "tone", "4")
    page.fill("#q-percent .typed", "250")
    page.fill("#q-held .typed", "12,5")
    page.fill("#q-why .typed", "I would have asked first.")
    page.fill("#q-due .typed", "2026-03-01")
    wait(page, "document.getElementById('answered').textContent === '9'")
    saved(page)
    page.click("#submit")
    wait(page, "document.querySelectorAll('#fault-list li').length === 1")
    assert "Give a whole number from 0 to 100." in page.inner_text("#q-percent")
    page.fill("#q-percent .typed", "80")
    saved(page)
    # greeting 10/10, reason 0/10, retained 0/10, shown 5/10: 15 of 40; tone 7.5/10.
    assert page.text_content("#score") == "56"
    press(page, "reason", "bill")
    page.wait_for_selector("#q-retained", state="hidden")
    assert page.text_content("#total") == "8"
    # The hidden no counts nothing: 25 of 30.
    assert page.text_content("#score") == "79"
    saved(page)
    page.click("#submit")
    page.wait_for_url("**/evaluations/*done=submitted")
    return str(page.url.partition("?")[0])


def test_every_kind_is_pressed_and_what_is_hidden_counts_nothing(
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    page, said = logged_in(browser, server, "eva")
    submitted(page, house.call())
    told = {row.split("\n")[0]: row for row in page.locator("#answers .question").all_inner_texts()}
    assert "A bill" in told["Why did they call?"]
    assert "Not applicable" in told["Did they stay?"]
    assert "Haste" in told["What was shown?"]
    assert "Care" not in told["What was shown?"]
    assert "4 of 1 to 5" in told["How warm was it?"]
    assert "80 of 0 to 100" in told["How much was understood?"]
    assert "12.5 s" in told["How long did they wait?"]
    assert "I would have asked first." in told["What would you say instead?"]
    assert "2026-03-01" in told["Promised for when?"]
    assert "79" in page.inner_text(".call-head .score")
    assert said == []
    page.context.close()


def override(page: Any, question: str) -> Any:
    """The opened form of one question's override."""
    asked = page.locator(f"#q-{question}")
    if not asked.locator("details.override").evaluate("each => each.open"):
        asked.locator("summary").click()
    return asked


def keep(page: Any, question: str, expected: str) -> None:
    """Give the reason, save, and read the answer."""
    asked = page.locator(f"#q-{question}")
    asked.locator("textarea[name=reason]").fill("As I heard it.")
    asked.locator("button:has-text('Save answer')").click()
    page.wait_for_selector(f"#q-{question} .answer:has-text('By a person'):has-text('{expected}')")
    assert "As I heard it." in page.inner_text(f"#q-{question} .answer:has-text('By a person')")


def refuse(page: Any, question: str, expected: str) -> None:
    """Give the reason, and be told what is wrong, at the question."""
    asked = page.locator(f"#q-{question}")
    asked.locator("textarea[name=reason]").fill("As I heard it.")
    asked.locator("button:has-text('Save answer')").click()
    page.wait_for_selector(f"#q-{question} [role=alert]")
    assert expected in asked.inner_text()
    assert asked.locator("textarea[name=reason]").input_value() == "As I heard it.", "nothing typed is lost"


def test_an_answer_of_any_kind_is_overridden(
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    call = house.call()
    with house.services.database.write() as uow:  # another scorecard that asks under the same ids
        text = CARD.replace("id: basics", "id: again")
        scores.put_scorecard(uow, scoring.load_scorecard(text), yaml=text)
        (first,) = scores.list_evaluations(uow, call)
        earlier = first.created_at - timedelta(seconds=1)
        scores.put_evaluation(uow, replace(first, id=new_id(), scorecard="again", created_at=earlier))
    page, said = logged_in(browser, server, "sam")
    page.goto(f"/conversations/{call}")
    override(page, "greeting").locator("input[value=no]").check()
    keep(page, "greeting", "No")
    override(page, "reason").locator("input[value='=leaving']").check()
    assert page.locator("#q-reason input[value='n/a']").count() == 0, "it may not be left out"
    keep(page, "reason", "They leave")
    override(page, "shown").locator("input[value=haste]").check()
    keep(page, "shown", "Haste")
    override(page, "shown")
    keep(page, "shown", "none of them")
    override(page, "tone").locator("input[value='=5']").check()
    keep(page, "tone", "5 of 1 to 5")
    override(page, "percent").locator("input[name=value]").fill("250")
    refuse(page, "percent", "Give a whole number from 0 to 100.")
    page.locator("#q-percent input[name=value]").fill("25")
    keep(page, "percent", "25 of 0 to 100")
    override(page, "held").locator("input[name=value]").fill("long")
    refuse(page, "held", "Give a number.")
    assert page.locator("#q-held input[name=value]").input_value() == "long"
    page.locator("#q-held input[name=value]").fill("12,5")
    keep(page, "held", "12.5 s")
    override(page, "why")
    refuse(page, "why", "Write something")
    page.locator("#q-why textarea[name=value]").fill("I would have asked first.")
    keep(page, "why", "I would have asked first.")
    override(page, "due").locator("input[name=value]").fill("2026-03-01")
    keep(page, "due", "2026-03-01")
    override(page, "why").locator("input[value='n/a']").check()
    keep(page, "why", "Not applicable")
    assert page.locator("article.scorecard").count() == 2
    page.evaluate("document.querySelectorAll('main details').forEach((each) => (each.open = true))")
    assert page.evaluate(CONTRAST) + page.evaluate(MANNERS) == []
    assert said == []
    page.context.close()


def test_a_disputed_answer_of_several_is_rescored(
    browser: Any,  # noqa: F811
    server: Server,
    house: House,
) -> None:
    eva, said = logged_in(browser, server, "eva")
    address = submitted(eva, house.call("a1"))
    dana, more = logged_in(browser, server, "dana")
    dana.goto(address)
    dana.click("#dispute summary")
    for question in ("shown", "due"):
        dana.check(f"#dispute input[value={question}]")
        dana.fill(f"#r-{question}", "It was otherwise.")
    dana.click("#send-dispute")
    dana.wait_for_url("**done=disputed")
    sam, yet_more = logged_in(browser, server, "sam")
    sam.goto("/evaluations/disputes")
    sam.click(".row-link")
    for question in ("shown", "due"):
        sam.check(f"input[name=outcome-{question}][value=rescored]")
        sam.fill(f"#r-{question}", "So it was.")
    sam.check("input[name=value-shown][value=care]")
    sam.check("input[name=value-shown][value=haste]")
    sam.fill("input[name=value-due]", "")
    sam.click("#decide")
    assert "Give the answer that counts instead" in sam.inner_text("[role=alert]")
    assert sam.is_checked("input[name=value-shown][value=care]"), "nothing chosen is lost"
    sam.fill("input[name=value-due]", "2026-03-02")
    sam.click("#decide")
    sam.wait_for_url("**done=decided")
    dana.goto("/my-scores")
    dana.click(".row-link")
    told = dana.inner_text("#answers")
    assert "Care, Haste" in told
    assert "2026-03-02" in told
    assert [*said, *more, *yet_more] == []
    for page in (eva, dana, sam):
        page.context.close()
