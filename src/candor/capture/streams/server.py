"""The WebSocket server that media-stream senders connect to: ``/streams/NAME`` and ``/audiohook/NAME``.

A sender proves who it is while it asks for the upgrade (RFC 6455 section 4); without a proof there is no WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from candor.capture.ports import Recorder
from candor.capture.streams.audiohook_intake import AudioHookIntake
from candor.capture.streams.calls import Calls
from candor.capture.streams.connection import Connection
from candor.capture.streams.intake import Farewell
from candor.capture.streams.media_intake import MediaIntake
from candor.capture.streams.signatures import (
    AudioHookIdentity,
    Nonces,
    Upgrade,
    presented_token,
    verify_audiohook,
    verify_token,
    verify_twilio,
)
from candor.capture.streams.sources import AUDIOHOOK, Limits, Observer, Proof, StreamSource
from candor.errors import CandorError, Forbidden, InvalidInput, NotFound, Unauthenticated, Unavailable
from candor.kit import clock
from candor.kit.log import get_logger

_log = get_logger("streams")
_TICK = 1.0
"""Seconds between two looks at the time limits, at most."""
_STATUS: dict[type[CandorError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Forbidden: HTTPStatus.FORBIDDEN,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admission:
    """What the upgrade told."""

    source: StreamSource
    proven: bool
    opened_at: datetime
    identity: AudioHookIdentity | None = None


class StreamServer:
    """Takes the calls of all configured sources; can be started again after it was stopped."""

    def __init__(
        self,
        recorder: Recorder,
        sources: Sequence[StreamSource],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        observer: Observer | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``port`` 0 takes a free one. Raises InvalidInput when two sources have the same name."""
        self._sources = {source.name: source for source in sources}
        if len(self._sources) < len(sources):
            raise InvalidInput("Two stream sources have the same name.", advice="Give each a name of its own.")
        self._recorder, self._limits, self._observer = recorder, limits or Limits(), observer
        self._host, self._port, self._tls = host, port, tls
        self._nonces = {source.name: Nonces() for source in sources}
        self._calls = Calls()
        self._connections: set[Connection] = set()
        self._admitted: WeakKeyDictionary[ServerConnection, _Admission] = WeakKeyDictionary()
        self._server: Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._draining = False
        self._refusing = 0
        self._one_less = asyncio.Event()

    @property
    def port(self) -> int:
        """The port that it listens on; the configured one while it does not."""
        if self._server is None or not self._server.sockets:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connections(self) -> int:
        """Open WebSockets."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen; no effect when it does already. Raises Unavailable when the address cannot be had."""
        if self._server is not None:
            return
        self._draining = False
        # Nothing of the library's own words is logged: they quote requests, and with them tokens.
        silent = logging.Logger("candor.capture.streams.websockets", logging.CRITICAL + 1)  # noqa: LOG001
        try:
            self._server = await serve(
                self._serve,
                self._host,
                self._port,
                process_request=self._admit,
                ssl=self._tls,
                compression=None,
                max_size=self._limits.frame_bytes,
                open_timeout=self._limits.start_seconds,
                close_timeout=self._limits.farewell_seconds,
                ping_interval=20,
                ping_timeout=None,  # some senders answer no pings: they are ended by their silence, not by that
                server_header=None,
                logger=silent,
            )
        except OSError as error:
            raise Unavailable(
                "The address for media streams cannot be listened on.",
                code="streams.address",
                advice="See which other program uses the port, or set another one.",
            ) from error
        self._watch = asyncio.create_task(self._keep_time())

    async def drain(self, seconds: float) -> None:
        """Take no new call, let the senders end theirs or come again elsewhere for ``seconds``, then stop."""
        if self._server is None:
            return
        self._draining = True
        self._calls.end_waiting("recorder stopped")
        for connection in list(self._connections):
            if connection.intake is not None and not connection.closing:
                connection.intake.farewell()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._connections:
                    self._one_less.clear()
                    await self._one_less.wait()
        await self.stop()

    async def stop(self) -> None:
        """End all calls and close all connections; no effect when it is stopped."""
        server, self._server = self._server, None
        if server is None:
            return
        self._draining = True
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        for connection in list(self._connections):
            if connection.intake is not None:
                connection.intake.end("recorder stopped")
            connection.close(Farewell.LEAVING)
        self._calls.end_waiting("recorder stopped")
        server.close(code=Farewell.LEAVING.code, reason=Farewell.LEAVING.text)
        await server.wait_closed()

    async def _keep_time(self) -> None:
        limits = self._limits
        shortest = min(limits.start_seconds, limits.idle_seconds, limits.reconnect_seconds, limits.farewell_seconds)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_TICK, max(0.01, shortest / 4)))
            moment = loop.time()
            for check in (*(connection.check for connection in self._connections), self._calls.expire):
                try:
                    check(moment)
                except Exception:  # noqa: BLE001  one connection's fault is not the others'
                    _log.exception("stream_watch_failed")

    # The upgrade

    async def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        """Let the request become a WebSocket (None), or answer it with a refusal."""
        kind, name, token = _place(request.path)
        source, opened_at = self._sources.get(name), clock.now()
        known = source is not None and kind == ("audiohook" if source.audiohook else "streams")
        protocol = AUDIOHOOK if kind == "audiohook" else "media stream"
        try:
            if source is None or not known:
                raise NotFound(
                    "The address that was asked for belongs to no source.",
                    advice="Its form is /streams/NAME or /audiohook/NAME, with a source's name.",
                )
            proven, identity = self._prove(source, request, token)
            self._check_room(proven=proven)
            self._admitted[socket] = _Admission(source=source, proven=proven, opened_at=opened_at, identity=identity)
        except CandorError as error:
            if self._observer is not None:
                self._observer.offered(name if known else "", protocol, ok=False, why=str(error))
            return await self._refusal(socket, error)
        return None

    async def _refusal(self, socket: ServerConnection, error: CandorError) -> Response:
        """The answer to a request that becomes no WebSocket; slow, unless a flood would make us hold too many."""
        self._refusing += 1
        try:
            if self._refusing <= self._limits.unproven:
                await asyncio.sleep(self._limits.refusal_seconds)
        finally:
            self._refusing -= 1
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
        response = socket.respond(status, f"{status.phrase}.\n")
        if status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Bearer realm="candor"'
        return response

    def _check_room(self, *, proven: bool) -> None:
        """Raises Unavailable when there is no room for another connection."""
        if self._draining:
            raise Unavailable("The recorder is being stopped.")
        strangers = sum(1 for connection in self._connections if not connection.proven)
        if len(self._connections) >= self._limits.connections or (not proven and strangers >= self._limits.unproven):
            raise Unavailable("More senders are connected than the recorder takes.", code="streams.full")

    def _prove(
        self, source: StreamSource, request: Request, path_token: str | None
    ) -> tuple[bool, AudioHookIdentity | None]:
        """Check who asks.

        1. A source without secret takes nobody, unless it is set to ask for no proof.
        2. AudioHook: its signature, or the API key where the source asks for no more.
        3. Others: Twilio's signature where it is asked for, or sent to a source that is open to every dialect.
        4. Else the token; one that is not in the request must be in the start, which the intake sees to.

        Returns False where that is still to come, and what AudioHook signed; raises when the proof is wrong.
        """
        upgrade = Upgrade(target=request.path, headers=_headers(request.headers), public_url=source.public_url)
        if source.how is Proof.NONE:
            return True, None
        if not source.secret or (source.audiohook and source.how is Proof.SIGNATURE and not source.api_key):  # 1
            raise Forbidden(
                "The source has no secret set, so nobody may send to it.",
                code="streams.no_secret",
                advice="Set one, on both sides.",
            )
        if source.audiohook:  # 2
            return True, self._audiohook(source, upgrade)
        signed = "x-twilio-signature" in upgrade.headers
        if source.how is Proof.SIGNATURE or (source.how is None and signed):  # 3
            verify_twilio(upgrade, token=source.secret)
            return True, None
        presented = presented_token(upgrade, path_token)  # 4
        if presented is not None:
            verify_token(presented, token=source.secret)
        return presented is not None, None

    def _audiohook(self, source: StreamSource, upgrade: Upgrade) -> AudioHookIdentity | None:
        if source.how is Proof.TOKEN:
            verify_token(upgrade.headers.get("x-api-key"), token=source.secret)
            return None
        return verify_audiohook(
            upgrade,
            api_key=source.api_key,
            secret=source.key(),
            nonces=self._nonces[source.name],
            now=clock.now(),
        )

    # The connection

    async def _serve(self, socket: ServerConnection) -> None:
        """One connection, from its upgrade to its end."""
        admission = self._admitted.pop(socket)
        connection = Connection(
            socket,
            admission.source.name,
            self._observer,
            self._limits,
            proven=admission.proven,
            opened_at=admission.opened_at,
        )
        self._connections.add(connection)
        try:
            connection.intake = self._intake(admission, connection)
            async for frame in socket:
                connection.receive(frame)
        except ConnectionClosed:
            pass
        except Exception:  # noqa: BLE001  one connection's fault is not the others'
            _log.exception("stream_failed", source=admission.source.name)
            connection.close(Farewell.FAULT)
        finally:
            self._connections.discard(connection)
            self._one_less.set()
            if connection.intake is not None:
                connection.intake.lost()
            await connection.finish()

    def _intake(self, admission: _Admission, connection: Connection) -> AudioHookIntake | MediaIntake:
        source = admission.source
        if source.audiohook:
            return AudioHookIntake(
                source, self._recorder, self._calls, connection, self._limits, identity=admission.identity
            )
        return MediaIntake(source, self._recorder, self._calls, connection, self._limits, proven=admission.proven)


def _place(target: str) -> tuple[str, str, str | None]:
    """The parts of ``/streams/NAME`` or ``/streams/NAME/TOKEN``; empty where there are none."""
    parts = [unquote(part) for part in target.partition("?")[0].strip("/").split("/", 3)]
    kind, name, token = (*parts, "", "", "")[:3]
    return (kind, name, token or None) if len(parts) <= 3 else ("", "", None)


def _headers(headers: Headers) -> dict[str, str]:
    """Names in lower case; several of one name joined, as RFC 9110 section 5.3 has it."""
    joined: dict[str, str] = {}
    for given, value in headers.raw_items():
        name = given.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
