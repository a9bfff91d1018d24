"""The outline of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from candor.conversation.peaks import MAX_PEAKS, Peaks, PeaksBuilder
from candor.errors import Damaged


def outline(samples: np.ndarray, rate: int, blocks: int) -> Peaks:
    builder = PeaksBuilder(rate, samples.shape[1], len(samples))
    for begin in range(0, len(samples), blocks):
        builder.add(samples[begin : begin + blocks])
    return builder.finish()


@pytest.mark.parametrize("block", [1, 77, 80, 4096, 100_000])
def test_block_size_does_not_matter(block: int) -> None:
    samples = np.random.default_rng(3).uniform(-1, 1, (4321, 2)).astype(np.float32)
    peaks = outline(samples, 8000, block)
    assert peaks.samples_per_peak == 80
    assert peaks.array.shape == (2, 55, 2)
    assert peaks.array[1, 2, 0] == np.floor(samples[160:240, 1].min() * 127)
    assert peaks.array[0, 54, 1] == np.ceil(samples[4320:, 0].max() * 127)


def test_a_quiet_sound_still_shows() -> None:
    peaks = outline(np.full((80, 1), 0.0001, np.float32), 8000, 80)
    assert peaks.array[0, 0].tolist() == [0, 1]


@pytest.mark.parametrize(("seconds", "channels"), [(1, 1), (600, 2), (3600, 2), (14400, 8)])
def test_limits(seconds: int, channels: int) -> None:
    builder = PeaksBuilder(8000, channels, seconds * 8000)
    for _ in range(seconds // 60 or 1):
        builder.add(np.zeros((min(seconds, 60) * 8000, channels), np.float32))
    peaks = builder.finish()
    assert peaks.peaks_per_second <= 100
    assert peaks.channels * peaks.count <= MAX_PEAKS


def test_binary_form_round_trip() -> None:
    peaks = outline(np.random.default_rng(3).uniform(-1, 1, (999, 3)).astype(np.float32), 16000, 100)
    assert Peaks.from_bytes(peaks.to_bytes()) == peaks


def test_no_sound_at_all() -> None:
    peaks = PeaksBuilder(8000, 2, 0).finish()
    assert peaks.count == 0
    assert Peaks.from_bytes(peaks.to_bytes()) == peaks


@pytest.mark.parametrize("cut", [0, 3, 19, -1])
def test_cut_short_is_damaged(cut: int) -> None:
    data = outline(np.zeros((999, 1), np.float32), 8000, 999).to_bytes()
    with pytest.raises(Damaged):
        Peaks.from_bytes(data[:cut])


def test_another_version_is_refused() -> None:
    data = bytearray(outline(np.zeros((999, 1), np.float32), 8000, 999).to_bytes())
    data[4] = 2
    with pytest.raises(Damaged):
        Peaks.from_bytes(bytes(data))
