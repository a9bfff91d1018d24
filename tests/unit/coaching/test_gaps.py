"""Gaps and effects: what little says, what a team says, what comes back by itself."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from candor.coaching import gaps
from candor.coaching import statistics as stats
from candor.coaching.gaps import Prior, Standing, Tally, Verdict

tallies = some.builds(lambda n, part: Tally(n=n, lost=n * part), some.integers(0, 300), some.floats(0, 1))


def test_of_few_answers_nothing_is_said() -> None:
    team = gaps.prior([Tally(n=100, lost=9 + each) for each in range(5)])
    few, enough = gaps.gap(Tally(n=9, lost=9), team, 10), gaps.gap(Tally(n=10, lost=10), team, 10)
    assert (few.standing, enough.standing) == (Standing.NOT_ENOUGH, Standing.CLEAR)
    assert few.raw == 1.0


def test_an_estimate_lies_between_the_agent_and_the_team_and_moves_to_the_agent_with_more_answers() -> None:
    team = Prior(mean=0.2, a=4, b=16, agents=5)
    found = [gaps.gap(Tally(n=n, lost=n * 0.6), team, 10).estimate for n in (5, 20, 80, 320)]
    values = [each.value for each in found]
    assert values == sorted(values)
    assert 0.2 < values[0] < values[-1] < 0.6
    # By hand: (20 * 0.2 + 12) / (20 + 20).
    assert values[1] == pytest.approx(0.4)
    widths = [each.high - each.low for each in found[1:]]
    assert widths == sorted(widths, reverse=True)


def test_the_priors_weight_is_the_moment_estimate_by_hand() -> None:
    counted = [(20, 4), (30, 3), (25, 15), (40, 10), (35, 6)]
    found = gaps.prior([Tally(n=n, lost=lost) for n, lost in counted])
    mean = 38.5 / 151
    spread = sum(n * (lost / n - mean) ** 2 for n, lost in counted) / (mean * (1 - mean))
    alike = (spread - 4) / (150 - sum(n * n for n, _ in counted) / 150 - 4)
    weight = (1 / alike - 1) * 2 / 4
    assert (found.mean, found.a + found.b, found.agents) == (pytest.approx(mean), pytest.approx(weight), 5)
    assert found.a / (found.a + found.b) == pytest.approx(mean)


def test_a_team_that_is_alike_draws_strongly_and_three_agents_say_nothing_of_a_team() -> None:
    alike = gaps.prior([Tally(n=50, lost=10)] * 6)
    assert alike.a + alike.b == pytest.approx(gaps.STRONG * 3 / 5)
    for few in ([], [Tally(n=50, lost=10), Tally(n=50, lost=40), Tally(n=50, lost=1)]):
        assert (gaps.prior(few).a, gaps.prior(few).b) == (0.5, 0.5)


def test_the_weight_finds_the_spread_that_agents_were_drawn_from() -> None:
    chance = random.Random(7)
    drawn = []
    for _ in range(400):
        share = chance.betavariate(3, 9)
        drawn.append(Tally(n=40, lost=sum(chance.random() < share for _ in range(40))))
    found = gaps.prior(drawn)
    assert found.mean == pytest.approx(0.25, abs=0.02)
    assert found.a + found.b == pytest.approx(12, rel=0.25)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance = random.Random(11)
    held = 0
    for _ in range(60):
        truths = [chance.betavariate(2, 6) for _ in range(10)]
        counted = [Tally(n=25, lost=sum(chance.random() < each for _ in range(25))) for each in truths]
        team = gaps.prior(counted)
        for truth, own in zip(truths, counted, strict=True):
            found = gaps.gap(own, team, 10).estimate
            held += found.low <= truth <= found.high
    # 600 intervals of 95 %: the prior is estimated, too, so a little less is honest; far less would be wrong.
    assert 0.90 <= held / 600 <= 0.99


@given(tallies, some.lists(tallies, max_size=8), some.floats(0, 100))
def test_a_gap_is_never_nonsense(own: Tally, others: list[Tally], worth: float) -> None:
    found = gaps.gap(own, gaps.prior([own, *others]), worth)
    assert 0 <= found.estimate.low <= found.estimate.value <= found.estimate.high <= 1
    assert -1e-9 <= found.chance <= 1 + 1e-9
    assert 0 <= found.gain <= worth + 1e-6
    assert not math.isnan(found.gain)


def test_gaps_are_ranked_by_what_closing_them_brings() -> None:
    rest = {"b": Tally(n=100, lost=10), "c": Tally(n=100, lost=12), "d": Tally(n=100, lost=9)}
    by_question = {
        "small": {"a": Tally(n=60, lost=50), **rest},
        "heavy": {"a": Tally(n=60, lost=30), **rest},
        "fine": {"a": Tally(n=60, lost=2), **rest},
        "new": {"a": Tally(n=2, lost=2), **rest},
        "others": dict(rest),
    }
    worth = {"small": 2.0, "heavy": 20.0, "fine": 20.0, "new": 50.0, "others": 10.0}
    found = gaps.gaps_of("a", by_question, worth)
    assert list(found) == ["heavy", "small", "fine", "new"]
    assert [each.standing for each in found.values()] == [
        Standing.CLEAR, Standing.CLEAR, Standing.NONE, Standing.NOT_ENOUGH,
    ]  # fmt: skip
    heavy = found["heavy"]
    assert heavy.gain == pytest.approx((heavy.estimate.value - heavy.team) * 20, rel=0.05)


# ---- effects ----


def test_an_effect_is_the_difference_with_newcombes_interval() -> None:
    found = gaps.effect(Tally(n=70, lost=56), Tally(n=80, lost=48))
    assert found.change is not None
    assert (found.change.low, found.change.high) == (pytest.approx(0.0524, abs=6e-5), pytest.approx(0.3339, abs=6e-5))
    assert (found.verdict, found.beyond, found.expected) == (Verdict.BETTER, None, None)


def test_what_is_not_enough_is_said_so() -> None:
    found = gaps.effect(Tally(n=9, lost=9), Tally(n=100, lost=0))
    assert (found.change, found.verdict) == (None, Verdict.NOT_ENOUGH)


def test_a_whole_team_that_gets_better_takes_the_credit_away() -> None:
    own = gaps.effect(
        Tally(n=50, lost=30), Tally(n=50, lost=15), rest_before=Tally(n=300, lost=180), rest_after=Tally(n=300, lost=90)
    )
    assert own.change is not None
    assert own.change.low > 0
    assert own.beyond is not None
    assert own.beyond.value == pytest.approx(0.0)
    assert own.verdict is Verdict.NOT_SHOWN
    worse = gaps.effect(
        Tally(n=80, lost=20), Tally(n=80, lost=40), rest_before=Tally(n=300, lost=60), rest_after=Tally(n=300, lost=60)
    )
    assert worse.verdict is Verdict.WORSE


def test_what_comes_back_by_itself_is_told_and_is_about_right() -> None:
    """Agents picked for a low figure, coached by nobody: the change that is expected is the change that comes."""
    chance = random.Random(3)
    truths = [chance.betavariate(4, 8) for _ in range(300)]

    def month(share: float) -> Tally:
        return Tally(n=20, lost=sum(chance.random() < share for _ in range(20)))

    before = [month(each) for each in truths]
    after = [month(each) for each in truths]
    team = gaps.prior(before)
    picked = sorted(range(300), key=lambda each: -before[each].share)[:40]
    found = [gaps.effect(before[each], after[each], team=team) for each in picked]
    came = sum(each.change.value for each in found if each.change) / len(found)
    expected = sum(each.expected or 0 for each in found) / len(found)
    assert came > 0.08, "nobody was coached, and still they look better"
    assert expected == pytest.approx(came, abs=0.03)


def test_shares_of_points_count_as_parts() -> None:
    halves = gaps.effect(Tally(n=40, lost=20.0), Tally(n=40, lost=10.0))
    assert halves.change == stats.difference(20, 40, 10, 40)
