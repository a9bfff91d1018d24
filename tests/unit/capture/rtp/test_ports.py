"""Pairs of ports: given out in turn, rested, and left alone while a dead recorder's senders still send there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from candor.capture.rtp import ports
from candor.capture.rtp.ports import QUIET_SECONDS, PortPair, PortRange
from candor.errors import InvalidInput, Unavailable


class Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(ports, "time", made)
    return made


@pytest.fixture
def first() -> int:
    """Six ports that are free, below those that the system gives out."""
    start = 12_000 + os.getpid() % 500 * 12
    for port in range(start, 30_000, 6):
        handles = []
        try:
            for number in range(port, port + 6):
                handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                handles.append(handle)
                handle.bind(("127.0.0.1", number))
        except OSError:
            continue
        else:
            return port
        finally:
            for handle in handles:
                handle.close()
    raise AssertionError("no ports are free")


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        yield made


def die(*pairs: PortPair) -> None:
    """As a killed process: sockets are closed, nothing is given back."""
    for pair in pairs:
        pair.rtp.close()
        pair.rtcp.close()


def test_the_one_that_rested_longest_comes_next(clock: Clock, first: int) -> None:
    made = PortRange("127.0.0.1", first, first + 5)
    pairs = [made.take() for _ in range(3)]
    assert [pair.number for pair in pairs] == [first, first + 2, first + 4]
    with pytest.raises(Unavailable):
        made.take()
    made.give_back(pairs[1])
    made.give_back(pairs[0])
    with pytest.raises(Unavailable):
        made.take()
    clock.now += 2.5
    again = [made.take(), made.take()]
    assert [pair.number for pair in again] == [first + 2, first]
    die(*again, pairs[2])


def test_a_range_without_a_pair_is_refused() -> None:
    with pytest.raises(InvalidInput):
        PortRange("127.0.0.1", 20_001, 20_002)


def test_ports_of_a_dead_recorder_are_left_alone_until_they_are_quiet(
    clock: Clock, first: int, sender: socket.socket, tmp_path: Path
) -> None:
    marks = tmp_path / "run" / "media-ports"
    dead = PortRange("127.0.0.1", first, first + 5, marks)
    orderly, died = dead.take(), dead.take()
    dead.give_back(orderly)
    die(died)
    made = PortRange("127.0.0.1", first, first + 5, marks)
    clock.now += 3
    taken = [made.take() for _ in range(2)]
    assert {pair.number for pair in taken} == {first, first + 4}
    for _ in range(3):  # somebody still sends there
        clock.now += QUIET_SECONDS - 1
        sender.sendto(b"old call", ("127.0.0.1", died.number))
        made.tend()
    with pytest.raises(Unavailable):
        made.take()
    clock.now += QUIET_SECONDS + 1
    made.tend()
    last = made.take()
    assert last.number == died.number
    with pytest.raises(BlockingIOError):
        last.rtp.recv(100)
    die(last, *taken)


def test_where_none_is_left_a_short_quiet_is_enough_but_not_none(
    clock: Clock, first: int, sender: socket.socket, tmp_path: Path
) -> None:
    marks = tmp_path / "media-ports"
    dead = PortRange("127.0.0.1", first, first + 1, marks)
    die(dead.take())
    made = PortRange("127.0.0.1", first, first + 1, marks)
    clock.now += 0.5
    sender.sendto(b"old call", ("127.0.0.1", first))
    with pytest.raises(Unavailable):
        made.take()
    clock.now += 1.5
    pair = made.take()
    assert pair.number == first
    die(pair)


def test_marks_of_another_range_mean_nothing(first: int, tmp_path: Path) -> None:
    marks = tmp_path / "media-ports"
    die(PortRange("127.0.0.1", first, first + 5, marks).take())
    other = PortRange("127.0.0.1", first, first + 3, marks)
    pair = other.take()
    assert pair.number == first
    die(pair)
