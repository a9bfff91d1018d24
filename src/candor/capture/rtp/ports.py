"""Pairs of UDP ports for RTP (even) and RTCP (the next), from the range that the firewall lets through.

A port that was given back rests: packets of the call before still arrive for a while, and must not be taken for
packets of the next one (RFC 3550 section 11 gives the pairing; the rest is experience). When a recorder dies, the
senders of its calls go on: the ports that it had are marked in a file, and the next recorder leaves them alone until
nobody sends there any more.
"""

from __future__ import annotations

import mmap
import socket
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from candor.capture.rtp.mmsg import stamp
from candor.errors import InvalidInput, Unavailable

REST_SECONDS = 2.0
QUIET_SECONDS = 30.0
"""For so long nothing must come to a port of a dead recorder before it is given out again."""
_LEAST_QUIET = 1.0
"""The same where no other port is left."""
_QUEUE = 1 << 20
"""Bytes of packets that may wait in a socket: some twenty seconds of G.711."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPair:
    """Two bound sockets, non-blocking, with kernel arrival times."""

    number: int
    """The even port; RTCP is on the next."""
    rtp: socket.socket
    rtcp: socket.socket


class PortRange:
    """Gives out pairs in turn, the one that rested longest first."""

    def __init__(self, host: str, first: int, last: int, marks: Path | None = None) -> None:
        """``marks``: files of this name remember which ports are in use, beyond the death of this process."""
        first += first % 2
        if not 0 < first < last <= 65_535:
            raise InvalidInput(
                f"The media port range {first}-{last} holds no pair of ports.",
                code="capture.ports",
                advice="Set CANDOR_RTP_PORTS to a range such as 20000-39999.",
            )
        self.host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free: deque[tuple[int, float]] = deque((port, 0.0) for port in range(first, last, 2))
        self.total = len(self._free)
        self._first = first
        self._marks = None if marks is None else _opened(marks.with_name(f"{marks.name}-{first}-{last}"), self.total)
        self._avoided: dict[int, tuple[socket.socket, float]] = {}
        """Ports of a dead recorder: what listens there now, and since when nothing came."""
        self._avoid_what_was_left()

    def _avoid_what_was_left(self) -> None:
        if self._marks is None:
            return
        left = {self._first + 2 * place for place in range(self.total) if self._marks[place]}
        self._free = deque(one for one in self._free if one[0] not in left)
        for port in sorted(left):
            try:
                self._avoided[port] = (self._bind(port), time.monotonic())
            except OSError:
                self._free.append((port, time.monotonic()))
                self._mark(port, used=False)

    def tend(self) -> None:
        """Give free what a dead recorder had and nobody sends to any more; called every few seconds."""
        now = time.monotonic()
        for port, (handle, quiet_since) in list(self._avoided.items()):
            if _heard(handle):
                self._avoided[port] = (handle, now)
            elif now - quiet_since > QUIET_SECONDS:
                self._release(port, handle)

    def _release(self, port: int, handle: socket.socket) -> None:
        handle.close()
        del self._avoided[port]
        self._free.append((port, 0.0))
        self._mark(port, used=False)

    def _need_some(self) -> None:
        """No port is left: take those of the dead recorder that are quiet at least just now."""
        now = time.monotonic()
        for port, (handle, quiet_since) in list(self._avoided.items()):
            if _heard(handle):
                self._avoided[port] = (handle, now)
            elif now - quiet_since > _LEAST_QUIET:
                self._release(port, handle)

    def _mark(self, port: int, *, used: bool) -> None:
        if self._marks is not None:
            self._marks[(port - self._first) // 2] = int(used)

    @property
    def used(self) -> int:
        """Pairs in use or resting for good because another program holds them."""
        return self.total - len(self._free)

    def take(self) -> PortPair:
        """Raises Unavailable when no pair is free."""
        if not self._free:
            self._need_some()
        for _ in range(len(self._free)):
            port, since = self._free.popleft()
            if time.monotonic() - since < REST_SECONDS:
                self._free.appendleft((port, since))  # the others were given back later still
                break
            try:
                rtp = self._bind(port)
                try:
                    pair = PortPair(number=port, rtp=rtp, rtcp=self._bind(port + 1))
                except OSError:
                    rtp.close()
                    raise
            except OSError:
                self._free.append((port, time.monotonic()))  # another program has it: try again later
            else:
                self._mark(port, used=True)
                return pair
        raise Unavailable(
            "No media port is free.",
            code="capture.no_port",
            advice="Widen CANDOR_RTP_PORTS: each stream needs two ports.",
        )

    def give_back(self, pair: PortPair) -> None:
        """Close both sockets; the pair rests for two seconds."""
        pair.rtp.close()
        pair.rtcp.close()
        self._free.append((pair.number, time.monotonic()))
        self._mark(pair.number, used=False)

    def _bind(self, port: int) -> socket.socket:
        handle = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            handle.setblocking(False)
            stamp(handle)
            # For a machine that stops for seconds: the kernel takes memory for it only when packets wait, and gives
            # less where net.core.rmem_max is lower.
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
            handle.bind((self.host, port))
        except OSError:
            handle.close()
            raise
        return handle


def _heard(handle: socket.socket) -> bool:
    """Whether anything came since the last look; it is thrown away unread."""
    heard = False
    while True:
        try:
            handle.recv(1)
        except BlockingIOError:
            return heard
        except OSError:
            return True
        heard = True


def _opened(path: Path, size: int) -> mmap.mmap:
    """One byte a pair, shared with the page cache: what is written is there when the process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists() or path.stat().st_size != size:
        path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size)
