"""What a stream server is told: who may connect and how they prove it, within which limits, and who is told of it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from candor.capture.streams.media_streams import Dialect, Track
from candor.conversation.model import Direction
from candor.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SEQUENCE = re.compile(r"[0-9*#A-D]{0,8}")
AUDIOHOOK = "audiohook"
"""The protocol of Genesys, beside the dialects of Twilio's."""


class Proof(StrEnum):
    """How a sender proves who it is."""

    SIGNATURE = "signature"
    """AudioHook's HTTP message signature, or ``X-Twilio-Signature``."""
    TOKEN = "token"  # noqa: S105  the word, not one
    """The source's secret itself: bearer, ``?token=``, end of the path, or the start's parameter ``token``; for
    AudioHook the API key."""
    NONE = "none"
    """Not at all: for a test on one's own machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSource:
    """One sender that is set up."""

    name: str
    """The last part of its address: ``/streams/NAME`` or ``/audiohook/NAME``."""
    dialect: Dialect | None = None
    """Of Twilio's protocol; None: by what comes."""
    audiohook: bool = False
    """True: this is a Genesys AudioHook source, and nothing else."""
    secret: str = field(default="", repr=False)
    """Twilio's auth token, AudioHook's client secret (base64), or the token for the others; empty: nobody gets in."""
    api_key: str = field(default="", repr=False)
    """AudioHook's."""
    proof: Proof | None = None
    """None: the best that the protocol has, which is a signature for AudioHook and Twilio, a token for the others."""
    public_url: str | None = None
    """The address as the sender was given it, where a proxy changes host or path; signatures are over it."""
    account: str | None = None
    """The only account (AudioHook: organization) that may send; None: any that proves itself."""
    customer_track: Track = Track.INBOUND
    """Whose sound comes in: the customer's, unless the stream is started on the agent's leg."""
    direction: Direction = Direction.UNKNOWN
    """Of this source's calls, where the sender does not say."""
    region: str | None = None
    """The provider's region, for the page that lists sources."""
    pause_keys: str = ""
    """Telephone keys that pause the recording when they are pressed after each other (``*7``); empty: none."""
    resume_keys: str = ""
    """Those that resume it; the same as ``pause_keys``: they do both in turn."""
    l16_little_endian: bool | None = None
    """The byte order of L16; None: little-endian for Plivo, else network order (RFC 3551)."""

    def __post_init__(self) -> None:
        """Raises InvalidInput for what can never work."""
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(
                "The name of a stream source has characters that an address cannot hold.",
                advice="Use letters, digits, dot, dash and underscore, 64 at most.",
            )
        if not _SEQUENCE.fullmatch(self.pause_keys) or not _SEQUENCE.fullmatch(self.resume_keys):
            raise InvalidInput(
                "Pause and resume keys are keys of a telephone, 8 at most.", advice="Write them as *7, for example."
            )
        if self.audiohook and self.secret and self.how is Proof.SIGNATURE:
            self.key()

    @property
    def how(self) -> Proof | None:
        """The proof that is asked for; None for either, where the dialect is known only after the upgrade."""
        if self.proof is not None:
            return self.proof
        if self.audiohook or self.dialect is Dialect.TWILIO:
            return Proof.SIGNATURE
        return None if self.dialect is None else Proof.TOKEN

    def key(self) -> bytes:
        """AudioHook's client secret as bytes; raises InvalidInput when it is not base64."""
        try:
            return base64.b64decode(self.secret, validate=True)
        except binascii.Error as error:
            raise InvalidInput(
                "The client secret of an AudioHook source is not base64.",
                advice="Copy it as it stands in Genesys Cloud, or make one with: openssl rand -base64 48",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what strangers and senders may take."""

    connections: int = 2_000
    """At a time, all sources together."""
    unproven: int = 500
    """Of those, connections whose proof is still to come with the start: strangers cannot take the others' room."""
    start_seconds: float = 10
    """From the upgrade to the start of a call."""
    idle_seconds: float = 60
    """Without a frame, until a call that is not paused is ended."""
    reconnect_seconds: float = 30
    """After a lost connection, for Telnyx and AudioHook to come again."""
    farewell_seconds: float = 5
    """For the other side to close."""
    frame_bytes: int = 64 * 1024
    bad_frames: int = 50
    """Unreadable messages of one call, until it is ended."""
    refusal_seconds: float = 0.25
    """How long a refusal takes, so that its reason cannot be told by the clock."""


class Observer(Protocol):
    """Is told of every offer of a call, for the page that lists the last ones."""

    def offered(self, source: str, protocol: str, *, ok: bool, why: str) -> None:
        """``source`` is a configured name or empty; ``why`` is a sentence without personal data."""
