"""Digits that a recogniser lost beside a number are masked by their sound; other sound is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from candor.conversation.transcript import Redaction, Transcript, Utterance, Word
from candor.kit.sound import MemorySound
from candor.redaction.edges import NEAR, REACH, with_lost_digits
from candor.redaction.service import Redactor

from .calls import spoken

RATE = 8000
NUMBER = "c: five five one four two nine eight seven"
BEGIN = 6.0
"""Seconds at which the number begins in every call here."""


def call(*, before: str = "", after: str = "", word_times: str = "aligned") -> tuple[Transcript, float, float]:
    """The number at ``BEGIN``, with utterances of the customer 3.5 s before it and 1.5 s after it; its edges."""
    number = _moved(spoken(NUMBER, word_times=word_times), BEGIN)
    start, end = number.utterances[0].start, number.utterances[0].end
    lines = list(number.utterances)
    if before:
        lines = [*_moved(spoken(f"c: {before}"), BEGIN - 3.5).utterances, *lines]
    if after:
        lines += _moved(spoken(f"c: {after}"), end + 1.5).utterances
    lines = [replace(line, index=place) for place, line in enumerate(lines)]
    return replace(number, utterances=tuple(lines), duration=20.0), start, end


def _moved(transcript: Transcript, by: float) -> Transcript:
    def word(one: Word) -> Word:
        return replace(one, start=one.start + by, end=one.end + by)

    def line(one: Utterance) -> Utterance:
        return replace(one, start=one.start + by, end=one.end + by, words=tuple(map(word, one.words)))

    return replace(transcript, utterances=tuple(map(line, transcript.utterances)))


def sound(*loud: tuple[float, float], customer: int = 1, level: float = 0.1) -> MemorySound:
    """20 s of two channels with a hiss, and speech (noise) of the customer at ``loud``."""
    rng = np.random.default_rng(7)
    samples = rng.normal(0, 0.0008, (20 * RATE, 2))
    for start, end in loud:
        begin, stop = round(start * RATE), round(end * RATE)
        samples[begin:stop, customer] = rng.normal(0, level, stop - begin)
    return MemorySound(samples.astype(np.float32), RATE)


def masked(transcript: Transcript, heard: MemorySound) -> tuple[list[tuple[float, float]], Redaction]:
    redaction = Redactor().redact(transcript)
    assert [span.kind.value for span in redaction.spans] == ["NUMBER"]
    return with_lost_digits(heard, redaction), redaction


def hidden(times: list[tuple[float, float]], start: float, end: float) -> bool:
    return all(any(a <= at < b for a, b in times) for at in np.arange(start, end, 0.01))


def test_a_digit_that_became_no_word_is_masked_on_either_side() -> None:
    transcript, start, end = call()
    first, last = (start - 0.8, start - 0.5), (end + 0.5, end + 0.8)
    times, redaction = masked(transcript, sound(first, (start, end), last))
    assert not hidden(list(redaction.masked_times), *first)
    assert hidden(times, *first)
    assert hidden(times, *last)


def test_several_lost_digits_in_a_row_are_masked() -> None:
    transcript, start, end = call()
    lost = [(start - 1.9, start - 1.6), (start - 1.2, start - 0.9), (start - 0.5, start - 0.2)]
    times, _ = masked(transcript, sound(*lost, (start, end)))
    assert all(hidden(times, *one) for one in lost)


@pytest.mark.parametrize("away", [NEAR + 0.3, REACH + 0.5])
def test_sound_further_away_is_left(away: float) -> None:
    transcript, start, end = call()
    times, redaction = masked(transcript, sound((start, end), (end + 0.2 + away, end + 0.6 + away)))
    assert times == list(redaction.masked_times)


def test_words_beside_a_number_are_left_with_the_sound_that_belongs_to_them() -> None:
    transcript, start, end = call(after="thank you very much")
    words = transcript.utterances[-1]
    # The word was placed a little late: its beginning is not a digit.
    times, redaction = masked(transcript, sound((start, end), (words.start - 0.3, words.end)))
    assert times == list(redaction.masked_times)


def test_a_lone_oh_before_a_number_is_one_of_its_digits() -> None:
    transcript, start, end = call()
    oh = Utterance(
        index=0, speaker=1, start=start - 0.9, end=start - 0.6, text="Oh,",
        words=(Word(text="Oh,", start=start - 0.9, end=start - 0.6, confidence=0.99),),
    )  # fmt: skip
    with_oh = replace(transcript, utterances=(oh, replace(transcript.utterances[0], index=1)))
    times, _ = masked(with_oh, sound((start - 0.9, start - 0.6), (start, end)))
    assert hidden(times, start - 0.9, start - 0.6)


@pytest.mark.parametrize(
    ("faint", "length"), [(0.004, 0.3), (0.1, 0.03)], ids=["a breath", "a click"]
)  # fmt: skip
def test_breaths_and_clicks_are_left(faint: float, length: float) -> None:
    transcript, start, end = call()
    samples = sound((start, end)).window(0, 20 * RATE).copy()
    samples[:, 1] += sound((end + 0.5, end + 0.5 + length), level=faint).window(0, 20 * RATE)[:, 1]
    times, redaction = masked(transcript, MemorySound(samples, RATE))
    assert times == list(redaction.masked_times)


def test_what_the_other_side_says_meanwhile_is_left() -> None:
    transcript, start, end = call()
    samples = sound((start, end)).window(0, 20 * RATE).copy()
    samples[:, 0] = sound((end + 0.5, end + 0.9), customer=0).window(0, 20 * RATE)[:, 0]
    times, redaction = masked(transcript, MemorySound(samples, RATE))
    assert times == list(redaction.masked_times)


def test_where_words_stand_nowhere_in_particular_the_wide_masks_stay() -> None:
    transcript, start, end = call(word_times="spread")
    times, redaction = masked(transcript, sound((start, end), (end + 0.9, end + 1.2)))
    assert times == [(span.start, span.end) for span in redaction.spans]


def test_a_number_at_the_edges_of_the_sound() -> None:
    transcript = replace(spoken(NUMBER), duration=3.0)
    rng = np.random.default_rng(3)
    heard = MemorySound(rng.normal(0, 0.1, (3 * RATE, 2)).astype(np.float32), RATE)
    times, _ = masked(transcript, heard)
    assert min(start for start, _ in times) >= 0.0
    assert max(end for _, end in times) <= 3.0
