"""The vault or the database is away while calls are recorded: the spool keeps them, and nothing is lost afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from candor import wiring
from candor.capture import store as register
from candor.pipeline import collector as collecting
from candor.services import Services
from candor.settings import load
from tests.integration.test_recorder import one_call, sound
from tests.peers.recorder import RunningRecorder, find, running

GIVEN = {"1": sound(1, 1), "2": sound(2, 1)}


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningRecorder]:
    monkeypatch.setattr(collecting, "_PAUSE_AFTER_TROUBLE", 0.0)
    with running(tmp_path / "data") as made:
        yield made


@contextmanager
def no_vault(data: Path) -> Iterator[None]:
    """As when its disk is not mounted."""
    objects = data / "objects"
    objects.mkdir(exist_ok=True)
    objects.rename(data / "away")
    objects.write_bytes(b"")
    try:
        yield
    finally:
        objects.unlink()
        (data / "away").rename(objects)


@contextmanager
def locked_database(data: Path) -> Iterator[None]:
    """As when another program holds it."""
    with sqlite3.connect(data / "candor.db", isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            holder.execute("ROLLBACK")
    holder.close()


@contextmanager
def no_tables(data: Path) -> Iterator[None]:
    """As when the database is not the one it should be."""
    with sqlite3.connect(data / "candor.db", isolation_level=None) as other:
        other.execute("ALTER TABLE conversation RENAME TO elsewhere")
        try:
            yield
        finally:
            other.execute("ALTER TABLE elsewhere RENAME TO conversation")
    other.close()


def impatient(services: Services) -> None:
    """Do not wait fifteen seconds for a lock."""

    def hurry(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout=100")

    services.database.engine.dispose()
    sa.event.listen(services.database.engine, "connect", hurry)


@pytest.mark.parametrize("trouble", [no_vault, locked_database, no_tables])
def test_calls_wait_in_the_spool_and_come_out_whole(recorder: RunningRecorder, trouble: object) -> None:
    services = recorder.services()
    impatient(services)
    collector = wiring.make_collector(load(data=recorder.data), services)
    spool = recorder.data / "spool"
    with trouble(recorder.data):  # type: ignore[operator]
        asyncio.run(one_call(recorder.port, GIVEN, name="while-away"))
        recorder.wait_for(lambda status: not status["active"])
        for _ in range(3):
            assert collector.collect() == 0
        (waiting,) = spool.glob("*.done")
        assert not list(spool.glob("*.bad"))
        assert recorder.client.status()["spool"]["trouble"] is None
    services.database.close()
    (kept,) = recorder.collect()
    assert kept.conversation.id == waiting.stem
    assert find(kept.channels[:, 0], GIVEN["1"]) >= 0
    assert find(kept.channels[:, 1], GIVEN["2"]) >= 0
    services = recorder.services()
    with services.database.read() as uow:
        assert not register.open_refusals(uow)
    services.database.close()
    assert not list(spool.glob("*.done"))
