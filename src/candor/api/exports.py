"""An export as an HTTP answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Response
from fastapi.responses import StreamingResponse

from candor.kit.ranges import ByteRange, chunks
from candor.replay.exports import MEDIATYPES, SUFFIXES, Format, as_text
from candor.replay.model import ConversationView, Scope

if TYPE_CHECKING:
    from candor.services import Services


def export_answer(services: Services, view: ConversationView, form: Format, scope: Scope) -> Response:
    """The conversation in that format, as a download."""
    name = f"{view.conversation.id}.{SUFFIXES[form]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    if form is not Format.AUDIO:
        return Response(as_text(view, form), headers=headers, media_type=MEDIATYPES[form])
    with services.database.read() as uow:
        sound = services.replay.audio(uow, view.conversation.id, scope)
        stream = sound.open()
    headers["Content-Length"] = str(sound.size)
    whole = ByteRange(start=0, stop=sound.size, size=sound.size)
    return StreamingResponse(chunks(stream, whole), headers=headers, media_type=sound.mediatype)


__all__ = ["Format", "export_answer"]
