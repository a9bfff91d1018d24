"""Every place for sealed bytes behaves alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import Damaged
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.memory import MemoryStore
from candor.vault.ports import ObjectStore

NAME = "0192f0c1-0000-7000-8000-00000000ab12"


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return FolderStore(tmp_path / "objects") if request.param == "folder" else MemoryStore()


def test_a_published_object_opens(objects: ObjectStore) -> None:
    draft = objects.draft(NAME)
    draft.stream.write(b"sealed")
    assert draft.publish() == 6
    stream, size = objects.open(NAME)
    with stream:
        assert (stream.read(), size) == (b"sealed", 6)
    assert [name for name, _ in objects.names()] == [NAME]


def test_a_draft_is_not_visible_as_an_object(objects: ObjectStore) -> None:
    draft = objects.draft(NAME)
    draft.stream.write(b"half")
    with pytest.raises(Damaged):
        objects.open(NAME)
    draft.discard()
    assert objects.names() == []


def test_deleting_is_final_and_may_be_repeated(objects: ObjectStore) -> None:
    draft = objects.draft(NAME)
    draft.publish()
    objects.delete(NAME)
    objects.delete(NAME)
    with pytest.raises(Damaged):
        objects.open(NAME)


def test_a_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        FolderStore(tmp_path).draft("../../etc/passwd")
