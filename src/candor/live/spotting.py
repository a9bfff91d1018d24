"""Hearing what is said while a call is recorded, so that the recorder can act on it at once.

Speech is recognised whenever a speaker stops for a moment, and every three seconds while nobody stops. What is made of
it is the listeners' matter: phrases of agents that pause (:mod:`candor.live.pausing`), objections of customers
(:mod:`candor.live.objecting`). While a call is paused nothing is heard, so nothing that is said can end it here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np

from candor.capture.control import RecorderClient
from candor.capture.model import CallFacts
from candor.conversation.model import Role
from candor.conversation.transcript import Utterance
from candor.errors import Unavailable
from candor.kit import clock
from candor.live.tap import RATE, Mono, Piece, Tap
from candor.transcript.ports import Recogniser, VoiceDetector, VoiceJudge

LOOK_EVERY = 0.2
"""Seconds between two looks at the spool."""
TELL_EVERY = 5.0
_SPEECH, _SILENCE = 0.4, 0.25
_STOP = 0.3
"""Seconds of silence after which speech is understood at once."""
_LONGEST_OPEN = 3.0
"""Seconds of new speech after which it is understood although nobody stopped."""
_REMEMBERED = 6.0
"""Seconds of sound before now in which a phrase may lie."""
_BEFORE = 0.2
_TOO_LATE = 10.0
"""Seconds behind which speech is skipped: a pause reaches no further back."""
_CHUNK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was understood of one stream's last seconds."""

    text: str
    seconds: float
    """How long the sound is in which it was said."""
    until_ns: int
    """Unix time at which that sound ended."""

    @property
    def utterance(self) -> Utterance:
        """The words, taken to be evenly spread: true to a few tenths of a second."""
        return Utterance(index=0, speaker=0, start=0.0, end=self.seconds, text=self.text)

    def at(self, second: float) -> datetime:
        """When a moment of the sound was."""
        return clock.from_unix_ns(self.until_ns - round((self.seconds - second) * 1e9))


class Listener(Protocol):
    """Somebody who waits for something to be said."""

    def streams(self, facts: CallFacts) -> Collection[int]:
        """The numbers of the streams of a call that it wants to hear."""

    def hear(self, facts: CallFacts, heard: Heard) -> bool:
        """Act on what was said, if it is what is waited for; then True, and it is not heard again."""


def streams_of(facts: CallFacts, role: Role) -> Collection[int]:
    """The streams on which they speak; all of them where nobody is known for one of them."""
    labels = {label for one in facts.participants if one.role is role for label in one.sends}
    return {stream.number for stream in facts.streams if not labels or stream.label in labels}


def wanted(listeners: Sequence[Listener]) -> Callable[[CallFacts], Collection[int]]:
    """The streams that at least one of them wants to hear, for the tap."""
    return lambda facts: {number for one in listeners for number in one.streams(facts)}


@dataclass(slots=True)
class Ear:
    """One stream being listened to: its last seconds, and where in them there is speech not understood yet."""

    judge: VoiceJudge
    sound: Mono = field(default_factory=lambda: np.zeros(0, np.float32))
    until_ns: int = 0
    """When the end of ``sound`` was spoken."""
    fresh: float = 0.0
    """Seconds from the first speech that was not understood yet to the end of ``sound``; 0: there is none."""
    silent: float = 0.0
    """Seconds of silence at the end."""

    def feed(self, piece: Piece) -> None:
        """Listen to what is new."""
        likely = self.judge(piece.samples)
        step = _CHUNK / RATE
        for probability in likely.tolist():
            if probability >= _SPEECH:
                self.silent = 0.0
                self.fresh += step
            else:
                if self.fresh:
                    self.fresh += step
                self.silent = self.silent + step if probability < _SILENCE else 0.0
        self.sound = np.concatenate((self.sound, piece.samples))[-round(_REMEMBERED * RATE) :]
        self.until_ns = piece.until_ns

    @property
    def due(self) -> bool:
        """Whether there is something to understand now."""
        return self.fresh > 0 and (self.silent >= _STOP or self.fresh >= _LONGEST_OPEN)

    def understood(self) -> None:
        """What is in ``sound`` was recognised; of speech that goes on, the beginning stays for the next time."""
        if self.silent >= _STOP:
            self.sound = self.sound[-round(_BEFORE * RATE) :]
        self.fresh = 0.0

    def forget(self) -> None:
        """Begin anew."""
        self.sound, self.fresh, self.silent = np.zeros(0, np.float32), 0.0, 0.0


class Spotter:
    """Listens to every call in progress; one thread."""

    def __init__(
        self, tap: Tap, listeners: Sequence[Listener], *, recogniser: Recogniser, detector: VoiceDetector,
        recorder: RecorderClient, language: str | None = None,
    ) -> None:  # fmt: skip
        self._tap, self._listeners, self._language = tap, listeners, language
        self._recogniser, self._detector, self._recorder = recogniser, detector, recorder
        self._ears: dict[tuple[str, int], Ear] = {}
        self._behind = self._skipped = 0.0
        self._told = 0.0

    def run(self, stopped: Callable[[], bool]) -> None:
        """Listen until ``stopped``."""
        self._recogniser.recognise([np.zeros(RATE, np.float32)], language=self._language)  # loads the model
        while not stopped():
            began = time.monotonic()
            self.step()
            time.sleep(max(0.0, LOOK_EVERY - (time.monotonic() - began)))
        self._tap.close()

    def step(self) -> None:
        """One look: take what is new, understand what is due, the oldest first."""
        wanting: dict[tuple[str, int], tuple[CallFacts, list[Listener]]] = {}
        calls = 0
        for call in self._tap.look():
            calls += 1
            if call.paused:
                continue  # and what was heard before is forgotten: the phrase must not pause it again
            for piece in call.pieces:
                key = (call.facts.id, piece.stream)
                if key not in self._ears:
                    self._ears[key] = Ear(self._detector.judge())
                self._ears[key].feed(piece)
            for listener in self._listeners:
                for number in listener.streams(call.facts):
                    wanting.setdefault((call.facts.id, number), (call.facts, []))[1].append(listener)
        self._ears = {key: ear for key, ear in self._ears.items() if key in wanting}
        for key, ear in sorted(self._ears.items(), key=lambda item: item[1].until_ns):
            facts, listeners = wanting[key]
            if ear.due and self._acted_on(facts, listeners, ear):
                ear.forget()
        self._tell(calls)

    def _acted_on(self, facts: CallFacts, listeners: Sequence[Listener], ear: Ear) -> bool:
        """Understand what an ear holds; whether somebody had waited for it."""
        late = time.time() - ear.until_ns / 1e9
        if late > _TOO_LATE:
            self._skipped += ear.fresh
            ear.understood()
            return False
        words = self._recogniser.recognise([ear.sound], language=self._language)[0].words
        heard = Heard(text=" ".join(word.text for word in words), seconds=len(ear.sound) / RATE, until_ns=ear.until_ns)
        ear.understood()
        self._behind = max(self._behind, time.time() - ear.until_ns / 1e9)
        acted = [listener.hear(facts, heard) for listener in listeners]
        return any(acted)

    def _tell(self, calls: int) -> None:
        now = time.monotonic()
        if now - self._told < TELL_EVERY:
            return
        self._told = now
        try:
            self._recorder.spotting(calls=calls, behind=round(self._behind, 2), skipped=round(self._skipped, 1))
        except Unavailable:
            return
        self._behind = self._skipped = 0.0
