"""The packets of one stream of a finished call, found among its sealed rows and put in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from candor.capture.model import PayloadType, Stream
from candor.capture.rtp import packet as rtp
from candor.capture.rtp.codecs import samples_per_packet
from candor.capture.rtp.receiver import EVENT, ROW_HEAD
from candor.capture.rtp.timeline import Packets, Placement, place
from candor.capture.spool.spool import SpooledCall

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

NO_SOUND = {EVENT, "cn"}
"""Encodings, in small letters, that carry none."""
_UNIT_BYTES = {"PCMU": 1, "PCMA": 1, "G722": 1, "L16": 2}
"""Bytes that one channel takes for a clock unit, in encodings that take as many for each."""
_KEY_PAD = 0.06
"""Seconds around the packets of a telephone event in which its tone may be heard."""


@dataclass(slots=True)
class Track:
    """One stream with its packets in place."""

    stream: Stream
    types: dict[int, PayloadType]
    arrays: list[Bytes]
    """Rows by width, as they were sealed."""
    array: Ints
    row: Ints
    start: Ints
    """First byte of the payload inside the packet."""
    length: Ints
    kind: npt.NDArray[np.uint8]
    """Payload type of each packet."""
    arrival: Ints
    units: Ints
    """Clock units that each lasts; 0 for those without sound."""
    placement: Placement
    keys: list[tuple[float, float]]
    """Seconds at which a telephone key was down, by its events."""

    @property
    def clock_rate(self) -> int:
        """Clock units a second of the stream's sound."""
        return next((t.clock_rate for t in self.stream.payload_types if t.encoding.lower() not in NO_SOUND), 8000)

    @property
    def begin(self) -> float:
        """Seconds at which its sound begins; 0 when there is none."""
        return float(self.placement.place[0]) / self.clock_rate if len(self.placement.place) else 0.0

    @property
    def end(self) -> float:
        """Seconds at which its sound ends."""
        if not len(self.placement.place):
            return 0.0
        return float(self.placement.place[-1] + self.units[self.placement.index[-1]]) / self.clock_rate

    def later(self, seconds: float) -> None:
        """Move everything on the line."""
        self.placement.place = self.placement.place + round(seconds * self.clock_rate)
        self.placement.lost = [
            replace(loss, place=loss.place + round(seconds * self.clock_rate)) for loss in self.placement.lost
        ]
        self.keys = [(start + seconds, stop + seconds) for start, stop in self.keys]

    def tables(self, numbers: Ints) -> Iterator[tuple[Ints, Bytes]]:
        """The payloads of these packets, those of one length together: which of ``numbers`` they are, and (n, length).

        Most streams have but one kind of packet, and few have many.
        """
        shape = self.array[numbers] << 32 | self.start[numbers] << 16 | self.length[numbers]
        for one in np.unique(shape).tolist():
            same = np.flatnonzero(shape == one)
            alike, first = numbers[same], int(numbers[same[0]])
            begin = ROW_HEAD + int(self.start[first])
            rows = self.arrays[int(self.array[first])]
            yield same, rows[self.row[alike], begin : begin + int(self.length[first])]

    def payloads(self, numbers: Ints) -> list[bytes]:
        """The payload of each of these packets."""
        found = [b""] * len(numbers)
        for same, table in self.tables(numbers):
            for at, payload in zip(same.tolist(), table, strict=True):
                found[at] = payload.tobytes()
        return found

    def encodings(self) -> set[str]:
        """Encodings of the sound that came."""
        return {self.types[k].encoding.upper() for k in np.unique(self.kind[self.placement.index]).tolist()}


def by_width(call: SpooledCall) -> list[Bytes]:
    """The rows of a call as few arrays, one a width; the call gives them away."""
    widths: dict[int, list[Bytes]] = {}
    for rows in call.rows:
        widths.setdefault(rows.shape[1], []).append(rows)
    call.rows.clear()
    return [np.concatenate(found) for found in widths.values()]


