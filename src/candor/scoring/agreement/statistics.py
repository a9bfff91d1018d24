"""Agreement of two and of many: Cohen's kappa, Krippendorff's alpha, their intervals. Pure; needs NumPy alone.

Sources: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960)
37-46; the same, "Weighted kappa", Psychological Bulletin 70 (1968) 213-220; K. Krippendorff, "Computing Krippendorff's
Alpha-Reliability" (University of Pennsylvania, 2011); S. Basu, M. Banerjee, A. Sen, "Bayesian inference for kappa from
single and multiple studies", Biometrics 56 (2000) 577-582; A. Zapf et al., "Measuring inter-rater reliability for
nominal data", BMC Medical Research Methodology 16 (2016) 93.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cells = Mapping[tuple[str, str], float]
"""(one's answer, the other's answer) → how often; a conversation that several people judged counts once in all."""

NOT_APPLICABLE = "n/a"
"""On a scale it is as far from every value as the scale is long."""
LEVEL = 0.95
DRAWS = 2_000
_MOST_NUMBERS = 4_000_000


class Measurement(StrEnum):
    """How far two answers are apart (Stevens' levels of measurement)."""

    NOMINAL = "nominal"
    """Equal or not."""
    ORDINAL = "ordinal"
    """By how many answers lie between them; kappa takes the square of the steps."""
    INTERVAL = "interval"
    """By the square of their difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """What it rests on: pairs, units or cases."""


@dataclass(frozen=True, slots=True)
class Table:
    """A square table of counts: rows one's answers, columns the other's, both in the order of ``values``."""

    values: tuple[str, ...]
    counts: Floats

    @property
    def n(self) -> int:
        """How many conversations."""
        return round(float(self.counts.sum()))


def table(cells: Cells) -> Table:
    """Cells as a square table; answers that are numbers are in their order, ``n/a`` comes last."""
    values = tuple(sorted({value for pair in cells for value in pair}, key=_order))
    place = {value: index for index, value in enumerate(values)}
    counts = np.zeros((len(values), len(values)))
    for (one, other), number in cells.items():
        counts[place[one], place[other]] += number
    return Table(values, counts)


def equal_share(counts: Floats) -> Floats:
    """The share of pairs that are equal, of one table or of many (``[..., k, k]``)."""
    return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)), dtype=float)


def kappa(counts: Floats, weights: Floats) -> Floats:
    """Weighted kappa of one table or of many: 1 - observed / expected disagreement; NaN where none could be expected.

    ``weights``: of disagreement, 0 on the diagonal. With 1 elsewhere it is Cohen's kappa of 1960.
    """
    shares = counts / counts.sum(axis=(-2, -1), keepdims=True)
    rows, columns = shares.sum(axis=-1), shares.sum(axis=-2)
    observed = (shares * weights).sum(axis=(-2, -1))
    expected = (rows[..., :, None] * columns[..., None, :] * weights).sum(axis=(-2, -1))
    return _one_less(observed, expected)


def alpha_of_pairs(counts: Floats, values: Sequence[str], measurement: Measurement, n: int) -> Floats:
    """Krippendorff's alpha where both of two judged every unit, of one table or of many (counts or shares of ``n``)."""
    shares = counts / counts.sum(axis=(-2, -1), keepdims=True) * n
    distances = None if measurement is Measurement.ORDINAL else squared(values, measurement)
    return _alpha(shares + np.swapaxes(shares, -1, -2), distances, values)


def alpha(units: Sequence[Sequence[str]], measurement: Measurement) -> float | None:
    """Krippendorff's alpha of any number of judges: for each unit the answers that were given, missing ones left out.

    None where nothing was judged twice, or all answers are the same.
    """
    coincidences = _coincidences(units)
    return None if coincidences is None else _number(_alpha_of(coincidences, measurement))


def alpha_interval(units: Sequence[Sequence[str]], measurement: Measurement, *, seed: int) -> Interval | None:
    """Alpha with a bootstrap interval over units (Zapf et al. 2016), the same for the same ``seed``.

    None where alpha is not defined. Units judged once say nothing and are not drawn.
    """
    judged = [unit for unit in units if len(unit) > 1]
    whole = _coincidences(judged)
    if whole is None:
        return None
    value = _number(_alpha_of(whole, measurement))
    if value is None:
        return None
    # Each unit's own coincidences, so that a drawn sample is a sum; samples without variety tell nothing.
    single = np.stack([_placed(unit, whole.values) for unit in judged])
    draws = max(200, min(DRAWS, _MOST_NUMBERS // whole.counts.size))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(judged), np.full(len(judged), 1 / len(judged)), size=draws)
    sums = np.tensordot(drawn.astype(float), single, axes=(1, 0))
    distances = None if measurement is Measurement.ORDINAL else squared(whole.values, measurement)
    found = _alpha(sums, distances, whole.values)
    low, high = _ends(found)
    return Interval(value=value, low=min(low, value), high=max(high, value), n=len(judged))


def squared(values: Sequence[str], measurement: Measurement) -> Floats:
    """Squared distances between answers for nominal and interval data; for kappa also of ordinal ones, by steps.

    ``n/a`` is as far from each value as the scale is long.
    """
    size = len(values)
    if measurement is Measurement.NOMINAL:
        return 1.0 - np.eye(size)
    scaled = [index for index, value in enumerate(values) if value != NOT_APPLICABLE]
    numbers = np.array([_figure(values[index]) for index in scaled])
    made = np.zeros((size, size))
    if len(scaled) > 1:
        made[np.ix_(scaled, scaled)] = (numbers[:, None] - numbers[None, :]) ** 2
    farthest = float(made.max()) or 1.0
    for index, value in enumerate(values):
        if value == NOT_APPLICABLE:
            made[index, :] = made[:, index] = farthest
            made[index, index] = 0.0
    return made / farthest


def simulate(counts: Floats, *, seed: int) -> Floats:
    """Tables of shares as they might be in all conversations, given the sample: draws ``[draws, k, k]``.

    From the Dirichlet posterior under a prior worth one observation in all (Perks 1947), as Basu et al. (2000) do for
    kappa: unlike the bootstrap it knows that thirty equal answers out of thirty do not prove that there are no others.
    """
    size = counts.size
    draws = max(200, min(DRAWS, _MOST_NUMBERS // size))
    rng = np.random.default_rng(seed)
    drawn = rng.dirichlet(counts.ravel() + 1.0 / size, size=draws)
    return drawn.reshape(draws, *counts.shape)


def interval(value: float | None, drawn: Floats, n: int) -> Interval | None:
    """The middle 95 % of what was drawn, around ``value``; None where that is not defined."""
    if value is None:
        return None
    low, high = _ends(drawn)
    return Interval(value=value, low=min(low, value), high=max(high, value), n=n)


def number(value: Floats) -> float | None:
    """One figure; None for NaN."""
    return _number(value)


def prevalence(found: Table) -> float:
    """The largest share that one answer has among all of both sides, 0 to 1.

    Near 1 kappa and alpha become low though nearly all answers are equal (Feinstein & Cicchetti, Journal of Clinical
    Epidemiology 43, 1990, 543-549): then they cannot tell, and the share of equal answers has to be read beside them.
    """
    both = found.counts.sum(axis=0) + found.counts.sum(axis=1)
    return float(both.max() / both.sum())


# ---- inside ----


def _alpha_of(found: Table, measurement: Measurement) -> Floats:
    distances = None if measurement is Measurement.ORDINAL else squared(found.values, measurement)
    return _alpha(found.counts, distances, found.values)


def _alpha(together: Floats, distances: Floats | None, values: Sequence[str] = ()) -> Floats:
    """1 - observed / expected disagreement over coincidences, of one matrix or of many."""
    totals = together.sum(axis=-1)
    n = totals.sum(axis=-1)
    apart = ordinal(totals, values) if distances is None else distances
    observed = (together * apart).sum(axis=(-2, -1))
    expected = (totals[..., :, None] * totals[..., None, :] * apart).sum(axis=(-2, -1)) / np.maximum(n - 1, 1e-12)
    return _one_less(observed, expected)


def ordinal(totals: Floats, values: Sequence[str] = ()) -> Floats:
    """Krippendorff's ordinal distances, squared: how many answers lie between two, both ends counted half.

    ``values``: where ``n/a`` stands among them, it is as far as the farthest two.
    """
    apart_from = [index for index, value in enumerate(values) if value == NOT_APPLICABLE]
    counted = totals.copy()
    counted[..., apart_from] = 0.0
    upto = np.cumsum(counted, axis=-1)
    middle = upto - counted / 2  # the rank of each value, in the middle of those who gave it
    made = (middle[..., :, None] - middle[..., None, :]) ** 2
    if apart_from:
        inside = [index for index in range(totals.shape[-1]) if index not in apart_from]
        farthest = made[..., inside, :][..., inside].max(axis=(-2, -1)) if inside else np.ones(totals.shape[:-1])
        farthest = np.where(farthest > 0, farthest, 1.0)
        for index in apart_from:
            made[..., index, :] = farthest[..., None]
            made[..., :, index] = farthest[..., None]
            made[..., index, index] = 0.0
    return np.asarray(made, dtype=float)


def _coincidences(units: Sequence[Sequence[str]]) -> Table | None:
    values = tuple(sorted({value for unit in units if len(unit) > 1 for value in unit}, key=_order))
    if not values:
        return None
    total = np.zeros((len(values), len(values)))
    for unit in units:
        if len(unit) > 1:
            total += _placed(unit, values)
    return Table(values, total)


def _placed(unit: Sequence[str], values: Sequence[str]) -> Floats:
    place = {value: index for index, value in enumerate(values)}
    given = np.zeros(len(values))
    for value, number_ in Counter(unit).items():
        given[place[value]] = number_
    return (np.outer(given, given) - np.diag(given)) / (len(unit) - 1)


def _one_less(observed: Any, expected: Any) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 1e-12, 1.0 - observed / expected, np.nan), dtype=float)


def _ends(drawn: Floats) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not known.size:
        return -1.0, 1.0
    side = (1 - LEVEL) / 2
    low, high = np.quantile(known, (side, 1 - side))
    return float(low), float(high)


def _number(value: Floats) -> float | None:
    found = float(value)
    return found if np.isfinite(found) else None


def _figure(value: str) -> float:
    return float(value.removeprefix("="))


def _order(value: str) -> tuple[int, float, str]:
    if value == NOT_APPLICABLE:
        return 2, 0.0, value
    try:
        return 0, _figure(value), value
    except ValueError:
        return 1, 0.0, value
