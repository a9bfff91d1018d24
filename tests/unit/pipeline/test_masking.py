"""Telephone keys in the sound of a call: found, masked, and three of them after "the security code?" are one."""

from __future__ import annotations

import numpy as np

from candor.kit.sound import MemorySound
from candor.pipeline.masking import code_key_times, key_times
from tests.unit.redaction.calls import spoken

RATE = 8000
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)


def with_keys(seconds: float, *pressed: tuple[float, int]) -> MemorySound:
    """Two channels of a faint hiss; keys (at, number of the key from the left above) on the second."""
    samples = np.random.default_rng(2).normal(0, 0.002, (round(seconds * RATE), 2))
    places = np.arange(round(0.12 * RATE)) / RATE
    for at, key in pressed:
        tone = sum(0.2 * np.sin(2 * np.pi * hertz * places) for hertz in (ROWS[key // 3], COLUMNS[key % 3]))
        samples[round(at * RATE) : round(at * RATE) + len(places), 1] += tone
    return MemorySound(samples.astype(np.float32), RATE)


def test_every_key_is_found_also_where_blocks_meet() -> None:
    pressed = [(1.0, 0), (1.3, 4), (29.95, 8), (44.0, 10)]
    found = key_times(with_keys(50, *pressed))
    for at, _ in pressed:
        assert any(start <= at and at + 0.12 <= end for start, end in found), at
    assert all(any(abs(start - at) < 0.1 for at, _ in pressed) for start, _ in found)


def test_three_keys_after_the_question_are_the_code_and_sixteen_are_not() -> None:
    call = spoken("a: please enter the security code on the back now", "a: thank you")
    asked = call.utterances[0].end
    keys = [(asked + 1 + place, asked + 1.1 + place) for place in range(3)]
    assert code_key_times(keys, call) == keys
    assert code_key_times([(asked + 1 + place / 4, asked + 1.1 + place / 4) for place in range(16)], call) == []
    other = spoken("a: please enter your card number now")
    assert code_key_times(keys, other) == []
