"""A call that is being captured: who is on it, which streams carry it, what happens on it.

These values travel from the protocols (SIPREC, media streams) through the spool to the conversation that is made of
them. Words are those of RFC 7865 (participant, media stream, label) and RFC 3550 (payload type, clock rate).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from candor.conversation.model import Direction, Role


class EventKind(StrEnum):
    """What can happen on a call besides sound."""

    PAUSED = "paused"
    """Recording was stopped on purpose; nothing of what follows is kept."""
    RESUMED = "resumed"
    ON_HOLD = "on_hold"
    """The recorded side stopped sending (``a=inactive``); the time line goes on."""
    OFF_HOLD = "off_hold"
    JOINED = "joined"
    LEFT = "left"
    KEY_PRESSED = "key_pressed"
    """A telephone key; which one is never kept."""
    DISCARDED = "discarded"
    """The sender says that it dropped sound before us (AudioHook ``discarded``)."""
    REFUSED = "refused"
    """Somebody refused or objected, or the call may not be recorded: nothing is kept from here on."""
    DROPPED = "dropped"
    """What had been kept until here was destroyed."""
    INTERRUPTED = "interrupted"
    """The recorder died here; the call was finished from what had been sealed."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadType:
    """One RTP payload type of a stream (RFC 8866 section 6.6, ``a=rtpmap``)."""

    number: int
    encoding: str
    """As in ``a=rtpmap``: PCMU, PCMA, G722, opus, L16, telephone-event, CN …"""
    clock_rate: int = 8000
    """RTP time stamp units a second (8000 for G722, RFC 3551)."""
    channels: int = 1
    fmtp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One media stream: the sound of one party, or a mix."""

    number: int
    """Position in the call, from 0; never used again for another stream."""
    label: str
    """``a=label`` (RFC 4574), or the protocol's name of the track."""
    payload_types: tuple[PayloadType, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One who takes part, as the recorded system describes them."""

    id: str
    aor: str | None = None
    """Address of record, as given."""
    name: str | None = None
    role: Role = Role.UNKNOWN
    agent_id: str | None = None
    sends: tuple[str, ...] = ()
    """Labels of the streams that carry this participant's sound."""
    joined_at: datetime | None = None
    left_at: datetime | None = None


class Keep(StrEnum):
    """From when on the sound of a call may be kept."""

    START = "start"
    CONSENT = "consent"
    """Not before consent is told; until then nothing is read."""
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a call may be recorded."""

    keep: Keep
    level: int
    """0 to 4, or 9, of the rule pack."""
    words: str
    """Why, in a sentence that names no person."""
    drop: bool = True
    """Whether what was kept goes, too, when somebody refuses or objects."""
    obliged: bool = False
    """The law obliges to record: who objects ends the service, not the recording."""
    decision: str = ""
    """The whole decision as JSON, for those who look at the call later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What is known of the call so far; a later value replaces an earlier one."""

    id: str
    """The conversation's id."""
    source: str
    """Name of the configured source that it came from."""
    protocol: str
    """siprec, twilio, telnyx, signalwire, plivo, audiohook."""
    started_at: datetime
    external_id: str | None = None
    """The phone system's call id."""
    direction: Direction = Direction.UNKNOWN
    group: str | None = None
    """Communication session group (RFC 7865 section 6.2): the legs of one contact share it."""
    queue: str | None = None
    team: str | None = None
    language: str | None = None
    streams: tuple[Stream, ...] = ()
    participants: tuple[Participant, ...] = ()
    consent: Verdict | None = None
    """None: nobody was asked whether it may be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent:
    """Something that happened on the call."""

    at: datetime
    kind: EventKind
    stream: int | None = None
    """Which stream; None: all of them."""
    participant: str | None = None
    reason: str = ""
    """By what: ``api``, ``sip``, ``key``, ``spoken``, ``sender`` …"""
