"""Speech left out after a number: its last digit seems to last for seconds, and the rest is heard anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from candor.kit.sound import MemorySound
from candor.transcript.adapters import build
from candor.transcript.dictation import DIGIT, drawn
from candor.transcript.ports import RATE, Capabilities, Heard, HeardWord, Mono, Stretch
from candor.transcript.service import Transcriber

CALL = Path(__file__).resolve().parents[3] / "demo" / "calls" / "03-card-payment-interrupted.opus"
SECONDS = 6.0


class Recogniser:
    """Hears what it was given, for one sound after the other."""

    capabilities = Capabilities(
        engine="test", model="test", version="1", languages=frozenset({"en"}), word_times=False, log_probabilities=True
    )

    def __init__(self, *texts: str) -> None:
        self._texts: Iterator[str] = iter(texts)
        self.heard: list[float] = []

    def recognise(self, segments: Sequence[Mono], *, language: str | None = None) -> list[Heard]:
        del language
        self.heard += [len(segment) / RATE for segment in segments]
        return [self._of(next(self._texts)) for _ in segments]

    @staticmethod
    def _of(text: str) -> Heard:
        words = tuple(HeardWord(text=word, confidence=0.9) for word in text.split())
        return Heard(words=words, mean_log_probability=-0.1, tokens=len(words), language="en")


class Aligner:
    """Gives every word half a second and the last one what is left: so does one that has no word for it."""

    languages = frozenset({"en"})

    def align(self, sound: Mono, words: Sequence[str]) -> list[Stretch]:
        length, last = len(sound) / RATE, len(words) - 1
        return [
            Stretch(start=0.5 * place, end=length if place == last else 0.5 * (place + 1))
            for place in range(len(words))
        ]


class Whole:
    """All of it is speech."""

    def start(self) -> Whole:
        return self

    def feed(self, sound: Mono) -> None:
        del sound

    def finish(self) -> list[Stretch]:
        return [Stretch(start=0.0, end=SECONDS)]


class NoDigits:
    """Nothing is made of a second hearing of numbers."""

    def hear_digits(self, sound: Mono) -> None:
        del sound


def heard(*texts: str, aligner: Aligner | None = None) -> tuple[list[tuple[str, float, float]], list[float]]:
    recogniser = Recogniser(*texts)
    noise = np.random.default_rng(1).normal(0, 0.1, (round(SECONDS * RATE), 1)).astype(np.float32)
    transcriber = Transcriber(recogniser, Whole(), aligner or Aligner(), None, NoDigits())
    transcript = transcriber.transcribe(MemorySound(noise, RATE), language="en")
    words = [word for line in transcript.utterances for word in line.words]
    return [(word.text, word.start, word.end) for word in words], recogniser.heard


def test_the_rest_of_a_drawn_digit_is_heard_by_itself() -> None:
    words, lengths = heard("four two seven", "no wait")
    seconds = SECONDS - 1.0 - DIGIT
    assert lengths == [SECONDS, pytest.approx(seconds, abs=0.01)]
    assert [word for word, _, _ in words] == ["four", "two", "seven", "no", "wait"]
    assert words[2][1:] == (1.0, 1.0 + DIGIT)
    assert words[3][1] == pytest.approx(1.0 + DIGIT)


def test_where_nothing_is_heard_the_digit_keeps_its_time() -> None:
    words, _ = heard("four two seven", "")
    assert words[-1] == ("seven", 1.0, SECONDS)


def test_between_digits_nothing_is_taken_for_words() -> None:
    class Drawn(Aligner):
        def align(self, sound: Mono, words: Sequence[str]) -> list[Stretch]:
            del sound, words
            return [Stretch(start=0.0, end=0.5), Stretch(start=0.5, end=3.0), Stretch(start=3.0, end=3.4)]

    words, lengths = heard("four two seven", aligner=Drawn())
    assert lengths == [SECONDS]
    assert words == [("four", 0.0, 0.5), ("two", 0.5, 3.0), ("seven", 3.0, 3.4)]


def test_other_words_keep_their_time() -> None:
    words, lengths = heard("four two operator")
    assert lengths == [SECONDS]
    assert words[-1] == ("operator", 1.0, SECONDS)


@pytest.mark.parametrize(
    ("text", "seconds", "is_drawn"),
    [
        ("seven,", 1.5, True),
        ("Oh.", 2.0, True),
        ("seven,", 1.2, False),
        ("Wednesday", 2.0, False),
        ("1984", 2.0, False),
    ],
)
def test_only_single_digits_that_last_too_long(text: str, seconds: float, is_drawn: bool) -> None:
    assert drawn(text, seconds) is is_drawn


def test_a_real_caller_who_interrupts_a_card_number_is_heard() -> None:
    with av.open(str(CALL)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=8000)
        frames = [out.to_ndarray() for frame in container.decode(stream) for out in resampler.resample(frame)]
    sound = np.ascontiguousarray(np.concatenate(frames, axis=1).T[20 * 8000 : 40 * 8000], dtype=np.float32)
    transcript = build(beam=5).transcribe(MemorySound(sound, 8000), language="en")
    said = [word for line in transcript.utterances for word in line.words]
    assert "wait," in [word.text.lower() for word in said]
    assert all(word.end - word.start < 2.0 for word in said if word.text.lower().strip(".,") == "one")
