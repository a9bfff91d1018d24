"""Taking packets off real sockets: what is kept, what is dropped, what is not even read."""

from __future__ import annotations

import gc
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from candor.capture.model import PayloadType
from candor.capture.rtp.mmsg import Batch
from candor.capture.rtp.packet import RtpPacket
from candor.capture.rtp.ports import PortRange
from candor.capture.rtp.receiver import MASKED_EVENT, ROW_HEAD, Inlet, Receiver
from candor.errors import InvalidInput, Unavailable

KINDS = (PayloadType(number=0, encoding="PCMU"), PayloadType(number=101, encoding="telephone-event"))


@dataclass
class Kept:
    """Rows of one call, as (stream, packet)."""

    packets: list[tuple[int, bytes]] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)

    def rows(self, width: int, data: memoryview) -> None:
        assert len(data) % width == 0
        for at in range(0, len(data), width):
            row = bytes(data[at : at + width])
            size = int.from_bytes(row[8:10], "little")
            assert not any(row[ROW_HEAD + size :]), "what lies behind a packet is another call's"
            self.packets.append((row[10], row[ROW_HEAD : ROW_HEAD + size]))
            self.arrivals.append(int.from_bytes(row[:8], "little"))


@dataclass
class Line:
    """Both ends of one stream."""

    inlet: Inlet
    peer: socket.socket
    sent: list[bytes] = field(default_factory=list)

    def send(
        self, number: int, text: bytes = b"x" * 160, *, kind: int = 0, ssrc: int = 1, peer: socket.socket | None = None
    ) -> bytes:
        packet = bytes(
            RtpPacket(
                payload_type=kind,
                sequence=number & 0xFFFF,
                timestamp=number * 160 & 0xFFFFFFFF,
                ssrc=ssrc,
                payload=text,
            )
        )
        (peer or self.peer).sendto(packet, ("127.0.0.1", self.inlet.ports.number))
        self.sent.append(packet)
        return packet


class Desk:
    """A receiver and lines into it."""

    def __init__(self) -> None:
        self.ports = PortRange("127.0.0.1", 41_000, 41_999)
        self.receiver = Receiver()
        self.lines: list[Line] = []

    def line(self, sink: Kept, number: int = 0, **more: object) -> Line:
        inlet = Inlet(
            ports=self.ports.take(), number=number, sink=sink, payload_types=KINDS,
            **({"allowed": frozenset({"127.0.0.1"})} | more),  # type: ignore[arg-type]
        )  # fmt: skip
        self.receiver.add(inlet)
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind(("127.0.0.1", 0))
        self.lines.append(Line(inlet, peer))
        return self.lines[-1]

    def close(self) -> None:
        for line in self.lines:
            line.peer.close()
            line.inlet.ports.rtp.close()
            line.inlet.ports.rtcp.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


def test_packets_of_many_lengths_and_calls_come_whole_to_their_own_call(desk: Desk) -> None:
    sinks = [Kept() for _ in range(5)]
    lines = [desk.line(sink, number) for sink in sinks for number in (0, 1)]
    rng = np.random.default_rng(3)
    for turn in range(40):
        for line in lines:
            # Short ones, usual ones, and some longer than a row of the table is wide.
            size = int(rng.choice([20, 160, 160, 160, 240, 300, 900]))
            line.send(turn, rng.integers(0, 256, size, dtype=np.uint8).tobytes())
        if turn % 7 == 0:
            desk.receiver.drain()
    desk.receiver.drain()
    for sink, pair in zip(sinks, zip(lines[::2], lines[1::2], strict=True), strict=True):
        for number, line in enumerate(pair):
            assert sorted(packet for stream, packet in sink.packets if stream == number) == sorted(line.sent)
            seen = desk.receiver.counters(line.inlet)
            assert (seen.packets, seen.lost, seen.wrong, seen.strangers) == (40, 0, 0, 0)


def test_arrival_is_the_kernels_time_not_the_drains(desk: Desk) -> None:
    sink = Kept()
    line = desk.line(sink)
    before = time.time_ns()
    line.send(1)
    between = time.time_ns()
    time.sleep(0.15)
    desk.receiver.drain()
    assert before - 5_000_000 <= sink.arrivals[0] <= between + 5_000_000


def test_losses_are_counted(desk: Desk) -> None:
    line = desk.line(Kept())
    for number in (65_533, 65_534, 2, 3, 1):
        line.send(number)
        desk.receiver.drain()
    seen = desk.receiver.counters(line.inlet)
    assert seen.packets == 5
    assert seen.lost == 2  # 65535 and 0; 1 came late


