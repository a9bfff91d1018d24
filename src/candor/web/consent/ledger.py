"""The ledger's lines: the newest by event, or all of one call. People are shown by the last digits alone."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from candor.consent.ledger import store
from candor.consent.ledger.model import ConsentEvent
from candor.web.consent import common
from candor.web.visit import CurrentVisit

router = APIRouter()

_PAGE = 50


@router.get("/consent/ledger")
def ledger(request: Request, visit: CurrentVisit) -> Response:
    """``event`` and ``before`` for the newest lines, ``call`` (either name of a call) for those of one call."""
    common.check(visit)
    given = request.query_params
    call = given.get("call", "").strip()[:255]
    events = tuple(ConsentEvent(each) for each in given.getlist("event") if each in set(ConsentEvent))
    with visit.services.database.read() as uow:
        if call:
            of_call = store.of_call(uow, conversation_id=call, call_id=call)
            lines = [line for line in of_call if not events or line.entry.event in events]
        else:
            lines = store.newest(uow, before=common.number(given.get("before")), events=events, limit=_PAGE + 1)
        people = common.names(visit, uow)
    more = not call and len(lines) > _PAGE
    lines = lines if call else lines[:_PAGE]
    query = [("event", each.value) for each in events]
    older = f"/consent/ledger?{urlencode([*query, ('before', str(lines[-1].number))])}" if more else ""
    return common.page(
        request, visit, "ledger.html", lines=lines, call=call, events=events, every_event=tuple(ConsentEvent),
        older=older, people=people, filtered=bool(events or call or given.get("before")),
    )  # fmt: skip
