"""Scorecards, simulations and people's evaluations through the REST API: shapes, errors, who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from candor.api.app import create_api
from candor.conversation.model import Party, Role
from candor.errors import Unavailable
from candor.kit import clock
from candor.scoring.rescoring import store as jobs
from tests.unit.pipeline.judged import SCORECARD, House
from tests.unit.pipeline.test_rescoring import Failing

SECOND = SCORECARD.replace("version: 1", "version: 2").replace("[anything else]", "[nobody says these words]")
JOB = {
    "id", "kind", "scorecard", "version", "since", "until", "population", "total", "seed", "state", "done", "waiting",
    "set_aside", "finished_at", "result",
}  # fmt: skip


class Door:
    """The API as each of the people sees it."""

    def __init__(self, house: House, client: TestClient) -> None:
        self.house, self.client, self.tokens = house, client, dict[str, str]()

    def __call__(self, who: str, method: str, path: str, status: int = 200, **more: Any) -> Any:
        if who not in self.tokens:
            person = self.house.person(who)
            with self.house.services.database.write() as uow:
                self.tokens[who], _ = self.house.services.access.create_token(uow, person, "t", sorted(person.rights))
        answer = self.client.request(
            method, f"/api/v1{path}", headers={"Authorization": f"Bearer {self.tokens[who]}"}, **more
        )  # fmt: skip
        assert answer.status_code == status, answer.text
        if status >= 400:
            problem = answer.json()
            assert answer.headers["content-type"] == "application/problem+json"
            assert problem["status"] == status
            return problem["code"]
        kind = answer.headers.get("content-type", "")
        return answer.json() if kind.startswith("application/json") and answer.content else answer.text


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    house = House(tmp_path, {"meaning": False})
    with TestClient(create_api(house.services), raise_server_exceptions=False) as client:
        yield Door(house, client)
    house.close()


def test_a_scorecard_from_draft_to_use_and_back(door: Door) -> None:
    listed = {each["id"]: each for each in door("sam", "GET", "/scorecards")["scorecards"]}
    assert (listed["basics"]["active"], listed["basics"]["draft"]) == (1, None)
    assert [each["state"] for each in listed["basics"]["versions"]] == ["active"]
    checked = door("ada", "POST", "/scorecards/check", json={"yaml": SECOND})
    assert (checked["id"], checked["version"], checked["questions"]) == ("basics", 2, 3)
    assert checked["changes"]
    draft = door("ada", "PUT", "/scorecards/basics/draft", json={"yaml": SECOND})
    assert (draft["scorecard"], draft["faults"]) == ("basics", [])
    faulty = door(
        "ada", "PUT", "/scorecards/basics/draft",
        json={"yaml": SECOND.replace("pass_mark: 70", "pass_mark: 170"), "revision": draft["revision"]},
    )  # fmt: skip
    assert any("100" in fault["message"] for fault in faulty["faults"]), faulty["faults"]
    assert door("ada", "PUT", "/scorecards/basics/draft", 409, json={"yaml": SECOND, "revision": draft["revision"]})
    assert door("ada", "POST", "/scorecards/basics/draft/publish", 422)
    door("ada", "PUT", "/scorecards/basics/draft", json={"yaml": SECOND, "revision": faulty["revision"]})
    assert door("ada", "GET", "/scorecards/basics/draft")["faults"] == []
    published = door("ada", "POST", "/scorecards/basics/draft/publish", 201)
    assert (published["version"], published["state"], published["published_by"]) == (2, "active", "ada")
    one = door("sam", "GET", "/scorecards/basics")
    assert one["active"] == 2
    assert yaml.safe_load(door("sam", "GET", "/scorecards/basics/versions/2"))["version"] == 2
    door("ada", "POST", "/scorecards/basics/retire", 204)
    assert door("sam", "GET", "/scorecards/basics")["active"] is None
    door("ada", "POST", "/scorecards/basics/versions/1/use", 204)
    assert door("sam", "GET", "/scorecards/basics")["active"] == 1
    door("ada", "PUT", "/scorecards/basics/draft", json={"yaml": SECOND})
    door("ada", "DELETE", "/scorecards/basics/draft", 204)
    door("ada", "GET", "/scorecards/basics/draft", 404)
    third = SECOND.replace("version: 2", "version: 3")
    assert door("ada", "POST", "/scorecards", 201, json={"yaml": third})["version"] == 3
    assert door("ada", "POST", "/scorecards", 409, json={"yaml": third})


def test_what_cannot_be_taken_is_told_by_its_code(door: Door) -> None:
    assert door("ada", "POST", "/scorecards/check", 422, json={"yaml": "id: ["}) == "scorecard.invalid"
    unreachable = SCORECARD.replace(
        'rule: {says: {phrases: [mother maiden name]}}}',
        'rule: {says: {phrases: [mother maiden name]}}, applies_when: {queues: [sales], answer: {question: greeting,'
        ' is: yes}}}',
    ).replace("{id: greeting,", "{id: greeting, applies_when: {queues: [bills]},")  # fmt: skip
    assert door("ada", "POST", "/scorecards/check", 422, json={"yaml": unreachable}) == "scorecard.invalid"
    for path in ("/scorecards/none", "/scorecards/basics/versions/7", "/rescorings/none"):
        door("ada", "GET", path, 404)
    door("ada", "POST", "/scorecards/none/rescorings", 404, json={})
    door("ada", "POST", "/scorecards/basics/simulations", 404, json={"yaml": SECOND.replace("id: basics", "id: other")})
    door("ada", "POST", "/scorecards/basics/simulations", 422, json={"sample": 0})
    backwards = {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}
    assert door("ada", "POST", "/scorecards/basics/rescorings", 422, json=backwards) == "rescoring.period"
    door("ada", "POST", "/scorecards/basics/rescorings", 422, json={"since": "2026-01-01"})  # without a zone


def test_simulated_rescored_and_cancelled(door: Door) -> None:
    calls = [door.house.call() for _ in range(3)]
    job = door("ada", "POST", "/scorecards/basics/simulations", 202, json={"yaml": SECOND})
    assert set(job) == JOB
    assert (job["kind"], job["state"], job["done"], job["total"], job["set_aside"]) == ("simulate", "running", 0, 3, [])
    door.house.services.rescoring.work()
    ended = door("ada", "GET", f"/rescorings/{job['id']}")
    assert (ended["state"], ended["done"], ended["result"]["scored"]) == ("done", 3, 3)
    assert set(ended["result"]) >= {"before", "after", "flips", "flipped", "questions", "skipped", "compared"}
    assert door("ada", "POST", f"/rescorings/{job['id']}/cancel", 409) == "rescoring.over"
    assert door("ada", "POST", f"/rescorings/{job['id']}/retry", 409) == "rescoring.none_aside"
    door("ada", "POST", "/scorecards", 201, json={"yaml": SECOND})
    job = door("ada", "POST", "/scorecards/basics/rescorings", 202, json={})
    assert door("ada", "POST", f"/rescorings/{job['id']}/cancel")["state"] == "cancelled"
    job = door("ada", "POST", "/scorecards/basics/rescorings", 202, json={})
    door.house.services.rescoring.work()
    found = door("sam", "GET", f"/conversations/{calls[0]}/evaluations")["evaluations"]
    assert [(each["scorecard_version"], each["source"]) for each in found if each["scorecard"] == "basics"] == [
        (2, "automatic")
    ]
    drawn = {"yaml": SECOND.replace("version: 2", "version: 3"), "sample": 2, "seed": 7}
    first, second = (door("ada", "POST", "/scorecards/basics/simulations", 202, json=drawn) for _ in range(2))
    assert (first["seed"], first["total"], first["population"]) == (second["seed"], 2, 3) == (7, 2, 3)


def test_a_scorecard_for_each_leg_answers_for_each(door: Door) -> None:
    ann = Party(role=Role.AGENT, agent_id="a1", left=9.0)
    bob = Party(role=Role.AGENT, agent_id="a2", joined=9.0)
    call = door.house.call(parties=(ann, bob, Party(role=Role.CUSTOMER)))
    whole = door("ada", "POST", f"/conversations/{call}/scores", json={"yaml": SCORECARD})
    assert "legs" not in whole
    assert whole["segment"] is None
    each = SCORECARD.replace("pass_mark: 70", "pass_mark: 70\nsegments: each")
    found = door("ada", "POST", f"/conversations/{call}/scores", json={"yaml": each})
    assert [leg["segment"] for leg in found["legs"]] == ["a1", "a2"]
    assert found["segment"] == "a1"


@pytest.mark.parametrize(
    ("who", "method", "path", "body"),
    [
        ("dana", "GET", "/scorecards", None),
        ("dana", "POST", "/scorecards/check", {"yaml": SECOND}),
        ("dana", "POST", "/scorecards/basics/simulations", {}),
        ("dana", "GET", "/rescorings/x", None),
        ("dana", "POST", "/evaluations/assignments", {"conversation_id": "x", "scorecard": "basics"}),
        ("dana", "GET", "/evaluations/assignments", None),
        ("dana", "POST", "/scorecards", {"yaml": SECOND}),
        ("dana", "POST", "/scorecards/basics/rescorings", {}),
        ("eva", "POST", "/evaluations/assignments", {"conversation_id": "x", "scorecard": "basics"}),
        ("eva", "POST", "/evaluations/x/release", None),
        ("sam", "POST", "/scorecards/basics/rescorings", {}),  # a supervisor reaches one team only
    ],
)
def test_who_may_not(door: Door, who: str, method: str, path: str, body: Any) -> None:
    door(who, method, path, 403, json=body)


def fill(door: Door, form: dict[str, Any], who: str = "eva", verdict: str = "yes") -> dict[str, Any]:
    for question in ("greeting", "verify", "else"):
        form = door(
            who, "PUT", f"/evaluations/forms/{form['id']}/answers/{question}",
            json={"revision": form["revision"], "verdict": verdict},
        )  # fmt: skip
    return form


def test_assigned_taken_filled_released_acknowledged_disputed(door: Door) -> None:
    call = door.house.call()
    queued = door(
        "sam", "POST", "/evaluations/assignments", 201,
        json={"conversation_id": call, "scorecard": "basics", "release": "by-hand"},
    )  # fmt: skip
    assert (queued["conversation_id"], queued["evaluator"], queued["state"]) == (call, None, "open")
    taken = door("eva", "POST", f"/evaluations/assignments/{queued['id']}/take")
    assert taken["evaluator"] == "eva"
    (mine,) = door("eva", "GET", "/evaluations/assignments")["assignments"]
    assert mine["id"] == queued["id"]
    form = door("eva", "POST", "/evaluations/forms", 201, json={"assignment_id": queued["id"]})
    assert (form["revision"], form["asked"], form["blind"]) == (0, ["greeting", "verify", "else"], True)
    assert form["faults"]
    assert door("eva", "POST", f"/evaluations/forms/{form['id']}/submit", 422, json={"revision": 0}) == "form.faults"
    filled = fill(door, form)
    assert (filled["faults"], filled["score"], filled["passed"]) == ([], 100.0, True)
    late = f"/evaluations/forms/{form['id']}/answers/else"
    assert door("eva", "PUT", late, 409, json={"revision": 0, "verdict": "no"}) == "form.revision"
    door("eva", "PUT", late, 422, json={"revision": filled["revision"], "verdict": "perhaps"})
    door("eva", "PUT", late.replace("else", "none"), 422, json={"revision": filled["revision"], "verdict": "no"})
    door("max", "GET", f"/evaluations/forms/{form['id']}", 404)  # nobody sees another's form
    made = door(
        "eva", "POST", f"/evaluations/forms/{form['id']}/submit", 201, json={"revision": filled["revision"]}
    )  # fmt: skip
    evaluation = made["evaluation"]
    assert (evaluation["source"], evaluation["evaluator"], evaluation["score"]) == ("human", "eva", 100.0)
    assert made["circumstances"]["released_at"] is None
    address = f"/evaluations/{evaluation['id']}"
    door("dana", "GET", address, 404)  # it is not released
    assert door("sam", "POST", f"{address}/release")["circumstances"]["released_at"]
    assert door("sam", "POST", f"{address}/release", 409) == "evaluation.released"
    assert door("dana", "GET", address)["evaluation"]["id"] == evaluation["id"]
    door("ben", "GET", address, 404)  # another agent's
    assert door("dana", "POST", f"{address}/acknowledge")["replies"]
    assert door("sam", "POST", f"{address}/comments", 201, json={"text": "Well done."})["replies"][-1]
    disputed = door("dana", "POST", f"{address}/disputes", 201, json={"reasons": {"else": "I did ask for more."}})
    assert disputed["evaluation_id"] == evaluation["id"]
    door("dana", "POST", f"{address}/disputes", 409, json={"reasons": {"else": "Once more."}})
    (open_one,) = door("sam", "GET", "/evaluations/disputes")["disputes"]
    assert open_one["id"] == disputed["id"]
    assert door("sam", "GET", address)["dispute"]["id"] == disputed["id"]


def test_nobody_evaluates_their_own_or_what_is_out_of_reach(door: Door) -> None:
    own = door.house.call(agent="a2")
    assert door("max", "POST", "/evaluations/forms", 403, json={"conversation_id": own, "scorecard": "basics"}) == (
        "evaluation.own"
    )
    elsewhere = door.house.call(team="Sales")
    door("sam", "POST", "/evaluations/assignments", 404, json={"conversation_id": elsewhere, "scorecard": "basics"})
    door("sam", "POST", "/evaluations/assignments", 403,
         json={"conversation_id": own, "scorecard": "basics", "evaluator": "max"})  # fmt: skip
    door("eva", "POST", "/evaluations/forms", 404, json={"conversation_id": "none", "scorecard": "basics"})
    door("eva", "GET", "/evaluations/none", 404)


def test_what_was_set_aside_is_judged_once_more(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [door.house.call() for _ in range(2)]
    failing = Failing(door.house, {calls[1]}, Unavailable("away", code="judge.away"))
    monkeypatch.setattr(door.house.services.scoring, "evaluate", failing.evaluate)
    job = door("ada", "POST", "/scorecards/basics/simulations", 202, json={"yaml": SECOND})
    at = clock.now()
    door.house.services.rescoring.work()
    for wait in jobs.WAITS:
        at += wait + timedelta(seconds=1)
        with clock.freeze(at):
            door.house.services.rescoring.work()
    ended = door("ada", "GET", f"/rescorings/{job['id']}")
    assert ended["set_aside"] == [{"conversation": calls[1], "code": "judge.away", "attempts": 4}]
    failing.failing.clear()
    again = door("ada", "POST", f"/rescorings/{job['id']}/retry", 202)
    assert (again["kind"], again["total"]) == ("simulate", 1)
    door.house.services.rescoring.work()
    assert door("ada", "GET", f"/rescorings/{again['id']}")["result"]["scored"] == 1
