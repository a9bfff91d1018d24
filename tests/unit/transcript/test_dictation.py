"""Numbers heard a second time: where stretches part, what is taken for digits, what a real recogniser makes of it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from candor.transcript import dictation
from candor.transcript.adapters.beam import among
from candor.transcript.adapters.moonshine import Moonshine
from candor.transcript.dictation import Digits, Number, loops, numbers, replaced, stretches
from candor.transcript.ports import RATE, HeardWord, Mono, Stretch

CALLS = Path(__file__).resolve().parents[3] / "demo" / "calls"


def bursts(*lengths: float, gap: float = 0.1, pause_after: int | None = None, pause: float = 0.4) -> Mono:
    """Loud noise of ``lengths`` seconds each, with a faint hiss between."""
    rng = np.random.default_rng(3)
    parts = [rng.normal(0, 0.0005, RATE // 2)]
    for place, length in enumerate(lengths):
        parts.append(rng.normal(0, 0.1, round(length * RATE)))
        parts.append(rng.normal(0, 0.0005, round((pause if place == pause_after else gap) * RATE)))
    parts.append(rng.normal(0, 0.0005, RATE // 2))
    return np.concatenate(parts).astype(np.float32)


def test_stretches_part_at_pauses_and_not_at_gaps() -> None:
    found = stretches(bursts(0.4, 0.4, 0.4, 0.4, pause_after=1))
    assert [(round(one.start, 1), round(one.end, 1)) for one in found] == [(0.5, 1.4), (1.8, 2.7)]


@pytest.mark.parametrize("sound", [np.zeros(0, np.float32), np.zeros(RATE, np.float32)])
def test_silence_has_no_number(sound: Mono) -> None:
    assert numbers(Says(), sound, [], [], timed=True) == []


class Says:
    """Hears the digits that it was given, for every stretch in turn."""

    def __init__(self, *texts: str, behind: float = 0.1) -> None:
        self._texts, self._behind = list(texts), behind

    def hear_digits(self, sound: Mono) -> Digits | None:
        if not self._texts or not len(sound):
            return None
        text = self._texts.pop(0)
        words = tuple(HeardWord(text=word, confidence=0.9) for word in text.split())
        return Digits(words=words, behind=self._behind) if words else None


def found(hearer: Says, text: str = "a b c d", confidence: float = 0.4) -> list[str]:
    sound = bursts(0.4, 0.4, 0.4, 0.4)
    words = [HeardWord(text=word, confidence=confidence) for word in text.split()]
    times = [Stretch(start=0.5 + 0.5 * place, end=0.9 + 0.5 * place) for place in range(len(words))]
    return [" ".join(word.text for word in one.words) for one in numbers(hearer, sound, words, times, timed=True)]


def test_digits_at_the_pace_of_dictation_are_a_number() -> None:
    assert found(Says("five, five, one, four.")) == ["five, five, one, four."]


@pytest.mark.parametrize(
    ("hearer", "why"),
    [
        (Says("one one one one one"), "the search went in circles"),
        (Says("one, two, three, four.", behind=1.1), "the recogniser would write something much likelier"),
        (Says("one two three four five six seven eight nine zero one two three four"), "nobody speaks so fast"),
        (Says("one two three"), "too few to be known by their sound alone"),
        (Says(""), "the search did not end"),
    ],
)
def test_other_speech_is_none(hearer: Says, why: str) -> None:
    assert found(hearer) == [], why


def test_words_recognised_surely_are_not_listened_to_again() -> None:
    assert found(Says("five, five, one, four."), "please call me back", 0.97) == []


def test_a_recogniser_that_repeats_itself_is_noticed() -> None:
    assert loops(["6,"] * 8)
    assert not loops([*["no"] * 4, "it", "is", *["6"] * 3])


def test_a_long_written_number_stays_unless_most_of_it_was_heard_anew() -> None:
    number = Number(start=1.0, end=2.0, words=())
    assert replaced("All", Stretch(start=1.2, end=1.4), [number])
    assert replaced("0656538870", Stretch(start=1.0, end=2.2), [number])
    assert not replaced("0656538870", Stretch(start=0.5, end=4.0), [number])


def test_the_search_among_some_tokens_ends_by_itself_or_not_at_all() -> None:
    ending = np.array([[0.0, 5.0, 1.0, -9.0]], np.float32)
    endless = np.array([[0.0, 5.0, 1.0, -99.0]], np.float32)
    over = np.array([[0.0, 0.0, 0.0, 9.0]], np.float32)
    best = among(lambda parents, _: np.repeat(over, len(parents), axis=0), ending, [1, 2], end=3, beam=2, limit=4)
    assert best is not None
    assert best.tokens == (1,)

    def goes_on(parents: list[int], _tokens: list[int]) -> np.ndarray:
        return np.repeat(endless, len(parents), axis=0)

    assert among(goes_on, endless, [0, 1, 2], end=3, beam=1, limit=4) is None


@pytest.fixture(scope="module")
def model() -> Moonshine:
    return Moonshine(beam=1)


def stretch_of(call: str, start: float, end: float) -> Mono:
    """The customer's channel of a demo call."""
    with av.open(str(CALLS / f"{call}.opus")) as container:
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        frames = [out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.ascontiguousarray(np.concatenate(frames, axis=1)[0, round(start * RATE) : round(end * RATE)])


def test_a_real_recogniser_held_to_digits_hears_them(model: Moonshine) -> None:
    digits = model.hear_digits(stretch_of("03-card-payment-interrupted", 45.4, 46.95))
    assert digits is not None
    assert [word.text.strip(",.").lower() for word in digits.words] == ["seven", "three", "seven"]
    assert digits.behind < dictation.CLOSE


def test_of_a_sentence_it_makes_no_number(model: Moonshine) -> None:
    sound = stretch_of("01-first-double-charge", 6.0, 14.0)
    assert len(stretches(sound)) >= 1
    assert numbers(model, sound, [], [], timed=False) == []
