"""What a protocol's intake and the socket that it sits on know of each other."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Protocol

from candor.errors import CandorError, Unavailable


class Farewell(Enum):
    """Why a WebSocket is closed (RFC 6455 section 7.4.1)."""

    DONE = (1000, "")
    LEAVING = (1001, "The recorder stops.")
    REFUSED = (1008, "Refused: see the recorder's page of sources.")
    FAULT = (1011, "The recorder has a fault.")
    LATER = (1013, "Try again later.")

    @property
    def code(self) -> int:
        """The status code."""
        return self.value[0]

    @property
    def text(self) -> str:
        """The reason, for the other side."""
        return self.value[1]

    @classmethod
    def of(cls, error: CandorError) -> Farewell:
        """How an error is told to a stranger: without its words."""
        return cls.LATER if isinstance(error, Unavailable) else cls.REFUSED


class Link(Protocol):
    """The connection, seen from its intake; nothing here waits."""

    @property
    def opened_at(self) -> datetime:
        """When the sender asked for the connection: its sound may begin then, however late its start is read."""

    @property
    def closing(self) -> bool:
        """True once it is being closed."""

    def send(self, text: str) -> None:
        """Queue a text frame."""

    def close(self, farewell: Farewell, *, after: float = 0) -> None:
        """Close it when all is sent, or ``after`` seconds when the other side has not."""

    def started(self) -> None:
        """A call has begun, or nothing is to come: the time limit for the start is off."""

    def offered(self, protocol: str, *, ok: bool, why: str) -> None:
        """Tell the observer."""

    def moment(self) -> float:
        """The loop's time in seconds."""


class Intake(Protocol):
    """One connection's protocol."""

    @property
    def protocol(self) -> str:
        """Its name, for the page of offers."""

    @property
    def paused(self) -> bool:
        """True while its call keeps nothing."""

    def receive(self, frame: str | bytes) -> None:
        """Take a frame; never raises for what is in it."""

    def lost(self) -> None:
        """The connection is gone."""

    def end(self, reason: str) -> None:
        """End the call from our side."""

    def farewell(self) -> None:
        """The recorder is about to stop: ask the sender to end, or to come again elsewhere."""
