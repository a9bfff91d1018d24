"""Processes that are measured: started on one core, with a little priority, and asked what they used."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEASURED_CORE, PEER_CORE = 0, 1
FILES_A_CALL = 5
"""Two sockets a stream, and the spool file."""
SPARE_FILES = 100
OPEN_FILES = 4_000 * FILES_A_CALL + SPARE_FILES
_TICKS = os.sysconf("SC_CLK_TCK")
_NICE = -5
_FIRST_AFTER_NAME = 3  # field number of the state, the first behind the parenthesis


def on_core(core: int) -> Callable[[], None]:
    """What a child does before its program: stay on ``core``; go first and open more, where we may."""

    def prepare() -> None:
        with contextlib.suppress(OSError):  # a machine with one core
            os.sched_setaffinity(0, {core})
        with contextlib.suppress(PermissionError):
            os.nice(_NICE)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))

    return prepare


@dataclass
class Measured:
    """A running process."""

    process: subprocess.Popen[bytes]

    def cpu(self) -> float:
        """CPU seconds so far, user and system, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[14 - _FIRST_AFTER_NAME]) + int(fields[15 - _FIRST_AFTER_NAME])) / _TICKS

    def memory(self) -> int:
        """Resident bytes."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * resource.getpagesize()

    def open_files(self) -> int:
        """The limit of open files."""
        return resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)[0]

    def stop(self) -> None:
        """SIGTERM, and wait; SIGKILL for one that does not go."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> Measured:
    """Start what is measured on the core kept for it; what it says goes to ``log``."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=ROOT,
            preexec_fn=on_core(MEASURED_CORE),  # noqa: PLW1509  this process has one thread when it starts others
        )  # fmt: skip
    return Measured(process)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What the sender says."""

    packets: int
    rounds: int
    """Packets to each port."""
    seconds: float
    worst_late: float
    """Seconds by which the latest round came after its time."""


def send(ports: Sequence[int], seconds: float) -> Sent:
    """Send 20 ms G.711 packets to each of ``ports`` from a process on the other core; returns when it is through."""
    asked = {"targets": [["127.0.0.1", port] for port in ports], "seconds": seconds}
    done = subprocess.run(
        [sys.executable, "-m", "tests.peers.rtp_sender"], input=json.dumps(asked).encode(), stdout=subprocess.PIPE,
        check=True, cwd=ROOT, preexec_fn=on_core(PEER_CORE),
    )  # fmt: skip
    said = json.loads(done.stdout)
    return Sent(packets=said["sent"], worst_late=said["worst_late"], seconds=said["seconds"], rounds=int(seconds * 50))
