"""RTCP (RFC 3550 section 6): what senders report of themselves, and the receiver reports that they are given.

Compound packets and, because senders use them, single ones (reduced size, RFC 5506). Kinds other than sender report,
receiver report, source description and goodbye are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from candor.errors import InvalidInput

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, GOODBYE = 200, 201, 202, 203
MAX_PACKETS = 64
"""Packets in one datagram; more is an attack."""
_FIRST_TYPE, _LAST_TYPE = 192, 223
_CNAME = 1
_MAX_BLOCKS = 31
_BLOCK = struct.Struct("!IIIIII")
_SENDER = struct.Struct("!IQIII")
_NTP_TO_UNIX = 2_208_988_800
"""Seconds from 1900 to 1970."""
_ERA = 1 << 32


class RtcpError(InvalidInput):
    """A datagram that is not RTCP."""

    code = "rtcp"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportBlock:
    """How one source is received (RFC 3550 section 6.4.1)."""

    ssrc: int
    fraction_lost: int = 0
    """Since the report before, in 256ths."""
    cumulative_lost: int = 0
    """Since the beginning; negative when duplicates outnumber losses. Held to 24 bits when rendered."""
    highest_sequence: int = 0
    """Extended: wraps of the sequence number in the upper 16 bits."""
    jitter: int = 0
    """Interarrival jitter in units of the RTP time stamp."""
    last_sender_report: int = 0
    """``SenderReport.middle`` of the last one that came; 0: none."""
    delay_since_sender_report: int = 0
    """From then until now, in 65,536ths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderReport:
    """What a sender sent so far, and which of its RTP time stamps belongs to which wall-clock time."""

    ssrc: int
    ntp: int
    """NTP time stamp, 64 bits, seconds since 1900 in the upper 32; 0: the sender has no clock."""
    rtp_timestamp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()

    @property
    def unix_ns(self) -> int | None:
        """Unix time in nanoseconds; None when the sender has no clock. Good until 2104 (NTP era 1 from 2036)."""
        if self.ntp == 0:
            return None
        seconds, fraction = self.ntp >> 32, self.ntp & 0xFFFFFFFF
        if seconds < _ERA // 2:
            seconds += _ERA
        return (seconds - _NTP_TO_UNIX) * 1_000_000_000 + (fraction * 1_000_000_000 >> 32)

    @property
    def middle(self) -> int:
        """The middle 32 bits of the NTP time stamp, as report blocks repeat it."""
        return self.ntp >> 16 & 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverReport:
    """What one who does not send receives."""

    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDescription:
    """Canonical names by SSRC; other items (names, mail addresses, notes) are not even read."""

    names: tuple[tuple[int, str], ...] = field(repr=False)
    """A canonical name is often user@host: personal data, so it stays out of logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodbye:
    """These sources have stopped."""

    ssrcs: tuple[int, ...]
    reason: str = field(default="", repr=False)


Packet = SenderReport | ReceiverReport | SourceDescription | Goodbye


def ntp_from_unix(unix_ns: int) -> int:
    """The 64-bit NTP time stamp of a Unix time in nanoseconds."""
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    return ((seconds + _NTP_TO_UNIX) % _ERA) << 32 | -(-(rest << 32) // 1_000_000_000)


def parse(data: bytes) -> tuple[Packet, ...]:
    """The packets of one datagram that we know, in order; empty when it holds only others.

    Raises RtcpError when any of it is not RTCP of version 2 or is cut off: a datagram counts as a whole or not at all.
    """
    return tuple(_packets(data))


def _packets(data: bytes) -> Iterator[Packet]:
    position = count = 0
    while position < len(data) or not count:
        count += 1
        if len(data) - position < 4 or count > MAX_PACKETS:
            raise RtcpError("An RTCP packet is cut off, or too many are in one datagram.", code="rtcp.length")
        first, kind, words = struct.unpack_from("!BBH", data, position)
        if first & 0xC0 != 0x80 or not _FIRST_TYPE <= kind <= _LAST_TYPE:
            raise RtcpError("A datagram is not RTCP.", code="rtcp.header")
        end = position + 4 * (words + 1)
        if end > len(data):
            raise RtcpError("An RTCP packet is longer than its datagram.", code="rtcp.length")
        body = data[position + 4 : end]
        if first & 0x20:
            body = _unpadded(body, last=end == len(data))
        packet = _known(kind, first & 0x1F, body)
        if packet is not None:
            yield packet
        position = end


def _unpadded(body: bytes, *, last: bool) -> bytes:
    """Padding is for the last packet only; its last byte says how much (RFC 3550 section 6.4.1)."""
    if not last or not body or not 0 < body[-1] <= len(body) or body[-1] % 4:
        raise RtcpError("An RTCP packet has padding that makes no sense.", code="rtcp.padding")
    return body[: -body[-1]]


def _known(kind: int, count: int, body: bytes) -> Packet | None:
    if kind == SENDER_REPORT:
        if len(body) < _SENDER.size:
            raise RtcpError("An RTCP sender report is cut off.", code="rtcp.length")
        ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
        return SenderReport(
            ssrc=ssrc,
            ntp=ntp,
            rtp_timestamp=timestamp,
            packets=packets,
            octets=octets,
            reports=_reports(body, _SENDER.size, count),
        )
    if kind == RECEIVER_REPORT:
        return ReceiverReport(ssrc=_ssrc(body, 0), reports=_reports(body, 4, count))
    if kind == SOURCE_DESCRIPTION:
        return _source_description(body, count)
    return _goodbye(body, count) if kind == GOODBYE else None


def _ssrc(body: bytes, position: int) -> int:
    if len(body) < position + 4:
        raise RtcpError("An RTCP packet is cut off.", code="rtcp.length")
    return int.from_bytes(body[position : position + 4], "big")


def _reports(body: bytes, start: int, count: int) -> tuple[ReportBlock, ...]:
    """What follows the blocks is a profile's extension, and skipped."""
    if len(body) < start + count * _BLOCK.size:
        raise RtcpError("An RTCP report is cut off.", code="rtcp.length")
    found = []
    for number in range(count):
        ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, start + number * _BLOCK.size)
        lost = loss & 0xFFFFFF
        found.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=loss >> 24,
                cumulative_lost=lost - (1 << 24) if lost & 0x800000 else lost,
                highest_sequence=highest,
                jitter=jitter,
                last_sender_report=last,
                delay_since_sender_report=delay,
            )
        )
    return tuple(found)


