"""``kill -9`` of the product's own processes: every conversation ends ready, exactly once."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.acceptance.product import Candor, cut, served

pytestmark = pytest.mark.slow

CALLS = ("02", "04", "05", "07", "08", "11")
STAGES = ("decode", "transcribe", "prove", "redact", "analyse", "score", "index")


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    folder.mkdir()
    for place, call in enumerate(CALLS):
        cut(call, folder / f"{call}.opus", 0, 5 + place)
    return folder


def wait_until_done(candor: Candor, count: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = dict(candor.sql("select state, count(*) from run group by state"))
        if states == {"done": count}:
            return
        assert "parked" not in states, candor.run("status").out
        time.sleep(0.3)
    raise AssertionError(f"not done in time: {candor.run('status').out}")


def assert_exactly_once(candor: Candor, count: int) -> None:
    status = candor.json("status")
    assert (status["runs"], status["attention"]) == ({"done": count}, [])
    rows = candor.json("list")["conversations"]
    assert len(rows) == count
    assert {row["status"] for row in rows} == {"ready"}
    for table in ("conversation_index", "conversation_text", "run", "transcript", "evaluation", "analysis"):
        assert candor.sql(f"select count(*) from {table}") == [(count,)], table
    assert candor.sql("select count(*) from transcript where current") == [(count,)]
    for [per_call] in candor.sql("select count(distinct conversation_id) from evaluation where source = 'automatic'"):
        assert per_call == count
    assert dict(
        candor.sql("select stage, count(*) from stage_run where state = 'done' group by stage")
    ) == dict.fromkeys(STAGES, count)
    kinds = dict(candor.sql("select kind, count(*) from sealed_object group by kind"))
    assert kinds == dict.fromkeys(("original", "working", "transcript", "redaction", "playback", "peaks"), count)


def test_kill_web_workers_and_supervisor_at_random_moments(calls: Path, tmp_path: Path) -> None:
    candor, dice = Candor(tmp_path / "data"), random.Random(time.time_ns())
    with served(candor, tmp_path / "serve.log") as server:
        done = candor.run("import", calls, "--no-wait")
        assert done.code == 0, done.err
        assert done.out.startswith(f"{len(CALLS)} imported, processing goes on")
        killed: list[str] = []
        for target in ("worker", "web", "everything", "worker"):
            time.sleep(dice.uniform(0.3, 3.0))
            children = server.children()
            if target == "everything":
                # The supervisor first, so that it starts nobody again; then those it leaves behind.
                os.kill(server.process.pid, signal.SIGKILL)
                server.process.wait()
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                    killed.append(children[pid])
                server.start()
                server.ready()
            else:
                found = [pid for pid, kind in children.items() if kind == target]
                if found:
                    os.kill(dice.choice(found), signal.SIGKILL)
                    killed.append(target)
        assert {"worker", "web"} <= set(killed)
        assert len(killed) >= 4
        wait_until_done(candor, len(CALLS), 150)
        assert_exactly_once(candor, len(CALLS))
        server.ready()


def test_children_of_a_killed_supervisor_end_by_themselves(tmp_path: Path) -> None:
    candor = Candor(tmp_path / "data")
    with served(candor, tmp_path / "serve.log", installed=True) as server:
        children = list(server.children())
        assert len(children) == 3
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        deadline = time.monotonic() + 25
        while left := [pid for pid in children if alive(pid)]:
            assert time.monotonic() < deadline, left
            time.sleep(0.2)
        server.start()
        server.ready()


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_kill_an_import_in_the_middle_and_run_it_again(calls: Path, tmp_path: Path) -> None:
    candor, dice = Candor(tmp_path / "data"), random.Random(time.time_ns())
    for latest in (1.5, 5.0):
        process = candor.start("import", str(calls), start_new_session=True)
        time.sleep(dice.uniform(0.1, latest))
        # The command and the workers that it started.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    again = candor.run("import", calls, "--json", timeout=200)
    assert again.code == 0, again.err
    told = again.json
    assert len(told["imported"]) + len(told["already_there"]) == len(CALLS)
    assert told["failed"] == []
    # What the killed command had sealed goes on when any worker runs.
    last = candor.run("worker", "--until-idle")
    assert last.code == 0, last.err
    wait_until_done(candor, len(CALLS), 5)
    assert_exactly_once(candor, len(CALLS))
