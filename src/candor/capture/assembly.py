"""A finished call becomes one recording: its streams side by side on one time line, with what happened on it.

One channel a stream, in the order of the streams. Where every packet is G.711 of one law the recording is a WAV of
exactly the bytes that were sent; anything else is decoded and kept as 16-bit FLAC. What was not sent, not kept or lost
is silence of its true length (short losses are concealed), and ``gaps`` say why. Telephone keys are silenced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import BinaryIO

import numpy as np

from candor.capture.model import CallEvent, CallFacts, EventKind
from candor.capture.rendering import LAWS, write_flac, write_wav
from candor.capture.rtp.codecs import make_decoder
from candor.capture.spool.spool import SpooledCall
from candor.capture.tracks import Track, by_width, make_track
from candor.conversation.model import Gap
from candor.errors import MediaRejected
from candor.kit import clock

_LONGEST_HELD_BACK = 30.0
_MOST_CHANNELS = 8
"""Of a FLAC file; a call has seldom more than three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What a call comes to."""

    facts: CallFacts
    events: tuple[CallEvent, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    seconds: float
    mediatype: str
    filename: str
    tracks: tuple[Track, ...]
    write: Callable[[BinaryIO], None]
    """Writes the recording to a stream that can seek back to its first bytes."""
    undecoded: tuple[str, ...]
    """Encodings that came and that nothing here decodes."""


def assemble(call: SpooledCall) -> Assembly:
    """Work out ``call``; raises MediaRejected ``capture.no_sound`` when nothing audible was ever received."""
    start_ns = clock.to_unix_ns(call.facts.started_at)
    arrays, closed = by_width(call), _taken_back(call)
    tracks = tuple(make_track(stream, arrays, start_ns, closed) for stream in call.facts.streams)[:_MOST_CHANNELS]
    if not any(len(track.placement.index) for track in tracks):
        raise MediaRejected(
            "No sound arrived for this call.",
            code="capture.no_sound",
            advice="Check the firewall between the sender and CANDOR_RTP_PORTS, and CANDOR_PUBLIC_ADDRESS.",
        )
    _from_the_first_sound(call, tracks)
    seconds = _seconds(call, tracks)
    gaps = _gaps(call, seconds)
    for track in tracks:
        for gap in gaps:
            if gap.channel in {None, track.stream.number}:
                track.placement.forgive(int(gap.start * track.clock_rate), int(gap.stop * track.clock_rate) + 1)
    encodings = set().union(*(track.encodings() for track in tracks))
    undecoded = tuple(sorted({e for track in tracks for e in _undecodable(track)}))
    if len(encodings) == 1 and encodings <= set(LAWS):
        law = encodings.pop()
        kind, name, write = "audio/x-wav", "wav", lambda sink: write_wav(sink, tracks, seconds, law)
    else:
        kind, name, write = "audio/flac", "flac", lambda sink: write_flac(sink, tracks, seconds)
    return Assembly(
        facts=call.facts, events=tuple(call.events), gaps=gaps, notes=_notes(call, tracks, undecoded), seconds=seconds,
        mediatype=kind, filename=f"call.{name}", tracks=tracks, write=write, undecoded=undecoded,
    )  # fmt: skip


def _from_the_first_sound(call: SpooledCall, tracks: tuple[Track, ...]) -> None:
    """Sound that a sender held back was spoken before the call reached us: begin there, so that none is cut."""
    early = min(track.begin for track in tracks)
    if early < 0:
        shift = min(-early, _LONGEST_HELD_BACK)
        call.facts = replace(call.facts, started_at=call.facts.started_at - timedelta(seconds=shift))
        for track in tracks:
            track.later(shift)


def _seconds(call: SpooledCall, tracks: tuple[Track, ...]) -> float:
    """From the call's start to its end, or to the end of the sound where that comes later."""
    over = [(e.at - call.facts.started_at).total_seconds() for e in call.events if e.kind in _LAST]
    return max(0.02, *over, *(track.end for track in tracks))


