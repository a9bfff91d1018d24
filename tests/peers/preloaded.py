"""Processes of the product, without paying for Python's imports each time.

One process that has imported ``candor.cli.main`` and done nothing else forks for every command: arguments, environment,
folder and the three streams are those that a shell would give, and a child can be killed like any other. Only the
second or two in which modules are loaded is shared.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_FORKING = """
import json, os, socket, sys
import candor.cli.main as command

line = socket.socket(fileno=int(sys.argv[1]))
child = 1
while child:
    asked, streams, _, _ = socket.recv_fds(line, 1 << 20, 3)
    if not asked:
        os._exit(0)
    wanted = json.loads(asked)
    if "reap" in wanted:
        _, status = os.waitpid(wanted["reap"], 0)
        line.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())
        continue
    child = os.fork()
    if child == 0:
        line.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(wanted["folder"])
        os.environ.clear()
        os.environ.update(wanted["environment"])
        sys.argv = ["candor", *wanted["words"]]
        exec(wanted["first"], {"command": command})
        command.main()  # and then the process ends as any does
        break
    for stream in streams:
        os.close(stream)
    line.send(json.dumps({"pid": child}).encode())
"""


class _Preloaded:
    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(60)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKING, str(theirs.fileno())], pass_fds=[theirs.fileno()],
            env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}, start_new_session=True,
        )  # fmt: skip
        theirs.close()
        atexit.register(self._close)

    def _close(self) -> None:
        self._line.close()
        self._process.wait(timeout=10)

    def ask(self, message: dict[str, Any], streams: list[int]) -> dict[str, Any]:
        socket.send_fds(self._line, [json.dumps(message).encode()], streams)
        answer: dict[str, Any] = json.loads(self._line.recv(1 << 16))
        return answer


_here: list[_Preloaded] = []


class Process:
    """A running command, with the part of ``subprocess.Popen`` that tests use."""

    def __init__(
        self,
        words: tuple[str, ...],
        environment: Mapping[str, str],
        stdin: BinaryIO,
        stdout: BinaryIO,
        stderr: BinaryIO,
        first: str = "",
    ) -> None:
        if not _here:
            _here.append(_Preloaded())
        asked = {"words": words, "environment": dict(environment), "folder": str(Path.cwd()), "first": first}
        self.pid = int(_here[0].ask(asked, [each.fileno() for each in (stdin, stdout, stderr)])["pid"])
        self.returncode: int | None = None
        self._ended = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._status(0.0)

    def wait(self, timeout: float = 120) -> int:
        """The exit status; raises TimeoutError."""
        code = self._status(timeout)
        if code is None:
            raise TimeoutError(f"process {self.pid} has not ended in {timeout} s")
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _status(self, seconds: float) -> int | None:
        if self.returncode is None:
            ended, _, _ = select.select([self._ended], [], [], seconds)
            if not ended:
                return None
            os.close(self._ended)
            self.returncode = int(_here[0].ask({"reap": self.pid}, [])["code"])
        return self.returncode


def start(*words: str, environment: Mapping[str, str], stdout: BinaryIO | None = None, stderr: BinaryIO) -> Process:
    """``candor words…`` in the background; without ``stdout`` it goes where ``stderr`` goes."""
    with Path(os.devnull).open("rb") as nothing:
        return Process(words, environment, nothing, stdout or stderr, stderr)


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
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        told.write(given.encode())
        told.seek(0)
        process = Process(words, environment, told, out, err, first)
        try:
            code = process.wait(timeout)
        except TimeoutError:
            process.kill()
            process.wait(10)
            raise
        for stream in (out, err):
            stream.seek(0)
        return Ended(code, out.read().decode(), err.read().decode())
