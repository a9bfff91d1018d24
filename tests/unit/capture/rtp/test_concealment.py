"""Loss concealment: better than silence, never louder than what was, and over after 60 ms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from candor.capture.rtp.concealment import conceal
from tests.unit.capture.rtp.media import Sound, snr, sweep, telephone_speech


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("pitch", [80, 140, 200, 333, 390])
def test_a_sine_goes_on(pitch: float, rate: int) -> None:
    sine = (9000 * np.sin(2 * np.pi * pitch * np.arange(rate // 5) / rate)).astype(np.int16)
    lost = slice(rate // 10, rate // 10 + rate // 50)
    assert snr(sine[lost], conceal(sine[: lost.start], rate // 50, rate)) > 8


def losses(speech: list[Sound], count: int) -> list[tuple[Sound, Sound]]:
    """(60 ms before, 20 ms lost) at random places where somebody speaks."""
    random = np.random.default_rng(5)
    found: list[tuple[Sound, Sound]] = []
    while len(found) < count:
        sound = speech[random.integers(len(speech))]
        at = int(random.integers(480, max(481, len(sound) - 160)))
        lost = sound[at : at + 160]
        if len(lost) == 160 and np.sqrt((lost.astype(float) ** 2).mean()) > 300:
            found.append((sound[at - 480 : at], lost))
    return found


@pytest.mark.shared
def test_real_speech_is_nearer_to_itself_than_silence_is(shared: Path) -> None:
    pairs = losses(telephone_speech(shared), 600)
    wanted = np.concatenate([lost for _, lost in pairs])
    filled = np.concatenate([conceal(before, 160, 8000) for before, _ in pairs])
    assert snr(wanted, filled) > 0.3
    # Voices repeat; what hisses cannot be foretold, and may come out a little worse than silence.
    assert np.mean([snr(lost, conceal(before, 160, 8000)) > -1.5 for before, lost in pairs]) > 0.8


def test_voiced_sound_is_filled_well() -> None:
    voice = sweep(2.0, 8000)
    gains = [snr(voice[at : at + 160], conceal(voice[at - 480 : at], 160, 8000)) for at in range(800, 15_800, 500)]
    assert np.mean(gains) > 5


def test_a_long_loss_ends_in_silence() -> None:
    voice = sweep(0.2, 8000)
    filled = conceal(voice, 8000, 8000)
    assert filled.shape == (8000,)
    assert np.abs(filled[:80]).max() > 0.5 * np.abs(voice[-160:]).max()
    assert not filled[480:].any()
    energy = [float(np.sqrt((filled[at : at + 80].astype(float) ** 2).mean())) for at in range(0, 480, 80)]
    assert energy[5] < 0.3 * energy[0]


def test_it_begins_where_the_sound_ended() -> None:
    voice = sweep(1.0, 8000)
    steps = np.abs(np.diff(voice.astype(int)))
    for at in range(800, 7800, 333):
        step = abs(int(conceal(voice[:at], 160, 8000)[0]) - int(voice[at - 1]))
        assert step <= 1.5 * steps[at - 300 : at].max()


def test_silence_stays_silent_and_little_is_not_enough() -> None:
    assert not conceal(np.zeros(480, np.int16), 160, 8000).any()
    assert not conceal(np.zeros(0, np.int16), 160, 8000).any()
    assert not conceal(np.full(39, 5000, np.int16), 160, 8000).any()
    assert conceal(np.ones(480, np.int16), 0, 8000).shape == (0,)
    assert conceal(np.ones(480, np.int16), -5, 8000).shape == (0,)


def test_only_the_last_60_ms_count() -> None:
    voice = sweep(1.0, 8000)
    assert (conceal(voice, 160, 8000) == conceal(voice[-480:], 160, 8000)).all()


@settings(deadline=None, max_examples=150)
@given(
    hnp.arrays(np.int16, st.integers(0, 700), elements=st.integers(-32768, 32767)),
    st.integers(0, 1000),
    st.sampled_from([1, 10, 8000, 16000]),
)
def test_it_is_never_louder_than_what_was_and_always_the_same(before: Sound, length: int, rate: int) -> None:
    filled = conceal(before, length, rate)
    assert filled.shape == (length,)
    assert filled.dtype == np.int16
    if length and filled.any():
        assert np.abs(filled.astype(int)).max() <= np.abs(before.astype(int)).max()
    assert (filled == conceal(before, length, rate)).all()