def test_what_is_not_ours_is_dropped_and_counted(desk: Desk) -> None:
    sink = Kept()
    line = desk.line(sink)
    good = line.send(1)
    desk.receiver.drain()
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with stranger:
        line.send(2, peer=stranger)
        line.peer.sendto(b"not RTP at all, but long enough", ("127.0.0.1", line.inlet.ports.number))
        line.peer.sendto(b"\x80", ("127.0.0.1", line.inlet.ports.number))
        line.send(3, kind=77)
        line.send(4, kind=8)
        desk.receiver.drain()
    seen = desk.receiver.counters(line.inlet)
    assert [packet for _, packet in sink.packets] == [good]
    assert seen.wrong == 4
    assert seen.packets == 1


def test_only_allowed_addresses_may_begin(desk: Desk) -> None:
    sink = Kept()
    line = desk.line(sink, allowed=frozenset({"192.0.2.1"}))
    line.send(1)
    desk.receiver.drain()
    assert not sink.packets
    assert line.inlet.counters.strangers == 1


def test_a_sender_that_fell_silent_may_be_replaced(desk: Desk) -> None:
    """A failover of the session border controller: another port, the same call."""
    sink = Kept()
    line = desk.line(sink)
    line.send(1)
    desk.receiver.drain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        line.send(2, peer=other)
        desk.receiver.drain()
        assert len(sink.packets) == 1
        time.sleep(1.05)
        desk.receiver.drain()
        line.send(3, peer=other)
        desk.receiver.drain()
    assert len(sink.packets) == 2


def test_keys_are_masked_before_they_are_kept(desk: Desk) -> None:
    sink, told = Kept(), []
    line = desk.line(sink, on_event=lambda *event: told.append(event))
    for number in range(3):
        line.send(number, bytes((7, 10, 0, 160)), kind=101)
    desk.receiver.drain()
    assert [payload for _, _, payload in told] == [bytes((7, 10, 0, 160))] * 3
    assert [packet[12] for _, packet in sink.packets] == [MASKED_EVENT] * 3
    assert [packet[13:] for _, packet in sink.packets] == [bytes((10, 0, 160))] * 3


def test_what_comes_in_a_pause_is_not_even_read(desk: Desk) -> None:
    """Kept until the pause, not after it, kept again from the end of it on; and nowhere in this process' memory."""
    sink = Kept()
    line = desk.line(sink)
    line.send(1, b"before" * 20)
    desk.receiver.pause([line.inlet])
    secret = b"four one one one " * 9
    for number in range(2, 40):
        line.send(number, secret)
        line.sent.pop()
        if number % 9 == 0:
            desk.receiver.drain()
    desk.receiver.resume([line.inlet])
    line.send(40, b"after" * 20)
    desk.receiver.drain()
    assert [packet[12:17] for _, packet in sink.packets] == [b"befor", b"after"]
    gc.collect()
    batch = desk.receiver._batch
    for table in (batch.data, batch.more, desk.receiver._headers_only.data):
        assert secret[:16] not in table.tobytes()


def test_a_table_that_is_too_small_is_emptied_several_times() -> None:
    ports = PortRange("127.0.0.1", 42_000, 42_099)
    receiver, sink = Receiver(Batch(rows=80)), Kept()
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inlets = [Inlet(ports=ports.take(), number=n, sink=sink, payload_types=KINDS, allowed=None) for n in range(4)]
    for inlet in inlets:
        receiver.add(inlet)
    for number in range(50):
        for inlet in inlets:
            peer.sendto(
                bytes(RtpPacket(payload_type=0, sequence=number, timestamp=0, ssrc=5, payload=b"x" * 160)),
                ("127.0.0.1", inlet.ports.number),
            )
    assert receiver.drain() == 200
    assert len(sink.packets) == 200
    peer.close()
    for inlet in inlets:
        receiver.remove(inlet)
        ports.give_back(inlet.ports)


def test_inlets_come_and_go(desk: Desk) -> None:
    sink = Kept()
    for turn in range(600):
        line = desk.line(sink) if turn < 300 else desk.lines[turn - 300]
        if turn >= 300:
            desk.receiver.remove(line.inlet)
            continue
        line.send(turn)
    assert len(sink.packets) == 300
    assert not desk.receiver.inlets()


def test_ports_rest_before_they_serve_again() -> None:
    ports = PortRange("127.0.0.1", 43_001, 43_005)
    first = ports.take()
    assert first.number == 43_002
    ports.give_back(first)
    second = ports.take()
    assert second.number == 43_004
    with pytest.raises(Unavailable):
        ports.take()
    ports.give_back(second)


def test_a_port_that_another_program_has_is_passed_over() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 44_003))
        ports = PortRange("127.0.0.1", 44_002, 44_006)
        taken = ports.take()
        assert taken.number == 44_004
        ports.give_back(taken)


@pytest.mark.parametrize(("first", "last"), [(0, 10), (10, 10), (60_000, 70_000), (20, 10)])
def test_ranges_that_hold_nothing(first: int, last: int) -> None:
    with pytest.raises(InvalidInput):
        PortRange("127.0.0.1", first, last)
