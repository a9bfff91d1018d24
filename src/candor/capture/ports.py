"""What the protocols need of the recorder: a place to put a call while it speaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from candor.capture.model import CallEvent, CallFacts, Verdict


class Control(StrEnum):
    """What the recorder asks of the side that sends."""

    PAUSE = "pause"
    RESUME = "resume"
    END = "end"


class Word(StrEnum):
    """What becomes known of consent while a call is recorded."""

    GIVEN = "given"
    REFUSED = "refused"
    """Or withdrawn, or objected."""


class Gate(Protocol):
    """Says whether a call may be recorded."""

    def judge(self, facts: CallFacts, since: datetime | None = None) -> Verdict:
        """Of a call that begins, or of one that somebody joined at ``since``: only later consents count for them.

        Never raises: who cannot decide answers as the source is configured for that case.
        """


class LiveCall(Protocol):
    """A call that is being written."""

    @property
    def id(self) -> str:
        """The conversation's id."""

    @property
    def paused(self) -> bool:
        """True while nothing may be kept; frames given then are dropped unread."""

    def update(self, facts: CallFacts) -> None:
        """Replace what is known: new streams, participants that joined or left."""

    def frame(
        self, stream: int, *, arrived_ns: int, sequence: int, timestamp: int, payload_type: int, payload: bytes
    ) -> None:
        """Sound of one stream as an RTP packet would carry it.

        ``arrived_ns`` is Unix time in nanoseconds, ``sequence`` counts frames and ``timestamp`` clock units; both may
        wrap (16 and 32 bits). Order, duplicates and gaps are sorted out later from these three.
        """

    def event(self, event: CallEvent) -> None:
        """Note that something happened."""

    def pause(self, reason: str) -> None:
        """Keep nothing from now on; no effect when paused already."""

    def resume(self, reason: str) -> None:
        """Keep again."""

    def end(self, reason: str) -> None:
        """Nothing more will come; the call goes on its way through the pipeline."""


class Recorder(Protocol):
    """Takes calls."""

    def begin(self, facts: CallFacts, *, on_control: Callable[[Control], None]) -> LiveCall:
        """Open a call; raises Unavailable when it cannot be kept, Forbidden when it may not be recorded.

        ``on_control`` is called (in the event loop) when somebody pauses, resumes or ends it from our side.
        """
