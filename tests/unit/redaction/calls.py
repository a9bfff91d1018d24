"""Transcripts for tests, written as lines ``a: …`` (agent) and ``c: …`` (customer)."""

from __future__ import annotations

from candor.conversation.model import Role
from candor.conversation.transcript import Speaker, SpeakerSplit, Transcript, Utterance, Word

WORD_SECONDS = 0.3
STEP_SECONDS = 0.35


def spoken(*lines: str, word_times: str = "aligned") -> Transcript:
    """A call in which every word takes 0.3 s and the next begins 0.05 s later."""
    utterances = []
    now = 0.0
    for index, line in enumerate(lines):
        who, text = line.split(":", 1)
        words = []
        for token in text.split():
            words.append(Word(text=token, start=now, end=now + WORD_SECONDS, confidence=0.9))
            now += STEP_SECONDS
        utterances.append(
            Utterance(
                index=index,
                speaker=0 if who == "a" else 1,
                start=words[0].start if words else now,
                end=words[-1].end if words else now,
                text=" ".join(text.split()),
                words=tuple(words),
            )
        )
        now += 0.4
    return _transcript(utterances, duration=now, word_times=word_times)


def written(*lines: str) -> Transcript:
    """A chat: no words, no sound."""
    utterances = []
    for index, line in enumerate(lines):
        who, text = line.split(":", 1)
        utterances.append(
            Utterance(index=index, speaker=0 if who == "a" else 1, start=0.0, end=0.0, text=text.removeprefix(" "))
        )
    return _transcript(utterances, duration=0.0, word_times="aligned")


def _transcript(utterances: list[Utterance], *, duration: float, word_times: str) -> Transcript:
    return Transcript(
        engine="test",
        model="test",
        version="1",
        language="en",
        duration=duration,
        speakers=(Speaker(role=Role.AGENT, channel=0), Speaker(role=Role.CUSTOMER, channel=1)),
        split=SpeakerSplit.CHANNEL,
        utterances=tuple(utterances),
        word_times=word_times,
    )
