"""The projection of answers keeps up with every way by which evaluations come, change and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from candor.coaching.gaps import Standing, Tally, Verdict
from candor.coaching.model import ClipKind, Measure, Source
from candor.conversation.evaluation import Occasion
from candor.errors import InvalidInput, NotFound
from candor.pipeline.disposing import Order
from candor.replay import measured
from candor.replay.measured import Period
from candor.replay.model import Scope
from candor.scoring import store as scorecards
from candor.scoring.loader import load_scorecard
from candor.vault.disposal.store import Why
from candor.wiring.coaching import measure_missing
from tests.unit.coaching.house import CARD, START, House, opened

ALL = Period()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with opened(tmp_path / "data") as (made, _):
        yield made


def tallies(house: House, source: str = "automatic", scope: Scope = Scope()) -> dict[str, Tally]:  # noqa: B008
    with house.services.database.read() as uow:
        return {each.question: each.tally for each in measured.by_question(uow, scope, ALL, source)}


def test_automatic_and_human_answers_are_never_added_up(house: House) -> None:
    call = house.call(lost=("greeting",))
    with house.services.database.write() as uow:
        house.judge(uow, call, ("thanks",), human=True)
        house.services.replay.index.rescore(uow, call, house.services.shelf.evaluations(uow, call))
    assert tallies(house)["greeting"] == Tally(n=1, lost=1.0)
    assert tallies(house, "human") == {
        "greeting": Tally(n=1, lost=0.0), "name": Tally(n=1, lost=0.0), "thanks": Tally(n=1, lost=1.0),
    }  # fmt: skip


def test_only_quality_counts_and_no_answer_that_is_only_suggested(house: House) -> None:
    call = house.call()
    with house.services.database.write() as uow:
        made = house.judge(uow, call, ("thanks",), human=True)
        held = house.services.shelf.evaluations(uow, call)
        automatic = next(each for each in held if each.id != made.id)
        suggested = replace(
            automatic,
            answers=tuple(replace(each, suggested=each.question == "greeting") for each in automatic.answers),
        )
        others = [replace(made, occasion=each) for each in Occasion if each is not Occasion.QUALITY]
        of_a_leg = replace(made, segment="leg-2")
        house.services.replay.index.rescore(uow, call, (suggested, *others, of_a_leg))
    assert set(tallies(house)) == {"name", "thanks"}
    assert tallies(house, "human") == {}


def test_reach_is_applied(house: House) -> None:
    house.call("a1", team="Billing", queue="bills")
    house.call("a9", team="Sales", queue="deals")
    for scope, n in (
        (Scope(), 2), (Scope(teams=("Sales",)), 1), (Scope(teams=()), 0), (Scope(agent_ids=("a1",)), 1),
        (Scope(teams=(), queues=("deals",)), 1),
    ):  # fmt: skip
        with house.services.database.read() as uow:
            found = measured.by_question(uow, scope, ALL, "automatic")
        assert sum(each.tally.n for each in found if each.question == "name") == n, scope


def test_what_is_destroyed_or_quarantined_counts_no_more(house: House) -> None:
    gone, closed = house.call(), house.call()
    assert tallies(house)["name"].n == 2
    house.services.disposing.destroy(gone, Order(why=Why.REQUEST, by="t", basis="asked for"))
    with house.services.database.write() as uow:
        house.services.replay.index.mark(uow, closed, "quarantined")
        left = uow.execute(select(measured.measured_answer)).all()
    assert (tallies(house), left) == ({}, [])


def test_what_was_judged_before_there_was_a_projection_is_measured_by_a_chore(house: House) -> None:
    for _ in range(3):
        house.call(lost=("greeting",))
    with house.services.database.write() as uow:
        for table in (measured.measured_answer, measured.measured_evaluation):
            uow.execute(table.delete())
    assert tallies(house) == {}
    assert measure_missing(house.services) == 3
    assert tallies(house)["greeting"] == Tally(n=3, lost=3.0)
    assert measure_missing(house.services) == 0


def test_a_skill_counts_each_call_once(house: House) -> None:
    house.call(lost=("greeting",))
    house.call(lost=("greeting", "thanks"))
    with house.services.database.read() as uow:
        known = house.services.gaps.measurables(uow)
        found = measured.pooled(uow, Scope(), ALL, "automatic", [("desk", "greeting"), ("desk", "thanks")])
    assert [each.tally for each in found] == [Tally(n=2, lost=1.5)]
    # Weights: 40 x 30/40, 40 x 10/40, 60; "name" has no skill of its own and counts under its section.
    worth = {key: each.worth for key, each in known.items() if key.startswith("desk/")}
    assert worth == {"desk/greeting": 30.0, "desk/name": 10.0, "desk/thanks": 60.0}
    assert known["skill:Warmth"].worth == 90.0
    assert (known["desk/name"].skills, known["desk/thanks"].skills) == (("Opening",), ("Warmth", "Closing"))


def test_weeks_begin_on_mondays(house: House) -> None:
    # START is a Monday, 09:00.
    for hours in (-10, 0, 24, 24 * 6 + 14, 24 * 7):
        house.call(at=START + timedelta(hours=hours), lost=("thanks",) if hours == 0 else ())
    with house.services.database.read() as uow:
        trend = house.services.gaps.trend(uow, Scope(), "a1", ALL, Source.AUTOMATIC)
    assert trend is not None
    assert trend.title == "Help desk"
    found = trend.weeks
    assert [(each.start.date().isoformat(), each.n) for each in found] == [
        ("2026-02-23", 1), ("2026-03-02", 3), ("2026-03-09", 1),
    ]  # fmt: skip
    assert (found[0].mean, found[0].single) == (None, 100.0)
    assert found[1].mean is not None
    assert found[1].single == pytest.approx((40 + 100 + 100) / 3)


@pytest.mark.parametrize(("own", "shown"), [("other", ("Other", 2)), ("customer-service-basics", ("Help desk", 3))])
def test_a_trend_is_of_one_scorecard_the_house_s_first(tmp_path: Path, own: str, shown: tuple[str, int]) -> None:
    with opened(tmp_path / "data", scorecard=own) as (house, _):
        text = CARD.replace("id: desk", "id: other").replace("Help desk", "Other")
        with house.services.database.write() as uow:
            scorecards.put_scorecard(uow, load_scorecard(text), yaml=text)
        for call in [house.call() for _ in range(3)][:2]:
            with house.services.database.write() as uow:
                house.judge(uow, call, ("thanks",), scorecard="other", score=40.0)
                house.services.replay.index.rescore(uow, call, house.services.shelf.evaluations(uow, call))
        with house.services.database.read() as uow:
            trend = house.services.gaps.trend(uow, Scope(), "a1", ALL, Source.AUTOMATIC)
        assert trend is not None
        assert (trend.title, sum(each.n for each in trend.weeks)) == shown


def test_gaps_and_an_effect_from_calls_to_verdict(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (house, move):
        gaps, since = house.services.gaps, START - timedelta(days=30)
        house.days("a1", 30, 24, since=since)
        for each in ("a2", "a3", "a4", "a5"):
            house.days(each, 30, 6, since=since)
        with house.services.database.read() as uow:
            dana = gaps.agent(uow, Scope(), "a1")
            questions, _ = gaps.of_agent(uow, Scope(), dana, Period(since=since), Source.AUTOMATIC)
        assert questions[0].of.measure.key == "desk/greeting"
        assert questions[0].gap.standing is Standing.CLEAR
        assert 5 < questions[0].gap.gain < 18  # 30 points, about 80 % lost where the team loses about 32 %
        move(timedelta(days=20))
        house.days("a1", 30, 3, since=START + timedelta(days=1))
        for each in ("a2", "a3", "a4", "a5"):
            house.days(each, 30, 6, since=START + timedelta(days=1))
        with house.services.database.read() as uow:
            found = gaps.effect(
                uow, Scope(), dana, Measure.of("desk/greeting"), begun=START, done=START, days=40,
                source=Source.AUTOMATIC,
            )  # fmt: skip
        assert (found.before.n, found.after.n, found.rest_before.n, found.rest_after.n) == (30, 30, 120, 120)
        assert found.change is not None
        assert found.change.value == pytest.approx(0.7)
        assert found.beyond is not None
        assert found.beyond.value == pytest.approx(0.7)
        assert found.verdict is Verdict.BETTER
        assert found.expected is not None
        assert 0 < found.expected < 0.1


def test_suggestions_quote_what_was_good_or_not_and_leave_out_what_may_not_be_used(house: House) -> None:
    gaps = house.services.gaps
    good, bad, unsure = house.call("a2"), house.call("a1", lost=("greeting",)), house.call("a2", confidence=0.5)
    closed = house.call("a3")
    with house.services.database.write() as uow:
        house.services.replay.index.mark(uow, closed, "quarantined")

    def found(kind: ClipKind, **more: Any) -> list[str]:
        with house.services.database.read() as uow:
            wanted = [Measure.of("desk/greeting")]
            made = gaps.suggestions(uow, Scope(), wanted, ALL, Source.AUTOMATIC, kind=kind, **more)
        assert all(0 <= each.start < each.end for each in made)
        assert all(each.quote == "good morning caller" for each in made)
        return [each.conversation_id for each in made]

    assert found(ClipKind.EXEMPLARY) == [good]
    assert found(ClipKind.CAUTIONARY) == [bad]
    assert found(ClipKind.EXEMPLARY, not_agent="a2") == []
    assert unsure not in found(ClipKind.EXEMPLARY)
    with house.services.database.read() as uow, pytest.raises(InvalidInput):
        gaps.suggestions(uow, Scope(), [Measure.of("skill:Juggling")], ALL, Source.AUTOMATIC, kind=ClipKind.EXEMPLARY)


def test_people_are_seen_by_their_team_and_who_moved_is_not_seen_by_the_old_one(house: House) -> None:
    gaps = house.services.gaps
    house.call("a1", team="Sales")  # Dana's page says Billing
    house.call("stranger", team="Sales")
    with house.services.database.read() as uow:
        sales = {each.agent_id for each in gaps.agents(uow, Scope(teams=("Sales",)))}
        billing = {each.agent_id for each in gaps.agents(uow, Scope(teams=("Billing",)))}
        nobody = gaps.agents(uow, Scope(teams=()))
        assert (sales, nobody) == ({"stranger"}, [])
        assert "a1" in billing
        assert gaps.agent(uow, Scope(teams=("Sales",)), "stranger").team == "Sales"
        for scope, agent in ((Scope(teams=("Sales",)), "a1"), (Scope(teams=()), "stranger"), (Scope(), "unknown")):
            with pytest.raises(NotFound):
                gaps.agent(uow, scope, agent)
