"""An export as an HTTP answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response
from fastapi.responses import StreamingResponse

from candor.kit.ranges import ByteRange, chunks
from candor.replay.exports import MEDIATYPES, SUFFIXES, Format, as_text, inline_sound
from candor.replay.model import ConversationView, Scope

if TYPE_CHECKING:
    from candor.services import Services


def export_answer(services: Services, view: ConversationView, form: Format, scope: Scope) -> Response:
    """The conversation in that format, as a download."""
    name = f"{view.conversation.id}.{SUFFIXES[form]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    if form is not Format.AUDIO:
        sound = None
        if form is Format.VCON:
            with services.database.read() as uow:
                sound = inline_sound(services.replay, uow, view.conversation.id, scope)
        return Response(as_text(view, form, sound), headers=headers, media_type=MEDIATYPES[form])
    with services.database.read() as uow:
        playback = services.replay.audio(uow, view.conversation.id, scope)
        stream = playback.open()
    headers["Content-Length"] = str(playback.size)
    whole = ByteRange(start=0, stop=playback.size, size=playback.size)
    return StreamingResponse(chunks(stream, whole), headers=headers, media_type=playback.mediatype)


__all__ = ["Format", "export_answer"]
