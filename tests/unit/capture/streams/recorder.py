"""A recorder that keeps everything in memory: a real one, for tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from candor.capture.model import CallEvent, CallFacts, EventKind
from candor.capture.ports import Control
from candor.errors import CandorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One frame that was kept."""

    arrived_ns: int
    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes


class MemoryCall:
    """One call."""

    def __init__(self, facts: CallFacts, on_control: Callable[[Control], None]) -> None:
        self.facts = facts
        self.history: list[str] = []
        self.frames: dict[int, list[Kept]] = {}
        self.events: list[CallEvent] = []
        self.dropped = 0
        self.ended: str | None = None
        self._paused = False
        self._on_control = on_control

    @property
    def id(self) -> str:
        return self.facts.id

    @property
    def paused(self) -> bool:
        return self._paused

    def update(self, facts: CallFacts) -> None:
        assert self.ended is None
        self.facts = facts
        self.history.append("update")

    def frame(
        self, stream: int, *, arrived_ns: int, sequence: int, timestamp: int, payload_type: int, payload: bytes
    ) -> None:
        assert self.ended is None
        assert 0 <= sequence < 1 << 16
        assert 0 <= timestamp < 1 << 32
        assert payload
        assert stream in {known.number for known in self.facts.streams}
        if self._paused:
            self.dropped += 1
            return
        kept = Kept(
            arrived_ns=arrived_ns, sequence=sequence, timestamp=timestamp, payload_type=payload_type, payload=payload
        )
        self.frames.setdefault(stream, []).append(kept)

    def event(self, event: CallEvent) -> None:
        assert self.ended is None
        self.events.append(event)
        self.history.append(f"{event.kind.value} by {event.reason}")

    def pause(self, reason: str) -> None:
        if not self._paused:
            self._paused = True
            self.history.append(f"pause by {reason}")

    def resume(self, reason: str) -> None:
        if self._paused:
            self._paused = False
            self.history.append(f"resume by {reason}")

    def end(self, reason: str) -> None:
        assert self.ended is None, "ended twice"
        self.ended = reason

    # What somebody at the recorder does

    def pause_here(self) -> None:
        self.pause("api")
        self._on_control(Control.PAUSE)

    def resume_here(self) -> None:
        self.resume("api")
        self._on_control(Control.RESUME)

    def end_here(self) -> None:
        self._on_control(Control.END)

    # What a test asks

    def number(self, label: str) -> int:
        return next(stream.number for stream in self.facts.streams if stream.label == label)

    def of(self, label: str) -> list[Kept]:
        return self.frames.get(self.number(label), [])

    def sound(self, label: str, width: int = 1, fill: bytes = b"\xff") -> bytes:
        """A stream laid out by its time stamps, gaps filled."""
        made = bytearray()
        for kept in sorted(self.of(label), key=lambda kept: kept.timestamp):
            at = kept.timestamp * width
            if at > len(made):
                made += fill * (at - len(made))
            made[at : at + len(kept.payload)] = kept.payload
        return bytes(made)

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.events]


class MemoryRecorder:
    """Takes every call, or none when ``refusal`` is set."""

    def __init__(self, refusal: CandorError | None = None) -> None:
        self.calls: list[MemoryCall] = []
        self.refusal = refusal

    def begin(self, facts: CallFacts, *, on_control: Callable[[Control], None]) -> MemoryCall:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(MemoryCall(facts, on_control))
        return self.calls[-1]


@dataclass(frozen=True, slots=True)
class Offer:
    """One line for the page of offers."""

    source: str
    protocol: str
    ok: bool
    why: str


class Offers:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.seen: list[Offer] = []

    def offered(self, source: str, protocol: str, *, ok: bool, why: str) -> None:
        self.seen.append(Offer(source, protocol, ok, why))
