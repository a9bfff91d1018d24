"""The spool: what is sealed when, what a kill leaves, what a full disk costs."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from candor.capture.model import CallEvent, CallFacts, EventKind, PayloadType, Stream
from candor.capture.spool import format as spool_format
from candor.capture.spool import spool
from candor.capture.spool.spool import SEAL_EVERY, Spool, finished, forget, read
from candor.errors import Conflict, Damaged, Unavailable
from candor.kit import clock
from candor.kit.ids import new_id


class Keys:
    """A keyring that wraps nothing: the key is where it says."""

    def __init__(self) -> None:
        self.made: dict[str, bytes] = {}

    def begin(self, kept: object) -> None:
        pass

    def new(self, call_id: str) -> tuple[bytes, bytes]:
        self.made[call_id] = os.urandom(32)
        return self.made[call_id], b"wrapped:" + call_id.encode()

    def open(self, call_id: str, wrapped: bytes) -> bytes:
        if wrapped != b"wrapped:" + call_id.encode():
            raise Damaged("another call's key")
        return self.made[call_id]


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def facts() -> CallFacts:
    kinds = (PayloadType(number=0, encoding="PCMU"),)
    return CallFacts(
        id=new_id(), source="test", protocol="siprec", started_at=clock.now(),
        streams=(Stream(number=0, label="1", payload_types=kinds),),
    )  # fmt: skip


def row(number: int, text: bytes = b"sound") -> bytes:
    packet = b"\x80\0" + number.to_bytes(2, "big") + bytes(8) + text
    return (
        (1_700_000_000_000_000_000 + number * 20_000_000).to_bytes(8, "little")
        + len(packet).to_bytes(2, "little")
        + b"\0\0"
        + packet
    )


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def made(tmp_path: Path, keys: Keys) -> Iterator[Spool]:
    one = Spool(tmp_path / "spool", keys, monotonic=Seconds())
    one.open()
    yield one
    one.close()


def test_a_call_comes_out_as_it_went_in(made: Spool, keys: Keys) -> None:
    call = made.begin(facts())
    call.rows(29, row(1) + row(2))
    call.event(CallEvent(at=clock.now(), kind=EventKind.PAUSED, reason="api"))
    call.update(replace(call.facts, queue="billing"))
    call.rows(29, row(3))
    call.rows(30, row(4, b"sound!"))
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED, reason="BYE"))
    assert made.pending == 0
    (path,) = finished(made.folder)
    found = read(path, keys)
    assert found.ended
    assert found.facts.queue == "billing"
    assert [event.kind for event in found.events] == [EventKind.PAUSED, EventKind.ENDED]
    assert sorted(rows.shape for rows in found.rows) == [(1, 29), (1, 30), (2, 29)]
    assert b"".join(rows.tobytes() for rows in found.rows if rows.shape[1] == 29) == row(1) + row(2) + row(3)


def test_nothing_lies_in_the_clear(made: Spool) -> None:
    call = made.begin(replace(facts(), queue="secret-queue"))
    call.rows(35, row(1, b"secret-word"))
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    data = b"".join(path.read_bytes() for path in made.folder.iterdir())
    assert b"secret" not in data


def test_sound_waits_no_longer_than_it_may(made: Spool) -> None:
    clock_hand = made.monotonic
    assert isinstance(clock_hand, Seconds)
    call = made.begin(facts())
    before = call.size
    call.rows(29, row(1))
    made.tick()
    assert call.size == before, "sealed at once: many small writes"
    clock_hand.now += 2 * SEAL_EVERY
    made.tick()
    assert call.size > before


def test_a_killed_recorder_leaves_all_that_was_sealed(tmp_path: Path, keys: Keys) -> None:
    value = facts()
    child = os.fork()
    if child == 0:
        one = Spool(tmp_path / "spool", keys, monotonic=Seconds())
        one.open()
        keys.made[value.id] = b"k" * 32
        keys.new = lambda call_id: (keys.made[call_id], b"wrapped:" + call_id.encode())  # type: ignore[method-assign]
        call = one.begin(value)
        for number in range(50):
            call.rows(29, row(number))
            call.seal()
        call.rows(29, row(99))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    keys.made[value.id] = b"k" * 32
    again = Spool(tmp_path / "spool", keys, monotonic=Seconds())
    assert again.open() == 1
    again.close()
    (path,) = finished(again.folder)
    found = read(path, keys)
    assert sum(len(rows) for rows in found.rows) == 50
    assert not found.ended
    assert found.events[-1].kind is EventKind.INTERRUPTED
    assert found.events[-1].at == clock.from_unix_ns(1_700_000_000_980_000_000)


@pytest.mark.parametrize("cut", [1, 4, 20, 60])
def test_a_torn_end_is_dropped(made: Spool, keys: Keys, cut: int) -> None:
    call = made.begin(facts())
    call.rows(29, row(1))
    call.seal()
    call.rows(29, row(2) * 3)
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    (path,) = finished(made.folder)
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    found = read(path, keys)
    assert not found.ended
    assert found.rows[0].tobytes() == row(1)


def test_a_changed_byte_in_the_middle_ends_belief_there(made: Spool, keys: Keys) -> None:
    call = made.begin(facts())
    for number in range(3):
        call.rows(29, row(number))
        call.seal()
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    (path,) = finished(made.folder)
    data = bytearray(path.read_bytes())
    data[-200] ^= 1
    path.write_bytes(data)
    found = read(path, keys)
    assert found.damaged
    assert len(found.rows) < 3


def test_another_calls_file_does_not_open(made: Spool, keys: Keys) -> None:
    one, two = made.begin(facts()), made.begin(facts())
    for call in (one, two):
        call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    first, second = finished(made.folder)
    first.write_bytes(second.read_bytes())
    with pytest.raises(Damaged):
        read(first, keys)


def test_one_recorder_at_a_time(made: Spool, keys: Keys) -> None:
    with pytest.raises(Conflict):
        Spool(made.folder, keys, monotonic=Seconds()).open()


def test_forgetting_destroys_the_key_first(made: Spool) -> None:
    made.begin(facts()).end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    (path,) = finished(made.folder)
    handle = path.open("rb")
    forget(path)
    assert not path.exists()
    with handle:
        assert handle.read(100) == bytes(100)


@pytest.fixture
def no_room() -> Iterator[None]:
    """No file may grow: what a full disk answers, EFBIG in place of ENOSPC."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_costs_nothing_that_fits_in_memory(made: Spool, keys: Keys, no_room: None) -> None:
    call = made.begin(facts())
    call.rows(29, row(1))
    call.seal()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (call.size + 10, hard))
    for number in range(2, 20):
        call.rows(29, row(number))
        call.seal()
    assert made.trouble
    assert made.pending > 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    assert made.trouble is None
    (path,) = finished(made.folder)
    found = read(path, keys)
    assert found.ended
    assert b"".join(rows.tobytes() for rows in found.rows) == b"".join(row(number) for number in range(1, 20))


