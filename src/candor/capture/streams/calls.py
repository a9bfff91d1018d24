"""A call that comes over WebSockets: one live call, over one connection or several after each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from candor.capture.model import CallEvent, CallFacts, EventKind, Stream
from candor.capture.ports import Control, LiveCall, Recorder
from candor.capture.rtp.dtmf import KeySequence
from candor.capture.streams.sources import StreamSource
from candor.kit import clock

LOST = "connection lost"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now_ns() -> int:
    """Unix time in nanoseconds, to the microsecond, by the product's clock."""
    return (clock.now() - _EPOCH) // _MICROSECOND * 1000


class StreamCall:
    """What outlives a connection: the live call, who paused it, and where its sound has got to."""

    def __init__(self, key: tuple[str, ...], stream_id: str, source: StreamSource) -> None:
        """``key`` names the call among all that may come again; ``stream_id`` is the connection's name for it."""
        self.key = key
        self.stream_ids = {stream_id}
        self.until: float | None = None
        """The loop's time until which a new connection may take it up; None: it has one."""
        self.listener: Callable[[Control], None] | None = None
        """The connection that carries it."""
        self.displaced: Callable[[], None] | None = None
        """Tells that connection that another took the call over."""
        self.ended = False
        self.arrived_ns = now_ns()
        """When its latest sound came."""
        self._live: LiveCall | None = None
        self._facts: CallFacts | None = None
        self._ours = self._theirs = self._by_key = False
        self._speaking = False
        self._pause_keys = KeySequence(source.pause_keys) if source.pause_keys else None
        self._resume_keys = KeySequence(source.resume_keys) if source.resume_keys else None

    @property
    def paused(self) -> bool:
        """True while nothing is kept."""
        return self._live is not None and not self.ended and self._live.paused

    @property
    def silent_ns(self) -> int:
        """Nanoseconds since its latest sound came."""
        return max(0, now_ns() - self.arrived_ns)

    @property
    def facts(self) -> CallFacts:
        """What is known of it."""
        if self._facts is None:
            raise RuntimeError("the call has not begun")
        return self._facts

    def begin(self, recorder: Recorder, facts: CallFacts) -> None:
        """Open it; raises what :meth:`Recorder.begin` raises."""
        self._live = recorder.begin(facts, on_control=self._control)
        self._facts = facts

    def frame(self, label: str, *, sequence: int, timestamp: int, payload: bytes) -> None:
        """Sound of the stream ``label``; one that was not announced is added to the call."""
        if self._live is None or self.ended:
            return
        stream = self._stream(label)
        self.arrived_ns = now_ns()
        self._live.frame(
            stream.number,
            arrived_ns=self.arrived_ns,
            sequence=sequence,
            timestamp=timestamp,
            payload_type=stream.payload_types[0].number,
            payload=payload,
        )

    def _stream(self, label: str) -> Stream:
        for stream in self.facts.streams:
            if stream.label == label:
                return stream
        streams = self.facts.streams
        added = replace(streams[0], number=max(stream.number for stream in streams) + 1, label=label)
        self.update(replace(self.facts, streams=(*streams, added)))
        return added

    def update(self, facts: CallFacts) -> None:
        """Replace what is known of it."""
        self._facts = facts
        if self._live is not None and not self.ended:
            self._live.update(facts)

    def event(self, kind: EventKind, *, label: str | None = None, reason: str = "sender") -> None:
        """Note that something happened, now, on one stream or on all; of keys pressed in a pause not even that."""
        if self._live is None or self.ended or (kind is EventKind.KEY_PRESSED and self._live.paused):
            return
        known = [stream.number for stream in self.facts.streams if stream.label == label]
        self._live.event(CallEvent(at=clock.now(), kind=kind, stream=known[0] if known else None, reason=reason))

    def pause_by_sender(self) -> None:
        """The sender stopped sending: because we asked it to, or for a reason of its own."""
        if self._ours or self._theirs or self._live is None or self.ended:
            return
        self._theirs = True
        with self._undisturbed():
            self._live.pause("sender")

    def resume_by_sender(self) -> None:
        """The sender sends again; what we paused stays paused."""
        if self._ours or not self._theirs or self._live is None or self.ended:
            return
        self._theirs = False
        with self._undisturbed():
            self._live.resume("sender")

    def missing(self, seconds: float, reason: str = "sender") -> None:
        """Sound of ``seconds`` until now was dropped before us; in a pause nothing of it would have been kept."""
        if self._live is None or self.ended or self._live.paused:
            return
        stop = clock.now()
        start = max(self.facts.started_at, stop - timedelta(seconds=seconds))
        self._live.event(CallEvent(at=start, kind=EventKind.DISCARDED, reason=reason))
        self._live.event(CallEvent(at=stop, kind=EventKind.RESUMED, reason=reason))

    def pressed(self, label: str, digit: str) -> Control | None:
        """A key: noted without saying which, and compared with those that pause and resume.

        Returns what the sender should be told.
        """
        self.event(EventKind.KEY_PRESSED, label=label)
        if self._live is None or self.ended:
            return None
        at = now_ns() / 1e9
        pause = self._pause_keys is not None and self._pause_keys.feed(digit, at)
        resume = self._resume_keys is not None and self._resume_keys.feed(digit, at)
        if pause and not self._live.paused:
            self._ours = self._by_key = True
            with self._undisturbed():
                self._live.pause("key")
            return Control.PAUSE
        if resume and self._by_key:  # keys undo only what keys did
            self._ours = self._by_key = False
            with self._undisturbed():
                self._live.resume("key")
            return Control.RESUME
        return None

    def end(self, reason: str) -> None:
        """Nothing more will come; no effect the second time."""
        if self.ended:
            return
        self.ended = True
        self.listener = self.displaced = None
        if self._live is not None:
            with self._undisturbed():
                self._live.end(reason)

    def _control(self, control: Control) -> None:
        """Somebody on our side pauses, resumes or ends it."""
        if self._speaking or self.ended:
            return
        if control is Control.PAUSE:
            self._ours, self._by_key = True, False
        elif control is Control.RESUME:
            self._ours = self._theirs = self._by_key = False
        if self.listener is not None:
            self.listener(control)
        if control is Control.END:
            self.end("ended here")

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """A recorder that reports our own pauses back to us is not answered."""
        before, self._speaking = self._speaking, True
        try:
            yield
        finally:
            self._speaking = before


