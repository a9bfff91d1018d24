from __future__ import annotations

import shutil

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.consent.announcements import render
from candor.consent.announcements.adapters.flite import Flite
from candor.consent.proof import CERTAIN, Part, Print, find, find_all
from candor.errors import Damaged, InvalidInput
from candor.kit.sound import MemorySound
from tests.unit.consent.proof.sounds import RATE, VECTORS, noise, read, sine, sound


@pytest.fixture(scope="module")
def notice() -> np.ndarray:
    return read("notice.ulaw")


@pytest.fixture(scope="module")
def prompt(notice: np.ndarray) -> Print:
    return Print.of("notice", notice, RATE)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return read("speech.ulaw")


def test_the_prompt_is_found_in_a_damaged_call_at_its_place(prompt: Print, notice: np.ndarray) -> None:
    (match,) = find(prompt, sound(read("notice_damaged.ulaw")))
    assert match.part is Part.WHOLE
    assert match.share > 0.95
    assert match.start == pytest.approx(2.0, abs=0.3)
    assert match.stop == pytest.approx(2.0 + len(notice) / RATE, abs=0.3)
    assert match.evidence > 2 * CERTAIN


def test_other_speech_is_not_the_prompt(prompt: Print, speech: np.ndarray) -> None:
    assert find(prompt, sound(speech)) == ()


@pytest.mark.parametrize("gain", [0.25, 4.0])
def test_level_does_not_matter(prompt: Print, notice: np.ndarray, gain: float) -> None:
    (match,) = find(prompt, sound(np.clip(notice * gain, -1, 1)))
    assert match.share > 0.95


@pytest.mark.parametrize("parts_per_million", [-100, 100])
def test_clocks_may_drift(prompt: Print, notice: np.ndarray, parts_per_million: int) -> None:
    places = np.arange(len(notice)) * (1 + parts_per_million * 1e-6)
    (match,) = find(prompt, sound(np.interp(places, np.arange(len(notice)), notice)))
    assert match.share > 0.95
    assert match.score > 0.8


def test_speech_over_it_of_the_same_level(prompt: Print, notice: np.ndarray, speech: np.ndarray) -> None:
    (match,) = find(prompt, sound(notice + np.resize(speech, len(notice))))
    assert match.share > 0.9


@pytest.mark.parametrize(
    ("part", "from_share", "to_share"), [(Part.BEGINNING, 0.0, 0.5), (Part.END, 0.5, 1.0), (Part.MIDDLE, 0.25, 0.75)]
)
def test_part_of_a_prompt_is_told_as_such(
    prompt: Print, notice: np.ndarray, speech: np.ndarray, part: Part, from_share: float, to_share: float
) -> None:
    cut = notice[round(from_share * len(notice)) : round(to_share * len(notice))]
    (match,) = find(prompt, sound(np.concatenate([speech[:RATE], cut, speech[RATE : 2 * RATE]])))
    assert match.part is part
    assert match.share == pytest.approx(0.5, abs=0.12)
    assert match.heard_from == pytest.approx(from_share * prompt.seconds, abs=0.3)
    assert match.heard_to == pytest.approx(to_share * prompt.seconds, abs=0.3)


