"""The commands of scoring through their door: processes of their own over one real data folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from candor.kit import clock
from candor.pipeline.evaluating import Ask as FormAsk
from candor.pipeline.rescoring import Ask
from candor.scoring.agreement import store as pairs
from candor.scoring.agreement.model import Gate
from candor.scoring.rescoring import store as jobs
from tests.peers import preloaded
from tests.unit.pipeline.judged import SCORECARD, House

SECOND = SCORECARD.replace("version: 1", "version: 2").replace("[anything else]", "[nobody says these words]")
THIRD = SECOND.replace("version: 2", "version: 3")


@dataclass
class Line:
    """A data folder with calls, and a shell on that machine."""

    house: House
    calls: list[str] = field(default_factory=list)

    def run(self, *words: str, given: str = "") -> preloaded.Ended:
        environment = {**os.environ, "CANDOR_DATA": str(self.house.folder / "data"), "CANDOR_MEANING": "false"}
        environment |= {"CANDOR_SCORECARD": "basics", "OMP_NUM_THREADS": "1", "COLUMNS": "160"}
        return preloaded.run(*words, environment=environment, given=given)

    def json(self, *words: str) -> Any:
        ended = self.run(*words, "--json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def refused(self, *words: str) -> str:
        """What a command says that is refused: one sentence, no traceback."""
        ended = self.run(*words)
        assert ended.returncode > 0
        assert ended.stderr.startswith("candor: "), ended.stderr
        assert "Traceback" not in ended.stderr
        assert ended.stdout == ""
        return ended.stderr

    def file(self, name: str, text: str) -> str:
        path = self.house.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(House(tmp_path, {"meaning": False}))
    made.calls = [made.house.call(agent=agent) for agent in ("a1", "a2", "a1", "a2")]
    yield made
    made.house.close()


def test_from_a_file_to_a_version_in_use_and_out_of_it(line: Line) -> None:
    listed = {each["id"]: each for each in line.json("scorecard", "list")["scorecards"]}
    assert listed["basics"]["active"] == 1
    file = line.file("second.yaml", SECOND)
    checked = line.json("scorecard", "check", file)
    assert (checked["id"], checked["version"], checked["questions"]) == ("basics", 2, 3)
    assert any("else" in change for change in checked["changes"])
    assert "version 2 is in use" in line.run("scorecard", "publish", file).stdout
    assert yaml.safe_load(line.run("scorecard", "show", "basics").stdout)["version"] == 2
    assert yaml.safe_load(line.run("scorecard", "show", "basics", "--version", "1").stdout) == yaml.safe_load(SCORECARD)
    assert "retired" in line.run("scorecard", "retire", "basics").stdout
    assert {each["id"]: each["active"] for each in line.json("scorecard", "list")["scorecards"]}["basics"] is None
    assert "basics" in line.run("scorecard", "list").stdout


def test_what_is_wrong_is_said_in_a_sentence(line: Line) -> None:
    bad = line.file("bad.yaml", SECOND.replace("pass_mark: 70", "pass_mark: 170"))
    assert "pass_mark" in line.refused("scorecard", "check", bad)
    assert "no such file" in line.refused("scorecard", "check", str(line.house.folder / "none.yaml"))
    other = line.file("other.yaml", SCORECARD.replace("Basics", "Other"))
    assert "version" in line.refused("scorecard", "publish", other)
    assert line.refused("scorecard", "show", "nothing")
    assert line.refused("scorecard", "retire", "nothing")
    assert line.refused("scorecard", "rescore")
    assert "2027-01-31" in line.refused("scorecard", "rescore", "basics", "--since", "soon")
    assert line.refused("scorecard", "job", "nothing")
    assert line.refused("scorecard", "cancel", "nothing")
    assert line.refused("scorecard", "retry", "nothing")


def test_a_draft_is_made_of_a_written_procedure(line: Line) -> None:
    chart = {
        "task": "refund",
        "replies": {"hello": "Hello, how can I help?", "ask_order": "What is your order number?"},
        "graph": {"hello": "ask_order"},
    }
    path = line.file("chart.json", json.dumps(chart))
    ended = line.run("scorecard", "draft", path, "--name", "refund")
    assert ended.returncode == 0, ended.stderr
    made = yaml.safe_load(ended.stdout)
    assert made["id"] == "refund"
    assert "order number" in ended.stdout
    out = line.house.folder / "draft.yaml"
    assert "questions in" in line.run("scorecard", "draft", path, "--name", "refund", "-o", str(out)).stdout
    assert line.json("scorecard", "check", str(out))["id"] == "refund"
    assert line.refused("scorecard", "draft", line.file("empty.json", "{}"))


def test_simulating_and_rescoring_in_processes_of_their_own(line: Line) -> None:
    file = line.file("second.yaml", SECOND)
    told = line.json("scorecard", "simulate", file, "--processes", "2")
    assert (told["kind"], told["state"], told["done"], told["total"]) == ("simulate", "done", 4, 4)
    assert (told["waiting"], told["set_aside"]) == (0, [])
    assert told["result"]["questions"]["else"]["after"] == {"no": 4}
    assert versions(line) == {1}
    line.run("scorecard", "publish", file)
    ended = line.run("scorecard", "rescore", "basics", "--processes", "1")
    assert ended.returncode == 0, ended.stderr
    assert "done: 4 of 4 conversations" in ended.stdout
    assert "else: 4 other answers" in ended.stdout
    assert versions(line) == {2}


def versions(line: Line) -> set[int]:
    """With which versions the calls are judged now."""
    found = set()
    for call in line.calls:
        with line.house.services.database.read() as uow:
            view = line.house.services.shelf.evaluations(uow, call)
        found |= {each.scorecard_version for each in view if each.scorecard == "basics"}
    return found


def test_a_job_is_looked_at_cancelled_and_its_leavings_tried_again(line: Line) -> None:
    services = line.house.services
    with services.database.write() as uow:
        job = services.rescoring.rescore(uow, "basics", Ask(), None)
        part = jobs.take(uow, job.id)
        assert part is not None
        now = clock.now()
    for wait in (timedelta(0), *jobs.WAITS):
        now += wait + timedelta(seconds=1)
        with clock.freeze(now), services.database.write() as uow:
            held = part if wait == timedelta(0) else jobs.take(uow, job.id)
            assert held is not None
            failed = {line.calls[1]: "judge.away"} if line.calls[1] in held.conversations else {}
            assert jobs.deliver(uow, held, {"scored": len(held.conversations) - len(failed)}, failed)
    services.rescoring.work()
    told = line.json("scorecard", "job", job.id)
    assert told["state"] == "done"
    assert told["set_aside"] == [{"conversation": line.calls[1], "code": "judge.away", "attempts": 4}]
    shown = line.run("scorecard", "job", job.id).stdout
    assert f"Set aside: {line.calls[1]} judge.away, after 4 attempts." in shown
    assert f"candor scorecard retry {job.id}" in shown
    again = line.json("scorecard", "retry", job.id, "--processes", "1")
    assert (again["state"], again["done"], again["total"]) == ("done", 1, 1)
    assert "Nothing was set aside" in line.refused("scorecard", "retry", job.id)
    with services.database.write() as uow:
        open_job = services.rescoring.rescore(uow, "basics", Ask(), None)
    assert "cancelled: 0 of 4" in line.run("scorecard", "cancel", open_job.id).stdout
    assert "over already" in line.refused("scorecard", "cancel", open_job.id)
    assert line.json("scorecard", "job", open_job.id)["state"] == "cancelled"


def test_score_shows_and_keeps_nothing(line: Line) -> None:
    (told,) = line.json("score", line.calls[0])["evaluations"]
    assert (told["scorecard"], told["scorecard_version"], told["source"]) == ("basics", 1, "automatic")
    assert {answer["question"] for answer in told["answers"]} == {"greeting", "verify", "else"}
    assert "id" not in told
    shown = line.run("score", line.calls[0], "--scorecard", line.file("second.yaml", SECOND)).stdout
    assert "basics version 2" in shown
    assert "Does the agent greet?" in shown
    assert versions(line) == {1}
    assert line.refused("score", "nothing")
    assert line.refused("score", line.calls[0], "--scorecard", "nothing")


def judge_blind(line: Line, call: str) -> None:
    services, eva = line.house.services, line.house.person("eva")
    with services.database.write() as uow:
        form = services.evaluating.open(uow, eva, FormAsk(conversation_id=call, scorecard="basics"))
        for question in ("greeting", "verify", "else"):
            form, _ = services.evaluating.save(uow, eva, form.id, form.revision, question, {"verdict": "yes"})
        services.evaluating.submit(uow, eva, form.id, form.revision)


def test_evaluations_are_listed_and_drawn(line: Line) -> None:
    services = line.house.services
    with services.database.write() as uow:
        services.assigning.assign(uow, line.house.person("sam"), line.calls[0], scorecard="basics", evaluator="eva")
        services.assigning.assign(uow, line.house.person("sam"), line.calls[1], scorecard="basics")
    both = line.json("evaluations", "list")["assignments"]
    assert {each["conversation_id"] for each in both} == set(line.calls[:2])
    (eva,) = line.json("evaluations", "list", "--evaluator", "eva")["assignments"]
    (queue,) = line.json("evaluations", "list", "--evaluator", "queue")["assignments"]
    assert (eva["conversation_id"], queue["conversation_id"]) == (line.calls[0], line.calls[1])
    assert line.json("evaluations", "list", "--overdue")["assignments"] == []
    assert line.refused("evaluations", "list", "--evaluator", "nobody")
    table = line.run("evaluations", "list").stdout
    assert "queue" in table
    assert "eva" in table
    assert line.json("evaluations", "draw") == {"drawn": 0, "released": 0}
    assert "0 plans drawn, 0 evaluations released." in line.run("evaluations", "draw").stdout


def test_agreement_says_how_questions_stand(line: Line) -> None:
    for call in line.calls:
        judge_blind(line, call)
    with line.house.services.database.write() as uow:
        pairs.put_gate(uow, "basics", "greeting", Gate(threshold=0.6, least=50), by="ada")
    told = line.json("quality", "agreement", "basics")
    by_question = {each["question"]: each for each in told["questions"]}
    assert (told["scorecard"], told["version"]) == ("basics", 1)
    assert by_question["greeting"]["n"] == 4
    assert by_question["greeting"]["gate"]["least"] == 50
    table = line.run("quality", "agreement").stdout
    assert "greeting" in table
    assert line.refused("quality", "agreement", "nothing")


def test_gaps_of_everybody_and_of_one(line: Line) -> None:
    told = line.json("coaching", "gaps")
    assert {each["id"] for each in told["agents"]} >= {"a1", "a2"}
    (one,) = line.json("coaching", "gaps", "--agent", "a1", "--source", "automatic")["agents"]
    assert one["id"] == "a1"
    assert one["questions"]
    assert line.json("coaching", "gaps", "--team", "Nobody")["agents"] == []
    assert line.run("coaching", "gaps").returncode == 0
    assert line.refused("coaching", "gaps", "--agent", "nobody")
