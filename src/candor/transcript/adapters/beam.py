"""Beam search over a decoder that gives one row of scores a hypothesis (no model in sight).

A hypothesis is scored by its mean token log-probability. Three things keep it quick: rows whose score has fallen
more than ``margin`` behind the best are dropped, so that where the model is sure only one row is computed;
only tokens near the top of a row are looked at; and it stops when no row can overtake a finished one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]
"""Scores of the next token before softmax, (hypotheses, vocabulary)."""

Step = Callable[[list[int], list[int]], Rows]
"""``step(parents, tokens)``: row i continues row ``parents[i]`` of the step before with ``tokens[i]``."""

Bonus = Callable[[tuple[int, ...]], float]
"""Extra log-probability of a whole token sequence, for words that are to be preferred."""

NEAR = 9.0
"""Tokens less likely than the best of their row by more than this (natural log) are not looked at."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A finished or growing token sequence with the log-probability of each token (the end token's comes last)."""

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    total: float
    """Sum of the log-probabilities."""
    bonus: float = 0.0

    @property
    def score(self) -> float:
        """Mean log-probability a token, bonus included."""
        return (self.total + self.bonus) / max(len(self.log_probabilities), 1)


def search(
    step: Step,
    first: Rows,
    *,
    end: int,
    beam: int,
    limit: int,
    margin: float = 4.0,
    bonus: Bonus | None = None,
) -> Hypothesis:
    """The best sequence of at most ``limit`` tokens after ``first`` (the one row of scores behind the start token)."""
    live = [Hypothesis((), (), 0.0)]
    rows = first
    done: list[Hypothesis] = []
    look = beam if bonus is None else beam * 3
    for _ in range(limit):
        grown: list[tuple[float, int, int, float, float]] = []
        for parent, hypothesis in enumerate(live):
            row = rows[parent]
            top = float(row.max())
            near = np.flatnonzero(row > top - NEAR)
            scores = row[near]
            norm = top + float(np.log(np.exp(row - top).sum()))
            if len(near) > look:
                keep = np.argpartition(scores, -look)[-look:]
                near, scores = near[keep], scores[keep]
            for token, score in zip(near.tolist(), scores.tolist(), strict=True):
                gained = score - norm
                extra = 0.0 if bonus is None or token == end else bonus((*hypothesis.tokens, token))
                if token == end:
                    extra = hypothesis.bonus
                grown.append((hypothesis.total + gained + extra, parent, token, gained, extra))
        grown.sort(reverse=True)
        best = grown[0][0]
        parents: list[int] = []
        tokens: list[int] = []
        following: list[Hypothesis] = []
        for ranked, parent, token, gained, extra in grown[: 2 * beam]:
            if ranked < best - margin or len(following) == beam:
                break
            before = live[parent]
            after = Hypothesis(
                before.tokens if token == end else (*before.tokens, token),
                (*before.log_probabilities, gained),
                before.total + gained,
                extra,
            )
            if token == end:
                done.append(after)
            else:
                following.append(after)
                parents.append(parent)
                tokens.append(token)
        live = following
        if not live:
            break
        if done:
            finished = max(done, key=_score)
            if len(done) >= beam or finished.score >= max(map(_score, live)):
                break
        rows = step(parents, tokens)
    return max(done or live, key=_score)


def _score(hypothesis: Hypothesis) -> float:
    return hypothesis.score
