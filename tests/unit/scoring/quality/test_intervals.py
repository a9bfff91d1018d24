"""Intervals of means and shares against tables and published examples."""

from __future__ import annotations

import numpy as np
import pytest

from candor.scoring.intervals import mean, pooled, t_quantile, wilson


@pytest.mark.parametrize(
    ("df", "expected"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (8, 2.3060), (10, 2.2281), (30, 2.0423),
     (120, 1.9799), (10_000, 1.9602)],
)  # fmt: skip
def test_students_t_is_that_of_the_tables(df: int, expected: float) -> None:
    assert t_quantile(df) == pytest.approx(expected, abs=6e-5)


def test_wilson_is_what_newcombe_1998_tells() -> None:
    # Statistics in Medicine 17, 857-872, table I: 81 of 263, 0 of 20, 1 of 29.
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):
        found = wilson(hits, n)
        assert found is not None
        assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert wilson(0, 0) is None


def test_a_mean_has_students_interval_cut_at_what_can_be() -> None:
    found = mean([90.0, 100.0, 100.0, 95.0], 0.0, 100.0)
    assert found is not None
    assert found.value == 96.25
    assert found.low == pytest.approx(96.25 - 3.1824 * 4.7871 / 2, abs=1e-3)
    assert found.high == 100.0
    assert mean([50.0]) is None


def test_pooling_draws_the_uncertain_to_the_middle_and_keeps_the_order_of_equals() -> None:
    strict, loose, unsure = pooled([(-6.0, 1.0), (6.0, 1.0), (6.0, 12.0)])
    assert strict.value < -4 < 4 < loose.value
    assert abs(unsure.value) < 3
    assert unsure.high - unsure.low > loose.high - loose.low


def test_pooling_takes_noise_for_noise() -> None:
    """Evaluators who do not differ are shown as not differing, whatever their own means say."""
    rng = np.random.default_rng(3)
    raw = drawn = 0.0
    for _ in range(60):
        alike = [(float(rng.normal(0, 2)), 2.0) for _ in range(12)]
        raw += sum(value**2 for value, _ in alike)
        drawn += sum(one.value**2 for one in pooled(alike))
    assert drawn < raw / 4
