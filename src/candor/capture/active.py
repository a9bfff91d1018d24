"""A call that is being written: its streams, what closes and opens it, its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from candor.capture.model import CallEvent, CallFacts, EventKind, Keep, Stream, Verdict
from candor.capture.ports import Control, Word
from candor.capture.rtp.dtmf import KeySequence
from candor.capture.rtp.ports import PortPair
from candor.capture.rtp.receiver import ROW_HEAD, Counters, Inlet, Unprotect
from candor.capture.rtp.reports import Reporter
from candor.capture.spool.spool import SpoolCall
from candor.kit import clock

if TYPE_CHECKING:
    from candor.capture.recorder import Recorder

_LATEST_PAUSE = timedelta(seconds=10)
"""How far back a pause may reach: what was said to begin it is understood a moment later."""
_PAUSE, _CONSENT = "pause", "consent"
"""What keeps a call closed."""
_KEYS = "0123456789*#ABCD"


class ActiveCall:
    """A call that is being written (:class:`candor.capture.ports.LiveCall`)."""

    def __init__(self, recorder: Recorder, spooled: SpoolCall, on_control: Callable[[Control], None]) -> None:
        self._recorder, self._spooled, self._on_control = recorder, spooled, on_control
        self.inlets: dict[int, Inlet] = {}
        self.reporters: dict[int, Reporter] = {}
        self._closed: set[str] = set()
        self.began = time.monotonic()
        self.listening_since: dict[int, float] = {}
        """Monotonic time from which each stream is expected to send: its beginning, or the end of a hold or pause."""
        self._paused_by, self._paused_at = "", 0.0
        self._opened_at: datetime | None = None
        self._refused = False
        self._counters: dict[int, Counters] = {}
        self._ended = False
        self._sequences = {
            kind: KeySequence(keys)
            for kind, keys in ((Control.PAUSE, recorder.keys.pause), (Control.RESUME, recorder.keys.resume))
            if keys
        }
        self._pressed: int | None = None

    @property
    def id(self) -> str:
        return self._spooled.facts.id

    @property
    def facts(self) -> CallFacts:
        """What is known so far."""
        return self._spooled.facts

    def update(self, facts: CallFacts) -> None:
        before = self.facts
        self._spooled.update(replace(facts, consent=before.consent))
        if self._recorder.gate is not None and _numbers(facts) - _numbers(before) and not self._refused:
            # Who is told of late was there before; who comes to others joins.
            joined = clock.now() if _numbers(before) else None
            self.obey(self._recorder.gate.judge(self.facts, since=joined))

    def obey(self, verdict: Verdict) -> None:
        """Keep no more than ``verdict`` allows: at the call's beginning, and when somebody joins."""
        self._spooled.update(replace(self.facts, consent=verdict))
        if verdict.keep is Keep.CONSENT:
            began = None if self._spooled.touched else self.facts.started_at
            self._close(_CONSENT, "consent", since=began)
        elif verdict.keep is Keep.NEVER:
            self.hear(Word.REFUSED, verdict)
        else:
            self._open(_CONSENT, "consent")

    def listen(
        self, stream: Stream, ports: PortPair, *, allowed: frozenset[str] | None, crypto: Unprotect | None
    ) -> None:
        """Take RTP of ``stream`` on ``ports``, which are given back when the stream or the call ends."""
        inlet = Inlet(
            ports=ports, number=stream.number, sink=self._spooled, payload_types=stream.payload_types,
            allowed=allowed, crypto=crypto, on_event=self._key, paused=self.paused,
        )  # fmt: skip
        self.inlets[stream.number] = inlet
        self.listening_since[stream.number] = time.monotonic()
        rate = stream.payload_types[0].clock_rate if stream.payload_types else 8000
        self.reporters[stream.number] = Reporter(inlet, rate)
        self._recorder.receiver.add(inlet)

    def stop_listening(self, number: int) -> None:
        """The stream is gone; its sound so far stays."""
        inlet = self.inlets.pop(number, None)
        self.reporters.pop(number, None)
        if inlet is not None:
            self._recorder.receiver.remove(inlet)
            self._recorder.count(self.facts.source, inlet)
            self._recorder.ports.give_back(inlet.ports)

    def hold(self, number: int, *, on_hold: bool) -> None:
        """One stream stops or goes on by the sender's word (``a=inactive``); what comes meanwhile is not read."""
        inlet = self.inlets.get(number)
        if inlet is None or inlet.paused == (on_hold or self.paused):
            return
        (self._recorder.receiver.pause if on_hold else self._recorder.receiver.resume)([inlet])
        self.listening_since[number] = time.monotonic()
        kind = EventKind.ON_HOLD if on_hold else EventKind.OFF_HOLD
        self.event(CallEvent(at=clock.now(), kind=kind, stream=number, reason="sip"))

    def frame(
        self, stream: int, *, arrived_ns: int, sequence: int, timestamp: int, payload_type: int, payload: bytes
    ) -> None:
        if self.paused or self._ended:
            return
        packet = (
            bytes((0x80, payload_type)) + (sequence & 0xFFFF).to_bytes(2, "big")
            + (timestamp & 0xFFFFFFFF).to_bytes(4, "big") + (stream + 1).to_bytes(4, "big") + payload
        )  # fmt: skip
        head = arrived_ns.to_bytes(8, "little") + len(packet).to_bytes(2, "little") + bytes((stream, 0))
        self._spooled.rows(ROW_HEAD + len(packet), head + packet)
        seen = self._counters.setdefault(stream, Counters())
        if seen.packets:
            seen.lost += max(0, ((sequence - seen.highest) & 0xFFFF) - 1) if sequence > seen.highest else 0
        seen.highest, seen.last_ns = sequence, arrived_ns
        seen.packets += 1

    def event(self, event: CallEvent) -> None:
        self._spooled.event(event)

    @property
    def paused(self) -> bool:
        """Nothing is kept now: somebody paused, or consent is waited for or refused."""
        return bool(self._closed)

    @property
    def stopped(self) -> bool:
        """Somebody paused it; it may wait for consent besides."""
        return _PAUSE in self._closed

    def pause(self, reason: str, since: datetime | None = None) -> None:
        """Keep nothing from now on; with ``since``, nothing that came after it either (at most ten seconds)."""
        if not self._ended and _PAUSE not in self._closed:
            self._paused_by, self._paused_at = reason, time.monotonic()
            self._close(_PAUSE, reason, since)

    def resume(self, reason: str) -> None:
        if not self._ended and _PAUSE in self._closed:
            self._open(_PAUSE, reason)

    def hear(self, word: Word, verdict: Verdict) -> None:
        """Somebody said yes or no: keep from now on; or nothing from now on, and drop what was kept if they may ask so.

        After a no, no yes counts any more: the call is recorded by nobody's word but theirs.
        """
        if self._ended or self._refused:
            return
        self._spooled.update(replace(self.facts, consent=verdict))
        if word is Word.GIVEN:
            self._open(_CONSENT, "consent")
            return
        self._refused = True
        self._close(_CONSENT, "consent", since=None if self._spooled.touched else self.facts.started_at)
        if verdict.drop and self._spooled.touched:
            self._spooled.start_over()
            self.event(CallEvent(at=clock.now(), kind=EventKind.DROPPED, reason="consent"))
        self.event(CallEvent(at=clock.now(), kind=EventKind.REFUSED, reason="consent"))

    def _close(self, what: str, reason: str, since: datetime | None = None) -> None:
        """Keep nothing, whyever; a sender that can be told so need not send."""
        first = not self._closed
        self._closed.add(what)
        if first:
            self._recorder.receiver.pause(list(self.inlets.values()))
            now = clock.now()
            earliest = max(self._opened_at or self.facts.started_at, now - _LATEST_PAUSE)
            self.event(CallEvent(at=min(now, max(since or now, earliest)), kind=EventKind.PAUSED, reason=reason))
            self._on_control(Control.PAUSE)

    def _open(self, what: str, reason: str) -> None:
        if what not in self._closed:
            return
        self._closed.discard(what)
        if not self._closed:
            self._recorder.receiver.resume(list(self.inlets.values()))
            self._opened_at = clock.now()
            self.listening_since = dict.fromkeys(self.listening_since, time.monotonic())
            self.event(CallEvent(at=self._opened_at, kind=EventKind.RESUMED, reason=reason))
            self._on_control(Control.RESUME)

    def paused_too_long(self, seconds: float) -> bool:
        """Whether a pause that somebody here began lasts longer; the sender's own pauses are the sender's to end."""
        ours = _PAUSE in self._closed and self._paused_by not in {"sip", "sender"}
        return ours and time.monotonic() - self._paused_at > seconds

    def end(self, reason: str) -> None:
        if self._ended:
            return
        for number in list(self.inlets):
            self.stop_listening(number)
        self._ended = True
        self._recorder.ended(self, self._counters)
        self._spooled.end(CallEvent(at=clock.now(), kind=EventKind.ENDED, reason=reason))

    def ask_to_end(self) -> None:
        """Somebody on our side wants it to end: the protocol says good-bye first."""
        self._on_control(Control.END)

    def counters(self) -> dict[int, Counters]:
        """By stream number."""
        return self._counters | {
            number: self._recorder.receiver.counters(inlet) for number, inlet in self.inlets.items()
        }

    def key_pressed(self, key: str, at: float) -> None:
        """A telephone key that signalling tells, at ``at`` seconds of Unix time: it may steer, and is not kept."""
        for verb in [verb for verb, keys in self._sequences.items() if keys.feed(key, at)]:
            self._recorder.steer(self.id, verb, "key")

    def _key(self, arrival_ns: int, timestamp: int, payload: bytes) -> None:
        """A telephone event (RFC 4733): several packets with one time stamp are one key."""
        if timestamp == self._pressed or not self._sequences or payload[0] >= len(_KEYS):
            return
        self._pressed = timestamp
        done = [k for k, keys in self._sequences.items() if keys.feed(_KEYS[payload[0]], arrival_ns / 1e9)]
        # After the drain that the packet came in: the table is in use until then.
        pressed = clock.from_unix_ns(arrival_ns)
        self._recorder.after_drain += [partial(self._recorder.steer, self.id, verb, "key", pressed) for verb in done]


def _numbers(facts: CallFacts) -> set[str]:
    """By whom a decision can change: who is on the call."""
    return {one.aor or one.id for one in facts.participants}
