"""The product's recorder as a process over a data folder of its own, and what its spool holds in the end."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.calls.caller import LABELS, Call
from bench.calls.processes import Measured, start
from candor import wiring
from candor.capture.control import SOCKET, RecorderClient
from candor.capture.rtp.receiver import ROW_HEAD
from candor.capture.spool import spool
from candor.errors import Unavailable
from candor.settings import load

_RTP_PORTS = "10000-31999"
"""Below the ports that the system gives to clients."""


@dataclass
class Recorder:
    """A running one."""

    measured: Measured
    data: Path
    client: RecorderClient
    port: int

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return self.client.status()

    def wait_until_none(self) -> dict[str, Any]:
        """The status once no call is left."""
        until = time.monotonic() + 30
        while (status := self.status())["active"] and time.monotonic() < until:
            time.sleep(0.1)
        return status


def open_recorder(data: Path) -> Recorder:
    """Start it on the measured core and wait until it answers."""
    wiring.prepare(load(data=data))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CANDOR_")}
    environment = kept | {
        "CANDOR_DATA": str(data), "CANDOR_SIP_PORT": "0", "CANDOR_RTP_PORTS": _RTP_PORTS, "CANDOR_DRAIN_SECONDS": "0",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "candor.cli.main", "recorder"]
    measured = start(command, data / "recorder.log", environment)
    client = RecorderClient(data / "run" / SOCKET)
    for _ in range(300):
        try:
            port = int(client.status()["sip_port"])
        except Unavailable:
            if measured.process.poll() is not None:
                raise RuntimeError((data / "recorder.log").read_text()[-2000:]) from None
            time.sleep(0.1)
        else:
            time.sleep(0.5)
            return Recorder(measured, data, client, port)
    measured.stop()
    raise RuntimeError("the recorder does not answer")


@dataclass
class Held:
    """What the spool files hold of what was sent."""

    packets: int = 0
    missing: int = 0
    twice: int = 0
    wrong: int = 0
    """Packets that are not what was sent: another stream's, or other bytes."""

    @property
    def exact(self) -> bool:
        """Whether every packet is there once, in its call and stream, and nothing else."""
        return not (self.missing or self.twice or self.wrong)


def held(data: Path, calls: list[Call], rounds: int) -> Held:
    """Read every finished call and compare with what the sender sent in ``rounds`` packets a stream."""
    settings = load(data=data)
    keyring = wiring.spool_keys(settings)
    order = {call.token.decode(): at for at, call in enumerate(calls)}
    total = Held(missing=len(calls) * len(LABELS) * rounds)
    for path in spool.finished(settings.spool):
        call = spool.read(path, keyring)
        at = order.get(call.facts.external_id or "")
        if at is None or call.damaged or not call.ended:
            continue
        for rows in call.rows:
            _compare(total, rows, at, rounds)
        seen = np.concatenate([_places(rows, at, rounds) for rows in call.rows]) if call.rows else np.zeros(0, int)
        once = len(np.unique(seen))
        total.missing -= once
        total.twice += len(seen) - once
    return total


def _places(rows: npt.NDArray[np.uint8], at: int, rounds: int) -> npt.NDArray[np.int64]:
    """Stream and number of each packet as one number: the sender writes both into the payload."""
    said = rows[:, ROW_HEAD + 12 : ROW_HEAD + 20].copy().view(">u4").astype(np.int64)
    return (said[:, 0] - at * len(LABELS)) * rounds + said[:, 1]


def _compare(total: Held, rows: npt.NDArray[np.uint8], at: int, rounds: int) -> None:
    """Count packets whose stream, header or bytes are not those that were sent."""
    total.packets += len(rows)
    said = rows[:, ROW_HEAD + 12 : ROW_HEAD + 20].copy().view(">u4").astype(np.int64)
    header = rows[:, ROW_HEAD : ROW_HEAD + 12].copy()
    good = said[:, 0] == at * len(LABELS) + rows[:, 10].astype(np.int64)
    good &= (said[:, 1] < rounds) & (header[:, 2:4].copy().view(">u2")[:, 0] == said[:, 1] & 0xFFFF)
    good &= header[:, 8:12].copy().view(">u4")[:, 0] == said[:, 0] + 0x10000
    good &= ~rows[:, ROW_HEAD + 20 :].any(axis=1)
    total.wrong += int((~good).sum())
