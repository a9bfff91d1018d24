"""Every metric on calls small enough to be worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.analysis.definitions import METRICS
from candor.analysis.metrics import HoldPhrases, Measured, measure
from candor.analysis.service import Analyser
from candor.conversation.model import Gap, Role
from candor.conversation.transcript import SpeakerSplit, Transcript
from tests.unit.analysis.calls import call

# 0    1         5    6        10    11     13        23     25   27   30
#      A greets       C asks         A "let me check"        A   C
SIMPLE = call(
    [
        ("A", 1.0, 5.0, "good morning how can I help you today"),
        ("C", 6.0, 10.0, "my bill is wrong and I am not happy"),
        ("A", 11.0, 13.0, "one moment let me check"),
        ("A", 23.0, 25.0, "thank you for holding"),
        ("C", 25.0, 27.0, "that is all right then"),
    ],
    duration=30.0,
)


def values(measured: Measured) -> dict[str, float]:
    return {metric.name: metric.value for metric in measured.metrics}


def kinds(measured: Measured) -> list[str]:
    return [finding.kind for finding in measured.findings]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("talk.seconds.agent", 8.0),
        ("talk.seconds.customer", 6.0),
        ("talk.share.agent", 8 / 14),
        ("talk.share.customer", 6 / 14),
        ("listen.share.agent", 6 / 14),
        ("listen.share.customer", 8 / 14),
        ("silence.seconds", 16.0),
        ("silence.share", 16 / 30),
        ("silence.longest", 10.0),
        ("hold.count", 1),
        ("hold.seconds", 10.0),
        ("hold.longest", 10.0),
        ("dead_air.count", 0),
        ("dead_air.longest", 0),
        ("overlap.seconds", 0),
        ("overlap.share", 0),
        ("speech.rate.agent", 17 / 8 * 60),
        ("speech.rate.customer", 14 / 6 * 60),
        ("turn.count.agent", 3),
        ("turn.count.customer", 2),
        ("turn.mean.agent", 8 / 3),
        ("turn.longest.agent", 4.0),
        ("turn.mean.customer", 3.0),
        ("turn.longest.customer", 4.0),
        ("monologue.longest.customer", 4.0),
        ("first_word.agent", 1.0),
        ("response.median.agent", 1.0),
        ("response.p90.agent", 1.0),
        ("interruption.count.agent", 0),
        ("interruption.count.customer", 0),
    ],
)
def test_each_metric_of_a_simple_call(name: str, value: float) -> None:
    measured = measure(SIMPLE, HoldPhrases(announced=frozenset({2}), thanked=frozenset({3})))
    assert values(measured)[name] == pytest.approx(value, abs=1e-4)


def test_the_simple_call_shows_every_metric_that_is_defined() -> None:
    assert set(values(measure(SIMPLE))) == set(METRICS)
    assert {metric.name: metric.unit for metric in measure(SIMPLE).metrics} == {
        name: definition.unit for name, definition in METRICS.items()
    }


def test_silence_without_an_announcement_is_dead_air() -> None:
    measured = measure(SIMPLE)
    assert values(measured)["dead_air.longest"] == 10.0
    assert values(measured)["hold.count"] == 0
    (finding,) = measured.findings
    assert (finding.kind, finding.start, finding.end, finding.utterances) == ("dead_air", 13.0, 23.0, (2, 3))


def test_the_words_of_the_agent_make_the_silence_a_hold() -> None:
    analysis = Analyser().analyse(SIMPLE)
    (hold,) = [finding for finding in analysis.findings if finding.kind == "hold"]
    assert (hold.start, hold.end, hold.value, hold.unit) == (13.0, 23.0, 10.0, "s")
    assert {2, 3} <= set(hold.utterances)
    assert analysis.metric("dead_air.count") == 0


def test_just_under_five_seconds_is_neither() -> None:
    lines = [("A", 0.0, 2.0, "let me see now"), ("C", 6.9, 9.0, "well what is it")]
    assert kinds(measure(call(lines), HoldPhrases(announced=frozenset({0})))) == []


def test_announcements_of_a_system_do_not_break_a_hold() -> None:
    lines = [
        ("A", 0.0, 3.0, "please hold the line"),
        ("S", 5.0, 9.0, "your call is important to us"),
        ("A", 20.0, 23.0, "thank you for waiting"),
    ]
    (hold,) = [each for each in Analyser().analyse(call(lines)).findings if each.kind == "hold"]
    assert (hold.start, hold.end) == (3.0, 20.0)


CUT_IN = [
    ("C", 0.0, 6.0, "I have been waiting for this for a week and I"),
    ("A", 5.0, 9.0, "sir I need your number first please now"),
]


def test_cutting_in_is_an_interruption_by_the_one_who_starts() -> None:
    measured = measure(call(CUT_IN))
    (finding,) = [each for each in measured.findings if each.kind == "interruption"]
    assert (finding.speaker, finding.utterances, finding.value) == (0, (0, 1), 1.0)
    assert values(measured)["interruption.count.agent"] == 1
    assert values(measured)["interruption.count.customer"] == 0
    assert values(measured)["overlap.seconds"] == pytest.approx(1.0)
    assert values(measured)["overlap.share"] == pytest.approx(1 / 9, abs=1e-4)


def test_in_one_channel_an_interruption_is_less_sure() -> None:
    stereo, mono = (measure(call(CUT_IN, split=split)) for split in (SpeakerSplit.CHANNEL, SpeakerSplit.GUESSED))
    assert mono.findings[0].confidence < stereo.findings[0].confidence


@pytest.mark.parametrize("text", ["mm-hm", "okay", "yeah right", "uh-huh I see", "Mhm.", "Oh, okay."])
def test_a_back_channel_interrupts_nobody_and_ends_no_turn(text: str) -> None:
    lines = [
        ("C", 0.0, 6.0, "I have been waiting for this for a week"),
        ("A", 3.0, 3.8, text),
        ("C", 6.4, 9.0, "and nobody told me"),
    ]
    measured = measure(call(lines))
    assert "interruption" not in kinds(measured)
    assert values(measured)["monologue.longest.customer"] == 9.0
    assert values(measured)["turn.count.agent"] == 0


def test_an_answer_of_one_word_is_a_turn() -> None:
    lines = [
        ("A", 0.0, 2.0, "is that all right with you"),
        ("C", 2.5, 3.0, "yes"),
        ("A", 5.5, 8.0, "then I will send it today"),
    ]
    assert values(measure(call(lines)))["turn.count.customer"] == 1


def test_a_short_overlap_at_the_end_of_a_turn_is_no_interruption() -> None:
    lines = [("C", 0.0, 6.0, "so what do we do"), ("A", 5.7, 9.0, "we will send a technician")]
    assert kinds(measure(call(lines))) == []


def test_response_times_and_their_percentile() -> None:
    lines, at = [], 0.0
    for wait in (1.0, 2.0, 3.0, 4.0):
        lines += [("C", at, at + 1, "what about this"), ("A", at + 1 + wait, at + 2 + wait, "it is like that")]
        at += 2.2 + wait
    found = values(measure(call(lines)))
    assert found["response.median.agent"] == pytest.approx(2.5)
    assert found["response.p90.agent"] == pytest.approx(3.7)


def test_masked_data_is_no_speech_rate() -> None:
    lines = [("C", 0.0, 12.0, "my card number is [CARD_1] and that is it")]
    transcript = call(lines, duration=12.0)
    # Nine words share 12 s: eight of them in 8 / 9 of the time.
    assert values(measure(transcript))["speech.rate.customer"] == pytest.approx(8 * 60 / (12 * 8 / 9), abs=0.01)


def test_an_empty_transcript_is_silence() -> None:
    assert values(measure(call([], duration=20.0))) == {"silence.seconds": 20.0, "silence.share": 1.0}
    assert values(measure(call([], duration=0.0))) == {"silence.seconds": 0.0}


def test_unknown_roles_still_have_silence_and_overlap() -> None:
    found = values(measure(call(CUT_IN, roles=(Role.UNKNOWN, Role.UNKNOWN))))
    assert "talk.share.agent" not in found
    assert found["silence.seconds"] == 0.0


def test_without_word_times_whole_utterances_count() -> None:
    assert values(measure(call(CUT_IN, words=False)))["talk.seconds.customer"] == 6.0


WORDS = st.sampled_from(
    ("okay", "mm-hm", "one", "moment", "hold", "my", "bill", "[CARD_1]", "wrong", "terrible", "great")
)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    duration = draw(st.floats(0.0, 300.0))
    lines = []
    for _ in range(draw(st.integers(0, 14))):
        start = draw(st.floats(0.0, 310.0))
        text = " ".join(draw(st.lists(WORDS, max_size=8)))
        lines.append((draw(st.sampled_from("ACS")), start, start + draw(st.floats(0.0, 20.0)), text))
    split = draw(st.sampled_from(list(SpeakerSplit)))
    return call(lines, duration=duration, split=split, words=draw(st.booleans()))


@settings(max_examples=150, deadline=None)
@given(transcripts())
def test_whatever_the_call_the_figures_stay_in_their_bounds(transcript: Transcript) -> None:
    analysis = Analyser().analyse(transcript)
    metrics = {metric.name: metric for metric in analysis.metrics}
    assert set(metrics) <= set(METRICS)
    assert len(metrics) == len(analysis.metrics)
    for metric in analysis.metrics:
        assert metric.value >= 0
        assert metric.unit != "ratio" or metric.value <= 1
        assert metric.unit != "s" or metric.value <= transcript.duration * (2 if "talk" in metric.name else 1) + 1e-3
        assert all(0 <= i < len(transcript.utterances) for i in metric.utterances)
    shares = [metrics[name].value for name in metrics if name.startswith("talk.share")]
    assert sum(shares) <= 1 + 1e-3
    if "talk.seconds.agent" in metrics:
        assert metrics["silence.seconds"].value + metrics["talk.seconds.agent"].value <= transcript.duration + 1e-3
    assert len({finding.id for finding in analysis.findings}) == len(analysis.findings)
    for finding in analysis.findings:
        assert 0 <= finding.start <= finding.end <= transcript.duration
        assert finding.utterances
        assert all(0 <= i < len(transcript.utterances) for i in finding.utterances)
        assert 0 < finding.confidence <= 1
        assert "@" in finding.rule
    assert all(-1 <= each.value <= 1 and 0 <= each.confidence <= 1 for each in analysis.sentiments)
    assert analysis == Analyser().analyse(transcript)


def test_silence_that_was_not_recorded_is_no_dead_air() -> None:
    lines = [("A", 0.0, 2.0, "one moment"), ("C", 40.0, 42.0, "hello")]
    plain = measure(call(lines))
    assert kinds(plain) == ["dead_air"]
    paused = measure(call(lines), gaps=(Gap(start=3.0, stop=39.0, reason="paused"),))
    assert kinds(paused) == []
    held = measure(call(lines), gaps=(Gap(start=3.0, stop=39.0, reason="on_hold"),))
    assert kinds(held) == ["hold"]
    assert values(held)["hold.seconds"] == 38.0