def _source_description(body: bytes, count: int) -> SourceDescription:
    names, position = [], 0
    for _ in range(count):
        ssrc = _ssrc(body, position)
        name, position = _canonical_name(body, position + 4)
        if name is not None:
            names.append((ssrc, name))
    return SourceDescription(names=tuple(names))


def _canonical_name(body: bytes, position: int) -> tuple[str | None, int]:
    """The CNAME of the chunk whose items begin at ``position``, and where the next chunk begins."""
    name = None
    while position < len(body):
        kind = body[position]
        if kind == 0:
            return name, (position + 4) & ~3
        if position + 2 > len(body) or position + 2 + body[position + 1] > len(body):
            break
        stop = position + 2 + body[position + 1]
        if kind == _CNAME and name is None:
            name = body[position + 2 : stop].decode(errors="replace")
        position = stop
    raise RtcpError("An RTCP source description is cut off.", code="rtcp.length")


def _goodbye(body: bytes, count: int) -> Goodbye:
    ssrcs = tuple(_ssrc(body, 4 * number) for number in range(count))
    rest = body[4 * count :]
    if rest and 1 + rest[0] > len(rest):
        raise RtcpError("The reason in an RTCP goodbye is cut off.", code="rtcp.length")
    return Goodbye(ssrcs=ssrcs, reason=rest[1 : 1 + rest[0]].decode(errors="replace") if rest else "")


def render(packets: Iterable[Packet]) -> bytes:
    """One datagram of ``packets``, in order; numbers are cut to their fields.

    Raises RtcpError ``rtcp.count`` for more than 31 blocks, sources or names in one packet.
    """
    return b"".join(_rendered(packet) for packet in packets)


def render_rr(ssrc: int, cname: str, reports: Sequence[ReportBlock] = ()) -> bytes:
    """The compound packet that a receiver owes: receiver reports with all ``reports``, and its canonical name."""
    heads: list[Packet] = [
        ReceiverReport(ssrc=ssrc, reports=tuple(reports[start : start + _MAX_BLOCKS]))
        for start in range(0, max(len(reports), 1), _MAX_BLOCKS)
    ]
    return render([*heads, SourceDescription(names=((ssrc, cname),))])


def _rendered(packet: Packet) -> bytes:
    if isinstance(packet, SenderReport):
        head = _SENDER.pack(
            packet.ssrc & 0xFFFFFFFF,
            packet.ntp & (1 << 64) - 1,
            packet.rtp_timestamp & 0xFFFFFFFF,
            packet.packets & 0xFFFFFFFF,
            packet.octets & 0xFFFFFFFF,
        )
        return _packed(SENDER_REPORT, len(packet.reports), head + _blocks(packet.reports))
    if isinstance(packet, ReceiverReport):
        head = (packet.ssrc & 0xFFFFFFFF).to_bytes(4, "big")
        return _packed(RECEIVER_REPORT, len(packet.reports), head + _blocks(packet.reports))
    if isinstance(packet, SourceDescription):
        return _packed(SOURCE_DESCRIPTION, len(packet.names), b"".join(_chunk(*name) for name in packet.names))
    sources = b"".join((ssrc & 0xFFFFFFFF).to_bytes(4, "big") for ssrc in packet.ssrcs)
    reason = _text(packet.reason)
    tail = bytes([len(reason)]) + reason if reason else b""
    return _packed(GOODBYE, len(packet.ssrcs), sources + tail + bytes(-len(tail) % 4))


def _packed(kind: int, count: int, body: bytes) -> bytes:
    if count > _MAX_BLOCKS:
        raise RtcpError("An RTCP packet holds 31 entries at most.", code="rtcp.count")
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _blocks(reports: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            block.ssrc & 0xFFFFFFFF,
            min(max(block.fraction_lost, 0), 255) << 24 | _held(block.cumulative_lost) & 0xFFFFFF,
            block.highest_sequence & 0xFFFFFFFF,
            min(block.jitter, 0xFFFFFFFF),
            block.last_sender_report & 0xFFFFFFFF,
            block.delay_since_sender_report & 0xFFFFFFFF,
        )
        for block in reports
    )


def _held(lost: int) -> int:
    """Held at the ends of 24 bits with sign, as RFC 3550 appendix A.3 does."""
    return min(max(lost, -0x800000), 0x7FFFFF)


def _chunk(ssrc: int, name: str) -> bytes:
    text = _text(name)
    items = bytes([_CNAME, len(text)]) + text
    return (ssrc & 0xFFFFFFFF).to_bytes(4, "big") + items + bytes(4 - len(items) % 4)


def _text(text: str) -> bytes:
    """At most 255 bytes of UTF-8, cut between characters."""
    return text.encode(errors="replace")[:255].decode(errors="ignore").encode()
