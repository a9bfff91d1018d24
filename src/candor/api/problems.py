"""The one table from our errors to RFC 9457 problem details; nothing that was sent in is ever echoed."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from candor.access.refusals import note_refusal
from candor.errors import (
    CandorError,
    Conflict,
    Damaged,
    Forbidden,
    InvalidInput,
    MediaRejected,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.kit.ranges import RangeNotSatisfiable

TABLE: tuple[tuple[type[CandorError], int, str], ...] = (
    (RangeNotSatisfiable, 416, "The range lies outside"),
    (MediaRejected, 422, "This recording cannot be taken"),
    (InvalidInput, 422, "This cannot be taken as it is"),
    (NotFound, 404, "There is no such thing"),
    (Conflict, 409, "It is there already, or has changed"),
    (Unauthenticated, 401, "Nobody is logged in"),
    (Forbidden, 403, "Not allowed"),
    (TooLarge, 413, "Too large"),
    (Unavailable, 503, "Not just now"),
    (Damaged, 500, "What is kept does not verify"),
    (CandorError, 500, "Something went wrong"),
)
"""First match wins."""
_log = get_logger("api")
_HTTP = {404: "There is no such address", 405: "This address does not take that method"}


def status_of(error: CandorError) -> tuple[int, str]:
    """(status, title) of an error."""
    return next((status, title) for kind, status, title in TABLE if isinstance(error, kind))


def problem(status: int, title: str, *, code: str, detail: str, advice: str = "", **more: Any) -> Response:
    """A problem document; ``instance`` is the reference number that the log has, too."""
    instance = f"urn:uuid:{new_id()}"
    if status >= 500:
        _log.error("api problem", status=status, code=code, instance=instance)
    body = {"type": f"urn:candor:problem:{code}", "title": title, "status": status, "detail": detail,
            "advice": advice, "code": code, "instance": instance, **more}  # fmt: skip
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = "5"
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")


def of(error: CandorError) -> Response:
    """The problem that an error of ours is."""
    status, title = status_of(error)
    return problem(status, title, code=error.code, detail=error.message, advice=error.advice)


def install(app: FastAPI) -> None:
    """Answer every error of the API with a problem."""
    app.add_exception_handler(CandorError, _deliberate)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _deliberate(request: Request, error: Exception) -> Response:
    if not isinstance(error, CandorError):
        raise error
    known = getattr(request.state, "known", None)
    if known and isinstance(error, Forbidden):
        route = f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"
        await run_in_threadpool(note_refusal, request.app.state.services.database, known, route)
    return of(error)


async def _malformed(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, RequestValidationError):
        raise error
    # Only where and what kind: pydantic's own messages and inputs may quote personal data.
    faults = [{"where": _place(fault.get("loc", ())), "kind": fault.get("type", "")} for fault in error.errors()]
    return problem(
        422, "This cannot be taken as it is", code="invalid", detail=f"{len(faults)} values are not as described.",
        advice="See /api/v1/docs for what is expected.", errors=faults,
    )  # fmt: skip


def _place(parts: Any) -> str:
    # The first part is the kind of place (query, body …); later ones are names from our own schema, or numbers.
    return ".".join(str(part)[:40] for part in parts)


async def _http(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, HTTPException):
        raise error
    title = _HTTP.get(error.status_code, "This request cannot be answered")
    return problem(error.status_code, title, code=f"http.{error.status_code}", detail=f"{title}.")


async def _unforeseen(request: Request, error: Exception) -> Response:
    del request
    _log.error("api fault", kind=type(error).__name__)
    return problem(500, "Something went wrong", code="unexpected", detail="This is a fault of Candor's.",
                   advice="Tell whoever runs it the reference in \"instance\".")  # fmt: skip
