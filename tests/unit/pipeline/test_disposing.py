"""Destroying over all rooms: what is gone, what stays, what comes back and is destroyed again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import Conflict, Damaged, NotFound
from candor.kit import clock
from candor.pipeline import store as runs
from candor.pipeline.disposing import Order, reapply
from candor.pipeline.erasing import RUN
from candor.replay.model import ConversationFilter, Scope
from candor.vault.disposal import certificate, store, tombstones
from candor.vault.disposal.store import Why
from tests.unit.pipeline.kept import START, WORD, Kept, opened
from tests.unit.pipeline.recordings import recording

ORDER = Order(why=Why.RETENTION, by="manager", basis="Policy 7", schedule="House v1", due_at=START)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Kept]:
    with opened(tmp_path / "data") as made:
        yield made


def destroy(house: Kept, conversation_id: str, order: Order = ORDER) -> None:
    house.services.disposing.destroy(conversation_id, order)
    house.services.disposing.finish(patience=60)


def test_nothing_is_left_in_tables_files_and_pages_of_the_database(house: Kept) -> None:
    gone, stays = house.take(sound=True), house.take(f"My {WORD[:7]} works.", tel="+12125550199")
    assert WORD[7:].encode() in house.raw()
    objects = {path.name for path in (house.folder / "objects").glob("??/*")}
    assert {"conversation", "sealed_object", "artifact", "transcript", "analysis", "subject_key", "run"} <= set(
        house.traces(gone)
    )
    destroy(house, gone)
    assert house.there(gone, stays) == [False, True]
    assert set(house.traces(gone)) <= {"tombstone", "audit_entry", "audit_line", "audit_event"}
    assert WORD.encode() not in house.raw(), "the words are in no page of the database, its index or its log"
    assert WORD[7:].encode() not in house.raw(), "nor as what the index keeps of a word behind a similar one"
    left = {path.name for path in (house.folder / "objects").glob("??/*")}
    assert left < objects
    with house.services.database.read() as uow:
        assert house.services.shelf.redaction(uow, stays) is not None
    assert (found(house, "works"), found(house, WORD)) == (1, 0)


def test_one_that_is_not_there_is_told_so(house: Kept) -> None:
    with pytest.raises(NotFound):
        house.services.disposing.destroy("nothing", ORDER)


def test_the_certificate_tells_what_and_why_and_any_changed_byte_is_seen(house: Kept) -> None:
    destroy(house, gone := house.take())
    with house.services.database.read() as uow:
        issued = store.certificates(uow)
        text = store.signed(uow, issued[0].id)
        keys = store.public_keys(uow)
        stone = store.newest(uow)[0]
    assert text is not None
    assert (len(issued), issued[0].conversations, issued[0].why) == (1, 1, Why.RETENTION)
    checked = certificate.verify(text, keys)
    assert checked.ours
    told = checked.payload["conversations"][0]
    assert (told["conversation"], told["schedule"], told["basis"]) == (gone, "House v1", "Policy 7")
    assert {one["kind"] for one in told["objects"]} >= {"document", "transcript", "redaction"}
    assert checked.payload["company"] == "Northwind"
    assert stone.objects == (), "the digests are in the certificate alone"
    assert not certificate.verify(text).ours, "without a known key nobody says whose it is"
    head, payload, signature = text.split(".")
    turned = "A" if payload[40] != "A" else "B"
    for damaged in (
        f"{head}.{payload[:40]}{turned}{payload[41:]}.{signature}", f"{head}.{payload}.{'A' * len(signature)}",
        f"{head}.{payload}", "", "x" * 300, "{}",
    ):  # fmt: skip
        with pytest.raises(Damaged):
            certificate.verify(damaged, keys)


def test_a_certificate_under_a_foreign_key_is_not_ours(house: Kept, tmp_path: Path) -> None:
    destroy(house, house.take())
    with opened(tmp_path / "other") as other:
        destroy(other, other.take())
        with other.services.database.read() as uow:
            foreign = store.signed(uow, store.certificates(uow)[0].id)
    with house.services.database.read() as uow:
        keys = store.public_keys(uow)
    assert foreign is not None
    assert not certificate.verify(foreign, keys).ours


def test_the_audit_log_says_who_and_why(house: Kept) -> None:
    destroy(house, gone := house.take())
    with house.services.database.read() as uow:
        entry = next(one for one in audit.entries(uow, gone) if one.event == Event.DISPOSED)
    assert (entry.actor, entry.subject, entry.reason) == ("manager", "retention", "Policy 7")


def test_the_same_recording_is_not_taken_in_again_until_somebody_lifts_the_tombstone(house: Kept) -> None:
    sound = recording(7)

    def take() -> str:
        upload = house.services.intake.begin("call.wav", {}, actor="test")
        upload.write(sound)
        return upload.finish().conversation_id

    first = take()
    with house.services.database.read() as uow:
        digest = house.services.shelf.conversation(uow, first).recording
    assert digest is not None
    destroy(house, first)
    objects = sorted(path.name for path in (house.folder / "objects").glob("??/*"))
    with pytest.raises(Conflict, match="its time was over"):
        take()
    assert sorted(path.name for path in (house.folder / "objects").glob("??/*")) == objects, "nothing is left behind"
    with house.services.database.write() as uow:
        house.services.disposing.lift(uow, digest.sha512, by="manager", reason="A court wants it")
    assert house.there(take()) == [True]


def test_tombstones_are_filed_and_hold_nothing_of_anybody(house: Kept) -> None:
    destroy(house, gone := house.take())
    path = house.folder / tombstones.FILENAME
    lines = path.read_text().splitlines()
    assert [set(json.loads(line)) for line in lines] == [{"conversation", "at", "why", "content"}]
    stones, damaged = tombstones.read(path)
    assert ([one.conversation_id for one in stones], damaged) == ([gone], 0)
    assert path.stat().st_mode & 0o077 == 0


def test_a_line_that_a_crash_cut_spoils_no_other(house: Kept) -> None:
    path = house.folder / tombstones.FILENAME
    destroy(house, first := house.take())
    with path.open("a") as file:
        file.write('{"conversation":"half')
    destroy(house, second := house.take())
    stones, damaged = tombstones.read(path)
    assert ([one.conversation_id for one in stones], damaged) == ([first, second], 1)


def test_what_a_backup_brings_back_is_destroyed_again(house: Kept, tmp_path: Path) -> None:
    gone, stays = house.take(), house.take(tel="+12125550199")
    saved = tmp_path / "saved.db"
    with sqlite3.connect(house.folder / "candor.db") as source, sqlite3.connect(saved) as target:
        source.backup(target)
    objects = {path: path.read_bytes() for path in (house.folder / "objects").glob("??/*")}
    destroy(house, gone)
    stones, _ = tombstones.read(house.folder / tombstones.FILENAME)
    house.close()
    for path in house.folder.glob("candor.db*"):
        path.unlink()
    (house.folder / "candor.db").write_bytes(saved.read_bytes())
    for path, data in objects.items():
        path.write_bytes(data)
    restored = Kept(house.folder)
    try:
        assert restored.there(gone, stays) == [True, True]
        assert reapply(restored.services, stones) == 1
        assert restored.there(gone, stays) == [False, True]
        assert reapply(restored.services, stones) == 0
        assert WORD.encode() in restored.raw(), "the other conversation says it, too"
        destroy(restored, stays)
        assert WORD.encode() not in restored.raw()
    finally:
        restored.close()


def test_what_is_processed_meanwhile_does_not_come_back(house: Kept) -> None:
    gone = house.take(process=False)
    runner = house.services
    with runner.database.read() as uow:
        run = runs.unfinished(uow)[0]
    destroy(house, gone)
    house.process()
    assert house.there(gone) == [False]
    with runner.database.read() as uow:
        assert runs.get_run(uow, run.id) is None
        assert store.remains(uow, RUN) == [run.id], "the engine is still to forget it"


def test_finishing_again_after_a_crash_changes_nothing(house: Kept) -> None:
    gone = house.take()
    with house.services.database.write() as uow:  # killed right after this: bytes, log, file and certificate are due
        house.services.disposing.destroy_in(uow, gone, ORDER)
    left = list((house.folder / "objects").glob("??/*"))
    assert left
    with clock.freeze(START + timedelta(days=1)):
        assert len(house.services.disposing.finish(patience=60)) == 1
        assert house.services.disposing.finish() == []
    assert [path for path in (house.folder / "objects").glob("??/*") if path in left] == []
    assert WORD.encode() not in house.raw()
    assert len(tombstones.read(house.folder / tombstones.FILENAME)[0]) == 1


def found(house: Kept, text: str) -> int:
    with house.services.database.read() as uow:
        return len(house.services.replay.page(uow, ConversationFilter(text=text), Scope()).rows)
