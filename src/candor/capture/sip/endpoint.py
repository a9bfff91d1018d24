"""SIP on sockets: UDP, TCP and TLS listeners, transactions and retransmissions (RFC 3261 sections 17 and 18).

Requests reach the handler once, however often they were sent; what it answered is kept and sent again for as long as
the RFC says. A 2xx to an INVITE is repeated until its ACK comes; when none comes in 32 seconds the handler hears of it.
Everything that is kept per sender is bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from candor.capture.sip import message as sip
from candor.capture.sip.errors import SipError
from candor.capture.sip.framing import Framer
from candor.capture.sip.headers import Headers
from candor.errors import Unavailable
from candor.kit.log import get_logger

T1, T2 = 0.5, 4.0
"""Seconds: the first pause between repetitions, and the longest (RFC 3261 section 17.1.1.1)."""
LIFE = 64 * T1
MOST_TRANSACTIONS = 50_000
MOST_CONNECTIONS = 2_000
_IDLE_CONNECTION = 3_600.0
_HANDSHAKE = 10.0
_READ = 1 << 16
_FAREWELL = 1.0
"""Seconds that a connection may take to close."""
_log = get_logger("sip")


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """The way that a message came, and its answer goes."""

    transport: str
    """UDP, TCP or TLS."""
    host: str
    port: int
    send: Callable[[bytes], None] = field(repr=False)
    """Send to the peer that the message came from."""
    reliable: bool = True
    certificate: str | None = None
    """The subject of the client's certificate, where it showed one."""


class Handler(Protocol):
    """What is done with requests."""

    def allowed(self, flow: Flow) -> bool:
        """Whether the sender may talk to us at all; others are dropped without an answer."""

    def on_request(self, request: sip.Request, transaction: ServerTransaction) -> None:
        """A new request other than ACK and CANCEL: answer it with ``transaction.respond``, now or later."""

    def on_ack(self, request: sip.Request) -> None:
        """The ACK to a 2xx."""

    def on_no_ack(self, call_id: str, tag: str) -> None:
        """A 2xx to an INVITE was never acknowledged: ``tag`` is ours."""

    def on_unreadable(self, flow: Flow, error: SipError) -> None:
        """Something arrived that is no SIP message."""


@dataclass(slots=True, eq=False)
class ServerTransaction:
    """One request and what was answered."""

    key: str
    request: sip.Request
    flow: Flow
    endpoint: Endpoint
    answer: bytes | None = None
    status: int = 0
    timer: asyncio.TimerHandle | None = None

    def respond(self, response: sip.Response) -> None:
        """Send ``response``, and again as long as needed; a second final response is ignored."""
        if self.status >= 200:
            return
        self.answer, self.status = bytes(response), response.status
        self.flow.send(self.answer)
        if response.status >= 200:
            self.endpoint.completed(self, response)


