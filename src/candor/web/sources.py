"""Sources: how to connect, what comes in now, and what was said to the last who tried."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from candor.access.model import Right
from candor.errors import Forbidden, InvalidInput, NotFound, Unavailable
from candor.kit import clock
from candor.pipeline.gauges import gauges, sip_addresses, stream_path
from candor.pipeline.recording import Alarm, alarms, gone, steer
from candor.replay.model import Scope, steering_scope
from candor.web.i18n import N_, _, gettext
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit, Posted, Visit

router = APIRouter()

_MOST_CALLS = 100
_MOST_OFFERS = 30
_DONE = {
    "pause": ("good", N_("The call is paused: nothing of it is kept until it is resumed.")),
    "resume": ("good", N_("The call is recorded again.")),
    "end": ("good", N_("The recording is ended; the call itself goes on.")),
    "gone": ("attention", N_("That call is not being recorded any more.")),
    "reason": ("bad", N_("Nothing was changed: ending a recording needs a reason.")),
}
"""What the address says was done → tone and words."""
_SRTP = {"allow": N_("taken when offered"), "require": N_("required"), "off": N_("off")}


@router.get("/sources")
def sources(request: Request, visit: CurrentVisit) -> Response:
    """The page."""
    tone, words = _DONE.get(request.query_params.get("done", ""), ("", ""))
    return renderer_of(request).page(
        request, "sources/page.html", noticed=words and gettext(words), tone=tone, **_seen(request, visit),
        **_watched(visit),
    )  # fmt: skip


@router.get("/sources/now")
def now(request: Request, visit: CurrentVisit) -> Response:
    """The part that refreshes itself."""
    return renderer_of(request).page(request, "sources/now.html", **_seen(request, visit))


@router.get("/sources/places")
def places(request: Request, visit: CurrentVisit) -> Response:
    """The watched places, which refresh themselves, too."""
    return renderer_of(request).page(request, "sources/places.html", **_watched(visit))


@router.post("/sources/calls/{call_id}/{verb}")
def act(call_id: str, verb: str, visit: CurrentVisit, form: Posted) -> Response:
    """Pause, resume or end a call."""
    visit.principal.require(Right.CAPTURE_CONTROL)
    if verb not in {"pause", "resume", "end"}:
        raise InvalidInput(_("A call can be paused, resumed and ended."), code="capture.verb")
    reason = str(form.get("reason") or "").strip()
    if verb == "end" and not reason:
        return RedirectResponse("/sources?done=reason", status_code=303)
    try:
        steer(
            visit.services.database, visit.services.recorder, verb, call_id, steering_scope(visit.principal),
            by=visit.principal.user_id,
            reason=reason,
        )  # fmt: skip
    except NotFound:
        return RedirectResponse("/sources?done=gone", status_code=303)
    return RedirectResponse(f"/sources?done={verb}", status_code=303)


def recorder_alarms(visit: Visit) -> list[Alarm]:
    """What about the recorder needs attention, for those who see everything; nothing where none should run."""
    if visit.scope != Scope():
        return []
    try:
        return alarms(visit.services.recorder.status())
    except Unavailable:
        return gone(visit.services.recorder, expected=visit.services.records)


def place_alarms(visit: Visit) -> list[Alarm]:
    """What about the watched places needs attention, for those who see everything."""
    if visit.scope != Scope():
        return []
    with visit.services.database.read() as uow:
        return visit.services.places.alarms(uow)


def _check(visit: Visit) -> None:
    visit.principal.require(Right.HEALTH_READ)
    if visit.scope != Scope():
        raise Forbidden(_("The recorder is shown to those who see all conversations."), code="capture.scope")


def _watched(visit: Visit) -> dict[str, Any]:
    _check(visit)
    with visit.services.database.read() as uow:
        found = visit.services.places.now(uow)
    # Names that others gave to files may name people: they are for those who may see the conversations themselves.
    return {"watched": found, "may_name": visit.principal.may(Right.CONVERSATION_READ)}


def _seen(request: Request, visit: Visit) -> dict[str, Any]:
    _check(visit)
    wanted = request.query_params.get("call", "").strip()[:255]
    try:
        status = visit.services.recorder.status()
    except Unavailable as error:
        return {"recorder": None, "problem": error, "wanted": wanted}
    found = [call for call in status["calls"] if wanted in call["id"] or wanted in (call["external_id"] or "")]
    return {
        "recorder": status,
        "wanted": wanted,
        "alarms": alarms(status),
        "gauges": gauges(status),
        "calls": [_call(call) for call in found[:_MOST_CALLS]],
        "more": len(found) - _MOST_CALLS,
        "offers": [offer | {"at": datetime.fromisoformat(offer["at"])} for offer in status["offers"][:_MOST_OFFERS]],
        "addresses": sip_addresses(status),
        "doors": [source | {"path": stream_path(source)} for source in status["stream_sources"]],
        "srtp": gettext(_SRTP[status["srtp"]]),
        "may_steer": visit.principal.may(Right.CAPTURE_CONTROL),
    }


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    started = datetime.fromisoformat(call["started_at"])
    seconds = max(0.0, (clock.now() - started).total_seconds())
    return {**call, "started_at": started, "seconds": seconds}
