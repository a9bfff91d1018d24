"""Every place behaves alike: a folder, an object store that is a folder, one in memory, and a real S3."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol

import httpx
import obstore
import pytest
from obstore.store import LocalStore, MemoryStore

from candor.capture.watch.adapters.folder import FolderPlace
from candor.capture.watch.adapters.objects import ObjectPlace, open_store
from candor.capture.watch.adapters.opening import open_place
from candor.capture.watch.model import Found, WatchedPlace
from candor.capture.watch.ports import Place
from candor.errors import Conflict, InvalidInput, NotFound, Unavailable
from tests.unit.capture.watch.ceph import ACCESS, SECRET, Ceph

KINDS = ["folder", "local", "memory", pytest.param("s3", marks=pytest.mark.slow)]


class Yard(Protocol):
    """A place and the way its recorder writes into it."""

    place: Place

    def put(self, key: str, data: bytes) -> None: ...
    def has(self, key: str) -> bool: ...


class FolderYard:
    def __init__(self, root: Path) -> None:
        self.root, self.place = root, FolderPlace(root)
        root.mkdir()
        self._time = 1_700_000_000

    def put(self, key: str, data: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._time += 10
        os.utime(path, (self._time, self._time))

    def has(self, key: str) -> bool:
        return (self.root / key).is_file()


class ObjectYard:
    def __init__(self, store: Any) -> None:
        self.store, self.place = store, ObjectPlace(store)

    def put(self, key: str, data: bytes) -> None:
        obstore.put(self.store, key, data)

    def has(self, key: str) -> bool:
        return self.place.find(key) is not None


@pytest.fixture(params=KINDS)
def yard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Yard]:
    if request.param == "folder":
        yield FolderYard(tmp_path / "yard")
    elif request.param == "local":
        yield ObjectYard(LocalStore(tmp_path / "yard", mkdir=True))
    elif request.param == "memory":
        yield ObjectYard(MemoryStore())
    else:
        ceph: Ceph = request.getfixturevalue("ceph")
        bucket = make_bucket(ceph)
        yield ObjectYard(open_store(f"s3://{bucket}/pre/fix", ceph.options()))


_buckets = iter(range(1000))


def make_bucket(ceph: Ceph) -> str:
    """Buckets are made by their owners, never by us: PUT with Signature Version 2, which needs five lines."""
    name, date = f"calls-{next(_buckets)}", formatdate(usegmt=True)
    signed = hmac.new(SECRET.encode(), f"PUT\n\n\n{date}\n/{name}".encode(), hashlib.sha1).digest()
    authorization = f"AWS {ACCESS}:{base64.b64encode(signed).decode()}"
    answer = httpx.put(f"{ceph.endpoint}/{name}", headers={"Date": date, "Authorization": authorization})
    assert answer.status_code == 200, answer.text
    return name


def keys(place: Place) -> list[str]:
    return sorted(found.key for found in place.walk())


def only(place: Place) -> Found:
    (found,) = place.walk()
    return found


def whole(place: Place, found: Found) -> bytes:
    data = b""
    with place.open(found) as stream:
        while block := stream.read(100_000):
            assert len(block) <= 100_000
            data += block
    return data


def test_what_was_written_is_listed_and_read(yard: Yard) -> None:
    assert keys(yard.place) == []
    contents = {"a.wav": b"1" * 3_000_000, "tag/ü +&%41 b.wav": b"2", "tag/deep/er/c.wav": b"", ".hidden/d.wav": b"4",
                "tag/.e.wav": b"5"}  # fmt: skip
    for key, data in contents.items():
        yard.put(key, data)
    shown = {found.key: found for found in yard.place.walk()}
    assert sorted(shown) == ["a.wav", "tag/deep/er/c.wav", "tag/ü +&%41 b.wav"]
    for key, found in shown.items():
        assert found.size == len(contents[key])
        assert found.changed_at.tzinfo is not None
        assert whole(yard.place, found) == contents[key]
        again = yard.place.find(key)
        assert again is not None
        assert again.same(found)


def test_another_version_is_told_apart_and_not_read_for_the_first(yard: Yard) -> None:
    yard.put("a.wav", b"one!")
    first = only(yard.place)
    yard.put("a.wav", b"two!")
    second = yard.place.find("a.wav")
    assert second is not None
    assert not second.same(first)
    with pytest.raises(Conflict) as raised, yard.place.open(first):
        pass
    assert raised.value.code == "watch.changing"
    assert whole(yard.place, second) == b"two!"


def test_moving_keeps_what_is_there(yard: Yard) -> None:
    yard.put("day/a.wav", b"one")
    yard.place.move(only(yard.place), "done")
    assert yard.has("done/day/a.wav")
    yard.put("day/a.wav", b"another")
    again = yard.place.find("day/a.wav")
    assert again is not None
    yard.place.move(again, "done")
    assert not yard.has("day/a.wav")
    assert sorted(whole(yard.place, found) for found in yard.place.walk()) == [b"another", b"one"]
    yard.place.move(again, "done")  # gone already: nothing to do
    assert len(keys(yard.place)) == 2


def test_deleting_may_be_repeated(yard: Yard) -> None:
    yard.put("a.wav", b"one")
    found = only(yard.place)
    yard.place.delete(found)
    yard.place.delete(found)
    assert keys(yard.place) == []
    assert yard.place.find("a.wav") is None
    with pytest.raises(NotFound), yard.place.open(found):
        pass


@pytest.mark.parametrize("key", ["../secret.wav", "a/../../secret.wav", "/etc/passwd", "a//b", ""])
def test_no_key_leaves_the_place(yard: Yard, tmp_path: Path, key: str) -> None:
    (tmp_path / "secret.wav").write_bytes(b"secret")
    with suppress(NotFound):
        assert yard.place.find(key) is None


def test_more_than_one_page_is_listed(yard: Yard) -> None:
    if isinstance(yard, FolderYard) or not isinstance(yard.store, MemoryStore | LocalStore):
        pytest.skip("1,100 uploads one by one take too long over HTTP")
    for number in range(1100):
        yard.put(f"{number}.wav", b"x")
    assert len(keys(yard.place)) == 1100


def test_a_folder_follows_no_links_and_reads_no_pipes(tmp_path: Path) -> None:
    yard = FolderYard(tmp_path / "yard")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "s.wav").write_bytes(b"secret")
    (yard.root / "linked.wav").symlink_to(outside / "s.wav")
    (yard.root / "folder").symlink_to(outside)
    os.mkfifo(yard.root / "pipe.wav")
    yard.put("a.wav", b"one")
    found = only(yard.place)
    assert yard.place.find("linked.wav") is None
    (yard.root / "a.wav").unlink()
    (yard.root / "a.wav").symlink_to(outside / "s.wav")
    with pytest.raises(Conflict), yard.place.open(found):
        pass
    (yard.root / "a.wav").unlink()
    os.mkfifo(yard.root / "a.wav")
    with pytest.raises(Conflict), yard.place.open(found):  # and does not wait for a writer
        pass


def test_a_share_that_is_not_mounted_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=os.strerror(errno.ENOENT)) as raised:
        list(FolderPlace(tmp_path / "none").walk())
    assert raised.value.code == "watch.away"


def test_a_name_that_is_not_text_is_listed(tmp_path: Path) -> None:
    yard = FolderYard(tmp_path / "yard")
    (yard.root / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"one")
    assert whole(yard.place, only(yard.place)) == b"one"


def test_addresses_open(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    folder = open_place(WatchedPlace(name="x", url=f"file://{tmp_path}/a%20b"))
    assert folder.folder == tmp_path / "a b"
    assert isinstance(open_place(WatchedPlace(name="x", url="memory:///")), ObjectPlace)
    for url in ("gs://bucket/prefix", "az://container/prefix"):
        options = (("azure_storage_account_name", "x"),) if url.startswith("az") else ()
        assert isinstance(open_place(WatchedPlace(name="x", url=url, options=options)), ObjectPlace)
    with pytest.raises(InvalidInput) as raised:
        open_place(WatchedPlace(name="x", url="s3://b/p", options=(("no_such_option", "hush"),)))
    assert raised.value.code == "watch.options"
    assert "hush" not in str(raised.value)


@pytest.mark.slow
def test_s3_with_a_wrong_key_or_away_is_unavailable(ceph: Ceph) -> None:
    bucket = make_bucket(ceph)
    with pytest.raises(Unavailable) as raised:
        list(ObjectPlace(open_store(f"s3://{bucket}/", ceph.options("a wrong secret"))).walk())
    assert raised.value.code == "watch.denied"
    store = open_store(f"s3://{bucket}/", ceph.options())
    obstore.put(store, "a.wav", b"one")
    place = ObjectPlace(store)
    found = only(place)
    ceph.stop_gateway()
    try:
        for verb in (lambda: list(place.walk()), lambda: place.find("a.wav"), lambda: place.delete(found),
                     lambda: place.move(found, "done"), lambda: whole(place, found)):  # fmt: skip
            with pytest.raises(Unavailable) as raised:
                verb()
            assert raised.value.code == "watch.away"
    finally:
        ceph.start_gateway()
    assert whole(place, found) == b"one"
