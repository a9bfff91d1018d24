"""The search, on a decoder made of a table."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from candor.transcript.adapters import beam as beams
from candor.transcript.adapters.vocabulary import LETTER, Vocabulary

END = 0


class Table:
    """Scores of the next token by the tokens so far; remembers its rows as a decoder remembers its keys."""

    def __init__(self, size: int, seed: int) -> None:
        self.size, self.seed = size, seed
        self.rows: list[tuple[int, ...]] = [()]
        self.computed = 0

    def scores(self, so_far: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng([self.seed, *so_far])
        row = rng.normal(0, 1.5, self.size).astype(np.float32)
        row[END] += len(so_far) - 2.0
        return row

    def step(self, parents: list[int], tokens: list[int]) -> np.ndarray:
        self.rows = [(*self.rows[parent], token) for parent, token in zip(parents, tokens, strict=True)]
        self.computed += len(self.rows)
        return np.stack([self.scores(row) for row in self.rows])

    def total(self, sequence: tuple[int, ...]) -> float:
        total = 0.0
        for place, token in enumerate((*sequence, END)):
            row = self.scores(sequence[:place]).astype(np.float64)
            total += row[token] - math.log(np.exp(row).sum())
        return total


@pytest.mark.parametrize("seed", range(8))
def test_it_reports_the_true_log_probability_of_what_it_found(seed: int) -> None:
    table = Table(6, seed)
    found = beams.search(table.step, table.scores(())[None], end=END, beam=4, limit=12)
    assert found.total == pytest.approx(table.total(found.tokens), abs=1e-4)
    assert len(found.log_probabilities) == len(found.tokens) + 1


def test_a_wide_beam_finds_better_sequences_than_a_greedy_search() -> None:
    gains = []
    for seed in range(30):
        scores = []
        for beam in (1, 6):
            table = Table(6, seed)
            scores.append(beams.search(table.step, table.scores(())[None], end=END, beam=beam, limit=12).score)
        gains.append(scores[1] - scores[0])
    assert min(gains) > -0.35
    assert np.mean(gains) > 0.02


def test_greedy_takes_the_best_token_each_time() -> None:
    table = Table(5, 3)
    expected: list[int] = []
    for _ in range(12):
        best = int(np.argmax(table.scores(tuple(expected))))
        if best == END:
            break
        expected.append(best)
    found = beams.search(table.step, table.scores(())[None], end=END, beam=1, limit=12)
    assert list(found.tokens) == expected


def test_a_loop_runs_into_the_limit() -> None:
    def step(parents: list[int], tokens: list[int]) -> np.ndarray:
        return np.tile(np.array([[-9.0, 5.0, 0.0]], np.float32), (len(parents), 1))

    found = beams.search(step, np.array([[-9.0, 5.0, 0.0]], np.float32), end=END, beam=3, limit=7)
    assert found.tokens == (1,) * 7


def test_where_the_model_is_sure_one_row_is_computed() -> None:
    computed = []

    def step(parents: list[int], tokens: list[int]) -> np.ndarray:
        computed.append(len(parents))
        row = np.full(50, -20.0, np.float32)
        row[END if len(computed) == 5 else 1] = 20.0
        return np.tile(row, (len(parents), 1))

    first = np.full((1, 50), -20.0, np.float32)
    first[0, 1] = 20.0
    assert beams.search(step, first, end=END, beam=5, limit=20).tokens == (1,) * 5
    assert computed == [1] * 5


def test_decoders_together_decide_by_the_mean_of_their_log_probabilities() -> None:
    # Neither likes token 1 best; it is the only one that both can live with.
    left = np.log(np.array([[0.001, 0.4, 0.599]], np.float32)) + 3.0  # scores need not be normalised
    right = np.log(np.array([[0.598, 0.4, 0.002]], np.float32)) - 1.0
    close = np.array([[9.0, -9.0, -9.0]], np.float32)
    seen: list[tuple[list[int], list[int]]] = []

    def step(parents: list[int], tokens: list[int]) -> np.ndarray:
        seen.append((parents, tokens))
        return np.tile(close, (len(parents), 1))

    first, both = beams.together([(left, step), (right, step)])
    found = beams.search(both, first, end=END, beam=1, limit=4)
    assert found.tokens == (1,)
    assert seen[0] == seen[1] == ([0], [1])
    weights = np.sqrt([0.001 * 0.598, 0.4 * 0.4, 0.599 * 0.002])
    assert found.log_probabilities[0] == pytest.approx(np.log(weights[1] / weights.sum()), abs=1e-3)


# -- preferred words ----------------------------------------------------------------------------------------------

PIECES = ["", "▁", "▁voy", "ager", "▁wa", "ger", "▁star", "▁trek", ".", "s", "▁the"]


def bonus(vocabulary: Vocabulary, *pieces: str) -> float:
    worth, state = vocabulary.start()
    for piece in pieces:
        worth, state = vocabulary.extend(state, PIECES.index(piece))
    assert worth >= vocabulary.close(state)
    return vocabulary.close(state)


def test_a_wanted_word_is_worth_its_letters_however_it_is_cut() -> None:
    vocabulary = Vocabulary(["Voyager", "Star Trek"], [piece.encode() for piece in PIECES])
    assert bonus(vocabulary, "▁voy", "ager") == pytest.approx(7 * LETTER)
    assert bonus(vocabulary, "▁", "▁voy") == 0
    assert bonus(vocabulary, "▁the", "▁voy", "ager", ".", "▁the") == pytest.approx(7 * LETTER)
    assert bonus(vocabulary, "▁voy", "ager", "s") == 0
    assert bonus(vocabulary, "▁star", "▁trek") == pytest.approx(9 * LETTER)
    assert bonus(vocabulary, "▁star", "▁voy", "ager") == pytest.approx(7 * LETTER)
    assert bonus(vocabulary, "▁voy", "ager", "▁voy", "ager") == pytest.approx(14 * LETTER)


def test_preference_turns_a_close_call() -> None:
    def step(parents: list[int], tokens: list[int]) -> np.ndarray:
        rows = []
        for token in tokens:
            row = np.full(len(PIECES), -20.0, np.float32)
            row[{2: 3, 4: 5}.get(token, END)] = 0.0
            rows.append(row)
        return np.stack(rows)

    first = np.full((1, len(PIECES)), -20.0, np.float32)
    first[0, PIECES.index("▁wa")], first[0, PIECES.index("▁voy")] = 0.0, -1.0
    arguments = {"end": END, "beam": 3, "limit": 5}
    vocabulary = Vocabulary(["voyager"], [piece.encode() for piece in PIECES])
    assert beams.search(step, first, **arguments).tokens == tuple(itertools.islice((4, 5), 2))
    assert beams.search(step, first, preference=vocabulary, **arguments).tokens == (2, 3)
