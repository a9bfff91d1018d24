"""Takes the RTP of all calls off their sockets, a batch at a time, and hands each call its packets.

Every half second all sockets are drained into one table, and NumPy looks at the whole table: is it RTP, from the
address that the stream is locked to, of a payload type that was agreed? What passes is copied into rows that the spool
seals as they are; ordering and placing happen when the call is over, with all of it in sight. Python touches single
packets only for what is rare: the first of a stream, telephone events, SRTP.

What may not be kept is not read: while a call is paused, its sockets are drained into 13 bytes a packet, so that the
kernel throws the sound away and only headers reach this process, with the one byte that tells a telephone key.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from candor.capture.model import PayloadType
from candor.capture.rtp import packet as rtp
from candor.capture.rtp.mmsg import Batch, only_from
from candor.capture.rtp.ports import PortPair
from candor.errors import CandorError

T = TypeVar("T", bound=np.generic)
Chosen = npt.NDArray[np.int64] | slice

EVENT = "telephone-event"
ROW_HEAD = 12
"""Bytes before the packet in a row: arrival (i64), length (u16), stream (u8), flags (u8); little endian."""
_ROW = np.dtype([("arrival", "<i8"), ("length", "<u2"), ("stream", "u1"), ("flags", "u1")])
MASKED_EVENT = 255
_NAME = 32
"""Bytes of a sender's address, zero behind its end."""
_SOCKADDR = {socket.AF_INET: 16, socket.AF_INET6: 28}
_BURST = 128
_SILENT_NS = 1_000_000_000
"""A locked sender that is silent for so long may be replaced by another allowed one."""
_RTCP_TYPES = range(72, 77)
"""SR … APP (200-204) as payload types, where RTCP comes on the RTP port (RFC 5761)."""


class Rows(Protocol):
    """Where a call's packets go."""

    def rows(self, width: int, data: memoryview) -> None:
        """Whole rows of ``width`` bytes: ``ROW_HEAD`` and the packet, padded with zeros."""


class Unprotect(Protocol):
    """SRTP."""

    def unprotect(self, packet: bytes) -> bytes:
        """The plain packet; raises a CandorError for one that does not verify."""


@dataclass(slots=True)
class Counters:
    """What a stream has seen so far."""

    packets: int = 0
    lost: int = 0
    """By sequence numbers; late ones that still come are taken off again."""
    strangers: int = 0
    """Dropped: not from an allowed sender. Once a stream has its sender, the kernel drops others uncounted."""
    wrong: int = 0
    """Dropped: no RTP, or of a type that was not agreed."""
    unverified: int = 0
    """Dropped: SRTP that does not verify."""
    jitter_ms: float = 0.0
    last_ns: int = 0
    """Arrival of the newest, Unix time; 0: nothing came yet."""
    ssrc: int = 0
    highest: int = 0
    """Extended highest sequence number received."""


@dataclass(slots=True, kw_only=True)
class Inlet:
    """One stream's way in."""

    ports: PortPair
    number: int
    """The stream's number in its call."""
    sink: Rows
    payload_types: tuple[PayloadType, ...]
    allowed: frozenset[str] | None
    """Addresses that may send; None: any."""
    crypto: Unprotect | None = None
    on_event: Callable[[int, int, bytes], None] | None = None
    """(arrival in ns, time stamp, payload) of each telephone event before its key is masked; may not change inlets."""
    paused: bool = False
    slot: int = -1
    counters: Counters = field(default_factory=Counters)


