"""Conversations: the list, one, its transcript, findings, evaluations, sound, outline, export; try again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import StreamingResponse

from candor.access.model import Right
from candor.api import problems
from candor.api.caller import Caller, needs
from candor.api.exports import Format, export_answer
from candor.api.filters import Filter
from candor.audit import service as audit
from candor.audit.service import Event
from candor.conversation.codec import plain
from candor.kit.ranges import ByteRange, RangeNotSatisfiable, chunks, parse_range
from candor.replay.document import document, redactions, row, transcript
from candor.replay.model import ConversationFilter, ConversationView, SortKey

router = APIRouter(tags=["conversations"])


@router.get("/conversations")
def list_conversations(
    wanted: ConversationFilter = Filter,
    sort: SortKey = SortKey.STARTED,
    descending: bool = True,
    cursor: str | None = Query(None, description="next_cursor or previous_cursor of an earlier answer."),
    limit: int = Query(50, ge=1, le=1000),
    caller: Caller = needs(Right.CONVERSATION_READ),
) -> dict[str, Any]:
    """What the filters find, newest first unless sorted otherwise."""
    with caller.services.database.read() as uow:
        page = caller.services.replay.page(
            uow, wanted, caller.scope, sort=sort, descending=descending, cursor=cursor, limit=limit
        )
    return {
        "conversations": [row(each) for each in page.rows],
        "next_cursor": page.next_cursor,
        "previous_cursor": page.previous_cursor,
        "total": page.total,
        "total_at_least": page.total_at_least,
    }


@router.get("/search")
def search(
    wanted: ConversationFilter = Filter,
    sort: SortKey = SortKey.STARTED,
    cursor: str | None = None,
    limit: int = Query(50, ge=1, le=1000),
    caller: Caller = needs(Right.CONVERSATION_READ),
) -> dict[str, Any]:
    """Full text: as the list, with the words in ``q``; hits stand between U+E000 and U+E001 in ``snippet``."""
    return list_conversations(wanted, sort, True, cursor, limit, caller)


@router.get("/facets")
def facets(caller: Caller = needs(Right.CONVERSATION_READ)) -> dict[str, Any]:
    """The values that the filters can be set to."""
    with caller.services.database.read() as uow:
        found: dict[str, Any] = plain(caller.services.replay.facets(uow, caller.scope))
    return found


@router.get("/conversations/{conversation_id}")
def get_conversation(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_READ)) -> dict[str, Any]:
    """The whole conversation: docs/reference/conversation-json.md."""
    return document(_opened(caller, conversation_id, "document"))


@router.get("/conversations/{conversation_id}/transcript")
def get_transcript(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_READ)) -> dict[str, Any]:
    """The redacted transcript with word times, and what was masked; null before there is one."""
    view = _opened(caller, conversation_id, "transcript")
    return {"transcript": transcript(view.redaction), "redactions": redactions(view.redaction)}


@router.get("/conversations/{conversation_id}/findings")
def get_findings(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_READ)) -> dict[str, Any]:
    """Metrics, findings, sentiment, keywords; null before it was analysed."""
    view = _opened(caller, conversation_id, "findings")
    return {"analysis": plain(view.analysis) if view.analysis else None}


@router.get("/conversations/{conversation_id}/audio")
def get_audio(conversation_id: str, request: Request, caller: Caller = needs(Right.CONVERSATION_READ)) -> Response:
    """The redacted sound: 200, 206 for a byte range, 416 for one that lies outside."""
    services = caller.services
    with services.database.read() as uow:
        sound = services.replay.audio(uow, conversation_id, caller.scope)
        stream = sound.open()
    asked = request.headers.get("range")
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    try:
        part = parse_range(asked, sound.size)
    except RangeNotSatisfiable as error:
        stream.close()
        answer = problems.of(error)
        answer.headers["Content-Range"] = f"bytes */{sound.size}"
        return answer
    if part is None or part.start == 0:
        # Once a playing; what follows are pieces of the same.
        with services.database.write() as uow:
            audit.record(uow, Event.PLAYED, caller.principal.user_id, conversation_id=conversation_id)
    if part is not None:
        headers["Content-Range"] = part.content_range
    whole = part or ByteRange(start=0, stop=sound.size, size=sound.size)
    headers["Content-Length"] = str(whole.length)
    status = 200 if part is None else 206
    return StreamingResponse(chunks(stream, whole), status_code=status, headers=headers, media_type=sound.mediatype)


@router.get("/conversations/{conversation_id}/peaks")
def get_peaks(conversation_id: str, caller: Caller = needs(Right.CONVERSATION_READ)) -> Response:
    """The outline of the redacted sound, binary (candor.conversation.peaks)."""
    with caller.services.database.read() as uow:
        data = caller.services.replay.peaks(uow, conversation_id, caller.scope)
    return Response(data, media_type="application/octet-stream")


@router.get("/conversations/{conversation_id}/export")
def export(
    conversation_id: str,
    form: Format = Query(alias="format", description="vcon, json, csv (utterances) or audio (redacted)."),
    caller: Caller = needs(Right.CONVERSATION_EXPORT),
) -> Response:
    """The redacted conversation to take along; written to the audit log."""
    services = caller.services
    view = _view(caller, conversation_id)
    answer = export_answer(services, view, form, caller.scope)
    with services.database.write() as uow:
        audit.record(uow, Event.EXPORTED, caller.principal.user_id, conversation_id=conversation_id, subject=form.value)
    return answer


@router.post("/conversations/{conversation_id}/retry", status_code=202)
def retry(
    conversation_id: str,
    stage: str | None = Body(None, embed=True),
    caller: Caller = needs(Right.CONVERSATION_RETRY),
) -> dict[str, str]:
    """Process again from ``stage`` on (from the first when left out); 409 while it is being processed."""
    services = caller.services
    with services.database.read() as uow:
        services.replay.row(uow, conversation_id, caller.scope)
    run = services.desk.retry(conversation_id, stage, actor=caller.principal.user_id)
    return {"conversation_id": conversation_id, "run": run}


def _view(caller: Caller, conversation_id: str) -> ConversationView:
    with caller.services.database.read() as uow:
        view = caller.services.replay.view(uow, conversation_id, caller.scope)
        if caller.services.evaluating.hidden(uow, caller.principal, conversation_id):
            view = replace(view, evaluations=())  # while one's own blind form is open
        return view


def _opened(caller: Caller, conversation_id: str, what: str) -> ConversationView:
    """The conversation, and a line that it was opened."""
    view = _view(caller, conversation_id)
    with caller.services.database.write() as uow:
        audit.record(uow, Event.OPENED, caller.principal.user_id, conversation_id=conversation_id, subject=what)
    return view
