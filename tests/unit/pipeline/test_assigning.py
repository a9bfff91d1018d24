"""Plans are drawn once a period, whatever dies; assignments go to people who may have them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from candor.audit import service as audit
from candor.conversation.evaluation import Occasion
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.evaluating import Ask
from candor.replay import judged
from candor.replay.model import Scope, scope_of
from candor.scoring.assignments import store
from candor.scoring.assignments.model import Assignment, AssignmentState
from candor.scoring.sampling import Per, Plan, Stratum, Target, TargetKind
from tests.conftest import ROOT
from tests.peers import preloaded
from tests.unit.pipeline.judged import House

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
YESTERDAY = NOW - timedelta(days=1)
PLAN = Plan(id="", name="Daily", scorecard="basics", per=Per.DAY, per_agent=2)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def noon() -> Iterator[Any]:
    with clock.freeze(NOW) as advance:
        yield advance


def planned(house: House, who: str = "ada", **values: Any) -> Plan:
    with house.services.database.write() as uow:
        return house.services.assigning.save_plan(uow, house.person(who), replace(PLAN, **values))


def listed(house: House, who: str = "ada", **values: Any) -> list[Assignment]:
    with house.services.database.read() as uow:
        rows = judged.list_assignments(uow, scope_of(house.person(who)), **values)
    return [row.assignment for row in rows]


def test_a_plan_is_drawn_once_when_its_period_is_over(house: House, noon: Any) -> None:
    for agent in ("a1", "a2"):
        for hour in range(4):
            house.call(agent, at=YESTERDAY - timedelta(hours=hour))
    house.call("a1", at=NOW - timedelta(hours=1))
    plan = planned(house, evaluators=("eva", "max"))
    assert house.services.assigning.draw_due() == 1
    assert house.services.assigning.draw_due() == 0
    made = listed(house)
    assert len(made) == 4
    assert {one.period for one in made} == {"2026-03-03"}
    assert all(one.due_at == NOW + timedelta(days=7) for one in made)
    # Max took calls as a2: those go to Eva.
    assert {one.evaluator for one in made if one.agent_id == "a2"} == {"eva"}
    assert {one.evaluator for one in made if one.agent_id == "a1"} <= {"eva", "max"}
    noon(timedelta(days=1))
    assert house.services.assigning.draw_due() == 1
    with house.services.database.read() as uow:
        newest, before = store.list_draws(uow, plan.id)
        actors = {line.actor for line in audit.entries(uow) if line.event.startswith("evaluation:plan:draw")}
    assert (newest.period, newest.picked, [short.what for short in newest.shortfalls]) == (
        "2026-03-04", 1, ["agent a1"],
    )  # fmt: skip
    assert (before.period, before.picked, before.candidates, len(before.seed)) == ("2026-03-03", 4, 8, 32)
    assert actors == {"system"}


def test_a_draw_by_hand_counts_when_the_period_is_over(house: House, noon: Any) -> None:
    for hour in range(1, 9):
        house.call("a1", at=NOW - timedelta(hours=hour))
    plan = planned(house, per_agent=3)
    with house.services.database.write() as uow:
        first = house.services.assigning.draw_now(uow, house.person("ada"), plan.id)
        again = house.services.assigning.draw_now(uow, house.person("ada"), plan.id)
    assert (first.number, first.picked, again.number, again.picked) == (1, 3, 2, 0)
    noon(timedelta(days=1))
    house.services.assigning.draw_due()
    assert len(listed(house)) == 3


def test_targets_find_findings_words_categories_and_critical_failures(house: House) -> None:
    dead = house.call("a1", at=YESTERDAY, findings=("dead_air",))
    house.call("a1", at=YESTERDAY, scored=False)
    targets = tuple(
        Target(kind=kind, value=value, count=9)
        for kind, value in (
            (TargetKind.FINDING, "dead_air"),
            (TargetKind.WORDS, '"charged twice"'),
            (TargetKind.CATEGORY, "repeat_contact"),
            (TargetKind.CRITICAL, ""),
            (TargetKind.SCORE_BELOW, "99"),
            (TargetKind.FINDING, "dead"),
        )
    )
    planned(house, per_agent=0, targets=targets[:1])
    house.services.assigning.draw_due()
    assert [one.conversation_id for one in listed(house)] == [dead]
    with house.services.database.read() as uow:
        period, _ = house.services.assigning.preview(uow, house.person("ada"), replace(PLAN, targets=targets))
        from candor.replay.candidates import matching

        found = [len(matching(uow, target, period)) for target in targets]
    assert found == [1, 2, 2, 1, 1, 0]


def test_a_preview_keeps_nothing(house: House) -> None:
    house.call("a1", at=YESTERDAY)
    with house.services.database.write() as uow:
        period, found = house.services.assigning.preview(
            uow, house.person("sam"), replace(PLAN, strata=(Stratum.QUEUE,))
        )
    assert (period.key, [one.why for one in found.picks]) == ("2026-03-03", ["random: queue=bills"])
    assert listed(house) == []


def test_a_plan_reaches_as_far_as_its_owner_and_no_longer(house: House) -> None:
    inside = house.call("a1", at=YESTERDAY)
    house.call("a7", at=YESTERDAY, team="Elsewhere")
    planned(house, "sam", per_agent=9)
    house.services.assigning.draw_due()
    assert [one.conversation_id for one in listed(house)] == [inside]
    with house.services.database.write() as uow:
        house.services.access.people.set_active(uow, "sam", active=False)
    with clock.freeze(NOW + timedelta(days=1)):
        house.call("a1", at=NOW)
        house.services.assigning.draw_due()
        assert len(listed(house)) == 1


def test_plans_are_their_owner_s_and_checked(house: House) -> None:
    plan = planned(house, "ada")
    with house.services.database.write() as uow:
        with pytest.raises(NotFound):
            house.services.assigning.plan(uow, house.person("sam"), plan.id)
        with pytest.raises(Forbidden):
            house.services.assigning.save_plan(uow, house.person("eva"), PLAN)
        with pytest.raises(InvalidInput):
            house.services.assigning.save_plan(uow, house.person("ada"), replace(PLAN, scorecard="none"))
        with pytest.raises(InvalidInput):
            house.services.assigning.save_plan(uow, house.person("ada"), replace(PLAN, evaluators=("dana",)))
    assert [one.plan.id for one in _plans(house, "ada")] == [plan.id]
    assert _plans(house, "sam") == ()


def _plans(house: House, who: str) -> Any:
    with house.services.database.read() as uow:
        return house.services.assigning.plans(uow, house.person(who))


def test_self_evaluations_are_asked_of_agents_who_have_a_log_in(house: House) -> None:
    house.call("a1", at=YESTERDAY)
    house.call("a9", at=YESTERDAY)
    planned(house, self_evaluation=True)
    house.services.assigning.draw_due()
    own = [one for one in listed(house) if one.occasion is Occasion.SELF]
    assert [(one.evaluator, one.agent_id) for one in own] == [("dana", "a1")]


def test_from_the_queue_to_done(house: House) -> None:
    call = house.call("a1", at=YESTERDAY)
    planned(house, per_agent=1)
    house.services.assigning.draw_due()
    (one,) = listed(house, in_queue=True)
    services = house.services
    with services.database.write() as uow:
        form = services.evaluating.begin(uow, house.person("eva"), one.id)
    with services.database.write() as uow, pytest.raises(Conflict):
        services.assigning.take(uow, house.person("max"), one.id)
    for question in ("greeting", "verify", "else"):
        with services.database.write() as uow:
            form, _ = services.evaluating.save(
                uow, house.person("eva"), form.id, form.revision, question, {"verdict": "yes"}
            )
    with services.database.write() as uow:
        made = services.evaluating.submit(uow, house.person("eva"), form.id, form.revision)
    (done,) = listed(house, state=AssignmentState.DONE)
    assert (done.evaluator, done.evaluation_id, done.conversation_id) == ("eva", made.id, call)


def test_decline_reassign_and_withdraw_with_reasons(house: House) -> None:
    call = house.call("a2", at=YESTERDAY)
    services, who = house.services, house.person
    with services.database.write() as uow:
        assigning = services.assigning
        with pytest.raises(Forbidden):
            assigning.assign(uow, who("ada"), call, scorecard="basics", evaluator="max")
        with pytest.raises(InvalidInput):
            assigning.assign(uow, who("ada"), call, scorecard="basics", evaluator="dana")
        with pytest.raises(Forbidden):
            assigning.assign(uow, who("eva"), call, scorecard="basics")
        one = assigning.assign(uow, who("sam"), call, scorecard="basics", evaluator="eva", due_days=1)
        assert {person.user_id for person in assigning.able(uow, [one])[one.id]} == {"eva", "ada", "sam"}
        with pytest.raises(InvalidInput):
            assigning.decline(uow, who("eva"), one.id, " ")
        with pytest.raises(NotFound):
            assigning.decline(uow, who("ada"), one.id, "not mine")
        back = assigning.decline(uow, who("eva"), one.id, "I know the customer.")
        assert (back.evaluator, back.reason) == (None, "I know the customer.")
        given = assigning.reassign(uow, who("sam"), one.id, "ada", due_days=3)
        assert given.due_at == NOW + timedelta(days=3)
        assert store.load(uow) == {"ada": 1}
        assigning.withdraw(uow, who("sam"), one.id, "The call was a test.")
        with pytest.raises(Conflict):
            assigning.reassign(uow, who("sam"), one.id, "eva")
    with clock.freeze(NOW + timedelta(days=9)):
        assert listed(house) == []


def test_gradings_are_assigned_to_somebody_else(house: House) -> None:
    call = house.call("a1", at=YESTERDAY)
    services, who = house.services, house.person
    with services.database.write() as uow:
        form = services.evaluating.open(uow, who("eva"), Ask(conversation_id=call, scorecard="basics"))
        for question in ("greeting", "verify", "else"):
            form, _ = services.evaluating.save(uow, who("eva"), form.id, form.revision, question, {"verdict": "no"})
        made = services.evaluating.submit(uow, who("eva"), form.id, form.revision)
        with pytest.raises(Forbidden):
            services.assigning.assign(
                uow, who("ada"), call, scorecard="", evaluator="eva", occasion=Occasion.GRADING, about=made.id
            )
        one = services.assigning.assign(
            uow, who("ada"), call, scorecard="", evaluator="max", occasion=Occasion.GRADING, about=made.id
        )
        assert one.scorecard == "basics"
        assert services.evaluating.begin(uow, who("max"), one.id).about == made.id


def test_waiting_counts_what_one_can_do(house: House) -> None:
    house.call("a1", at=YESTERDAY)
    own = house.call("a2", at=YESTERDAY)
    planned(house, per_agent=1, due_days=1)
    house.services.assigning.draw_due()
    with house.services.database.read() as uow:
        everyone = judged.waiting(uow, Scope(), "eva", None, evaluates=True, reviews=True, answers=False)
        as_a2 = judged.waiting(uow, Scope(), "max", "a2", evaluates=True, reviews=True, answers=False)
    assert (everyone.queue, as_a2.queue) == (2, 1)
    (mine,) = [one for one in listed(house) if one.conversation_id == own]
    with house.services.database.write() as uow:
        house.services.assigning.take(uow, house.person("eva"), mine.id)
    with clock.freeze(NOW + timedelta(days=2)), house.services.database.read() as uow:
        late = judged.waiting(uow, Scope(), "eva", None, evaluates=True, reviews=True, answers=False)
    assert (late.mine, late.overdue, late.queue) == (1, 1, 1)


CHILD = """
import sys
from pathlib import Path
from datetime import datetime
from candor.kit import clock
from candor.settings import Settings
from candor import wiring
services = wiring.open_services(Settings(data=Path(sys.argv[1]), recorder=False))
with clock.freeze(datetime.fromisoformat(sys.argv[2])):
    print("ready", flush=True)
    while True:
        services.assigning.draw_due()
"""


def test_killed_while_drawing_and_drawn_by_several_it_is_drawn_once(house: House) -> None:
    for hour in range(12):
        house.call("a1", at=YESTERDAY - timedelta(hours=hour % 10))
    for n in range(6):
        planned(house, name=f"Plan {n}", per_agent=5)
    command = [sys.executable, "-c", CHILD, str(house.folder / "data"), NOW.isoformat()]
    children = [preloaded.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    time.sleep(0.05)
    for child in children:
        child.kill()
        child.communicate()
    house.services.assigning.draw_due()
    made = listed(house)
    assert len(made) == 30
    assert len({(one.plan_id, one.conversation_id) for one in made}) == 30
