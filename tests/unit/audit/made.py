"""A log over a real database file, with a real vault's cipher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from candor.audit.adapters.objects import ObjectsElsewhere
from candor.audit.log import AuditLog
from candor.audit.service import Event, record
from candor.kit.database import Database, UnitOfWork, sqlite_url
from candor.kit.migrations import upgrade
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.local_key import LocalKey
from candor.vault.service import FieldCipher, Vault

KEY = LocalKey(b"k" * 32)


@dataclass
class House:
    """One data folder."""

    folder: Path
    database: Database
    log: AuditLog

    @property
    def file(self) -> Path:
        return self.folder / "candor.db"

    def write(self, count: int, event: Event = Event.PLAYED, reason: str | None = None) -> None:
        """So many lines, each in its own unit of work."""
        for place in range(count):
            with self.database.write() as uow:
                record(uow, event, "user-1", conversation_id="conversation-1", subject=f"n{place}", reason=reason)


def house(folder: Path, elsewhere: Path | None = None, **settings: object) -> House:
    """Open (or make) a data folder."""
    folder.mkdir(exist_ok=True, parents=True)
    database = Database(sqlite_url(folder / "candor.db"))
    upgrade(database, folder)
    vault = Vault(FolderStore(folder / "objects"), KEY)

    def cipher(uow: UnitOfWork, create: bool) -> FieldCipher:
        return vault.fields(uow, "audit-log", create=create)

    place = ObjectsElsewhere(str(elsewhere)) if elsewhere else None
    settings.setdefault("every", timedelta(hours=1))
    return House(folder, database, AuditLog(database, cipher, place, **settings))  # type: ignore[arg-type]
