"""A vault in a folder, for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from candor.kit.database import Database, metadata, sqlite_url
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.local_key import LocalKey, from_key_file
from candor.vault.keys.ring import KeyRing
from candor.vault.service import Vault

MakeKey = Callable[[str], LocalKey]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine)
    return database


@pytest.fixture
def key(tmp_path: Path) -> MakeKey:
    """Key files by name, made when they are not there."""
    return lambda name: from_key_file(tmp_path / f"{name}.key", may_create=True)


@pytest.fixture
def vault(tmp_path: Path, key: MakeKey) -> Vault:
    return Vault(FolderStore(tmp_path / "objects"), KeyRing(key("master"), tenant="tenant-1"))
