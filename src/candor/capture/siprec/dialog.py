"""A recording session while it lasts: the SIP dialog (RFC 3261 section 12) and the call that it brings."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from candor.capture.active import ActiveCall
from candor.capture.sip import message as sip
from candor.capture.sip.endpoint import Flow, headers, new_tag
from candor.capture.sip.sdp import SessionDescription
from candor.capture.sip.values import NameAddr
from candor.capture.siprec.model import Metadata
from candor.capture.siprec.negotiation import Line
from candor.capture.siprec.session import House

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
SUPPORTED = "siprec, timer"
SNAPSHOT_PAUSES = (1.0, 10.0, 60.0)
"""Seconds before each request for the whole metadata; a session sees no more of them than there are pauses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiprecSettings:
    """How the server behaves."""

    address: str
    """The address that senders reach us by: stands in answers."""
    port: int
    """Of UDP and TCP."""
    allow: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    """Networks that may send."""
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Passwords by user name; empty: no digest is asked for."""
    digest: tuple[str, ...] = ("SHA-256", "MD5")
    """Algorithms, best first."""
    realm: str = "candor"
    srtp: str = "allow"
    house: House = field(default_factory=House)
    source: str = "siprec"
    tls_port: int = 0
    """0: no TLS."""
    media_from: str = "known"
    """known: RTP from the offer's address, the signalling peer or an allowed network; any: from anywhere."""

    def contact(self, transport: str) -> str:
        """Our Contact field for senders that come by ``transport`` (RFC 7866 section 6.1.1: ``+sip.srs``).

        It names the transport, or else what they send inside the session would come by UDP (RFC 3261 section 12.1.1).
        """
        address = f"[{self.address}]" if ":" in self.address else self.address
        port = self.tls_port or self.port if transport == "TLS" else self.port
        by = "" if transport == "UDP" else f";transport={transport.lower()}"
        return f"<sip:candor@{address}:{port}{by}>;+sip.srs"


@dataclass(slots=True, eq=False)
class RecordingSession:
    """One SIP dialog and the call that it brings. Times are monotonic, in seconds."""

    call_id: str
    local_tag: str
    remote: NameAddr
    local: NameAddr
    target: str
    flow: Flow
    call: ActiveCall
    session_id: str
    route: list[str]
    headers: sip.Headers
    metadata: Metadata | None = None
    said: SessionDescription | None = None
    """What we described last."""
    local_cseq: int = 0
    remote_cseq: int = 0
    heard: float = 0.0
    acknowledged: bool = False
    """False while an ACK is owed to us."""
    over: bool = False
    lines: tuple[Line, ...] = ()
    numbers: dict[int, int] = field(default_factory=dict)
    """Stream number by media line."""
    keys: dict[int, str] = field(default_factory=dict)
    paused: bool = False
    """The sender has paused the call: nobody else's pause ends by its word."""
    offered: int | None = None
    """CSeq of the re-INVITE that we answered with an offer, until its ACK brings the answer."""
    inviting: bool = False
    """A re-INVITE of ours is on its way."""
    asking: bool = False
    """A request of ours is on its way: one at a time."""
    due: float = 0.0
    """When to look after the session again."""

    # What the sender can (RFC 3261 section 20.5, RFC 7866 section 6.1).
    siprec: bool = False
    """It is a session recording client by its own word."""
    allow: frozenset[str] = frozenset()
    """Methods, small letters; empty while it has not said."""
    accept: frozenset[str] = frozenset()
    """Media types, small letters."""

    # The session timer (RFC 4028).
    interval: int | None = None
    timer_known: bool = False
    """The sender supports timers."""
    refreshing: bool = False
    """It is for us to refresh."""
    refresh_at: float | None = None
    expires: float | None = None
    """When the session ends unless it is refreshed."""

    # Metadata that is missing (RFC 7866 section 9.2).
    snapshots: int = 0
    """How often it was asked for."""
    snapshot_at: float | None = None
    lack: str = ""
    """Why it is asked for."""

    @property
    def offering(self) -> bool:
        """Whether an offer of ours waits for its answer: another one must wait (RFC 3261 section 14.2)."""
        return self.inviting or self.offered is not None

    def allows(self, method: str) -> bool:
        """Whether the sender takes ``method``, as far as it has said."""
        return not self.allow or method.lower() in self.allow

    def hear(self, request: sip.Request) -> None:
        """Note what a message of the sender says about itself."""
        self.heard = time.monotonic()
        self.allow = request.headers.tokens("Allow") or self.allow
        self.accept = request.headers.tokens("Accept") or self.accept

    def renew(self) -> None:
        """The session was refreshed now."""
        if self.interval is None:
            return
        now = time.monotonic()
        self.expires = now + self.interval
        self.refresh_at = now + self.interval / 2 if self.refreshing else None
        self.due = 0.0

    def want_snapshot(self, lack: str) -> None:
        """Ask for the whole metadata before long, because of ``lack``; a sender that is no recording client is not
        asked, nor one that was asked often enough."""
        if self.snapshot_at is None and self.siprec and self.allows("UPDATE") and self.snapshots < len(SNAPSHOT_PAUSES):
            self.lack = lack
            self.snapshot_at = time.monotonic() + SNAPSHOT_PAUSES[self.snapshots]
            self.due = 0.0

    def request(
        self, method: str, settings: SiprecSettings, fields: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> sip.Request:
        """A request of ours inside the session (RFC 3261 section 12.2.1.1)."""
        self.local_cseq += 1
        ours = f"{self.flow.transport} {settings.address}:{settings.port}"
        standard = [
            ("Via", f"SIP/2.0/{ours};branch=z9hG4bK{new_tag()};rport"), ("Max-Forwards", "70"),
            *(("Route", route) for route in self.route), ("From", str(self.local)), ("To", str(self.remote)),
            ("Call-ID", self.call_id), ("CSeq", f"{self.local_cseq} {method}"),
            ("Contact", settings.contact(self.flow.transport)), ("User-Agent", "Candor"),
        ]  # fmt: skip
        return sip.Request(method=method, uri=self.target, headers=headers(*standard, *fields), body=body)

    def ack(self, invite: sip.Request, response: sip.Response, settings: SiprecSettings) -> sip.Request:
        """The ACK to an answer of our ``invite``: of its own branch to a 2xx (section 13.2.2.4), else of the same
        (section 17.1.1.3)."""
        via = invite.headers.get("Via") or ""
        if response.status < 300:
            via = f"SIP/2.0/{self.flow.transport} {settings.address}:{settings.port};branch=z9hG4bK{new_tag()};rport"
        fields = [
            ("Via", via), ("Max-Forwards", "70"), *(("Route", route) for route in self.route),
            ("From", str(self.local)), ("To", response.headers.get("To") or str(self.remote)),
            ("Call-ID", self.call_id), ("CSeq", f"{invite.cseq.number} ACK"),
        ]  # fmt: skip
        return sip.Request(method="ACK", uri=self.target, headers=headers(*fields))
