"""What a vCon says, in one shape whatever its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from candor.conversation.model import Conversation, Direction, Medium, Party, Recording, Role
from candor.conversation.transcript import Transcript
from candor.conversation.vcon.captured import comings_and_goings, read_report
from candor.conversation.vcon.lawful import LawfulBasis
from candor.conversation.vcon.lawful import read as read_bases
from candor.kit.clock import require_aware


class DialogKind(StrEnum):
    """vCon core, Dialog Object ``type``."""

    RECORDING = "recording"
    RECORDING_SET = "recording-set"
    TEXT = "text"
    TRANSFER = "transfer"
    INCOMPLETE = "incomplete"


class Signature(StrEnum):
    """What is known of who vouches for the document."""

    NONE = "not signed"
    VALID = "signature valid, signer not verified"
    UNCHECKED = "signed, signature not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class VconDialog:
    """One dialog object."""

    index: int
    kind: DialogKind
    start: datetime
    """Aware, with the offset that it was written with."""
    duration: float | None = None
    """Seconds."""
    parties: tuple[int, ...] = ()
    """Places in ``VconDocument.parties``, first the originator where it is known."""
    channels: tuple[tuple[int, ...], ...] | None = None
    """For each channel of the recording the parties heard on it, if the list of parties is one of channels: a plain
    list is the same for a mono mix, so only :meth:`per_channel`, told the real number of channels, can say."""
    originator: int | None = None
    mediatype: str | None = None
    filename: str | None = None
    body: bytes | None = None
    """The inline content, decoded; its content hash was compared when there is one."""
    text: str | None = None
    """Of a text dialog: what was written."""
    url: str | None = None
    hashes: tuple[str, ...] = ()
    """``sha512-`` and unpadded base64url, of what lies at ``url`` or in ``body``."""
    message_id: str | None = None
    raw: Mapping[str, Any]
    """The object as it stands in the document."""

    def per_channel(self, count: int) -> tuple[tuple[int, ...], ...] | None:
        """The parties on each of the ``count`` channels that the recording really has; None when nobody said."""
        return self.channels if self.channels is not None and len(self.channels) == count > 1 else None

    @property
    def sha512(self) -> str | None:
        """The promised SHA-512 of the content in hexadecimal, for comparing with a file from elsewhere."""
        from candor.conversation.vcon.encoding import hash_hex  # noqa: PLC0415  the two modules know each other

        return next((hash_hex(value) for value in self.hashes if value.startswith("sha512-")), None)

    @property
    def fetched_from_elsewhere(self) -> bool:
        """True when the content is not in the document, but only an address of it."""
        return self.body is None and self.text is None and self.url is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class VconDocument:
    """A parsed vCon."""

    uuid: str
    version: str | None
    created_at: datetime | None
    subject: str | None
    parties: tuple[Party, ...]
    dialogs: tuple[VconDialog, ...]
    transcript: Transcript | None
    """What was written, or the first transcript among the analyses; None when there is neither."""
    attachments: tuple[Mapping[str, Any], ...]
    """Verbatim."""
    analyses: tuple[Mapping[str, Any], ...]
    """Verbatim."""
    redacted: Mapping[str, Any] | None
    amended: Mapping[str, Any] | None
    extensions: tuple[str, ...]
    signature: Signature
    notes: tuple[str, ...]
    """Plain sentences on what was assumed or is missing."""

    @property
    def recordings(self) -> tuple[VconDialog, ...]:
        """The dialogs that are recordings, in order."""
        return tuple(dialog for dialog in self.dialogs if dialog.kind is DialogKind.RECORDING)

    def lawful_bases(self) -> tuple[tuple[LawfulBasis, ...], tuple[str, ...]]:
        """On what lawful basis it is held, as its attachments say, and notes on what of them cannot be read."""
        # A redacted document leaves empty objects in the place of dialogs; others are counted by their number.
        at = {dialog.index: dialog.raw for dialog in self.dialogs}
        dialogs = [at.get(place, {}) for place in range(max(at, default=-1) + 1)]
        return read_bases(self.attachments, uuid=self.uuid, parties=len(self.parties), dialogs=dialogs)

    @property
    def started_at(self) -> datetime | None:
        """When the first dialog began; the document's own date when it has no dialog."""
        return min((dialog.start for dialog in self.dialogs), default=self.created_at)

    @property
    def medium(self) -> Medium:
        """The channel of communication, told by the dialogs."""
        if self.recordings:
            video = all((dialog.mediatype or "").startswith("video/") for dialog in self.recordings)
            return Medium.VIDEO if video else Medium.VOICE
        texts = [dialog for dialog in self.dialogs if dialog.kind is DialogKind.TEXT]
        if any(
            (dialog.mediatype or "").startswith(("multipart/", "message/")) or dialog.message_id for dialog in texts
        ):
            return Medium.EMAIL
        return Medium.CHAT if texts else Medium.VOICE

    @property
    def direction(self) -> Direction:
        """By the sender's own word (``meta.direction``), else by who began, where roles are known."""
        for dialog in self.dialogs:
            meta = dialog.raw.get("meta")
            said = str(meta.get("direction", "")).lower() if isinstance(meta, Mapping) else ""
            if said:
                return Direction.INBOUND if said.startswith("in") else Direction.OUTBOUND
            first = dialog.originator if dialog.originator is not None else next(iter(dialog.parties), None)
            role = self.parties[first].role if first is not None else None
            if role in (Role.AGENT, Role.CUSTOMER):
                return Direction.OUTBOUND if role is Role.AGENT else Direction.INBOUND
        return Direction.UNKNOWN

    def conversation(
        self,
        *,
        id: str,  # noqa: A002  the field's own name
        dialog: VconDialog | None = None,
        recording: Recording | None = None,
        channels: int | None = None,
    ) -> Conversation:
        """The Conversation this document describes; ``dialog`` is the recording that ``recording`` holds, with
        so many ``channels`` (see ``capture.files.probe``), which puts parties on channels.

        Raises ValueError when the document has no date at all.
        """
        start = dialog.start if dialog is not None else self.started_at
        if start is None:
            raise ValueError("a conversation needs a start")
        offset = start.utcoffset()
        captured = read_report(self.analyses, dialog.index if dialog is not None else None)
        return Conversation(
            id=id,
            started_at=require_aware(start),
            utc_offset_minutes=round(offset.total_seconds() / 60) if offset is not None else 0,
            external_id=self.uuid,
            source="vcon",
            medium=self.medium,
            direction=self.direction,
            parties=self._on_the_line(dialog, channels),
            language=self.transcript.language if self.transcript and self.transcript.language != "und" else None,
            queue=_text(dialog.raw.get("skill")) if dialog is not None else None,
            subject=self.subject,
            recording=recording,
            group=captured.group,
            gaps=captured.gaps,
            notes=captured.notes,
        )

    def _on_the_line(self, dialog: VconDialog | None, channels: int | None) -> tuple[Party, ...]:
        """The parties with their channels, and when they came and went."""
        if dialog is None:
            return self.parties
        heard_on = dialog.per_channel(channels) if channels is not None else None
        alone = {heard[0]: place for place, heard in enumerate(heard_on or ()) if len(heard) == 1}
        times = comings_and_goings(dialog.raw.get("party_history"), dialog.start, dialog.duration)
        unknown = (None, None)
        return tuple(
            replace(
                party,
                channel=alone.get(place),
                joined=times.get(place, unknown)[0],
                left=times.get(place, unknown)[1],
            )
            for place, party in enumerate(self.parties)
        )


def _text(value: object) -> str | None:
    """The CC extension's text calls ``skill`` a string, its schema a list of strings."""
    if isinstance(value, list):
        value = next(iter(value), None)
    return value if isinstance(value, str) and value else None
