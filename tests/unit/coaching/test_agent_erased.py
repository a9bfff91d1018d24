"""An agent who asks for erasure: sessions, private notes, plans and courses go; by a name alone nothing does."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from candor import wiring
from candor.coaching.model import ClipKind, Goal
from candor.kit.database import metadata
from candor.pipeline.coaching import Draft
from candor.pipeline.holding import Wanted
from candor.pipeline.library import NewClip
from candor.pipeline.subject_requests import Asked
from candor.vault.disposal import tombstones
from candor.vault.requests import store as requests
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import RequestKind
from candor.vault.store import data_key
from tests.unit.coaching.house import House, opened
from tests.unit.coaching.test_courses import COURSE, replace

TABLES = ("coaching_session", "coaching_plan", "course_assignment", "course_attempt", "clip")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[House, Any]]:
    with opened(tmp_path / "data") as (house, move):
        for agent, login in (("a1", "dana"), ("a2", "eli")):
            coached(house, agent, login)
        yield house, move


def coached(house: House, agent: str, login: str) -> str:
    """A plan, a shared session with private notes and a clip of its own, a course with an attempt."""
    coaching, library, coach = house.services.coaching, house.services.library, house.who("trainer")
    plan = coaching.begin_plan(agent, "Warmer", "A warmer opening", None, coach)
    made = coaching.draft(agent, Draft(title="Greet", goals=(Goal(words="Greet"),)), coach, plan.id)
    library.add(
        NewClip(
            conversation_id=house.call(agent), start=3, end=9, kind=ClipKind.CAUTIONARY, title="So not",
            session_id=made.id,
        ), coach,
    )  # fmt: skip
    coaching.write_notes(made.id, "Go gently.", coach)
    coaching.share(made.id, coach)
    course = library.put_course(replace(COURSE, id="", title=f"For {agent}", published_at=None), coach)
    library.publish(course.id, coach)
    library.assign(course.id, [agent], coach)
    library.submit(course.id, ((0,), (0, 1)), house.who(login))
    return made.id


def left(house: House) -> dict[str, list[str]]:
    """Of each table whose rows are there; of clips those of sessions."""
    with house.services.database.read() as uow:
        return {
            name: sorted(uow.execute(sa.select(metadata.tables[name].c.agent_id)).scalars()) for name in TABLES
        }  # fmt: skip


def asked(house: House, *keys: tuple[IdKind, str]) -> str:
    verbs = house.services.subject_requests
    made = verbs.receive(Asked(kind=RequestKind.ERASURE, name="Dana", keys=keys), by="t")
    verbs.verify(made.id, by="t", how="passport")
    verbs.erase(made.id, by="t")
    return made.id


def has_key(uow: Any, owner: str) -> bool:
    return uow.execute(sa.select(data_key).where(data_key.c.object_id == owner)).first() is not None


def words(house: House, request: str) -> list[str]:
    with house.services.database.read() as uow:
        return [each.words for each in requests.steps(uow, request)]


def test_what_is_about_an_agent_goes_and_its_keys_with_it(place: tuple[House, Any]) -> None:
    house, _ = place
    assert left(house) == {name: ["a1", "a2"] for name in TABLES}
    with house.services.database.read() as uow:
        table = metadata.tables["coaching_session"]
        (gone,) = uow.execute(sa.select(table.c.id).where(table.c.agent_id == "a1")).scalars()
        assert has_key(uow, gone)
    request = asked(house, (IdKind.ACCOUNT, "a1"))
    assert left(house) == {name: ["a2"] for name in TABLES}
    assert (
        "Of them as an agent: 1 coaching sessions, 1 plans, 1 records of courses destroyed."
        in words(house, request)[-1]
    )
    with house.services.database.read() as uow:
        assert not has_key(uow, gone), "no copy of it opens any more"


def test_a_restored_backup_does_not_bring_it_back(place: tuple[House, Any]) -> None:
    house, _ = place
    kept = house.settings.data.parent / "as it was.db"
    with closing(sqlite3.connect(house.settings.data / "candor.db")) as now, closing(sqlite3.connect(kept)) as then:
        now.backup(then)
    asked(house, (IdKind.ACCOUNT, "a1"))
    stones, broken = tombstones.read(house.settings.data / tombstones.FILENAME)
    assert (len(stones), broken) == (2, 0), "one of the session, one of the plan"
    house.close()
    for each in house.settings.data.glob("candor.db*"):
        each.unlink()
    shutil.copy(kept, house.settings.data / "candor.db")
    again = wiring.open_services(house.settings)
    house.services = again
    assert left(house)["coaching_session"] == ["a1", "a2"], "the backup has it"
    again.disposing.reapply(stones)
    found = left(house)
    assert (found["coaching_session"], found["coaching_plan"], found["clip"]) == (["a2"], ["a2"], ["a2"])


def test_a_customer_of_an_agents_name_takes_nothing_of_the_agents(place: tuple[House, Any]) -> None:
    house, _ = place
    asked(house, (IdKind.NAME, "Dana"), (IdKind.NUMBER, "+12025550143"))
    kept = left(house)
    assert kept.pop("clip") == [], "their own conversation went, and its clips with it"
    assert kept == {name: ["a1", "a2"] for name in TABLES[:-1]}


def test_a_legal_hold_about_the_agent_keeps_it_until_it_is_released(place: tuple[House, Any]) -> None:
    house, move = place
    hold = house.services.holding.place(
        Wanted(case="Dana v us", reason="a lawsuit", people=[(IdKind.ACCOUNT, "a1")]), by="t"
    )
    request = asked(house, (IdKind.ACCOUNT, "a1"))
    assert left(house)["coaching_session"] == ["a1", "a2"]
    assert words(house, request)[-1] == "Kept until a legal hold is over: their coaching as an agent."
    move(timedelta(days=2))
    later = coached(house, "a1", "dana")
    house.services.holding.release(hold.id, by="t", reason="settled")
    house.services.subject_requests.resume()
    with house.services.database.read() as uow:
        table = metadata.tables["coaching_session"]
        found = uow.execute(sa.select(table.c.id).where(table.c.agent_id == "a1")).scalars().all()
    assert found == [later], "what came after they had asked is not part of it"
