"""Candor as its users have it: the installed command, a data folder, a server on a free port."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from tests.peers import preloaded

ROOT = Path(__file__).resolve().parents[2]
CALLS = ROOT / "demo" / "calls"
BROKEN = ROOT / "tests" / "vectors" / "media"
COMMAND = Path(sys.executable).with_name("candor")
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


@dataclass
class Candor:
    """One data folder and the commands over it."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
        return (
            kept
            | {
                "CANDOR_DATA": str(self.data),
                "OMP_NUM_THREADS": "1",
                "COLUMNS": "80",
                # Several servers run beside one another in tests; those that record choose their ports.
                "CANDOR_RECORDER": "false",
            }
            | self.settings
        )

    def start(self, *words: str, installed: bool = False, **more: Any) -> subprocess.Popen[Any]:
        """In the background; ``installed``: as a shell starts it, and it its own processes."""
        if installed:
            return subprocess.Popen([COMMAND, *words], env=self.environment, text=True, **more)
        return preloaded.Popen([*preloaded.CANDOR, *words], env=self.environment, text=True, **more)

    def run(self, *words: str | Path, given: str = "", timeout: float = 120) -> Done:
        """Run a command to its end; a traceback is never an answer."""
        ended = preloaded.run(*map(str, words), environment=self.environment, given=given, timeout=timeout)
        assert "Traceback" not in ended.stderr, ended.stderr
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def json(self, *words: str | Path, code: int = 0, timeout: float = 120) -> Any:
        done = self.run(*words, "--json", timeout=timeout)
        assert done.code == code, done.out + done.err
        return done.json

    def show(self, conversation_id: str) -> Any:
        return self.json("show", conversation_id)

    def found(self, words: str) -> list[str]:
        """Ids of the conversations that a search finds."""
        return [row["id"] for row in self.json("search", words)["conversations"]]

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into (or harm) the database from outside."""
        with sqlite3.connect(self.data / "candor.db", timeout=20) as connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def token(self, login: str = "root") -> str:
        added = self.run("user", "add", login, "--role", "administrator", "--name", "Robin Vale", given=PASSWORD + "\n")
        assert added.code == 0, added.err
        made = self.run("token", "create", login, "--name", "tests")
        assert made.code == 0, made.err
        return made.out.strip()

    def serving(self, log: Path, workers: int = 2, installed: bool = False) -> Server:
        return Server(self, log, workers, installed)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``candor serve`` and what it started; both output streams go to ``log``."""

    def __init__(self, candor: Candor, log: Path, workers: int, installed: bool) -> None:
        self.log, self.port = log, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        candor.settings |= {"CANDOR_PORT": str(self.port), "CANDOR_WORKERS": str(workers)}
        self._candor, self._installed = candor, installed
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = self._candor.start(
                "serve", installed=self._installed, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def ready(self, seconds: float = 60) -> Server:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if httpx.get(f"{self.address}/login", timeout=5).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(f"no answer: {self.log.read_text()}")

    def children(self) -> dict[int, str]:
        """(pid, ``web`` or ``worker``) of the supervisor's children."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                name, _, more = (folder / "stat").read_text().partition("(")[2].rpartition(")")
                words = (folder / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if int(more.split()[1]) == self.process.pid:
                if "candor.cli.main" in words:
                    name = words[words.index("candor.cli.main") + 1]
                if name in {"web", "worker"}:
                    found[int(folder.name)] = name
        return found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def client(self, token: str) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers={"Authorization": f"Bearer {token}"}, timeout=60)


@contextmanager
def served(candor: Candor, log: Path, workers: int = 2, installed: bool = False) -> Iterator[Server]:
    server = candor.serving(log, workers, installed)
    try:
        yield server.ready()
    finally:
        server.stop()


def cut(call: str, target: Path, start: float, stop: float) -> Path:
    """A stretch of a demo call as a recording of its own."""
    source = next(CALLS.glob(f"{call}*.opus"))
    rate = soundfile.info(source).samplerate
    samples, _ = soundfile.read(source, start=round(start * rate), stop=round(stop * rate))
    soundfile.write(target, samples, rate, format="OGG", subtype="OPUS")
    return target


def noise(target: Path, seconds: float, seed: int = 5, **form: str) -> Path:
    """A recording of quiet noise: real sound, no speech, quick to process."""
    samples = np.random.default_rng(seed).normal(0, 0.002, (round(seconds * 8000), 2))
    soundfile.write(target, samples, 8000, **(form or {"format": "WAV", "subtype": "PCM_16"}))
    return target


def everything_in(folder: Path, needles: Sequence[bytes]) -> dict[str, list[str]]:
    """Which of ``needles`` (any case) occur in which files below ``folder``.

    A few digits alone stand in every other random id by chance: they count where no letter of an id is beside them.
    """
    patterns = {
        needle: re.compile(
            rb"(?<![0-9a-f-])%b(?![0-9a-f-])" % needle if re.fullmatch(rb"\d{1,7}", needle) else re.escape(needle),
            re.IGNORECASE,
        )
        for needle in needles
    }
    found: dict[str, list[str]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            hits = [needle.decode("latin-1") for needle, pattern in patterns.items() if pattern.search(data)]
            if hits:
                found[str(file.relative_to(folder))] = hits
    return found
