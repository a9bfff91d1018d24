"""The vault, its master keys, and the data keys of the spool."""

from __future__ import annotations

from pathlib import Path

from candor.errors import InvalidInput
from candor.kit.database import Database
from candor.pipeline.backup.making import Backups
from candor.pipeline.backup.restoring import refuse_half_restored
from candor.services import Services
from candor.settings import Settings, environment
from candor.vault import store as vault_store
from candor.vault.adapters import make_key
from candor.vault.adapters.folder import FolderStore
from candor.vault.keys import register
from candor.vault.keys.reading import FileSpec, KeySpec, PassphraseSpec, read_keys
from candor.vault.keys.ring import KeyRing
from candor.vault.keys.spool import SpoolKeys
from candor.vault.service import Vault


def make_vault(settings: Settings, database: Database) -> Vault:
    """The vault of a data folder whose database has its tables; the first to open it makes the key file."""
    with database.read() as uow:
        may_create = not vault_store.any_key(uow)
    vault = Vault(FolderStore(settings.data / "objects"), key_ring(settings, database, may_create=may_create))
    with database.read() as uow:
        vault.prove_master(uow)
        known = register.knows(uow, vault.keys.key_id)
    if not known:
        with database.write() as uow:
            register.note(uow, vault.keys.sealing)
    return vault


def key_ring(settings: Settings, database: Database, *, may_create: bool) -> KeyRing:
    """Every master key of the settings, bound to this data folder."""
    with database.read() as uow:
        tenant = vault_store.tenant(uow)
    if tenant is None:
        with database.write() as uow:
            tenant = vault_store.make_tenant(uow)
    return ring_for(settings, tenant, may_create=may_create)


def ring_for(settings: Settings, tenant: str, *, may_create: bool = False) -> KeyRing:
    """Every master key of the settings, bound to the data folder of that name."""
    first, *others = [
        make_key(spec, may_create=may_create and number == 0, seconds=settings.key_cache_seconds)
        for number, spec in enumerate(key_specs(settings))
    ]
    return KeyRing(first, *others, tenant=tenant)


def key_specs(settings: Settings) -> tuple[KeySpec, ...]:
    """What the settings say of master keys, the one that seals first."""
    passphrase = settings.passphrase.get_secret_value() if settings.passphrase is not None else None
    if settings.keys and settings.key_file is not None:
        raise InvalidInput(
            "Both CANDOR_KEYS and CANDOR_KEY_FILE are set.", code="key.settings",
            advice='Name the file in CANDOR_KEYS: {"kind": "file", "path": "…"}.',
        )  # fmt: skip
    default = {"kind": "passphrase"} if passphrase is not None else {"kind": "file"}
    if settings.key_file is not None and passphrase is None:
        default["path"] = str(settings.key_file.absolute())
    pin = settings.pkcs11_pin.get_secret_value() if settings.pkcs11_pin is not None else None
    return read_keys(settings.keys or (default,), settings.data, environment(), passphrase=passphrase, pin=pin)


def spool_keys(settings: Settings, ring: KeyRing | None = None) -> SpoolKeys:
    """Keys of calls in progress; the database is asked once, for the name that they are bound to."""
    if ring is None:
        refuse_half_restored(settings.data)
        database = Database(settings.database_url)
        ring = key_ring(settings, database, may_create=False)
        database.close()
    return SpoolKeys(ring, settings.spool / "keys")


def make_backups(settings: Settings, services: Services) -> Backups:
    """What makes backups of this data folder; key files in it are never taken."""
    keys = [spec.path for spec in key_specs(settings) if isinstance(spec, FileSpec)]
    return Backups(services.database, services.shelf.vault, settings.data, keys=keys)


def key_files(settings: Settings) -> dict[str, Path]:
    """Key files of the settings, by where they belong in the data folder."""
    return {_inside(settings.data, spec.path): spec.path for spec in key_specs(settings) if isinstance(spec, FileSpec)}


def salts(settings: Settings) -> dict[str, str]:
    """What passphrases need to become keys, by where it belongs in the data folder."""
    specs = [spec for spec in key_specs(settings) if isinstance(spec, PassphraseSpec)]
    return {_inside(settings.data, spec.salt): spec.salt.read_text() for spec in specs}


def _inside(data: Path, path: Path) -> str:
    found = path.absolute()
    return str(found.relative_to(data.absolute())) if found.is_relative_to(data.absolute()) else found.name
