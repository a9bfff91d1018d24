"""A server and a sender in one process, over real sockets: what a test of a session's life needs."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Self

from candor.capture.active import ActiveCall
from candor.capture.recorder import Recorder
from candor.capture.sip import message as sip
from candor.capture.sip import multipart, sdp
from candor.capture.sip.endpoint import Endpoint, Flow, ServerTransaction, headers, new_tag
from candor.capture.sip.errors import SipError
from candor.capture.siprec.client import OfferedStream
from candor.capture.siprec.dialog import RecordingSession, SiprecSettings
from candor.capture.siprec.model import Metadata, Participant, Stream, StreamAssociation
from candor.capture.siprec.rendering import render
from candor.capture.siprec.server import SiprecServer
from candor.errors import Damaged

LOCAL = ipaddress.ip_network("127.0.0.0/8")
WHOLE = Metadata(
    participants=(Participant(id="c", aor="sip:+14155550101@sbc"), Participant(id="a", aor="sip:1001@pbx")),
    streams=(Stream(id="s1", label="1"), Stream(id="s2", label="2")),
    stream_associations=(
        StreamAssociation(participant="c", sends=("s1",)), StreamAssociation(participant="a", sends=("s2",)),
    ),
)  # fmt: skip
TIMER = ("Session-Expires", "1800;refresher=uas")
ABLE = ("Allow", "INVITE, ACK, BYE, OPTIONS, UPDATE")
MIXED = ("Content-Type", "multipart/mixed;boundary=b")
TOLD = (("Content-Type", "application/rs-metadata+xml"), ("Content-Disposition", "recording-session"))
Answer = Callable[[sip.Request], sip.Response | None]


def in_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


class Keyring:
    """Wraps nothing."""

    def __init__(self) -> None:
        self._made: dict[str, bytes] = {}

    def begin(self, kept: object) -> None:
        pass

    def new(self, call_id: str) -> tuple[bytes, bytes]:
        self._made[call_id] = os.urandom(32)
        return self._made[call_id], call_id.encode()

    def open(self, call_id: str, wrapped: bytes) -> bytes:
        if wrapped != call_id.encode():
            raise Damaged("another call's key")
        return self._made[call_id]


class Client:
    """A sender that says what a test wants it to, and keeps what it is asked."""

    def __init__(self, flow_to: int, answer: Answer | None = None) -> None:
        self.endpoint = Endpoint(self, agent="test")
        self.asked: list[sip.Request] = []
        self.acks: list[sip.Request] = []
        self._answer = answer or (lambda request: sip.reply(request, 200))
        self._port, self._cseq = flow_to, 0
        self.call_id, self.mine, self.theirs = new_tag(), f"<sip:src@127.0.0.1>;tag={new_tag()}", "<sip:candor@srs>"
        self.flow: Flow

    async def say(
        self, method: str, *fields: tuple[str, str], body: bytes = b"", acknowledge: bytes | None = b""
    ) -> sip.Response:
        """A request of ours and its answer; an INVITE is acknowledged with the body ``acknowledge`` unless None."""
        self._cseq += 1
        request = self._request(method, self._cseq, fields, body)
        response = await self.endpoint.ask(request, self.flow, timeout=3)
        if response.status < 300:
            self.theirs = response.headers.get("To") or ""
        if method == "INVITE" and acknowledge is not None:
            self.acknowledge(request, acknowledge)
        return response

    def acknowledge(self, invite: sip.Request | None = None, body: bytes = b"") -> None:
        kind = [("Content-Type", "application/sdp")] if body else []
        ack = self._request("ACK", self._cseq, kind, body)
        self.endpoint.acknowledge(invite or ack, ack, self.flow)

    def _request(self, method: str, cseq: int, fields: Sequence[tuple[str, str]], body: bytes) -> sip.Request:
        return sip.Request(
            method=method, uri="sip:candor@127.0.0.1", body=body,
            headers=headers(
                ("Via", f"SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{new_tag()};rport"), ("From", self.mine),
                ("To", self.theirs), ("Call-ID", self.call_id), ("CSeq", f"{cseq} {method}"),
                ("Contact", "<sip:src@127.0.0.1>;+sip.src"), *fields,
            ),
        )  # fmt: skip

    async def asked_for(self, count: int, seconds: float = 4.0) -> list[sip.Request]:
        """What the server asked, once it is ``count`` requests."""
        until = time.monotonic() + seconds
        while len(self.asked) < count:
            assert time.monotonic() < until, [request.method for request in self.asked]
            await asyncio.sleep(0.01)
        return self.asked

    # ---- the handler's side ----

    def allowed(self, _flow: Flow) -> bool:
        return True

    def on_request(self, request: sip.Request, transaction: ServerTransaction) -> None:
        self.asked.append(request)
        answer = self._answer(request)
        if answer is not None:
            transaction.respond(answer)

    def on_ack(self, request: sip.Request) -> None:
        self.acks.append(request)

    def on_no_ack(self, call_id: str, tag: str) -> None:
        raise AssertionError("the server did not acknowledge")

    def on_unreadable(self, flow: Flow, error: SipError) -> None:
        raise AssertionError(error.message)


class Running:
    """A server and one sender."""

    def __init__(self, recorder: Recorder, answer: Answer | None = None) -> None:
        self.recorder = recorder
        self.server = SiprecServer(recorder, SiprecSettings(address="127.0.0.1", port=0, allow=(LOCAL,)))
        self._answer = answer
        self.client: Client

    async def __aenter__(self) -> Self:
        port = await self.server.endpoint.listen_udp("127.0.0.1", 0)
        self.server.settle(port)
        self.client = Client(port, self._answer)
        self.client.flow = await self.client.endpoint.reach("UDP", "127.0.0.1", port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.endpoint.close()
        for session in list(self.server.sessions.values()):
            self.server.over(session, "test over")
        await self.server.close()

    @property
    def session(self) -> RecordingSession:
        (session,) = self.server.sessions.values()
        return session

    @property
    def call(self) -> ActiveCall:
        return self.session.call

    async def later(self, seconds: float) -> None:
        """What the server does when so much time has passed."""
        await asyncio.sleep(0.02)  # an ACK is on its way
        self.server.look_after(time.monotonic() + seconds)

    async def idle(self) -> None:
        """Until nothing of ours is on its way."""
        until = time.monotonic() + 4
        while self.server.sessions and self.session.asking:
            assert time.monotonic() < until
            await asyncio.sleep(0.01)


def offer(*streams: OfferedStream, metadata: Metadata | None = None, address: str = "127.0.0.1") -> bytes:
    described = sdp.SessionDescription(
        origin=sdp.Origin(session_id="1", session_version="1", address=address),
        connection=sdp.Connection(address=address),
        media=tuple(stream.media() for stream in streams or (OfferedStream(label="1"), OfferedStream(label="2"))),
    )
    parts = [multipart.make_part("application/sdp", bytes(described))]
    if metadata is not None:
        parts.append(
            multipart.make_part("application/rs-metadata+xml", render(metadata), disposition="recording-session")
        )
    return multipart.join(parts, "b")


def status(code: int, *fields: tuple[str, str]) -> Answer:
    return lambda request: sip.reply(request, code, headers=fields)
