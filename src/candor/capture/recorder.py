"""The recorder: calls that are being captured, their ways in, and the beat that moves sound to the spool.

One process, one thread, one beat every half second: drain all sockets, seal what waited. Protocols call :meth:`begin`
and get an :class:`ActiveCall`; people pause, resume and end calls by their id (:mod:`candor.capture.control`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from candor.capture.active import ActiveCall
from candor.capture.model import CallFacts, Keep, Stream, Verdict
from candor.capture.ports import Control, Gate, Word
from candor.capture.rtp.ports import PortRange
from candor.capture.rtp.receiver import Counters, Inlet, Receiver
from candor.capture.spool.spool import Spool
from candor.errors import CandorError, Forbidden, NotFound, Unavailable
from candor.kit import clock
from candor.kit.log import get_logger

BEAT = 0.5
"""Seconds between two drains. Half as long costs a fifth more for each packet, and sound is sealed no sooner: what
came right after a drain waits half a second either way."""
_REPORT_EVERY = 5.0
"""Seconds between RTCP receiver reports (RFC 3550 section 6.2)."""
_OBJECTED = "Somebody on the line refused to be recorded, or objected."
_LATE = 0.5
"""Seconds by which a beat must be behind to be counted."""
_log = get_logger("recorder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One attempt to have a call recorded, for the page that shows the last ones."""

    at: datetime
    protocol: str
    sender: str
    """Network address."""
    accepted: bool
    words: str
    """What was done, or why not, and what to change."""


@dataclass(slots=True, kw_only=True)
class Totals:
    """Counts of one source since the recorder started."""

    calls: int = 0
    refused: int = 0
    packets: int = 0
    lost: int = 0
    strangers: int = 0
    wrong: int = 0
    unverified: int = 0
    silent_streams: int = 0
    """Streams that ended without a packet: one-way audio, or a firewall."""


@dataclass(slots=True, kw_only=True)
class Keys:
    """Telephone keys that pause and resume, empty for none."""

    pause: str = ""
    resume: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spotting:
    """How the process that listens for spoken phrases does."""

    at: float
    """Monotonic time at which it said so."""
    calls: int
    behind: float
    """Seconds from a word to its being understood, the longest of late."""
    skipped: float
    """Seconds of speech that it left out because it could not keep up."""


