"""A process of ``tests.peers.preloaded`` is what the same command is anywhere, but for the time it takes to begin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.peers import preloaded

PIPE = subprocess.PIPE
ENDS = {
    "well": "print('said')",
    "with a status": "import sys; sys.exit(3)",
    "with words": "import sys; sys.exit('too late')",
    "with a fault": "1 / 0",
    "with what was left for the end": "import atexit; atexit.register(print, 'bye'); print('said')",
    "with a thread": "from threading import Timer; Timer(0.2, print, ['late']).start()",
    "interrupted": "raise KeyboardInterrupt",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "into a closed pipe": "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); print('x')",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_it_ends_as_any(code: str) -> None:
    ends = []
    for start in (subprocess.Popen, preloaded.Popen):
        with start([sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as process:
            out, err = process.communicate(timeout=60)
        ends.append((process.returncode, out, err.splitlines()[-1:]))
    assert ends[0] == ends[1]


def test_what_it_left_open_is_closed_as_by_any(tmp_path: Path) -> None:
    code = """
import sqlite3
database = sqlite3.connect("kept.db")
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE kept (word)")
database.commit()
file = open("words", "w")
file.write("said")
"""
    left = []
    for name, start in (("any", subprocess.Popen), ("ours", preloaded.Popen)):
        folder = tmp_path / name
        folder.mkdir()
        with start([sys.executable, "-c", code], cwd=folder) as process:
            assert process.wait(60) == 0
        left.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert left[0] == left[1]
    assert left[0].keys() == {"kept.db", "words"}


def test_it_is_our_child_in_its_folder_with_its_environment(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getppid(), os.getcwd(), os.environ['WORD'], os.getsid(0) == os.getpid(), sys.argv)"
    process = preloaded.Popen(
        [sys.executable, "-c", code, "one"], cwd=tmp_path, env={"WORD": "x"}, stdout=PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    told, _ = process.communicate(timeout=60)
    assert told == f"{os.getpid()} {tmp_path} x True ['-c', 'one']\n"
    assert process.returncode == 0


def test_a_command_of_the_product_answers_as_the_installed_one(tmp_path: Path) -> None:
    environment = os.environ | {"CANDOR_DATA": str(tmp_path / "none"), "COLUMNS": "80"}
    installed = Path(sys.executable).with_name("candor")
    for words in (("commands",), ("settings", "--markdown"), ("show",), ("nonsense",)):
        real = subprocess.run([installed, *words], env=environment, capture_output=True, text=True, check=False)
        ours = preloaded.run(*words, environment=environment)
        assert (ours.returncode, ours.stdout, ours.stderr) == (real.returncode, real.stdout, real.stderr), words


def test_what_a_command_starts_is_its_own_child_and_ends_with_it(tmp_path: Path) -> None:
    environment = os.environ | {
        "CANDOR_DATA": str(tmp_path / "data"), "CANDOR_PORT": "0", "CANDOR_WORKERS": "1", "CANDOR_RECORDER": "false",
    }  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        process = preloaded.start("serve", environment=environment, stderr=log)
    deadline = time.monotonic() + 60
    while not {"web", "worker"} <= set(family(process.pid).values()):
        assert process.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = family(process.pid)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def family(parent: int) -> dict[int, str]:
    """(pid, name) of its children."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, more = (folder / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if int(more.split()[1]) == parent:
            found[int(folder.name)] = name
    return found
