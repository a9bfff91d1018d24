"""How sound is prepared for the default recogniser."""

from __future__ import annotations

import numpy as np
import pytest

from candor.transcript.adapters.moonshine import LOUDNESS, SLOWER, TRIM, views, without_hum
from candor.transcript.ports import RATE


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


@pytest.mark.parametrize(("hertz", "kept"), [(25, 0.0624), (100, 0.7071), (300, 0.9939), (3000, 1.0)])
def test_hum_goes_and_speech_stays(hertz: float, kept: float) -> None:
    sound = tone(hertz)
    assert rms(without_hum(sound)) / rms(sound) == pytest.approx(kept, abs=0.002)


def test_a_constant_offset_goes_and_nothing_moves() -> None:
    sound = tone(1000)
    np.testing.assert_allclose(without_hum(sound + np.float32(0.2)), sound, atol=0.01)


def test_views_are_the_same_speech() -> None:
    sound = tone(440, 2.0)
    padded, trimmed, slower = views(sound)
    assert len(padded) == len(sound) + 8 * TRIM
    assert not padded[: 2 * TRIM].any()
    assert not padded[-6 * TRIM :].any()
    assert len(trimmed) == len(sound) - 2 * TRIM
    assert rms(trimmed) == pytest.approx(2 * LOUDNESS, rel=0.01)
    assert len(slower) == pytest.approx(len(sound) / SLOWER, abs=2)
    spectrum = np.abs(np.fft.rfft(slower))
    assert np.argmax(spectrum) * RATE / len(slower) == pytest.approx(440 * SLOWER, abs=1.0)
