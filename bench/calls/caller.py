"""A recording client that costs next to nothing: messages written once, many calls under way at a time, one socket.

It sends what a session border controller sends (multipart SDP and metadata, two labelled streams) and repeats nothing:
a message that gets no answer counts as such.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from candor.capture.sip import multipart, sdp
from candor.capture.siprec import model
from candor.capture.siprec.rendering import render

_TOKEN = b"tok-0000000"
"""Stands in the messages where each call has its own."""
_BOUNDARY = "bench-session"
_PATIENCE = 5.0
_ANSWERED = re.compile(rb"\r\nCall-ID: (tok-\d{7})\r\n")
_TO = re.compile(rb"\r\n(To: [^\r]*)\r\n")
_CSEQ = re.compile(rb"\r\nCSeq: \d+ ([A-Z]+)\r\n")
_PORT = re.compile(rb"\r\nm=audio (\d+) ")
LABELS = ("1", "2")


@dataclass(frozen=True, slots=True)
class Call:
    """A session that was answered."""

    token: bytes
    to: bytes
    """The To field, with the server's tag."""
    ports: tuple[int, ...]
    """Where its streams go, in the order of :data:`LABELS`."""


@dataclass(slots=True)
class Rate:
    """What a run of set-ups came to."""

    calls: int = 0
    unanswered: int = 0
    refused: int = 0
    seconds: float = 0.0
    longest_wait: float = 0.0
    """Seconds from an INVITE to its answer."""


class Caller:
    """Places calls with one server."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(_PATIENCE)
        ours = self._socket.getsockname()[1]
        self._next = 0
        self._invite = _invite(ours)
        self._ack, self._bye = _short("ACK", 1, ours), _short("BYE", 2, ours)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def begin(self, count: int, window: int = 16) -> list[Call]:
        """Set up ``count`` calls; raises RuntimeError when one is refused or not answered."""
        made: list[Call] = []
        tokens = self._tokens(count)
        waiting = {token for _, token in zip(range(window), tokens, strict=False) if self._send(self._invite, token)}
        while waiting:
            data = self._receive()
            call = _answered(data)
            waiting.remove(call.token)
            self._say(self._ack, call)
            made.append(call)
            token = next(tokens, None)
            if token is not None:
                self._send(self._invite, token)
                waiting.add(token)
        return made

    def end(self, calls: list[Call], window: int = 16) -> None:
        """Say good-bye to ``calls``."""
        left = iter(calls)
        waiting = 0
        for _, call in zip(range(window), left, strict=False):
            self._say(self._bye, call)
            waiting += 1
        while waiting:
            self._receive()
            waiting -= 1
            call_or_none = next(left, None)
            if call_or_none is not None:
                self._say(self._bye, call_or_none)
                waiting += 1

    def rate(self, seconds: float, window: int = 16) -> Rate:
        """INVITE, 200, ACK, BYE, 200 as fast as the server answers, ``window`` of them at a time."""
        found = Rate()
        began = time.monotonic()
        tokens = self._tokens(10_000_000)
        waiting = dict[bytes, float]()
        ending = set[bytes]()
        while True:
            now = time.monotonic()
            while len(waiting) + len(ending) < window and now - began < seconds:
                token = next(tokens)
                waiting[token] = now
                self._send(self._invite, token)
            if not waiting and not ending:
                break
            try:
                data = self._socket.recv(65_535)
            except TimeoutError:
                found.unanswered += len(waiting) + len(ending)
                break
            token = _token(data)
            if token in ending:
                ending.discard(token)
                found.calls += 1
                continue
            found.longest_wait = max(found.longest_wait, time.monotonic() - waiting.pop(token, began))
            if data[8:11] != b"200":
                found.refused += 1
                continue
            call = _answered(data)
            self._say(self._ack, call)
            self._say(self._bye, call)
            ending.add(token)
        found.seconds = time.monotonic() - began
        return found

    def _tokens(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            self._next += 1
            yield b"tok-%07d" % self._next

    def _send(self, template: bytes, token: bytes) -> bool:
        self._socket.send(template.replace(_TOKEN, token))
        return True

    def _say(self, template: bytes, call: Call) -> None:
        self._socket.send(template.replace(_TOKEN, call.token).replace(b"To: ?", call.to))

    def _receive(self) -> bytes:
        data = self._socket.recv(65_535)
        if data[8:11] != b"200":
            raise RuntimeError(f"the recorder answered {data[8:60].decode(errors='replace')!r}")
        return data


def _token(data: bytes) -> bytes:
    found = _ANSWERED.search(data)
    if found is None:
        raise RuntimeError("an answer without a Call-ID of ours")
    return found[1]


def _answered(data: bytes) -> Call:
    to = _TO.search(data)
    if to is None:
        raise RuntimeError("an answer without a To field")
    return Call(_token(data), to[1], tuple(int(port) for port in _PORT.findall(data)))


def _head(method: str, cseq: int, port: int) -> bytes:
    token = _TOKEN.decode()
    return (
        f"{method} sip:candor@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{token}{method};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:src@127.0.0.1>;tag={token}\r\nTo: ?\r\nCall-ID: {token}\r\n"
        f"CSeq: {cseq} {method}\r\nContact: <sip:src@127.0.0.1:{port}>;+sip.src\r\n"
    ).encode()


def _short(method: str, cseq: int, port: int) -> bytes:
    return _head(method, cseq, port) + b"Content-Length: 0\r\n\r\n"


def _invite(port: int) -> bytes:
    offer = sdp.SessionDescription(
        origin=sdp.Origin(session_id="1", session_version="1", address="127.0.0.1"),
        connection=sdp.Connection(address="127.0.0.1"),
        media=tuple(
            sdp.Media(
                kind="audio", port=9, protocol="RTP/AVP", formats=("0", "101"),
                attributes=(("rtpmap", "0 PCMU/8000"), ("rtpmap", "101 telephone-event/8000"), ("label", label),
                            ("sendonly", None)),
            )
            for label in LABELS
        ),
    )  # fmt: skip
    token = _TOKEN.decode()
    people = (("p1", "sip:+15550100001@example.com", LABELS[0]), ("p2", "sip:1001@example.com", LABELS[1]))
    metadata = model.Metadata(
        groups=(model.Group(id=f"g-{token}"),),
        sessions=(model.Session(id=token, group=f"g-{token}"),),
        participants=tuple(model.Participant(id=an_id, aor=aor) for an_id, aor, _ in people),
        streams=tuple(model.Stream(id=f"s{label}", session=token, label=label) for label in LABELS),
        session_associations=tuple(model.SessionAssociation(participant=p, session=token) for p, _, _ in people),
        stream_associations=tuple(model.StreamAssociation(participant=p, sends=(f"s{lb}",)) for p, _, lb in people),
    )
    parts = [
        multipart.make_part("application/sdp", bytes(offer)),
        multipart.make_part("application/rs-metadata+xml", render(metadata), disposition="recording-session"),
    ]
    body = multipart.join(parts, _BOUNDARY)
    head = _head("INVITE", 1, port).replace(b"To: ?", b"To: <sip:candor@127.0.0.1>")
    return (
        head
        + b"Require: siprec\r\nContent-Type: multipart/mixed;boundary="
        + _BOUNDARY.encode()
        + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
    )
