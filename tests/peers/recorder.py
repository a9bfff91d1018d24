"""A real recorder in a process of its own, and what became of its calls."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from candor import wiring
from candor.capture import store as register
from candor.capture.control import RecorderClient
from candor.conversation.model import Conversation
from candor.errors import Unavailable
from candor.services import Services
from candor.settings import load
from tests.peers import preloaded

ROOT = Path(__file__).resolve().parents[2]
_PORTS = 200
"""How many media ports a test process has: pairs for 100 streams."""
_FIRST_PORTS = range(10_000, 32_000, _PORTS)
"""Below those that the kernel gives to sockets that ask for none."""
ULAW_HEADER = 58


@cache
def media_ports() -> str:
    """A range of ports that no other test process has, and nobody else uses: ``first-last``."""
    turn = os.getpid() % len(_FIRST_PORTS)
    for first in (*_FIRST_PORTS[turn:], *_FIRST_PORTS[:turn]):
        try:
            # The lock is held, and the file open, for as long as this process lives.
            lock = os.open(f"{tempfile.gettempdir()}/candor-media-ports-{first}", os.O_CREAT | os.O_RDWR, 0o666)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        if all(_free(port) for port in range(first, first + _PORTS)):
            return f"{first}-{first + _PORTS - 1}"
        os.close(lock)
    raise AssertionError("no range of media ports is free on this machine")


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


@dataclass
class Kept:
    """One conversation made of a call."""

    conversation: Conversation
    data: bytes

    @property
    def channels(self) -> npt.NDArray[np.uint8]:
        """G.711 codes, (frames, channels)."""
        count = int.from_bytes(self.data[22:24], "little")
        frames = (len(self.data) - ULAW_HEADER) // count
        return np.frombuffer(self.data[ULAW_HEADER : ULAW_HEADER + frames * count], np.uint8).reshape(-1, count)


@dataclass
class RunningRecorder:
    """A data folder and the recorder over it."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    process: preloaded.Popen | None = None

    @property
    def client(self) -> RecorderClient:
        return RecorderClient(self.data / "run" / "recorder.sock")

    @property
    def port(self) -> int:
        return int(self.client.status()["sip_port"])

    def start(self) -> None:
        """Start it and wait until it answers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
        environment = kept | {
            "CANDOR_DATA": str(self.data), "CANDOR_SIP_PORT": "0", "CANDOR_RTP_PORTS": media_ports(),
            "CANDOR_DRAIN_SECONDS": "0", "OMP_NUM_THREADS": "1",
        } | self.settings  # fmt: skip
        (self.data / "run" / "recorder.sock").unlink(missing_ok=True)
        with (self.data / "recorder.log").open("ab") as log:
            self.process = preloaded.start("recorder", environment=environment, stderr=log)
        for _ in range(900):
            try:
                self.client.status()
            except Unavailable:
                assert self.process.poll() is None, (self.data / "recorder.log").read_text()[-2000:]
                time.sleep(0.1)
            else:
                return
        raise AssertionError("the recorder does not answer")

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        """SIGTERM, and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def wait_for(self, ready: Any, seconds: float = 10.0) -> dict[str, Any]:
        """The first status for which ``ready`` holds."""
        until = time.monotonic() + seconds
        while True:
            status = self.client.status()
            if ready(status):
                return status
            assert time.monotonic() < until, status
            time.sleep(0.05)

    def services(self) -> Services:
        return wiring.open_services(load(data=self.data))

    def collect(self, count: int = 1, seconds: float = 10.0) -> list[Kept]:
        """Make conversations of ``count`` finished calls, oldest first."""
        services = self.services()
        try:
            collector = wiring.make_collector(load(data=self.data), services)
            until = time.monotonic() + seconds
            while True:
                collector.collect()
                with services.database.read() as uow:
                    ids = register.ids(uow)
                    if len(ids) >= count:
                        found = [services.shelf.conversation(uow, one) for one in ids]
                        return [Kept(one, services.shelf.original(uow, one).read()) for one in found]  # type: ignore[union-attr]
                    refused = register.open_refusals(uow)
                assert time.monotonic() < until, (ids, refused, list((self.data / "spool").iterdir()))
                time.sleep(0.1)
        finally:
            services.database.close()


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[RunningRecorder]:
    """A recorder over a new data folder."""
    recorder = RunningRecorder(folder, settings)
    wiring.prepare(load(data=folder))
    recorder.start()
    try:
        yield recorder
    finally:
        recorder.stop()


def find(kept: npt.NDArray[np.uint8], sent: bytes, least: int = 0) -> int:
    """Where the bytes of ``sent`` lie in a channel, exactly; -1 when they are not there."""
    return kept.tobytes().find(sent, least)