def test_memory_is_bounded_while_the_disk_is_full(
    made: Spool, keys: Keys, no_room: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "LONGEST_QUEUE", 2_000)
    call = made.begin(facts())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (call.size, hard))
    for number in range(200):
        call.rows(29, row(number))
        call.seal()
    assert made.pending < 2_200
    assert call.given_up > 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    call.rows(29, row(500))
    call.end(CallEvent(at=clock.now(), kind=EventKind.ENDED))
    (path,) = finished(made.folder)
    found = read(path, keys)
    assert found.ended, "what was given up must not make the rest unreadable"
    assert found.rows[0].tobytes() == row(0)


def test_no_room_for_a_new_call_is_said(made: Spool) -> None:
    made.folder.chmod(0o500)
    try:
        if os.geteuid() == 0:
            pytest.skip("root writes anywhere")
        with pytest.raises(Unavailable):
            made.begin(facts())
    finally:
        made.folder.chmod(0o700)


def test_records_do_not_change_place(keys: Keys, tmp_path: Path) -> None:
    sealer = spool_format.RecordSealer(b"k" * 32, "call")
    first, second = sealer.seal(b"\x02one"), sealer.seal(b"\x02two")
    path = tmp_path / "x"
    path.write_bytes(second + first)
    with path.open("rb") as stream, pytest.raises(Damaged):
        list(spool_format.RecordReader(stream, b"k" * 32, "call").available())
