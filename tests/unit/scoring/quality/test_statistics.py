"""Agreement against published worked examples, and by its properties."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.scoring.agreement import statistics
from candor.scoring.agreement.statistics import Measurement

# Krippendorff 2011, section C: four observers, twelve units, a dot where nothing was said.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .",
)  # fmt: skip
UNITS = [[value for value in unit if value != "."] for unit in zip(*(line.split() for line in OBSERVERS), strict=True)]


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [(Measurement.NOMINAL, 0.743), (Measurement.ORDINAL, 0.815), (Measurement.INTERVAL, 0.849)],
)
def test_alpha_is_what_krippendorff_2011_computes(measurement: Measurement, expected: float) -> None:
    found = statistics.alpha(UNITS, measurement)
    assert found is not None
    assert round(found, 3) == expected


def test_binary_alpha_is_what_krippendorff_2011_computes() -> None:
    # Section A: two observers, ten units.
    one, other = list("0100000010"), list("1110010000")
    units = [[a, b] for a, b in zip(one, other, strict=True)]
    found = statistics.alpha(units, Measurement.NOMINAL)
    assert found is not None
    assert round(found, 3) == 0.095
    table = statistics.table(Counter(zip(one, other, strict=True)))
    of_pairs = statistics.alpha_of_pairs(table.counts, table.values, Measurement.NOMINAL, table.n)
    assert statistics.number(of_pairs) == pytest.approx(found)


def test_kappa_is_what_cohen_computes() -> None:
    # Cohen 1968, table 1 (his example of 1960 in proportions of 200): 0.492 unweighted, 0.348 weighted.
    counts = np.array([[0.44, 0.07, 0.09], [0.05, 0.20, 0.05], [0.01, 0.03, 0.06]]) * 200
    assert float(statistics.kappa(counts, 1 - np.eye(3))) == pytest.approx(0.492, abs=5e-4)
    weights = np.array([[0.0, 1, 3], [1, 0, 6], [3, 6, 0]])
    assert float(statistics.kappa(counts, weights)) == pytest.approx(0.348, abs=5e-4)


def test_kappa_is_what_fleiss_computes() -> None:
    # Fleiss, Statistical Methods for Rates and Proportions, table 13.1 (18.1 in the third edition): 0.68.
    counts = np.array([[75.0, 1, 4], [5, 4, 1], [0, 0, 10]])
    assert float(statistics.kappa(counts, 1 - np.eye(3))) == pytest.approx(0.676, abs=5e-4)
    assert float(statistics.equal_share(counts)) == pytest.approx(0.89)


def test_the_paradox_of_feinstein_and_cicchetti_is_seen() -> None:
    # Their table: 85 % equal in both, kappa .70 where answers are balanced and .32 where they are not.
    balanced = statistics.table({("yes", "yes"): 40, ("yes", "no"): 9, ("no", "yes"): 6, ("no", "no"): 45})
    skewed = statistics.table({("yes", "yes"): 80, ("yes", "no"): 10, ("no", "yes"): 5, ("no", "no"): 5})
    assert float(statistics.kappa(balanced.counts, 1 - np.eye(2))) == pytest.approx(0.70, abs=5e-3)
    assert float(statistics.kappa(skewed.counts, 1 - np.eye(2))) == pytest.approx(0.32, abs=5e-3)
    assert statistics.prevalence(skewed) == pytest.approx(0.875)
    assert statistics.prevalence(balanced) < 0.6


def test_one_answer_alone_tells_nothing() -> None:
    table = statistics.table({("yes", "yes"): 300})
    assert statistics.number(statistics.kappa(table.counts, 1 - np.eye(1))) is None
    assert statistics.alpha([["yes", "yes"]] * 10, Measurement.NOMINAL) is None
    assert statistics.alpha([["yes"], ["no"]], Measurement.NOMINAL) is None


def test_perfect_agreement_in_few_pairs_is_not_certain() -> None:
    few, many = ({("yes", "yes"): n, ("no", "no"): n} for n in (3, 300))
    lows = []
    for cells in (few, many):
        table = statistics.table(cells)
        drawn = statistics.kappa(statistics.simulate(table.counts, seed=7), 1 - np.eye(2))
        found = statistics.interval(1.0, drawn, table.n)
        assert found is not None
        assert found.high == 1.0
        lows.append(found.low)
    assert lows[0] < 0.6
    assert lows[1] > 0.98


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of many samples from a known table the interval holds the true kappa in about 95 of 100."""
    truth = np.array([[0.45, 0.06], [0.09, 0.40]])
    true_kappa = float(statistics.kappa(truth, 1 - np.eye(2)))
    rng, inside, rounds = np.random.default_rng(5), 0, 300
    for seed in range(rounds):
        counts = rng.multinomial(80, truth.ravel()).reshape(2, 2).astype(float)
        value = statistics.number(statistics.kappa(counts, 1 - np.eye(2)))
        found = statistics.interval(value, statistics.kappa(statistics.simulate(counts, seed=seed), 1 - np.eye(2)), 80)
        assert found is not None
        inside += found.low <= true_kappa <= found.high
    assert 0.92 <= inside / rounds <= 0.98


