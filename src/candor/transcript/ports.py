"""What this room needs from the outside: one who detects voice, one who recognises, one who aligns, one who splits.

All of them hear mono sound of 16,000 samples a second: float32 in [-1, 1], shape (samples,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Mono = npt.NDArray[np.float32]
"""float32 samples at :data:`RATE`, shape (samples,)."""

RATE = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A piece of time, seconds from the start of the call (or of the sound given)."""

    start: float
    end: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWord:
    """A word as a recogniser gives it: times in seconds from the start of its segment, None when it has none."""

    text: str
    confidence: float
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a recogniser made of one segment."""

    words: tuple[HeardWord, ...] = ()
    mean_log_probability: float | None = None
    """Over the tokens, natural logarithm; None when the engine does not tell."""
    tokens: int = 0
    language: str | None = None
    """What the engine itself took it for, when it decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a recogniser can do."""

    engine: str
    model: str
    version: str
    languages: frozenset[str] | None
    """Primary BCP 47 subtags; None when it takes any or is not known to be limited."""
    word_times: bool
    log_probabilities: bool = False


class Recogniser(Protocol):
    """Turns segments of speech into words."""

    @property
    def capabilities(self) -> Capabilities:
        """What it is and what it can do; does not load the model."""

    def recognise(self, segments: Sequence[Mono], *, language: str | None) -> list[Heard]:
        """One result a segment, in the order given; segments last at most 20 s or so.

        Raises InvalidInput when the model cannot be found, Unavailable when it cannot be fetched just now.
        """


class Aligner(Protocol):
    """Finds when each word of a known text was said."""

    @property
    def languages(self) -> frozenset[str]:
        """Primary BCP 47 subtags whose words it can pronounce."""

    def align(self, sound: Mono, words: Sequence[str]) -> list[Stretch] | None:
        """One stretch a word, seconds from the start of ``sound``, in order; None when the text does not fit."""


class VoiceSession(Protocol):
    """One channel being listened to."""

    def feed(self, samples: Mono) -> None:
        """The next block of any length."""

    def finish(self) -> list[Stretch]:
        """Where there was speech, in order, without padding."""


VoiceJudge = Callable[[Mono], npt.NDArray[np.float32]]
"""Blocks of one channel, in order and of any length → how likely each further 32 ms of it are speech."""


class VoiceDetector(Protocol):
    """Tells speech from everything else."""

    def judge(self) -> VoiceJudge:
        """For sound that is listened to while it is spoken; remembers its channel."""

    def start(self) -> VoiceSession:
        """A fresh session for one channel."""


class Diariser(Protocol):
    """Tells the voices of one channel apart."""

    def split(
        self, speech: Sequence[Stretch], read: Callable[[float, float], Mono]
    ) -> list[tuple[Stretch, int]] | None:
        """Who speaks when, as (stretch, voice from 0), in order; None when it cannot tell or is not available.

        ``read(start, end)`` gives the sound of a piece of time in seconds.
        """
