"""A vCon or a chat as something to take in: who and when, and either its recording or its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from candor.capture.files import Chat, is_chat, read_chat
from candor.consent.basis import Read, entries_of
from candor.conversation.model import Conversation, Recording
from candor.conversation.transcript import Transcript
from candor.conversation.vcon import VconDialog, VconDocument, parse
from candor.errors import InvalidInput

Beside = Callable[[str], BinaryIO | None]
"""The file of that name beside the document, opened; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a vCon gives."""

    vcon: VconDocument
    dialog: VconDialog | None
    """The recording that is taken: the first whose sound is at hand."""
    media: bytes | None
    filename: str

    @property
    def external_id(self) -> str | None:
        """The document's own id."""
        return self.vcon.uuid

    @property
    def transcript(self) -> Transcript | None:
        """The text of a written conversation; a recording is transcribed anew."""
        return None if self.media is not None else self.vcon.transcript

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed or left out."""
        others = len(self.vcon.recordings) - (self.dialog is not None)
        extra = (f"{others} further recordings of the vCon were not taken.",) if self.dialog and others else ()
        if self.dialog is None or not self.dialog.fetched_from_elsewhere:
            return self.vcon.notes + extra
        address = f"dialog[{self.dialog.index}] holds only an address"
        kept = tuple(note for note in self.vcon.notes if not note.startswith(address))
        return (*kept, "The recording was taken from the file beside the vCon.", *extra)

    def conversation(self, conversation_id: str, recording: Recording | None, channels: int | None) -> Conversation:
        """The conversation; raises InvalidInput when the document has no date."""
        try:
            return self.vcon.conversation(
                id=conversation_id, dialog=self.dialog, recording=recording, channels=channels
            )
        except ValueError:
            raise InvalidInput("The vCon says nowhere when the conversation began.", code="vcon.no_date") from None

    def consent(self, conversation: Conversation, *, purpose: str, actor: str, now: datetime) -> Read:
        """What the ledger is to know of the conversation by the document's word, for this house's ``purpose``."""
        bases, notes = self.vcon.lawful_bases()
        found = entries_of(
            bases, conversation_id=conversation.id, call_id=conversation.external_id, purpose=purpose,
            began=conversation.started_at, now=now, actor=actor,
        )  # fmt: skip
        return Read(found.entries, (*notes, *found.notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a chat gives: the same as a vCon of text dialogs."""

    chat: Chat
    filename: str
    media: None = None

    @property
    def external_id(self) -> str | None:
        """The sender's own id."""
        return self.chat.id

    @property
    def transcript(self) -> Transcript:
        """What was written."""
        return self.chat.transcript

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed."""
        return self.chat.notes

    def conversation(self, conversation_id: str, recording: Recording | None, channels: int | None) -> Conversation:
        """The conversation; there is never a recording."""
        del recording, channels
        return self.chat.conversation(conversation_id)

    def consent(self, conversation: Conversation, *, purpose: str, actor: str, now: datetime) -> Read:
        """A chat file tells nothing of consent."""
        del conversation, purpose, actor, now
        return Read((), ())


def read_document(data: bytes, filename: str, beside: Beside) -> Document | Written:
    """Read a vCon of any version, or a chat; raises InvalidInput that says what is wrong and where."""
    if (chat := _chat(data)) is not None:
        return Written(chat=chat, filename=filename)
    vcon = parse(data)
    for dialog in vcon.recordings:
        name = dialog.filename or _last(dialog.url) or filename
        media = dialog.body if dialog.body is not None else _from_beside(dialog, beside)
        if media:
            return Document(vcon=vcon, dialog=dialog, media=media, filename=name)
    if vcon.transcript is None or not vcon.transcript.utterances:
        elsewhere = any(dialog.fetched_from_elsewhere for dialog in vcon.dialogs)
        raise InvalidInput(
            "The vCon only tells where its recording lies; addresses are not followed."
            if elsewhere
            else "The vCon holds neither a recording nor text.",
            code="vcon.no_content",
            advice="Put the recording, under the name that the address ends with, beside the vCon."
            if elsewhere
            else "",
        )
    return Document(vcon=vcon, dialog=None, media=None, filename=filename)


def _chat(data: bytes) -> Chat | None:
    if data[:2] == b"\x1f\x8b" or b'"messages"' not in data:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None  # the vCon reader says what is wrong with it
    return read_chat(document) if is_chat(document) else None


def _from_beside(dialog: VconDialog, beside: Beside) -> bytes | None:
    """The recording from a file with the name that its address ends with, if it is the promised one."""
    for name in (_last(dialog.url), dialog.filename):
        stream = beside(name) if name else None
        if stream is None:
            continue
        with stream:
            media = stream.read()
        if media and dialog.sha512 in {None, hashlib.sha512(media).hexdigest()}:
            return media
    return None


def _last(url: str | None) -> str | None:
    name = PurePosixPath(unquote(urlsplit(url).path)).name if url else ""
    return name or None