@dataclass(slots=True)
class Recorder:
    """Every active call, and the beat."""

    spool: Spool
    ports: PortRange
    keys: Keys = field(default_factory=Keys)
    most_calls: int = 5_000
    receiver: Receiver = field(default_factory=Receiver)
    calls: dict[str, ActiveCall] = field(default_factory=dict)
    totals: dict[str, Totals] = field(default_factory=dict)
    offers: deque[Offer] = field(default_factory=lambda: deque(maxlen=200))
    after_drain: list[Callable[[], object]] = field(default_factory=list)
    draining: bool = False
    """True when no new call is taken any more."""
    left_open: int = 0
    """Calls that an earlier recorder left open."""
    busy: float = 0.0
    """Share of the last beats spent working."""
    late: int = 0
    """Beats that came more than half a second late."""
    late_at: float = 0.0
    """Monotonic time of the last of them."""
    gate: Gate | None = None
    """Who says whether a call may be recorded; None: nobody is asked."""
    refuse_barred: bool = True
    """Whether a call that may never be recorded is refused; else it is taken, and nothing of it is kept."""
    longest_pause: float = 0.0
    """Seconds after which a pause that was begun here ends by itself; 0: never."""
    spotting: Spotting | None = None
    """What the process that listens for spoken phrases last said of itself."""
    began: float = field(default_factory=time.monotonic)
    _reported: float = 0.0

    def begin(self, facts: CallFacts, *, on_control: Callable[[Control], None]) -> ActiveCall:
        """Open a call; raises Unavailable while draining, at the limit, or when the spool takes nothing."""
        if self.draining:
            raise Unavailable("The recorder is shutting down.", code="capture.draining")
        if len(self.calls) >= self.most_calls:
            raise Unavailable(
                f"{self.most_calls} calls are being recorded: no more are taken.",
                code="capture.full",
                advice="Raise CANDOR_MOST_CALLS, or add a machine.",
            )
        call = ActiveCall(self, self.spool.begin(facts), on_control)
        self.calls[facts.id] = call
        self.total(facts.source).calls += 1
        if self.gate is not None:
            verdict = self.gate.judge(facts)
            call.obey(verdict)
            if verdict.keep is Keep.NEVER and self.refuse_barred:
                call.end("consent")
                raise Forbidden(verdict.words, code="capture.consent")
        return call

    def ended(self, call: ActiveCall, counters: dict[int, Counters]) -> None:
        """Forget a call that is over."""
        self.calls.pop(call.id, None)
        total = self.total(call.facts.source)
        for seen in counters.values():
            total.packets += seen.packets
            total.lost += max(0, seen.lost)

    def total(self, source: str) -> Totals:
        """Counts of a source."""
        return self.totals.setdefault(source, Totals())

    def count(self, source: str, inlet: Inlet) -> None:
        """Add what an inlet has seen to its source."""
        total, seen = self.total(source), inlet.counters
        total.packets += seen.packets
        total.lost += max(0, seen.lost)
        total.strangers += seen.strangers
        total.wrong += seen.wrong
        total.unverified += seen.unverified
        total.silent_streams += seen.packets == 0 and not inlet.paused

    def offered(self, protocol: str, sender: str, words: str, *, accepted: bool, source: str = "") -> None:
        """Remember an offer for the page of sources."""
        self.offers.append(
            Offer(at=clock.now(), protocol=protocol, sender=sender, accepted=accepted, words=words[:300])
        )
        if not accepted:
            self.total(source or protocol).refused += 1

    def legs(self, call_id: str) -> list[ActiveCall]:
        """Every leg of one call, by a leg's conversation id or by the phone system's call id; raises NotFound.

        Legs come from one source and share the phone system's call id or the group (RFC 7865 section 6.2): what is
        said on one is heard on the other.
        """
        named = [call for call in self.calls.values() if call_id in {call.id, call.facts.external_id}]
        if not named:
            raise NotFound("No such call is being recorded now.", code="capture.no_call")
        shared = {name for call in named for name in _names(call.facts)}
        return [call for call in self.calls.values() if call in named or not shared.isdisjoint(_names(call.facts))]

    def hear(self, call_id: str, word: Word) -> list[ActiveCall]:
        """Consent was given or refused on a call: it holds for every leg; raises NotFound.

        A yes opens a leg only where it is enough: the gate is asked again.
        """
        legs = self.legs(call_id)
        for call in legs:
            verdict = call.facts.consent
            if verdict is None:
                verdict = Verdict(keep=Keep.START, level=0, words="Nobody asked whether it may be recorded.")
            if word is Word.GIVEN and self.gate is not None:
                verdict = self.gate.judge(call.facts)
                if verdict.keep is not Keep.START:
                    continue
            if word is Word.REFUSED:
                verdict = replace(verdict, keep=Keep.NEVER, words=_OBJECTED)
            if word is Word.GIVEN or not verdict.obliged:
                call.hear(word, verdict)
        return legs

    def steer(self, call_id: str, verb: Control, reason: str, since: datetime | None = None) -> list[ActiveCall]:
        """Pause, resume or end every leg of a call; raises NotFound."""
        legs = self.legs(call_id)
        for call in legs:
            if verb is Control.PAUSE:
                call.pause(reason, since)
            elif verb is Control.RESUME:
                call.resume(reason)
            else:
                call.ask_to_end()
                call.end(reason)
        return legs

    def beat(self) -> None:
        """One round: drain, act on keys, seal, and now and then report to the senders."""
        self.receiver.drain()
        todo, self.after_drain[:] = list(self.after_drain), []
        for act in todo:
            act()
        self.spool.tick()
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY:
            self._reported = now
            self._report()
            self._end_long_pauses()
            self.ports.tend()

    async def run(self, stop: asyncio.Event) -> None:
        """Beat until ``stop`` is set."""
        due = time.monotonic()
        while not stop.is_set():
            began = time.monotonic()
            if began - due > _LATE:
                self.late, self.late_at = self.late + 1, began
            try:
                self.beat()
            except CandorError as error:
                _log.error("a beat failed", code=error.code)
            took = time.monotonic() - began
            self.busy += (took / BEAT - self.busy) / 20
            due = max(began + BEAT, time.monotonic() + 0.002)
            await asyncio.sleep(due - time.monotonic())

    async def drain(self, seconds: float) -> None:
        """Take no new calls, wait for those that run, then end them."""
        self.draining = True
        until = time.monotonic() + seconds
        while self.calls and time.monotonic() < until:  # noqa: ASYNC110  calls end one by one, not at an event
            await asyncio.sleep(0.1)
        for call in list(self.calls.values()):
            call.ask_to_end()
            call.end("drained")

    def _end_long_pauses(self) -> None:
        if self.longest_pause:
            for call in [one for one in self.calls.values() if one.paused_too_long(self.longest_pause)]:
                call.resume("time")

    def _report(self) -> None:
        """Read the senders' reports and send ours (RFC 3550 section 6.4)."""
        for call in self.calls.values():
            for reporter in call.reporters.values():
                reporter.exchange(self.receiver.counters(reporter.inlet))


def replace_streams(facts: CallFacts, streams: Iterable[Stream]) -> CallFacts:
    """``facts`` with these streams; those that were there before and are not named stay known."""
    known = {stream.number: stream for stream in facts.streams} | {stream.number: stream for stream in streams}
    return replace(facts, streams=tuple(known[number] for number in sorted(known)))


def _names(facts: CallFacts) -> set[tuple[str, str]]:
    """What the legs of one call have in common."""
    return {(facts.source, name) for name in (facts.external_id, facts.group) if name}
