"""Rescoring is killed again and again, by two processes at once: every conversation is judged anew exactly once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from candor.kit import clock
from candor.pipeline.rescoring import Ask
from candor.scoring import store as scores
from candor.scoring.rescoring import store as jobs
from candor.scoring.rescoring.store import State
from tests.peers import preloaded
from tests.unit.pipeline.judged import SCORECARD, House

ROOT = Path(__file__).resolve().parents[2]
CALLS = 90
WORK = """
import sys
from candor import wiring
from candor.settings import Settings
services = wiring.open_services(Settings(data=sys.argv[1], recorder=False, meaning=False))
print("working", flush=True)
services.rescoring.work(only=sys.argv[2])
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path, {"meaning": False})
    for _ in range(CALLS):
        made.call()
    with made.services.database.write() as uow:
        made.services.scorecards.publish_text(uow, SCORECARD.replace("version: 1", "version: 2"), None)
    return made


def spawn(house: House, job_id: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WORK, str(house.folder / "data"), job_id]
    return preloaded.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def free_what_the_dead_held(house: House) -> None:
    """As if the time for which parts are held were over."""
    over = clock.to_column(clock.now() - timedelta(seconds=1))
    with house.services.database.write() as uow:
        uow.execute(update(jobs.rescoring_part).where(jobs.rescoring_part.c.state == "held").values(held_until=over))


def test_killed_and_gone_on_with(house: House) -> None:
    with house.services.database.write() as uow:
        job = house.services.rescoring.rescore(uow, "basics", Ask(), None)
    assert job.total == CALLS
    dice, kills = random.Random(3), 0
    for _ in range(4):
        pair = [spawn(house, job.id), spawn(house, job.id)]
        for process in pair:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(dice.uniform(0.05, 0.6))
        for process in pair:
            kills += process.poll() is None
            process.kill()
            process.communicate()
        free_what_the_dead_held(house)
    assert kills >= 2
    last = spawn(house, job.id)
    last.communicate(timeout=120)
    assert last.returncode == 0
    with house.services.database.read() as uow:
        ended = house.services.rescoring.job(uow, job.id, None)
        table = scores.evaluations
        made = uow.execute(
            select(table.c.conversation_id, func.count()).where(table.c.version == 2).group_by(table.c.conversation_id)
        ).all()
    assert ended.state is State.DONE
    assert ended.result is not None
    assert (ended.result["scored"], ended.result["compared"], ended.result["skipped"]) == (CALLS, CALLS, {})
    assert len(made) == CALLS
    assert {count for _, count in made} == {1}
    house.close()
