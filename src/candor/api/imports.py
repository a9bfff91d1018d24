"""Taking in over HTTP: the bytes go from the socket into the vault, sealed as they come; none touches the disk bare.

``POST /imports`` is multipart/form-data (RFC 7578) with a part ``metadata`` (JSON) first and then a part ``file``;
``POST /imports/raw`` is the bare recording, the metadata in the header ``Candor-Metadata`` (base64url of JSON).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.errors import CandorError, InvalidInput, TooLarge

if TYPE_CHECKING:
    from candor.pipeline.intake import Taken, Upload

router = APIRouter(tags=["imports"])

LARGEST_METADATA = 64 * 1024
_LARGEST_HEADER = 16 * 1024
_SLACK = 1 << 20
"""Bytes a request may be larger than the recording in it: part headings and metadata."""
_BLOCK = 1 << 20
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "metadata": {"type": "object", "description": "Comes before the file."},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}
_RAW = {
    "parameters": [
        {"name": "Candor-Metadata", "in": "header", "schema": {"type": "string"},
         "description": "base64url of a JSON object; its key filename names the recording."}
    ],
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
}  # fmt: skip


@router.post("/imports", status_code=202, openapi_extra=_FORM)
async def import_form(request: Request, caller: Caller = needs(Right.CONVERSATION_IMPORT)) -> Response:
    """Take in one recording or vCon: 202 when it is new, 200 with the existing id when it was there already."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInput("The request is not multipart/form-data.", code="import.form")
    return await _receive(request, caller, _Form(caller, boundary))


@router.post("/imports/raw", status_code=202, openapi_extra=_RAW)
async def import_raw(request: Request, caller: Caller = needs(Right.CONVERSATION_IMPORT)) -> Response:
    """Take in the request's body as one recording; answers as ``/imports``."""
    return await _receive(request, caller, _Raw(caller, _from_header(request.headers.get("candor-metadata", ""))))


class _Inlet:
    """Feeds what arrives into the intake."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self.upload: Upload | None = None

    @property
    def filename(self) -> str:
        """As far as it is known yet."""
        return self.upload.filename if self.upload else "upload"

    def begin(self, filename: str, metadata: dict[str, Any]) -> None:
        services = self._caller.services
        with services.database.read() as uow:
            agents = {user.agent_id for user in services.access.users(uow) if user.agent_id} or None
        self.upload = services.intake.begin(
            filename or "recording", metadata, actor=self._caller.principal.user_id, source="api", known_agents=agents
        )

    def feed(self, data: bytes) -> None:
        raise NotImplementedError

    def finish(self) -> Taken:
        if self.upload is None:
            raise InvalidInput('There is no part "file" in the form.', code="import.no_file")
        return self.upload.finish()

    def abort(self) -> None:
        if self.upload is not None:
            self.upload.abort()


class _Raw(_Inlet):
    def __init__(self, caller: Caller, metadata: dict[str, Any]) -> None:
        super().__init__(caller)
        self._metadata = metadata

    def feed(self, data: bytes) -> None:
        if self.upload is None:
            name = self._metadata.pop("filename", "recording")
            self.begin(name if isinstance(name, str) else "recording", self._metadata)
        assert self.upload is not None  # noqa: S101  begun above
        self.upload.write(data)


class _Form(_Inlet):
    """A multipart form, part by part, never held whole."""

    def __init__(self, caller: Caller, boundary: bytes) -> None:
        super().__init__(caller)
        self._name, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._part = self._filename = ""
        self._metadata = bytearray()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def feed(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise InvalidInput("The form is malformed.", code="import.form") from error

    def finish(self) -> Taken:
        if not self._ended:
            raise InvalidInput("The form is cut short.", code="import.cut_short", advice="Send it again.")
        return super().finish()

    def _begin_part(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._check_headers()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_headers()

    def _check_headers(self) -> None:
        if len(self._headers) > 16 or len(self._name) + len(self._value) > 8192:
            raise InvalidInput("A part's heading is too long.", code="import.form")

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        self._filename = options.get(b"filename", b"").decode("utf-8", "replace")
        if self._part == "file":
            if self.upload is not None:
                raise InvalidInput('There is more than one part "file".', code="import.form")
            self.begin(self._filename, _metadata(bytes(self._metadata)))
        elif self._part == "metadata" and self.upload is not None:
            raise InvalidInput('The part "metadata" comes after the file.', code="import.order")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file" and self.upload is not None:
            self.upload.write(data[start:end])
        elif self._part == "metadata":
            self._metadata += data[start:end]
            if len(self._metadata) > LARGEST_METADATA:
                raise TooLarge("The metadata is larger than 64 KB.", code="import.metadata")

    def _end(self) -> None:
        self._ended = True


async def _receive(request: Request, caller: Caller, inlet: _Inlet) -> Response:
    limit = caller.services.upload_limit
    length = request.headers.get("content-length", "")
    waiting, seen = bytearray(), 0
    try:
        if length.isdigit() and int(length) > limit + _SLACK:
            raise _too_large(limit)  # noqa: TRY301  noted like one that shows only on the way
        async for chunk in request.stream():
            waiting += chunk
            seen += len(chunk)
            if seen > limit + _SLACK:
                raise _too_large(limit)  # noqa: TRY301
            if len(waiting) >= _BLOCK:
                await run_in_threadpool(inlet.feed, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(inlet.feed, bytes(waiting))
    except ClientDisconnect:
        await run_in_threadpool(inlet.abort)
        raise InvalidInput("The upload was broken off.", code="import.cut_short", advice="Send it again.") from None
    except BaseException as error:
        await run_in_threadpool(inlet.abort)
        if isinstance(error, TooLarge) and error.code == "media.too_large":
            # Programs that send recordings have nobody who reads answers: people find it under "needs attention".
            await run_in_threadpool(caller.services.intake.refuse, inlet.filename, error)
        raise
    try:
        taken = await run_in_threadpool(inlet.finish)
    except CandorError:
        await run_in_threadpool(inlet.abort)
        raise
    body = {"conversation_id": taken.conversation_id, "duplicate": taken.duplicate, "notes": list(taken.notes)}
    headers = {"Location": f"/api/v1/conversations/{taken.conversation_id}"}
    return JSONResponse(body, status_code=200 if taken.duplicate else 202, headers=headers)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The file is larger than the limit of {limit:,} bytes.",
        code="media.too_large",
        advice="Split the recording, or raise CANDOR_UPLOAD_LIMIT.",
    )


def _metadata(data: bytes) -> dict[str, Any]:
    if not data.strip():
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidInput("The metadata is not JSON.", code="import.metadata") from None
    if not isinstance(found, dict):
        raise InvalidInput("The metadata is not a JSON object.", code="import.metadata")
    return found


def _from_header(text: str) -> dict[str, Any]:
    if len(text) > _LARGEST_HEADER:
        raise TooLarge("The metadata is larger than 16 KB.", code="import.metadata")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("The header Candor-Metadata is not base64url.", code="import.metadata") from None
    return _metadata(data)
