"""A session recording client (RFC 7866 section 7) of our own: for ``candor capture check`` and the demo's live calls.

It sends what a session border controller sends, over real sockets, and nothing of it is known to the server beforehand.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from candor.capture.rtp.srtp import Crypto as SrtpKey
from candor.capture.rtp.srtp import SrtpSender
from candor.capture.sip import digest, multipart, sdp
from candor.capture.sip import message as sip
from candor.capture.sip.endpoint import Endpoint, Flow, ServerTransaction, headers, new_tag
from candor.capture.sip.errors import SipError
from candor.capture.siprec.merging import merge
from candor.capture.siprec.model import Metadata
from candor.capture.siprec.rendering import render
from candor.errors import InvalidInput, Unavailable

_BOUNDARY = "candor-session"
_PACKET_SECONDS = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedStream:
    """One line of the offer."""

    label: str
    payload_type: int = 0
    encoding: str = "PCMU/8000"
    direction: str = "sendonly"
    port: int = 9
    crypto: str | None = None
    """``a=crypto`` value; the line is then RTP/SAVP."""

    def media(self) -> sdp.Media:
        """Its SDP."""
        attributes: list[tuple[str, str | None]] = [
            ("rtpmap", f"{self.payload_type} {self.encoding}"), ("rtpmap", "101 telephone-event/8000"),
            ("label", self.label), (self.direction, None),
        ]  # fmt: skip
        if self.crypto is not None:
            attributes.append(("crypto", self.crypto))
        return sdp.Media(
            kind="audio", port=self.port, protocol="RTP/SAVP" if self.crypto else "RTP/AVP",
            formats=(str(self.payload_type), "101"), attributes=tuple(attributes),
        )  # fmt: skip


@dataclass(slots=True)
class Session:
    """A session that was answered."""

    call_id: str
    local: str
    remote: str
    target: str
    flow: Flow
    cseq: int
    streams: tuple[OfferedStream, ...]
    answer: sdp.SessionDescription
    metadata: Metadata | None = None
    """All that was told so far."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the other side says good-bye."""

    def target_of(self, label: str) -> tuple[str, int]:
        """Where the sound of a stream goes; raises InvalidInput when the answer refused it."""
        for media in self.answer.media:
            if media.label == label and media.port:
                connection = self.answer.connection_of(media)
                return (connection.address if connection else self.flow.host), media.port
        raise InvalidInput("The answer refuses the stream, or does not name its label.", code="siprec.refused")