_LAST = {EventKind.ENDED, EventKind.INTERRUPTED}
_REASONS = {
    EventKind.PAUSED: "paused",
    EventKind.ON_HOLD: "on_hold",
    EventKind.DISCARDED: "discarded",
}
_CLOSING = {
    EventKind.RESUMED: ("paused", "discarded"),
    EventKind.OFF_HOLD: ("on_hold",),
}


def _gaps(call: SpooledCall, seconds: float) -> tuple[Gap, ...]:
    """Where nothing was kept, and why."""
    began = call.facts.started_at
    open_since: dict[tuple[str, int | None], tuple[float, str]] = {}
    gaps: list[Gap] = []
    for event in sorted(call.events, key=lambda e: e.at):
        at = min(max(0.0, (event.at - began).total_seconds()), seconds)
        if event.kind in _REASONS:
            open_since.setdefault((_REASONS[event.kind], event.stream), (at, event.reason))
        for reason in _CLOSING.get(event.kind, ()):
            opened = open_since.pop((reason, event.stream), None)
            if opened is not None:
                gaps.append(_gap(opened[0], at, reason, opened[1], event.stream))
        if event.kind is EventKind.INTERRUPTED:
            gaps.append(_gap(at, seconds, "interrupted", event.reason, None))
    gaps += [_gap(at, seconds, reason, by, stream) for (reason, stream), (at, by) in open_since.items()]
    return tuple(sorted(gaps, key=lambda gap: gap.start))


def _taken_back(call: SpooledCall) -> list[tuple[int, int]]:
    """Pauses that reach back before they were begun (phrases and keys are understood a moment late): (from, to) in ns.

    What was sealed meanwhile is not made part of the recording.
    """
    found: list[tuple[int, int]] = []
    since: int | None = None
    for event in call.events:
        if event.kind is EventKind.PAUSED and event.reason in {"spoken", "key"}:
            since = clock.to_unix_ns(event.at)
        elif event.kind in {EventKind.RESUMED, *_LAST} and since is not None:
            found.append((since, clock.to_unix_ns(event.at)))
            since = None
    return found


def _gap(start: float, stop: float, reason: str, by: str, stream: int | None) -> Gap:
    return Gap(start=start, stop=max(start, stop), reason=reason, by=by, channel=stream)


def _undecodable(track: Track) -> set[str]:
    kinds = {track.types[k] for k in np.unique(track.kind[track.placement.index]).tolist()}
    return {
        k.encoding for k in kinds
        if k.encoding.upper() not in LAWS and make_decoder(k.encoding, k.clock_rate, k.channels, k.fmtp) is None
    }  # fmt: skip


def _notes(call: SpooledCall, tracks: tuple[Track, ...], undecoded: tuple[str, ...]) -> tuple[str, ...]:
    """Plain sentences on what was unusual."""
    notes = []
    for number, track in enumerate(tracks, 1):
        where = track.placement
        if where.lost_packets:
            share = where.lost_packets / (where.lost_packets + len(where.index))
            notes.append(f"Channel {number}: {where.lost_packets} packets ({share:.1%}) were lost on the way.")
        if where.strays:
            notes.append(f"Channel {number}: {where.strays} packets of a second sender were left out.")
        if not len(where.index):
            notes.append(f"Channel {number}: no sound arrived.")
    notes += [f"Sound in {name} cannot be decoded here; it is kept as it came." for name in undecoded]
    if len(call.facts.streams) > _MOST_CHANNELS:
        notes.append(f"Only {_MOST_CHANNELS} of {len(call.facts.streams)} streams are in the recording.")
    if any(e.kind is EventKind.INTERRUPTED for e in call.events):
        notes.append("The recorder stopped during the call; the recording ends there.")
    if call.damaged:
        notes.append("A part of what was sealed does not verify; the recording ends before it.")
    return tuple(notes)
