"""What the player fetches: the redacted sound, by ranges, and the outline of its waveform."""

from __future__ import annotations

from typing import BinaryIO

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from candor.access.model import Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.kit.ranges import ByteRange, RangeNotSatisfiable, chunks, parse_range
from candor.web.visit import CurrentVisit

router = APIRouter()


@router.get("/conversations/{conversation_id}/audio")
def audio(conversation_id: str, request: Request, visit: CurrentVisit) -> Response:
    """The redacted sound: 200, 206 for a range, 416 for one that lies outside."""
    visit.principal.require(Right.CONVERSATION_READ)
    with visit.services.database.read() as uow:
        sound = visit.services.replay.audio(uow, conversation_id, visit.scope)
        stream = sound.open()
    # The first bytes are asked for once a playing; what follows are pieces and jumps of the same.
    if part_begins(request.headers.get("range")):
        with visit.services.database.write() as uow:
            audit.record(uow, Event.PLAYED, visit.principal.user_id, conversation_id=conversation_id)
    return ranged(request, stream, sound.size, sound.mediatype)


def ranged(request: Request, stream: BinaryIO, size: int, mediatype: str) -> Response:
    """``stream`` of ``size`` bytes, or the range of it that is asked for; it is closed in the end."""
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store", "Content-Disposition": "inline"}
    try:
        part = parse_range(request.headers.get("range"), size)
    except RangeNotSatisfiable:
        stream.close()
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    if part is not None:
        headers["Content-Range"] = part.content_range
    whole = part or ByteRange(start=0, stop=size, size=size)
    headers["Content-Length"] = str(whole.length)
    status = 200 if part is None else 206
    return StreamingResponse(chunks(stream, whole), status_code=status, headers=headers, media_type=mediatype)


def part_begins(header: str | None) -> bool:
    """True when the request is for the beginning of the sound (or all of it)."""
    return not header or header.replace(" ", "").startswith("bytes=0-")


@router.get("/conversations/{conversation_id}/peaks")
def peaks(conversation_id: str, visit: CurrentVisit) -> Response:
    """The waveform's outline in the form of ``candor.conversation.peaks``."""
    visit.principal.require(Right.CONVERSATION_READ)
    with visit.services.database.read() as uow:
        data = visit.services.replay.peaks(uow, conversation_id, visit.scope)
    return Response(data, media_type="application/octet-stream")
