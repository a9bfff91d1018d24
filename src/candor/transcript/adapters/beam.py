"""Beam search over a decoder that gives one row of scores a hypothesis (no model in sight).

A hypothesis is judged by its mean token log-probability. Three things keep it quick: hypotheses that have fallen more
than ``margin`` behind the best are dropped, so that few rows are computed where the model is sure; only tokens near
the top of a row are looked at; and it stops when none can overtake a finished one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
"""Scores of the next token before softmax, (hypotheses, vocabulary)."""

Step = Callable[[list[int], list[int]], Rows]
"""``step(parents, tokens)``: row i continues row ``parents[i]`` of the step before with ``tokens[i]``."""

NEAR = 9.0
"""Tokens less likely than the best of their row by more than this (natural log) are not looked at."""
MARGIN = 4.0
"""How far (natural log, whole sequence) a hypothesis may fall behind the best one."""


class Preference(Protocol):
    """Extra log-probability for wanted words; its state is opaque to the search."""

    def start(self) -> tuple[float, object]:
        """The bonus (0) and state of the empty sequence."""

    def extend(self, state: object, token: int) -> tuple[float, object]:
        """The bonus of the whole sequence so far with ``token`` behind it, and its state."""

    def close(self, state: object) -> float:
        """The bonus of a finished sequence."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A finished or growing token sequence with the log-probability of each token (the end token's comes last)."""

    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    total: float = 0.0
    """Sum of the log-probabilities."""
    bonus: float = 0.0
    state: object = None

    @property
    def score(self) -> float:
        """Mean log-probability a token, bonus included."""
        return (self.total + self.bonus) / max(len(self.log_probabilities), 1)


def search(
    step: Step, first: Rows, *, end: int, beam: int, limit: int, preference: Preference | None = None
) -> Hypothesis:
    """The best sequence of at most ``limit`` tokens after ``first`` (the one row of scores behind the start token)."""
    bonus, state = (0.0, None) if preference is None else preference.start()
    live = [Hypothesis(bonus=bonus, state=state)]
    done: list[Hypothesis] = []
    rows = first
    for _ in range(limit):
        grown = _grow(live, rows, end, beam, preference)
        floor = grown[0][0] - MARGIN
        # Twice the beam: should the whole beam end here, there is still one to go on with.
        following = [entry for entry in grown[: 2 * beam] if entry[0] >= floor]
        done += [hypothesis for _, _, token, hypothesis in following if token == end]
        following = [entry for entry in following if entry[2] != end][:beam]
        live = [hypothesis for *_, hypothesis in following]
        if not live or (done and (len(done) >= beam or _best(done).score >= _best(live).score)):
            break
        rows = step([entry[1] for entry in following], [entry[2] for entry in following])
    return _best(done or live)


def among(
    step: Step, first: Rows, allowed: Sequence[int], *, end: int, beam: int, limit: int, least: int = 0
) -> Hypothesis | None:
    """The best sequence of at least ``least`` tokens, all ``allowed``; None when it has no ``end`` within ``limit``.

    Its ``total`` is what all tokens together leave it; its ``log_probabilities`` are among the allowed ones.
    """
    columns = np.array([*allowed, end])
    live, done = [_Held()], []
    rows = first
    for length in range(limit):
        full = rows - rows.max(axis=1, keepdims=True)
        scores = (full - np.log(np.exp(full).sum(axis=1, keepdims=True)))[:, columns]
        own = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        totals = scores + np.array([held.total for held in live])[:, None]
        grown: list[tuple[int, _Held]] = []
        for flat in np.argsort(-totals, axis=None)[: 2 * beam].tolist():
            parent, column = divmod(flat, len(columns))
            before, token = live[parent], int(columns[column])
            held = _Held(
                (*before.tokens, token), (*before.gains, float(own[parent, column])), float(totals[parent, column])
            )
            if token == end:
                done += [held] if length >= least else []
            else:
                grown.append((parent, held))
        live = [held for _, held in grown[:beam]]
        if not live or (done and max(held.mean for held in done) >= max(held.mean for held in live)):
            break
        rows = step([parent for parent, _ in grown[:beam]], [held.tokens[-1] for held in live])
    if not done:
        return None
    best = max(done, key=lambda held: held.mean)
    return Hypothesis(tokens=best.tokens[:-1], log_probabilities=best.gains, total=best.total)


@dataclass(frozen=True, slots=True)
class _Held:
    """A sequence of allowed tokens."""

    tokens: tuple[int, ...] = ()
    gains: tuple[float, ...] = ()
    total: float = 0.0

    @property
    def mean(self) -> float:
        return self.total / max(len(self.tokens), 1)


def together(decoders: Sequence[tuple[Rows, Step]]) -> tuple[Rows, Step]:
    """Several decoders of one vocabulary as one: the geometric mean of their probabilities.

    The mean of the scores is that, once the search has turned each row into probabilities.
    """

    def step(parents: list[int], tokens: list[int]) -> Rows:
        return _mean([own(parents, tokens) for _, own in decoders])

    return _mean([first for first, _ in decoders]), step


def _mean(parts: Sequence[Rows]) -> Rows:
    mean: Rows = np.mean(parts, axis=0)
    return mean


def _grow(
    live: list[Hypothesis], rows: Rows, end: int, beam: int, preference: Preference | None
) -> list[tuple[float, int, int, Hypothesis]]:
    """Every promising continuation as (rank, parent, token, hypothesis), best first."""
    looked_at = beam + 1 if preference is None else 4 * beam
    candidates: list[tuple[float, int, int, float, float, object]] = []
    for parent, hypothesis in enumerate(live):
        tokens, gains = _likely(rows[parent], looked_at)
        for token, gain in zip(tokens, gains, strict=True):
            bonus, state = hypothesis.bonus, hypothesis.state
            if preference is not None:
                bonus, state = (preference.close(state), None) if token == end else preference.extend(state, token)
            candidates.append((hypothesis.total + gain + bonus, parent, token, gain, bonus, state))
    candidates.sort(key=_rank, reverse=True)
    return [
        (
            rank,
            parent,
            token,
            Hypothesis(
                live[parent].tokens if token == end else (*live[parent].tokens, token),
                (*live[parent].log_probabilities, gain),
                live[parent].total + gain,
                bonus,
                state,
            ),
        )
        for rank, parent, token, gain, bonus, state in candidates[: 2 * beam]
    ]


def _likely(row: npt.NDArray[np.float32], count: int) -> tuple[list[int], list[float]]:
    """At most ``count`` likely tokens of a row with their log-probabilities, in no order."""
    top = float(row.max())
    near = np.flatnonzero(row > top - NEAR)
    scores = row[near]
    if len(near) > count:
        keep = np.argpartition(scores, -count)[-count:]
        near, scores = near[keep], scores[keep]
    tokens: list[int] = near.tolist()
    gains: list[float] = (scores - (top + float(np.log(np.exp(row - top).sum())))).tolist()
    return tokens, gains


def _rank(candidate: tuple[float, int, int, float, float, object]) -> float:
    return candidate[0]


def _best(hypotheses: list[Hypothesis]) -> Hypothesis:
    return max(hypotheses, key=lambda hypothesis: hypothesis.score)
