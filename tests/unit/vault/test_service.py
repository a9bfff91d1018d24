"""Sealing, keys, shredding and what a crash leaves."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from candor.errors import Damaged, InvalidInput, WrongKey
from candor.kit.database import Database
from candor.kit.sound import FlacReader, FlacWriter
from candor.vault import store
from candor.vault.adapters import local_key
from candor.vault.keys.ring import KeyRing
from candor.vault.service import DigestingWriter, Vault, context_of
from tests.unit.vault.conftest import MakeKey


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_an_original_keeps_its_bytes_and_digest(vault: Vault, database: Database, tmp_path: Path) -> None:
    import hashlib

    plain = b"RIFF" + b"spoken words" * 50_000
    writer = DigestingWriter(vault.begin("original", "c1"))
    writer.write(plain[:100])
    writer.write(plain[100:])
    with database.write() as uow:
        object_id = vault.keep(uow, writer.finish())
    with database.read() as uow:
        assert vault.read(uow, object_id) == plain
        assert vault.size(uow, object_id) == len(plain)
    assert writer.sha512 == hashlib.sha512(plain).hexdigest()
    assert all(b"spoken words" not in path.read_bytes() for path in files(tmp_path))


def test_flac_is_written_through_the_seal_with_a_true_header(vault: Vault, database: Database) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (80_000, 2)).astype(np.float32)
    sealed_file = vault.begin("working", "c1")
    with FlacWriter(sealed_file.stream, 8000, 2) as flac:
        for start in range(0, len(noise), 7000):
            flac.write(noise[start : start + 7000])
    with database.write() as uow:
        object_id = vault.keep(uow, sealed_file.finish())
    with database.read() as uow, FlacReader(vault.open(uow, object_id)) as reader:
        assert (reader.frames, reader.rate, reader.channels) == (80_000, 8000, 2)
        np.testing.assert_allclose(reader.window(50_000, 50_100), noise[50_000:50_100], atol=2e-4)


def test_shredding_leaves_nothing_that_opens(vault: Vault, database: Database, tmp_path: Path) -> None:
    with database.write() as uow:
        object_id = vault.keep(uow, vault.seal("original", "c1", b"x" * 1000))
    copy = files(tmp_path)[0].read_bytes()
    with database.write() as uow:
        vault.shred(uow, object_id)
    assert files(tmp_path) == []
    restored = tmp_path / "objects" / object_id[-2:] / object_id
    restored.write_bytes(copy)  # a backup brings the bytes back, but never the key
    with database.read() as uow, pytest.raises(Damaged, match="destroyed"):
        vault.open(uow, object_id)


def test_ciphertext_is_bound_to_its_object(vault: Vault, database: Database, tmp_path: Path) -> None:
    with database.write() as uow:
        first = vault.keep(uow, vault.seal("original", "c1", b"first"))
        second = vault.keep(uow, vault.seal("original", "c2", b"other"))
    folder = tmp_path / "objects"
    (folder / first[-2:] / first).write_bytes((folder / second[-2:] / second).read_bytes())
    with database.read() as uow, pytest.raises(Damaged):
        vault.read(uow, first)


def test_fields_are_bound_to_conversation_and_name(vault: Vault, database: Database) -> None:
    with database.write() as uow:
        cipher = vault.fields(uow, "c1", create=True)
        sealed = cipher.seal("parties", b"Jane")
        other = vault.fields(uow, "c2", create=True)
    assert cipher.open("parties", sealed) == b"Jane"
    for wrong in (lambda: cipher.open("subject", sealed), lambda: other.open("parties", sealed)):
        with pytest.raises(Damaged):
            wrong()


def test_a_crash_between_sealing_and_recording_leaves_only_sweepings(vault: Vault, database: Database) -> None:
    vault.seal("original", "c1", b"never recorded")
    with database.write() as uow:
        kept = vault.keep(uow, vault.seal("original", "c1", b"recorded"))
        assert vault.sweep(uow, older_than=3600) == 0
        assert vault.sweep(uow, older_than=-1) == 1
        assert vault.read(uow, kept) == b"recorded"


def test_another_master_key_is_told_apart(vault: Vault, database: Database, tmp_path: Path) -> None:
    with database.write() as uow:
        object_id = vault.keep(uow, vault.seal("original", "c1", b"x"))
    stranger = Vault(vault.objects, local_key.from_key_file(tmp_path / "other.key", may_create=True))
    with database.read() as uow, pytest.raises(Damaged, match="master key"):
        stranger.open(uow, object_id)


def test_a_missing_key_file_is_never_replaced_when_things_are_sealed(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="key file"):
        local_key.from_key_file(tmp_path / "gone.key", may_create=False)
    assert not (tmp_path / "gone.key").exists()


def test_a_key_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    made = local_key.from_key_file(path, may_create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert local_key.from_key_file(path, may_create=False).key_id == made.key_id
    path.chmod(0o644)
    with pytest.raises(InvalidInput, match="chmod 600"):
        local_key.from_key_file(path, may_create=False)


def test_a_passphrase_opens_again_and_a_mistyped_one_is_told(tmp_path: Path) -> None:
    salt = tmp_path / "passphrase.json"
    first = local_key.from_passphrase("correct horse battery", salt, may_create=True)
    assert local_key.from_passphrase("correct horse battery", salt, may_create=False).key_id == first.key_id
    with pytest.raises(WrongKey, match="not the one"):
        local_key.from_passphrase("correct horse batterz", salt, may_create=False)
    with pytest.raises(InvalidInput, match="12 characters"):
        local_key.from_passphrase("short", salt, may_create=False)


def test_a_shredded_key_is_nowhere_in_the_databases_files(vault: Vault, database: Database, tmp_path: Path) -> None:
    with database.write() as uow:
        object_id = vault.keep(uow, vault.seal("original", "c1", b"x" * 1000))
        vault.fields(uow, "c1", create=True)
    with database.read() as uow:
        _, wrapped, _ = store.get_key(uow, object_id) or ("", b"", 0)
    looked = [tmp_path / "candor.db", tmp_path / "candor.db-wal"]
    assert any(wrapped in path.read_bytes() for path in looked), "it is where it was written"
    with database.write() as uow:
        vault.shred(uow, object_id)
    assert not any(wrapped in path.read_bytes() for path in looked if path.exists())


def test_nothing_is_destroyed_by_a_unit_of_work_that_is_not_committed(
    vault: Vault, database: Database, tmp_path: Path
) -> None:
    with database.write() as uow:
        object_id = vault.keep(uow, vault.seal("original", "c1", b"words"))

    def die() -> None:
        with database.write() as uow:
            vault.shred(uow, object_id)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"):
        die()
    with database.read() as uow:
        assert vault.read(uow, object_id) == b"words"


def test_bytes_that_a_crash_left_of_a_destroyed_object_are_swept(
    vault: Vault, database: Database, tmp_path: Path
) -> None:
    with database.write() as uow:
        object_id = vault.keep(uow, vault.seal("original", "c1", b"words"))
    with database.write() as uow:
        store.drop_key(uow, object_id)  # as when the process died before it removed the bytes
    assert len(files(tmp_path)) == 1
    with database.write() as uow:
        assert vault.sweep(uow, older_than=-1) == 1
    assert files(tmp_path) == []


def test_a_swap_of_any_two_is_told(vault: Vault, database: Database, tmp_path: Path) -> None:
    """Of bytes, of wrapped keys, and of both together, over objects, kinds, conversations and fields."""
    places = [("original", "c1"), ("original", "c2"), ("working", "c1"), ("transcript", "c2")]
    with database.write() as uow:
        ids = [vault.keep(uow, vault.seal(kind, one, f"{kind} of {one}".encode())) for kind, one in places]
        ids += [conversation for conversation in ("c1", "c2") if vault.fields(uow, conversation, create=True)]
    with database.read() as uow:
        keys = {one: store.get_key(uow, one) for one in ids}
    paths = {one: tmp_path / "objects" / one[-2:] / one for one in ids}
    contents = {one: path.read_bytes() for one, path in paths.items() if path.exists()}

    def put(one: str, *, bytes_of: str | None = None, key_of: str | None = None) -> None:
        if bytes_of is not None:
            paths[one].write_bytes(contents[bytes_of])
        found = keys[key_of] if key_of is not None else None
        if found is not None:
            with database.write() as uow:
                uow.execute(
                    store.data_key.update()
                    .where(store.data_key.c.object_id == one)
                    .values(master_key_id=found[0], wrapped=found[1], form=found[2])
                )

    told = 0
    for first, second in itertools.permutations(ids, 2):
        for swaps in ({"bytes_of": second}, {"key_of": second}, {"bytes_of": second, "key_of": second}):
            if "bytes_of" in swaps and not {first, second} <= contents.keys():
                continue
            put(first, **swaps)
            with database.read() as uow, pytest.raises(Damaged):
                vault.read(uow, first) if first in contents else vault.fields(uow, first)
            told += 1
            put(first, bytes_of=first if first in contents else None, key_of=first)
    assert told == 12 * 2 + 30, "every pair of objects in two ways, every pair of keys"


def test_another_tenant_opens_nothing_though_it_has_the_master_key(
    vault: Vault, database: Database, key: MakeKey
) -> None:
    with database.write() as uow:
        object_id = vault.keep(uow, vault.seal("original", "c1", b"words"))
    other = Vault(vault.objects, KeyRing(key("master"), tenant="tenant-2"))
    with database.read() as uow, pytest.raises(WrongKey):
        other.read(uow, object_id)


def test_what_was_sealed_before_1_0_opens(vault: Vault, database: Database, key: MakeKey) -> None:
    """Wrapped keys were bound to their object, not to a tenant."""
    sealed = vault.seal("original", "c1", b"words")
    context = context_of(sealed.id, "original", "c1")
    secret = vault.keys.unwrap(sealed.master_key_id, sealed.wrapped, context)
    with database.write() as uow:
        vault.keep(uow, replace(sealed, wrapped=key("master").wrap(secret, context)))
        uow.execute(store.data_key.update().values(form=0))
    with database.read() as uow:
        assert vault.read(uow, sealed.id) == b"words"
    with database.write() as uow:
        uow.execute(store.data_key.update().values(form=2))
    with database.read() as uow, pytest.raises(Damaged, match="later version"):
        vault.read(uow, sealed.id)


def test_a_zero_byte_in_a_name_cannot_move_the_border_between_two(vault: Vault, database: Database) -> None:
    with pytest.raises(ValueError, match="zero byte"):
        context_of("a", "b\0c", "d")
    with database.write() as uow:
        cipher = vault.fields(uow, "c1", create=True)
    with pytest.raises(ValueError, match="zero byte"):
        cipher.seal("a\0b", b"x")
    for cut in range(30):
        with pytest.raises(Damaged):
            cipher.open("a", cipher.seal("a", b"x")[:cut][:28])
