"""What the cover page says: what this is, in words for people who have never heard of Candor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What the page says."""

    company: str
    conversation_id: str
    made_at: datetime
    """Aware, UTC."""
    about: Sequence[tuple[str, str]]
    """What, who by role, when: (label, value)."""
    recording: Sequence[tuple[str, str]]
    signer: Sequence[tuple[str, str]]
    self_made: bool
    audit: Sequence[tuple[str, str]]
    consent: Sequence[tuple[str, str]]
    members: Sequence[tuple[str, str, str]]
    """(name, what it is, SHA-512)."""


def grouped(digest: str) -> str:
    """A hexadecimal digest in groups of eight, to be compared by eye."""
    return " ".join(digest[at : at + 8] for at in range(0, len(digest), 8))
