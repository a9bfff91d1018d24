"""Announcements: what callers are told, in which version, and how it sounds."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.consent import plain
from candor.errors import InvalidInput, NotFound, TooLarge
from candor.pipeline.announcing import FORMATS, LARGEST_UPLOAD, Words

router = APIRouter(tags=["consent"])
_SLACK = 1 << 20
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["words", "file"],
                    "properties": {
                        "words": {"type": "string", "description": "JSON: the fields of POST /consent/announcements."},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


class Said(BaseModel):
    """What an announcement is to say. What is left out of the details is as in the settings."""

    model_config = ConfigDict(extra="forbid")

    level: int = Field(ge=0, le=9, description="Consent level, 0 to 4.")
    language: str = Field(max_length=35, description="BCP 47; for a text of ours one of seven.")
    elements: list[str] = Field([], max_length=50, description="Notice elements of the decision.")
    text: str | None = Field(None, max_length=4_000, description="Your own text, in place of ours.")
    covers: list[str] = Field([], max_length=50, description="Notice elements that your own text tells.")
    layered: list[str] = Field([], max_length=50, description="Those of them that it only points to.")
    beep: bool = Field(False, description="A beep before it.")
    company: str | None = Field(None, max_length=80)
    purposes: list[str] | None = Field(None, max_length=20)
    privacy_notice: str | None = Field(None, max_length=160)
    contact: str | None = Field(None, max_length=160)
    retention_days: int | None = Field(None, ge=1, le=36_500)
    recipients: str | None = Field(None, max_length=200)
    transfer: str | None = Field(None, max_length=160)
    keys: str | None = Field(None, max_length=2, description="For yes and no: 12. Empty: answers are spoken.")
    refusal: Literal["same", "other"] | None = Field(None, description="What whoever refuses gets.")
    ai_analysis: bool | None = None

    def words(self) -> Words:
        """As the pipeline takes it."""
        apart = {"level", "language", "elements", "text", "covers", "layered", "beep", "silent", "preview"}
        details = self.model_dump(exclude=apart, exclude_none=True)
        return Words(
            level=self.level, language=self.language, elements=tuple(self.elements), details=details, own=self.text,
            covers=tuple(self.covers), layered=tuple(self.layered),
        )  # fmt: skip


class Made(Said):
    """The same, to be spoken by a synthesiser."""

    silent: bool = Field(False, description="Keep the text without sound: a phone system or an agent speaks it.")
    preview: bool = Field(False, description="Only show the text; nothing is kept.")


class Why(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=1000)


@router.get("/consent/announcements")
def get_announcements(
    retired: bool = Query(False, description="Those of before, too."), caller: Caller = needs(Right.CONSENT_READ)
) -> dict[str, Any]:
    """Announcements in use, the newest first."""
    with caller.services.database.read() as uow:
        found = caller.services.announcing.every(uow, retired=retired)
    return {"announcements": [plain.announcement(each) for each in found]}


@router.post("/consent/announcements", status_code=201)
def post_announcement(made: Made, response: Response, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, Any]:
    """Make an announcement from level and notice elements, or of your own text, speak it and take it into use."""
    announcing, by = caller.services.announcing, caller.principal.user_id
    if made.preview:
        shown = announcing.words(made.words(), by)
        response.status_code = 200
        return {"version": shown.version, "language": shown.language, "level": shown.level, "text": shown.text,
                "covers": shown.covers, "asks": shown.asks}  # fmt: skip
    kept = announcing.make(made.words(), by=by, beep=made.beep, silent=made.silent)
    response.headers["Location"] = f"/api/v1/consent/announcements/{kept.version}"
    return plain.announcement(kept)


@router.post("/consent/announcements/upload", status_code=201, openapi_extra=_UPLOAD)
async def upload_announcement(request: Request, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, Any]:
    """Take a recording of an announcement into use; its words are told beside it, since they are what is proved."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput("The request is not multipart/form-data.", code="announcement.form")
    parser = MultiPartParser(request.headers, _bounded(request), max_files=1, max_fields=1, max_part_size=64 * 1024)
    parser.spool_max_size = LARGEST_UPLOAD + _SLACK  # in memory: nothing of it is written to a disk in the clear
    try:
        form = await parser.parse()
    except MultiPartException:
        raise InvalidInput("The form is malformed.", code="announcement.form") from None
    try:
        words, file = form.get("words"), form.get("file")
        if not isinstance(words, str) or not isinstance(file, UploadFile):
            raise InvalidInput('The form needs the parts "words" and "file".', code="announcement.form")
        said = _said(words)
        data = await file.read()
    finally:
        await form.close()
    kept = await run_in_threadpool(
        caller.services.announcing.upload, said.words(), data, file.filename or "announcement",
        by=caller.principal.user_id, beep=said.beep,
    )  # fmt: skip
    return plain.announcement(kept)


@router.get("/consent/announcements/{version}")
def get_announcement(version: str, caller: Caller = needs(Right.CONSENT_READ)) -> dict[str, Any]:
    """One version."""
    with caller.services.database.read() as uow:
        return plain.announcement(caller.services.announcing.get(uow, version))


@router.get("/consent/announcements/{version}/sound.{form}")
def get_sound(
    version: str, form: str, rate: Literal["8000", "16000"] = Query("8000", description="Of WAV."),
    caller: Caller = needs(Right.CONSENT_READ),
) -> Response:  # fmt: skip
    """Its sound: ``sound.wav``, or G.711 octets without a header as ``sound.ulaw`` and ``sound.alaw``."""
    if form not in ("wav", "ulaw", "alaw"):
        raise NotFound("Announcements have no such format.", code="announcement.format", advice="wav, ulaw or alaw")
    which = "wav16" if form == "wav" and rate == "16000" else form
    headers = {"Content-Disposition": f'inline; filename="announcement.{form}"', "Cache-Control": "private, no-cache"}
    return Response(caller.services.announcing.sound(version, which), media_type=FORMATS[which], headers=headers)


@router.post("/consent/announcements/{version}/retire")
def retire(version: str, why: Why, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, Any]:
    """Take it out of use. It is kept, because older recordings hold it."""
    return plain.announcement(
        caller.services.announcing.retire(version, by=caller.principal.user_id, reason=why.reason)
    )


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > LARGEST_UPLOAD + _SLACK:
            raise TooLarge(
                f"The recording is larger than {LARGEST_UPLOAD // 1_000_000} MB.", code="announcement.too_large"
            )
        yield chunk


def _said(words: str) -> Said:
    try:
        return Said.model_validate(json.loads(words))
    except (ValueError, ValidationError, RecursionError):
        raise InvalidInput(
            '"words" does not say what the recording says.', code="announcement.words",
            advice="Write the fields of POST /api/v1/consent/announcements as a JSON object.",
        ) from None  # fmt: skip
