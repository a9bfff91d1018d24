"""Who spoke with whom, when, and through what."""

from __future__ import annotations

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
