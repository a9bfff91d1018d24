"""Our side of RTCP: sender reports read, receiver reports sent (RFC 3550 section 6.4)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from candor.capture.rtp import rtcp
from candor.capture.rtp.receiver import Counters, Inlet

_MOST = 64
"""Packets read from one stream at a time: what is more is a flood."""


@dataclass(slots=True)
class Reporter:
    """The RTCP of one inlet."""

    inlet: Inlet
    clock_rate: int
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    _peer: tuple[str, int] | None = None
    _middle: int = 0
    _heard: float = 0.0
    _expected: int = 0
    _received: int = 0
    _first: int | None = None

    def exchange(self, seen: Counters) -> None:
        """Read what the sender reported, and report what came since the last time."""
        self._read()
        if self._peer is None or not seen.packets:
            return
        if self._first is None:
            self._first = seen.highest - seen.packets - seen.lost + 1
        expected, received = seen.highest - self._first + 1, seen.packets
        gone = (expected - self._expected) - (received - self._received)
        share = 0 if expected <= self._expected else max(0, (gone << 8) // (expected - self._expected))
        self._expected, self._received = expected, received
        delay = round((time.monotonic() - self._heard) * 65_536) if self._middle else 0
        block = rtcp.ReportBlock(
            ssrc=seen.ssrc, fraction_lost=min(255, share), cumulative_lost=seen.lost,
            highest_sequence=seen.highest & 0xFFFFFFFF,
            jitter=round(seen.jitter_ms * self.clock_rate / 1000), last_sender_report=self._middle,
            delay_since_sender_report=delay & 0xFFFFFFFF,
        )  # fmt: skip
        try:
            self.inlet.ports.rtcp.sendto(rtcp.render_rr(self.ssrc, "candor", (block,)), self._peer)
        except OSError:
            self._peer = None  # an ICMP error of an earlier one: until the sender is heard again

    def _read(self) -> None:
        for _ in range(_MOST):
            try:
                data, peer = self.inlet.ports.rtcp.recvfrom(1500)
            except OSError:
                return
            allowed = self.inlet.allowed
            if self.inlet.crypto is not None or (allowed is not None and peer[0] not in allowed):
                continue
            try:
                packets = rtcp.parse(data)
            except rtcp.RtcpError:
                continue
            self._peer = peer[:2]
            for packet in packets:
                if isinstance(packet, rtcp.SenderReport):
                    self._middle, self._heard = packet.middle, time.monotonic()
