"""Completeness: call lists in, differences out, each closed with a reason.

Lists come as JSON or as the file that the phone system exports (``PUT`` or ``POST``, the same: a call that comes again
replaces itself).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from candor.access.model import Right
from candor.api import problems
from candor.api.caller import Caller, needs
from candor.capture.completeness import store
from candor.capture.completeness.model import Kind
from candor.capture.completeness.store import Noted, State
from candor.capture.files.table import LARGEST as LARGEST_TABLE
from candor.errors import Forbidden, InvalidInput, TooLarge
from candor.kit import clock
from candor.pipeline.completeness import Checked, Imported, Report
from candor.replay.model import Scope
from candor.services import Services

router = APIRouter(tags=["completeness"])

MOST_CALLS = 10_000
LARGEST_BODY = 8 * 1024 * 1024
_MOST_ERRORS = 100
_CALL: dict[str, Any] = {
    "type": "object",
    "required": ["call_id", "started_at"],
    "properties": {
        "call_id": {"type": "string"},
        "started_at": {"type": "string", "description": "ISO 8601; Unix time is taken, too."},
        "ended_at": {"type": "string"},
        "duration": {"type": "number", "description": "Seconds; instead of ended_at."},
        "caller": {"type": "string"},
        "callee": {"type": "string"},
        "agent_id": {"type": "string"},
        "queue": {"type": "string"},
        "pauses": {
            "type": "array",
            "items": {"type": "object", "properties": {"start": {"type": "string"}, "stop": {"type": "string"}}},
            "description": "Times, or seconds from the start as numbers.",
        },
        "recorded_expected": {"type": "boolean", "default": True},
    },
}
_FILES = {
    "text/csv": "calls.csv",
    "text/tab-separated-values": "calls.tsv",
    "application/x-ndjson": "calls.jsonl",
}
"""Media type → a file name that tells how to read it."""
_CALLS = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "maxItems": MOST_CALLS, "items": _CALL}},
            **{kind: {"schema": {"type": "string"}} for kind in _FILES},
        },
    }
}


def _house(caller: Caller) -> Services:
    # Differences are of the whole house: who sees a team or himself only sees none of them.
    if caller.scope != Scope():
        raise Forbidden("Completeness is shown to those who see all conversations.", code="completeness.scope")
    return caller.services


@router.get("/completeness")
def get_completeness(
    since: datetime | None = Query(None, description="ISO 8601 with offset; 7 days ago when left out."),
    until: datetime | None = Query(None, description="ISO 8601 with offset, exclusive; now when left out."),
    kind: list[Kind] = Query([], description="Repeatable; all when left out."),
    state: list[State] = Query([State.OPEN], description="open, resolved or gone; repeatable."),
    cursor: str | None = Query(None, description="next_cursor of an earlier answer."),
    limit: int = Query(50, ge=1, le=1000),
    caller: Caller = needs(Right.COMPLETENESS_READ),
) -> dict[str, Any]:
    """How complete a period is by the latest check, and its differences, newest call first."""
    house = _house(caller)
    begin, end = _period(since, until)
    with house.database.read() as uow:
        report = house.completeness.report(uow, begin, end)
        page = store.page(uow, begin, end, kinds=kind, states=state, cursor=cursor, limit=limit)
    return {
        "since": begin.isoformat(),
        "until": end.isoformat(),
        **_report(report),
        "discrepancies": [_row(each) for each in page.rows],
        "total": page.total,
        "next_cursor": page.next_cursor,
    }


@router.put("/completeness/calls", openapi_extra=_CALLS)
async def put_calls(
    request: Request,
    source: str = Query(description="The list's name: one for each phone system."),
    zone: str | None = Query(None, description="IANA name, for times without an offset."),
    caller: Caller = needs(Right.COMPLETENESS_MANAGE),
) -> Response:
    """Hand in calls of the phone system: JSON, at most 10,000 calls and 8 MB, or a table as a file of at most 64 MB.

    Those that cannot be taken are told by their position (a table's by their line); the others are taken.
    """
    return await _take(request, caller, source, zone)


@router.post("/completeness/calls", openapi_extra=_CALLS)
async def post_calls(
    request: Request,
    source: str = Query(description="The list's name: one for each phone system."),
    zone: str | None = Query(None, description="IANA name, for times without an offset."),
    caller: Caller = needs(Right.COMPLETENESS_MANAGE),
) -> Response:
    """The same as PUT."""
    return await _take(request, caller, source, zone)


@router.post("/completeness/check")
def check(
    since: datetime | None = Body(None, embed=True),
    until: datetime | None = Body(None, embed=True),
    caller: Caller = needs(Right.COMPLETENESS_MANAGE),
) -> dict[str, Any]:
    """Hold the lists of a period (the last 7 days when left out) against the recordings now."""
    house = _house(caller)
    return _checked(house.completeness.check(*_period(since, until)))


@router.post("/completeness/{discrepancy_id}/resolve")
def resolve(
    discrepancy_id: str,
    reason: str = Body(embed=True, max_length=1000),
    caller: Caller = needs(Right.COMPLETENESS_MANAGE),
) -> dict[str, Any]:
    """Close a difference with a reason; 409 when it is closed already."""
    house = _house(caller)
    return _row(house.completeness.resolve(discrepancy_id, by=caller.principal.user_id, reason=reason))


async def _take(request: Request, caller: Caller, source: str, zone: str | None) -> Response:
    house = _house(caller)
    file = _FILES.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    most = LARGEST_TABLE if file else LARGEST_BODY
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(
                f"The list is larger than {most >> 20} MB.", code="calls.too_large", advice="Send it in pieces."
            )
    taken = await run_in_threadpool(_keep, house, bytes(body), file, source, zone)
    unit = "line" if file else "position"
    if taken.errors and not taken.added + taken.replaced:
        return problems.problem(
            422, "This cannot be taken as it is", code="calls.none", detail="None of the calls can be taken.",
            advice=f"Each is told in errors, by its {unit}.", errors=_errors(taken, unit),
        )  # fmt: skip
    answer = {
        "added": taken.added, "replaced": taken.replaced, "errors": _errors(taken, unit),
        "more_errors": max(0, len(taken.errors) - _MOST_ERRORS), "notes": list(taken.notes),
        "first": taken.first.isoformat() if taken.first else None,
        "last": taken.last.isoformat() if taken.last else None,
    }  # fmt: skip
    return JSONResponse(answer)


def _keep(house: Services, body: bytes, file: str | None, source: str, zone: str | None) -> Imported:
    if file:
        return house.completeness.import_list(body, file, source=source, zone=zone)
    return house.completeness.put(_calls(body), source=source, zone=zone)


def _calls(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("The list is not JSON.", code="calls.json") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InvalidInput("The list is not a JSON array of objects.", code="calls.json")
    if len(found) > MOST_CALLS:
        raise TooLarge(
            f"The list has more than {MOST_CALLS:,} calls.", code="calls.too_large", advice="Send it in pieces."
        )
    return found


def _errors(taken: Imported, unit: str) -> list[dict[str, Any]]:
    return [
        {unit: place, "code": error.code, "message": error.message, "advice": error.advice}
        for place, error in taken.errors[:_MOST_ERRORS]
    ]


def _period(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    for moment in (since, until):
        if moment is not None and moment.tzinfo is None:
            raise InvalidInput("A time has no offset.", code="time.zone", advice="Write 2026-03-02T09:00:00+01:00.")
    end = until or clock.now()
    return since or end - timedelta(days=7), end


def _report(report: Report) -> dict[str, Any]:
    return {
        "expected": report.listed.calls,
        "to_record": report.to_record,
        "recorded": report.recorded,
        "missing": report.missing,
        "unclear": report.unclear,
        "unrecorded": report.unrecorded,
        "unrecorded_reasons": report.reasons,
        "share": report.share,
        "counts": {
            kind.value: {state.value: number for state, number in states.items()}
            for kind, states in report.counts.items()
        },
    }


def _checked(checked: Checked) -> dict[str, Any]:
    return {
        "since": checked.since.isoformat(),
        "until": checked.until.isoformat(),
        "expected": checked.expected,
        "captured": checked.captured,
        "found": {kind.value: number for kind, number in checked.found.items()},
        "new": checked.new,
        "gone": checked.gone,
    }


def _row(each: Noted) -> dict[str, Any]:
    return {
        "id": each.id,
        "kind": each.kind.value,
        "at": each.at.isoformat(),
        "source": each.source or None,
        "call_id": each.call_id,
        "conversations": list(each.conversations),
        "seconds": each.seconds,
        "found_at": each.found_at.isoformat(),
        "state": each.state.value,
        "closed_at": each.closed_at.isoformat() if each.closed_at else None,
        "closed_by": each.closed_by,
        "reason": each.reason,
    }
