"""The transcripts of a conversation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from candor.errors import NotFound
from candor.kit.database import Database, sqlite_url
from candor.kit.ids import new_id
from candor.transcript import store

CALL = new_id()


@pytest.fixture
def database(tmp_path: Path):
    database = Database(sqlite_url(tmp_path / "candor.db"))
    store.transcripts.create(database.engine)
    yield database
    database.close()


def row(minute: int, *, current: bool, conversation: str = CALL) -> store.TranscriptRow:
    return store.TranscriptRow(
        id=new_id(),
        conversation_id=conversation,
        engine="moonshine",
        model="tiny-en",
        version="0.1.0/beam5",
        language="en",
        object_id=new_id(),
        redaction_object_id=None,
        word_count=12,
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC) + timedelta(minutes=minute),
        current=current,
    )


def test_a_new_transcript_takes_over_and_the_old_one_is_kept(database: Database) -> None:
    first, second = row(0, current=True), row(1, current=True)
    with database.write() as uow:
        store.insert(uow, first)
        store.insert(uow, row(0, current=True, conversation=new_id()))
        store.insert(uow, second)
    with database.read() as uow:
        assert store.current(uow, CALL) == second
        assert [found.id for found in store.list_for(uow, CALL)] == [second.id, first.id]
        assert store.get(uow, first.id).created_at == first.created_at
        assert not store.get(uow, first.id).current


def test_going_back_to_an_earlier_one(database: Database) -> None:
    first, second = row(0, current=True), row(1, current=True)
    with database.write() as uow:
        store.insert(uow, first)
        store.insert(uow, second)
        store.set_current(uow, first.id)
        store.set_redaction(uow, first.id, "object")
    with database.read() as uow:
        found = store.current(uow, CALL)
        assert found is not None
        assert (found.id, found.redaction_object_id) == (first.id, "object")


def test_the_database_itself_allows_one_current_transcript(database: Database) -> None:
    first, second = row(0, current=True), row(1, current=False)
    with database.write() as uow:
        store.insert(uow, first)
        store.insert(uow, second)
    change = store.transcripts.update().where(store.transcripts.c.id == second.id).values(current=True)
    with pytest.raises(IntegrityError), database.write() as uow:
        uow.execute(change)


def test_what_is_not_there(database: Database) -> None:
    with database.read() as uow:
        assert store.current(uow, CALL) is None
        assert store.list_for(uow, CALL) == []
        with pytest.raises(NotFound):
            store.get(uow, new_id())
        with pytest.raises(NotFound):
            store.set_current(uow, new_id())
        with pytest.raises(NotFound):
            store.set_redaction(uow, new_id(), "object")
