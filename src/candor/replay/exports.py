"""A conversation to take along: vCon, JSON, CSV; redacted, and made the same way for every door."""

from __future__ import annotations

import json
from enum import StrEnum

from candor.conversation.vcon.build import build
from candor.replay.document import document, utterances_csv
from candor.replay.model import ConversationView


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


def as_text(view: ConversationView, form: Format) -> str:
    """The document in one of the written formats; sound is streamed by the door instead."""
    if form is Format.CSV:
        return utterances_csv(view)
    if form is Format.JSON:
        return json.dumps(document(view), ensure_ascii=False)
    if form is Format.VCON:
        made = build(
            view.conversation, sound=view.sound, redaction=view.redaction, analysis=view.analysis,
            evaluations=view.evaluations,
        )  # fmt: skip
        return json.dumps(made, ensure_ascii=False)
    raise ValueError("sound is not text")


__all__ = ["MEDIATYPES", "SUFFIXES", "Format", "as_text"]
