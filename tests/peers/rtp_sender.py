"""Sends many RTP streams at once, 20 ms packets by the clock, with sendmmsg(2): run as ``python -m``.

Reads JSON from standard input: ``{"targets": [[host, port], …], "seconds": 10, "payload_type": 0, "size": 160}``.
Prints one JSON line: packets sent and how late the worst round was. Payload bytes tell stream and packet, so that a
receiver that mixes streams or loses packets is found out.
"""

from __future__ import annotations

import ctypes
import json
import socket
import struct
import sys
import time

import numpy as np

_HEADER = np.dtype(
    [
        ("name", "u8"), ("name_length", "u4"), ("_1", "u4"), ("vector", "u8"), ("vectors", "u8"), ("control", "u8"),
        ("control_length", "u8"), ("flags", "i4"), ("_2", "u4"), ("length", "u4"), ("_3", "u4"),
    ]
)  # fmt: skip
_sendmmsg = ctypes.CDLL(None).sendmmsg
_sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
_CHUNK = 250


def send(targets: list[tuple[str, int]], seconds: float, payload_type: int = 0, size: int = 160) -> dict[str, float]:
    """Send until ``seconds`` are over; returns counts."""
    count = len(targets)
    packets = np.zeros((count, 12 + size), np.uint8)
    packets[:, 0], packets[:, 1] = 0x80, payload_type
    number = np.arange(count, dtype=np.uint32)
    packets[:, 8:12] = (number + 0x10000).astype(">u4").view(np.uint8).reshape(-1, 4)
    packets[:, 12:16] = number.astype(">u4").view(np.uint8).reshape(-1, 4)
    names = np.zeros((count, 16), np.uint8)
    for at, (host, port) in enumerate(targets):
        names[at, :8] = np.frombuffer(
            struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host), np.uint8
        )
    vectors = np.zeros((count, 2), np.uint64)
    vectors[:, 0], vectors[:, 1] = packets.ctypes.data + number.astype(np.uint64) * packets.shape[1], packets.shape[1]
    headers = np.zeros(count, _HEADER)
    headers["name"], headers["name_length"] = names.ctypes.data + number.astype(np.uint64) * 16, 16
    headers["vector"], headers["vectors"] = vectors.ctypes.data + number.astype(np.uint64) * 16, 1
    sockets = []
    for _ in range(4):  # some loopback queues beside one another
        handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        handle.bind(("127.0.0.1", 0))
        sockets.append(handle)
    begun = time.monotonic()
    rounds, sent, worst = int(seconds * 50), 0, 0.0
    pieces = [(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    for turn in range(rounds):
        packets[:, 2:4] = np.frombuffer(struct.pack(">H", turn & 0xFFFF), np.uint8)
        packets[:, 4:8] = np.frombuffer(struct.pack(">I", turn * size & 0xFFFFFFFF), np.uint8)
        packets[:, 16:20] = np.frombuffer(struct.pack(">I", turn), np.uint8)
        for at, (start, stop) in enumerate(pieces):
            # Spread over the 20 ms, as calls that began at different moments are.
            due = begun + turn * 0.02 + 0.02 * at / len(pieces)
            now = time.monotonic()
            if due > now:
                time.sleep(due - now)
            worst = max(worst, now - due)
            done = start
            while done < stop:
                went = _sendmmsg(
                    sockets[at % 4].fileno(), headers.ctypes.data + done * _HEADER.itemsize, stop - done, 0
                )
                if went <= 0:
                    break
                done += went
            sent += done - start
    for handle in sockets:
        handle.close()
    return {"sent": sent, "worst_late": round(worst, 4), "seconds": round(time.monotonic() - begun, 3)}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(send([tuple(t) for t in asked.pop("targets")], **asked)), flush=True)
