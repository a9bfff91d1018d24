"""What is known of a conversation beside its words, as far as scorecards ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from candor.conversation.model import Direction, Medium
from candor.scoring.ports import Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of one conversation; None where nobody knows."""

    direction: Direction = Direction.UNKNOWN
    medium: Medium = Medium.VOICE
    queue: str | None = None
    started_at: datetime | None = None
    places: tuple[str, ...] | None = None
    """Whose law counts, as ids of the rule pack: ``US-CA``, ``DE``; None: not known."""
    history: tuple[Contact, ...] | None = None
    """Earlier conversations of the same customer, newest first; None: nobody knows who the customer is."""


def lies_in(place: str, wanted: str) -> bool:
    """Whether a place is the wanted one or a part of it: US-CA lies in US."""
    return place == wanted or place.startswith(wanted + "-")