class RecordingClient:
    """Places recording sessions with one server."""

    def __init__(self, *, username: str = "", password: str = "", address: str = "127.0.0.1") -> None:
        self.endpoint = Endpoint(self, agent="Candor")
        self._username, self._password, self._address = username, password, address
        self._sessions: dict[str, Session] = {}
        self._telling: set[asyncio.Task[sip.Response]] = set()

    async def reach(self, host: str, port: int, transport: str = "UDP", tls: ssl.SSLContext | None = None) -> Flow:
        """A way to the server."""
        return await self.endpoint.reach(transport, host, port, tls)

    async def begin(self, flow: Flow, streams: Sequence[OfferedStream], metadata: Metadata | None) -> Session:
        """INVITE, answer, ACK. Raises InvalidInput with the server's words when it refuses, Unavailable without an
        answer."""
        call_id = secrets.token_hex(12)
        local = f"<sip:src@{self._address}>;tag={new_tag()}"
        server = f"sip:candor@{flow.host}:{flow.port}"
        body, kind = self._body(streams, metadata)
        cseq, proof = 1, list[tuple[str, str]]()
        while True:
            request = self._request(
                "INVITE", server, flow, call_id, local, f"<{server}>", cseq,
                [("Require", "siprec"), ("Content-Type", kind), *proof], body,
            )  # fmt: skip
            response = await self.endpoint.ask(request, flow)
            if response.status < 300:
                break
            self._acknowledge(request, response, flow)
            if response.status != 401 or proof or not self._username:
                raise _refused(response)
            value = digest.authorize(
                response.headers.raw("WWW-Authenticate"), method="INVITE", uri=server, username=self._username,
                password=self._password,
            )  # fmt: skip
            proof = [("Authorization", value)]
            cseq += 1
        contact = response.contact
        session = Session(
            call_id, local, str(response.recipient), contact.uri if contact else server, flow, cseq, tuple(streams),
            sdp.parse(response.body), metadata,
        )  # fmt: skip
        self._sessions[call_id] = session
        self._acknowledge(request, response, flow, target=session.target)
        return session

    async def change(self, session: Session, streams: Sequence[OfferedStream], metadata: Metadata | None) -> None:
        """re-INVITE: other streams, other people, on hold or not."""
        session.cseq += 1
        body, kind = self._body(streams, metadata)
        request = self._request(
            "INVITE", session.target, session.flow, session.call_id, session.local, session.remote, session.cseq,
            [("Require", "siprec"), ("Content-Type", kind)], body,
        )  # fmt: skip
        response = await self.endpoint.ask(request, session.flow)
        self._acknowledge(request, response, session.flow, target=session.target)
        if response.status >= 300:
            raise _refused(response)
        session.streams, session.answer = tuple(streams), sdp.parse(response.body)
        if metadata is not None:
            session.metadata = merge(session.metadata, metadata)

    async def tell(self, session: Session) -> sip.Response:
        """UPDATE with the whole metadata and no SDP (RFC 7866 section 9.1)."""
        if session.metadata is None:
            raise InvalidInput("There are no metadata to tell.", code="siprec.metadata")
        session.cseq += 1
        fields = [
            ("Require", "siprec"), ("Content-Type", "application/rs-metadata+xml"),
            ("Content-Disposition", "recording-session"),
        ]  # fmt: skip
        request = self._request(
            "UPDATE", session.target, session.flow, session.call_id, session.local, session.remote, session.cseq,
            fields, render(session.metadata),
        )  # fmt: skip
        return await self.endpoint.ask(request, session.flow)

    async def end(self, session: Session) -> None:
        """BYE."""
        self._sessions.pop(session.call_id, None)
        session.cseq += 1
        request = self._request(
            "BYE", session.target, session.flow, session.call_id, session.local, session.remote, session.cseq, []
        )  # fmt: skip
        await self.endpoint.ask(request, session.flow)

    async def close(self) -> None:
        """Let go of all sockets."""
        await self.endpoint.close()
        await asyncio.gather(*self._telling, return_exceptions=True)

    # ---- the handler's side: the server may say good-bye, ask whether we live, or for all metadata ----

    def allowed(self, _flow: Flow) -> bool:
        return True

    def on_request(self, request: sip.Request, transaction: ServerTransaction) -> None:
        session = self._sessions.get(request.call_id)
        transaction.respond(sip.reply(request, 200 if session or request.method == "OPTIONS" else 481))
        if session is None:
            return
        if request.method == "BYE":
            self._sessions.pop(request.call_id, None)
            session.ended.set()
        elif session.metadata is not None and _asks_for_metadata(request):
            # It must be told at once, in a transaction of its own (section 9.1).
            task = asyncio.get_running_loop().create_task(self.tell(session))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    def on_ack(self, request: sip.Request) -> None:
        """None is owed to us."""

    def on_no_ack(self, call_id: str, tag: str) -> None:
        """None is owed to us."""

    def on_unreadable(self, flow: Flow, error: SipError) -> None:
        """Dropped."""

    # ---- building ----

    def _body(self, streams: Sequence[OfferedStream], metadata: Metadata | None) -> tuple[bytes, str]:
        offer = sdp.SessionDescription(
            origin=sdp.Origin(session_id=str(secrets.randbits(40)), session_version="1", address=self._address),
            connection=sdp.Connection(address=self._address), media=tuple(stream.media() for stream in streams),
        )  # fmt: skip
        parts = [multipart.make_part("application/sdp", bytes(offer))]
        if metadata is not None:
            parts.append(
                multipart.make_part("application/rs-metadata+xml", render(metadata), disposition="recording-session")
            )
        return multipart.join(parts, _BOUNDARY), f"multipart/mixed;boundary={_BOUNDARY}"

    def _request(  # noqa: PLR0917  a message has many parts
        self, method: str, uri: str, flow: Flow, call_id: str, local: str, remote: str, cseq: int,
        fields: Sequence[tuple[str, str]], body: bytes = b"",
    ) -> sip.Request:  # fmt: skip
        return sip.Request(
            method=method, uri=uri, body=body,
            headers=headers(
                ("Via", f"SIP/2.0/{flow.transport} {self._address}:5060;branch=z9hG4bK{new_tag()};rport"),
                ("Max-Forwards", "70"), ("From", local), ("To", remote), ("Call-ID", call_id),
                ("CSeq", f"{cseq} {method}"), ("Contact", f"<sip:src@{self._address}>;+sip.src"),
                ("Allow", "INVITE, ACK, BYE, OPTIONS, UPDATE"), *fields,
            ),
        )  # fmt: skip

    def _acknowledge(
        self, request: sip.Request, response: sip.Response, flow: Flow, *, target: str | None = None
    ) -> None:
        ok = response.status < 300
        via = request.headers.get("Via") or ""
        if ok:
            via = f"SIP/2.0/{flow.transport} {self._address}:5060;branch=z9hG4bK{new_tag()};rport"
        ack = sip.Request(
            method="ACK", uri=target if ok and target else request.uri,
            headers=headers(
                ("Via", via), ("Max-Forwards", "70"), ("From", request.headers.get("From") or ""),
                ("To", response.headers.get("To") or ""), ("Call-ID", request.call_id),
                ("CSeq", f"{request.cseq.number} ACK"),
            ),
        )  # fmt: skip
        self.endpoint.acknowledge(request, ack, flow)


