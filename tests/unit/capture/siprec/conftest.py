"""A recorder for tests of sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from candor.capture.recorder import Keys, Recorder
from candor.capture.rtp.ports import PortRange
from candor.capture.spool.spool import Spool
from tests.peers.recorder import media_ports
from tests.unit.capture.siprec.running import Keyring


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    spool = Spool(tmp_path / "spool", Keyring(), monotonic=time.monotonic)
    spool.open()
    first, last = media_ports().split("-")
    yield Recorder(
        spool, PortRange("127.0.0.1", int(first), int(last)), keys=Keys(pause="*7", resume="*8"), most_calls=5_000
    )
    spool.close()
