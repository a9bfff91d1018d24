"""The register imports nothing twice and shows nobody's name; refusals wait until they are resolved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from candor.capture import store
from candor.conversation.model import Conversation, Direction, Party, Recording, Role
from candor.errors import MediaRejected, NotFound
from candor.kit import clock
from candor.kit.database import Database, metadata, sqlite_url
from candor.kit.ids import new_id


@pytest.fixture
def database(tmp_path: Path):
    database = Database(sqlite_url(tmp_path / "t.db"))
    metadata.create_all(database.engine, tables=[store.conversation, store.intake])
    yield database
    database.close()


def call(sha512: str = "ab" * 64, external_id: str | None = None, **more) -> Conversation:
    return Conversation(
        id=new_id(),
        started_at=datetime(2026, 3, 2, 9, tzinfo=timezone(timedelta(hours=1))),
        utc_offset_minutes=60,
        external_id=external_id,
        direction=Direction.INBOUND,
        parties=(
            Party(role=Role.CUSTOMER, name="Grace Hopper", tel="+12125550100"),
            Party(role=Role.AGENT, agent_id="a1"),
        ),
        recording=Recording(object_id=new_id(), mediatype="audio/x-wav", filename="c.wav", size=9, sha512=sha512),
        **more,
    )


def seal(data: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in data)


def test_round_trip_and_nothing_personal_outside_the_seal(database: Database, tmp_path: Path) -> None:
    value = call()
    with database.write() as uow:
        assert store.register(uow, value, seal=seal) == store.Registered(id=value.id, duplicate=False)
    with database.read() as uow:
        assert store.get(uow, value.id, unseal=seal) == value
        assert store.exists(uow, value.id)
        assert store.ids(uow) == [value.id]
        row = uow.execute(store.conversation.select()).one()
        assert (row.started_at, row.agent_id) == (datetime(2026, 3, 2, 8), "a1")  # noqa: DTZ001
        with pytest.raises(NotFound):
            store.get(uow, new_id(), unseal=seal)
    database.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Grace" not in held
    assert b"2125550100" not in held


def test_nothing_twice(database: Database) -> None:
    first, named, other = call(), call(external_id="7"), call(external_id="8")
    with database.write() as uow:
        store.register(uow, first, seal=seal)
        assert store.register(uow, call(), seal=seal) == store.Registered(id=first.id, duplicate=True)
        assert store.register(uow, named, seal=seal).id == first.id  # learning a call id later makes no second call
        assert not store.register(uow, call("cd" * 64, "7"), seal=seal).duplicate
        assert not store.register(uow, call("cd" * 64, "8"), seal=seal).duplicate  # same bytes, two calls
        assert store.register(uow, call("cd" * 64, "8"), seal=seal).duplicate
        assert store.register(uow, call(source="vcon"), seal=seal).duplicate  # whichever way it comes in
        assert store.by_digest(uow, "ab" * 64) == first.id
        assert store.by_digest(uow, "ef" * 64) is None
        assert len(store.by_external_id(uow, "8")) == 1
    assert other.id != first.id


def test_refusals_wait_for_attention(database: Database) -> None:
    error = MediaRejected("The file is empty.", code="media.empty", advice="Copy it again.")
    with database.write() as uow, clock.freeze(datetime(2026, 3, 2, tzinfo=UTC)) as advance:
        first = store.record_refusal(uow, "a.wav", error)
        advance(timedelta(hours=1))
        assert store.record_refusal(uow, "a.wav", error) == first
        second = store.record_refusal(uow, "b.wav", error)
        assert [(item.id, item.at.hour, item.code, item.advice) for item in store.open_refusals(uow)] == [
            (first, 1, "media.empty", "Copy it again."),
            (second, 1, "media.empty", "Copy it again."),
        ]
        store.resolve_refusal(uow, first)
        assert [item.id for item in store.open_refusals(uow)] == [second]
        with pytest.raises(NotFound):
            store.resolve_refusal(uow, first)
