"""What happened on the line and to the recording, both ways.

Who came, went and was on hold stands in the dialog's ``party_history`` (vCon core, section "party_history Objects
Array"). The draft has no event for a recorder that was paused or died, for sound that the sender left out, and none for
the legs of a contact: they stand in an analysis of type "report", vendor Candor, schema ``candor-capture-1``, with
``gaps`` (all of them, holds too, in seconds from the dialog's start), ``notes``, ``group`` and ``legs`` (the UUIDs of
the other legs' vCons).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from candor.conversation.codec import plain
from candor.conversation.model import Conversation, Gap
from candor.conversation.vcon.check import amount, read_moment

VENDOR = "Candor"
SCHEMA = "candor-capture-1"
_WORD = re.compile(r"[a-z_]{1,32}\Z")
_CLOCKS = 1.0
"""Seconds by which clocks of two machines may differ: who came within them was there from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What a report says."""

    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()
    group: str | None = None


def party_history(conversation: Conversation, start: datetime, duration: float | None) -> list[dict[str, Any]]:
    """The dialog's ``party_history`` in order of time; ``duration`` (seconds) tells which holds never ended."""
    found: list[tuple[float, int, str]] = []
    for place, party in enumerate(conversation.parties):
        if party.joined is not None:
            found.append((party.joined, place, "join"))
        if party.left is not None:
            found.append((party.left, place, "drop"))
    for gap in conversation.gaps:
        if gap.reason != "on_hold":
            continue
        for place, party in enumerate(conversation.parties):
            if gap.channel is None or party.channel == gap.channel:
                found.append((gap.start, place, "hold"))
                if duration is None or gap.stop < duration - 0.02:
                    found.append((gap.stop, place, "unhold"))
    return [
        {"party": place, "time": (start + timedelta(seconds=at)).isoformat(), "event": event}
        for at, place, event in sorted(found, key=lambda each: each[0])
    ]


def report(conversation: Conversation, legs: Sequence[str]) -> dict[str, Any] | None:
    """The body of the report; ``legs`` are UUIDs of vCons. None when there is nothing to say."""
    body: dict[str, Any] = {}
    if conversation.gaps:
        body["gaps"] = [plain(gap) for gap in conversation.gaps]
    if conversation.notes:
        body["notes"] = list(conversation.notes)
    if conversation.group:
        body["group"] = conversation.group
    if legs:
        body["legs"] = list(legs)
    return body or None


def read_report(analyses: Iterable[Mapping[str, Any]], dialog: int | None) -> Captured:
    """Our own report; its gaps only when it is about that dialog. What cannot be read of it is left out."""
    for item in analyses:
        body = item.get("body")
        if item.get("vendor") != VENDOR or item.get("schema") != SCHEMA or not isinstance(body, Mapping):
            continue
        about = item.get("dialog")
        ours = dialog is not None and dialog in (about if isinstance(about, list) else [about])
        gaps, notes, group = (body.get(key) for key in ("gaps", "notes", "group"))
        return Captured(
            gaps=tuple(filter(None, map(_gap, gaps))) if ours and isinstance(gaps, list) else (),
            notes=tuple(note for note in notes if isinstance(note, str)) if isinstance(notes, list) else (),
            group=group if isinstance(group, str) and group else None,
        )
    return Captured()


def comings_and_goings(
    history: object, start: datetime, duration: float | None
) -> dict[int, tuple[float | None, float | None]]:
    """Party → (joined, left) in seconds from ``start``; None: from the start, to the end.

    Who left and came back has left only when that is the last that is said of them. ``history`` was checked.
    """
    told: dict[int, list[tuple[float, str]]] = {}
    for item in history if isinstance(history, list) else []:
        at, party, event = read_moment(item.get("time")), item.get("party"), item.get("event")
        if at is not None and event in ("join", "drop") and isinstance(party, int):
            seconds = (at.replace(tzinfo=at.tzinfo or start.tzinfo) - start).total_seconds()
            told.setdefault(party, []).append((seconds, event))
    last = float("inf") if duration is None else duration + _CLOCKS

    def inside(seconds: float) -> float | None:
        return seconds if _CLOCKS < seconds <= last else None

    found: dict[int, tuple[float | None, float | None]] = {}
    for party, events in told.items():
        events.sort()
        (first, opening), (end, closing) = events[0], events[-1]
        found[party] = (inside(first) if opening == "join" else None, inside(end) if closing == "drop" else None)
    return found


def _gap(item: object) -> Gap | None:
    if not isinstance(item, Mapping):
        return None
    start, stop, channel = amount(item.get("start")), amount(item.get("stop")), item.get("channel")
    reason, by = item.get("reason"), item.get("by", "")
    whole = channel is None or (isinstance(channel, int) and not isinstance(channel, bool) and 0 <= channel < 256)
    if start is None or stop is None or stop < start or not whole:
        return None
    if not (isinstance(reason, str) and _WORD.match(reason) and isinstance(by, str)):
        return None
    return Gap(start=start, stop=stop, reason=reason, by=by[:32], channel=channel)
