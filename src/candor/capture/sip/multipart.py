"""Bodies of several parts (RFC 2046 section 5.1, in SIP RFC 5621), as recording clients really send them.

SIPREC puts SDP and metadata into one ``multipart/mixed``. Its makers forget the closing boundary, end lines with LF,
declare lengths that are wrong and types that are none; all of that is survivable, because a part is only what lies
between two boundary lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from candor.capture.sip.headers import Headers, decode, parse_fields
from candor.capture.sip.message import head_end
from candor.capture.sip.values import MediaType
from candor.errors import InvalidInput

MAX_PARTS = 20
MAX_PART_HEADER_BYTES = 16 * 1024
MAX_BOUNDARY = 200
"""RFC 2046 allows 70; some senders paste a whole Call-ID behind it."""
SDP = "application/sdp"
_SEARCHED = 4096
"""How far into a body an undeclared boundary is looked for."""


class MultipartError(InvalidInput):
    """A body that cannot be taken apart."""

    code = "sip.multipart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a body."""

    content_type: str
    """Lower case without parameters; empty when the part does not say."""
    disposition: str = ""
    """First word of Content-Disposition in lower case: ``recording-session``, ``session`` …; empty when not said."""
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)

    @property
    def is_sdp(self) -> bool:
        """Whether this is a session description: by its type, or by its first line when the type says nothing."""
        return self.content_type == SDP or (
            self.content_type in ("", "text/plain") and self.body.lstrip()[:3].lower() == b"v=0"
        )


def split(body: bytes, content_type: str | None) -> list[Part]:
    """Take a body apart. ``content_type`` is the message's Content-Type as written, or None.

    A body of one part gives one Part, an empty body none. Parts inside parts stay as they are. Raises MultipartError
    for more than 20 parts, a part with more than 16 KiB of header, and a multipart body without any boundary line.
    """
    if not body.strip():
        return []
    media = MediaType.parse(content_type or "")
    multiple = media.value.startswith("multipart/")
    boundary = _declared(media, body) if multiple else None
    if boundary is None and (multiple or not content_type or body.lstrip()[:2] == b"--"):
        boundary = _discovered(body)
    if boundary is None:
        if multiple:
            raise MultipartError(
                "A multipart body has no boundary line.", advice="The recording client sends a broken body."
            )
        return [Part(content_type=media.value, body=body)]
    parts: list[Part] = []
    for start, end in _between(body, b"--" + boundary):
        if len(parts) == MAX_PARTS:
            raise MultipartError(f"A multipart body has more than {MAX_PARTS} parts.")
        if body[start:end].strip():
            parts.append(_part(body[start:end]))
    return parts


def join(parts: list[Part], boundary: str) -> bytes:
    """The ``multipart/mixed`` body of these parts; their ``headers`` are written as they are."""
    pieces = [f"--{boundary}\r\n{part.headers}\r\n".encode() + part.body + b"\r\n" for part in parts]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


def make_part(content_type: str, body: bytes, *, disposition: str = "") -> Part:
    """A part with its header fields, for :func:`join`."""
    headers = Headers([("Content-Type", content_type)])
    if disposition:
        headers.add("Content-Disposition", disposition)
    return _described(headers, body)


def _declared(media: MediaType, body: bytes) -> bytes | None:
    """The boundary parameter, when a line of the body begins with it."""
    value = media.params.get("boundary")
    if not value or len(value) > MAX_BOUNDARY:
        return None
    boundary = value.encode("utf-8", "replace")
    return boundary if next(_lines(body, b"--" + boundary), None) is not None else None


def _discovered(body: bytes) -> bytes | None:
    """The boundary that the body itself shows: the first line that begins with ``--``."""
    for line in body[:_SEARCHED].split(b"\n"):
        if line.startswith(b"--"):
            boundary = line[2:].strip()
            return boundary if 0 < len(boundary) <= MAX_BOUNDARY else None
    return None


def _lines(body: bytes, delimiter: bytes) -> Iterator[tuple[int, int, bool]]:
    """Every delimiter line: where it starts, where the next line starts, and whether it closes the body."""
    at = -1
    while (at := body.find(delimiter, at + 1)) >= 0:
        if at and body[at - 1] != 0x0A:
            continue
        stop = body.find(b"\n", at)
        stop = len(body) if stop < 0 else stop + 1
        rest = body[at + len(delimiter) : stop].strip()
        if rest in (b"", b"--"):
            yield at, stop, rest == b"--"


def _between(body: bytes, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each part; the last one ends with the body when it is not closed."""
    start = -1
    for at, after, closing in _lines(body, delimiter):
        if start >= 0:
            yield start, at
        start = after
        if closing:
            return
    if 0 <= start < len(body):
        yield start, len(body)


def _part(data: bytes) -> Part:
    if data.endswith(b"\r\n"):  # the line end before a boundary belongs to the boundary
        data = data[:-2]
    elif data.endswith(b"\n"):
        data = data[:-1]
    if data[:1] == b"\n" or data[:2] == b"\r\n":
        return _described(Headers(), data[2:] if data[:1] == b"\r" else data[1:])
    end, body_at = head_end(data[: MAX_PART_HEADER_BYTES + 4])
    if end < 0:
        if len(data) > MAX_PART_HEADER_BYTES:
            raise MultipartError("A part of a body has a header larger than 16 KiB.")
        headers, clean = parse_fields(decode(data))
        return _described(headers, b"") if clean else _described(Headers(), data)
    headers, clean = parse_fields(decode(data[:end]))
    if not clean and not headers:  # no header at all: the sender forgot it and its empty line
        return _described(Headers(), data)
    return _described(headers, data[body_at:])


def _described(headers: Headers, body: bytes) -> Part:
    return Part(
        content_type=MediaType.parse(headers.get("Content-Type") or "").value,
        disposition=MediaType.parse(headers.get("Content-Disposition") or "").value,
        headers=headers,
        body=body,
    )
