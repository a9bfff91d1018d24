"""Copies and leakage between channels."""

from __future__ import annotations

import numpy as np

from candor.kit.sound import MemorySound
from candor.transcript.channels import LeakFilter, Likeness
from candor.transcript.ports import Stretch

RATE = 8000
RNG = np.random.default_rng(1)
SPEECH = [Stretch(start=1.0, end=3.0)]


def noise(seconds: float) -> np.ndarray:
    return RNG.normal(0, 0.2, int(seconds * RATE)).astype(np.float32)


def alike(*channels: np.ndarray) -> bool:
    likeness = Likeness(len(channels))
    both = np.stack(channels, axis=1)
    likeness.feed(both[:RATE])
    likeness.feed(both[RATE:])
    return likeness.all_same()


def test_copies_are_seen_at_any_volume() -> None:
    one = noise(3.0)
    assert alike(one, one)
    assert alike(one, 0.2 * one + RNG.normal(0, 1e-3, len(one)).astype(np.float32))


def test_different_or_silent_channels_are_not_copies() -> None:
    one = noise(3.0)
    assert not alike(one, noise(3.0))
    assert not alike(one, 0.5 * one + noise(3.0))
    assert not alike(one, np.zeros_like(one))
    assert not alike(np.zeros_like(one), np.zeros_like(one))


def test_an_echo_is_left_out_of_the_weak_channel_only() -> None:
    loud = noise(4.0)
    echo = 0.1 * np.roll(loud, int(0.08 * RATE)) + RNG.normal(0, 0.005, len(loud)).astype(np.float32)
    leaks = LeakFilter(MemorySound(np.stack([loud, echo], axis=1), RATE))
    speech = [SPEECH, SPEECH]
    assert leaks.own(0, speech) == SPEECH
    assert leaks.own(1, speech) == []
    assert leaks.dropped == 2.0


def test_talking_at_the_same_time_is_not_leakage() -> None:
    sound = MemorySound(np.stack([noise(4.0), 0.2 * noise(4.0)], axis=1), RATE)
    leaks = LeakFilter(sound)
    assert leaks.own(1, [SPEECH, SPEECH]) == SPEECH
    assert leaks.dropped == 0.0
