"""The tone of sentences, and the mood of calls."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bench.sentiment import accuracy, ours, sentences, vader

from candor.analysis.sentiment import read_mood, tone_of
from tests.unit.analysis.calls import spoken

BAD = [
    "C: my internet is broken and nobody called me back",
    "C: this is terrible service and I am fed up",
    "C: I have been waiting for weeks and it is unacceptable",
]
GOOD = [
    "C: oh that is wonderful it works again",
    "C: thank you so much you have been very helpful",
    "C: I am very happy with that",
]


@pytest.mark.parametrize("part", ["tuning", "held-out"])
def test_hand_labelled_sentences_are_read_far_better_than_by_vader_alone(part: str) -> None:
    rows = [row for row in sentences() if row["set"] == part]
    assert len(rows) >= 60
    assert accuracy(rows, ours(rows)) >= 0.78
    assert accuracy(rows, ours(rows)) >= accuracy(rows, vader(rows)) + 0.2


def test_sarcasm_is_negative_and_less_sure() -> None:
    tone = tone_of("Another hour on hold, great.")
    assert tone.value < -0.3
    assert tone.confidence < tone_of("I have been on hold for an hour, it is terrible.").confidence


@pytest.mark.parametrize("text", ["Great, the line was down, but now it works.", "Wonderful, you fixed it, thank you."])
def test_relief_is_not_taken_for_sarcasm(text: str) -> None:
    assert tone_of(text).value > 0.15


@pytest.mark.parametrize(
    "text",
    ["Thank you for calling, how can I help you?", "Have a great day.", "You are very welcome.", "One moment please."],
)
def test_courtesy_of_an_agent_is_neutral(text: str) -> None:
    assert abs(tone_of(text, agent=True).value) < 0.15


def test_not_turns_it_round() -> None:
    assert tone_of("I am happy.").value > 0.15
    assert tone_of("I am not happy.").value < -0.15


def test_capitals_and_placeholders_change_nothing() -> None:
    assert tone_of("[NAME_1] SAID IT IS BAD").value == tone_of("said it is bad").value


def test_nothing_said_is_nothing_felt() -> None:
    assert tone_of("").value == 0
    assert tone_of("[CARD_1]").value == 0
    assert read_mood(spoken("")).customer is None


def test_too_few_words_have_no_overall_mood() -> None:
    mood = read_mood(spoken("A: your bill is paid and all is well with it\nC: great"))
    assert mood.customer is None
    assert mood.agent is not None


def test_a_call_that_turns_bad_shows_where() -> None:
    transcript = spoken("\n".join([*GOOD, *BAD]))
    mood = read_mood(transcript)
    (drop,) = [finding for finding in mood.findings if finding.kind == "sentiment_drop"]
    assert drop.utterances == (3,)
    assert drop.value is not None
    assert drop.value < -0.45


def test_a_call_that_ends_well_shows_the_recovery_and_a_rising_course() -> None:
    transcript = spoken("\n".join([*BAD, *GOOD]))
    mood = read_mood(transcript)
    assert [finding.kind for finding in mood.findings] == ["sentiment_recovery"]
    assert mood.findings[0].utterances == (3,)
    first, last = mood.course[0].customer, mood.course[-1].customer
    assert first is not None
    assert last is not None
    assert first < 0 < last


def test_the_course_covers_the_call_without_gaps() -> None:
    transcript = spoken("\n".join([*BAD, *GOOD] * 20))
    course = read_mood(transcript).course
    assert 1 < len(course) <= 60
    assert course[0].start == 0
    assert course[-1].end == pytest.approx(transcript.duration, abs=1e-3)
    assert all(left.end == right.start for left, right in pairwise(course))
    assert all(point.agent is None for point in course)
