"""Intervals of means and shares. Pure, without SciPy.

Sources: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
American Statistical Association 22 (1927) 209-212; Student, "The probable error of a mean", Biometrika 6 (1908) 1-25;
G. W. Hill, "Algorithm 396: Student's t-quantiles", Communications of the ACM 13 (1970) 619-620; C. N. Morris,
"Parametric empirical Bayes inference", Journal of the American Statistical Association 78 (1983) 47-55;
R. DerSimonian, N. Laird, "Meta-analysis in clinical trials", Controlled Clinical Trials 7 (1986) 177-188.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean

from candor.scoring.agreement.statistics import LEVEL, Interval

_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def wilson(hits: int, n: int) -> Interval | None:
    """A share with Wilson's score interval, which stays inside 0 to 1 and is honest for few cases; None of nothing."""
    if not n:
        return None
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(value=share, low=max(0.0, middle - half), high=min(1.0, middle + half), n=n)


def mean(values: Sequence[float], low: float = -math.inf, high: float = math.inf) -> Interval | None:
    """A mean with Student's t interval, cut where no value can be; None with fewer than two values."""
    if len(values) < 2:
        return None
    middle = fmean(values)
    return _students(middle, sum((value - middle) ** 2 for value in values), len(values), low, high)


def mean_of(counts: Mapping[float, int], low: float = -math.inf, high: float = math.inf) -> Interval | None:
    """The same of values that are counted: value → how often."""
    n = sum(counts.values())
    if n < 2:
        return None
    middle = sum(value * number for value, number in counts.items()) / n
    return _students(middle, sum(number * (value - middle) ** 2 for value, number in counts.items()), n, low, high)


def _students(middle: float, squares: float, n: int, low: float, high: float) -> Interval:
    half = t_quantile(n - 1) * math.sqrt(squares / (n - 1) / n)
    return Interval(value=middle, low=max(low, middle - half), high=min(high, middle + half), n=n)


def t_quantile(df: int) -> float:
    """The two-sided 95 % quantile of Student's t (Hill 1970); exact for 1 and 2, to four digits and better for more."""
    p = 1 - LEVEL
    if df == 1:
        return 1 / math.tan(p * math.pi / 2)
    if df == 2:
        return math.sqrt(2 / (p * (2 - p)) - 2)
    a = 1 / (df - 0.5)
    b = (48 / a) / a
    c = ((20700 * a / b - 98) * a - 16) * a + 96.36
    d = ((94.5 / (b + c) - 3) / b + 1) * math.sqrt(a * math.pi / 2) * df
    y = (d * p) ** (2 / df)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(p / 2)
        y = x * x
        if df < 5:
            c += 0.3 * (df - 4.5) * (x + 0.6)
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x
        y = math.expm1(a * y * y)
    else:
        y = ((1 / (((df + 6) / (df * y) - 0.089 * d - 0.822) * (df + 2) * 3) + 0.5 / (df + 4)) * y - 1) * (df + 1) / (
            df + 2
        ) + 1 / y
    return math.sqrt(df * y)


def pooled(estimates: Sequence[tuple[float, float]]) -> list[Interval]:
    """Several means, each (value, standard error), drawn towards their common one as far as their noise explains.

    Random effects: the spread between them by DerSimonian and Laird, each then shrunk as in Morris (1983). ``n`` of
    the result is 0. With one alone there is nothing to draw it to.
    """
    if len(estimates) < 2:
        return [_normal(value, error) for value, error in estimates]
    errors = [max(error, 1e-9) for _, error in estimates]
    weights = [1 / error**2 for error in errors]
    total = sum(weights)
    common = sum(w * value for w, (value, _) in zip(weights, estimates, strict=True)) / total
    q = sum(w * (value - common) ** 2 for w, (value, _) in zip(weights, estimates, strict=True))
    between = max(0.0, (q - (len(estimates) - 1)) / (total - sum(w * w for w in weights) / total))
    whole = [1 / (error**2 + between) for error in errors]
    centre = sum(w * value for w, (value, _) in zip(whole, estimates, strict=True)) / sum(whole)
    found = []
    for (value, _), error in zip(estimates, errors, strict=True):
        kept = between / (between + error**2)
        # The centre is an estimate itself: what is not the evaluator's own carries its error, too.
        spread = math.sqrt(kept * error**2 + (1 - kept) ** 2 / sum(whole))
        found.append(_normal(kept * value + (1 - kept) * centre, spread))
    return found


def _normal(value: float, error: float) -> Interval:
    return Interval(value=value, low=value - _Z * error, high=value + _Z * error, n=0)
