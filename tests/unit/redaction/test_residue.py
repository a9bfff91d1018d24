"""The residual check: what is still made out is masked, and what cannot be masked away is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from candor.conversation.model import Role
from candor.conversation.transcript import Transcript
from candor.kit.sound import MemorySound, SoundSource
from candor.redaction.residue import ROUNDS, check
from candor.redaction.service import Redactor

from .calls import spoken

RATE = 8000
CALL = spoken("a: card number please", "c: four one one one one one one one one one one one one one one one")
SECONDS = CALL.duration + 20


def sound() -> MemorySound:
    samples = np.random.default_rng(1).normal(0, 0.1, round(SECONDS * RATE))
    return MemorySound(samples.astype(np.float32), RATE)


class Hears:
    """Makes out every word of the call whose sound is louder than a mask, and whatever it imagines besides."""

    def __init__(self, *, imagines: bool = False) -> None:
        self.imagines = imagines
        self.heard: list[float] = []

    def transcribe(
        self, source: SoundSource, *, language: str | None = None, roles: Mapping[int, Role] | None = None
    ) -> Transcript:
        del language, roles
        self.heard.append(source.frames / source.rate)
        if self.imagines:
            return spoken(
                "c: my card number is four two four two four two four two four two four two four two four two"
            )
        utterances = []
        for said in CALL.utterances:
            words = tuple(word for word in said.words if self._loud(source, word.start, word.end))
            text = " ".join(word.text for word in words)
            utterances.append(replace(said, words=words, text=text))
        return replace(CALL, utterances=tuple(utterances))

    @staticmethod
    def _loud(source: SoundSource, start: float, end: float) -> bool:
        part = source.window(round((start + 0.1) * RATE), round((end - 0.1) * RATE))
        return len(part) > 0 and float(np.abs(part).max()) > 0.09


def test_a_good_rendition_has_nothing_left() -> None:
    times = Redactor().redact(CALL).masked_times
    checked = check(sound(), times, Hears(), Redactor(), everything=True)
    assert checked.residue.found == {}
    assert checked.residue.rounds == checked.residue.left == 0
    assert checked.times == times
    assert checked.residue.seconds > 0


def test_what_was_missed_is_masked_and_listened_to_again() -> None:
    ((start, end),) = Redactor().redact(CALL).masked_times
    checked = check(sound(), [(start, start + 2.0)], Hears(), Redactor(), everything=True)
    assert checked.residue.found == {"CARD": 1}
    assert checked.residue.rounds >= 1
    assert checked.residue.left == 0
    line = np.zeros(round(SECONDS * 100), bool)
    for begin, stop in checked.times:
        line[round(begin * 100) : round(stop * 100)] = True
    assert line[round(start * 100) + 1 : round((end - 0.2) * 100)].all()


def test_what_is_made_out_of_tones_alone_is_not_left() -> None:
    imagined = spoken("c: my card number is four two four two four two four two four two four two four two four two")
    listener = Hears(imagines=True)
    checked = check(sound(), [(0.0, imagined.duration)], listener, Redactor(), everything=True)
    assert checked.residue.left == 0


def test_what_does_not_go_away_is_told_after_some_rounds() -> None:
    class Wanders(Hears):
        """Makes out a number at another place each time."""

        def transcribe(
            self, source: SoundSource, *, language: str | None = None, roles: Mapping[int, Role] | None = None
        ) -> Transcript:
            super().transcribe(source, language=language, roles=roles)
            said = spoken("c: nine nine two one three four seven six")
            offset = 3.0 * len(self.heard)
            utterances = tuple(
                replace(
                    one, start=one.start + offset, end=one.end + offset,
                    words=tuple(replace(w, start=w.start + offset, end=w.end + offset) for w in one.words),
                )
                for one in said.utterances
            )  # fmt: skip
            return replace(said, utterances=utterances, duration=said.duration + offset)

    checked = check(sound(), [], Wanders(), Redactor(), everything=True)
    assert checked.residue.rounds == ROUNDS
    assert checked.residue.left == 1


def test_only_what_lies_around_masks_is_listened_to() -> None:
    listener = Hears()
    long = MemorySound(np.zeros(RATE * 200, np.float32), RATE)
    check(long, [(100.0, 102.0)], listener, Redactor())
    assert [round(seconds) for seconds in listener.heard] == [18]
    check(long, [], quiet := Hears(), Redactor())
    assert quiet.heard == []
