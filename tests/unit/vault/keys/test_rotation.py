"""Exchanging the master key, killed at any moment, beside everything else that goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from candor.errors import Unavailable, WrongKey
from candor.kit.database import Database
from candor.vault import store
from candor.vault.keys import register, rotation
from candor.vault.keys.checking import check
from candor.vault.keys.ring import KeyRing
from candor.vault.service import Vault, context_of
from tests.peers import preloaded
from tests.unit.vault.conftest import MakeKey


def fill(vault: Vault, database: Database, number: int) -> list[str]:
    with database.write() as uow:
        for n in range(number):
            vault.fields(uow, f"c{n}", create=True)
        return [vault.keep(uow, vault.seal("original", f"c{n}", f"words {n}".encode())) for n in range(number)]


def ring(key: MakeKey) -> KeyRing:
    return KeyRing(key("new"), key("master"), tenant="tenant-1")


def test_every_key_goes_over_and_no_object_changes(
    vault: Vault, database: Database, key: MakeKey, tmp_path: Path
) -> None:
    ids = fill(vault, database, 20)
    before = {path: path.read_bytes() for path in (tmp_path / "objects").rglob("*") if path.is_file()}
    done = rotation.rotate(database, ring(key))
    assert (done.total, done.done, done.failed) == (40, 40, 0)
    assert done.finished_at is not None
    assert before == {path: path.read_bytes() for path in (tmp_path / "objects").rglob("*") if path.is_file()}
    alone = Vault(vault.objects, KeyRing(key("new"), tenant="tenant-1"))
    with database.read() as uow:
        assert [alone.read(uow, one) for one in ids] == [f"words {n}".encode() for n in range(20)]
        alone.fields(uow, "c3")
        with pytest.raises(WrongKey, match="is configured"):
            vault.read(uow, ids[0])
        states = register.states(uow, ring(key))
    assert [(state.seals, state.objects) for state in states] == [(True, 40), (False, 0)]


def test_running_it_again_finds_nothing_to_do(vault: Vault, database: Database, key: MakeKey) -> None:
    fill(vault, database, 3)
    rotation.rotate(database, ring(key))
    assert rotation.rotate(database, ring(key)).done == 0
    assert rotation.rotate(database, ring(key), again=True).done == 6


def test_it_brings_keys_of_before_1_0_into_the_present_form(vault: Vault, database: Database, key: MakeKey) -> None:
    [object_id] = fill(vault, database, 1)
    sealed = vault.seal("original", "c9", b"old")
    context = context_of(sealed.id, "original", "c9")
    secret = vault.keys.unwrap(sealed.master_key_id, sealed.wrapped, context)
    with database.write() as uow:
        vault.keep(uow, replace(sealed, wrapped=key("master").wrap(secret, context)))
        uow.execute(store.data_key.update().where(store.data_key.c.object_id == sealed.id).values(form=0))
    same = KeyRing(key("master"), tenant="tenant-1")
    assert rotation.rotate(database, same).done == 1
    with database.read() as uow:
        assert vault.read(uow, sealed.id) == b"old"
        assert vault.read(uow, object_id) == b"words 0"
        assert store.get_key(uow, sealed.id)[2] == 1  # type: ignore[index]


def test_a_key_destroyed_meanwhile_stays_destroyed(vault: Vault, database: Database, key: MakeKey) -> None:
    ids = fill(vault, database, 600)
    seen: list[int] = []

    def shred_one(progress: rotation.Progress) -> None:
        if not seen:
            with database.read() as uow:
                left = [one for one in ids if (store.get_key(uow, one) or ("",))[0] == key("master").key_id]
            with database.write() as uow:
                vault.shred(uow, left[-1])
            ids.remove(left[-1])
        seen.append(progress.done)

    done = rotation.rotate(database, ring(key), follow=shred_one)
    assert done.done == 1199
    with database.read() as uow:
        assert store.ids(uow) == set(ids)


def test_what_cannot_be_unwrapped_is_counted_and_left(vault: Vault, database: Database, key: MakeKey) -> None:
    ids = fill(vault, database, 3)
    with database.write() as uow:
        uow.execute(store.data_key.update().where(store.data_key.c.object_id == ids[1]).values(wrapped=bytes(60)))
    done = rotation.rotate(database, ring(key))
    assert (done.done, done.failed) == (5, 1)
    with database.read() as uow:
        assert store.get_key(uow, ids[1]) == (key("master").key_id, bytes(60), 1)


def test_a_service_that_goes_away_leaves_what_was_done(vault: Vault, database: Database, key: MakeKey) -> None:
    fill(vault, database, 600)
    fresh = key("new")

    class Flaky:
        key_id, kind, place, remote = fresh.key_id, "vault", "somewhere", True
        left = 700

        def wrap(self, data_key: bytes, context: bytes) -> bytes:
            self.left -= 1
            if self.left < 0:
                raise Unavailable("gone", code="key.unavailable")
            return fresh.wrap(data_key, context)

        unwrap, close = fresh.unwrap, fresh.close

    with pytest.raises(Unavailable):
        rotation.rotate(database, KeyRing(Flaky(), key("master"), tenant="tenant-1"))
    with database.read() as uow:
        latest = rotation.latest(uow)
    assert latest is not None
    assert (latest.total, latest.done, latest.finished_at) == (1200, 500, None)
    done = rotation.rotate(database, ring(key))
    assert (done.id, done.total, done.done, done.failed) == (latest.id, 1200, 1200, 0)


_ROTATE = """
import sys
from dataclasses import replace
from pathlib import Path
from candor.kit.database import Database, sqlite_url
from candor.vault.adapters.local_key import from_key_file
from candor.vault.keys import rotation
from candor.vault.keys.ring import KeyRing
folder = Path(sys.argv[1])
rotation._BATCH = 8
keys = [from_key_file(folder / f"{name}.key", may_create=False) for name in ("new", "master")]
print("ready", flush=True)
again = sys.argv[2] == "again"
rotation.rotate(Database(sqlite_url(folder / "candor.db")), KeyRing(*keys, tenant="tenant-1"), again=again,
                follow=lambda now: print(now.done, flush=True))