def _asks_for_metadata(request: sip.Request) -> bool:
    return request.method == "UPDATE" and "recording-session" in request.headers.tokens("Content-Disposition")


def _refused(response: sip.Response) -> InvalidInput:
    warning = response.headers.get("Warning") or ""
    words = warning.partition('"')[2].rstrip('"') or response.reason
    return InvalidInput(f"The recorder refused the session: {response.status} {words}", code="siprec.refused")


async def play(
    session: Session, sound: Mapping[str, bytes], *, keys: Mapping[str, SrtpKey] | None = None,
    pace: float = 1.0, payload_size: int = 160,
) -> int:  # fmt: skip
    """Send G.711 ``sound`` by label as 20 ms packets in real time (``pace`` times faster); returns the packets sent."""
    senders = {label: SrtpSender(key) for label, key in (keys or {}).items()}
    kinds = {stream.label: stream.payload_type for stream in session.streams}
    family = socket.AF_INET6 if ":" in session.flow.host else socket.AF_INET
    sent, began = 0, time.monotonic()
    with socket.socket(family, socket.SOCK_DGRAM) as handle:
        handle.setblocking(False)
        ssrc = {label: secrets.randbits(32).to_bytes(4, "big") for label in sound}
        first = {label: secrets.randbits(15) for label in sound}
        turns = max(-(-len(data) // payload_size) for data in sound.values())
        for turn in range(turns):
            pause = began + turn * _PACKET_SECONDS / pace - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            for label, data in sound.items():
                payload = data[turn * payload_size : (turn + 1) * payload_size]
                if not payload:
                    continue
                packet = (
                    bytes((0x80, kinds[label] | (0x80 if turn == 0 else 0)))
                    + ((first[label] + turn) & 0xFFFF).to_bytes(2, "big")
                    + (turn * payload_size & 0xFFFFFFFF).to_bytes(4, "big") + ssrc[label] + payload
                )  # fmt: skip
                if label in senders:
                    packet = senders[label].protect(packet)
                try:
                    handle.sendto(packet, session.target_of(label))
                except OSError as error:
                    raise Unavailable("The sound cannot be sent.", code="siprec.media") from error
                sent += 1
            if session.ended.is_set():
                break
    return sent
