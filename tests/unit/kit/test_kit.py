"""Clock, ids, database, log."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from candor.kit import clock, log
from candor.kit.database import Database, sqlite_url
from candor.kit.ids import id_at, id_time, new_id
from candor.kit.sound import MemorySound


def test_ids_sort_by_time_and_tell_it() -> None:
    early, late = new_id(1_700_000_000_000), new_id(1_700_000_000_001)
    assert early < late
    assert id_time(early) == 1_700_000_000_000
    assert id_at(1_700_000_000_001) > early
    assert id_at(1_700_000_000_000) < early
    assert new_id()[14] == "7"


def test_the_clock_can_be_moved_and_is_always_utc() -> None:
    with clock.freeze(datetime(2026, 1, 1, tzinfo=UTC)) as advance:
        advance(timedelta(hours=2))
        assert clock.now() == datetime(2026, 1, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        clock.require_aware(datetime(2026, 1, 1))  # noqa: DTZ001  that is the point


def test_a_unit_of_work_is_all_or_nothing(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "a.db"))
    with database.write() as uow:
        uow.execute(text("create table t (x)"))

    def half() -> None:
        with database.write() as uow:
            uow.execute(text("insert into t values (1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    with database.read() as uow:
        uow.execute(text("select 1"))
        assert uow.execute(text("select count(*) from t")).scalar() == 0
    database.close()


def test_private_keys_never_reach_the_log() -> None:
    stream = io.StringIO()
    with redirect_stderr(stream):
        log.configure(json_lines=True)
        log.get_logger("test").info("said", text="my card is 4111", seconds=2)
    line = json.loads(stream.getvalue())
    assert line["text"] == "[not logged]"
    assert line["seconds"] == 2


@pytest.mark.parametrize("shape", [(0,), (0, 1), (0, 2)])
def test_sound_without_frames_still_has_its_channels(shape: tuple[int, ...]) -> None:
    sound = MemorySound(np.zeros(shape, np.float32), 8000)
    assert sound.frames == 0
    assert sound.channels == (shape[1] if len(shape) > 1 else 1)
    assert sound.window(0, 8000).shape == (0, sound.channels)
