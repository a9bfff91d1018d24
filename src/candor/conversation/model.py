"""Who spoke with whom, when, and through what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a party is on the call (vCon CC extension, ``role``)."""

    AGENT = "agent"
    CUSTOMER = "customer"
    SUPERVISOR = "supervisor"
    THIRD_PARTY = "thirdparty"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """Who called whom, seen from the contact centre."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class Medium(StrEnum):
    """The channel of communication."""

    VOICE = "voice"
    VIDEO = "video"
    CHAT = "chat"
    EMAIL = "email"
    SOCIAL = "social"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """One who takes part (vCon core, section "Parties Object")."""

    role: Role = Role.UNKNOWN
    name: str | None = None
    tel: str | None = None
    """E.164 where it could be normalised, else as given."""
    mailto: str | None = None
    agent_id: str | None = None
    """The contact centre's own key for an agent."""
    channel: int | None = None
    """The recording's channel (from 0) on which this party is heard alone; None when mixed or unknown."""
    joined: float | None = None
    """Seconds from the beginning at which the party came; None: was there from the start, or not known."""
    left: float | None = None
    """Seconds at which the party went; None: stayed to the end, or not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The original sound as it came in: sealed, unchanged."""

    object_id: str
    """The vault object with the original bytes."""
    mediatype: str
    """For example ``audio/x-wav``."""
    filename: str
    size: int
    sha512: str
    """Hexadecimal digest of the original bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """What decoding found out about the recording."""

    duration: float
    """Seconds."""
    rate: int
    """Samples a second of the original."""
    channels: int
    codec: str
    """FFmpeg's name of the codec, for example ``pcm_mulaw``."""
    container: str
    working_rate: int
    """Samples a second of the working copy: 8,000 or 16,000."""
    notes: tuple[str, ...] = ()
    """Plain sentences on what is unusual: a silent channel, a truncated end, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch of the call of which nothing was kept, and why; the time line goes on through it."""

    start: float
    """Seconds from the beginning."""
    stop: float
    reason: str
    """paused, on_hold, discarded (by the sender), interrupted (the recorder died)."""
    by: str = ""
    """What caused it: api, sip, key, spoken …"""
    channel: int | None = None
    """Which channel; None: all."""


def told_once(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """Gaps as people are told of them: of those for the same reason that begin and stop together, the first.

    A hold is one thing that happened, though each stream of the call says it for itself, some milliseconds apart.
    """
    told: list[Gap] = []
    for gap in sorted(gaps, key=lambda each: each.start):
        for one in reversed(told):
            if gap.start - one.start >= 1:
                told.append(gap)
                break
            if gap.reason == one.reason and abs(gap.stop - one.stop) < 1:
                break
        else:
            told.append(gap)
    return tuple(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One customer conversation, before anything was understood of it."""

    id: str
    """UUIDv7."""
    started_at: datetime
    """Aware, UTC."""
    utc_offset_minutes: int = 0
    """The offset that the start was written with, for showing the original time."""
    external_id: str | None = None
    """The phone system's call id."""
    source: str = "import"
    medium: Medium = Medium.VOICE
    direction: Direction = Direction.UNKNOWN
    parties: tuple[Party, ...] = ()
    queue: str | None = None
    team: str | None = None
    language: str | None = None
    """BCP 47; None means "find out"."""
    subject: str | None = None
    recording: Recording | None = None
    group: str | None = None
    """What the legs of one contact share (RFC 7865 communication session group, AudioHook conversation)."""
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    """Plain sentences on what was unusual when it was captured: lost packets, silent streams …"""

    def __post_init__(self) -> None:
        if self.started_at.tzinfo is None:
            raise ValueError("started_at has no time zone")

    @property
    def agent(self) -> Party | None:
        """The first agent on the line."""
        return next((party for party in self.parties if party.role is Role.AGENT), None)

    @property
    def customer(self) -> Party | None:
        """The first customer on the line."""
        return next((party for party in self.parties if party.role is Role.CUSTOMER), None)
