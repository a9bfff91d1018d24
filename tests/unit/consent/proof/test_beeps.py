from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.consent.announcements import BeepTone
from candor.consent.proof import find_beeps, longest_without
from candor.kit.sound import MemorySound
from tests.unit.consent.proof.sounds import RATE, noise, read, sine, sound

QUIET = np.zeros(RATE // 2, np.float32)


def test_beeps_are_counted_with_their_times() -> None:
    found = find_beeps(sound(read("beeps.ulaw")))
    assert [round(beep.start, 1) for beep in found] == [0.0, 2.0, 4.0]
    assert all(abs(beep.stop - beep.start - 0.2) < 0.02 for beep in found)
    assert all(abs(beep.frequency - 1400) < 5 and abs(beep.level + 20) < 1 for beep in found)


def test_speech_has_none() -> None:
    for name in ("speech.ulaw", "notice.ulaw"):
        assert find_beeps(sound(read(name))) == ()
        assert find_beeps(sound(read(name)), frequency=1_400) == ()


@pytest.mark.parametrize("low", [697, 770, 852, 941])
@pytest.mark.parametrize("high", [1209, 1336, 1477, 1633])
def test_telephone_keys_are_no_beeps(low: int, high: int) -> None:
    for twist in (0.25, 1.0, 4.0):
        key = np.concatenate([QUIET, sine(low, 0.2, 0.05 * twist) + sine(high, 0.2, 0.05), QUIET])
        assert find_beeps(sound(key)) == ()
        assert find_beeps(sound(key), frequency=high) == ()


def test_special_information_tones_and_tunes_are_no_beeps() -> None:
    sit = np.concatenate([QUIET, sine(950, 0.33), sine(1400, 0.33), sine(1800, 0.33), QUIET])
    tune = np.concatenate([QUIET, *(sine(f, 0.2) for f in (1047, 1175, 1319, 1397)), QUIET])
    assert find_beeps(sound(sit)) == ()
    assert find_beeps(sound(tune)) == ()


def test_notes_with_partials_are_no_beeps() -> None:
    note = sum((sine(1047 * partial, 0.4, 0.1 / partial) for partial in (1, 2, 3)), np.zeros(1, np.float32))
    assert find_beeps(sound(np.concatenate([QUIET, note, QUIET]))) == ()


@pytest.mark.parametrize("seconds", [0.05, 1.3, 5.0])
def test_too_short_or_too_long(seconds: float) -> None:
    assert find_beeps(sound(np.concatenate([QUIET, sine(1400, seconds), QUIET]))) == ()


@pytest.mark.parametrize("frequency", [425, 900, 2200, 3000])
def test_tones_elsewhere(frequency: int) -> None:
    assert find_beeps(sound(np.concatenate([QUIET, sine(frequency, 0.3), QUIET]))) == ()


def test_a_known_tone_is_heard_while_somebody_speaks() -> None:
    speech = read("speech.ulaw").copy()
    beep = BeepTone(level=-15).sound(RATE)
    speech[RATE : RATE + len(beep)] += beep
    found = find_beeps(sound(speech), frequency=1_400)
    assert [round(found_beep.start, 1) for found_beep in found] == [1.0]
    assert find_beeps(sound(speech), frequency=1_200) == ()


@given(
    frequency=st.floats(1_010, 1_990),
    seconds=st.floats(0.11, 0.99),
    level=st.floats(0.01, 0.7),
    start=st.integers(0, RATE),
)
@settings(max_examples=60, deadline=None)
def test_any_beep_is_measured(frequency: float, seconds: float, level: float, start: int) -> None:
    tone = sine(frequency, seconds, level)
    samples = np.concatenate([np.zeros(RATE // 4 + start, np.float32), tone, QUIET])
    samples = samples + noise(len(samples), level / 100)
    (beep,) = find_beeps(sound(samples))
    assert beep.frequency == pytest.approx(frequency, abs=8)
    assert beep.start == pytest.approx((RATE // 4 + start) / RATE, abs=0.025)
    assert beep.stop - beep.start == pytest.approx(seconds, abs=0.025)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257])
def test_hardly_any_sound(length: int) -> None:
    assert find_beeps(MemorySound(np.zeros((length, 2), np.float32), RATE)) == ()


def test_the_longest_stretch_without() -> None:
    found = find_beeps(sound(read("beeps.ulaw")))
    assert longest_without(found, 5.0) == pytest.approx(2.0, abs=0.03)
    assert longest_without(found, 30.0) == pytest.approx(26.0, abs=0.03)
    assert longest_without((), 30.0) == 30.0
