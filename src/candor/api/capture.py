"""Capture: how the recorder stands, pausing, resuming and ending calls in progress, and figures for Prometheus.

Nothing in them names a person: calls are known by their ids, senders by their network addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Body
from fastapi import Path as InPath
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.errors import Forbidden, InvalidInput, Unavailable
from candor.pipeline.gauges import SourceGauge, gauges, share, sip_addresses, stream_path
from candor.pipeline.recording import alarms, steer
from candor.replay.model import Scope, steering_scope

router = APIRouter(tags=["capture"])

Status = Mapping[str, Any]
_LONGEST_ID = 255
_CALL_ID = InPath(max_length=_LONGEST_ID, description="The conversation's id, or the phone system's call id.")


@router.get("/capture")
def get_capture(caller: Caller = needs(Right.HEALTH_READ)) -> dict[str, Any]:
    """The recorder of this machine: sources, calls in progress (1,000 at most), last offers, alarms, how to connect.

    503 when none runs.
    """
    status = _status(caller)
    return {
        "active": status["active"],
        "draining": status["draining"],
        "sources": [_source(each) for each in gauges(status)],
        "calls": [_call(call) for call in status["calls"]],
        "offers": status["offers"],
        "alarms": [{"message": each.message, "advice": each.advice} for each in alarms(status)],
        "ports": status["ports"],
        "spool": {"trouble": status["spool"]["trouble"], "pending_bytes": status["spool"]["pending"]},
        "busy_share": status["busy"],
        "late_beats": status["late"],
        "left_open": status["left_open"],
        "connect": _connect(status),
    }


@router.post("/capture/calls/{call_id:path}/pause")
def pause_call(
    call_id: str = _CALL_ID,
    reason: str = Body("", embed=True, max_length=1000),
    caller: Caller = needs(Right.CAPTURE_CONTROL),
) -> dict[str, Any]:
    """Keep nothing of a call from now on, until it is resumed; no change when it is paused already.

    Every leg of the call is paused, since what is said on one is heard on the others; ``legs`` are their
    conversations. 404 when it is not being recorded, or is outside one's reach; 503 when no recorder runs. The reason
    is kept in the audit log.
    """
    return _steer(caller, "pause", call_id, reason)


@router.post("/capture/calls/{call_id:path}/resume")
def resume_call(
    call_id: str = _CALL_ID,
    reason: str = Body("", embed=True, max_length=1000),
    caller: Caller = needs(Right.CAPTURE_CONTROL),
) -> dict[str, Any]:
    """Keep the sound of all legs again; no change when they are not paused."""
    return _steer(caller, "resume", call_id, reason)


@router.post("/capture/calls/{call_id:path}/end")
def end_call(
    call_id: str = _CALL_ID,
    reason: str = Body(embed=True, max_length=1000),
    caller: Caller = needs(Right.CAPTURE_CONTROL),
) -> dict[str, Any]:
    """End the recording of a call, which goes on unrecorded, with all its legs; 422 without a reason.

    It cannot be taken up again.
    """
    if not reason.strip():
        raise InvalidInput(
            "Ending a recording needs a reason.", code="capture.reason", advice="It is kept in the audit log."
        )
    return _steer(caller, "end", call_id, reason)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(caller: Caller = needs(Right.HEALTH_READ)) -> PlainTextResponse:
    """The recorder's figures in Prometheus' text format; ``candor_recorder_up`` is 0 when none runs."""
    try:
        status: Status | None = _status(caller)
    except Unavailable:
        status = None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(status))
    return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _status(caller: Caller) -> Status:
    # Calls of all teams are in it: who sees a team or himself only sees none of them.
    if caller.scope != Scope():
        raise Forbidden("The recorder is shown to those who see all conversations.", code="capture.scope")
    return caller.services.recorder.status()


def _steer(caller: Caller, verb: str, call_id: str, reason: str) -> dict[str, Any]:
    services = caller.services
    legs = steer(
        services.database,
        services.recorder,
        verb,
        call_id,
        steering_scope(caller.principal),
        by=caller.principal.user_id,
        reason=reason,
    )
    told = next((leg for leg in legs if call_id in {leg["id"], leg["external_id"]}), legs[0])
    return {
        "id": told["id"], "external_id": told["external_id"], "paused": told["paused"],
        "legs": [leg["id"] for leg in legs],
    }  # fmt: skip


def _source(each: SourceGauge) -> dict[str, Any]:
    return {
        "name": each.name, "active": each.active, "calls": each.calls, "refused": each.refused,
        "packets": each.packets, "lost": each.lost, "loss_share": each.loss, "jitter_ms": each.jitter_ms,
        "one_way": each.one_way, "silent_streams": each.silent_streams,
        "dropped": {"strangers": each.strangers, "wrong": each.wrong, "unverified": each.unverified},
    }  # fmt: skip


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    told = ("id", "external_id", "group", "source", "protocol", "started_at", "paused", "one_way")
    streams = [{**one, "loss_share": share(one["lost"], one["packets"])} for one in call["streams"]]
    return {**{name: call[name] for name in told}, "streams": streams}


def _connect(status: Status) -> dict[str, Any]:
    """What to enter at the senders."""
    return {
        "sip": sip_addresses(status),
        "rtp_ports": status["rtp_ports"],
        "allow": status["allow"],
        "digest": status["digest"],
        "srtp": status["srtp"],
        "stream_port": status["stream_port"],
        "streams": [
            {
                "name": one["name"],
                "dialect": "audiohook" if one["audiohook"] else one["dialect"],
                "path": stream_path(one),
                "region": one["region"],
            }
            for one in status["stream_sources"]
        ],
    }


_NOW: dict[str, tuple[str, Callable[[Status], float]]] = {
    "calls_active": ("Calls being recorded", lambda status: status["active"]),
    "draining": ("1 when no new calls are taken", lambda status: int(status["draining"])),
    "busy_ratio": ("Share of its core that the recorder used in the last seconds", lambda status: status["busy"]),
    "spool_pending_bytes": ("Sealed bytes that the disk has not taken yet", lambda status: status["spool"]["pending"]),
    "spool_trouble": ("1 while the disk takes nothing", lambda status: int(status["spool"]["trouble"] is not None)),
    "media_ports": ("Pairs of media ports", lambda status: status["ports"]["total"]),
    "media_ports_used": ("Pairs of media ports in use", lambda status: status["ports"]["used"]),
    "left_open_calls": ("Calls that an earlier recorder left open", lambda status: status["left_open"]),
    "uptime_seconds": ("Seconds since the recorder's start", lambda status: status["uptime"]),
}
_COUNTED = {
    "calls": "Calls taken",
    "refused": "Offers refused",
    "packets": "Packets of streams that are over",
    "lost": "Packets of streams that are over which did not come",
    "strangers": "Packets dropped: not from an allowed sender",
    "wrong": "Packets dropped: no RTP, or of a type not agreed",
    "unverified": "Packets dropped: SRTP that does not verify",
    "silent_streams": "Streams that ended without a packet",
}
"""Totals of a source; they only grow. What streams in progress have counted so far is in the gauges."""


class _Figures(Collector):
    """One status as metric families. Nothing but the names of sources ever becomes a label."""

    def __init__(self, status: Status | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        status = self._status
        yield _gauge("up", "1 when the recorder of this machine answers", int(status is not None))
        if status is None:
            return
        for name, (what, value) in _NOW.items():
            yield _gauge(name, what, value(status))
        late = CounterMetricFamily("candor_recorder_late_beats", "Beats that came more than half a second late")
        late.add_metric([], status["late"])
        yield late
        for name, what in _COUNTED.items():
            family = CounterMetricFamily(f"candor_recorder_{name}", what, labels=["source"])
            for source, totals in sorted(status["sources"].items()):
                family.add_metric([source], totals[name])
            yield family
        yield from _live(status)


def _live(status: Status) -> Iterable[Metric]:
    """Gauges of the calls in progress, by source."""
    values: dict[str, tuple[str, Callable[[Mapping[str, Any]], float]]] = {
        "live_calls": ("Calls in progress", lambda live: live["calls"]),
        "live_packets": ("Packets of streams in progress", lambda live: live["packets"]),
        "live_lost": ("Packets of streams in progress which did not come", lambda live: live["lost"]),
        "jitter_seconds": ("Highest jitter of the streams in progress", lambda live: (live["jitter_ms"] or 0) / 1000),
        "one_way_calls": ("Calls in which one stream is silent beside one that sends", lambda live: live["one_way"]),
    }
    for name, (what, value) in values.items():
        family = GaugeMetricFamily(f"candor_recorder_{name}", what, labels=["source"])
        for source, totals in sorted(status["sources"].items()):
            family.add_metric([source], value(totals["live"]))
        yield family
    spotting = status["spotting"]
    if spotting is not None:
        yield _gauge("spotting_behind_seconds", "From a spoken phrase to its being understood", spotting["behind"])
        yield _gauge("spotting_calls", "Calls in which phrases are listened for", spotting["calls"])


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"candor_recorder_{name}", what, value=value)
