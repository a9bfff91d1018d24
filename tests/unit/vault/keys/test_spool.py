"""Data keys of calls in progress: quick, without the master key for each, and exchanged without touching a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import Damaged, Unavailable, WrongKey
from candor.vault.adapters.local_key import LocalKey
from candor.vault.keys.ring import KeyRing
from candor.vault.keys.spool import SpoolKeys
from tests.unit.vault.conftest import MakeKey


class Counting(LocalKey):
    """A master key that counts, and can go away."""

    def __init__(self) -> None:
        super().__init__(bytes(range(32)))
        self.wrapped, self.away = 0, False

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        if self.away:
            raise Unavailable("away", code="key.unavailable")
        self.wrapped += 1
        return super().wrap(data_key, context)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "keys"


def test_calls_begin_without_the_master_key(folder: Path) -> None:
    master = Counting()
    keys = SpoolKeys(KeyRing(master, tenant="t"), folder)
    keys.begin([])
    master.away = True
    made = {f"call-{n}": keys.new(f"call-{n}") for n in range(50)}
    assert master.wrapped == 1
    assert len({data_key for data_key, _ in made.values()}) == 50
    other = SpoolKeys(KeyRing(Counting(), tenant="t"), folder)
    assert all(other.open(call_id, wrapped) == data_key for call_id, (data_key, wrapped) in made.items())
    assert all(len(wrapped) < 200 for _, wrapped in made.values())


def test_a_key_opens_for_its_call_and_its_tenant_only(folder: Path) -> None:
    keys = SpoolKeys(KeyRing(Counting(), tenant="t"), folder)
    _, wrapped = keys.new("one")
    with pytest.raises(WrongKey):
        keys.open("two", wrapped)
    with pytest.raises(WrongKey):
        SpoolKeys(KeyRing(Counting(), tenant="another"), folder).open("one", wrapped)


def test_without_a_master_key_no_recorder_starts(folder: Path) -> None:
    master = Counting()
    master.away = True
    with pytest.raises(Unavailable):
        SpoolKeys(KeyRing(master, tenant="t"), folder).begin([])
    assert not list(folder.glob("*.key"))


def test_exchanging_the_master_key_leaves_calls_as_they_are(folder: Path, key: MakeKey) -> None:
    before = SpoolKeys(KeyRing(key("master"), tenant="t"), folder)
    data_key, wrapped = before.new("call")
    ring = KeyRing(key("new"), key("master"), tenant="t")
    assert SpoolKeys(ring, folder).rewrap() == 1
    assert SpoolKeys(ring, folder).rewrap() == 0
    assert SpoolKeys(ring, folder).counts() == {key("new").key_id: 1}
    assert SpoolKeys(KeyRing(key("new"), tenant="t"), folder).open("call", wrapped) == data_key
    with pytest.raises(WrongKey):
        SpoolKeys(KeyRing(key("master"), tenant="t"), folder).open("call", wrapped)
    _, later = before.new("another")  # the recorder that runs goes on under its own spool key
    SpoolKeys(KeyRing(key("new"), tenant="t"), folder).open("another", later)


def test_spool_keys_that_no_call_needs_are_destroyed_at_the_next_start(folder: Path) -> None:
    ring = KeyRing(Counting(), tenant="t")
    first, second = SpoolKeys(ring, folder), SpoolKeys(ring, folder)
    _, kept = first.new("kept")
    _, gone = second.new("gone")
    third = SpoolKeys(ring, folder)
    third.begin([kept])
    assert len(list(folder.glob("*.key"))) == 2
    SpoolKeys(ring, folder).open("kept", kept)
    with pytest.raises(Damaged, match="missing"):
        SpoolKeys(ring, folder).open("gone", gone)


def test_calls_of_before_1_0_open(folder: Path, key: MakeKey) -> None:
    master = key("master")
    data_key = bytes(32)
    wrapped = master.key_id.encode() + b"\0" + master.wrap(data_key, b"candor.spool.1\0call")
    keys = SpoolKeys(KeyRing(master, tenant="t"), folder)
    assert keys.open("call", wrapped) == data_key
    keys.begin([wrapped])


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"key_id": "x"}', b'{"key_id": "x", "form": 1, "wrapped": "zz"}', b"[]"]
)
def test_a_damaged_spool_key_is_told(folder: Path, content: bytes) -> None:
    keys = SpoolKeys(KeyRing(Counting(), tenant="t"), folder)
    _, wrapped = keys.new("call")
    [path] = folder.glob("*.key")
    path.write_bytes(content)
    with pytest.raises(Damaged):
        SpoolKeys(KeyRing(Counting(), tenant="t"), folder).open("call", wrapped)
    for name in (b"spool-../../etc", b"spool-", b"spool-\xff"):
        with pytest.raises(Damaged):
            keys.open("call", name + b"\0" + bytes(60))
