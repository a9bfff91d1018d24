"""Analyses and vectors come back as they were put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from candor.analysis import store
from candor.analysis.service import Analyser
from candor.errors import Damaged
from candor.kit.database import Database, metadata, sqlite_url
from tests.unit.analysis.calls import spoken


@pytest.fixture
def database(tmp_path: Path):
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine, tables=[store.analyses, store.vectors])
    yield database
    database.close()


def test_an_analysis_comes_back_and_the_later_takes_its_place(database: Database) -> None:
    first = Analyser().analyse(spoken("A: good morning\nC: my internet is down again"))
    second = Analyser().analyse(spoken("A: good morning\nC: all is well"))
    with database.write() as uow:
        store.put_analysis(uow, "one", first)
        assert store.get_analysis(uow, "one") == first
        store.put_analysis(uow, "one", second)
    with database.read() as uow:
        assert store.get_analysis(uow, "one") == second
        assert store.get_analysis(uow, "two") is None


def test_vectors_come_back_for_their_model_only(database: Database) -> None:
    matrix = np.eye(3, 8, dtype=np.float32)
    with database.write() as uow:
        store.put_vectors(uow, "one", "mini@1", (0, 2, 5), matrix)
        store.put_vectors(uow, "one", "mini@1", (0, 2, 5), matrix)
    with database.read() as uow:
        found = store.get_vectors(uow, "one", "mini@1")
        assert store.get_vectors(uow, "one", "other@1") is None
    assert found is not None
    assert found[0] == (0, 2, 5)
    assert found[1].dtype == np.float32
    np.testing.assert_array_equal(found[1], matrix)


def test_no_vectors_at_all_can_be_kept(database: Database) -> None:
    with database.write() as uow:
        store.put_vectors(uow, "one", "mini@1", (), np.zeros((0, 8), dtype=np.float32))
        found = store.get_vectors(uow, "one", "mini@1")
    assert found is not None
    assert found[1].shape == (0, 8)


def test_cut_vectors_are_damaged_and_a_wrong_shape_is_refused(database: Database) -> None:
    with database.write() as uow:
        store.put_vectors(uow, "one", "mini@1", (0,), np.ones((1, 8), dtype=np.float32))
        uow.execute(store.vectors.update().values(data=b"short"))
        with pytest.raises(Damaged):
            store.get_vectors(uow, "one", "mini@1")
        with pytest.raises(ValueError, match="one row"):
            store.put_vectors(uow, "one", "mini@1", (0, 1), np.ones((1, 8), dtype=np.float32))
