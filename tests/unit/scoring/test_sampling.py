"""Sampling plans: chance that can be repeated, strata, targets, new starters, and what could not be reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.errors import InvalidInput
from candor.scoring.sampling import (
    Candidate,
    Per,
    Pick,
    Plan,
    Shortfall,
    Stratum,
    Target,
    TargetKind,
    check,
    draw,
    last_ended,
    period_of,
    rank,
    share_out,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
WEEK = period_of(NOON, Per.WEEK, UTC)
PLAN = Plan(id="p", name="Weekly", scorecard="basics", per_agent=3)


def calls(agents: int = 4, each: int = 20, **values: object) -> list[Candidate]:
    return [
        Candidate(
            conversation_id=f"c{agent}-{number}", agent_id=f"a{agent}", started_at=WEEK.start,
            **{"queue": ("sales", "bills")[number % 2], **values},
        )
        for agent in range(agents)
        for number in range(each)
    ]  # fmt: skip


def ids(picks: tuple[Pick, ...]) -> set[str]:
    return {one.conversation_id for one in picks}


@given(st.randoms(use_true_random=False), st.text(min_size=1, max_size=8))
def test_the_same_seed_picks_the_same_whatever_the_order(shuffler: Random, seed: str) -> None:
    given_, again = calls(), calls()
    shuffler.shuffle(again)
    first, second = draw(PLAN, given_, seed, WEEK), draw(PLAN, again, seed, WEEK)
    assert first == second
    assert len(first.picks) == 12
    assert {sum(one.agent_id == f"a{agent}" for one in first.picks) for agent in range(4)} == {3}


def test_another_seed_picks_others_and_every_call_has_its_chance() -> None:
    counts = dict.fromkeys((one.conversation_id for one in calls(1)), 0)
    for seed in range(400):
        for one in draw(PLAN, calls(1), str(seed), WEEK).picks:
            counts[one.conversation_id] += 1
    # 400 draws of 3 out of 20: 60 each, with a standard deviation of 7.1.
    assert min(counts.values()) > 60 - 5 * 7.1
    assert max(counts.values()) < 60 + 5 * 7.1


def test_strata_have_their_turns_so_that_a_rare_kind_is_not_lost() -> None:
    rare = replace(calls(1, 1)[0], conversation_id="rare", queue="rare")
    plan = replace(PLAN, strata=(Stratum.QUEUE,))
    for seed in range(30):
        drawn = draw(plan, [*calls(1, 100), rare], str(seed), WEEK)
        assert "rare" in ids(drawn.picks)
        assert sorted(one.why for one in drawn.picks) == [
            "random: queue=bills",
            "random: queue=rare",
            "random: queue=sales",
        ]


@pytest.mark.parametrize(
    ("stratum", "value", "label"),
    [
        (Stratum.LENGTH, {"duration": 119.0}, "length=under 2 min"),
        (Stratum.LENGTH, {"duration": 120.0}, "length=2 to 10 min"),
        (Stratum.LENGTH, {"duration": 600.0}, "length=over 10 min"),
        (Stratum.LENGTH, {"duration": None}, "length=none"),
        (Stratum.SCORE, {"score": 49.9}, "score=under 50"),
        (Stratum.SCORE, {"score": 80.0}, "score=80 and more"),
        (Stratum.MEDIUM, {"medium": "chat"}, "medium=chat"),
    ],
)
def test_strata_are_told_in_the_reason(stratum: Stratum, value: dict[str, object], label: str) -> None:
    drawn = draw(replace(PLAN, strata=(stratum,), per_agent=1), calls(1, 1, **value), "s", WEEK)
    assert drawn.picks[0].why == f"random: {label}"


def test_targets_come_beside_the_random_ones_and_say_what_is_missing() -> None:
    target = Target(kind=TargetKind.FINDING, value="dead_air", count=5)
    drawn = draw(
        replace(PLAN, targets=(target,)), calls(2), "s", WEEK, matching={target: {"c0-1", "c1-2", "elsewhere"}}
    )  # fmt: skip
    assert {one.conversation_id for one in drawn.picks if one.why == "finding dead_air"} == {"c0-1", "c1-2"}
    assert sum(one.why == "random" for one in drawn.picks) == 6
    assert drawn.shortfalls == (Shortfall(what="finding dead_air", wanted=5, got=2),)
    assert len(ids(drawn.picks)) == 8


def test_new_starters_have_a_quota_of_their_own() -> None:
    new = WEEK.end - timedelta(days=20)
    found = [
        replace(one, agent_since=new if one.agent_id == "a0" else WEEK.start - timedelta(days=400)) for one in calls(2)
    ]
    drawn = draw(replace(PLAN, new_days=30, new_per_agent=8), found, "s", WEEK)
    assert sum(one.why == "new starter" and one.agent_id == "a0" for one in drawn.picks) == 8
    assert sum(one.why == "random" and one.agent_id == "a1" for one in drawn.picks) == 3


def test_what_may_not_be_evaluated_is_passed_over_and_told() -> None:
    allowed = {"c0-3", "c0-7"}
    drawn = draw(PLAN, calls(1), "s", WEEK, eligible=allowed.__contains__)
    assert ids(drawn.picks) == allowed
    assert drawn.refused == 18
    assert drawn.shortfalls == (Shortfall(what="agent a0", wanted=3, got=2),)


def test_few_are_asked_when_many_may_be_evaluated() -> None:
    asked: list[str] = []
    draw(PLAN, calls(1, 500), "s", WEEK, eligible=lambda one: not asked.append(one))
    assert len(asked) == 3


def test_what_was_drawn_before_counts_and_is_not_drawn_again() -> None:
    first = draw(replace(PLAN, per_agent=2), calls(1), "s", WEEK)
    rest = draw(PLAN, calls(1), "other", WEEK, drawn=first.picks)
    assert len(rest.picks) == 1
    assert not ids(first.picks) & ids(rest.picks)


def test_periods_begin_at_midnight_of_the_house() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    moment = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)  # 0:30 on Monday, the night after the clocks were moved
    assert period_of(moment, Per.DAY, berlin).key == "2026-03-30"
    week = last_ended(moment, Per.WEEK, berlin)
    assert week.key == "2026-W13"
    assert (week.end - week.start, week.start.utcoffset(), week.end.utcoffset()) == (
        timedelta(days=7), timedelta(hours=1), timedelta(hours=2),
    )  # fmt: skip
    assert week.end.astimezone(UTC) - week.start.astimezone(UTC) == timedelta(days=7, hours=-1)
    december = last_ended(datetime(2027, 1, 3, tzinfo=UTC), Per.MONTH, berlin)
    assert (december.key, december.end.astimezone(berlin).isoformat()) == ("2026-12", "2027-01-01T00:00:00+01:00")
    assert last_ended(datetime(2027, 1, 5, tzinfo=UTC), Per.WEEK, UTC).key == "2026-W53"


def test_work_is_shared_by_load_and_never_one_s_own() -> None:
    picks = [Pick(conversation_id=f"c{n}", agent_id="a0", why="random") for n in range(10)]
    shared = share_out(picks, ["eva", "max", "own"], {"eva": 4}, "s", lambda who, _: who != "own")
    counts = {who: sum(each == who for each in shared.values()) for who in ("eva", "max", "own", None)}
    assert counts == {"eva": 3, "max": 7, "own": 0, None: 0}
    assert set(share_out(picks, ["own"], {}, "s", lambda *_: False).values()) == {None}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "x"}, "plan.name"),
        ({"per_agent": -1}, "plan.per_agent"),
        ({"per_agent": 0}, "plan.empty"),
        ({"new_days": 30}, "plan.new_days"),
        ({"due_days": 0}, "plan.due_days"),
        ({"release": "soon"}, "plan.release"),
        ({"release": "0"}, "plan.release"),
        ({"targets": (Target(kind=TargetKind.FINDING, value='x" OR'),)}, "plan.targets"),
        ({"targets": (Target(kind=TargetKind.WORDS, value=" "),)}, "plan.targets"),
        ({"targets": (Target(kind=TargetKind.SCORE_BELOW, value="many"),)}, "plan.targets"),
        ({"targets": (Target(kind=TargetKind.CRITICAL, count=0),)}, "plan.targets"),
    ],
)
def test_plans_that_cannot_be_are_refused_at_the_field(change: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check(replace(PLAN, **change))
    assert refused.value.code == code


def test_a_rank_can_be_repeated_with_a_shell() -> None:
    # printf 'seed|c1' | sha256sum
    assert rank("seed", "c1").hex() == "403c7f36ae64300060a3c1ef302128e9a1c1d69f534e10597a84897785a7af23"
