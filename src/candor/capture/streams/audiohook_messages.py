"""What goes over an AudioHook connection (Genesys, protocol version 2), read and written, and what a session asks for.

Times are positions in the stream: ISO 8601 durations ``PTnS`` on the wire, samples at 8 kHz here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from candor.capture.streams.bounded import get_list, get_object, get_parameters, get_word, malformed

RATE = 8_000
"""Samples a second; the protocol knows no other."""
PROBE = "00000000-0000-0000-0000-000000000000"
"""The conversation of a connection that an administrator's test makes."""
FARTHEST = 4 * 3600 * RATE
"""A jump over more samples than this (4 h) is a mistake, not a gap."""
WIDTH = {"PCMU": 1, "L16": 2}
"""Bytes a sample."""
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
_DURATION = re.compile(r"PT(\d{1,9}(?:\.\d{0,12})?|\.\d{1,12})S")


class Channel(StrEnum):
    """Whose sound: external is the customer, internal the agent."""

    EXTERNAL = "external"
    INTERNAL = "internal"


def parse_duration(text: object) -> int:
    """``PT1.25S`` as samples at 8 kHz, rounded; raises InvalidInput."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise malformed("a position or length is not of the form PTnS")
    return round(float(found[1]) * RATE)


def render_duration(samples: int) -> str:
    """Samples at 8 kHz as ``PT1.25S``."""
    return f"PT{samples / RATE:.6f}".rstrip("0").rstrip(".") + "S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """How the sound comes: one offer, or the one that was chosen."""

    format: str
    """PCMU or L16."""
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an ``open`` message tells."""

    session_id: str
    organization_id: str
    conversation_id: str
    participant_id: str | None = None
    ani: str | None = field(default=None, repr=False)
    """The caller's number."""
    ani_name: str | None = field(default=None, repr=False)
    dnis: str | None = field(default=None, repr=False)
    """The number that was called."""
    media: Media | None
    """What is chosen of the offers; None: nothing that is kept here was offered."""
    language: str | None = None
    continued: tuple[str, ...] = ()
    """Earlier connections that this one goes on with."""
    position: int = 0
    """Samples before this connection's first."""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    """``customConfig``, short texts only."""

    @property
    def probe(self) -> bool:
        """True for a connection that tests the configuration: to be answered, not to be recorded."""
        return self.conversation_id == PROBE


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A text frame for the client."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAsked:
    """The client waits: answer with :meth:`AudioHookSession.accept` or :meth:`AudioHookSession.disconnect`."""

    opening: Opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A piece of one channel, at most 20 ms; L16 is in network byte order (RFC 3551 section 4.5.11)."""

    channel: Channel
    sequence: int
    """16 bits."""
    timestamp: int
    """32 bits, in samples from the beginning of the stream."""
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The client sends nothing from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """It sends again; ``discarded`` samples from ``start`` on are missing."""

    start: int
    discarded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """The client dropped ``discarded`` samples from ``start`` on."""

    start: int
    discarded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChanged:
    """The conversation goes on in another language."""

    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPressed:
    """A telephone key of the customer's."""

    digit: str = field(default="", repr=False)
    """For pause triggers only: compare it and forget it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderFailed:
    """The client says that something went wrong on its side."""

    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The client closes: end, error, disconnect or reconnect."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The client broke the protocol and was told so; it should close now."""

    why: str


Action = (
    Send
    | OpenAsked
    | Sound
    | Paused
    | Resumed
    | Discarded
    | LanguageChanged
    | KeyPressed
    | SenderFailed
    | Closed
    | Broken
)


def read_opening(message: dict[str, Any], parameters: dict[str, Any]) -> Opening:
    """The ``open`` message; raises InvalidInput."""
    conversation_id, organization_id = get_word(parameters, "conversationId"), get_word(parameters, "organizationId")
    if not conversation_id or not UUID.fullmatch(conversation_id) or not organization_id:
        raise malformed("'open' names no conversation or no organization")
    participant = get_object(parameters, "participant")
    language = parameters.get("language")
    continued = get_list(parameters, "continuedSessions", 32) if parameters.get("continuedSessions") else []
    position = parse_duration(message.get("position"))
    if position > FARTHEST * 6:
        raise malformed("its position is more than a day after the beginning")
    return Opening(
        session_id=message["id"],
        organization_id=organization_id,
        conversation_id=conversation_id.lower(),
        participant_id=get_word(participant, "id"),
        ani=get_word(participant, "ani"),
        ani_name=get_word(participant, "aniName"),
        dnis=get_word(participant, "dnis"),
        media=choose(get_list(parameters, "media", 32)),
        language=language if isinstance(language, str) and LANGUAGE.fullmatch(language) else None,
        continued=tuple(one["id"] for one in continued if isinstance(one, dict) and isinstance(one.get("id"), str)),
        position=position,
        parameters=get_parameters(parameters, "customConfig"),
    )


def choose(offers: list[Any]) -> Media | None:
    """The best of the offers: both channels before one, PCMU before L16, the customer before the agent."""
    usable = [media for media in map(_offer, offers) if media is not None]
    return min(
        usable,
        key=lambda media: (-len(media.channels), media.format != "PCMU", Channel.EXTERNAL not in media.channels),
        default=None,
    )


def _offer(value: object) -> Media | None:
    if not isinstance(value, dict) or value.get("type") != "audio" or value.get("rate") != RATE:
        return None
    form, channels = value.get("format"), value.get("channels")
    if not isinstance(form, str) or form not in WIDTH or not isinstance(channels, list):
        return None
    if not 1 <= len(channels) <= 2 or not all(one in ("external", "internal") for one in channels):
        return None
    named = tuple(Channel(one) for one in channels)
    return Media(format=form, channels=named) if len(set(named)) == len(named) else None


def media_message(media: Media) -> dict[str, Any]:
    """The offer that was chosen, for ``opened``."""
    return {"type": "audio", "format": media.format, "channels": list(media.channels), "rate": RATE}
