"""Where each packet of a stream belongs on the wall clock, worked out when the call is over.

With the whole call in sight no jitter buffer has to guess. Packets are put in order by their sequence numbers, their
distance is that of their time stamps, and the stream as a whole lies where its least delayed packets arrived (RFC 3550
section 6.4.1 calls the difference transit time). Steps:

1. *Stretches*: a silence of two seconds, a new SSRC or a sequence number from nowhere begins a new one, so that
   counters that wrapped or started again meanwhile do no harm.
2. Inside a stretch, packets are sorted by sequence number and doubles dropped.
3. A time stamp that jumps for good against the arrival times (a sender that stopped its clock while on hold) ends a
   stretch; one that jumps because packets were held up on the way, or first or last of all, does not. What was sent
   in one order is never put in another.
4. Each stretch is anchored at its least transit time; a sender whose clock runs fast or slow is followed in steps.
5. Where two senders overlap, the one with more packets is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_BREAK_NS = 2_000_000_000
_FAR_SEQUENCE = 3_000
_JUMP_SECONDS = 0.1
"""A transit time that changes by more, for longer than a second, means another clock."""
_LOOK = 50
"""Packets to look ahead and back for that: a second of 20 ms packets."""
_DRIFT_WINDOW = 10.0
_DRIFT_STEP = 0.008
"""Seconds by which a sender's clock may be off before it is followed: well below the 20 ms that legs may differ."""
_STRAY = 3
"""A second SSRC with fewer packets is noise."""


@dataclass(frozen=True, slots=True)
class Packets:
    """One stream's audio packets in the order of their arrival; columns of the same length."""

    arrival: Ints
    """Unix time, nanoseconds."""
    sequence: npt.NDArray[np.uint16]
    timestamp: npt.NDArray[np.uint32]
    ssrc: npt.NDArray[np.uint32]
    units: Ints
    """Length in clock units."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Where packets are missing by their numbers."""

    place: int
    """Clock units since the beginning of the call."""
    length: int
    packets: int


@dataclass(slots=True)
class Placement:
    """Where the packets of one stream lie."""

    index: Ints
    """Which packets are kept, as positions in the input, sorted by place."""
    place: Ints
    """Of each kept packet: clock units since the beginning of the call; may be negative at its very start."""
    lost: list[Loss] = field(default_factory=list)
    doubles: int = 0
    late_order: int = 0
    """Packets that came after a later one."""
    strays: int = 0
    """Packets dropped because another sender's were kept at their time."""
    stretches: int = 0
    corrections: int = 0
    """How often a drifting clock was followed."""

    @property
    def lost_packets(self) -> int:
        """How many are missing."""
        return sum(loss.packets for loss in self.lost)

    def forgive(self, start: int, stop: int) -> None:
        """Nothing is lost where nothing was to be kept: drop losses that touch [start, stop)."""
        self.lost = [loss for loss in self.lost if loss.place >= stop or loss.place + loss.length <= start]


def place(packets: Packets, clock_rate: int, start_ns: int) -> Placement:
    """Put ``packets`` on the line that begins at ``start_ns`` and runs at ``clock_rate`` units a second."""
    result = Placement(np.zeros(0, np.int64), np.zeros(0, np.int64))
    anchored = []
    for source in np.unique(packets.ssrc):
        for rough in _rough(packets, np.flatnonzero(packets.ssrc == source), result):
            pieces = [
                (piece, _anchor(packets, piece, clock_rate, start_ns, result))
                for piece in _exact(packets, rough, clock_rate)
            ]
            for before, after in pairwise(pieces):
                _join(before, after, packets)
            anchored += pieces
    anchored.sort(key=lambda pair: int(pair[1][0]))
    kept = _without_overlaps(packets, anchored, result)
    result.stretches = len(kept)
    for number, (piece, position) in enumerate(kept):
        _note_losses(packets, piece, position, result)
        if number:
            _join(kept[number - 1], (piece, position), packets)
    if kept:
        result.index = np.concatenate([piece for piece, _ in kept])
        result.place = np.concatenate([position for _, position in kept])
        order = np.argsort(result.place, kind="stable")
        result.index, result.place = result.index[order], result.place[order]
    return result


def _rough(packets: Packets, rows: Ints, result: Placement) -> list[Ints]:
    """Steps 1 and 2: ``rows`` (of one SSRC, by arrival) as stretches, each sorted by number and without doubles."""
    sequence = packets.sequence[rows].astype(np.int64)
    step = ((np.diff(sequence) + 0x8000) & 0xFFFF) - 0x8000
    breaks = (np.diff(packets.arrival[rows]) > _BREAK_NS) | (np.abs(step) > _FAR_SEQUENCE)
    found = []
    for part in np.split(np.arange(len(rows)), np.flatnonzero(breaks) + 1):
        extended = np.concatenate(([0], np.cumsum(step[part[0] : part[-1]])))
        result.late_order += int((np.diff(extended) < 0).sum())
        _, first = np.unique(extended, return_index=True)
        result.doubles += len(part) - len(first)
        found.append(rows[part[first]])
    return found


