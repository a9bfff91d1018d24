"""Many datagrams from many sockets with one system call each: recvmmsg(2) into arrays that are made once.

Nothing here looks at a packet. A batch is a table: row i holds one datagram, its length, who sent it and when the
kernel got it (``SO_TIMESTAMPNS``, so that draining every half second does not blur the arrival times).
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

SO_TIMESTAMPNS = 35
_MSG_DONTWAIT = 0x40
_NAME = 32
"""Bytes kept of a sender's address: sockaddr_in (16) or sockaddr_in6 (28)."""
_CONTROL = 32
"""cmsghdr (16) and timespec (16)."""
_HEADER = np.dtype(
    [
        ("name", "u8"), ("name_length", "u4"), ("_1", "u4"), ("vector", "u8"), ("vectors", "u8"), ("control", "u8"),
        ("control_length", "u8"), ("flags", "i4"), ("_2", "u4"), ("length", "u4"), ("_3", "u4"),
    ]
)  # fmt: skip
"""struct mmsghdr on 64-bit Linux."""

# PyDLL keeps the interpreter lock: the calls never wait, and letting go of it 40,000 times a second costs more.
_connect = ctypes.PyDLL(None).connect
_connect.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
_recvmmsg = ctypes.PyDLL(None).recvmmsg
_recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
_recvmmsg.restype = ctypes.c_int


class Batch:
    """A table for ``rows`` datagrams of at most ``width + overflow`` bytes; longer ones are cut.

    The first ``width`` bytes lie in ``data``, the rest in ``more``: telephone packets are short, and a narrow table
    that stays in the processor's cache is read and written much faster than a wide one.
    """

    def __init__(self, rows: int = 4_096, width: int = 256, overflow: int = 1_792) -> None:
        if struct.calcsize("P") != 8:
            raise RuntimeError("the recorder needs a 64-bit system")
        self.rows, self.width = rows, width
        self.data: Bytes = np.zeros((rows, width), np.uint8)
        self.names: Bytes = np.zeros((rows, _NAME), np.uint8)
        self._control: Bytes = np.zeros((rows, _CONTROL), np.uint8)
        self.more: Bytes = np.zeros((rows, overflow), np.uint8)
        vectors = 2 if overflow else 1
        self._vectors = np.zeros((rows, vectors, 2), np.uint64)
        self._headers = np.zeros(rows, _HEADER)
        number = np.arange(rows, dtype=np.uint64)
        self._vectors[:, 0, 0] = self.data.ctypes.data + number * width
        self._vectors[:, 0, 1] = width
        if overflow:
            self._vectors[:, 1, 0] = self.more.ctypes.data + number * overflow
            self._vectors[:, 1, 1] = overflow
        self._headers["name"] = self.names.ctypes.data + number * _NAME
        self._headers["vector"] = self._vectors.ctypes.data + number * 16 * vectors
        self._headers["vectors"] = vectors
        self._headers["control"] = self._control.ctypes.data + number * _CONTROL
        self._reset(rows)
        self.count = 0
        """Rows filled by the last :meth:`drain`."""

    def drain(self, sockets: Sequence[int], first: int = 0, burst: int = 64) -> tuple[list[int], int]:
        """Read what waits on ``sockets`` (file descriptors) from the index ``first`` on, at most ``burst`` each.

        Returns how many rows each socket filled, in order, and the index of the first socket that was not asked
        because the table is full (``len(sockets)`` when all were).
        """
        call, header, step, room = _recvmmsg, self._headers.ctypes.data, _HEADER.itemsize, self.rows - burst
        counts: list[int] = []
        append = counts.append
        filled, at = 0, first
        for at in range(first, len(sockets)):
            found = call(sockets[at], header + filled * step, burst, _MSG_DONTWAIT, None)
            if found > 0:
                append(found)
                filled += found
                if filled > room:
                    break
            else:
                append(0)
        self.count = filled
        return counts, at + 1 if len(sockets) > first else first

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(count,) bytes of each datagram."""
        return self._headers["length"][: self.count].astype(np.int64)

    @property
    def arrivals(self) -> npt.NDArray[np.int64]:
        """(count,) Unix time in nanoseconds at which the kernel got each."""
        spec = self._control.view(np.int64)[: self.count]
        arrivals: npt.NDArray[np.int64] = spec[:, 2] * 1_000_000_000 + spec[:, 3]
        return arrivals

    @property
    def senders(self) -> npt.NDArray[np.uint64]:
        """(count, 4) the senders' addresses as words, which compare faster than bytes."""
        return self.names.view(np.uint64)[: self.count]

    def packets(self, rows: npt.NDArray[np.int64] | slice, size: int) -> Bytes:
        """The first ``size`` bytes of each of ``rows``, shape (rows, size); a copy unless ``rows`` is a slice."""
        found: Bytes = self.data[: self.count, : min(size, self.width)][rows]
        if size > self.width:
            found = np.concatenate((found, self.more[: self.count, : size - self.width][rows]), axis=1)
        return found

    def packet(self, row: int, size: int) -> bytes:
        """One datagram."""
        return self.data[row, :size].tobytes() + self.more[row, : max(0, size - self.width)].tobytes()

    def clear(self) -> None:
        """Make the table ready for the next drain."""
        self._reset(self.count)
        self.count = 0

    def _reset(self, rows: int) -> None:
        # The kernel wrote the lengths that it used over those that it may use.
        self._headers["name_length"][:rows] = _NAME
        self.names[:rows] = 0
        self._headers["control_length"][:rows] = _CONTROL


def only_from(handle: socket.socket, name: bytes) -> None:
    """Let the kernel drop what does not come from ``name`` (a sockaddr), before it takes room in the queue.

    An empty name takes that back (connect(2), ``AF_UNSPEC``).
    """
    _connect(handle.fileno(), name or bytes(16), len(name) or 16)


def stamp(handle: socket.socket) -> None:
    """Ask the kernel to note when each datagram arrives on ``handle``."""
    handle.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
