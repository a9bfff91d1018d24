"""Scheduled reports are killed while they are made, by two processes at once: none is lost, none is made twice."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from candor.kit import clock
from candor.scoring.reports import store as reports
from candor.scoring.reports.store import Every
from tests.conftest import ROOT
from tests.peers import preloaded
from tests.unit.pipeline.judged import House

SCHEDULES, WEEKS = 5, 6
WORK = """
import sys
from candor import wiring
from candor.settings import Settings
services = wiring.open_services(Settings(data=sys.argv[1], recorder=False, meaning=False))
print("working", flush=True)
services.reporting.tend()
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Schedules whose first report was made weeks ago: six more of each are due."""
    made = House(tmp_path, {"meaning": False})
    now = clock.now()
    for number in range(20):
        made.call(at=now - timedelta(days=2 * number, hours=1))
    with clock.freeze(now - timedelta(weeks=WEEKS)):
        with made.services.database.write() as uow:
            for number in range(SCHEDULES):
                made.services.reporting.schedule(
                    uow, made.person("sam"), name=f"Report {number}", scorecard="basics", every=Every.WEEK,
                    zone="Europe/Berlin",
                )  # fmt: skip
        assert made.services.reporting.tend() == SCHEDULES
    return made


def spawn(house: House) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WORK, str(house.folder / "data")]
    return preloaded.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def made(house: House) -> list[tuple[str, datetime]]:
    with house.services.database.read() as uow:
        table = reports.report_made.c
        return [
            (row.schedule_id, row.until.replace(tzinfo=UTC))
            for row in uow.execute(select(table.schedule_id, table.until))
        ]


def test_killed_and_made_up_for(house: House) -> None:
    dice, all_of_them, kills = random.Random(11), SCHEDULES * (WEEKS + 1), 0
    for some in (SCHEDULES + 1, 12, 19, 26, 30):
        pair = [spawn(house), spawn(house)]
        deadline = time.monotonic() + 60
        while len(made(house)) < some:
            assert time.monotonic() < deadline, "nothing is made"
            time.sleep(0.005)
        time.sleep(dice.uniform(0, 0.05))  # anywhere between one report and the next
        for process in pair:
            kills += process.poll() is None
            process.kill()
            process.communicate()
    assert kills >= 2
    assert len(made(house)) < all_of_them, "the last kill left something to do"
    last = spawn(house)
    last.communicate(timeout=120)
    assert last.returncode == 0
    found = Counter(made(house))
    assert set(found.values()) == {1}
    assert len(found) == all_of_them
    weeks = sorted({until for _, until in found})
    assert len(weeks) == WEEKS + 1
    assert {later - earlier for earlier, later in pairwise(weeks)} <= {
        timedelta(days=7), timedelta(days=7, hours=1), timedelta(days=7, hours=-1),
    }  # fmt: skip
    # Every one of them opens for whose it is.
    sam = house.person("sam")
    with house.services.database.write() as uow:
        for _schedule, finished in house.services.reporting.schedules(uow, sam):
            for each in finished:
                assert house.services.reporting.open(uow, sam, each.id, "pdf")[1].startswith(b"%PDF-")
                assert house.services.reporting.open(uow, sam, each.id, "csv")[1].startswith(b"part,source")
    assert spawn(house).communicate(timeout=120) is not None
    assert Counter(made(house)) == found
    house.close()
