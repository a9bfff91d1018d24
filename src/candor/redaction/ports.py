"""What a detector is, in this room's own words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from candor.conversation.transcript import PiiKind
from candor.redaction.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Personal data found in a call."""

    kind: PiiKind
    pieces: tuple[tuple[int, int], ...]
    """Stretches of tokens, (first, last) inclusive, each in one utterance; several when a value goes on over turns."""
    value: str
    """The normalised value ("4111111111111111"): equal values get equal placeholders. Never leaves the room."""
    rule: str
    """Rule id, without version."""
    confidence: float


class Detector(Protocol):
    """Finds one family of personal data. Pure: the same call gives the same matches."""

    def find(self, call: Call) -> Iterable[Match]:
        """All matches, in any order; they may overlap each other and those of other detectors."""
