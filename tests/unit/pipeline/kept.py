"""The whole product over one folder, with written conversations that run through every stage: for retention's tests."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from candor import wiring
from candor.kit import clock
from candor.kit.ids import new_id
from candor.pipeline import store as runs
from candor.pipeline.adapters.inline import InlineEngine
from candor.pipeline.shelf import PLAYBACK
from candor.replay.model import ConversationFilter, Scope
from candor.services import Services
from candor.settings import Settings
from candor.vault.retention.model import Schedule
from candor.vault.retention.reading import draft

START = datetime(2026, 1, 10, 9, tzinfo=UTC)
TEL = "+12125550143"
WORD = "zyzzyvaquartz"
"""A word that no id or digest can hold by chance."""


class Kept:
    """One house."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.settings = Settings(data=folder, recorder=False, meaning=False, region="US", company="Northwind", **more)
        self.services: Services = wiring.open_services(self.settings)
        self._engine: InlineEngine | None = None

    @property
    def folder(self) -> Path:
        return self.settings.data

    def close(self) -> None:
        self.services.database.close()

    def take(
        self, said: str = f"My {WORD} is broken.", *, at: datetime = START, tel: str = TEL, name: str = "Julia Marsh",
        answer: str = "I will look into it.", process: bool = True, sound: bool = False, **more: Any,
    ) -> str:  # fmt: skip
        """Take in a written conversation and bring it through all stages; returns its id."""
        moment = at.isoformat()
        parties = [
            {"tel": tel, "name": name, "role": "customer", **more.pop("customer", {})},
            {"name": "Dana Whitfield", "role": "agent"},
        ]
        dialog = [
            {"type": "text", "start": moment, "parties": [who], "originator": who, "mediatype": "text/plain",
             "body": text, "encoding": "none"}
            for who, text in ((0, said), (1, answer))
        ]  # fmt: skip
        value = {
            "vcon": "0.4.0", "uuid": str(UUID(new_id())), "created_at": moment, "parties": parties, "dialog": dialog,
            **more,
        }  # fmt: skip
        upload = self.services.intake.begin("written.vcon", {}, actor="test")
        upload.write(json.dumps(value).encode())
        conversation_id = upload.finish().conversation_id
        if process:
            self.process()
        if sound:
            shelf = self.services.shelf
            with self.services.database.write() as uow:
                shelf.put(uow, PLAYBACK, shelf.vault.seal(PLAYBACK, conversation_id, b"fLaC redacted sound"))
        return conversation_id

    def process(self) -> None:
        """Run what waits."""
        if self._engine is None:
            self._engine = InlineEngine(wiring.make_runner(self.settings, self.services), attempts=1)
        with self.services.database.read() as uow:
            waiting = runs.unfinished(uow)
        for run in waiting:
            self._engine.submit(run.id)

    def schedule(self, name: str = "House", days: int = 30, **when: str) -> Schedule:
        """A schedule that counts from today on."""
        with self.services.database.write() as uow:
            made = self.services.schedules.draft(uow, draft(name, days, "Policy 7", when), by="drafter")
            return self.services.schedules.put_in_effect(uow, made.id, by="manager")

    def there(self, *conversation_ids: str) -> list[bool]:
        """Whether the list has them."""
        with self.services.database.read() as uow:
            wanted = ConversationFilter(ids=conversation_ids)
            known = {row.id for row in self.services.replay.page(uow, wanted, Scope()).rows}
        return [one in known for one in conversation_ids]

    def traces(self, conversation_id: str) -> dict[str, int]:
        """Every table of the database that still holds the id, and in how many rows."""
        with sqlite3.connect(self.folder / "candor.db") as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found = {}
            for table in tables:
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
                where = " OR ".join(f'CAST("{column}" AS TEXT) = ?' for column in columns)
                query = f'SELECT count(*) FROM "{table}" WHERE {where}'
                count = connection.execute(query, [conversation_id] * len(columns)).fetchone()[0]
                if count:
                    found[table] = count
        connection.close()
        return found

    def raw(self) -> bytes:
        """The database's files, byte by byte."""
        files = sorted(self.folder.glob("candor.db*"))
        return b"".join(file.read_bytes() for file in files)


@contextmanager
def opened(folder: Path, at: datetime = START, **more: Any) -> Iterator[Kept]:
    """A house whose clock stands at ``at``."""
    with clock.freeze(at):
        house = Kept(folder, **more)
        try:
            yield house
        finally:
            house.close()
