"""What is heard after masking."""

from __future__ import annotations

import io

import numpy as np
import pytest

from candor.conversation.peaks import Peaks
from candor.kit.sound import FlacReader, FlacWriter, MemorySound
from candor.redaction.sound import FADE_SECONDS, TONE_HERTZ, TONE_LEVEL, mask_sound

RATE = 8000


def speech(seconds: float, channels: int = 2) -> np.ndarray:
    """Loud noise on every channel, as 16-bit steps, full scale included."""
    samples = np.random.default_rng(7).integers(-32768, 32768, (int(seconds * RATE), channels))
    return (samples / 32768).astype(np.float32)


def mask(samples: np.ndarray, times: list[tuple[float, float]], *, tone: bool = True) -> tuple[np.ndarray, Peaks]:
    stream = io.BytesIO()
    with FlacWriter(stream, RATE, samples.shape[1]) as writer:
        peaks = mask_sound(MemorySound(samples, RATE), times, writer, tone=tone)
    stream.seek(0)
    with FlacReader(stream) as reader:
        return reader.window(0, reader.frames), peaks


TIMES = [(1.0, 2.5), (29.0, 31.5), (40.00005, 40.1), (61.0, 90.0)]
"""Inside a block, over the border of two, between samples, longer than nothing else and up to the end."""


def inside(frames: int, grow: float = 0.0) -> np.ndarray:
    places = np.arange(frames) / RATE
    return np.any([(places >= begin - grow) & (places < end + grow) for begin, end in TIMES], axis=0)


def test_outside_the_spans_every_sample_is_the_original() -> None:
    original = speech(90)
    masked, _ = mask(original, TIMES)
    untouched = ~inside(len(original), grow=FADE_SECONDS + 2 / RATE)
    assert untouched.mean() > 0.3
    assert np.array_equal(masked[untouched], original[untouched])


def test_inside_the_spans_there_is_silence_without_tone() -> None:
    masked, _ = mask(speech(90), TIMES, tone=False)
    assert not masked[inside(len(masked))].any()


def test_inside_the_spans_there_is_only_the_tone() -> None:
    masked, _ = mask(speech(90), TIMES)
    other = speech(90)[::-1].copy()
    other_masked, _ = mask(other, TIMES)
    hidden = inside(len(masked))
    # Whatever was there before: the same result, which is a tone at its level on every channel.
    assert np.array_equal(masked[hidden], other_masked[hidden])
    stretch = masked[int(1.1 * RATE) : int(2.1 * RATE)]
    spectrum = np.abs(np.fft.rfft(stretch[:, 0].astype(np.float64)))
    assert np.argmax(spectrum) == TONE_HERTZ
    assert spectrum[int(TONE_HERTZ)] ** 2 > 0.999 * np.sum(spectrum**2)
    assert np.sqrt(np.mean(stretch**2)) == pytest.approx(TONE_LEVEL / np.sqrt(2), rel=0.01)
    assert np.array_equal(masked[hidden][:, 0], masked[hidden][:, 1])


def test_fades_only_make_the_original_quieter() -> None:
    original = speech(3)
    masked, _ = mask(original, [(1.0, 2.0)])
    fade = int(FADE_SECONDS * RATE)
    before = slice(RATE - fade, RATE)
    assert np.all(np.abs(masked[before]) <= np.abs(original[before]) + 1 / 32768)
    assert np.abs(masked[RATE - 1]).max() < 0.05


def test_peaks_are_those_of_the_masked_sound_and_flat_where_masked() -> None:
    original = speech(90)
    masked, peaks = mask(original, [(10.0, 20.0)])
    assert peaks.peaks_per_second <= 100
    rate = peaks.peaks_per_second
    assert not peaks.array[:, int(10.1 * rate) : int(19.9 * rate)].any()
    size = peaks.samples_per_peak
    assert peaks.array[1, 3, 1] == np.ceil(masked[3 * size : 4 * size, 1].max() * 127)
    assert peaks.array.shape[1] == -(-len(original) // size)


@pytest.mark.parametrize("times", [[], [(-5.0, -1.0)], [(200.0, 300.0)], [(1.0, 1.0)]])
def test_spans_that_touch_nothing_change_nothing(times: list[tuple[float, float]]) -> None:
    original = speech(3, channels=1)
    masked, _ = mask(original, times)
    assert np.array_equal(masked, original)


def test_four_hours_are_read_in_blocks() -> None:
    class Long:
        """Four hours that exist only as they are read."""

        rate, channels, frames = RATE, 2, 4 * 3600 * RATE
        largest = 0

        def window(self, start: int, stop: int) -> np.ndarray:
            self.largest = max(self.largest, stop - start)
            return np.zeros((min(stop, self.frames) - start, self.channels), np.float32)

    source, stream = Long(), io.BytesIO()
    with FlacWriter(stream, RATE, 2) as writer:
        peaks = mask_sound(source, [(5.0, 6.0), (14_000.0, 14_399.0)], writer)
    assert writer.frames == source.frames
    assert source.largest <= 30 * RATE
    assert peaks.channels * peaks.count <= 20_000
