"""RTP from a capture file, sent again at its own pace: run as ``python -m tests.peers.pcap``.

Reads classic pcap files of Ethernet or raw IP with UDP inside, as SIPp's own are. ``--drop`` and ``--swap`` make a bad
line; they are seeded, so that a test knows which packets went.
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import time
from pathlib import Path

_LINK_HEADER = {1: 14, 101: 0, 113: 16, 228: 0, 276: 20}


def packets(path: Path) -> list[tuple[float, bytes]]:
    """(seconds since the first, RTP packet) of every UDP datagram."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack_from(f"{order}I", data, 20)[0]
    found, at = [], 24
    while at + 16 <= len(data):
        seconds, micros, size, _ = struct.unpack_from(f"{order}IIII", data, at)
        frame = data[at + 16 + _LINK_HEADER[link] : at + 16 + size]
        at += 16 + size
        if len(frame) > 28 and frame[9] == 17:
            start = (frame[0] & 15) * 4 + 8
            length = struct.unpack_from(">H", frame, start - 4)[0] - 8
            found.append((seconds + micros / 1e6, frame[start : start + length]))
    return [(moment - found[0][0], packet) for moment, packet in found]


def write(path: Path, payloads: list[bytes], *, payload_type: int, ptime: float = 0.02, units: int = 160) -> Path:
    """A capture of one stream (raw IP)."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101))
    for number, payload in enumerate(payloads):
        rtp = struct.pack(">BBHII", 0x80, payload_type, number + 100, number * units + 5_000, 0xABCD) + payload
        udp = struct.pack(">HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + udp
        moment = number * ptime
        out += struct.pack("<IIII", int(moment), round(moment % 1 * 1e6), len(ip), len(ip)) + ip
    path.write_bytes(out)
    return path


def sent(path: Path, *, drop: float = 0.0, swap: float = 0.0, seed: int = 1) -> list[tuple[float, bytes]]:
    """What goes out, in order."""
    chance = random.Random(seed)
    kept = [one for one in packets(path) if chance.random() >= drop]
    at = 0
    while at + 1 < len(kept):
        if chance.random() < swap:
            (first, a), (second, b) = kept[at], kept[at + 1]
            kept[at], kept[at + 1] = (second, b), (second + 0.001, a)
            del first
            at += 1
        at += 1
    return kept


def play(path: Path, port: int, **line: float) -> None:
    """Send to 127.0.0.1:``port``."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        began = time.monotonic()
        for moment, packet in sent(path, **line):  # type: ignore[arg-type]
            time.sleep(max(0.0, began + moment - time.monotonic()))
            handle.sendto(packet, ("127.0.0.1", port))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--drop", type=float, default=0.0)
    parser.add_argument("--swap", type=float, default=0.0)
    asked = parser.parse_args()
    play(asked.file, asked.port, drop=asked.drop, swap=asked.swap)
