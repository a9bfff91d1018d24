"""From probabilities to segments."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.transcript.ports import Stretch
from candor.transcript.segments import AFTER, BEFORE, GAP, LONGEST, merge, stretches

STEP = 0.032


def speech(*pairs: tuple[float, float]) -> list[Stretch]:
    return [Stretch(start=start, end=end) for start, end in pairs]


def test_hysteresis_bridges_a_dip_that_stays_above_off() -> None:
    found = stretches(np.array([0, 0.4, 0.2, 0.16, 0.3, 0.1, 0.25, 0], np.float32), 1.0)
    assert found == speech((1, 5))


def test_speech_that_lasts_to_the_end_is_kept() -> None:
    assert stretches(np.array([0, 0.9, 0.9], np.float32), 1.0) == speech((1, 3))


def test_silence_and_nothing_give_nothing() -> None:
    assert stretches(np.zeros(100, np.float32), STEP) == []
    assert stretches(np.zeros(0, np.float32), STEP) == []


def test_endless_speech_is_cut_where_it_is_least_sure() -> None:
    probabilities = np.full(int(30 / STEP), 0.9, np.float32)
    dip = int(15 / STEP)
    probabilities[dip] = 0.2
    found = stretches(probabilities, STEP)
    assert found[0].end == pytest.approx(dip * STEP)
    assert found[1].start == found[0].end


def test_short_gaps_are_joined_and_long_ones_not() -> None:
    merged = merge(speech((1, 2), (3.5, 4), (4 + GAP + 0.1, 8)), 10.0)
    assert [(round(piece.start, 2), round(piece.end, 2)) for piece in merged] == [
        (round(1 - BEFORE, 2), round(4 + AFTER, 2)),
        (round(4 + GAP + 0.1 - BEFORE, 2), round(8 + AFTER, 2)),
    ]


def test_padding_stays_inside_the_call_and_never_overlaps() -> None:
    merged = merge(speech((0.05, 15), (15.1, 29.95)), 30.0)
    assert merged[0].start == 0
    assert merged[-1].end == 30
    assert merged[0].end == pytest.approx(merged[1].start)


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.04, 19.0)), max_size=30))
def test_segments_cover_all_speech_and_are_never_too_long(gaps: list[tuple[float, float]]) -> None:
    pieces, at = [], 0.0
    for gap, length in gaps:
        pieces.append(Stretch(start=at + gap, end=at + gap + length))
        at += gap + length
    merged = merge(pieces, at)
    assert all(piece.length <= LONGEST + 1e-6 for piece in merged)
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(merged))
    for piece in pieces:
        assert any(segment.start <= piece.start + 1e-9 and piece.end <= segment.end + 1e-9 for segment in merged)
