"""A stream server on loopback for the length of a test, which leaves no task behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from candor.capture.streams import Limits, Proof, StreamServer, StreamSource
from candor.capture.streams.media_streams import Dialect
from tests.unit.capture.streams.clients import API_KEY, SECRET
from tests.unit.capture.streams.recorder import MemoryCall, MemoryRecorder, Offers

TOKEN = "a token of twenty-odd characters"
OPEN = StreamSource(name="open", proof=Proof.NONE)
"""Asks for no proof: for tests of what comes after it."""
TELNYX = StreamSource(name="telnyx", dialect=Dialect.TELNYX, proof=Proof.NONE)
GENESYS = StreamSource(name="genesys", audiohook=True, secret=SECRET, api_key=API_KEY)


@dataclass
class Service:
    """What a test has in hand."""

    server: StreamServer
    recorder: MemoryRecorder
    offers: Offers

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def call(self) -> MemoryCall:
        """The only call."""
        assert len(self.recorder.calls) == 1
        return self.recorder.calls[0]

    async def begun(self, count: int = 1) -> MemoryCall:
        """Wait for a call; returns the latest."""
        await until(lambda: len(self.recorder.calls) >= count)
        return self.recorder.calls[count - 1]

    async def refused(self, words: str) -> None:
        """Wait for an offer that was refused for this reason."""
        await until(lambda: any(not offer.ok and words in offer.why for offer in self.offers.seen))


async def until(condition: Callable[[], bool], within: float = 5) -> None:
    """Wait until something is true; fails when it does not become so."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  conditions of every kind, none of which tells when it changes
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(
    *sources: StreamSource, recorder: MemoryRecorder | None = None, limits: Limits | None = None, **more: Any
) -> AsyncIterator[Service]:
    """Serve these sources; stops at the end."""
    recorder, offers = recorder or MemoryRecorder(), Offers()
    limits = limits or Limits(refusal_seconds=0)
    server = StreamServer(recorder, sources, port=0, limits=limits, observer=offers, **more)
    await server.start()
    try:
        yield Service(server, recorder, offers)
    finally:
        await server.stop()


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test and see that it leaves no task behind."""

    async def whole() -> None:
        await asyncio.wait_for(test, 30)
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for _ in range(100):
            left = [task for task in left if not task.done()]
            if not left:
                return
            await asyncio.sleep(0.01)
        assert not left

    asyncio.run(whole())
