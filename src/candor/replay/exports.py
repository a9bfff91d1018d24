"""A conversation to take along: vCon, JSON, CSV; redacted, and made the same way for every door."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum

from candor.conversation.vcon.build import Media, build
from candor.errors import NotFound
from candor.kit.database import UnitOfWork
from candor.replay.document import document, utterances_csv
from candor.replay.model import ConversationView, Scope
from candor.replay.service import Replay


class Format(StrEnum):
    """What a conversation can be taken along as."""

    VCON = "vcon"
    JSON = "json"
    CSV = "csv"
    AUDIO = "audio"


MEDIATYPES = {
    Format.VCON: "application/vcon+json",
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.AUDIO: "audio/flac",
}
SUFFIXES = {Format.VCON: "vcon", Format.JSON: "json", Format.CSV: "csv", Format.AUDIO: "flac"}


LARGEST_INLINE = 64 * 1024 * 1024
"""Bytes of sound that go into a vCon; longer calls carry the text alone, and the sound is exported by itself."""


def inline_sound(replay: Replay, uow: UnitOfWork, conversation_id: str, scope: Scope) -> bytes | None:
    """The redacted sound for a vCon; None when there is none or too much of it."""
    try:
        playback = replay.audio(uow, conversation_id, scope)
    except NotFound:
        return None
    if playback.size > LARGEST_INLINE:
        return None
    with playback.open() as stream:
        return stream.read()


def as_text(view: ConversationView, form: Format, sound: bytes | None = None) -> str:
    """The document in one of the written formats, a vCon with ``sound`` in it; audio is streamed by the door."""
    if form is Format.CSV:
        return utterances_csv(view)
    if form is Format.JSON:
        return json.dumps(document(view), ensure_ascii=False)
    if form is Format.VCON:
        made = build(
            view.conversation, sound=view.sound, redaction=view.redaction, analysis=view.analysis,
            evaluations=view.evaluations, media=None if sound is None else _media(view.conversation.id, sound),
            legs=[leg.id for leg in view.legs], basis=view.basis,
        )  # fmt: skip
        return json.dumps(made, ensure_ascii=False)
    raise ValueError("sound is not text")


def _media(conversation_id: str, sound: bytes) -> Media:
    # A neutral name: the original's may hold a telephone number.
    return Media(
        mediatype=MEDIATYPES[Format.AUDIO],
        filename=f"{conversation_id}.{SUFFIXES[Format.AUDIO]}",
        sha512=hashlib.sha512(sound).hexdigest(),
        body=sound,
    )


__all__ = ["MEDIATYPES", "SUFFIXES", "Format", "as_text", "inline_sound"]
