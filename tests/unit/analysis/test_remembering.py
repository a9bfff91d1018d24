"""The embedder that remembers: every sentence once, in the order asked for, placeholders as words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from candor.analysis.adapters.remembering import Remembering


class Counting:
    """A tiny embedder that shows what it was asked."""

    name, version, dimension = "counting", "1", 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], np.float32)


def test_each_sentence_is_computed_once_and_order_is_kept() -> None:
    counting = Counting()
    embed = Remembering(counting)
    first = embed(["bb", "a", "bb"])
    again = embed(["a", "ccc", "bb"])
    assert first[:, 0].tolist() == [2, 1, 2]
    assert again[:, 0].tolist() == [1, 3, 2]
    assert counting.asked == ["bb", "a", "ccc"]


def test_placeholders_are_read_as_what_they_stand_for() -> None:
    counting = Counting()
    Remembering(counting)(["my name is [NAME_1]", "my name is [NAME_2]"])
    assert counting.asked == ["my name is name"]


def test_nothing_asked_is_nothing_given() -> None:
    assert Remembering(Counting())([]).shape == (0, 2)
