"""A coaching session from draft to follow-up: who sees what, who may what, and what is sealed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from candor.audit import service as audit
from candor.coaching import store
from candor.coaching.model import Action, ClipKind, Goal, Session, State, Who
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.pipeline.coaching import Draft
from candor.pipeline.library import NewClip
from candor.replay.model import Scope
from tests.unit.coaching.house import House, opened

SECRET = "quixoticmarmalade"
DRAFT = Draft(
    title="Begin with a greeting", summary=f"You close well. {SECRET}",
    goals=(Goal(words="Greet everybody", measure="desk/greeting", target=0.8),),
    actions=(Action(id="mine", words="Listen", who=Who.AGENT), Action(id="yours", words="Sit beside", who=Who.COACH)),
)  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "data") as (made, _):
        made.call("a1")
        yield made


def shared(house: House) -> Session:
    boss = house.who("supervisor")
    return house.services.coaching.share(house.services.coaching.draft("a1", DRAFT, boss).id, boss)


def sees(house: House, login: str, session_id: str) -> bool:
    with house.services.database.read() as uow:
        try:
            house.services.coaching.get(uow, session_id, house.who(login))
        except NotFound:
            return False
        return True


def test_a_draft_is_the_coachs_alone_and_shared_it_is_the_agents_too(house: House) -> None:
    held = house.services.coaching.draft("a1", DRAFT, house.who("supervisor"))
    assert [who for who in ("supervisor", "trainer", "dana", "eli") if sees(house, who, held.id)] == ["supervisor"]
    house.services.coaching.share(held.id, house.who("supervisor"))
    seen = [who for who in ("supervisor", "trainer", "dana", "eli", "coach2", "evaluator") if sees(house, who, held.id)]
    assert seen == ["supervisor", "trainer", "dana"], "not other agents, nor another team's supervisor"


def test_the_way_from_draft_to_follow_up(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (house, move):
        house.days("a1", 12, 9, since=clock.now() - timedelta(days=10))
        coaching, boss, dana = house.services.coaching, house.who("supervisor"), house.who("dana")
        held = shared(house)
        with pytest.raises(Conflict):
            coaching.edit(held.id, DRAFT, boss, held.revision)
        with pytest.raises(Conflict):
            coaching.follow_up(held.id, "", boss, outcomes=())
        held = coaching.acknowledge(held.id, "I will.", dana)
        with pytest.raises(Conflict):
            coaching.acknowledge(held.id, "", dana)
        held = coaching.tick(held.id, "mine", dana, done=True)
        assert held.body.actions[0].done_on == clock.now().date()
        with pytest.raises(Forbidden):
            coaching.tick(held.id, "yours", dana, done=True)
        coaching.tick(held.id, "yours", boss, done=True)
        move(timedelta(days=10))
        house.days("a1", 12, 0, since=clock.now() - timedelta(days=5))
        with house.services.database.read() as uow:
            outcomes = house.services.gaps.outcomes(uow, Scope(), coaching.get(uow, held.id, boss))
        held = coaching.follow_up(held.id, "Well done.", boss, outcomes=outcomes)
        assert held.state is State.FOLLOWED_UP
        with house.services.database.read() as uow:
            again = coaching.get(uow, held.id, dana)
        assert [each.effect.verdict.value for each in again.body.outcomes] == ["better"]
        assert (again.body.comment, again.body.conclusion) == ("I will.", "Well done.")
        with pytest.raises(Conflict):
            coaching.tick(held.id, "mine", dana, done=False)
        with house.services.database.read() as uow:
            events = [each.event for each in audit.entries(uow, limit=100)]
        for event in ("draft", "share", "acknowledge", "change", "follow_up"):
            assert f"coaching:session:{event}" in events


def test_nobody_coaches_themselves_or_those_out_of_reach(house: House) -> None:
    coaching = house.services.coaching
    with pytest.raises(NotFound):
        coaching.draft("a1", DRAFT, house.who("coach2"))
    with pytest.raises(Forbidden):
        coaching.draft("a1", DRAFT, house.who("dana"))
    with pytest.raises(Forbidden):
        coaching.draft("a1", DRAFT, house.who("evaluator"))
    held = shared(house)
    with pytest.raises(Forbidden):
        coaching.acknowledge(held.id, "", house.who("supervisor"))
    with pytest.raises(NotFound):
        coaching.acknowledge(held.id, "", house.who("eli"))
    with pytest.raises(Forbidden):
        coaching.write_notes(held.id, "x", house.who("trainer"))


def test_private_notes_are_the_coachs_alone(house: House) -> None:
    coaching, held = house.services.coaching, shared(house)
    coaching.write_notes(held.id, SECRET, house.who("supervisor"))
    with house.services.database.read() as uow:
        told = {
            who: coaching.notes(uow, held, house.who(who)) for who in ("supervisor", "dana", "trainer", "administrator")
        }
    assert told == {"supervisor": SECRET, "dana": None, "trainer": None, "administrator": None}


def test_what_is_said_is_sealed_and_a_discarded_draft_is_gone(house: House) -> None:
    coaching, boss = house.services.coaching, house.who("supervisor")
    call = house.call("a1")
    held = coaching.draft("a1", DRAFT, boss)
    coaching.write_notes(held.id, SECRET, boss)
    clip = house.services.library.add(
        NewClip(
            conversation_id=call, start=0, end=5, kind=ClipKind.CAUTIONARY, title=SECRET, session_id=held.id
        ), boss,
    )  # fmt: skip
    coaching.set_clips(held.id, [clip.id], boss)
    raw = b"".join(each.read_bytes() for each in house.settings.data.glob("candor.db*"))
    assert SECRET.encode() not in raw
    coaching.discard(held.id, boss)
    with sqlite3.connect(house.settings.data / "candor.db") as connection:
        for table in ("coaching_session", "clip"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        keys = [row[0] for row in connection.execute("SELECT object_id FROM data_key")]
    connection.close()
    assert held.id not in keys


def test_two_who_change_a_draft_at_once_do_not_overwrite_one_another(house: House) -> None:
    coaching, boss = house.services.coaching, house.who("supervisor")
    held = coaching.draft("a1", DRAFT, boss)
    coaching.edit(held.id, DRAFT, boss, held.revision)
    with pytest.raises(Conflict) as told:
        coaching.edit(held.id, Draft(title="Something else", goals=DRAFT.goals), boss, held.revision)
    assert told.value.code == "coaching.revision"
    with house.services.database.read() as uow:
        assert coaching.get(uow, held.id, boss).body.title == DRAFT.title


@pytest.mark.parametrize(
    "wrong",
    [
        Draft(title=" "),
        Draft(title="x" * 301),
        Draft(title="x", summary="y" * 4001),
        Draft(title="x", days=3),
        Draft(title="x", goals=(Goal(words="g", measure="nonsense"),)),
        Draft(title="x", goals=(Goal(words="g", target=0.5),)),
        Draft(title="x", goals=(Goal(words="g", measure="desk/name", target=1.5),)),
        Draft(title="x", goals=(Goal(words="g"),) * 21),
    ],
)
def test_what_nobody_could_work_with_is_refused(house: House, wrong: Draft) -> None:
    with pytest.raises(InvalidInput):
        house.services.coaching.draft("a1", wrong, house.who("supervisor"))


def test_an_empty_session_is_not_shared(house: House) -> None:
    held = house.services.coaching.draft("a1", Draft(title="Nothing"), house.who("supervisor"))
    with pytest.raises(InvalidInput):
        house.services.coaching.share(held.id, house.who("supervisor"))


def test_templates_hold_goals_and_actions_and_nothing_of_the_agent(house: House) -> None:
    coaching, boss, held = house.services.coaching, house.who("supervisor"), shared(house)
    coaching.keep_template("Greeting", held.id, boss)
    coaching.keep_template("Greeting", held.id, boss)
    with house.services.database.read() as uow:
        found = coaching.templates(uow, house.who("trainer"))
        raw = uow.execute(store.coaching_template.select()).one().body
    assert [each.name for each in found] == ["Greeting"]
    assert (len(found[0].body.goals), len(found[0].body.actions)) == (1, 2)
    assert SECRET not in raw
    assert json.loads(raw)["summary"] == ""
    coaching.drop_template(found[0].id, boss)
    with pytest.raises(NotFound):
        coaching.drop_template(found[0].id, boss)


def test_a_plan_holds_sessions_and_courses_of_its_agent_alone(house: House) -> None:
    coaching, boss = house.services.coaching, house.who("supervisor")
    plan = coaching.begin_plan("a1", "Spring", "Warmer openings", None, boss)
    held = coaching.draft("a1", DRAFT, boss, plan.id)
    with pytest.raises(NotFound):
        coaching.draft("a2", DRAFT, boss, plan.id)
    with house.services.database.read() as uow:
        _, sessions, _ = coaching.plan(uow, plan.id, boss)
        _, seen, _ = coaching.plan(uow, plan.id, house.who("dana"))
    assert ([each.id for each in sessions], seen) == ([held.id], []), "the agent sees no draft"
    with house.services.database.read() as uow, pytest.raises((NotFound, Forbidden)):
        coaching.plan(uow, plan.id, house.who("eli"))
    coaching.close_plan(plan.id, boss)
    with pytest.raises(Conflict):
        coaching.close_plan(plan.id, boss)
