"""RTP packets (RFC 3550 section 5.1), one at a time and by the table."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.errors import InvalidInput

HEADER = 12
VERSION = 2


class RtpError(InvalidInput):
    """Not an RTP packet, or one that is cut."""

    code = "rtp.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPacket:
    """One packet without padding and extension."""

    payload_type: int
    marker: bool = False
    sequence: int
    timestamp: int
    ssrc: int
    csrc: tuple[int, ...] = ()
    payload: bytes

    def __bytes__(self) -> bytes:
        first = VERSION << 6 | len(self.csrc)
        second = self.marker << 7 | self.payload_type
        head = struct.pack("!BBHII", first, second, self.sequence, self.timestamp, self.ssrc)
        return head + b"".join(struct.pack("!I", source) for source in self.csrc) + self.payload


def parse(data: bytes) -> RtpPacket:
    """Read one packet; raises RtpError when it is none."""
    if len(data) < HEADER:
        raise RtpError("The RTP packet is cut short.")
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
    if first >> 6 != VERSION:
        raise RtpError("The packet is not RTP version 2.")
    start, stop = payload_bounds(data)
    sources = struct.unpack_from(f"!{first & 15}I", data, HEADER)
    return RtpPacket(
        payload_type=second & 127, marker=bool(second >> 7), sequence=sequence, timestamp=timestamp, ssrc=ssrc,
        csrc=sources, payload=data[start:stop],
    )  # fmt: skip


def payload_bounds(data: bytes) -> tuple[int, int]:
    """Where the payload of a packet lies: [start, stop); raises RtpError when the header points past the end."""
    first, start, stop = data[0], HEADER + 4 * (data[0] & 15), len(data)
    if first & 0x10:
        if start + 4 > stop:
            raise RtpError("The RTP header extension is cut short.")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        padding = data[-1]
        if padding == 0 or padding > stop - start:
            raise RtpError("The RTP padding is longer than the packet.")
        stop -= padding
    if start > stop:
        raise RtpError("The RTP header is longer than the packet.")
    return start, stop


@dataclass(frozen=True, slots=True)
class Headers:
    """The fixed headers of many packets, as columns of the same length."""

    first: npt.NDArray[np.uint8]
    """Version, padding, extension, CSRC count."""
    payload_type: npt.NDArray[np.uint8]
    marker: npt.NDArray[np.bool_]
    sequence: npt.NDArray[np.uint16]
    timestamp: npt.NDArray[np.uint32]
    ssrc: npt.NDArray[np.uint32]


def headers(rows: npt.NDArray[np.uint8]) -> Headers:
    """Columns from ``rows`` of shape (n, ≥ 12); what is no RTP gives nonsense there, not errors."""
    fixed = np.ascontiguousarray(rows[:, :HEADER])
    words = fixed.view(">u4")
    second = fixed[:, 1]
    return Headers(
        first=fixed[:, 0],
        payload_type=second & np.uint8(127),
        marker=second > 127,
        sequence=fixed.view(">u2")[:, 1].astype(np.uint16),
        timestamp=words[:, 1].astype(np.uint32),
        ssrc=words[:, 2].astype(np.uint32),
    )
