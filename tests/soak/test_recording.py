"""Calls for a long time, through everything that may happen to a recorder: every one is kept, and memory stays.

Calls come and go at random; the recorder and the one that collects are killed now and then. At the end every call that
was sent must be a conversation: whole when nobody was killed meanwhile, else marked interrupted and at most a second
short of the kill.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from candor.capture.siprec.client import RecordingClient, Session
from candor.errors import CandorError
from tests.integration.test_recorder import STREAMS, described
from tests.peers.recorder import Kept, RunningRecorder, find, running

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
AT_A_TIME = 25
KILL_EVERY = 45.0
SECONDS = (4, 25)
ULAW_SILENCE = 0xFF
MOST_SILENCED = 400
"""Milliseconds of a call's noise that may be taken for keys."""
LOST_BY_A_KILL = 1.0
"""Seconds."""


@dataclass
class Sent:
    """A call as it was sent."""

    name: str
    given: dict[str, bytes]
    began: float
    ended: float
    whole: bool
    packets: int = 0
    """Sent so far, of each stream."""
    before_kill: int | None = None
    """Of them, those that were sent a second and more before the recorder was killed."""


@pytest.fixture(
    params=[{}, {"CANDOR_CONSENT": "enforce", "CANDOR_ESTABLISHMENT": "US-TX"}],
    ids=["nobody-asked", "consent-enforced"],
)
def recorder(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[RunningRecorder]:
    """The same calls twice: with consent enforced each is decided first, and all of them may be recorded."""
    with running(tmp_path / "data", **request.param) as made:
        yield made


def memory(pid: int) -> int:
    """Resident bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def missing(kept: npt.NDArray[np.uint8], given: bytes) -> int:
    """Bytes of ``given`` that are not where they should be; noise that was taken for a telephone key is silence."""
    sent = np.frombuffer(given, np.uint8)
    if not len(sent):
        return 0
    at = next(place for start in range(0, len(sent), 1600) if (place := find(kept, given[start : start + 1600])) >= 0)
    begin = at - next(start for start in range(0, len(sent), 1600) if find(kept, given[start : start + 1600]) == at)
    there = kept[begin : begin + len(sent)]
    wrong = there != sent[: len(there)]
    silenced = wrong & (there == ULAW_SILENCE)
    return int(wrong.sum() - silenced.sum()) + len(sent) - len(there) + max(0, int(silenced.sum()) - 8 * MOST_SILENCED)


async def send(session: Session, call: Sent) -> None:
    """As ``play`` does, counting as it goes: on a busy machine the sender falls behind the clock."""
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for turn in range(len(call.given["1"]) // 160):
            await asyncio.sleep(max(0.0, began + turn * 0.02 - time.monotonic()))
            for label, data in call.given.items():
                head = bytes((0x80, 0)) + turn.to_bytes(2, "big") + (turn * 160).to_bytes(4, "big") + label.encode() * 4
                handle.sendto(head + data[turn * 160 : turn * 160 + 160], session.target_of(label))
            call.packets = turn + 1


class Traffic:
    """Calls that come and go, and a recorder that is killed now and then."""

    def __init__(self, recorder: RunningRecorder) -> None:
        self._recorder, self._rng = recorder, random.Random(7)
        self._until = time.monotonic() + MINUTES * 60
        self.sent: list[Sent] = []
        self.kills: list[float] = []
        self.resident: list[int] = []

    async def run(self) -> None:
        await asyncio.gather(self._callers(), self._killer())

    async def _callers(self) -> None:
        under_way: set[asyncio.Task[None]] = set()
        number = 0
        while time.monotonic() < self._until or under_way:
            while len(under_way) < AT_A_TIME and time.monotonic() < self._until:
                number += 1
                under_way.add(asyncio.create_task(self._call(number)))
            _, under_way = await asyncio.wait(under_way, timeout=0.5)

    async def _call(self, number: int) -> None:
        noise = np.random.default_rng(number)
        size = self._rng.randint(*SECONDS) * 8000
        given = {label: noise.integers(0, 256, size, dtype=np.uint8).tobytes() for label in ("1", "2")}
        client = RecordingClient()
        try:
            flow = await client.reach("127.0.0.1", self._recorder.port)
            session = await asyncio.wait_for(client.begin(flow, STREAMS, described(f"soak-{number}")), 10)
        except (CandorError, TimeoutError, OSError):
            await client.close()
            await asyncio.sleep(1)  # it is being started again
            return
        call = Sent(f"soak-{number}", given, time.monotonic(), 0.0, whole=False)
        self.sent.append(call)
        try:
            await send(session, call)
            await asyncio.wait_for(client.end(session), 5)
            call.whole = True
        except (CandorError, TimeoutError, OSError):
            pass
        finally:
            call.ended = time.monotonic()
            await client.close()

    async def _killer(self) -> None:
        while time.monotonic() + KILL_EVERY < self._until:
            await asyncio.sleep(KILL_EVERY)
            assert self._recorder.process is not None
            self.resident.append(memory(self._recorder.process.pid))
            then = {call.name: call.packets for call in self.sent}
            await asyncio.sleep(LOST_BY_A_KILL)
            for call in self.sent:
                if not call.ended and call.before_kill is None:
                    call.before_kill = then.get(call.name, 0)
            await asyncio.to_thread(self._recorder.kill)
            self.kills.append(time.monotonic())
            await asyncio.to_thread(self._recorder.start)


def check(call: Sent, kept: Kept) -> None:
    """Whole, or up to the kill."""
    length = len(call.given["1"])
    if call.before_kill is None and call.whole:
        assert not any(gap.reason == "interrupted" for gap in kept.conversation.gaps), call.name
    else:
        length = min(length, (call.before_kill or 0) * 160)
    for channel, label in enumerate(("1", "2")):
        assert missing(kept.channels[:, channel], call.given[label][:length]) == 0, call.name


@pytest.mark.timeout(MINUTES * 60 + 900)
def test_everything_that_was_sent_is_kept(recorder: RunningRecorder) -> None:
    traffic = Traffic(recorder)
    asyncio.run(traffic.run())
    recorder.wait_for(lambda status: not status["active"], 60)
    expected = [call for call in traffic.sent if call.before_kill is None or call.before_kill > 0]
    kept = {str(one.conversation.external_id): one for one in recorder.collect(len(expected), 600)}
    assert kept.keys() >= {call.name for call in expected}
    assert kept.keys() <= {call.name for call in traffic.sent}
    assert len(traffic.kills) >= int(MINUTES * 60 / KILL_EVERY) - 2
    for call in [call for call in traffic.sent if call.name in kept]:
        check(call, kept[call.name])
    assert max(traffic.resident, default=0) < 1.5 * min(traffic.resident, default=1), traffic.resident
