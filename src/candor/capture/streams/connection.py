"""One WebSocket: what its intake says goes out in order, and its time limits are kept."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from candor.capture.streams.intake import Farewell, Intake
from candor.capture.streams.sources import Limits, Observer

_OFFERS = 10
"""What one connection may report to the observer, at most."""
_UNSENT = 200
"""Text frames that the other side has not read yet, at most."""


class Connection:
    """The :class:`~candor.capture.streams.intake.Link` of one intake."""

    def __init__(
        self,
        socket: ServerConnection,
        source: str,
        observer: Observer | None,
        limits: Limits,
        *,
        proven: bool,
        opened_at: datetime,
    ) -> None:
        """``proven``: the upgrade proved who it is; ``opened_at``: when it was asked for."""
        self.intake: Intake | None = None
        self.opened_at = opened_at
        self.proven = proven
        """True once the sender has proved who it is; a call begins with nothing less."""
        self.has_started = False
        self._socket, self._source, self._observer, self._limits = socket, source, observer, limits
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + limits.start_seconds
        """Of the start, or of the farewell."""
        self._heard = self._loop.time()
        self._outbox: deque[str] = deque()
        self._farewell: Farewell | None = None
        self._now = False
        self._writer: asyncio.Task[None] | None = None
        self._offers = 0

    # What the intake asks for

    @property
    def closing(self) -> bool:
        """True once it is being closed."""
        return self._farewell is not None

    def send(self, text: str) -> None:
        """Queue a text frame."""
        self._outbox.append(text)
        if len(self._outbox) > _UNSENT:
            self._abort()
        else:
            self._write()

    def close(self, farewell: Farewell, *, after: float = 0) -> None:
        """Close it when all is sent, or ``after`` seconds when the other side has not."""
        if self._farewell is None:
            self._farewell = farewell
            self._deadline = self._loop.time() + after
        if after <= 0:
            self._now = True
        self._write()

    def started(self) -> None:
        """A call has begun, or nothing is to come."""
        self.has_started = self.proven = True

    def offered(self, protocol: str, *, ok: bool, why: str) -> None:
        """Tell the observer."""
        self._offers += 1
        if self._observer is not None and self._offers <= _OFFERS:
            self._observer.offered(self._source, protocol, ok=ok, why=why)

    def moment(self) -> float:
        """The loop's time in seconds."""
        return self._loop.time()

    # What the server asks for

    def receive(self, frame: str | bytes) -> None:
        """Hand a frame to the intake."""
        self._heard = self._loop.time()
        if self.intake is not None:
            self.intake.receive(frame)

    def check(self, moment: float) -> None:
        """Keep the time limits."""
        if self._farewell is not None:
            if moment >= self._deadline:
                self.close(self._farewell)
            if moment >= self._deadline + 2 * self._limits.farewell_seconds:
                self._abort()
        elif self.intake is None:
            pass
        elif not self.has_started:
            if moment >= self._deadline:
                self.offered(
                    self.intake.protocol,
                    ok=False,
                    why=f"No call began within {self._limits.start_seconds:g} s of the connection.",
                )
                self.close(Farewell.REFUSED)
        elif moment - self._heard >= self._limits.idle_seconds and not self.intake.paused:
            self.intake.end("no sound")
            self.close(Farewell.DONE)

    async def finish(self) -> None:
        """Wait for what is being written, and leave nothing behind; the socket is closed, or on its way."""
        writer = self._writer
        if writer is not None:
            await asyncio.wait([writer], timeout=self._limits.farewell_seconds)
            if not writer.done():
                writer.cancel()
                await asyncio.wait([writer])

    def _abort(self) -> None:
        """The other side reads nothing: no farewell would reach it."""
        self._outbox.clear()
        self._socket.transport.abort()

    def _write(self) -> None:
        if (self._outbox or self._now) and (self._writer is None or self._writer.done()):
            self._writer = self._loop.create_task(self._flush())

    async def _flush(self) -> None:
        try:
            while self._outbox:
                await self._socket.send(self._outbox.popleft())
        except ConnectionClosed:
            self._outbox.clear()
        if self._now and self._farewell is not None:
            await self._socket.close(self._farewell.code, self._farewell.text)
