"""The few statistics that coaching needs, on shares between 0 and 1. Pure; no model is fitted by chance.

Answers that give a part of the points count as parts: a figure between 0 and 1 with mean p varies by at most p(1 - p),
as a yes/no does, so that every interval here is then too wide rather than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_STEPS = 300
_TINY = 1e-300
Z95 = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and the range of 95 % around it."""

    value: float
    low: float
    high: float


def beta_cdf(x: float, a: float, b: float) -> float:
    """The chance that a Beta(a, b) figure is at most ``x``: the regularised incomplete beta function I_x(a, b).

    By its continued fraction (NIST Digital Library of Mathematical Functions, 8.17.22), with Lentz' method.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    if x < (a + 1) / (a + b + 2):
        return min(front * _fraction(x, a, b) / a, 1.0)
    return max(1.0 - front * _fraction(1 - x, b, a) / b, 0.0)  # DLMF 8.17.4


def _fraction(x: float, a: float, b: float) -> float:
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    c, found = 1.0, d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        change = 1.0
        for term in (even, odd):
            d, c = 1 + term * d, 1 + term / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            change = d * c
            found *= change
        if abs(change - 1) < 1e-14:
            break
    return found


def beta_quantile(p: float, a: float, b: float) -> float:
    """The inverse of :func:`beta_cdf` in ``x``, to 1e-9, by halving."""
    return _halve(lambda x: beta_cdf(x, a, b) < p)


def _halve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


@lru_cache(maxsize=4096)
def t_quantile(df: int) -> float:
    """The 97.5 % point of Student's t with ``df`` degrees of freedom, by its relation to the beta distribution."""
    x = beta_quantile(0.05, df / 2, 0.5)
    return math.sqrt(df * (1 - x) / x)


def mean_interval(n: int, total: float, squares: float) -> Interval | None:
    """A mean with Student's interval, from how many, their sum and the sum of their squares; None for fewer than 2."""
    if n < 2:
        return None
    mean = total / n
    spread = math.sqrt(max(squares - n * mean * mean, 0.0) / (n - 1) / n) * t_quantile(n - 1)
    return Interval(value=mean, low=mean - spread, high=mean + spread)


def wilson(x: float, n: float) -> Interval:
    """A share of ``n`` with its interval (Wilson, J. Am. Stat. Assoc. 22, 1927, 209-212); ``n`` > 0."""
    p, z2 = x / n, Z95 * Z95
    middle = (x + z2 / 2) / (n + z2)
    reach = Z95 / (n + z2) * math.sqrt(n * p * (1 - p) + z2 / 4)
    return Interval(value=p, low=max(middle - reach, 0.0), high=min(middle + reach, 1.0))


def difference(x1: float, n1: float, x2: float, n2: float) -> Interval:
    """Share 1 less share 2, of different conversations.

    Newcombe, Statistics in Medicine 17, 1998, 873-890, method 10: the square-and-add of two Wilson intervals, without
    correction for continuity.
    """
    return _apart(wilson(x1, n1), wilson(x2, n2))


def _apart(one: Interval, other: Interval) -> Interval:
    """A difference of two independent estimates, by their own intervals.

    MOVER (Zou and Donner, Statistics in Medicine 27, 2008, 1693-1702); of two Wilson intervals it is Newcombe's.
    """
    value = one.value - other.value
    return Interval(
        value=value,
        low=value - math.hypot(one.value - one.low, other.high - other.value),
        high=value + math.hypot(one.high - one.value, other.value - other.low),
    )


def difference_of_differences(one: Interval, other: Interval) -> Interval:
    """What changed in ``one`` beyond what changed in ``other`` over the same time; both independent (MOVER)."""
    return _apart(one, other)