print("end", flush=True)
"""


@pytest.mark.parametrize("mode", ["once", "again"])
def test_killed_at_any_moment_it_goes_on(
    vault: Vault, database: Database, key: MakeKey, tmp_path: Path, mode: str
) -> None:
    ids = fill(vault, database, 150)
    key("new")
    chance, kills = random.Random(7), 0
    while True:
        command = [sys.executable, "-c", _ROTATE, str(tmp_path), mode]
        process = preloaded.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        for _ in range(chance.randint(1, 4)):
            lines.append(process.stdout.readline())
            if lines[-1] == "end\n":
                break
        if lines[-1] == "end\n":
            assert process.wait() == 0
            process.stdout.close()
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        kills += 1
        with database.read() as uow:  # whatever moment it was: everything opens with both keys
            both = Vault(vault.objects, ring(key))
            assert [both.read(uow, one) for one in ids] == [f"words {n}".encode() for n in range(150)]
    assert kills >= 3
    with database.read() as uow:
        latest = rotation.latest(uow)
        alone = Vault(vault.objects, KeyRing(key("new"), tenant="tenant-1"))
        assert [alone.read(uow, one) for one in ids] == [f"words {n}".encode() for n in range(150)]
    assert latest is not None
    # One that is killed after its last batch, before it said so, leaves nothing to do to the next.
    totals = {300, 0} if mode == "once" else {300}
    assert latest.total in totals
    assert (latest.done, latest.failed) == (latest.total, 0)


def test_checking_tells_what_is_under_a_key_that_is_not_configured(
    vault: Vault, database: Database, key: MakeKey
) -> None:
    fill(vault, database, 2)
    assert [(one.state.key_id, one.fault) for one in check(database, vault.keys)] == [(key("master").key_id, None)]
    found = check(database, KeyRing(key("new"), tenant="tenant-1"))
    assert [one.fault is None for one in found] == [True, False]
    assert isinstance(found[1].fault, WrongKey)
    assert "4 data keys" in found[1].fault.message
    stranger = check(database, KeyRing(key("master"), tenant="another"))
    assert isinstance(stranger[0].fault, WrongKey), "the key works, and opens nothing that is here"
