"""The same through the doors: the API, the pages and the commands."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.cli.main import app as command
from candor.coaching.model import ClipKind
from candor.errors import InvalidInput
from candor.kit import clock
from candor.pipeline.library import NewClip
from tests.unit.coaching.house import House
from tests.unit.coaching.test_courses import COURSE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    now = clock.now()
    made.days("a1", 15, 12, since=now - timedelta(days=20))
    for each in ("a2", "a3", "a4", "a5"):
        made.days(each, 15, 3, since=now - timedelta(days=20))
    yield made
    made.close()


class Door:
    """Asks the product as somebody."""

    def __init__(self, house: House) -> None:
        self._house, self._client = house, TestClient(wiring.application(house.services), follow_redirects=False)

    def __call__(self, who: str, method: str, address: str, **more: Any) -> Any:
        with self._house.services.database.write() as uow:
            secret = self._house.services.access.open_session(uow, who)
        headers = {"Cookie": f"{SESSION_COOKIE}={secret}", "X-CSRF-Token": csrf_token(secret)}
        if not address.startswith("/api") and method == "POST":
            more["data"] = {"csrf": csrf_token(secret), **more.get("data", {})}
        return self._client.request(method, address, headers=headers, **more)


def test_from_gap_to_effect_over_the_api(house: House) -> None:
    ask = Door(house)
    told = ask("supervisor", "GET", "/api/v1/coaching/gaps?agent=a1").json()
    first = told["questions"][0]
    assert (first["measure"], first["standing"], first["n"]) == ("desk/greeting", "clear", 15)
    assert first["estimate"]["low"] < first["estimate"]["value"] < first["estimate"]["high"]
    new = {"title": "Greet", "goals": [{"words": "Greet", "measure": "desk/greeting", "target": 0.8}],
           "actions": [{"words": "Listen"}]}  # fmt: skip
    made = ask("supervisor", "POST", "/api/v1/coaching/agents/a1/sessions", json=new)
    assert made.status_code == 201, made.text
    at = f"/api/v1/coaching/sessions/{made.json()['id']}"
    assert ask("dana", "GET", at).status_code == 404
    assert ask("supervisor", "PUT", f"{at}/notes", json={"text": "Gently."}).status_code == 204
    assert ask("supervisor", "PUT", at, json={**new, "revision": 7}).status_code == 409
    assert ask("supervisor", "POST", f"{at}/share").status_code == 200
    seen = ask("dana", "GET", at).json()
    assert "private_notes" not in seen
    assert ask("supervisor", "GET", at).json()["private_notes"] == "Gently."
    assert ask("dana", "POST", f"{at}/acknowledge", json={"text": "Yes"}).json()["state"] == "acknowledged"
    action = seen["actions"][0]["id"]
    assert ask("dana", "PUT", f"{at}/actions/{action}", json={"done": True}).status_code == 200
    house.days("a1", 12, 0, since=clock.now())
    closed = ask("supervisor", "POST", f"{at}/follow-up", json={"text": "Good"}).json()
    # The calls after it begin in the future of this machine's clock: none counts yet, and that is what is said.
    assert closed["outcomes"][0]["verdict"] == "not_enough"
    assert closed["outcomes"][0]["before"]["n"] == 15
    assert ask("coach2", "GET", at).status_code == 404
    assert ask("coach2", "GET", "/api/v1/coaching/gaps?agent=a1").status_code == 404


def test_the_library_over_the_api_tells_agents_no_answers(house: House) -> None:
    ask, call = Door(house), house.call("a2")
    clip = {"conversation": call, "start": 3, "end": 8, "kind": "exemplary", "title": "Good"}
    made = ask("trainer", "POST", "/api/v1/library/clips", json=clip).json()
    heard = ask("dana", "GET", f"/api/v1/library/clips/{made['id']}/audio")
    assert (heard.status_code, heard.headers["content-type"], heard.content[:4]) == (200, "audio/flac", b"fLaC")
    lines = ask("dana", "GET", f"/api/v1/library/clips/{made['id']}").json()["lines"]
    assert lines[0]["text"] == "good morning caller how can i help"
    assert ask("dana", "GET", f"/api/v1/conversations/{call}").status_code == 404, "the call itself is not theirs"
    quiz = [{"text": "First?", "options": ["Greet", "Ask"], "right": [0], "because": "People first"}]
    course = {"title": "Opening", "lessons": [{"clip": made["id"]}], "pass_mark": 100, "quiz": quiz}
    kept = ask("trainer", "POST", "/api/v1/library/courses", json=course).json()
    at = f"/api/v1/library/courses/{kept['id']}"
    assert ask("trainer", "POST", f"{at}/publish").status_code == 204
    assert ask("trainer", "POST", f"{at}/assignments", json={"agents": ["a1"]}).json() == {"assigned": 1}
    seen = ask("dana", "GET", at).json()
    assert seen["quiz"] == [{"text": "First?", "options": ["Greet", "Ask"], "several": False}]
    assert ask("eli", "GET", at).status_code == 404
    assert ask("dana", "POST", f"{at}/attempts", json={"ticked": [[0]]}).json()["passed"] is True
    rows = list(csv.DictReader(io.StringIO(ask("trainer", "GET", f"{at.rpartition('/')[0]}/records").text)))
    assert [(row["agent_id"], row["best_score"]) for row in rows] == [("a1", "100.0")]
    statements = ask("trainer", "GET", f"{at.rpartition('/')[0]}/records?form=xapi").text.splitlines()
    assert {json.loads(each)["verb"]["display"]["en"] for each in statements} == {"initialized", "completed", "passed"}


def test_every_page_opens_and_says_what_is_wrong_at_its_field(house: House) -> None:
    ask, call = Door(house), house.call("a2")
    clip = house.services.library.add(
        NewClip(conversation_id=call, start=3, end=8, kind=ClipKind.EXEMPLARY, title="<b>Good</b>"),
        house.who("trainer"),
    )
    for address in ("/coaching", "/coaching?source=human&days=30&team=Billing", "/coaching/agent?id=a1",
                    "/coaching/sessions", "/coaching/library", "/coaching/courses"):  # fmt: skip
        page = ask("trainer", "GET", address)
        assert page.status_code == 200, address
        assert "<b>Good</b>" not in page.text
    assert f"/coaching/clips/{clip.id}/audio" in ask("dana", "GET", "/coaching/library").text
    assert ask("dana", "GET", f"/coaching/clips/{clip.id}/peaks").content[:4] == b"CPKS"
    part = ask("dana", "GET", f"/coaching/clips/{clip.id}/audio")
    assert (part.status_code, part.content[:4]) == (200, b"fLaC")
    assert ask("dana", "GET", "/coaching/mine").status_code == 200
    assert ask("dana", "GET", "/coaching").status_code == 403
    assert ask("auditor", "GET", "/coaching/library").status_code == 403
    wrong = ask("trainer", "POST", "/coaching/library", data={
        "conversation": call, "start": "late", "end": "9", "kind": "exemplary", "title": "x"})  # fmt: skip
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text
    begun = ask("trainer", "POST", "/coaching/sessions", data={"agent": "a1", "measure": "desk/greeting"})
    at = begun.headers["location"].partition("?")[0]
    assert "Did the agent greet the caller?" in ask("trainer", "GET", at).text
    stale = ask("trainer", "POST", at, data={"revision": "9", "title": "T", "goal0": "g"})
    assert (stale.status_code, "Somebody has changed" in stale.text) == (422, True)


def test_the_commands_print_gaps_and_records(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDOR_DATA", str(house.settings.data))
    monkeypatch.setenv("CANDOR_RECORDER", "false")
    run = CliRunner().invoke
    told = json.loads(run(command, ["coaching", "gaps", "--agent", "a1", "--json"]).stdout)
    assert told["agents"][0]["questions"][0]["standing"] == "clear"
    assert "Dana" in run(command, ["coaching", "gaps", "--team", "Billing"]).stdout
    assert run(command, ["library", "export"]).stdout.startswith("agent_id,course_id")
    # xAPI names everything by an address: one that is nobody's would do harm in whatever learning system reads it.
    for more in ([], ["--home", "calls"]):
        refused = run(command, ["library", "export", "--form", "xapi", *more])
        assert isinstance(refused.exception, InvalidInput)
        assert "CANDOR_PUBLIC_URL" in refused.exception.advice
    monkeypatch.setenv("CANDOR_PUBLIC_URL", "https://calls.example.com/")
    trainer, books = house.who("trainer"), house.services.library
    course = books.put_course(replace(COURSE, id="", published_at=None), trainer)
    books.publish(course.id, trainer)
    books.assign(course.id, ["a1"], trainer)
    books.start(course.id, house.who("dana"))
    for more, home in (
        ([], "https://calls.example.com"),
        (["--home", "https://other.example/"], "https://other.example"),
    ):
        line = json.loads(run(command, ["library", "export", "--form", "xapi", *more]).stdout)
        assert line["actor"]["account"]["homePage"] == home
        assert line["object"]["id"] == f"{home}/coaching/courses/{course.id}"
