"""Processes of the product, without paying for Python's imports each time.

One process that has loaded what the product's commands load, and done nothing else, forks for every command
(:mod:`tests.peers.forking`): arguments, environment, folder and streams are as a shell would give them, it is a child
of the test like any other, and what it starts is its own child. Only the seconds in which modules are loaded, and taken
down, are saved. ``tests/integration/test_preloaded.py`` holds the two ways against one another.
"""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tests.peers import forking

ROOT = Path(__file__).resolve().parents[2]
CANDOR = (sys.executable, *forking.OURS)


class Popen(forking.Popen):
    """``subprocess.Popen`` for ``[sys.executable, "-m" or "-c", …]``, from the process that has loaded the modules."""

    def __init__(self, words: Any, **more: Any) -> None:
        if not hasattr(Popen, "line"):
            Popen.line = _start()
        super().__init__(words, **more)


def _start() -> socket.socket:
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(60)
    forking.be_parent_of_orphans()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.peers.forking", str(theirs.fileno())], pass_fds=[theirs.fileno()], cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}, start_new_session=True,
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        line.close()
        process.wait(timeout=10)

    atexit.register(end)
    return line


def start(*words: str, environment: Mapping[str, str], stdout: BinaryIO | None = None, stderr: BinaryIO) -> Popen:
    """``candor words…`` in the background; without ``stdout`` it goes where ``stderr`` goes."""
    return Popen(
        [*CANDOR, *words], env=environment, stdin=subprocess.DEVNULL, stdout=stdout or stderr,
        stderr=stderr,
    )  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str, environment: Mapping[str, str], given: str = "", timeout: float = 120, first: str = "") -> Ended:
    """``candor words…`` to its end, as a shell would run it. Raises TimeoutError, and then it is killed.

    ``first`` is Python that the process runs before the command, with ``command`` (its module) in hand.
    """
    with Popen(
        [*CANDOR, *words], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, first=first,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(given, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            process.kill()
            raise TimeoutError(f"`candor {words[0]}` has not ended in {timeout} s") from late
        return Ended(process.returncode, out, err)