class Receiver:
    """All inlets; :meth:`drain` is called every half second, by one thread."""

    def __init__(self, batch: Batch | None = None) -> None:
        self._batch = batch or Batch()
        self._headers_only = Batch(rows=2_048, width=rtp.HEADER + 1, overflow=0)
        self._inlets: list[Inlet | None] = []
        self._free: list[int] = []
        self._order: list[int] | None = None
        self._flowing: tuple[npt.NDArray[np.int64], list[int]] = (np.zeros(0, np.int64), [])
        # One row an inlet: which payload types it takes, who sends, what was counted.
        self._accepts: npt.NDArray[np.bool_] = np.zeros((0, 128), np.bool_)
        self._events: npt.NDArray[np.bool_] = np.zeros((0, 128), np.bool_)
        self._special: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._sender: npt.NDArray[np.uint8] = np.zeros((0, _NAME), np.uint8)
        self._locked: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._call: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._stream: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._rate: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        self._packets: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._lost: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._highest: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._newest: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._ssrc: npt.NDArray[np.uint32] = np.zeros(0, np.uint32)
        self._jitter: npt.NDArray[np.float64] = np.zeros(0, np.float64)
        self._grow(256)

    def _grow(self, size: int) -> None:
        """Make room for ``size`` inlets; what is known of those in use stays."""
        self._accepts = _longer(self._accepts, size)
        self._events = _longer(self._events, size)
        self._special = _longer(self._special, size)
        self._sender = _longer(self._sender, size)
        self._locked = _longer(self._locked, size)
        self._call = _longer(self._call, size)
        self._stream = _longer(self._stream, size)
        self._rate = _longer(self._rate, size)
        self._packets = _longer(self._packets, size)
        self._lost = _longer(self._lost, size)
        self._highest = _longer(self._highest, size)
        self._newest = _longer(self._newest, size)
        self._ssrc = _longer(self._ssrc, size)
        self._jitter = _longer(self._jitter, size)

    def add(self, inlet: Inlet) -> None:
        """Listen on it from now on."""
        slot = self._free.pop() if self._free else len(self._inlets)
        if slot == len(self._inlets):
            self._inlets.append(inlet)
        else:
            self._inlets[slot] = inlet
        if slot >= len(self._accepts):
            self._grow(2 * len(self._accepts))
        inlet.slot = slot
        for column in (self._locked, self._packets, self._lost, self._highest, self._newest, self._ssrc, self._jitter):
            column[slot] = 0
        self._call[slot] = id(inlet.sink)
        self._stream[slot] = inlet.number
        self.agree(inlet, inlet.payload_types)
        self._order = None

    def agree(self, inlet: Inlet, payload_types: tuple[PayloadType, ...]) -> None:
        """Take these payload types on the inlet (a re-INVITE may change them)."""
        inlet.payload_types = payload_types
        self._accepts[inlet.slot] = False
        self._events[inlet.slot] = False
        for one in payload_types:
            self._accepts[inlet.slot, one.number] = True
            self._events[inlet.slot, one.number] = one.encoding.lower() == EVENT
        self._rate[inlet.slot] = payload_types[0].clock_rate if payload_types else 8000
        self._special[inlet.slot] = inlet.crypto is not None

    def counters(self, inlet: Inlet) -> Counters:
        """What the inlet has seen so far."""
        slot = inlet.slot
        if self._inlets[slot] is inlet:
            seen = inlet.counters
            seen.packets, seen.lost = int(self._packets[slot]), max(0, int(self._lost[slot]))
            seen.jitter_ms, seen.last_ns = float(self._jitter[slot]), int(self._newest[slot])
            seen.ssrc, seen.highest = int(self._ssrc[slot]), int(self._highest[slot])
        return inlet.counters

    def remove(self, inlet: Inlet) -> None:
        """Read what still waits, then stop listening; the sockets stay the caller's."""
        self._drain_some([inlet])
        self.counters(inlet)
        self._inlets[inlet.slot] = None
        self._free.append(inlet.slot)
        self._order = None

    def pause(self, inlets: list[Inlet]) -> None:
        """Keep what arrived until now, and from now on read headers only."""
        self._drain_some(inlets)
        for inlet in inlets:
            inlet.paused = True
        self._order = None

    def resume(self, inlets: list[Inlet]) -> None:
        """Throw away what arrived until now, then keep again."""
        for inlet in inlets:
            self._discard(inlet)
            inlet.paused = False
        self._order = None

    def inlets(self) -> list[Inlet]:
        """Every inlet in use."""
        return [inlet for inlet in self._inlets if inlet is not None]

    def drain(self) -> int:
        """Take everything that waits; returns how many packets came."""
        if self._order is None:
            # The inlets of one call lie together, so that its packets do too.
            present = sorted((int(self._call[i.slot]), i.number, i.slot) for i in self.inlets())
            self._order = [slot for _, _, slot in present]
            flowing = [slot for slot in self._order if not self._at(slot).paused]
            self._flowing = (
                np.array(flowing, np.int64),
                [self._at(slot).ports.rtp.fileno() for slot in flowing],
            )
        for slot in self._order:
            if self._at(slot).paused:
                self._discard(self._at(slot))
        total = self._drain_flowing(*self._flowing)
        self._loosen()  # only now: what a late beat left in the queues is no silence
        return total

    def _at(self, slot: int) -> Inlet:
        inlet = self._inlets[slot]
        assert inlet is not None  # noqa: S101  slots in use have one
        return inlet

    def _drain_some(self, inlets: list[Inlet]) -> None:
        flowing = [inlet for inlet in inlets if not inlet.paused]
        slots = np.array([inlet.slot for inlet in flowing], np.int64)
        self._drain_flowing(slots, [inlet.ports.rtp.fileno() for inlet in flowing])

    def _drain_flowing(self, slots: npt.NDArray[np.int64], sockets: list[int]) -> int:
        first = total = 0
        while first < len(sockets):
            counts, then = self._batch.drain(sockets, first, _BURST)
            if self._batch.count:
                total += self._batch.count
                self._take(np.repeat(slots[first:then], counts))
                self._batch.clear()
            first = then
        return total

    def _discard(self, inlet: Inlet) -> None:
        handle = [inlet.ports.rtp.fileno()]
        while True:
            self._headers_only.drain(handle, burst=512)
            count = self._headers_only.count
            if not count:
                return
            self._newest[inlet.slot] = self._headers_only.arrivals[-1]
            self._keys_in_pause(inlet)
            self._headers_only.data[:count] = 0
            self._headers_only.clear()
            if count < 512:
                return

    def _keys_in_pause(self, inlet: Inlet) -> None:
        """Tell of keys pressed in a pause, so that one can end it: their code is the byte behind the header."""
        if inlet.on_event is None or inlet.crypto is not None:
            return
        batch = self._headers_only
        kinds = batch.data[: batch.count, 1] & 127
        ours = (batch.names[: batch.count] == self._sender[inlet.slot]).all(axis=1)
        for row in np.flatnonzero(self._events[inlet.slot, kinds] & ours & (batch.lengths > rtp.HEADER)).tolist():
            data = batch.data[row].tobytes()
            if not data[0] & 0x3F:  # neither padding nor extension nor sources: the payload comes next
                inlet.on_event(int(batch.arrivals[row]), int.from_bytes(data[4:8], "big"), data[rtp.HEADER :])

    def _take(self, slots: npt.NDArray[np.int64]) -> None:
        """Sort out one batch: ``slots`` says for each row which inlet it came in by."""
        batch = self._batch
        lengths, arrivals = batch.lengths, batch.arrivals
        columns = rtp.headers(batch.data[: batch.count])
        good = (lengths > rtp.HEADER) & (columns.first >> 6 == rtp.VERSION)
        good &= self._accepts[slots, columns.payload_type]
        self._adopt(np.flatnonzero(good & ~self._locked[slots]), slots)
        good &= self._locked[slots] & ~self._special[slots] & ~self._events[slots, columns.payload_type]
        for word in range(batch.senders.shape[1]):
            good &= batch.senders[:, word] == self._sender.view(np.uint64)[slots, word]
        if not good.all():
            for row in np.flatnonzero(~good).tolist():
                self._take_one(row, int(slots[row]), int(lengths[row]), int(arrivals[row]))
            if not good.any():
                return
        self._count(_chosen(good), slots, columns, arrivals)
        usual = int(np.bincount(lengths[_chosen(good)]).argmax())
        alike = good & (lengths == usual)
        self._hand_over(_chosen(alike), usual, slots, lengths, arrivals)
        rest = np.flatnonzero(good & ~alike)
        if len(rest):
            self._hand_over(rest, int(lengths[rest].max()), slots, lengths, arrivals)

    def _adopt(self, rows: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> None:
        """Give streams that have no sender the one of their first good packet, so that the others pass as a table."""
        if len(rows):
            for slot, at in zip(*(found.tolist() for found in np.unique(slots[rows], return_index=True)), strict=True):
                self._from_sender(int(rows[at]), self._at(slot))

    def _hand_over(
        self, rows: Chosen, width: int, slots: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64],
        arrivals: npt.NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Copy packets into spool rows and give each call its own."""
        slot, length = slots[rows], lengths[rows]
        out = np.empty((len(slot), ROW_HEAD + width), np.uint8)
        out[:, ROW_HEAD:] = self._batch.packets(rows, width)
        head = np.zeros(len(slot), _ROW)
        head["arrival"], head["length"], head["stream"] = arrivals[rows], length, self._stream[slot]
        out[:, :ROW_HEAD] = head.view(np.uint8).reshape(-1, ROW_HEAD)
        if int(length.min()) < width:
            # Rows of the table are used again: what lies behind a short packet is another call's.
            out[:, ROW_HEAD:][np.arange(width) >= length[:, None]] = 0
        calls = self._call[slot]
        starts = [0, *(np.flatnonzero(calls[1:] != calls[:-1]) + 1).tolist(), len(slot)]
        flat, size = memoryview(out.data).cast("B"), ROW_HEAD + width
        for start, stop, owner in zip(starts, starts[1:], slot[starts[:-1]].tolist(), strict=False):
            self._at(owner).sink.rows(size, flat[start * size : stop * size])

    def _count(
        self, rows: Chosen, slots: npt.NDArray[np.int64], columns: rtp.Headers,
        arrivals: npt.NDArray[np.int64],
    ) -> None:  # fmt: skip
        """Keep loss, jitter and liveness of each stream, once a batch."""
        slot = slots[rows]
        starts = np.concatenate(([0], np.flatnonzero(slot[1:] != slot[:-1]) + 1))
        last = np.concatenate((starts[1:], [len(slot)])) - 1
        owners, fresh = slot[starts], last - starts + 1
        sequence, ssrc = columns.sequence[rows].astype(np.int64), columns.ssrc[rows]
        # RFC 3550 section 6.4.1, averaged over the batch instead of packet by packet.
        arrival = arrivals[rows]
        transit = arrival / 1e6 - columns.timestamp[rows] / (self._rate[slot] / 1000)
        swing = np.abs(np.diff(transit, prepend=transit[:1]))
        swing[starts] = 0
        swing[swing > 5_000] = 0  # a new time stamp base is no jitter
        mean = np.add.reduceat(swing, starts) / np.maximum(fresh - 1, 1)
        new = (self._packets[owners] == 0) | (ssrc[last] != self._ssrc[owners])
        self._ssrc[owners] = ssrc[last]
        self._highest[owners[new]] = sequence[starts[new]]
        step = (sequence[last] - self._highest[owners]) & 0xFFFF
        step[step >= 0x8000] = 0
        self._highest[owners] += step
        self._lost[owners] += step - fresh + new  # the first packet is no step forward
        self._packets[owners] += fresh
        self._jitter[owners] += (mean - self._jitter[owners]) * np.minimum(1.0, fresh / 16)
        self._newest[owners] = arrival[last]

    def _take_one(self, row: int, slot: int, length: int, arrival: int) -> None:
        """A row that the fast way does not take: the first of a stream, an event, SRTP, or something to drop."""
        inlet, batch = self._at(slot), self._batch
        data = batch.packet(row, length)
        if length <= rtp.HEADER or data[0] >> 6 != rtp.VERSION or not self._accepts[slot, data[1] & 127]:
            if len(data) < 2 or data[1] & 127 not in _RTCP_TYPES:
                inlet.counters.wrong += 1
            return
        if not self._from_sender(row, inlet):
            inlet.counters.strangers += 1
            return
        if inlet.crypto is not None:
            try:
                data = inlet.crypto.unprotect(data)
            except CandorError:
                inlet.counters.unverified += 1
                return
        try:
            start, stop = rtp.payload_bounds(data)
        except rtp.RtpError:
            inlet.counters.wrong += 1
            return
        if self._events[slot, data[1] & 127] and stop > start:
            if inlet.on_event is not None:
                inlet.on_event(arrival, int.from_bytes(data[4:8], "big"), data[start:stop])
            data = data[:start] + bytes([MASKED_EVENT]) + data[start + 1 :]
        self._count_one(slot, data, arrival)
        head = arrival.to_bytes(8, "little") + len(data).to_bytes(2, "little") + bytes([inlet.number, 0])
        inlet.sink.rows(ROW_HEAD + len(data), memoryview(head + data))

    def _count_one(self, slot: int, data: bytes, arrival: int) -> None:
        sequence, ssrc = int.from_bytes(data[2:4], "big"), int.from_bytes(data[8:12], "big")
        if self._packets[slot] == 0 or ssrc != self._ssrc[slot]:
            self._ssrc[slot], self._highest[slot] = ssrc, sequence
        else:
            step = (sequence - int(self._highest[slot])) & 0xFFFF
            step = 0 if step >= 0x8000 else step
            self._highest[slot] += step
            self._lost[slot] += step - 1
        self._packets[slot] += 1
        self._newest[slot] = arrival

    def _from_sender(self, row: int, inlet: Inlet) -> bool:
        """Whether the row is from the stream's sender; a stream without a living one takes the first allowed."""
        name = self._batch.names[row]
        if self._locked[inlet.slot] and bool((name == self._sender[inlet.slot]).all()):
            return True
        if self._locked[inlet.slot]:
            return False
        if inlet.allowed is not None and _address(name.tobytes()) not in inlet.allowed:
            return False
        self._sender[inlet.slot] = name
        self._locked[inlet.slot] = True
        only_from(inlet.ports.rtp, name.tobytes()[: _SOCKADDR[inlet.ports.rtp.family]])
        return True

    def _loosen(self) -> None:
        """Let other allowed senders take over streams whose own fell silent."""
        for slot in np.flatnonzero(self._locked & (self._newest < time.time_ns() - _SILENT_NS)).tolist():
            inlet = self._inlets[slot]
            self._locked[slot] = False
            if inlet is not None:
                only_from(inlet.ports.rtp, b"")


def _chosen(rows: npt.NDArray[np.bool_]) -> Chosen:
    """Their numbers; the usual case, all of them, as a slice, which copies nothing."""
    return slice(None) if rows.all() else np.flatnonzero(rows)


def _longer(before: npt.NDArray[T], size: int) -> npt.NDArray[T]:
    """``before`` with zeros up to ``size`` rows."""
    fresh = np.zeros((size, *before.shape[1:]), before.dtype)
    fresh[: len(before)] = before
    return fresh


def _address(name: bytes) -> str:
    """The IP address in a sockaddr_in or sockaddr_in6, as text."""
    family = int.from_bytes(name[:2], "little")
    if family == 2:
        return str(ipaddress.IPv4Address(name[4:8]))
    found = ipaddress.IPv6Address(name[8:24])
    return str(found.ipv4_mapped or found)
