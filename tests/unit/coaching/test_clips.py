"""Clips are redacted stretches that go with their conversation; copies stay only as far as they may."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from candor.coaching import library
from candor.coaching.library import Wanted
from candor.coaching.model import Choice, Clip, ClipKind, Course, Lesson
from candor.consent import custody
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import metadata
from candor.kit.sound import FlacReader
from candor.pipeline import purposes
from candor.pipeline import store as artifacts
from candor.pipeline.disposing import Order
from candor.pipeline.holding import Wanted as HoldWanted
from candor.pipeline.library import NewClip
from candor.pipeline.shelf import RESIDUE
from candor.pipeline.subject_requests import Asked
from candor.redaction.residue import Residue
from candor.vault.disposal import store as disposals
from candor.vault.disposal.store import Why
from candor.vault.requests import store as request_store
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import RequestKind
from candor.wiring.coaching import destroy_copies
from tests.unit.coaching.house import RATE, SECONDS, House, opened, samples

RETENTION = Order(why=Why.RETENTION, by="t", basis="its time was over")
TEL = "+12025550143"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "data") as (made, _):
        yield made


def cut(house: House, call: str, who: str = "trainer", **more: Any) -> Clip:
    given: dict[str, Any] = {"start": 3.0, "end": 9.0, "kind": ClipKind.EXEMPLARY, "title": "A good greeting"}
    return house.services.library.add(NewClip(conversation_id=call, **(given | more)), house.who(who))


def listed(house: House, who: str = "trainer", **wanted: Any) -> list[str]:
    with house.services.database.read() as uow:
        return [each.id for each in house.services.library.clips(uow, Wanted(**wanted), house.who(who))]


def count(house: House, *tables: str) -> list[int]:
    with house.services.database.read() as uow:
        queries = [sa.select(sa.func.count()).select_from(metadata.tables[each]) for each in tables]
        return [uow.execute(each).scalar_one() for each in queries]


def test_a_clip_is_the_stretch_and_nothing_else(house: House) -> None:
    made = cut(house, house.call(), tags=("Opening ", "opening"), measures=("desk/greeting",))
    with house.services.database.read() as uow:
        content = house.services.library.content(uow, made)
    assert [(each.role, each.text) for each in content.lines] == [("agent", "good morning caller how can i help")]
    assert content.lines[0].start == pytest.approx(1.0)
    assert content.sound is not None
    with FlacReader(io.BytesIO(content.sound)) as reader:
        heard = reader.window(0, reader.frames)
    assert len(heard) == 6 * RATE
    np.testing.assert_allclose(heard, samples()[3 * RATE : 9 * RATE], atol=1e-4)
    assert content.peaks.count == 600
    assert listed(house, tag="opening") == listed(house, measures=("desk/greeting",)) == [made.id]
    assert listed(house, kinds=(ClipKind.CAUTIONARY,)) == []


@pytest.mark.parametrize(("start", "end"), [(5, 5), (9, 3), (-1, 5), (0, 0.5), (SECONDS + 1, SECONDS + 9)])
def test_a_stretch_that_is_none_is_refused(house: House, start: float, end: float) -> None:
    with pytest.raises(InvalidInput):
        cut(house, house.call(), start=start, end=end)


def test_a_written_conversation_has_clips_without_sound(house: House) -> None:
    made = cut(house, house.call(sound=False))
    with house.services.database.read() as uow:
        content = house.services.library.content(uow, made)
        with pytest.raises(NotFound):
            _ = content.peaks
    assert (content.sound, len(content.lines)) == (None, 1)


def test_who_may_cut_and_who_hears(house: House) -> None:
    call = house.call("a2")
    for who in ("dana", "evaluator"):
        with pytest.raises(Forbidden):
            cut(house, call, who)
    with pytest.raises(NotFound):
        cut(house, call, "coach2")
    good, bad = cut(house, call), cut(house, call, kind=ClipKind.CAUTIONARY)
    assert set(listed(house, "supervisor")) == {good.id, bad.id}
    assert listed(house, "dana") == [good.id], "agents hear what is exemplary"
    assert listed(house, "auditor") == []
    course = given_course(house, bad.id)
    assert set(listed(house, "dana")) == {good.id, bad.id}, "and what a course of theirs has"
    assert listed(house, "eli") == [good.id]
    assert course.lessons[0].clip == bad.id


def given_course(house: House, clip_id: str, **more: Any) -> Course:
    boss = house.who("trainer")
    held = house.services.library.put_course(
        Course(
            id="", title="Opening", about="", measures=("desk/greeting",), lessons=(Lesson(clip=clip_id),),
            quiz=(Choice(text="First?", options=("Greet", "Ask"), right=(0,)),), pass_mark=100, attempts=2, by="",
            created_at=clock.now(), published_at=None, retired_at=None, **more,
        ), boss,
    )  # fmt: skip
    house.services.library.publish(held.id, boss)
    house.services.library.assign(held.id, ["a1"], boss)
    return held


def test_a_clip_goes_with_its_conversation_and_nothing_of_it_stays(house: House) -> None:
    call, other = house.call(), house.call()
    gone, stays = cut(house, call, tags=("t",)), cut(house, other)
    house.services.disposing.destroy(call, RETENTION)
    assert listed(house) == [stays.id]
    assert count(house, "clip", "clip_label") == [1, 0]
    with house.services.database.read() as uow, pytest.raises(NotFound):
        house.services.library.content(uow, gone)


def test_while_a_conversation_is_quarantined_its_clips_are_not_there(house: House) -> None:
    call = house.call()
    made = cut(house, call)
    with house.services.database.write() as uow:
        custody.put(uow, held(call))
    assert listed(house) == []
    with house.services.database.read() as uow, pytest.raises(NotFound):
        house.services.library.content(uow, made)
    with pytest.raises((Conflict, NotFound)):
        cut(house, call)
    with house.services.database.write() as uow:
        custody.resolve(uow, call, by="t", reason="the form was found")
    assert listed(house) == [made.id]


def held(call: str) -> custody.Custody:
    return custody.Custody(
        conversation_id=call, started_at=clock.now(), state=custody.CustodyState.QUARANTINED, level=4,
        why="No proof of consent.", decision="{}", proof="{}", since=clock.now(),
    )  # fmt: skip


def test_a_purpose_that_allows_no_use_takes_clips_away(house: House) -> None:
    call = house.call()
    cut(house, call)
    with house.services.database.write() as uow:
        purposes.forget_uses(uow, conversation_id=call)
    assert count(house, "clip") == [0]


def test_sound_that_is_set_aside_is_not_in_clips_either(house: House) -> None:
    call = house.call()
    made = cut(house, call)
    with house.services.database.write() as uow:
        residue = Residue(seconds=20.0, found=2, rounds=3, left=1)
        artifacts.put_artifact(uow, call, RESIDUE, value=asdict(residue))
        with pytest.raises(NotFound):
            house.services.library.content(uow, made)


# ---- copies ----


def test_without_a_policy_no_copy_outlives_its_conversation(house: House) -> None:
    with pytest.raises(Conflict) as told:
        cut(house, house.call(), keep=True)
    assert told.value.code == "clip.policy"


def test_a_copy_stays_when_its_time_is_over_and_goes_at_its_own_end(tmp_path: Path) -> None:
    with opened(tmp_path / "data", training_copy_days=30) as (house, move):
        call = house.call()
        kept, plain = cut(house, call, keep=True), cut(house, call)
        house.services.disposing.destroy(call, RETENTION)
        house.services.disposing.finish(patience=60)
        assert listed(house) == [kept.id]
        assert plain.id not in listed(house)
        with house.services.database.read() as uow:
            content = house.services.library.content(uow, kept)
            again = library.get_clip(uow, kept.id, lambda u, o, c: house.services.shelf.vault.fields(u, o, create=c))
        assert content.sound is not None
        assert (content.lines[0].text, again.title) == ("good morning caller how can i help", "A good greeting")
        move(timedelta(days=29))
        assert destroy_copies(house.services) == 0
        move(timedelta(days=1))
        assert listed(house) == [], "over, whether or not the chore has been"
        assert destroy_copies(house.services) == 1
        assert count(house, "clip", "clip_person") == [0, 0]
        assert kept.copy_id is not None
        assert kept.copy_id not in {name for name, _ in house.services.shelf.vault.objects.names()}
        with house.services.database.read() as uow:
            assert disposals.is_destroyed(uow, kept.id), "a backup that has it is told so"


@pytest.mark.parametrize("why", [Why.REQUEST, Why.QUARANTINE])
def test_no_copy_stays_when_somebody_asked_or_consent_is_missing(tmp_path: Path, why: Why) -> None:
    with opened(tmp_path / "data", training_copy_days=30) as (house, _):
        call = house.call()
        made = cut(house, call, keep=True)
        house.services.disposing.destroy(call, replace(RETENTION, why=why))
        assert count(house, "clip") == [0]
        assert made.copy_id not in {name for name, _ in house.services.shelf.vault.objects.names()}


def erased(house: House) -> None:
    requests = house.services.subject_requests
    asked = requests.receive(
        Asked(
            kind=RequestKind.ERASURE, name="Julia Marsh", contact="post", law=None, keys=[(IdKind.NUMBER, TEL)],
            received_on=None,
        ), by="t",
    )  # fmt: skip
    requests.verify(asked.id, by="t", how="passport")
    requests.erase(asked.id, by="t")


def test_erasure_reaches_a_copy_whose_conversation_is_long_gone(tmp_path: Path) -> None:
    with opened(tmp_path / "data", training_copy_days=300) as (house, _):
        theirs, others = house.call(), house.call(tel="+12125550199")
        one, two = cut(house, theirs, keep=True), cut(house, others, keep=True)
        for each in (theirs, others):
            house.services.disposing.destroy(each, RETENTION)
        assert set(listed(house)) == {one.id, two.id}
        erased(house)
        assert listed(house) == [two.id]


def test_a_legal_hold_about_somebody_keeps_copies_of_theirs(tmp_path: Path) -> None:
    with opened(tmp_path / "data", training_copy_days=30) as (house, move):
        call = house.call()
        made = cut(house, call, keep=True)
        house.services.disposing.destroy(call, RETENTION)
        hold = house.services.holding.place(
            HoldWanted(case="Marsh v us", reason="a lawsuit", people=[(IdKind.NUMBER, TEL)]), by="t"
        )
        erased(house)
        move(timedelta(days=40))
        assert destroy_copies(house.services) == 0
        assert count(house, "clip") == [1]
        house.services.holding.release(hold.id, by="t", reason="settled")
        assert destroy_copies(house.services) == 1
        assert made.id not in listed(house)


def test_what_a_hold_kept_of_an_erasure_goes_when_it_is_released(tmp_path: Path) -> None:
    with opened(tmp_path / "data", training_copy_days=300) as (house, move):
        call = house.call()
        made = cut(house, call, keep=True)
        house.services.disposing.destroy(call, RETENTION)
        hold = house.services.holding.place(
            HoldWanted(case="Marsh v us", reason="a lawsuit", people=[(IdKind.NUMBER, TEL)]), by="t"
        )
        erased(house)
        requests = house.services.subject_requests
        move(timedelta(days=1))
        requests.resume()
        assert listed(house) == [made.id], "the hold stands"
        later = house.call()
        of_later = cut(house, later, keep=True)
        house.services.holding.release(hold.id, by="t", reason="settled")
        house.services.disposing.destroy(later, RETENTION)
        requests.resume()
        assert listed(house) == [of_later.id], "it came after they had asked"
        assert made.copy_id not in {name for name, _ in house.services.shelf.vault.objects.names()}
        with house.services.database.read() as uow:
            (asked,) = request_store.listed(uow)
            told = [each.words for each in request_store.steps(uow, asked.id)]
            assert request_store.held_back(uow) == []
        assert told[-2:] == [
            "Kept until a legal hold is over: 1 training copies.", "1 training copies destroyed.",
        ]  # fmt: skip
        requests.resume()
        assert listed(house) == [of_later.id]


def test_under_a_hold_nothing_is_destroyed_at_all(house: House) -> None:
    call = house.call()
    made = cut(house, call)
    house.services.holding.place(HoldWanted(case="A v B", reason="a lawsuit", conversations=[call]), by="t")
    with pytest.raises(Conflict):
        house.services.disposing.destroy(call, RETENTION)
    assert listed(house) == [made.id]


# ---- courses ----


def test_a_course_is_taken_failed_and_completed(house: House) -> None:
    shelf, dana = house.services.library, house.who("dana")
    held = given_course(house, cut(house, house.call()).id)
    with pytest.raises(NotFound):
        shelf.submit(held.id, ((0,),), house.who("eli"))
    with pytest.raises(InvalidInput):
        shelf.submit(held.id, ((),), dana)
    shelf.start(held.id, dana)
    assert not shelf.submit(held.id, ((1,),), dana).passed
    assert shelf.submit(held.id, ((0,),), dana).passed
    with pytest.raises(Conflict):
        shelf.submit(held.id, ((0,),), dana)
    with house.services.database.read() as uow:
        own = shelf.assignments(uow, dana)
    assert [(each.attempts, each.score, each.completed_at is not None) for each in own] == [(2, 100.0, True)]
    courses, given, tries = shelf.records(house.who("trainer"))
    assert (list(courses), len(given), [each.passed for each in tries]) == ([held.id], 1, [False, True])
    with pytest.raises(Forbidden):
        shelf.records(dana)


def test_attempts_run_out_and_a_published_course_stays_what_it_was(house: House) -> None:
    shelf, dana, boss = house.services.library, house.who("dana"), house.who("trainer")
    held = given_course(house, cut(house, house.call()).id)
    for _ in range(2):
        shelf.submit(held.id, ((1,),), dana)
    with pytest.raises(Conflict) as told:
        shelf.submit(held.id, ((0,),), dana)
    assert told.value.code == "course.attempts"
    with pytest.raises(Conflict):
        shelf.put_course(held, boss)
    shelf.retire(held.id, boss)
    with pytest.raises(Conflict):
        shelf.assign(held.id, ["a2"], boss)


def test_a_course_is_given_to_those_within_reach_alone(house: House) -> None:
    held = given_course(house, cut(house, house.call()).id)
    with pytest.raises(NotFound):
        house.services.library.assign(held.id, ["a2"], house.who("coach2"))
    assert house.services.library.assign(held.id, ["a1", "a2"], house.who("supervisor")) == 1
    with house.services.database.read() as uow:
        assert house.services.library.assignments(uow, house.who("coach2")) == []


def test_playlists_hold_clips_of_the_library_in_their_order(house: House) -> None:
    shelf, boss, call = house.services.library, house.who("trainer"), house.call()
    one, two = cut(house, call), cut(house, call)
    made = shelf.put_playlist("Greetings", "", [two.id, one.id], boss)
    assert listed(house, ids=made.clips) == [two.id, one.id]
    with pytest.raises(InvalidInput):
        shelf.put_playlist("Others", "", ["nothing"], boss)
    with pytest.raises(Conflict):
        shelf.put_playlist("Greetings", "", [one.id], boss)
