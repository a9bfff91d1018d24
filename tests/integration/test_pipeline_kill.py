"""``kill -9`` at every stage and point, and at random: every conversation finishes exactly once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from candor.kit import clock
from candor.kit.database import Database, metadata, sqlite_url
from candor.pipeline import store
from candor.pipeline.store import RunState, StageState
from tests.integration.pipeline_worker import NAMES, POINTS, effect, marks
from tests.peers import preloaded

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = Database(sqlite_url(tmp_path / "candor.db"))
    metadata.create_all(database.engine)
    return database


def ask(database: Database, **options: Any) -> str:
    with database.write() as uow:
        name = f"c{time.monotonic_ns()}"
        store.add_run(uow, name, reason="import", first_stage=NAMES[0], options=options)
    return name


def spawn(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.integration.pipeline_worker", str(folder)]
    return preloaded.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)


def work_until_idle(folder: Path, lives: int) -> int:
    """Start workers one after the other until one ends by itself; returns how many were killed."""
    for deaths in range(lives + 1):
        process = spawn(folder)
        _, errors = process.communicate(timeout=120)
        if process.returncode == 0:
            return deaths
        assert process.returncode == -signal.SIGKILL, errors.decode()
    raise AssertionError(f"still not idle after {lives} deaths")


def assert_exactly_once(database: Database, expected: int) -> None:
    with database.read() as uow:
        counts = uow.execute(
            select(effect.c.conversation_id, effect.c.stage, func.count()).group_by(
                effect.c.conversation_id, effect.c.stage
            )
        ).all()
        assert store.counts(uow) == {RunState.DONE: expected}
    assert len(counts) == expected * len(NAMES)
    assert {count for _, _, count in counts} == {1}


def test_killed_at_every_point_of_every_stage(database: Database, tmp_path: Path) -> None:
    for stage in NAMES:
        for point in POINTS:
            ask(database, kill=f"{stage}:{point}")
    total = len(NAMES) * len(POINTS)
    assert work_until_idle(tmp_path, lives=total + 2) == total
    assert_exactly_once(database, total)


def test_killed_from_outside_at_random_moments_with_two_workers(database: Database, tmp_path: Path) -> None:
    for _ in range(40):
        ask(database)
    dice = random.Random(7)
    for _ in range(6):
        pair = [spawn(tmp_path), spawn(tmp_path)]
        time.sleep(dice.uniform(0.3, 2.0))
        for process in pair:
            process.kill()
            process.communicate()
    work_until_idle(tmp_path, lives=0)
    assert_exactly_once(database, 40)


def test_a_permanent_fault_is_parked_and_the_others_go_on(database: Database, tmp_path: Path) -> None:
    bad = ask(database, damaged="redact")
    ask(database)
    work_until_idle(tmp_path, lives=0)
    with database.read() as uow:
        assert store.counts(uow) == {RunState.DONE: 1, RunState.PARKED: 1}
        [(run, record)] = store.parked(uow)
        assert (run.conversation_id, record.stage, record.error_code) == (bad, "redact", "vault.damaged")
        assert record.error == "The stored sound does not verify."
        last = uow.execute(select(marks).where(marks.c.conversation_id == bad).order_by(marks.c.id.desc())).first()
        assert last is not None
        assert (last.status, last.attention) == ("needs_attention", "The stored sound does not verify. Restore it.")


def test_a_fault_that_passes_is_tried_again(database: Database, tmp_path: Path) -> None:
    name = ask(database, passing="transcribe")
    work_until_idle(tmp_path, lives=0)
    assert_exactly_once(database, 1)
    with database.read() as uow:
        record = next(r for r in store.history(uow, name) if r.stage == "transcribe")
    assert (record.state, record.attempts, record.error) == (StageState.DONE, 2, None)


def test_a_fault_that_does_not_pass_is_parked_without_telling_what_was_said(database: Database, tmp_path: Path) -> None:
    ask(database, broken="analyse")
    process = spawn(tmp_path)
    _, errors = process.communicate(timeout=60)
    with database.read() as uow:
        [(_, record)] = store.parked(uow)
    assert record.attempts == 3
    assert record.error == "An unexpected fault (ZeroDivisionError). Tried 3 times."
    assert b"4111" not in errors
    assert b"Jane" not in errors
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert b"4111 1111" not in file.read_bytes(), file


def test_a_stage_that_kills_its_process_is_parked_in_the_end(database: Database, tmp_path: Path) -> None:
    ask(database, deadly="decode")
    ask(database)
    deaths = work_until_idle(tmp_path, lives=20)
    assert 3 <= deaths <= 12
    with database.read() as uow:
        [(_, record)] = store.parked(uow)
        assert record.error_code == "pipeline.deadly"
        assert store.counts(uow) == {RunState.DONE: 1, RunState.PARKED: 1}


def test_work_of_an_executor_that_never_returns_is_taken_over(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers, the second dies for good: the first, alone in its slot, finishes what the second held."""
    for _ in range(30):
        ask(database)
    first, second = spawn(tmp_path), spawn(tmp_path)
    time.sleep(1.0)
    for process in (first, second):
        process.kill()
        process.communicate()
    with database.write() as uow:
        # Silent for long enough to count as dead.
        from sqlalchemy import update

        uow.execute(update(store.worker).values(beat_at=clock.to_column(clock.now()).replace(year=2020)))
    assert work_until_idle(tmp_path, lives=0) == 0
    assert_exactly_once(database, 30)
