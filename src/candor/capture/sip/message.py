"""SIP requests and responses (RFC 3261 section 7), read from bytes and written to them.

``parse`` is for one datagram, or for one message that :class:`candor.capture.sip.framing.Framer` has cut from a stream.
It checks what every element must check (RFC 3261 section 8.2, RFC 4475): version, the mandatory fields, numbers in
range, the length of the body. What a server decides by itself (methods, schemes, extensions) it leaves to the server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from candor.capture.sip.errors import REASONS, SipError
from candor.capture.sip.headers import MAX_HEADER_BYTES, Headers, decode, parse_fields, split_list
from candor.capture.sip.values import CSeq, NameAddr, SipUri, Via

__all__ = [
    "MAX_BODY_BYTES",
    "Headers",
    "Request",
    "Response",
    "answerable",
    "content_length",
    "head_end",
    "parse",
    "received_from",
    "refuse",
    "reply",
]

MAX_BODY_BYTES = 1024 * 1024
_REQUEST_LINE = re.compile(r"([!%'*+\-.0-9A-Z_`a-z~]{1,64}) ([^ \t]+) ([A-Za-z]+/[0-9A-Za-z.]+)[ \t]*")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.IGNORECASE | re.DOTALL)
_ANSWER_LINE = re.compile(r"SIP/[0-9]", re.IGNORECASE)
_LOOSE_METHOD = re.compile(r"[!%'*+\-.0-9A-Z_`a-z~]{1,64}(?=\s)")
MAX_URI = 8 * 1024
_DIGITS = re.compile(r"[0-9]{1,10}")
_COPIED = ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route")
_ONCE = ("CSeq", "Call-ID", "From", "To", "Max-Forwards", "Content-Length", "Content-Type")
"""Fields that may stand only once; twice means that two readers could read two messages (RFC 4475 section 3.3.8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """What requests and responses share."""

    headers: Headers
    body: bytes = field(default=b"", repr=False)

    @property
    def call_id(self) -> str:
        """Call-ID, or empty."""
        return self.headers.get("Call-ID") or ""

    @property
    def cseq(self) -> CSeq:
        """CSeq; SipError when it is missing or malformed (never after :func:`parse`)."""
        return CSeq.parse(self.headers.get("CSeq") or "")

    @property
    def via(self) -> Via:
        """The topmost Via."""
        return Via.parse(self.headers.get("Via") or "")

    @property
    def sender(self) -> NameAddr:
        """From."""
        return NameAddr.parse(self.headers.get("From") or "")

    @property
    def recipient(self) -> NameAddr:
        """To."""
        return NameAddr.parse(self.headers.get("To") or "")

    @property
    def contact(self) -> NameAddr | None:
        """The first Contact; None when there is none (or it is ``*``)."""
        value = self.headers.get("Contact")
        return None if value is None or value == "*" else NameAddr.parse(value)

    def _render(self, first: str) -> bytes:
        lines = [first, "\r\n"]
        for name, value in self.headers:
            if name != "Content-Length":
                lines += (name, ": ", value, "\r\n")
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "".join(lines).encode("utf-8", "replace") + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(_Message):
    """A SIP request; ``bytes(request)`` is its wire form with the right Content-Length."""

    method: str
    """As written; methods are case-sensitive."""
    uri: str = field(repr=False)
    """Request-URI as written, of any scheme."""

    def sip_uri(self) -> SipUri:
        """The Request-URI taken apart; SipError 416 when it is not a SIP URI."""
        return SipUri.parse(self.uri)

    def __bytes__(self) -> bytes:
        return self._render(f"{self.method} {self.uri} SIP/2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(_Message):
    """A SIP response; ``bytes(response)`` is its wire form with the right Content-Length."""

    status: int
    reason: str = ""

    def __bytes__(self) -> bytes:
        return self._render(f"SIP/2.0 {self.status} {_one_line(self.reason)}")


def _one_line(text: str) -> str:
    return " ".join(text.split()) if "\n" in text or "\r" in text else text


def head_end(data: bytes | bytearray, start: int = 0) -> tuple[int, int]:
    """Where the header ends and where the body starts: at the first empty line; (-1, -1) while there is none."""
    at = data.find(b"\n", start)
    while at >= 0:
        following = data[at + 1 : at + 3]
        if following[:1] == b"\n":
            return at + 1, at + 2
        if following == b"\r\n":
            return at + 1, at + 3
        at = data.find(b"\n", at + 1)
    return -1, -1


def parse(data: bytes) -> Request | Response:
    """Read one message. Bytes behind its Content-Length are left out; without one, the body is all that follows.

    Raises SipError: 505 for another version, 513 and 413 over the limits (64 KiB header, 1 MiB body), else 400; with
    ``request_headers`` when the request can be answered. A malformed response is only good to be dropped.
    """
    data = data.lstrip(b"\r\n")
    end, body_at = head_end(data[: MAX_HEADER_BYTES + 4])
    if end < 0:
        if len(data) > MAX_HEADER_BYTES:
            raise SipError("The header of a SIP message is larger than 64 KiB.", status=513)
        end = body_at = len(data)
    first, _, fields = decode(data[:end]).partition("\n")
    first = first.rstrip("\r")
    if _ANSWER_LINE.match(first):
        return _response(first, fields, data[body_at:])
    if _LOOSE_METHOD.match(first) is None:
        raise SipError("What arrived is not a SIP message.")
    return _request(first, fields, data[body_at:])


def _response(first: str, fields: str, rest: bytes) -> Response:
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise SipError("The status line of a SIP response is not well formed.")
    headers, clean = parse_fields(fields)
    _check(headers, clean=clean)
    return Response(status=int(found[1]), reason=(found[2] or "").strip(), headers=headers, body=_body(headers, rest))


def _request(first: str, fields: str, rest: bytes) -> Request:
    headers, clean = parse_fields(fields)
    try:
        method, uri = _request_line(first)
        _check(headers, clean=clean)
        _check_request(method, headers)
        return Request(method=method, uri=uri, headers=headers, body=_body(headers, rest))
    except SipError as error:
        if answerable(first, headers):
            error.request_headers = headers
        raise


def _request_line(line: str) -> tuple[str, str]:
    """Method and Request-URI (RFC 3261 section 7.1); the URI has no spaces, no <> and no header part."""
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise SipError("The request line of a SIP message is not well formed.")
    method, uri, version = found.groups()
    if version.upper() != "SIP/2.0":
        raise SipError("A request is of another version than SIP/2.0.", status=505)
    if len(uri) > MAX_URI:
        raise SipError("The Request-URI of a SIP message is too long.", status=414)
    if ":" not in uri or uri[0] in '<"' or uri[-1] == ">":
        raise SipError("The Request-URI of a SIP message is not a URI.")
    if uri[:5].lower().startswith(("sip:", "sips:")) and SipUri.parse(uri).headers:
        raise SipError("The Request-URI of a SIP message has header fields in it, which may not stand there.")
    return method, uri


def _check(headers: Headers, *, clean: bool) -> None:
    """What requests and responses alike must carry, once, and in range; ``clean``: every line was a field."""
    if not clean:
        raise SipError("A line in the header of a SIP message is not a header field.")
    for name in _ONCE:
        if len(headers.raw(name)) > 1:
            raise SipError(f"A SIP message has more than one {name}.")
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not headers.get(name):
            raise SipError(f"A SIP message has no {name}.", reason=f"Missing {name}")
    for hop in headers.all("Via"):
        Via.parse(hop)
    NameAddr.parse(headers.get("From") or "")
    NameAddr.parse(headers.get("To") or "")
    CSeq.parse(headers.get("CSeq") or "")
    for contact in headers.all("Contact"):
        if contact != "*":
            NameAddr.parse(contact)


def _check_request(method: str, headers: Headers) -> None:
    if CSeq.parse(headers.get("CSeq") or "").method != method:
        raise SipError("The method of a SIP request is not the one in its CSeq.", reason="CSeq Method Mismatch")
    forwards = headers.get("Max-Forwards")
    if forwards is not None and (_DIGITS.fullmatch(forwards) is None or int(forwards) > 255):
        raise SipError("The Max-Forwards of a SIP request is not between 0 and 255.")


def content_length(headers: Headers) -> int | None:
    """Content-Length; None when there is none. SipError 400 when it is no number, 413 when over 1 MiB."""
    value = headers.get("Content-Length")
    if value is None:
        return None
    if _DIGITS.fullmatch(value) is None:
        raise SipError("The Content-Length of a SIP message is not a number.")
    if int(value) > MAX_BODY_BYTES:
        raise SipError("The body of a SIP message is larger than 1 MiB.", status=413)
    return int(value)


def _body(headers: Headers, rest: bytes) -> bytes:
    """RFC 3261 section 18.3: for datagrams, extra bytes are left out and missing ones are an error."""
    length = content_length(headers)
    if length is None:
        if len(rest) > MAX_BODY_BYTES:
            raise SipError("The body of a SIP message is larger than 1 MiB.", status=413)
        return rest
    if length > len(rest):
        raise SipError("A SIP message is shorter than its Content-Length says.")
    return rest[:length]


def answerable(first: str, headers: Headers) -> bool:
    """Whether an error response can be sent: the first line starts a request other than ACK, and Via says where to."""
    found = _LOOSE_METHOD.match(first)
    if found is None or found[0] == "ACK":
        return False
    try:
        Via.parse(headers.get("Via") or "")
    except SipError:
        return False
    return True


def reply(
    request: Request | Headers,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """The response to a request (RFC 3261 section 8.2.6): Via, From, To, Call-ID, CSeq and Record-Route copied.

    ``to_tag`` is added to a To that has no tag yet; give one for everything but 100. ``headers`` come behind.
    """
    asked = request.headers if isinstance(request, Request) else request
    fields = Headers()
    for name in ("Via", "From", "To", "Call-ID", "CSeq", "Timestamp") if status == 100 else _COPIED:
        for value in asked.raw(name):
            tagless = name == "To" and to_tag is not None and _tag(value) is None
            fields.add(name, f"{value};tag={to_tag}" if tagless else value)
    for name, value in headers:
        fields.add(name, value)
    return Response(
        status=status, reason=REASONS.get(status, "") if reason is None else reason, headers=fields, body=body
    )


def _tag(to: str) -> str | None:
    try:
        return NameAddr.parse(to).tag
    except SipError:
        return "" if ";tag=" in to else None


def refuse(error: SipError, *, to_tag: str | None = None) -> Response | None:
    """The response that an error calls for; None when there is nobody to answer."""
    if error.request_headers is None:
        return None
    return reply(error.request_headers, error.status, error.reason, to_tag=to_tag)


def received_from(request: Request, host: str, port: int) -> Request:
    """Note on the topmost Via where the request came from (RFC 3261 section 18.2.1, ``rport`` RFC 3581 section 4)."""
    via, params = request.via, dict(request.via.params)
    plain = host.strip("[]").lower()
    params.pop("received", None)  # only we know
    if "rport" in params:
        params["rport"] = str(port)
    if "rport" in params or via.host.strip("[]") != plain:
        params["received"] = plain
    noted, first = Headers(), True
    for name, value in request.headers:
        if name == "Via" and first and (hops := split_list(value)):
            noted.add("Via", ", ".join([str(replace(via, params=params)), *hops[1:]]))
            first = False
        else:
            noted.add(name, value)
    return replace(request, headers=noted)
