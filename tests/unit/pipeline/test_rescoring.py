"""Rescoring what fails, what is destroyed meanwhile, and what was judged before: over real databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from candor.conversation.evaluation import Verdict
from candor.errors import Conflict, Unavailable
from candor.kit import clock
from candor.kit.database import UnitOfWork, metadata
from candor.pipeline import erasing
from candor.pipeline.rescoring import Ask, job_of
from candor.pipeline.scoring import Made, Material
from candor.scoring import automatic
from candor.scoring import store as scores
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard
from candor.scoring.rescoring import store as jobs
from candor.scoring.rescoring.store import Job, State
from tests.unit.pipeline.judged import SCORECARD, House

STRICTER = SCORECARD.replace("version: 1", "version: 2").replace("[anything else]", "[nobody says these words]")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, {"meaning": False})
    yield made
    made.close()


def simulated(house: House, text: str = STRICTER) -> Job:
    with house.services.database.write() as uow:
        return house.services.rescoring.simulate(uow, load_scorecard(text), text, Ask(), None)


def now(house: House, job: Job) -> Job:
    with house.services.database.read() as uow:
        return house.services.rescoring.job(uow, job.id, None)


class Failing:
    """Fails for some conversations, and works for all others as it always does."""

    def __init__(self, house: House, failing: set[str], error: Exception) -> None:
        self.scoring, self.failing, self.error, self.tried = house.services.scoring, failing, error, 0
        self.evaluate_all = self.scoring.evaluate

    def evaluate(self, scorecard: Scorecard, material: Material, *, suggested: tuple[str, ...] = ()) -> list[Made]:
        if material.conversation.id in self.failing:
            self.tried += 1
            raise self.error
        return self.evaluate_all(scorecard, material, suggested=suggested)


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unavailable("away", code="judge.away"), "judge.away"), (ZeroDivisionError(), "rescoring.ZeroDivisionError")],
)
def test_what_fails_is_tried_again_then_set_aside(
    house: House, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    ids = [house.call() for _ in range(4)]
    failing = Failing(house, {ids[2]}, error)
    monkeypatch.setattr(house.services.scoring, "evaluate", failing.evaluate)
    job = simulated(house)
    house.services.rescoring.work()
    begun = now(house, job)
    assert (begun.state, begun.done, begun.waiting, begun.aside) == (State.RUNNING, 3, 1, ())
    house.services.rescoring.work()
    assert failing.tried == 1  # its time has not come
    at = clock.now()
    for attempt, wait in enumerate(jobs.WAITS, 2):
        at += wait + timedelta(seconds=1)
        with clock.freeze(at):
            house.services.rescoring.work()
        assert failing.tried == attempt
    ended = now(house, job)
    assert ended.state is State.DONE
    assert [(one.conversation_id, one.code, one.attempts) for one in ended.aside] == [(ids[2], code, 4)]
    assert ended.result is not None
    assert (ended.result["scored"], ended.result["skipped"]) == (3, {code: 1})
    assert job_of(ended)["set_aside"] == [{"conversation": ids[2], "code": code, "attempts": 4}]
    # When what was in the way is mended, somebody says so.
    failing.failing.clear()
    with house.services.database.write() as uow:
        again = house.services.rescoring.retry(uow, job.id, None)
    house.services.rescoring.work()
    assert now(house, again).result["scored"] == 1  # type: ignore[index]
    assert now(house, job).aside == ()
    with house.services.database.write() as uow, pytest.raises(Conflict, match="Nothing was set aside"):
        house.services.rescoring.retry(uow, job.id, None)


def test_one_that_kills_who_works_on_it_is_found_and_set_aside(house: House) -> None:
    ids = [house.call() for _ in range(3)]
    job = simulated(house)
    at = clock.now()

    def taken() -> jobs.Part | None:
        """By a process that dies, or by one that delivers what does not kill it."""
        with house.services.database.write() as uow:
            part = jobs.take(uow, job.id)
            if part is not None and ids[1] not in part.conversations:
                assert jobs.deliver(uow, part, {"scored": len(part.conversations)})
        return part

    sizes = []
    for _ in range(30):
        with clock.freeze(at):
            while (part := taken()) is not None:
                sizes.append(len(part.conversations))
        at += jobs.HELD + timedelta(seconds=1)
    with house.services.database.read() as uow:
        left = uow.execute(select(jobs.rescoring_part.c.state).where(jobs.rescoring_part.c.state != "done")).all()
    found = now(house, job)
    assert left == []
    assert sizes.count(3) == jobs.SPLIT_AFTER
    assert sizes.count(1) == 2 + 1 + len(jobs.WAITS)  # two that live, and every attempt at the third
    assert [(one.conversation_id, one.code) for one in found.aside] == [(ids[1], jobs.DIED)]


def test_a_slow_part_is_not_taken_away(house: House) -> None:
    house.call()
    job = simulated(house)
    at = clock.now()
    with clock.freeze(at), house.services.database.write() as uow:
        part = jobs.take(uow, job.id)
        assert part is not None
    with clock.freeze(at + jobs.HELD - timedelta(seconds=1)), house.services.database.write() as uow:
        assert jobs.go_on(uow, part)
    with clock.freeze(at + jobs.HELD + timedelta(seconds=5)), house.services.database.write() as uow:
        assert jobs.take(uow, job.id) is None
        assert jobs.deliver(uow, part, {})
        assert not jobs.go_on(uow, part)


def rows_naming(uow: UnitOfWork, conversation_id: str) -> list[str]:
    """Tables of rescoring in which a conversation is named, in any column."""
    return [
        table.name
        for table in (jobs.rescoring, jobs.rescoring_part, jobs.rescoring_conversation)
        for row in uow.execute(select(table))
        if any(conversation_id in str(value) for value in row)
    ]


def test_results_forget_what_is_destroyed(house: House) -> None:
    house.call()
    gone = house.call()
    job = simulated(house, SCORECARD.replace("version: 1", "version: 2").replace("pass_mark: 70", "pass_mark: 1"))
    house.services.rescoring.work()
    flipped = now(house, job).result["flipped"]  # type: ignore[index]
    assert {each["conversation"] for each in flipped} >= {gone}
    with house.services.database.write() as uow:
        erasing.erase(uow, house.services.replay.index, gone)
        assert rows_naming(uow, gone) == []
    after = now(house, job)
    assert after.result is not None
    assert after.result["scored"] == 2  # what was counted stays counted, and names nobody
    assert [each["conversation"] for each in after.result["flipped"]] == [
        each["conversation"] for each in flipped if each["conversation"] != gone
    ]
    assert gone not in json.dumps(job_of(after))


def test_a_person_stays_shown_when_rules_judge_again(house: House) -> None:
    """The list shows a person's word before and after; what is measured of rules is the new version's."""
    one = house.call()
    with house.services.database.write() as uow:
        house.services.scores.override(
            uow, one, "basics", "else", Verdict.YES, "She asks at the end.", house.person("sam")
        )  # fmt: skip
        house.services.scorecards.publish_text(uow, STRICTER, None)
    by_person = in_list(house, one)
    with house.services.database.write() as uow:
        job = house.services.rescoring.rescore(uow, "basics", Ask(), None)
    house.services.rescoring.work()
    assert now(house, job).state is State.DONE
    assert in_list(house, one) == by_person
    assert by_person[1] == "human"
    measured = metadata.tables["measured_evaluation"]
    with house.services.database.read() as uow:
        found = {
            row.source: row.version for row in uow.execute(select(measured).where(measured.c.scorecard == "basics"))
        }
        standing = scores.list_evaluations(uow, one)
        many = automatic.standing(uow, [one])
    assert found == {"automatic": 2, "human": 1}
    assert many == {one: standing}


def in_list(house: House, conversation_id: str) -> tuple[float, str]:
    table = metadata.tables["conversation_index"].c
    with house.services.database.read() as uow:
        row = uow.execute(select(table.score, table.score_source).where(table.id == conversation_id)).one()
    return row.score, row.score_source


def test_progress_and_cancel_between_parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PART", 2)
    for _ in range(6):
        house.call()
    job = simulated(house)
    assert house.services.rescoring.help()
    assert now(house, job).progress == pytest.approx(1 / 3)
    with house.services.database.write() as uow:
        held = jobs.take(uow, job.id)
        assert held is not None
        ended = house.services.rescoring.cancel(uow, job.id, None)
    assert (ended.state, ended.done) == (State.CANCELLED, 2)
    assert not house.services.rescoring.help()
    with house.services.database.write() as uow:
        assert not jobs.deliver(uow, held, {})
