"""The log at work: lines, reasons, checkpoints here and elsewhere, proofs, lines of an older version."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from candor.audit import checkpoint as notes
from candor.audit import origin, store, tree
from candor.audit.adapters.objects import ObjectsElsewhere
from candor.audit.log import AuditLog
from candor.audit.model import leaf_of
from candor.audit.service import Event, Wanted, entries, record
from candor.audit.store import audit_event, audit_head
from candor.errors import Damaged, InvalidInput, NotFound, Unavailable
from candor.kit import clock, jcs
from tests.unit.audit.made import House, house


def test_a_line_is_there_if_and_only_if_the_deed_is(made: House) -> None:
    made.write(2)

    def undone() -> None:
        with made.database.write() as uow:
            record(uow, Event.PLAYED, "user-1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    made.write(1)
    with made.database.read() as uow:
        assert [entry.number for entry in entries(uow)] == [3, 2, 1]
    assert made.log.verify().holds


def test_who_what_why_from_where(made: House) -> None:
    with origin.asked_from("192.0.2.7"), made.database.write() as uow:
        number = record(uow, Event.OVERRIDDEN, "u", conversation_id="c", subject="q1", reason="It was said.")
    with made.database.read() as uow:
        (entry,) = entries(uow, "c")
    assert (entry.number, entry.event, entry.actor, entry.subject) == (number, Event.OVERRIDDEN, "u", "q1")
    assert (entry.reason, entry.origin) == ("It was said.", "192.0.2.7")
    assert origin.current() is None


def test_canonical_json_is_that_of_rfc_8785(made: House) -> None:
    with made.database.write() as uow:
        record(uow, Event.PLAYED, 'a"\\\x1f\b\n\u2028ü€😀/', subject="\x7f</script>", reason="x")
    with made.database.read() as uow:
        ((_, says),) = store.walk(uow)
        one = store.line(uow, 1)
    assert one is not None
    assert one[1] == says
    assert leaf_of(says) == jcs.canonical(says)
    assert b"\\u001f" in leaf_of(says)


def test_a_reason_is_erased_and_the_log_still_holds(made: House) -> None:
    made.write(3, reason="Mrs Example asked for it.")
    made.write(1, reason="Zacharias Uniquename asked for it.")
    made.log.erase_reason(2, by="admin", reason="It named a customer.")
    report = made.log.verify()
    assert report.holds
    assert report.reasons_erased == 1
    with made.database.read() as uow:
        erased = next(entry for entry in entries(uow) if entry.number == 2)
        assert (erased.reason, erased.reason_erased) == (None, True)
        assert next(entry for entry in entries(uow) if entry.number == 3).reason == "Mrs Example asked for it."
    with pytest.raises(NotFound):
        made.log.erase_reason(2, by="admin", reason="Again.")
    made.log.erase_reason(4, by="admin", reason="It named a customer.")
    made.database.close()
    assert not [file for file in made.folder.rglob("*") if file.is_file() and b"Zacharias" in file.read_bytes()]


def test_what_no_database_takes_is_no_reason_to_fail(made: House) -> None:
    with made.database.write() as uow:
        record(uow, Event.PLAYED, "x" * 99, subject="a\0b\ud800" * 60, reason="r\0\udfff")
    assert made.log.verify().holds


def test_filters_and_pages(made: House) -> None:
    made.write(5)
    made.write(5, event=Event.EXPORTED)
    with made.database.read() as uow:
        first = store.newest(uow, Wanted(events=(Event.PLAYED,)), limit=3)
        rest = store.newest(uow, Wanted(events=(Event.PLAYED,)), before=first[-1].number, limit=3)
        assert [entry.number for entry in (*first, *rest)] == [5, 4, 3, 2, 1]
        assert not store.newest(uow, Wanted(actor="nobody"))
        assert len(store.newest(uow, Wanted(since=first[0].at, until=clock.now()))) >= 6
        assert store.actors(uow) == ["user-1"]


def test_proofs_of_a_large_log_read_little(made: House) -> None:
    size = 66_000
    with made.database.write() as uow:
        for place in range(size):
            record(uow, Event.PLAYED, f"user-{place % 5}")
    signed = made.log.checkpoint()
    with made.database.read() as uow:
        key = made.log.key(uow)
        assert key is not None
        read = 0

        def count(*_: object) -> None:
            nonlocal read
            read += 1

        sa.event.listen(made.database.engine, "before_cursor_execute", count)
        for number in (1, 256, 257, 65_536, 65_537, size):
            proof = made.log.prove(uow, number, signed)
            assert notes.check_proof(proof, key).checkpoint.size == size
        assert read < 6 * 25
        edge = tree.Edge()
        roots = {}
        for line, _ in store.walk(uow):
            edge.add(line.leaf)
            roots[edge.size] = edge.root() if edge.size in (1, 255, 256, 300, 65_536, 65_800, size) else b""
        for old, new in ((1, size), (255, 300), (256, 65_536), (300, size), (65_536, 65_800), (size, size)):
            path = made.log.consistency(uow, old, new)
            assert tree.roots_from_consistency(old, new, roots[old], path) == (roots[old], roots[new])
    assert made.log.verify().holds


def test_no_proof_before_a_checkpoint(made: House) -> None:
    made.write(3)
    with made.database.read() as uow:
        with pytest.raises(NotFound, match="No checkpoint covers"):
            made.log.prove(uow, 1)
        with pytest.raises(NotFound, match="no such line"):
            made.log.prove(uow, 9)
    with made.database.read() as uow, pytest.raises(InvalidInput):
        made.log.consistency(uow, 3, 2)


def test_checkpoints_are_made_when_it_is_time(made: House) -> None:
    log = made.log
    assert not log.tend()
    made.write(1)
    with clock.freeze(clock.now()) as advance:
        assert log.tend()
        made.write(1)
        assert not log.tend()
        advance(timedelta(minutes=61))
        assert log.tend()
        made.write(1_000)
        assert log.tend()
        assert not log.tend()
    with made.database.read() as uow:
        assert [size for size, _, _ in store.checkpoints(uow)] == [1_002, 2, 1]


def test_a_clock_set_back_keeps_no_checkpoint_from_being_made(made: House) -> None:
    made.write(1)
    made.log.tend()
    with clock.freeze(clock.now() - timedelta(hours=3)):
        made.write(1)
        assert made.log.tend()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[House]:
    found = house(tmp_path / "data", tmp_path / "elsewhere")
    yield found
    found.database.close()


def test_checkpoints_go_elsewhere_and_are_never_overwritten(two: House, tmp_path: Path) -> None:
    two.write(3)
    note = two.log.checkpoint().note
    (file,) = (tmp_path / "elsewhere").iterdir()
    assert file.read_text() == note
    two.log.checkpoint()
    assert file.read_text() == note
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_a_checkpoint_that_could_not_be_kept_elsewhere_is_kept_there_later(
    two: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.write(3)

    def away(*_: object) -> None:
        raise Unavailable("The place cannot be reached.")

    with monkeypatch.context() as while_away:
        while_away.setattr(ObjectsElsewhere, "put", away)
        with pytest.raises(Unavailable):
            two.log.checkpoint()
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not two.log.tend()  # nothing new to sign, but something to keep
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_a_log_that_was_rolled_back_signs_nothing_until_somebody_says_why(two: House, tmp_path: Path) -> None:
    two.write(10)
    two.log.checkpoint()
    backup = (two.folder / "candor.db").read_bytes()
    with two.database.engine.connect() as raw:
        raw.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = (two.folder / "candor.db").read_bytes()
    two.write(10)
    two.log.checkpoint()
    two.database.close()
    for left in two.folder.glob("candor.db-*"):
        left.unlink()
    (two.folder / "candor.db").write_bytes(backup)
    again = house(tmp_path / "data", tmp_path / "elsewhere")
    again.write(3)
    with pytest.raises(Damaged, match="20 lines"):
        again.log.checkpoint()
    assert again.log.restored(by="admin", reason="The disk broke; backup of last night.") == 1
    assert again.log.checkpoint().checkpoint.size == 14
    assert again.log.restored(by="admin", reason="Nothing to say.") == 0
    with again.database.read() as uow:
        assert entries(uow)[0].event is Event.LOG_RESTORED
    again.database.close()


def test_a_place_with_another_logs_checkpoints_is_not_used(two: House, tmp_path: Path) -> None:
    two.write(1)
    two.log.checkpoint()
    other = house(tmp_path / "other", tmp_path / "elsewhere")
    other.write(1)
    with pytest.raises(Damaged, match="another log"):
        other.log.checkpoint()
    other.database.close()


def test_writers_at_once_leave_no_gap(made: House) -> None:
    made.write(1)
    threads = [threading.Thread(target=made.write, args=(60,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = made.log.verify()
    assert report.holds, report.faults
    assert report.lines == 241


def older(made: House, count: int) -> None:
    """Lines as the version before the tree wrote them."""
    with made.database.write() as uow:
        uow.execute(
            audit_event.insert(),
            [
                {"at": clock.to_column(clock.now() - timedelta(days=9)), "event": "web:session:open", "actor": "old",
                 "conversation_id": None, "subject": str(place), "reason": "why" if place % 3 == 0 else None}
                for place in range(count)
            ],
        )  # fmt: skip


def test_lines_of_an_older_version_come_first_and_in_order(made: House) -> None:
    older(made, 7)
    made.write(2)
    with made.database.read() as uow:
        found = entries(uow)[::-1]
        assert not store.any_older(uow)
    assert [entry.subject for entry in found] == ["0", "1", "2", "3", "4", "5", "6", "n0", "n1"]
    assert found[0].before == 1
    assert found[0].reason == "why"
    report = made.log.verify()
    assert report.holds, report.faults
    assert report.older_lines == 7


def test_many_older_lines_are_taken_in_in_batches(made: House) -> None:
    older(made, 2_500)
    made.write(1)
    with made.database.read() as uow:
        head = store.head(uow)
        assert head is not None
        assert (head.size, head.waiting) == (1_001, True)
    made.log.tend()
    with made.database.read() as uow:
        head = store.head(uow)
        assert head is not None
        assert (head.size, head.waiting) == (2_501, False)
    assert made.log.verify().holds


def test_lines_that_an_older_process_still_writes_are_taken_in_by_the_chore(made: House) -> None:
    made.write(2)
    older(made, 3)
    assert "wait to be taken in" in made.log.verify().notes[0]
    made.log.tend()
    made.write(1)
    report = made.log.verify()
    assert report.holds, report.faults
    assert (report.lines, report.older_lines) == (6, 3)
    assert not report.notes


def test_the_signing_key_is_sealed(made: House) -> None:
    public = made.log.make_key()
    assert made.log.make_key() == public
    with made.database.read() as uow:
        kept = store.key(uow)
    assert kept is not None
    assert kept[0] == public.raw
    assert len(kept[1]) == 12 + 32 + 16  # nonce, key, tag


def test_a_database_made_without_migrations_begins_a_log_too(tmp_path: Path, made: House) -> None:
    with made.database.write() as uow:
        uow.execute(audit_head.delete())
        assert record(uow, Event.PLAYED, "x") == 1
    assert isinstance(made.log, AuditLog)
    assert made.log.verify().holds
