"""Placing packets on the wall clock: known lines in, known places out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.rtp.timeline import Packets, place

START = 1_700_000_000_000_000_000


def line(
    count: int, *, first: int = 0, ssrc: int = 7, start: float = 0.0, stamp: int = 1_000,
    delay: npt.NDArray[np.float64] | float = 0.0, skew: float = 0.0,
) -> Packets:  # fmt: skip
    """``count`` packets of 20 ms whose sound began ``start`` seconds into the call."""
    at = np.arange(count)
    moments = start + at * 0.02 * (1 + skew) + delay
    return Packets(
        arrival=(START + moments * 1e9).astype(np.int64), sequence=((first + at) % 65_536).astype(np.uint16),
        timestamp=((stamp + at * 160) % (1 << 32)).astype(np.uint32), ssrc=np.full(count, ssrc, np.uint32),
        units=np.full(count, 160, np.int64),
    )  # fmt: skip


def joined(*parts: Packets) -> Packets:
    fields = [
        np.concatenate([getattr(p, name) for p in parts])
        for name in ("arrival", "sequence", "timestamp", "ssrc", "units")
    ]
    return Packets(*fields)


def chosen(packets: Packets, rows: npt.NDArray[np.int64]) -> Packets:
    return Packets(*(getattr(packets, name)[rows] for name in ("arrival", "sequence", "timestamp", "ssrc", "units")))


def test_a_clean_line() -> None:
    found = place(line(100, start=1.0), 8000, START)
    assert found.place.tolist() == [8000 + 160 * n for n in range(100)]
    assert found.index.tolist() == list(range(100))
    assert not found.lost


@pytest.mark.parametrize("first", [0, 65_500])
@pytest.mark.parametrize("stamp", [0, (1 << 32) - 3_000])
def test_counters_wrap(first: int, stamp: int) -> None:
    found = place(line(100, first=first, stamp=stamp), 8000, START)
    assert np.diff(found.place).tolist() == [160] * 99


def test_jitter_moves_nothing() -> None:
    delay = np.random.default_rng(1).exponential(0.02, 500)
    delay[100] = 0.0
    found = place(line(500, start=1.0, delay=delay), 8000, START)
    assert np.diff(found.place).tolist() == [160] * 499
    assert abs(int(found.place[0]) - 8000) <= 160  # 20 ms


def test_packets_held_up_together_are_not_a_jump() -> None:
    delay = np.zeros(300)
    delay[100:130] = 0.6 - np.arange(30) * 0.02
    found = place(line(300, delay=delay), 8000, START)
    assert np.diff(found.place).tolist() == [160] * 299


@pytest.mark.parametrize("held", [(0, 2), (0, 5), (0, 49), (45, 50), (48, 50)])
@pytest.mark.parametrize("seconds", [0.11, 0.3, 0.9])
def test_the_first_and_the_last_packets_may_be_late_too(held: tuple[int, int], seconds: float) -> None:
    delay = np.zeros(50)
    delay[slice(*held)] = seconds
    found = place(line(50, start=1.0, delay=delay), 8000, START)
    assert found.index.tolist() == list(range(50))
    assert np.diff(found.place).tolist() == [160] * 49
    assert int(found.place[0]) == 8000


def test_a_clock_that_jumps_ahead_keeps_the_order() -> None:
    """Time stamps that go on 1.5 seconds further than the wall clock did: nothing is put before what came earlier."""
    before, after = line(60), line(60, first=60, start=1.2, stamp=1_000 + 60 * 160 + 12_000)
    found = place(joined(before, after), 8000, START)
    assert found.index.tolist() == list(range(120))
    assert (np.diff(found.place) >= 160).all()


def test_order_and_doubles() -> None:
    packets = line(50)
    rows = np.arange(50)
    rows[[10, 11]] = rows[[11, 10]]
    mixed = chosen(packets, np.concatenate((rows[:30], [29, 28], rows[30:])))
    mixed.arrival[:] = np.sort(mixed.arrival)
    found = place(mixed, 8000, START)
    assert found.doubles == 2
    assert np.diff(found.place).tolist() == [160] * 49
    assert mixed.sequence[found.index].tolist() == list(range(50))


def test_a_loss_is_told_from_silence() -> None:
    packets = line(100)
    lost = chosen(packets, np.delete(np.arange(100), [40, 41]))
    found = place(lost, 8000, START)
    assert [(loss.place, loss.length, loss.packets) for loss in found.lost] == [(40 * 160, 320, 2)]
    # The same hole with numbers that go on: the sender was silent (RFC 3389, DTX).
    silent = chosen(packets, np.delete(np.arange(100), [40, 41]))
    silent.sequence[:] = np.arange(98)
    found = place(silent, 8000, START)
    assert not found.lost
    assert int(found.place[40]) == 42 * 160


def test_a_frozen_clock_goes_on_where_the_wall_clock_is() -> None:
    """On hold the sender stops its time stamps for 30 seconds: the time on hold must not vanish."""
    before, after = line(100), line(100, first=100, start=32.0, stamp=1_000 + 100 * 160)
    found = place(joined(before, after), 8000, START)
    assert int(found.place[99]) == 99 * 160
    assert int(found.place[100]) == 32 * 8000


def test_a_short_frozen_clock() -> None:
    before, after = line(100), line(200, first=100, start=3.0, stamp=1_000 + 100 * 160)
    found = place(joined(before, after), 8000, START)
    assert int(found.place[100]) == 3 * 8000


def test_a_new_ssrc_takes_over() -> None:
    found = place(joined(line(100), line(100, ssrc=9, first=500, start=2.0, stamp=77)), 8000, START)
    assert np.diff(found.place).tolist() == [160] * 199
    assert found.stretches == 2


def test_a_second_sender_at_the_same_time_does_not_mix() -> None:
    intruder = line(20, ssrc=9, first=9_000, start=0.5, stamp=123)
    both = joined(line(200), intruder)
    order = np.argsort(both.arrival, kind="stable")
    found = place(chosen(both, order), 8000, START)
    assert found.strays == 20
    assert np.diff(found.place).tolist() == [160] * 199


def test_a_clock_that_runs_slow_stays_within_twenty_milliseconds() -> None:
    """200 ppm over ten minutes come to 120 ms."""
    packets = line(30_000, skew=200e-6)
    found = place(packets, 8000, START)
    truth = (packets.arrival[found.index] - START) / 1e9
    error = np.abs(found.place / 8000 - truth)
    assert error.max() <= 0.020
    assert found.corrections > 5


def test_a_steady_clock_is_left_alone() -> None:
    delay = np.abs(np.random.default_rng(2).normal(0, 0.004, 30_000))
    assert place(line(30_000, delay=delay), 8000, START).corrections == 0


def test_nothing_at_all() -> None:
    empty = chosen(line(1), np.zeros(0, np.int64))
    assert len(place(empty, 8000, START).place) == 0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_comes_places_are_in_order_and_every_packet_is_kept_once(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 80))
    draw = lambda low, high: np.array(data.draw(st.lists(st.integers(low, high), min_size=count, max_size=count)))  # noqa: E731
    packets = Packets(
        arrival=np.sort(START + draw(0, 20_000) * 1_000_000), sequence=draw(0, 65_535).astype(np.uint16),
        timestamp=draw(0, (1 << 32) - 1).astype(np.uint32), ssrc=draw(0, 2).astype(np.uint32),
        units=np.full(count, 160),
    )  # fmt: skip
    found = place(packets, 8000, START)
    assert len(set(found.index.tolist())) == len(found.index)
    assert (np.diff(found.place) >= 0).all()