def test_a_recording_that_begins_inside_the_prompt(prompt: Print, notice: np.ndarray) -> None:
    (match,) = find(prompt, sound(notice[len(notice) // 2 :]))
    assert match.part is Part.END
    assert match.start < 0.3


def test_a_hole_in_the_middle(prompt: Print, notice: np.ndarray) -> None:
    broken = notice.copy()
    third = len(broken) // 3
    broken[third : 2 * third] = 0
    (match,) = find(prompt, sound(broken))
    assert match.part is Part.BROKEN
    assert match.share == pytest.approx(2 / 3, abs=0.12)


def test_the_end_shifted_by_a_jitter_buffer(prompt: Print, notice: np.ndarray) -> None:
    half = len(notice) // 2
    shifted = np.concatenate([notice[:half], np.zeros(RATE // 20, np.float32), notice[half:]])
    (match,) = find(prompt, sound(shifted))
    assert match.part is Part.WHOLE


def test_every_repetition_and_every_channel(prompt: Print, notice: np.ndarray, speech: np.ndarray) -> None:
    left = np.concatenate([notice, speech, notice])
    right = np.concatenate([np.zeros(RATE, np.float32), notice, np.zeros(len(left) - len(notice) - RATE, np.float32)])
    matches = find(prompt, MemorySound(np.stack([left, right], axis=1), RATE))
    starts = [(match.channel, round(match.start)) for match in matches]
    assert starts == [(0, 0), (1, 1), (0, round((len(notice) + len(speech)) / RATE))]


def test_another_rate_and_sound_longer_than_a_block(prompt: Print, notice: np.ndarray) -> None:
    samples = np.concatenate([noise(RATE * 58, 0.001), notice, noise(RATE * 10, 0.001)])
    wide = soxr.resample(samples, RATE, 22_050).astype(np.float32)
    for source in (MemorySound(wide, 22_050), sound(samples)):
        (match,) = find(prompt, source)
        assert match.start == pytest.approx(58, abs=0.1)
        assert match.part is Part.WHOLE


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_of_two_announcements_that_share_a_sentence_the_one_that_was_played_is_told() -> None:
    texts = {
        "short": "This call is recorded by Example Limited.",
        "long": "This call is recorded by Example Limited. If you do not agree, please say so now or at any time.",
    }
    said = {name: Flite().speak(text, "en") for name, text in texts.items()}
    played = {name: render(speech.samples, speech.rate).at(RATE) for name, speech in said.items()}
    prints = [Print.of(name, samples, RATE) for name, samples in played.items()]
    for name, samples in played.items():
        (match,) = find_all(prints, sound(np.concatenate([noise(RATE, 0.003), samples, noise(RATE, 0.003)])))
        assert (match.name, match.part) == (name, Part.WHOLE)


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_the_same_words_by_another_voice_are_not_the_prompt() -> None:
    text = "This call is recorded by Example Limited. The recording is for training our staff."
    other = Flite("awb").speak(text, "en")
    prompt = Print.of("slt", read("notice.ulaw"), RATE)
    assert find(prompt, MemorySound(other.samples, other.rate)) == ()


def test_a_print_keeps_its_bytes(prompt: Print) -> None:
    kept = (VECTORS / "notice.print").read_bytes()
    # Transforms round differently from machine to machine: a step, or a frame at the edge of a pause, may differ.
    mine, theirs = np.frombuffer(prompt.data, np.int8).astype(int), np.frombuffer(kept, np.int8).astype(int)
    assert len(mine) == len(theirs)
    assert (np.abs(mine - theirs) <= 1).mean() > 0.99
    assert find(Print("kept", kept), sound(read("notice_damaged.ulaw")))[0].part is Part.WHOLE
    assert Print("notice", prompt.data) == prompt


@pytest.mark.parametrize("damage", [b"", b"CAP1", b"CAP2" + bytes(40), b"CAP1\xff\xff\xff\xff"])
def test_a_damaged_print_is_refused(damage: bytes) -> None:
    with pytest.raises(Damaged, match="print"):
        Print("x", damage)


def test_a_cut_print_is_refused(prompt: Print) -> None:
    for data in (prompt.data[:-1], prompt.data + b"\0", prompt.data[: len(prompt.data) // 2]):
        with pytest.raises(Damaged):
            Print("x", data)


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (np.zeros(0, np.float32), "prompt.too_short"),
        (np.zeros(RATE * 5, np.float32), "prompt.too_short"),
        (noise(RATE, 0.1), "prompt.too_short"),
        (noise(RATE * 181, 0.1), "prompt.too_long"),
        (np.zeros((RATE, 2), np.float32), "prompt.channels"),
    ],
)
def test_what_is_no_prompt_is_refused(samples: np.ndarray, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Print.of("x", samples, RATE)
    assert caught.value.code == code


@given(
    length=st.sampled_from([0, 1, 2, 127, 128, 255, 256, 511, 512, 513, 4_000, 40_000]),
    kind=st.sampled_from(["silence", "noise", "full scale", "nonsense", "tone", "click"]),
    channels=st.integers(1, 3),
    rate=st.sampled_from([8_000, 11_025, 16_000, 48_000]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_no_sound_whatever_is_an_error_or_a_prompt(
    prompt: Print, length: int, kind: str, channels: int, rate: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    samples = np.zeros((length, channels), np.float32)
    if kind == "noise":
        samples = chance.standard_normal(samples.shape).astype(np.float32) * 0.1
    elif kind == "full scale":
        samples = np.sign(chance.standard_normal(samples.shape)).astype(np.float32)
    elif kind == "nonsense":
        samples = chance.choice(np.array([np.nan, np.inf, -np.inf, 1e30, -1e-30], np.float32), samples.shape)
    elif kind == "tone":
        samples = np.resize(sine(chance.uniform(50, 3_900), 1.0), samples.shape)
    elif kind == "click" and length:
        samples[chance.integers(0, length)] = 1.0
    assert find(prompt, MemorySound(samples, rate)) == ()


def test_nothing_to_look_for(speech: np.ndarray) -> None:
    assert find_all([], sound(speech)) == ()
