"""Watched places: complete files come in once, others wait or are told, and no death of the process changes that."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from candor.capture.watch import store
from candor.capture.watch.adapters.folder import FolderPlace
from candor.capture.watch.adapters.objects import ObjectPlace, open_store
from candor.capture.watch.model import After, FileState, Found, WatchedPlace
from candor.errors import InvalidInput, NotFound, Unavailable
from candor.kit import clock
from candor.pipeline.watching import Pass, Watcher, WatchLimits
from tests.peers import preloaded
from tests.unit.capture.watch.ceph import Ceph
from tests.unit.capture.watch.conftest import ceph  # noqa: F401  a fixture
from tests.unit.capture.watch.test_places import make_bucket
from tests.unit.pipeline.recordings import House, attention, conversations, open_house, original, recording
from tests.unit.pipeline.watching_child import place_of

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Move = Callable[[timedelta], None]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    services = open_house(tmp_path / "house")
    yield services
    services.database.close()


@pytest.fixture
def yard(tmp_path: Path) -> Path:
    folder = tmp_path / "yard"
    folder.mkdir()
    return folder


@pytest.fixture
def pass_time() -> Iterator[Callable[[float], None]]:
    with clock.freeze(NOON) as advance:
        yield lambda seconds: advance(timedelta(seconds=seconds))


def put(yard: Path, key: str, data: bytes | str) -> None:
    path = yard / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def listing(yard: Path) -> list[str]:
    return sorted(path.name for path in yard.iterdir())


def watch(house: House, yard: Path, limits: WatchLimits | None = None, **more: Any) -> Watcher:
    place = WatchedPlace(**({"name": "pbx", "url": f"file://{yard}", "settle": 0} | more))
    return Watcher(house.database, house.intake, [place], region="US", limits=limits)


def look(watcher: Watcher) -> Pass:
    (name,) = watcher.places
    result = watcher.run_once(name)
    assert result.error is None, result.error
    return result


def calls(house: House) -> list[str | None]:
    return sorted((each.external_id or "") for each in conversations(house))


def test_a_recording_comes_in_once_with_what_its_name_says(house: House, yard: Path) -> None:
    data = recording()
    put(yard, "20260302_101500_2025550143_100_a7_c-1.wav", data)
    watcher = watch(
        house, yard, zone="Europe/Berlin", pattern="{start:%Y%m%d_%H%M%S}_{caller}_{callee}_{agent_id}_{call_id}.wav"
    )
    assert look(watcher).taken == 1
    (call,) = conversations(house)
    assert (call.external_id, call.source, call.utc_offset_minutes) == ("c-1", "pbx", 60)
    assert call.started_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert {party.tel for party in call.parties} == {None, "+12025550143", "100"}
    assert original(house, call) == data
    for again in (watcher, watch(house, yard)):
        assert (look(again).taken, look(again).duplicates) == (0, 0)
    assert len(conversations(house)) == 1
    assert attention(house) == []
    assert (yard / "20260302_101500_2025550143_100_a7_c-1.wav").exists()


def test_no_number_of_a_name_is_kept_in_clear(house: House, yard: Path, tmp_path: Path) -> None:
    put(yard, "+12025550143/20260302_2025550188.wav", recording())
    put(yard, "2025550199_bad.wav", b"no sound")
    look(watch(house, yard))
    house.database.close()
    held = b"".join(path.read_bytes() for path in (tmp_path / "house").rglob("*") if path.is_file())
    assert b"bad.wav" in held
    for number in (b"2025550143", b"2025550188", b"2025550199"):
        assert number not in held


def test_a_file_that_grows_waits(house: House, yard: Path, pass_time: Callable[[float], None]) -> None:
    data, watcher = recording(), watch(house, yard, settle=30)
    for length in (1000, 3000, len(data)):
        put(yard, "a.wav", data[:length])
        assert look(watcher).taken == 0
        pass_time(20)
    assert look(watcher).taken == 0  # unchanged for 20 s
    assert watcher.status()[0].files == {FileState.WAITING: 1}
    pass_time(15)
    assert look(watcher).taken == 1
    assert original(house, conversations(house)[0]) == data
    assert watcher.status()[0].files == {FileState.DONE: 1}


def test_a_file_that_changes_while_it_is_read_is_not_taken(house: House, yard: Path) -> None:
    class Late(FolderPlace):
        """The recorder writes on while we read."""

        def find(self, key: str) -> Found | None:
            with (yard / key).open("ab") as stream:
                stream.write(b"more")
            return super().find(key)

    put(yard, "a.wav", recording())
    place = WatchedPlace(name="pbx", url=f"file://{yard}", settle=0)
    busy = Watcher(house.database, house.intake, [place], opener=lambda _place: Late(yard))
    assert look(busy).taken == 0
    assert conversations(house) == []
    assert not [path for path in (yard.parent / "house" / "objects").rglob("*") if path.is_file()]
    assert look(watch(house, yard)).taken == 1


def test_a_bad_file_is_told_once_and_blocks_no_other(house: House, yard: Path) -> None:
    put(yard, "a.wav", b"this is no sound at all")
    put(yard, "b.wav", recording(1))
    put(yard, "c.wav", b"")
    watcher = watch(house, yard, after=After.DELETE)
    result = look(watcher)
    assert (result.taken, result.refused, result.put_away) == (1, 2, 1)
    assert attention(house) == [("a.wav", "media.not_audio"), ("c.wav", "media.empty")]
    assert listing(yard) == ["a.wav", "c.wav"]  # what was not taken stays
    assert look(watcher).refused == 0
    put(yard, "a.wav", recording(2))
    assert look(watcher).taken == 1
    assert listing(yard) == ["c.wav"]


def test_a_changed_file_is_noticed(house: House, yard: Path) -> None:
    watcher = watch(house, yard, pattern="{call_id}.wav")
    put(yard, "7.wav", recording(1))
    look(watcher)
    os.utime(yard / "7.wav", (1, 1))  # only its date: nothing new
    assert (look(watcher).duplicates, attention(house)) == (1, [])
    put(yard, "7.wav", recording(2, seconds=0.6))
    assert look(watcher).taken == 1
    assert calls(house) == ["7", "7"]
    assert attention(house) == [("7.wav", "watch.changed")]


def test_names_of_another_shape_get_another_look_when_the_pattern_is_corrected(house: House, yard: Path) -> None:
    put(yard, "x-7.wav", recording(1))
    watcher = watch(house, yard, pattern="call {call_id}.wav")
    assert look(watcher).refused == 1
    assert attention(house) == [("x-7.wav", "watch.name_mismatch")]
    assert look(watch(house, yard, pattern="x-{call_id}.wav")).taken == 1
    assert calls(house) == ["7"]


def test_moved_recordings_take_their_sidecar_along(house: House, yard: Path) -> None:
    put(yard, "day/a.wav", recording(1))
    put(yard, "day/a.json", json.dumps({"call_id": "c-1", "ani": "2025550143", "direction": "inbound"}))
    watcher = watch(house, yard, manifest="{stem}.json", after=After.MOVE, move_to="done")
    assert (look(watcher).put_away, look(watcher).taken) == (1, 0)
    (call,) = conversations(house)
    assert call.customer is not None
    assert (call.external_id, call.customer.tel) == ("c-1", "+12025550143")
    assert sorted(str(path.relative_to(yard)) for path in yard.rglob("*.*")) == ["done/day/a.json", "done/day/a.wav"]
    assert watcher.status()[0].files == {FileState.DONE: 1}


def test_a_sidecar_is_waited_for_and_then_done_without(
    house: House, yard: Path, pass_time: Callable[[float], None]
) -> None:
    watcher = watch(house, yard, manifest="{stem}.xml", facts_wait=100)
    for name in ("late", "never", "half"):
        put(yard, f"{name}.wav", recording(len(name)))
    put(yard, "half.xml", "<call><call_id>half</call_id>")
    assert look(watcher).taken == 0
    pass_time(60)
    put(yard, "late.xml", "<call><call_id>late</call_id></call>")
    assert look(watcher).taken == 1
    pass_time(60)
    result = look(watcher)
    assert (result.taken, result.refused) == (1, 1)
    assert calls(house) == ["", "late"]
    assert attention(house) == [("half.wav", "watch.sidecar")]
    put(yard, "half.xml", "<call><call_id>half</call_id></call>")
    os.utime(yard / "half.wav", (5, 5))
    assert look(watcher).taken == 1
    assert calls(house) == ["", "half", "late"]


def test_a_manifest_tells_and_its_bad_rows_are_told(
    house: House, yard: Path, pass_time: Callable[[float], None]
) -> None:
    watcher = watch(house, yard, manifest="*.csv", facts_wait=100, zone="Europe/Berlin")
    put(yard, "a.wav", recording(1))
    put(yard, "sub/b.wav", recording(2))
    put(yard, "c.wav", recording(3))
    put(yard, "unlisted.wav", recording(4))
    assert look(watcher).taken == 0
    put(yard, "calls.csv", "file,call_id,start,direction\na.wav,A,2026-03-02 10:15:00,in\nsub/b.wav,B,,out\n"
                           "c.wav,C,,sideways\n../x.wav,X,,\nnever.wav,N,,\n")  # fmt: skip
    result = look(watcher)
    assert (result.taken, result.refused) == (2, 1)
    assert calls(house) == ["A", "B"]
    assert attention(house) == [("c.wav", "manifest.direction"), ("calls.csv line 5", "manifest.path")]
    assert conversations(house)[0].started_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    put(yard, "calls.csv", "file,call_id,direction\na.wav,A,in\nsub/b.wav,B,out\nc.wav,C,in\nnever.wav,N,\n")
    assert [look(watcher).taken, look(watcher).taken] == [0, 1]  # the corrected row's, at the look after
    assert calls(house) == ["A", "B", "C"]
    pass_time(101)
    assert look(watcher).taken == 1  # the unlisted one was waited for
    assert ("calls.csv", "manifest.missing") in attention(house)
    told = attention(house)
    assert look(watcher).taken == 0
    assert attention(house) == told


def test_a_manifest_is_put_away_with_the_last_of_its_recordings(house: House, yard: Path) -> None:
    watcher = watch(house, yard, manifest="*.csv", after=After.DELETE)
    put(yard, "calls.csv", "file,call_id\na.wav,A\nb.wav,B\n")
    put(yard, "a.wav", recording(1))
    look(watcher)
    assert listing(yard) == ["calls.csv"]
    put(yard, "b.wav", recording(2))
    look(watcher)
    assert listing(yard) == []
    assert calls(house) == ["A", "B"]


def test_a_manifest_that_cannot_be_read_is_told(house: House, yard: Path) -> None:
    put(yard, "calls.csv", "what,is,this\n1,2,3\n")
    watcher = watch(house, yard, manifest="*.csv")
    assert look(watcher).refused == 1
    assert look(watcher).refused == 0
    assert attention(house) == [("calls.csv", "manifest.columns")]


def test_documents_come_in_with_the_recording_that_they_name(house: House, yard: Path) -> None:
    sound = recording(1)
    vcon = {
        "vcon": "0.4.0", "uuid": "018f0000-0000-7000-8000-000000000001", "created_at": "2026-03-02T10:15:00Z",
        "parties": [{"tel": "+12025550143"}],
        "dialog": [{"type": "recording", "start": "2026-03-02T10:15:00Z", "duration": 0.5, "parties": [0],
                    "mediatype": "audio/x-wav", "filename": "a.wav"}],
    }  # fmt: skip
    put(yard, "a.wav", sound)
    put(yard, "call.vcon.json", json.dumps(vcon))
    result = look(watch(house, yard))
    assert (result.taken, result.duplicates) == (1, 1)
    assert original(house, conversations(house)[0]) == sound


def test_work_a_look_is_bounded_and_goes_on(house: House, yard: Path) -> None:
    for number in range(7):
        put(yard, f"{number}.wav", recording(number, 0.25))
    watcher = watch(house, yard, WatchLimits(files=3), pattern="{call_id}.wav")
    assert [(result.taken, result.more) for result in (look(watcher), look(watcher), look(watcher))] == [
        (3, True), (3, True), (1, False)
    ]  # fmt: skip
    put(yard, "8.wav", recording(8))
    put(yard, "9.wav", recording(9))
    assert watcher.run_once("pbx", lambda: len(conversations(house)) == 8).taken == 1
    assert look(watcher).taken == 1


def test_waiting_files_do_not_stand_in_the_way(house: House, yard: Path) -> None:
    for number in range(5):
        put(yard, f"a{number}.wav", recording(number, 0.25))
    put(yard, "z.wav", recording(9))
    put(yard, "z.json", "{}")
    assert look(watch(house, yard, WatchLimits(files=2), manifest="{stem}.json")).taken == 1


def test_files_that_vanish_are_forgotten(house: House, yard: Path, pass_time: Callable[[float], None]) -> None:
    watcher = watch(house, yard, settle=30)
    put(yard, "a.wav", recording())
    look(watcher)
    pass_time(1)
    (yard / "a.wav").unlink()
    look(watcher)
    assert watcher.status()[0].files == {}
    assert attention(house) == []


def test_a_place_that_is_away_is_looked_at_later_and_later(
    house: House, yard: Path, pass_time: Callable[[float], None]
) -> None:
    watcher = watch(house, yard / "unmounted", every=10)
    assert watcher.status()[0].checked_at is None
    pauses = []
    for _ in range(9):
        (result,) = watcher.run_due()
        assert isinstance(result.error, Unavailable)
        (status,) = watcher.status()
        assert status.next_at is not None
        pauses.append((status.next_at - clock.now()).total_seconds())
        assert watcher.run_due() == []
        pass_time(pauses[-1])
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert (status.failures, status.code, status.reached_at) == (9, "watch.away", None)
    assert "mounted" in status.message
    put(yard, "unmounted/a.wav", recording())
    (result,) = watcher.run_due()
    assert result.taken == 1
    (status,) = watcher.status()
    assert (status.failures, status.code, status.message, status.reached_at) == (0, "", "", clock.now())


def test_a_file_that_cannot_be_read_is_tried_again_and_told_in_the_end(
    house: House, yard: Path, pass_time: Callable[[float], None]
) -> None:
    class Sour(FolderPlace):
        def open(self, found: Found) -> Any:
            if found.key == "bad.wav":
                raise Unavailable("The watched folder cannot be used (Input/output error).", code="watch.away")
            return super().open(found)

    put(yard, "bad.wav", recording(1))
    put(yard, "good.wav", recording(2))
    place = WatchedPlace(name="pbx", url=f"file://{yard}", settle=0, every=10)
    watcher = Watcher(house.database, house.intake, [place], opener=lambda _place: Sour(yard))
    taken = []
    for attempt in range(6):
        taken.append(look(watcher).taken)
        pass_time(10 * 2**attempt)
        assert (attention(house) != []) == (attempt >= 4)
    assert taken == [1, 0, 0, 0, 0, 0]
    assert attention(house) == [("bad.wav", "watch.away")]
    pass_time(3600)
    assert look(watch(house, yard)).taken == 1


def test_a_full_vault_ends_the_look_and_loses_nothing(
    house: House, yard: Path, pass_time: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        put(yard, f"{number}.wav", recording(number))
    watcher = watch(house, yard, after=After.DELETE, every=10)
    objects = house.shelf.vault.objects

    class Full:
        def draft(self, object_id: str) -> Any:
            raise Unavailable("The disk of the vault is full.", code="vault.full")

        def __getattr__(self, name: str) -> Any:
            return getattr(objects, name)

    house.shelf.vault.objects = Full()
    result = watcher.run_once("pbx")
    assert (result.postponed, result.taken, result.error and result.error.code) == (3, 0, "vault.full")
    assert watcher.status()[0].code == "vault.full"
    assert (len(listing(yard)), attention(house)) == (5, [])
    house.shelf.vault.objects = objects
    pass_time(60)
    assert look(watcher).taken == 5
    assert listing(yard) == []


def test_it_goes_on_until_asked_to_stop(house: House, yard: Path) -> None:
    watcher, stop = watch(house, yard, every=1), threading.Event()
    thread = threading.Thread(target=watcher.run_until, args=(stop, 0.05))
    thread.start()
    try:
        for number in range(2):
            put(yard, f"{number}.wav", recording(number))
            deadline = time.monotonic() + 20
            while len(conversations(house)) <= number and time.monotonic() < deadline:
                time.sleep(0.02)
    finally:
        stop.set()
        thread.join(20)
    assert len(conversations(house)) == 2
    assert not thread.is_alive()


def test_only_one_process_has_a_place(house: House, yard: Path, pass_time: Callable[[float], None]) -> None:
    put(yard, "a.wav", recording())
    first, second = watch(house, yard), watch(house, yard)
    inside = []

    def ask() -> bool:
        inside.append(second.run_once("pbx"))
        return False

    assert first.run_once("pbx", ask).taken == 1
    assert all(result.busy and not result.taken for result in inside)
    assert second.run_once("pbx").busy is False
    del pass_time


def test_names_must_differ_and_exist(house: House, yard: Path) -> None:
    place = WatchedPlace(name="pbx", url=f"file://{yard}")
    with pytest.raises(InvalidInput):
        Watcher(house.database, house.intake, [place, place])
    with pytest.raises(NotFound):
        watch(house, yard).run_once("other")


def test_nothing_is_put_away_before_the_database_is_on_disk(
    house: House, yard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, unlink = os.fsync, Path.unlink
    wal = Path(f"{house.database.engine.url.database}-wal")

    def fsync(handle: int) -> None:
        order.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    def remove(path: Path, missing_ok: bool = False) -> None:
        order.append(str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "unlink", remove)
    put(yard, "a.wav", recording())
    assert look(watch(house, yard, after=After.DELETE)).put_away == 1
    assert order.index(str(wal)) < order.index(str(yard / "a.wav"))
    store.make_durable(house.database)


def test_objects_are_taken_as_soon_as_they_are_listed(house: House) -> None:
    bucket = MemoryStore()
    obstore.put(bucket, "day/7.wav", recording(7))
    obstore.put(bucket, "day/7.json", b'{"call_id": "7"}')
    place = WatchedPlace(
        name="bucket", url="memory:///", manifest="{stem}.json", settle=60, after=After.MOVE, move_to="done"
    )
    watcher = Watcher(house.database, house.intake, [place], opener=lambda _place: ObjectPlace(bucket))
    assert look(watcher).taken == 1
    assert sorted(meta["path"] for batch in obstore.list(bucket) for meta in batch) == [
        "done/day/7.json", "done/day/7.wav"
    ]  # fmt: skip
    assert calls(house) == ["7"]


@pytest.mark.slow
def test_a_bucket_of_a_real_s3(house: House, request: pytest.FixtureRequest) -> None:
    server: Ceph = request.getfixturevalue("ceph")
    url = f"s3://{make_bucket(server)}/recordings/2026"
    bucket, data = open_store(url, server.options()), recording(3, 80)
    obstore.put(bucket, "20260302T101500Z_2025550143_7.wav", data)
    obstore.put(bucket, "bad.wav", b"no sound")
    place = WatchedPlace(
        name="s3", url=url, options=server.options(), pattern="{start:%Y%m%dT%H%M%S%z}_{caller}_{call_id}.wav",
        after=After.DELETE, every=5,
    )  # fmt: skip
    watcher = Watcher(house.database, house.intake, [place], region="US")
    result = look(watcher)
    assert (result.taken, result.refused, result.put_away) == (1, 1, 1)
    assert original(house, conversations(house)[0]) == data
    assert [meta["path"] for batch in obstore.list(bucket) for meta in batch] == ["bad.wav"]
    server.stop_gateway()
    try:
        away = watcher.run_once("s3")
        assert away.error is not None
        assert away.error.code == "watch.away"
    finally:
        server.start_gateway()
    obstore.put(bucket, "20260302T101500Z_2025550143_8.wav", recording(4))
    assert look(watcher).taken == 1
    assert calls(house) == ["7", "8"]


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_or_twice(tmp_path: Path) -> None:
    yard, chance = tmp_path / "yard", random.Random(11)
    recordings = {f"{number:03}": recording(number, 0.3) for number in range(60)}
    open_house(tmp_path / "house").database.close()
    waiting = sorted(recordings)
    yard.mkdir()
    command = [sys.executable, "-m", "tests.unit.pipeline.watching_child", str(tmp_path / "house"), str(yard)]
    kills = 0
    while waiting or kills < 8:
        for name in waiting[:10]:
            put(yard, f"{name}.wav", recordings[name])
        del waiting[:10]
        child = preloaded.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stdout is not None
        if kills % 2:
            child.stdout.readline()  # kill it somewhere in its later looks, else in its first
        else:
            deadline = time.monotonic() + 20
            while len(list(yard.glob("*.wav"))) > 9 - chance.randrange(9) and time.monotonic() < deadline:
                time.sleep(0.002)
        time.sleep(chance.random() * 0.04)
        assert child.poll() is None, child.stderr and child.stderr.read()
        child.kill()
        child.communicate()
        kills += 1
    house = open_house(tmp_path / "house")
    watcher = Watcher(house.database, house.intake, [place_of(str(yard))], limits=WatchLimits(owned=0.05))
    for _ in range(3):
        time.sleep(0.1)
        watcher.run_once("pbx")
    assert {each.external_id: original(house, each) for each in conversations(house)} == recordings
    assert len(conversations(house)) == len(recordings)
    assert {path.stem: path.read_bytes() for path in (yard / "done").iterdir()} == recordings
    assert list(yard.glob("*.wav")) == []
    assert attention(house) == []
    house.database.close()
