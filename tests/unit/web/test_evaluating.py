"""The pages and the API of evaluating, over real services: who gets in, what is hidden, what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from candor import wiring
from candor.access.browser import SESSION_COOKIE, csrf_token
from candor.audit import service as audit
from candor.conversation.evaluation import Verdict
from candor.errors import Conflict
from candor.replay import judged
from candor.replay.model import Scope
from tests.unit.pipeline.judged import House


class Visitor:
    """Somebody with a browser."""

    def __init__(self, house: House, client: TestClient, who: str) -> None:
        self._client = client
        with house.services.database.write() as uow:
            secret = house.services.access.open_session(uow, who)
        self.headers = {"Cookie": f"{SESSION_COOKIE}={secret}", "X-CSRF-Token": csrf_token(secret)}

    def get(self, path: str) -> Response:
        return self._client.get(path, headers=self.headers)

    def post(self, path: str, **data: Any) -> Response:
        return self._client.post(path, data=data, headers=self.headers)

    def send(self, method: str, path: str, body: Any = None) -> Response:
        return self._client.request(method, f"/api/v1{path}", json=body, headers=self.headers)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(Path(tmp_path_factory.mktemp("house")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(house: House) -> TestClient:
    return TestClient(wiring.application(house.services), follow_redirects=False)


@pytest.fixture(scope="module")
def visit(house: House, client: TestClient) -> Any:
    known: dict[str, Visitor] = {}
    return lambda who: known.setdefault(who, Visitor(house, client, who))


def begun(visit: Any, call: str, who: str = "eva", **more: str) -> str:
    answer = visit(who).post(f"/conversations/{call}/forms", scorecard="basics", blind="1", **more)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def answered(visit: Any, form: str, who: str = "eva", **answers: str) -> int:
    revision = 0
    for question, verdict in answers.items():
        told = visit(who).post(
            f"{form}/answers", revision=revision, question=question, answer=json.dumps({"verdict": verdict})
        )
        assert told.status_code == 200, told.text
        revision = told.json()["revision"]
    return revision


def submitted(visit: Any, call: str, who: str = "eva") -> str:
    form = begun(visit, call, who)
    revision = answered(visit, form, who, **{"greeting": "yes", "verify": "no", "else": "yes"})
    told = visit(who).post(f"{form}/submit", revision=revision)
    assert told.status_code == 200, told.text
    return str(told.json()["location"].partition("?")[0])


def test_a_change_is_saved_and_what_it_comes_to_is_told(house: House, visit: Any) -> None:
    form = begun(visit, house.call())
    told = visit("eva").post(f"{form}/answers", revision=0, question="greeting", answer='{"verdict":"yes"}').json()
    assert (told["revision"], told["answered"], told["total"], told["score"]) == (1, 1, 3, 100)
    again = visit("eva").post(f"{form}/answers", revision=0, question="greeting", answer='{"verdict":"yes"}')
    assert (again.status_code, again.json()["revision"]) == (200, 1), "its answer may have been lost on the way"
    other = visit("eva").post(f"{form}/answers", revision=0, question="greeting", answer='{"verdict":"no"}')
    assert (other.status_code, other.json()["code"], other.json()["revision"]) == (409, "form.revision", 1)
    whole = visit("eva").post(f"{form}/answers", revision=1, question="", summary="All in all well.")
    assert whole.json()["revision"] == 2
    state = visit("eva").get(f"{form}/state").json()
    assert (state["revision"], state["state"]) == (2, "open")
    assert state["csrf"] == visit("eva").headers["X-CSRF-Token"]
    missing = visit("eva").post(f"{form}/submit", revision=2)
    assert missing.status_code == 422
    assert [fault["question"] for fault in missing.json()["faults"]] == ["verify", "else"]


@pytest.mark.parametrize("answer", ["[]", "{", '{"verdict":"perhaps"}', '{"verdict":"yes","pins":[{"start":"x"}]}'])
def test_what_cannot_be_read_is_refused(house: House, visit: Any, answer: str) -> None:
    form = begun(visit, house.call())
    told = visit("eva").post(f"{form}/answers", revision=0, question="greeting", answer=answer)
    assert (told.status_code, told.json()["code"]) == (422, "form.answer")


def test_a_form_is_nobody_else_s(house: House, visit: Any) -> None:
    form = begun(visit, house.call())
    for who in ("max", "ada"):
        assert visit(who).get(form).status_code == 404
        assert visit(who).get(f"{form}/state").status_code == 404
        assert visit(who).post(f"{form}/answers", revision=0, question="greeting", answer="{}").status_code == 404
    assert visit("dana").get(form).status_code == 404


def test_a_change_without_the_page_s_token_is_refused(house: House, visit: Any, client: TestClient) -> None:
    form = begun(visit, house.call())
    cookie = {"Cookie": visit("eva").headers["Cookie"]}
    for path in (f"{form}/answers", f"{form}/submit", f"{form}/discard"):
        assert client.post(path, data={"revision": 0}, headers=cookie).status_code == 403
    one = submitted(visit, house.call())
    for deed in ("release", "grade", "acknowledge", "dispute", "comment"):
        assert client.post(f"{one}/{deed}", headers=cookie).status_code == 403, deed


def test_blind_hides_it_on_every_door(house: House, visit: Any) -> None:
    call = house.call()
    page = visit("eva").get(f"/conversations/{call}").text
    assert "not passed" in page
    form = begun(visit, call)
    assert "Automatic" not in visit("eva").get(form).text
    hidden = visit("eva").get(f"/conversations/{call}").text
    assert "not passed" not in hidden
    assert "You are evaluating this conversation blind" in hidden
    assert visit("eva").send("GET", f"/conversations/{call}/evaluations").json() == {"evaluations": []}
    assert visit("eva").send("GET", f"/conversations/{call}").json()["evaluations"] == []
    assert len(visit("ada").send("GET", f"/conversations/{call}/evaluations").json()["evaluations"]) == 1
    with house.services.database.write() as uow, pytest.raises(Conflict):
        house.services.scores.override(uow, call, "basics", "greeting", Verdict.NO, "None.", house.person("eva"))


def test_a_form_that_is_not_blind_shows_what_rules_answered(house: House, visit: Any) -> None:
    call = house.call()
    answer = visit("eva").post(f"/conversations/{call}/forms", scorecard="basics")
    page = visit("eva").get(answer.headers["location"]).text
    assert "Automatic" in page
    assert "Thank you for calling" in page


def test_agents_see_what_was_released_and_answer_to_it(house: House, visit: Any) -> None:
    call = house.call()
    one = submitted(visit, call)
    assert visit("ben").get(one).status_code == 404
    page = visit("dana").get(one).text
    assert "Judge it again" not in page
    assert "by Eva" in page
    assert one in visit("dana").get("/my-scores").text
    assert visit("dana").post(f"{one}/acknowledge").status_code == 303
    wrong = visit("dana").post(f"{one}/dispute", question="verify", **{"reason-verify": " "})
    assert wrong.status_code == 422
    assert "Give a reason" in wrong.text
    assert visit("dana").post(f"{one}/dispute", question="verify", **{"reason-verify": "I did ask."}).status_code == 303
    with house.services.database.read() as uow:
        (found,) = [
            row for row in judged.list_disputes(uow, Scope()) if row.held.evaluation.id == one.rpartition("/")[2]
        ]
    address = f"/evaluations/disputes/{found.dispute.id}"
    assert 'id="decide"' not in visit("eva").get(address).text
    half = visit("sam").post(address, **{"outcome-verify": "rescored", "reason-verify": "It is there."})
    assert half.status_code == 422
    assert "It is there." in half.text, "what was typed stays"
    done = visit("sam").post(
        address, **{"outcome-verify": "rescored", "answer-verify": "yes", "reason-verify": "It is there."}
    )
    assert done.headers["location"].endswith("done=decided")
    assert house.score(call) == (100.0, "human")


def test_the_plan_s_form_tells_what_is_wrong_and_keeps_what_was_typed(visit: Any) -> None:
    wrong = visit("ada").post(
        "/evaluations/plans/new", name="Mondays", scorecard="basics", per="week", per_agent="0", due_days="7"
    )
    assert wrong.status_code == 422
    assert "The plan asks for no conversation." in wrong.text
    assert 'value="Mondays"' in wrong.text
    assert visit("ada").post("/evaluations/plans/new", name="M", scorecard="basics", per_agent="x").status_code == 422
    shown = visit("ada").post(
        "/evaluations/plans/new", name="Days", scorecard="basics", per="day", per_agent="1", due_days="7", preview="1"
    )
    assert "it would draw" in shown.text
    made = visit("ada").post(
        "/evaluations/plans/new", name="Days", scorecard="basics", per="day", per_agent="1", due_days="7",
        target_kind=["finding", ""], target_value=["dead_air", ""], target_count=["2", "1"], strata=["queue", "length"],
        release="days", release_days="5",
    )  # fmt: skip
    assert made.status_code == 303
    page = visit("ada").get(made.headers["location"].partition("?")[0]).text
    assert 'value="dead_air"' in page
    assert 'value="5"' in page
    assert visit("sam").get(made.headers["location"].partition("?")[0]).status_code == 404


def test_the_queue_hands_on_and_says_why_not(house: House, visit: Any) -> None:
    call = house.call("a2")
    assert visit("ada").post(f"/conversations/{call}/assign", scorecard="basics", due_days="3").status_code == 303
    with house.services.database.read() as uow:
        (one,) = [
            row.assignment for row in judged.list_assignments(uow, Scope()) if row.assignment.conversation_id == call
        ]
    deed = f"/evaluations/assignments/{one.id}"
    assert one.id not in visit("max").get("/evaluations").text, "his own call"
    assert visit("eva").post(f"{deed}/take").status_code == 303
    taken = visit("ada").post(f"{deed}/take")
    assert (taken.status_code, "Somebody has it already" in taken.text) == (422, True)
    assert visit("eva").post(f"{deed}/decline", reason="").status_code == 422
    assert visit("eva").post(f"{deed}/reassign", evaluator="ada").status_code == 403
    assert visit("ada").post(f"{deed}/reassign", evaluator="ada", due_days="2").status_code == 303
    assert visit("ada").post(f"{deed}/withdraw", reason="A test call.").status_code == 303
    assert visit("ada").post(f"{deed}/begin").status_code == 409


def test_programs_do_the_same(house: House, visit: Any) -> None:
    call = house.call()
    ada, eva, dana = visit("ada"), visit("eva"), visit("dana")
    given = {"conversation_id": call, "scorecard": "basics", "evaluator": "eva", "release": "by-hand"}
    one = ada.send("POST", "/evaluations/assignments", given).json()
    mine = eva.send("GET", "/evaluations/assignments?evaluator=ada").json()["assignments"]
    assert one["id"] in {each["id"] for each in mine}, "others' are for those who assign"
    form = eva.send("POST", "/evaluations/forms", {"assignment_id": one["id"]}).json()
    assert [fault["code"] for fault in form["faults"]] == ["missing"] * 3
    for question, verdict in (("greeting", "yes"), ("verify", "no"), ("else", "yes")):
        form = eva.send(
            "PUT", f"/evaluations/forms/{form['id']}/answers/{question}",
            {"revision": form["revision"], "verdict": verdict, "comment": "Heard."},
        ).json()  # fmt: skip
    stale = eva.send(
        "PUT", f"/evaluations/forms/{form['id']}/answers/else", {"revision": 0, "verdict": "no"}
    )  # fmt: skip
    assert (stale.status_code, stale.json()["code"]) == (409, "form.revision")
    made = eva.send("POST", f"/evaluations/forms/{form['id']}/submit", {"revision": form["revision"]}).json()
    path = f"/evaluations/{made['evaluation']['id']}"
    assert (made["evaluation"]["score"], made["circumstances"]["released_at"]) == (50.0, None)
    assert dana.send("GET", path).status_code == 404
    assert ada.send("POST", f"{path}/release").json()["circumstances"]["released_at"] is not None
    assert dana.send("POST", f"{path}/acknowledge").json()["replies"][0]["kind"] == "acknowledged"
    assert dana.send("POST", f"{path}/comments", {"text": "Thank you."}).status_code == 201
    contested = dana.send("POST", f"{path}/disputes", {"reasons": {"verify": "I asked."}}).json()
    rulings = {"rulings": {"verify": {"outcome": "upheld", "reason": "It is not there."}}}
    assert eva.send("POST", f"/evaluations/disputes/{contested['id']}/decide", rulings).status_code == 403
    decided = visit("sam").send("POST", f"/evaluations/disputes/{contested['id']}/decide", rulings).json()
    assert (decided["state"], decided["questions"][0]["outcome"]) == ("decided", "upheld")
    assert contested["id"] in {each["id"] for each in dana.send("GET", "/evaluations/disputes").json()["disputes"]}


def test_the_log_has_the_deeds_and_no_words_of_people(house: House) -> None:
    with house.services.database.read() as uow:
        lines = [line for line in audit.entries(uow) if line.event.startswith(("evaluation:", "dispute:"))]
    assert {"evaluation:form:open", "evaluation:form:submit", "dispute:case:decide"} <= {line.event for line in lines}
    assert not [line for line in lines if "I asked" in f"{line.subject}{line.reason}"]
