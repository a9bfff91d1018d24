"""The statistics of coaching against published figures, tables, and what must hold for any input."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from candor.coaching import statistics as stats
from candor.coaching.statistics import Interval

shares = some.integers(1, 400).flatmap(lambda n: some.tuples(some.floats(0, n), some.just(float(n))))


def test_the_beta_distribution_has_its_known_values() -> None:
    # Beta(1, b) has the closed form 1 - (1 - x)^b; Beta(2, 5) at 0.3 and the medians are tabulated polynomials.
    assert stats.beta_cdf(0.2, 1, 7) == pytest.approx(1 - 0.8**7, abs=1e-12)
    assert stats.beta_cdf(0.3, 2, 5) == pytest.approx(0.579825, abs=1e-12)
    assert stats.beta_cdf(0.5, 30, 30) == pytest.approx(0.5, abs=1e-12)
    # The arcsine law: Beta(1/2, 1/2).
    assert stats.beta_cdf(0.1, 0.5, 0.5) == pytest.approx(2 / math.pi * math.asin(math.sqrt(0.1)), abs=1e-12)


@given(some.floats(0.01, 0.99), some.floats(0.3, 300), some.floats(0.3, 300))
def test_a_quantile_is_the_inverse(p: float, a: float, b: float) -> None:
    x = stats.beta_quantile(p, a, b)
    assert 0 <= x <= 1
    low, high = stats.beta_cdf(max(x - 1e-8, 0), a, b), stats.beta_cdf(min(x + 1e-8, 1), a, b)
    assert low - 1e-9 <= p <= high + 1e-9


@pytest.mark.parametrize(("df", "point"), [(1, 12.7062), (4, 2.7764), (10, 2.2281), (30, 2.0423), (120, 1.9799)])
def test_students_points_are_those_of_the_tables(df: int, point: float) -> None:
    assert stats.t_quantile(df) == pytest.approx(point, abs=5e-5)


def test_wilsons_interval_is_that_of_newcombes_worked_example() -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I: 81 of 263 and 15 of 148, method 3.
    for x, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        found = stats.wilson(x, n)
        assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_the_difference_of_shares_is_that_of_newcombes_table(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    # Newcombe 1998 (Statistics in Medicine 17, 873-890), table II, method 10.
    found = stats.difference(*one, *other)
    assert (found.low, found.high) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


@given(shares, shares)
def test_a_difference_lies_in_its_interval_and_turns_round(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    found, back = stats.difference(*one, *other), stats.difference(*other, *one)
    assert -1 - 1e-9 <= found.low <= found.value <= found.high <= 1 + 1e-9
    assert (found.low, found.high) == (pytest.approx(-back.high), pytest.approx(-back.low))


def test_more_answers_make_it_narrower() -> None:
    few, many = stats.difference(5, 10, 3, 10), stats.difference(50, 100, 30, 100)
    assert few.value == many.value
    assert few.low < many.low < many.high < few.high


def test_a_difference_of_differences_is_as_unsure_as_both_together() -> None:
    one = Interval(value=0.30, low=0.20, high=0.40)
    other = Interval(value=0.10, low=0.05, high=0.15)
    found = stats.difference_of_differences(one, other)
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (
        pytest.approx(0.2 - math.hypot(0.1, 0.05)),
        pytest.approx(0.2 + math.hypot(0.1, 0.05)),
    )


def test_a_mean_has_students_interval() -> None:
    values = [70.0, 80.0, 90.0, 85.0]
    found = stats.mean_interval(4, sum(values), sum(each * each for each in values))
    assert found is not None
    spread = 3.1824 * math.sqrt(sum((each - 81.25) ** 2 for each in values) / 3 / 4)
    assert (found.value, found.high) == (81.25, pytest.approx(81.25 + spread, abs=1e-2))
    assert stats.mean_interval(1, 70, 4900) is None
