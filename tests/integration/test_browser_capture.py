"""Completeness and sources in a real Chromium: a list is handed in, and what refreshes itself leaves people alone."""

from __future__ import annotations

import re
from typing import Any

from tests.integration import test_browser as shared
from tests.unit.web.fixtures import FakeServices

pytestmark = shared.pytestmark
base, browser, page, services, state = shared.base, shared.browser, shared.page, shared.services, shared.state


def test_a_call_list_is_sent_as_it_is_and_its_bad_lines_are_told(page: Any) -> None:
    sent: list[Any] = []

    def answer(route: Any) -> None:
        sent.append(route.request)
        assert re.fullmatch(r"[0-9a-f]{64}", route.request.headers["x-csrf-token"])
        if len(sent) == 1:
            problem = {"detail": "None of the calls can be taken.", "errors": [{"line": 2, "message": "No start."}]}
            route.fulfill(status=422, content_type="application/problem+json", json=problem)
        else:
            bad = {"line": 5, "message": "<b>No start.</b>", "advice": "See it."}
            told = {"added": 3, "replaced": 1, "errors": [bad], "more_errors": 7, "notes": []}
            route.fulfill(json=told | {"first": "2026-03-02T23:30:00Z", "last": "2026-03-04T09:00:00Z"})

    page.route("**/api/v1/completeness/calls?*", answer)
    page.goto("/completeness")
    page.click("text=Hand in a call list")
    assert page.input_value("#h-zone") == "Europe/Berlin"
    page.fill("#h-source", "pbx")
    page.set_input_files("#h-file", [{"name": "calls.JSONL", "mimeType": "", "buffer": b'{"id": 1}'}])
    page.click("#hand-in button")
    page.wait_for_selector("#hand-in-result >> text=Line 2: No start.")
    assert "None of the calls can be taken." in page.text_content("#hand-in-result")
    assert not page.is_visible("#hand-in-check")
    assert sent[0].url.endswith("/api/v1/completeness/calls?source=pbx&zone=Europe%2FBerlin")
    assert (sent[0].headers["content-type"], sent[0].post_data) == ("application/x-ndjson", '{"id": 1}')
    page.set_input_files("#h-file", [{"name": "calls.csv", "mimeType": "", "buffer": b"id;start"}])
    page.click("#hand-in button")
    page.wait_for_selector("text=3 calls added, 1 replaced, 8 lines not taken.")
    shown = page.text_content("#hand-in-result")
    assert "Line 5: <b>No start.</b> See it." in shown
    assert "and 7 more" in shown
    assert "Line 2" not in shown
    assert sent[1].headers["content-type"] == "text/csv"
    # Days of the viewer's zone: half past eleven at night in UTC is the next day in Berlin.
    assert page.get_attribute("#hand-in-check", "action") == "/completeness/check?from=2026-03-03&to=2026-03-04"
    assert page.is_visible("#hand-in-check")


def test_watched_places_refresh_unless_held(page: Any, services: FakeServices) -> None:
    page.goto("/sources")
    assert page.locator("#place-table tbody tr").count() == 3
    refresh = "htmx.ajax('GET', '/sources/places', {source: '#sources-places', target: '#sources-places'})"
    page.evaluate("document.querySelector('#place-table').dataset.old = '1'")
    page.click("#hold")
    page.evaluate(refresh)
    page.wait_for_timeout(300)
    assert page.locator("#place-table[data-old]").count() == 1
    page.click("#hold")
    page.evaluate(refresh)
    page.wait_for_selector("#place-table:not([data-old])")