class Endpoint:
    """All listeners of one server, and the transactions over them."""

    def __init__(self, handler: Handler, *, agent: str) -> None:
        self._handler, self.agent = handler, agent
        self._transactions: OrderedDict[str, tuple[float, ServerTransaction]] = OrderedDict()
        self._unacknowledged: dict[tuple[str, int], ServerTransaction] = {}
        self._waiting: dict[str, asyncio.Future[sip.Response]] = {}
        self._acks: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._connections: set[asyncio.Task[None]] = set()
        self.dropped = 0
        """Messages from senders that may not talk to us."""

    # ---- listening ----

    async def listen_udp(self, host: str, port: int) -> int:
        """Returns the port; raises Unavailable when it cannot be had."""
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Datagrams(self), local_addr=(host, port)
            )
        except OSError as error:
            raise _taken("UDP", port) from error
        self._datagrams.append(transport)
        return int(transport.get_extra_info("sockname")[1])

    def forget_udp(self) -> None:
        """Close what was opened last."""
        self._datagrams.pop().close()

    async def listen_tcp(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Returns the port; with ``tls`` it speaks TLS only."""
        try:
            server = await asyncio.start_server(
                self._accept, host, port, ssl=tls, ssl_handshake_timeout=_HANDSHAKE if tls else None
            )
        except OSError as error:
            raise _taken("TLS" if tls else "TCP", port) from error
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def reach(self, transport: str, host: str, port: int, tls: ssl.SSLContext | None = None) -> Flow:
        """A way to a server, as its client; raises Unavailable when there is none."""
        try:
            if transport == "UDP":
                made, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Datagrams(self), remote_addr=(host, port)
                )
                self._datagrams.append(made)
                return Flow("UDP", host, port, made.sendto, reliable=False)
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        except OSError as error:
            raise Unavailable(
                "The SIP server cannot be reached.", code="sip.unreachable", advice="Is the recorder running?"
            ) from error
        task = asyncio.create_task(self._accept(reader, writer))
        del task  # it is kept in _connections as long as it runs
        return Flow(transport, host, port, writer.write)

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        for server in self._servers:
            server.close()
        for transport in self._datagrams:
            transport.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for _, transaction in self._transactions.values():
            if transaction.timer is not None:
                transaction.timer.cancel()
        for waiting in self._waiting.values():
            waiting.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  start_server runs this in one
        self._connections.add(task)
        try:
            if len(self._connections) <= MOST_CONNECTIONS:
                await self._converse(reader, writer)
        except (OSError, asyncio.CancelledError, TimeoutError, SipError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), _FAREWELL)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        secure = writer.get_extra_info("ssl_object")
        certificate = secure.getpeercert() if secure is not None else None

        def send(data: bytes) -> None:
            # A peer that does not read gets no more than a megabyte of our memory.
            if not writer.is_closing() and writer.transport.get_write_buffer_size() < 1 << 20:
                writer.write(data)

        flow = Flow(
            "TCP" if secure is None else "TLS", host, port, send,
            certificate=_subject(certificate) if certificate else None,
        )  # fmt: skip
        if not self._handler.allowed(flow):
            self.dropped += 1
            return
        framer = Framer()
        while data := await asyncio.wait_for(reader.read(_READ), _IDLE_CONNECTION):
            try:
                for one in framer.feed(data):
                    self.receive(one, flow)
            except SipError as error:
                self._unreadable(error, flow)
                await writer.drain()
                return
            for _ in range(framer.take_pings()):
                send(b"\r\n")

    # ---- receiving ----

    def receive(self, data: bytes, flow: Flow) -> None:
        """One whole message."""
        if not self._handler.allowed(flow):
            self.dropped += 1
            return
        if not data.strip(b"\r\n\0 "):
            return
        try:
            message = sip.parse(data)
        except SipError as error:
            self._unreadable(error, flow)
            return
        if isinstance(message, sip.Response):
            self._on_response(message, flow)
        else:
            self._on_request(sip.received_from(message, flow.host, flow.port), flow)

    def _unreadable(self, error: SipError, flow: Flow) -> None:
        self._handler.on_unreadable(flow, error)
        answer = sip.refuse(error, to_tag=new_tag())
        if answer is not None:
            flow.send(bytes(answer))

    def _on_request(self, request: sip.Request, flow: Flow) -> None:
        if request.method == "ACK":
            self._on_ack(request)
            return
        key = _key(request, request.method)
        known = self._transactions.get(key)
        if known is not None:
            if known[1].answer is not None:
                flow.send(known[1].answer)
            return
        transaction = ServerTransaction(key, request, flow, self)
        self._remember(transaction)
        if request.method == "CANCEL":
            # An INVITE is answered at once here, so that a CANCEL always comes too late (section 9.2).
            found = self._transactions.get(_key(request, "INVITE"))
            transaction.respond(sip.reply(request, 200 if found is not None else 481, to_tag=new_tag()))
            return
        try:
            self._handler.on_request(request, transaction)
        except SipError as error:
            transaction.respond(sip.reply(request, error.status, error.reason, to_tag=new_tag()))

    def _remember(self, transaction: ServerTransaction) -> None:
        now = time.monotonic()
        self._transactions[transaction.key] = (now, transaction)
        while self._transactions:
            since, oldest = next(iter(self._transactions.values()))
            if now - since < LIFE and len(self._transactions) <= MOST_TRANSACTIONS:
                break
            self._transactions.popitem(last=False)
            if oldest.timer is not None and oldest.status >= 300:
                oldest.timer.cancel()

    # ---- answering ----

    def completed(self, transaction: ServerTransaction, response: sip.Response) -> None:
        """A final response went out: repeat it where the RFC says so."""
        if transaction.request.method != "INVITE":
            return
        if response.status < 300:
            self._unacknowledged[transaction.request.call_id, transaction.request.cseq.number] = transaction
            self._repeat(transaction, T1, time.monotonic() + LIFE)
        elif not transaction.flow.reliable:
            self._repeat(transaction, T1, time.monotonic() + LIFE)

    def _repeat(self, transaction: ServerTransaction, pause: float, until: float) -> None:
        def again() -> None:
            if time.monotonic() < until:
                transaction.flow.send(transaction.answer or b"")
                self._repeat(transaction, min(2 * pause, T2), until)
                return
            transaction.timer = None
            request = transaction.request
            if (
                transaction.status < 300
                and self._unacknowledged.pop((request.call_id, request.cseq.number), None) is not None
            ):
                answer = sip.parse(transaction.answer or b"")
                self._handler.on_no_ack(request.call_id, answer.recipient.params.get("tag") or "")

        transaction.timer = asyncio.get_running_loop().call_later(pause, again)

    def _on_ack(self, request: sip.Request) -> None:
        key = (request.call_id, request.cseq.number)
        transaction = self._unacknowledged.pop(key, None)
        if transaction is None:
            known = self._transactions.get(_key(request, "INVITE"))
            transaction = None if known is None else known[1]
        else:
            self._handler.on_ack(request)
        if transaction is not None and transaction.timer is not None:
            transaction.timer.cancel()
            transaction.timer = None

    # ---- asking ----

    async def ask(self, request: sip.Request, flow: Flow, *, timeout: float = LIFE) -> sip.Response:  # noqa: ASYNC109
        """Send a request and wait for its final answer; raises Unavailable when none comes.

        The ACK to an INVITE is the caller's, by :meth:`acknowledge`.
        """
        branch = request.via.params.get("branch") or ""
        waiting: asyncio.Future[sip.Response] = asyncio.get_running_loop().create_future()
        self._waiting[branch] = waiting
        data, pause, until = bytes(request), T1, time.monotonic() + timeout
        try:
            while time.monotonic() < until:
                flow.send(data)
                wait = until - time.monotonic() if flow.reliable else min(pause, until - time.monotonic())
                try:
                    return await asyncio.wait_for(asyncio.shield(waiting), max(0.01, wait))
                except TimeoutError:
                    pause = min(2 * pause, T2)
            raise Unavailable("The other side does not answer.", code="sip.timeout")
        finally:
            self._waiting.pop(branch, None)

    def acknowledge(self, invite: sip.Request, ack: sip.Request, flow: Flow) -> None:
        """Send the ACK to the answer of our ``invite``, and again when that answer is repeated (section 13.2.2.4)."""
        now, data = time.monotonic(), bytes(ack)
        while self._acks and now - next(iter(self._acks.values()))[0] > LIFE:
            self._acks.popitem(last=False)
        self._acks[invite.via.params.get("branch") or ""] = now, data
        flow.send(data)

    def _on_response(self, response: sip.Response, flow: Flow) -> None:
        if response.status < 200:
            return
        branch = response.via.params.get("branch") or ""
        waiting, acknowledged = self._waiting.get(branch), self._acks.get(branch)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)
        elif acknowledged is not None and response.cseq.method == "INVITE":
            flow.send(acknowledged[1])


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        transport = self._transport
        assert transport is not None  # noqa: S101  made before anything is received
        flow = Flow("UDP", addr[0], addr[1], lambda answer: transport.sendto(answer, addr), reliable=False)
        self._endpoint.receive(data, flow)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error of an earlier answer: retransmission or time-out deals with it."""


def _key(request: sip.Request, method: str) -> str:
    """What tells a transaction (section 17.2.3); without the magic cookie, what RFC 2543 used."""
    via = request.via
    branch = via.params.get("branch") or ""
    if branch.startswith("z9hG4bK") and len(branch) > 7:
        return f"{method} {branch} {via.host}:{via.port}"
    return f"{method} {request.call_id} {request.cseq.number} {request.sender.params.get('tag')} {via.host}:{via.port}"


def _subject(certificate: dict[str, object]) -> str:
    names = certificate.get("subject", ())
    return ", ".join(value for group in names for key, value in group if key == "commonName")  # type: ignore[attr-defined]


def _taken(transport: str, port: int) -> Unavailable:
    return Unavailable(
        f"The {transport} port {port} cannot be listened on.",
        code="sip.port",
        advice="Another program may use it, or the address is not this machine's; ports below 1024 need the right.",
    )


def new_tag() -> str:
    """A tag, branch or Call-ID part: 64 random bits."""
    return os.urandom(8).hex()


def headers(*fields: tuple[str, str]) -> Headers:
    """Headers in the order given."""
    return Headers(fields)
