"""Opening a conversation unmasked, for a reason and for a while; and who opened it, when and why."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from candor.access.model import Right
from candor.access.reveals import Grant
from candor.api import problems
from candor.api.caller import Caller, needs
from candor.audit import service as audit
from candor.conversation.codec import plain
from candor.kit.ranges import ByteRange, RangeNotSatisfiable, chunks, parse_range

router = APIRouter(tags=["reveals"])
_NOWHERE = {"Cache-Control": "no-store"}


class Reason(BaseModel):
    """Why it must be opened; it stands in the conversation's history."""

    reason: str = Field(min_length=10, max_length=1000)


@router.post("/conversations/{conversation_id}/reveal", status_code=201)
def reveal(conversation_id: str, given: Reason, caller: Caller = needs(Right.CONVERSATION_REVEAL)) -> dict[str, Any]:
    """Leave to open unmasked text and sound until ``expires_at``, with the reason."""
    services = caller.services
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
        grant = services.revealing.grant(uow, conversation_id, caller.principal, given.reason)
    return _told(grant)


@router.delete("/conversations/{conversation_id}/reveal", status_code=204)
def conceal(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_REVEAL)) -> Response:
    """Give the leave back before it ends by itself; nothing happens when none holds."""
    services = caller.services
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
        services.revealing.end(uow, conversation_id, caller.principal)
    return Response(status_code=204)


@router.get("/conversations/{conversation_id}/unmasked")
def get_unmasked(
    conversation_id: str, response: Response, caller: Caller = needs(Right.CONVERSATION_REVEAL)
) -> dict[str, Any]:
    """The transcript unmasked, word by word; 403 without a leave that holds. Each opening is written down."""
    services = caller.services
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
        found = services.revealing.text(uow, conversation_id, caller.principal)
    response.headers.update(_NOWHERE)
    return {"transcript": plain(found.transcript), "grant": _told(found.grant)}


@router.get("/conversations/{conversation_id}/unmasked/audio")
def get_unmasked_audio(
    conversation_id: str, request: Request, caller: Caller = needs(Right.CONVERSATION_REVEAL)
) -> Response:
    """The sound as it was recorded, FLAC: 200, 206 for a range; 403 without a leave that holds."""
    services, asked = caller.services, request.headers.get("range")
    again = bool(asked) and not (asked or "").replace(" ", "").startswith("bytes=0-")
    with services.database.write() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
        sound = services.revealing.sound(uow, conversation_id, caller.principal, again=again)
    headers = _NOWHERE | {"Accept-Ranges": "bytes"}
    try:
        part = parse_range(asked, sound.size)
    except RangeNotSatisfiable as error:
        sound.stream.close()
        answer = problems.of(error)
        answer.headers["Content-Range"] = f"bytes */{sound.size}"
        return answer
    if part is not None:
        headers["Content-Range"] = part.content_range
    whole = part or ByteRange(start=0, stop=sound.size, size=sound.size)
    headers["Content-Length"] = str(whole.length)
    status = 200 if part is None else 206
    return StreamingResponse(chunks(sound.open(), whole), status_code=status, headers=headers,
                             media_type=sound.mediatype)  # fmt: skip


@router.get("/conversations/{conversation_id}/history")
def history(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_HISTORY)) -> dict[str, Any]:
    """Who opened, exported, changed and unmasked it, when and why: the newest 200 lines of the audit log."""
    services = caller.services
    with services.database.read() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
        lines = audit.entries(uow, conversation_id)
        names = {user.id: user.login for user in services.access.users(uow)}
    return {
        "history": [
            {
                "at": plain(line.at), "event": str(line.event), "actor": line.actor, "login": names.get(line.actor),
                "subject": line.subject, "reason": line.reason,
            }
            for line in lines
        ]
    }  # fmt: skip


def _told(grant: Grant) -> dict[str, Any]:
    found: dict[str, Any] = plain(grant)
    return found
