"""Debian's rtpengine-daemon on loopback, recording in userspace; calls are made over its ng protocol."""

from __future__ import annotations

import re
import shutil
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.calls.processes import Measured, start

PROGRAM = shutil.which("rtpengine") or shutil.which("rtpengine", path="/usr/sbin:/usr/bin")
_PCAP_HEAD, _PCAP_RECORD = 24, 16
_OFFERED = re.compile(rb"m=audio (\d+) ")


def encode(value: Any) -> bytes:
    """Bencode."""
    if isinstance(value, dict):
        return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(encode(one) for one in value) + b"e"
    if isinstance(value, int):
        return b"i%de" % value
    data = value.encode() if isinstance(value, str) else value
    return b"%d:%b" % (len(data), data)


def decode(data: bytes) -> Any:
    """One bencoded value; keys and strings are bytes."""
    value, _ = _decode(data, 0)
    return value


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in {b"l", b"d"}:
        found, at = [], at + 1
        while data[at : at + 1] != b"e":
            one, at = _decode(data, at)
            found.append(one)
        return (dict(zip(found[::2], found[1::2], strict=True)) if kind == b"d" else found), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end


@dataclass
class Rtpengine:
    """A running one."""

    measured: Measured
    folder: Path
    ng: socket.socket
    sinks: list[socket.socket] = field(default_factory=list)
    """Where forwarded packets go: nobody reads them, and the kernel drops them when the queue is full."""
    _asked: int = 0

    def call(self, number: int) -> tuple[int, int]:
        """Set up one recorded call with a stream each way; returns the ports to send to."""
        named = {"call-id": f"call-{number}", "from-tag": "a"}
        caller, callee = (sink.getsockname()[1] for sink in self.sinks)
        # asymmetric: packets go where the offer says, not to whoever sends; or else it first learns for 3 seconds.
        common = named | {"flags": ["asymmetric"], "ICE": "remove"}
        there = self._ask(common | {"command": "offer", "sdp": _sdp(caller)})
        back = self._ask(common | {"command": "answer", "to-tag": "b", "sdp": _sdp(callee)})
        self._ask(named | {"command": "start recording"})
        return _port(back), _port(there)

    def keep_to_itself(self, number: int) -> None:
        """Record the call on, but forward nothing more of it."""
        self._ask({"command": "block media", "call-id": f"call-{number}", "flags": ["all"]})

    def recorded(self) -> int:
        """Packets in its capture files."""
        total = 0
        for path in (self.folder / "pcaps").glob("*.pcap"):
            data, at = path.read_bytes(), _PCAP_HEAD
            while at + _PCAP_RECORD <= len(data):
                at += _PCAP_RECORD + int.from_bytes(data[at + 8 : at + 12], "little")
                total += at <= len(data)
        return total

    def end(self, number: int) -> None:
        """Delete a call."""
        self._ask({"command": "delete", "call-id": f"call-{number}", "from-tag": "a", "delete-delay": 0})

    def close(self) -> None:
        """End it."""
        self.ng.close()
        for sink in self.sinks:
            sink.close()
        self.measured.stop()

    def _ask(self, request: dict[str, Any]) -> dict[bytes, Any]:
        self._asked += 1
        cookie = b"c%d " % self._asked
        self.ng.send(cookie + encode(request))
        while True:
            answer = self.ng.recv(65_535)
            if answer.startswith(cookie):
                break
        found: dict[bytes, Any] = decode(answer[len(cookie) :])
        if found.get(b"result") not in {b"ok", b"pong"}:
            raise RuntimeError(f"rtpengine answered {found!r}")
        return found


def open_rtpengine(folder: Path) -> Rtpengine:
    """Start it on the measured core and wait until it answers."""
    if PROGRAM is None:
        raise RuntimeError("rtpengine-daemon is not installed")
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        PROGRAM, "--config-file=none", "--foreground", "--log-stderr", "--log-level=3", "--table=-1",
        "--recording-method=pcap", f"--recording-dir={folder}", f"--listen-ng=127.0.0.1:{port}",
        "--interface=127.0.0.1", "--port-min=10000", "--port-max=31999", f"--pidfile={folder / 'pid'}",
        "--num-threads=1",
    ]  # fmt: skip
    measured = start(command, folder / "rtpengine.log")
    ng = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ng.connect(("127.0.0.1", port))
    ng.settimeout(5)
    sinks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sink in sinks:
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sink.bind(("127.0.0.1", 0))
    engine = Rtpengine(measured, folder, ng, sinks)
    for _ in range(100):
        try:
            engine._ask({"command": "ping"})
        except OSError:
            time.sleep(0.1)
        else:
            return engine
    engine.close()
    raise RuntimeError((folder / "rtpengine.log").read_text()[-2000:])


def _sdp(port: int) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
    )


def _port(answer: dict[bytes, Any]) -> int:
    found = _OFFERED.search(answer[b"sdp"])
    if found is None:
        raise RuntimeError("rtpengine's answer holds no port")
    return int(found[1])