def _exact(packets: Packets, rows: Ints, clock_rate: int) -> list[Ints]:
    """Step 3: cut a stretch where the sender's clock jumped for good."""
    transit = _transit(packets, rows, clock_rate)
    cuts = [
        at
        for at in (np.flatnonzero(np.abs(np.diff(transit)) > _JUMP_SECONDS) + 1).tolist()
        if _is_for_good(transit, at)
    ]
    return [part for part in np.split(rows, cuts) if len(part)]


def _is_for_good(transit: npt.NDArray[np.float64], at: int) -> bool:
    """Whether the clock jumped between packets ``at - 1`` and ``at``, and the later side was not just held up."""
    before, after = transit[max(0, at - _LOOK) : at], transit[at : at + _LOOK]
    change = float(after.min() - before.min())
    late = after if change > 0 else before
    # With less than a second of packets in sight, a jump of less than a second can be either: take the harmless one.
    return abs(change) > (_JUMP_SECONDS if len(late) == _LOOK else 1.0)


def _transit(packets: Packets, rows: Ints, clock_rate: int) -> npt.NDArray[np.float64]:
    """Arrival minus time stamp of each packet, seconds, from an arbitrary origin."""
    arrival = (packets.arrival[rows] - packets.arrival[rows[0]]) / 1e9
    result: npt.NDArray[np.float64] = arrival - _units(packets, rows) / clock_rate
    return result


def _units(packets: Packets, rows: Ints) -> Ints:
    """Time stamps of a stretch, unwrapped, from 0."""
    stamps: Ints = packets.timestamp[rows].astype(np.int64)
    step: Ints = stamps[1:] - stamps[:-1]
    wrapped = ((step + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(wrapped)))


def _anchor(packets: Packets, rows: Ints, clock_rate: int, start_ns: int, result: Placement) -> Ints:
    """Step 4: the places of a stretch."""
    units, transit = _units(packets, rows), _transit(packets, rows, clock_rate)
    seconds = units / clock_rate
    offset = np.full(len(rows), transit[seconds <= seconds[0] + 2 * _DRIFT_WINDOW].min())
    windows = ((seconds - seconds[0]) // _DRIFT_WINDOW).astype(np.int64)
    order = np.argsort(windows, kind="stable")
    starts = np.flatnonzero(np.diff(windows[order], prepend=-1))
    least = np.minimum.reduceat(transit[order], starts)
    current, before = float(offset[0]), 0.0
    for number, window in enumerate(windows[order][starts].tolist()):
        off = float(least[number]) - current
        if abs(off) > _DRIFT_STEP and abs(before) > _DRIFT_STEP and off * before > 0:  # twice in a row: not chance
            current += off
            offset[windows >= window] = current
            result.corrections += 1
            off = 0.0
        before = off
    origin = (int(packets.arrival[rows[0]]) - start_ns) / 1e9
    places: Ints = units + np.rint((origin + offset) * clock_rate).astype(np.int64)
    return places


def _without_overlaps(
    packets: Packets, stretches: list[tuple[Ints, Ints]], result: Placement
) -> list[tuple[Ints, Ints]]:
    """Step 5: of two senders at the same time, the one with more packets."""
    kept: list[tuple[Ints, Ints]] = []
    for piece, position in stretches:
        if kept:
            rows, places = kept[-1]
            other = packets.ssrc[rows[0]] != packets.ssrc[piece[0]]
            overlap = int(places[-1]) + int(packets.units[rows[-1]]) - int(position[0])
            if other and overlap > 2 * int(packets.units[piece[0]]):
                if len(piece) > len(rows):
                    kept[-1] = (piece, position)
                result.strays += min(len(piece), len(rows))
                continue
        if len(piece) < _STRAY and len({int(s) for s in packets.ssrc[piece]}) == 1 and _is_stray(packets, piece):
            result.strays += len(piece)
            continue
        kept.append((piece, position))
    return kept


def _is_stray(packets: Packets, piece: Ints) -> bool:
    """Whether these few packets are all that their sender ever sent, beside another sender."""
    own = packets.ssrc == packets.ssrc[piece[0]]
    return bool(own.sum() < _STRAY and not own.all())


def _join(before: tuple[Ints, Ints], after: tuple[Ints, Ints], packets: Packets) -> None:
    """A stretch that begins inside the one before by a few milliseconds begins at its end instead."""
    end = int(before[1][-1]) + int(packets.units[before[0][-1]])
    if after[1][0] < end:
        after[1][:] += end - int(after[1][0])


def _note_losses(packets: Packets, rows: Ints, position: Ints, result: Placement) -> None:
    """Holes that the sequence numbers show: lost. Holes that they do not show are silence of the sender's choice."""
    sequence = packets.sequence[rows].astype(np.int64)
    missing = ((np.diff(sequence) & 0xFFFF) - 1).clip(0)
    end = position[:-1] + packets.units[rows[:-1]]
    hole = position[1:] - end
    for at in np.flatnonzero((missing > 0) & (hole > 0)).tolist():
        # After a long loss the sender may have been silent, too: no more is called lost than numbers are missing.
        length = min(int(hole[at]), int(missing[at]) * int(packets.units[rows[at]]))
        result.lost.append(Loss(int(end[at]), length, int(missing[at])))
