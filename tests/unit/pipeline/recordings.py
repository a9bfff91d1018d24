"""Small recordings and a house for them: a real database, vault and intake in one folder."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from sqlalchemy import select

from candor import wiring
from candor.access.service import Access
from candor.capture import store as register
from candor.capture.files import Limits
from candor.consent.ledger.service import Ledger
from candor.conversation.model import Conversation
from candor.kit.database import Database, metadata, sqlite_url
from candor.pipeline.completeness import Completeness
from candor.pipeline.intake import Intake
from candor.pipeline.places import Places
from candor.pipeline.shelf import Shelf
from candor.replay.service import Replay
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.local_key import from_key_file
from candor.vault.service import Vault


def recording(seed: int = 0, seconds: float = 0.5, channels: int = 2) -> bytes:
    """A WAV that is like no other."""
    samples = np.random.default_rng(seed).integers(-9000, 9000, (round(seconds * 8000), channels), np.int16)
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(samples.tobytes())
    return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class House:
    """The rooms that taking in needs."""

    database: Database
    access: Access
    shelf: Shelf
    intake: Intake
    replay: Replay
    completeness: Completeness
    places: Places = field(default_factory=lambda: Places(()))
    https: bool = False


def open_house(folder: Path) -> House:
    """A house in ``folder``, which may have one already."""
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(sqlite_url(folder / "candor.db"))
    with database.write() as uow:
        metadata.create_all(uow)
    shelf = Shelf(Vault(FolderStore(folder / "objects"), from_key_file(folder / "key", may_create=True)))
    replay = Replay(wiring.Sources(shelf.vault))
    ledger = Ledger(lambda uow, create: shelf.vault.fields(uow, "consent-ledger", create=create))
    limits = Limits(bytes=3_000_000, seconds=3600)
    intake = Intake(database, shelf, replay.index.enlist, limits, "US", ledger=ledger)
    return House(
        database=database, access=Access(), shelf=shelf, intake=intake, replay=replay,
        completeness=Completeness(database, shelf, region="US"),
    )  # fmt: skip


def conversations(house: House) -> list[Conversation]:
    """Everything that was taken in, in the order of calls."""
    with house.database.read() as uow:
        return [house.shelf.conversation(uow, an_id) for an_id in register.ids(uow)]


def original(house: House, conversation: Conversation) -> bytes:
    """The bytes as they came."""
    with house.database.read() as uow:
        stream = house.shelf.original(uow, conversation)
        assert stream is not None
        with stream:
            return stream.read()


def attention(house: House) -> list[tuple[str, str]]:
    """(name, code) of everything that needs attention."""
    with house.database.read() as uow:
        rows = uow.execute(select(register.intake.c.name, register.intake.c.code).order_by(register.intake.c.name))
        return [(row.name, row.code) for row in rows]
