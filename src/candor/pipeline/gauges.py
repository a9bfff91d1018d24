"""What the recorder's status comes to for each source, and the addresses to enter at the senders. Pure.

Pages, API and commands read the same from the one status. Nothing in it names a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGauge:
    """One source: since the recorder's start, what is in progress included, and now."""

    name: str
    active: int
    calls: int
    refused: int
    packets: int
    lost: int
    jitter_ms: float | None
    """The highest of its streams in progress; None without one."""
    one_way: int
    """Calls in progress in which one stream is silent beside one that sends."""
    silent_streams: int
    """Streams that ended without a packet."""
    strangers: int
    wrong: int
    unverified: int

    @property
    def loss(self) -> float | None:
        """Share of the packets that did not come; None before the first."""
        return share(self.lost, self.packets)


def gauges(status: Mapping[str, Any]) -> tuple[SourceGauge, ...]:
    """Every source that has called since the recorder's start, by name."""
    return tuple(_gauge(name, total, total["live"]) for name, total in sorted(status["sources"].items()))


def _gauge(name: str, total: Mapping[str, Any], live: Mapping[str, Any]) -> SourceGauge:
    return SourceGauge(
        name=name, active=live["calls"], calls=total["calls"], refused=total["refused"],
        packets=total["packets"] + live["packets"], lost=total["lost"] + live["lost"], jitter_ms=live["jitter_ms"],
        one_way=live["one_way"], silent_streams=total["silent_streams"], strangers=total["strangers"],
        wrong=total["wrong"], unverified=total["unverified"],
    )  # fmt: skip


def share(lost: int, packets: int) -> float | None:
    """Of all packets that should have come, how many did not; None when none should have."""
    return lost / (lost + packets) if lost + packets else None


def sip_addresses(status: Mapping[str, Any]) -> dict[str, str]:
    """The URI to enter at a session border controller, by transport (udp, tcp, and tls where it is on)."""
    host = f"[{status['address']}]" if ":" in status["address"] else status["address"]
    ports = {"udp": status["sip_port"], "tcp": status["sip_port"], "tls": status["sips_port"]}
    return {kind: f"sip:candor@{host}:{port};transport={kind}" for kind, port in ports.items() if port}


def stream_path(source: Mapping[str, Any]) -> str:
    """The path at which a sender of media streams connects."""
    return f"/{'audiohook' if source['audiohook'] else 'streams'}/{source['name']}"
