"""Sealing, keys, shredding and what a crash leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from candor.errors import Damaged, InvalidInput
from candor.kit.database import Database, metadata, sqlite_url
from candor.kit.sound import FlacReader, FlacWriter
from candor.vault.adapters import local_key
from candor.vault.adapters.folder import FolderStore
from candor.vault.service import DigestingWriter, Vault


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine)
    return database


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(FolderStore(tmp_path / "objects"), local_key.from_key_file(tmp_path / "master.key", may_create=True))


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
    with pytest.raises(InvalidInput, match="not the one"):
        local_key.from_passphrase("correct horse batterz", salt, may_create=False)
    with pytest.raises(InvalidInput, match="12 characters"):
        local_key.from_passphrase("short", salt, may_create=False)