class Calls:
    """The calls that a new connection may take up: those that wait for one, and those whose connection may be dead."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, ...], list[StreamCall]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._calls.values()))

    def add(self, call: StreamCall) -> None:
        """Remember a call under its key."""
        calls = self._calls.setdefault(call.key, [])
        if call not in calls:
            calls.append(call)

    def forget(self, call: StreamCall) -> None:
        """It is over."""
        calls = self._calls.get(call.key, [])
        if call in calls:
            calls.remove(call)
        if not calls:
            self._calls.pop(call.key, None)

    def claim(self, key: tuple[str, ...], stream_ids: frozenset[str]) -> StreamCall | None:
        """The call that a new connection goes on with; its earlier connection, if any, is told to go.

        It is the one under ``key`` that the new connection names in ``stream_ids``, else one that waits: two
        connections that know nothing of each other are two calls.
        """
        calls = [call for call in self._calls.get(key, []) if not call.ended]
        named = [call for call in calls if call.stream_ids & stream_ids]
        waiting = [call for call in calls if call.until is not None]
        for call in (*named, *waiting):
            if call.displaced is not None:
                call.displaced()
            call.until = call.listener = call.displaced = None
            call.stream_ids = set(stream_ids)
            return call
        return None

    def expire(self, moment: float) -> None:
        """End those that waited long enough."""
        self._end([call for call in self._waiting() if call.until is not None and call.until <= moment], LOST)

    def end_waiting(self, reason: str) -> None:
        """End all that wait for a connection."""
        self._end(self._waiting(), reason)

    def _waiting(self) -> list[StreamCall]:
        return [call for calls in self._calls.values() for call in calls if call.until is not None]

    def _end(self, calls: list[StreamCall], reason: str) -> None:
        for call in calls:
            self.forget(call)
            call.end(reason)
