"""Recording metadata as values: the model of RFC 7865 section 6.

Sessions, participants and streams have ids; the associations between them have times. Times are aware, in UTC; what a
sender writes without a zone is taken as UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from candor.errors import InvalidInput

DataMode = Literal["complete", "partial"]
NAMESPACE = "urn:ietf:params:xml:ns:recording:1"
"""Of RFC 7865; earlier clients write others."""
MAX_ITEMS = 500
"""Of each kind: participants, streams, sessions, groups; and vendor values of one of them."""


class MetadataError(InvalidInput):
    """Recording metadata that cannot be read; the call is recorded all the same, its parties unknown."""

    code = "siprec.metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A communication session group (section 6.2): the legs of one contact share it."""

    id: str
    associated_at: datetime | None = None
    disassociated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A communication session (section 6.3): one call that is recorded."""

    id: str
    sip_session_ids: tuple[str, ...] = ()
    """Session-ID values (RFC 7989), as written."""
    group: str | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    reason: str | None = None
    """Why it ended, as in a Reason field; several joined by commas."""
    extension: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Vendor data by element name, such as ``ucid``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One who takes part (section 6.5)."""

    id: str
    aor: str | None = field(default=None, repr=False)
    """Address of record, as written: usually a sip: or tel: URI."""
    name: str | None = field(default=None, repr=False)
    name_language: str | None = None
    other_aors: tuple[str, ...] = field(default=(), repr=False)
    """Further addresses of the same person."""
    extension: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Vendor data by element name, such as ``callingParty``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A media stream (section 6.7)."""

    id: str
    session: str | None = None
    label: str | None = None
    """Joins it to the ``a=label`` of the session description."""
    content_type: str | None = None
    """What it carries when it is not one person's sound (``a=content``, RFC 4796)."""
    mode: str | None = None
    """``separate`` or ``mixed``, from clients older than RFC 7865."""
    removed_at: datetime | None = None
    """Set by ``merge``: a later complete snapshot did not have it any more."""
    extension: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecording:
    """A session's part in the recording session (section 6.4, ``sessionrecordingassoc``)."""

    session: str
    associated_at: datetime | None = None
    disassociated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionAssociation:
    """A participant's part in a session (section 6.6, ``participantsessionassoc``)."""

    participant: str
    session: str | None
    associated_at: datetime | None = None
    disassociated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAssociation:
    """Which streams a participant sends and hears (section 6.8, ``participantstreamassoc``)."""

    participant: str
    sends: tuple[str, ...] = ()
    """Stream ids."""
    receives: tuple[str, ...] = ()
    associated_at: datetime | None = None
    disassociated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """One metadata document, or what all documents of a recording session say together (``merge``)."""

    data_mode: DataMode = "complete"
    namespace: str = NAMESPACE
    groups: tuple[Group, ...] = ()
    sessions: tuple[Session, ...] = ()
    participants: tuple[Participant, ...] = ()
    streams: tuple[Stream, ...] = ()
    session_associations: tuple[SessionAssociation, ...] = ()
    stream_associations: tuple[StreamAssociation, ...] = ()
    recording_associations: tuple[SessionRecording, ...] = ()
    extension: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Vendor data that belongs to no session, participant or stream."""

    def participant(self, an_id: str) -> Participant | None:
        """The participant of the id."""
        return next((one for one in self.participants if one.id == an_id), None)

    def left_at(self, an_id: str) -> datetime | None:
        """When a participant left the last session they were in; None while they are in one, or when not said."""
        theirs = [one for one in self.session_associations if one.participant == an_id]
        if not theirs or any(one.disassociated_at is None for one in theirs):
            return None
        return max(one.disassociated_at for one in theirs if one.disassociated_at is not None)

    def joined_at(self, an_id: str) -> datetime | None:
        """When a participant first came to a session; None when not said."""
        times = [
            one.associated_at
            for one in self.session_associations
            if one.participant == an_id and one.associated_at is not None
        ]
        return min(times) if times else None


def speakers(metadata: Metadata, *, ever: bool = False) -> dict[str, tuple[str, ...]]:
    """Label to the ids of the participants whose sound the stream carries, by ``send`` alone, never by position.

    ``()``: the metadata does not say. Without ``ever``, what holds now: streams that were removed, associations that
    ended and participants who left do not count; with it, all that was ever said, in order.
    """
    joined: dict[str, dict[str, None]] = {}
    by_stream: dict[str, str] = {}
    for stream in metadata.streams:
        if stream.label is not None and (ever or stream.removed_at is None):
            joined.setdefault(stream.label, {})
            by_stream[stream.id] = stream.label
    gone = set() if ever else {one.id for one in metadata.participants if metadata.left_at(one.id) is not None}
    for association in metadata.stream_associations:
        if not ever and (association.disassociated_at is not None or association.participant in gone):
            continue
        for sent in association.sends:
            if sent in by_stream:
                joined[by_stream[sent]][association.participant] = None
    return {label: tuple(people) for label, people in joined.items()}
