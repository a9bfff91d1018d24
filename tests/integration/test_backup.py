"""Backing up, verifying and restoring a house that is lived in."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.errors import Damaged
from candor.kit.ids import new_id
from candor.pipeline.backup import store
from candor.pipeline.backup.manifest import Snapshot, read_manifest
from candor.pipeline.backup.target import Target
from candor.pipeline.disposing import Order
from candor.vault import store as vault_store
from candor.vault.disposal.store import Why
from tests.integration.backups import Backed, restored
from tests.unit.pipeline.kept import WORD

ERASED = Order(why=Why.REQUEST, by="officer", basis="GDPR art. 17")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Backed]:
    made = Backed(tmp_path / "data")
    yield made
    made.close()


def key_of(house: Backed) -> Path:
    """The master key, as somebody keeps it in another place."""
    kept = house.folder.parent / "kept.key"
    shutil.copy(house.folder / "master.key", kept)
    return kept


def names(house: Backed) -> list[str]:
    return [one["name"] for one in json.loads(house.ok("backup", "list", house.target, "--json").stdout)["backups"]]


def test_everything_comes_back(house: Backed, tmp_path: Path) -> None:
    conversation = house.take(sound=True)
    ids = house.fill(30)
    before = house.contents(ids)
    made = json.loads(house.ok("backup", house.target, "--json").stdout)
    assert made["made"]["copied"] == made["made"]["objects"] >= 31
    report = json.loads(house.ok("backup", "verify", house.target, "--open", "--json").stdout)
    assert report["whole"]
    assert (report["objects"], report["faults"]) == (made["made"]["objects"], [])
    assert report["keys"] == report["objects"] + report["fields"] > report["objects"]
    told = json.loads(
        house.ok("restore", house.target, "--to", tmp_path / "new", "--key-file", key_of(house), "--json").stdout
    )
    assert told["objects"] == report["objects"]
    other = restored(tmp_path / "new", tmp_path / "kept.key")
    assert other.contents(ids) == before
    with other.services.database.read() as uow:
        party = other.services.shelf.conversation(uow, conversation).parties[0]
        assert party.name == "Julia Marsh"
        assert Event.BACKUP_RESTORED in {entry.event for entry in audit.entries(uow)}
        assert WORD in str(other.services.shelf.redaction(uow, conversation))
    other.take()  # and life goes on
    other.close()
    with house.services.database.read() as uow:
        [kept] = store.newest(uow)
        events = [entry.event for entry in audit.entries(uow)]
    assert (kept.faults, kept.missing, kept.target) == (0, 0, str(house.target))
    assert kept.verified_at is not None
    assert {Event.BACKUP_MADE, Event.BACKUP_VERIFIED} <= set(events)


def test_nothing_of_it_is_in_the_clear_and_no_key_is_in_it(house: Backed) -> None:
    house.take(sound=True)
    (house.folder / "candor.toml").write_text('company = "Nightjar Holdings"\n')
    house.ok("backup", house.target)
    key = (house.folder / "master.key").read_text().strip()
    needles = [word.encode() for word in (WORD, "Julia", "Marsh", "2125550143", "Nightjar", "SQLite format", key)]
    needles.append(bytes.fromhex(key))
    files = [path for path in house.target.rglob("*") if path.is_file()]
    assert len(files) > 5
    found = [(path.name, word) for path in files for word in needles if word in path.read_bytes()]
    assert found == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in files if path.name != "lock")


def test_only_new_objects_are_copied(house: Backed) -> None:
    house.fill(20)
    house.ok("backup", house.target)
    times = {path: path.stat().st_mtime_ns for path in house.sealed()}
    fresh = house.fill(3)
    made = json.loads(house.ok("backup", house.target, "--json").stdout)["made"]
    assert (made["objects"], made["copied"]) == (23, 3)
    assert {path.name for path in house.sealed()} - {path.name for path in times} == set(fresh)
    assert all(path.stat().st_mtime_ns == then for path, then in times.items())
    house.ok("backup", "verify", house.target)


def test_the_newest_backup_is_the_one_made_last_whatever_the_clock_says(
    house: Backed, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    target = Target(house.target)
    for hours in (0, 0, 0, -1, -30):  # thrice in one second, then a clock that was set back twice
        monkeypatch.setattr("candor.pipeline.backup.manifest.clock.now", lambda at=then + timedelta(hours=hours): at)
        kept = house.fill(2)
        made = json.loads(house.ok("backup", house.target, "--json").stdout)["made"]
        assert target.names()[-1] == made["name"]
        assert set(kept) <= {path.name for path in house.sealed()}


def test_the_list_of_objects_can_be_checked_without_candor(house: Backed) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not on this machine")
    import subprocess

    house.fill(5)
    house.ok("backup", house.target)
    index = next(house.target.glob("snapshots/*/objects.txt"))
    assert subprocess.run(["sha256sum", "-c", "--quiet", index], cwd=house.target, check=False).returncode == 0
    house.sealed()[0].write_bytes(b"changed")
    ended = subprocess.run(["sha256sum", "-c", "--quiet", index], cwd=house.target, check=False, capture_output=True)
    assert ended.returncode != 0


def test_it_is_whole_while_everything_runs(house: Backed) -> None:
    house.fill(40)
    vault, database, stop = house.services.shelf.vault, house.services.database, threading.Event()
    done = {"sealed": 0, "shredded": 0}

    def live() -> None:
        mine: list[str] = []
        while not stop.is_set():
            with database.write() as uow:
                mine.append(vault.keep(uow, vault.seal("original", "live", new_id().encode() * 50)))
            done["sealed"] += 1
            if len(mine) > 5:
                with database.write() as uow:
                    vault.shred(uow, mine.pop(0))
                done["shredded"] += 1

    threads = [threading.Thread(target=live) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            house.ok("backup", house.target)
            report = json.loads(house.ok("backup", "verify", house.target, "--json").stdout)
            assert report["whole"]
            assert report["objects"] >= 40
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert done["sealed"] > 10
    assert done["shredded"] > 5


def test_what_was_shredded_vanishes_from_the_target_and_from_what_is_restored(house: Backed, tmp_path: Path) -> None:
    ids = house.fill(10)
    house.ok("backup", house.target)
    old = names(house)[0]
    with house.services.database.write() as uow:
        house.services.shelf.vault.shred(uow, ids[4])
    told = json.loads(house.ok("backup", house.target, "--json").stdout)
    assert told["vanished"] == 1
    assert ids[4] not in {path.name for path in house.sealed()}
    key = key_of(house)
    house.ok("restore", house.target, "--to", tmp_path / "old", "--snapshot", old, "--key-file", key)
    other = restored(tmp_path / "old", key)
    assert other.contents([one for one in ids if one != ids[4]])
    with other.services.database.read() as uow:
        assert vault_store.get_key(uow, ids[4]) is None, "its key is not brought back either"
        with pytest.raises(Damaged, match="destroyed"):
            other.services.shelf.vault.read(uow, ids[4])
    other.close()


@pytest.mark.parametrize("by", ["a newer backup", "a file", "the live folder"])
def test_who_was_erased_stays_erased(house: Backed, tmp_path: Path, by: str) -> None:
    gone, stays = house.take(sound=True), house.take(said="Another matter.", tel="+12125550144", name="Ann Other")
    house.ok("backup", house.target)
    old = names(house)[0]
    copy = tmp_path / "copy"
    shutil.copytree(house.target, copy)  # carried away before: it knows nothing of what came later
    house.services.disposing.destroy(gone, ERASED)
    house.services.disposing.finish()
    more: list[object] = []
    if by == "a newer backup":
        house.ok("backup", house.target)
        copy = house.target
    elif by == "a file":
        more = ["--tombstones", shutil.copy(house.folder / "tombstones.jsonl", tmp_path / "stones.jsonl")]
    else:
        more = ["--live", house.folder]
    key = key_of(house)
    done = house.ok("restore", copy, "--to", tmp_path / "new", "--snapshot", old, "--key-file", key, *more, "--json")
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["destroyed_again"] == 1
    other = restored(tmp_path / "new", key)
    with other.services.database.read() as uow:
        assert not register.exists(uow, gone)
        assert vault_store.of_conversation(uow, gone) == []
        assert vault_store.get_key(uow, gone) is None
        assert other.services.shelf.conversation(uow, stays)
    assert not any(word in path.read_bytes() for path in other.folder.rglob("*.db*") for word in (b"Julia", b"zyzzyva"))
    other.close()


def test_older_snapshots_go_with_their_keys(house: Backed) -> None:
    for _ in range(4):
        house.fill(2)
        house.ok("backup", "--keep", 2, house.target)
    assert len(names(house)) == 2
    assert len(list((house.target / "snapshots").iterdir())) == 2
    house.ok("backup", "prune", house.target, "--keep", 1)
    assert len(names(house)) == 1
    report = json.loads(house.ok("backup", "verify", house.target, "--json").stdout)
    assert report["objects"] == 8


def test_a_call_in_the_spool_comes_back_and_not_twice(house: Backed, tmp_path: Path) -> None:
    spool = house.folder / "spool"
    (spool / "keys").mkdir(parents=True)
    there = house.take()
    for name in (f"{new_id()}.done", f"{there}.done", f"{new_id()}.bad", f"{new_id()}.call", "keys/spool-1.key"):
        (spool / name).write_bytes(b"CNDRSPL1 sealed")
    told = json.loads(house.ok("backup", house.target, "--json").stdout)
    assert told["in_progress"] == 1
    key = key_of(house)
    house.ok("restore", house.target, "--to", tmp_path / "new", "--key-file", key)
    found = sorted(path.suffix for path in (tmp_path / "new" / "spool").rglob("*") if path.is_file())
    assert found == [".bad", ".done", ".key"]
    assert not (tmp_path / "new" / "spool" / f"{there}.done").exists(), "it is a conversation already"


def test_a_rotated_house_is_restored_with_the_new_key(house: Backed, tmp_path: Path) -> None:
    ids = house.fill(5)
    before = house.contents(ids)
    house.ok("backup", house.target)
    new = tmp_path / "new.key"
    house.ok("keys", "make", new)
    both = json.dumps([{"kind": "file", "path": str(new)}, {"kind": "file"}])
    rotated = json.loads(house.ok("keys", "rotate", "--json", CANDOR_KEYS=both).stdout)["rotation"]
    assert (rotated["done"], rotated["failed"]) == (rotated["total"], 0)
    (house.folder / "master.key").unlink()
    alone = json.dumps([{"kind": "file", "path": str(new)}])
    house.ok("backup", house.target, CANDOR_KEYS=alone)
    house.ok("restore", house.target, "--to", tmp_path / "again", "--key-file", new)
    other = restored(tmp_path / "again", new)
    assert other.contents(ids) == before
    other.close()


def test_a_passphrase_opens_a_restored_house(tmp_path: Path) -> None:
    house = Backed(tmp_path / "data", passphrase="correct horse battery")
    house.environment["CANDOR_PASSPHRASE"] = "correct horse battery"
    ids = house.fill(3)
    before = house.contents(ids)
    house.ok("backup", house.target)
    house.close()
    asked = {"CANDOR_PASSPHRASE": ""}
    del house.environment["CANDOR_PASSPHRASE"]
    del asked["CANDOR_PASSPHRASE"]
    wrong = house.run("restore", house.target, "--to", tmp_path / "wrong", given="battery horse correct\n", **asked)
    assert wrong.exit_code == 6, wrong.output
    house.ok("restore", house.target, "--to", tmp_path / "new", given="correct horse battery\n", **asked)
    other = Backed(tmp_path / "new", passphrase="correct horse battery")
    assert other.contents(ids) == before
    other.close()


def test_the_key_file_is_in_it_only_when_told_and_sealed_then(house: Backed, tmp_path: Path) -> None:
    ids = house.fill(3)
    before = house.contents(ids)
    key = (house.folder / "master.key").read_text().strip()
    weak = house.run("backup", house.target, "--include-key", CANDOR_BACKUP_PASSPHRASE="short")
    assert weak.exit_code == 2
    house.ok("backup", house.target, "--include-key", CANDOR_BACKUP_PASSPHRASE="four words nobody says")
    assert not any(key.encode() in path.read_bytes() for path in house.target.rglob("*") if path.is_file())
    wrong = house.run(
        "restore", house.target, "--to", tmp_path / "a", CANDOR_BACKUP_PASSPHRASE="four words somebody says"
    )
    assert wrong.exit_code == 6
    house.ok("restore", house.target, "--to", tmp_path / "b", CANDOR_BACKUP_PASSPHRASE="four words nobody says")
    other = Backed(tmp_path / "b")
    assert other.contents(ids) == before
    assert (tmp_path / "b" / "master.key").stat().st_mode & 0o777 == 0o600
    other.close()


# ---- bad input: each its own message and exit status ----


def test_another_key_opens_nothing_and_changes_nothing(house: Backed, tmp_path: Path) -> None:
    house.fill(3)
    house.ok("backup", house.target)
    stranger = tmp_path / "stranger.key"
    house.ok("keys", "make", stranger)
    before = {path: path.read_bytes() for path in house.target.rglob("*") if path.is_file()}
    result = house.run("restore", house.target, "--to", tmp_path / "new", "--key-file", stranger)
    assert result.exit_code == 6
    assert "was sealed under the master key" in str(result.exception)
    assert before == {path: path.read_bytes() for path in house.target.rglob("*") if path.is_file()}
    without = house.run("restore", house.target, "--to", tmp_path / "none")
    assert without.exit_code == 2
    assert "which is not in it" in str(without.exception)


def test_nothing_is_written_over_what_is_there(house: Backed, tmp_path: Path) -> None:
    house.fill(2)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("all of it")
    assert house.run("backup", taken).exit_code == 1
    house.ok("backup", house.target)
    key = key_of(house)
    refused = house.run("restore", house.target, "--to", taken, "--key-file", key)
    assert refused.exit_code == 1
    assert "not empty" in str(refused.exception)
    assert [path.name for path in taken.iterdir()] == ["thesis.txt"]
    assert house.run("backup", house.folder / "backups").exit_code == 2
    assert house.run("backup", "list", tmp_path / "nowhere").exit_code == 3
    other = Backed(tmp_path / "other" / "data")
    mixed = other.run("backup", house.target)
    assert mixed.exit_code == 1
    assert "another Candor" in str(mixed.exception)
    other.close()


DAMAGE = {
    "an object with a flipped bit": (
        "objects/*/*",
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        "object",
    ),
    "an object that was cut": ("objects/*/*", lambda data: data[:-10], "object"),
    "an object that is gone": ("objects/*/*", None, "object"),
    "the database with a flipped bit": ("snapshots/*/files/1", lambda data: data[:200] + b"!" + data[201:], "file"),
    "the database cut": ("snapshots/*/files/1", lambda data: data[:70_000], "file"),
    "the database gone": ("snapshots/*/files/1", None, "file"),
    "the list of objects without a line": ("snapshots/*/objects.txt", lambda data: data.partition(b"\n")[2], "index"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_told_and_the_rest_is_restored(house: Backed, tmp_path: Path, what: str) -> None:
    ids = house.fill(6)
    before = house.contents(ids)
    house.ok("backup", house.target)
    where, harm, kind = DAMAGE[what]
    victim = min(house.target.glob(where))
    if harm is None:
        victim.unlink()
    else:
        victim.write_bytes(harm(victim.read_bytes()))
    verified = house.run("backup", "verify", house.target, "--json")
    assert verified.exit_code == 4
    assert kind in {fault["what"] for fault in json.loads(verified.stdout)["faults"]}
    key = key_of(house)
    result = house.run("restore", house.target, "--to", tmp_path / "new", "--key-file", key)
    assert result.exit_code == 4
    if kind == "object":
        assert "everything else is restored" in str(result.exception)
        other = restored(tmp_path / "new", key)
        assert other.contents([one for one in ids if one != victim.name])
        other.close()
        house.ok("backup", house.target)  # what was set aside is copied anew
        house.ok("backup", "verify", house.target)
        assert house.contents(ids) == before
    else:
        assert house.run("list", CANDOR_DATA=str(tmp_path / "new")).exit_code == 7, "it is not opened half restored"


def test_a_manifest_that_somebody_changed_is_not_believed(house: Backed, tmp_path: Path) -> None:
    house.fill(3)
    house.ok("backup", house.target)
    [path] = house.target.glob("snapshots/*/manifest.json")
    told = json.loads(path.read_text())
    for change in ({"objects": 2}, {"missing": ["x"]}, {"mac": "0" * 64}, {"index_sha256": "0" * 64}, {"tenant": "y"}):
        path.write_text(json.dumps(told | change))
        for words in (("backup", "verify", house.target), ("restore", house.target, "--to", tmp_path / "x", "--key-file", key_of(house))):  # noqa: E501  # fmt: skip
            result = house.run(*words)
            assert result.exit_code in {4, 6}, (change, result.output)
            shutil.rmtree(tmp_path / "x", ignore_errors=True)
    for text in ("", "{", "[]", '{"form": 1}', json.dumps(told | {"name": "another"}), json.dumps(told | {"more": 1})):
        path.write_text(text)
        assert house.run("backup", "verify", house.target).exit_code == 4
    path.write_text(json.dumps(told | {"form": 2}))
    assert house.run("backup", "verify", house.target).exit_code == 1


def test_an_object_that_the_vault_lost_is_told_and_the_backup_is_made(house: Backed) -> None:
    ids = house.fill(4)
    (house.folder / "objects" / ids[1][-2:] / ids[1]).unlink()
    result = house.run("backup", house.target)
    assert result.exit_code == 4
    assert "1 objects are missing from the vault; everything else is in the backup" in str(result.exception)
    report = json.loads(house.ok("backup", "verify", house.target, "--json").stdout)
    assert report["missing_before"] == [ids[1]]
    assert report["objects"] == 3


def test_a_damaged_object_of_the_vault_is_found_by_opening_all(house: Backed) -> None:
    ids = house.fill(3)
    path = house.folder / "objects" / ids[0][-2:] / ids[0]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    house.ok("backup", house.target)
    house.ok("backup", "verify", house.target)
    result = house.run("backup", "verify", house.target, "--open", "--json")
    assert result.exit_code == 4
    [fault] = json.loads(result.stdout)["faults"]
    assert (fault["what"], fault["name"]) == ("object", ids[0])


def test_two_do_not_write_at_once(house: Backed) -> None:
    house.fill(2)
    house.ok("backup", house.target)
    with Target(house.target).alone():
        result = house.run("backup", house.target)
    assert result.exit_code == 1
    assert "works on this folder" in str(result.exception)


def test_files_are_bound_to_their_place_in_their_snapshot(house: Backed) -> None:
    (house.folder / "candor.toml").write_text("region = 'US'\n")
    for _ in range(2):
        house.ok("backup", house.target)
    target, ring = Target(house.target), house.services.shelf.vault.keys
    first, second = (read_manifest(target, name) for name in target.names())
    snapshot = Snapshot.of(target, first, ring)
    piece, database = first.piece("candor.toml"), first.piece("candor.db")
    assert piece is not None
    assert database is not None
    with snapshot.open(piece) as stream:
        assert b"region" in stream.read()
    mine, files = snapshot.folder / "files", target.snapshots / second.name / "files"
    kept = (mine / str(piece.number)).read_bytes()
    for other in (mine / str(database.number), files / str(piece.number)):
        (mine / str(piece.number)).write_bytes(other.read_bytes())
        with pytest.raises(Damaged), snapshot.open(piece) as stream:
            stream.read()
    (mine / str(piece.number)).write_bytes(kept)
