"""How the recorder stands, as plain values for pages, API, commands and metrics."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from candor.capture.active import ActiveCall
from candor.capture.model import Stream
from candor.capture.recorder import Recorder
from candor.capture.rtp.receiver import Counters
from candor.kit import clock

MOST_CALLS = 1_000
"""Calls that are described one by one; the sums are over all."""
SILENT_AFTER = 5.0
"""Seconds without a packet after which a stream counts as silent."""
_PATIENCE = 60.0
"""The same for a stream that has sent, and that may stop sending while nobody speaks."""
_MAY_STOP = {"CN", "OPUS", "AMR", "AMR-WB", "G729", "G723", "EVS"}
"""Encodings with silence suppression: comfort noise (RFC 3389), discontinuous transmission."""


def status(recorder: Recorder) -> dict[str, Any]:
    """Everything but what belongs to the process. Nothing in it names a person but agents' ids."""
    now = time.monotonic()
    spotting = recorder.spotting
    return {
        "calls": [describe(call) for call in list(recorder.calls.values())[:MOST_CALLS]],
        "active": len(recorder.calls),
        "draining": recorder.draining,
        "sources": _sources(recorder),
        "offers": [{**asdict(o), "at": o.at.isoformat()} for o in reversed(recorder.offers)],
        "ports": {"used": recorder.ports.used, "total": recorder.ports.total},
        "spool": {"trouble": recorder.spool.trouble, "pending": recorder.spool.pending},
        "busy": round(recorder.busy, 3),
        "late": recorder.late,
        "late_ago": round(now - recorder.late_at) if recorder.late else None,
        "left_open": recorder.left_open,
        "uptime": round(now - recorder.began),
        "spotting": None if spotting is None else {
            "ago": round(now - spotting.at, 1), "calls": spotting.calls, "behind": spotting.behind,
            "skipped": spotting.skipped,
        },
    }  # fmt: skip


def describe(call: ActiveCall) -> dict[str, Any]:
    """One call in progress."""
    now = clock.to_unix_ns(clock.now())
    return {
        "id": call.id,
        "external_id": call.facts.external_id,
        "group": call.facts.group,
        "source": call.facts.source,
        "protocol": call.facts.protocol,
        "started_at": call.facts.started_at.isoformat(),
        "paused": call.paused,
        "consent": None if call.facts.consent is None else {
            "keep": call.facts.consent.keep, "level": call.facts.consent.level, "words": call.facts.consent.words,
        },
        "one_way": one_way(call),
        "team": call.facts.team,
        "agents": [one.agent_id for one in call.facts.participants if one.agent_id],
        "streams": [
            {
                "number": number, "packets": seen.packets, "lost": max(0, seen.lost),
                "jitter_ms": round(seen.jitter_ms, 1),
                "silent_seconds": round((now - seen.last_ns) / 1e9, 1) if seen.last_ns else None,
            }
            for number, seen in sorted(call.counters().items())
        ],
    }  # fmt: skip


def one_way(call: ActiveCall) -> bool:
    """Whether one stream of a call is heard and another that should be is not: a firewall, a wrong address, a headset.

    A stream on hold is not expected to send, nor is any in a pause; one that may suppress silence is given a minute.
    """
    if call.paused:
        return False
    counters = call.counters()
    expected = [
        one for one in call.facts.streams
        if (one.number in call.inlets and not call.inlets[one.number].paused) or not call.inlets
    ]  # fmt: skip
    if len(expected) < 2:
        return False
    now, ages = time.monotonic(), []
    for stream in expected:
        waited = now - call.listening_since.get(stream.number, call.began)
        ages.append((_silent_for(counters.get(stream.number), waited), _patience(stream, counters)))
    return any(age <= SILENT_AFTER for age, _ in ages) and any(age > patience for age, patience in ages)


def _silent_for(seen: Counters | None, waited: float) -> float:
    """Seconds since something came, or since something was first expected to."""
    if seen is None or not seen.last_ns:
        return waited
    return min(waited, (time.time_ns() - seen.last_ns) / 1e9)


def _patience(stream: Stream, counters: dict[int, Counters]) -> float:
    seen = counters.get(stream.number)
    sent = seen is not None and seen.packets > 0
    may_stop = any(kind.encoding.upper() in _MAY_STOP for kind in stream.payload_types)
    return _PATIENCE if sent and may_stop else SILENT_AFTER


def _sources(recorder: Recorder) -> dict[str, dict[str, Any]]:
    """Totals of each source with what its calls in progress have seen so far."""
    calls: dict[str, list[ActiveCall]] = defaultdict(list)
    for call in recorder.calls.values():
        calls[call.facts.source].append(call)
    return {name: {**asdict(total), "live": _live(calls[name])} for name, total in recorder.totals.items()}


def _live(calls: list[ActiveCall]) -> dict[str, Any]:
    seen = [one for call in calls for one in call.counters().values()]
    return {
        "calls": len(calls),
        "packets": sum(one.packets for one in seen),
        "lost": sum(max(0, one.lost) for one in seen),
        "jitter_ms": round(max((one.jitter_ms for one in seen), default=0.0), 1) if seen else None,
        "one_way": sum(one_way(call) for call in calls),
    }