def make_track(stream: Stream, arrays: list[Bytes], start_ns: int, closed: Sequence[tuple[int, int]] = ()) -> Track:
    """The packets of ``stream`` among ``arrays``, placed on the line that begins at ``start_ns``.

    Those that arrived inside one of ``closed`` (from, to; Unix ns) are left out.
    """
    types = {one.number: one for one in stream.payload_types}
    columns: list[tuple[Ints, ...]] = []
    for number, rows in enumerate(arrays):
        own = np.flatnonzero(rows[:, 10] == stream.number)
        if len(own):
            columns.append(_columns(number, rows, own))
    empty = np.zeros(0, np.int64)
    array = row = arrival = start = length = kind = sequence = timestamp = ssrc = empty
    if columns:
        array, row, arrival, start, length, kind, sequence, timestamp, ssrc = (
            np.concatenate(parts) for parts in zip(*columns, strict=True)
        )
    good = (length > 0) & np.isin(kind, list(types))
    for begin, end in closed:
        good &= (arrival <= begin) | (arrival >= end)
    order = np.flatnonzero(good)[np.argsort(arrival[good], kind="stable")]
    track = Track(
        stream, types, arrays, array[order], row[order], start[order], length[order], kind[order].astype(np.uint8),
        arrival[order], np.zeros(0, np.int64), Placement(np.zeros(0, np.int64), np.zeros(0, np.int64)), [],
    )  # fmt: skip
    track.units = _lengths(track)
    packets = Packets(
        arrival=track.arrival, sequence=sequence[order].astype(np.uint16),
        timestamp=timestamp[order].astype(np.uint32), ssrc=ssrc[order].astype(np.uint32), units=track.units,
    )  # fmt: skip
    placed = place(packets, track.clock_rate, start_ns)
    silent = [n for n, t in types.items() if t.encoding.lower() in NO_SOUND]
    sounding = ~np.isin(track.kind[placed.index], silent)
    track.keys = _keys(track, packets, start_ns)
    placed.index, placed.place = placed.index[sounding], placed.place[sounding]
    track.placement = placed
    return track


def _columns(number: int, rows: Bytes, own: Ints) -> tuple[Ints, ...]:
    """Of the rows ``own`` of one array: (array, row, arrival, payload start, payload length, type, seq, time, ssrc)."""
    head = np.ascontiguousarray(rows[own, : ROW_HEAD + rtp.HEADER])
    arrival = head[:, :8].copy().view("<i8")[:, 0]
    size = head[:, 8:10].copy().view("<u2")[:, 0].astype(np.int64)
    fixed = rtp.headers(head[:, ROW_HEAD:])
    start = np.full(len(own), rtp.HEADER, np.int64)
    length = size - rtp.HEADER
    for at in np.flatnonzero(fixed.first & 0x3F).tolist():
        packet = rows[own[at], ROW_HEAD : ROW_HEAD + int(size[at])].tobytes()
        try:
            begin, end = rtp.payload_bounds(packet)
        except rtp.RtpError:
            begin, end = rtp.HEADER, rtp.HEADER
        start[at], length[at] = begin, end - begin
    fields = (fixed.payload_type, fixed.sequence, fixed.timestamp, fixed.ssrc)
    wide = [np.asarray(column, np.int64) for column in fields]
    return (
        np.full(len(own), number, np.int64), own, arrival.astype(np.int64), start, length,
        *wide,
    )  # fmt: skip


def _lengths(track: Track) -> Ints:
    """Clock units that each packet lasts; 0 for those without sound."""
    units = np.zeros(len(track.kind), np.int64)
    for number in np.unique(track.kind).tolist():
        kind = track.types[number]
        own = np.flatnonzero(track.kind == number)
        if kind.encoding.lower() in NO_SOUND:
            continue
        if size := _UNIT_BYTES.get(kind.encoding.upper()):
            units[own] = track.length[own] // (size * kind.channels)
            continue
        units[own] = [
            samples_per_packet(kind.encoding, payload, kind.clock_rate, kind.channels, kind.fmtp) or 0
            for payload in track.payloads(own)
        ]
    return units


def _keys(track: Track, packets: Packets, start_ns: int) -> list[tuple[float, float]]:
    """When keys were down, from the telephone events (RFC 4733), padded."""
    numbers = [n for n, t in track.types.items() if t.encoding.lower() == EVENT]
    rows = np.flatnonzero(np.isin(track.kind, numbers))
    found = []
    for stamp in np.unique(packets.timestamp[rows]).tolist():
        arrivals = (packets.arrival[rows[packets.timestamp[rows] == stamp]] - start_ns) / 1e9
        found.append((float(arrivals.min()) - _KEY_PAD, float(arrivals.max()) + _KEY_PAD))
    return found