def test_the_same_seed_gives_the_same_interval() -> None:
    first, second, other = (
        statistics.alpha_interval(UNITS, Measurement.NOMINAL, seed=seed) for seed in (1, 1, 2)
    )  # fmt: skip
    assert first == second
    assert first is not None
    assert other is not None
    assert (first.low, first.high) != (other.low, other.high)
    assert first.low < 0.743 < first.high


def test_not_applicable_is_as_far_as_can_be_on_a_scale() -> None:
    near = statistics.table({("=1", "=1"): 10, ("=5", "=5"): 10, ("=1", "=2"): 4})
    away = statistics.table({("=1", "=1"): 10, ("=5", "=5"): 10, ("=1", "n/a"): 4})
    assert near.values == ("=1", "=2", "=5")
    assert away.values == ("=1", "=5", "n/a")
    figures = [
        float(statistics.kappa(each.counts, statistics.squared(each.values, Measurement.ORDINAL)))
        for each in (near, away)
    ]
    assert figures[0] > 0.95 > figures[1]
    ordinal = [
        float(statistics.alpha_of_pairs(each.counts, each.values, Measurement.ORDINAL, each.n)) for each in (near, away)
    ]
    assert ordinal[0] > ordinal[1]


_answers = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=60)


@settings(max_examples=150, deadline=None)
@given(_answers)
def test_kappa_is_at_most_one_symmetric_and_one_for_equals(pairs: list[tuple[str, str]]) -> None:
    table = statistics.table(Counter(pairs))
    weights = 1 - np.eye(len(table.values))
    value = statistics.number(statistics.kappa(table.counts, weights))
    turned = statistics.number(statistics.kappa(table.counts.T, weights))
    assert value == (None if turned is None else pytest.approx(turned))
    if value is not None:
        assert -1.0 - 1e-9 <= value <= 1.0
        assert (value == pytest.approx(1.0)) is all(one == other for one, other in pairs)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from("1234"), min_size=1, max_size=4), min_size=2, max_size=30), st.randoms())
def test_alpha_does_not_care_for_order(units: list[list[str]], random: object) -> None:
    for measurement in Measurement:
        value = statistics.alpha(units, measurement)
        mixed = [random.sample(unit, len(unit)) for unit in random.sample(units, len(units))]  # type: ignore[attr-defined]
        again = statistics.alpha(mixed, measurement)
        assert again == (None if value is None else pytest.approx(value))
        # A unit that one alone judged says nothing.
        assert statistics.alpha([*units, ["1"]], measurement) == (None if value is None else pytest.approx(value))
        if value is not None:
            assert value <= 1.0 + 1e-9
