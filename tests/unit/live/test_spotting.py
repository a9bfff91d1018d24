"""Which streams are listened to, when speech is understood, and which phrases may be set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from candor.capture.model import CallFacts, Participant, PayloadType, Stream
from candor.conversation.model import Role
from candor.errors import InvalidInput
from candor.kit import clock
from candor.live.pausing import read_phrases, wordings
from candor.live.spotting import Ear, streams_of
from candor.live.tap import Piece

STEP = 512
SPEECH, SILENCE = 1.0, 0.0


def facts(*participants: Participant) -> CallFacts:
    kinds = (PayloadType(number=0, encoding="PCMU"),)
    streams = tuple(Stream(number=n, label=label, payload_types=kinds) for n, label in enumerate("xyz"))
    return CallFacts(
        id="c", source="s", protocol="siprec", started_at=clock.now(), streams=streams, participants=participants
    )


def test_only_agents_are_listened_to_where_they_are_known() -> None:
    customer = Participant(id="1", role=Role.CUSTOMER, sends=("x",))
    agent = Participant(id="2", role=Role.AGENT, sends=("z",))
    assert set(streams_of(facts(customer, agent), Role.AGENT)) == {2}
    assert set(streams_of(facts(customer), Role.AGENT)) == {0, 1, 2}
    assert set(streams_of(facts(), Role.AGENT)) == {0, 1, 2}


@pytest.mark.parametrize("phrases", [("stop",), ("",), ("...",), ("fine words", "* *"), ("um",)])
def test_phrases_that_cannot_be_meant_are_refused(phrases: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_phrases(phrases)
    assert f"phrase {len(phrases)}" in refused.value.message


def test_phrases_are_those_of_scorecards() -> None:
    assert read_phrases([" pause the recording/tape ", "take ... card"]) == (
        "pause the recording/tape",
        "take ... card",
    )


def test_the_recogniser_is_told_every_plain_wording() -> None:
    told = wordings(("pause the recording/tape", "take ... * card", "[CARD] please"))
    assert told == ("pause the recording", "pause the tape", "take", "card", "please")
    assert len(wordings((" ".join(["a/b/c/d"] * 9),))) == 32


def ear() -> Ear:
    """An ear whose judge takes the first sample of each chunk for the probability."""

    def judge(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return samples[::STEP]

    return Ear(judge)


def piece(probability: float, seconds: float, until_ns: int = 1) -> Piece:
    chunks = round(seconds * 16_000 / STEP)
    return Piece(stream=0, samples=np.full(chunks * STEP, probability, np.float32), until_ns=until_ns)


def test_silence_is_never_due() -> None:
    one = ear()
    one.feed(piece(SILENCE, 8))
    assert not one.due
    assert len(one.sound) <= 6 * 16_000


def test_speech_is_due_when_the_speaker_stops() -> None:
    one = ear()
    one.feed(piece(SPEECH, 0.8))
    assert not one.due
    one.feed(piece(SILENCE, 0.2))
    assert not one.due
    one.feed(piece(SILENCE, 0.2, 77))
    assert one.due
    assert one.until_ns == 77
    one.understood()
    assert not one.due
    assert len(one.sound) == round(0.2 * 16_000)


def test_speech_without_an_end_is_due_again_and_again_and_keeps_its_beginning() -> None:
    one = ear()
    one.feed(piece(SPEECH, 3.1))
    assert one.due
    one.understood()
    assert not one.due
    assert len(one.sound) >= 2 * 16_000
    one.feed(piece(SPEECH, 1.0))
    assert not one.due
    one.feed(piece(SPEECH, 2.1))
    assert one.due
    one.forget()
    assert not one.due
    assert not len(one.sound)
