"""Where one SIP message ends and the next begins on TCP and TLS (RFC 3261 section 18.3, keep-alives RFC 5626).

The length of a message on a stream is told by its Content-Length alone, so a message without one, or with a bad one,
ends the connection: nothing behind it can be trusted any more.
"""

from __future__ import annotations

from collections.abc import Iterator

from candor.capture.sip.errors import SipError
from candor.capture.sip.headers import MAX_HEADER_BYTES, Headers, decode, parse_fields
from candor.capture.sip.message import answerable, content_length, head_end


class Framer:
    """Cuts the bytes of one connection into messages; holds at most one unfinished message (64 KiB + 1 MiB)."""

    __slots__ = ("_buffer", "_dead", "_newlines", "_pings", "_scanned", "_total")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._total = 0
        self._newlines = 0
        self._pings = 0
        self._dead = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take what arrived; iterate over the messages that are complete now.

        Raises SipError while iterating, after the messages before the fault: 400 without a usable Content-Length, 513
        and 413 over the limits. Answer it (``refuse``) and close the connection; the framer takes nothing more.
        """
        if not self._dead:
            self._buffer += data
        return self._messages()

    def take_pings(self) -> int:
        """How many keep-alive pings (CRLF CRLF between messages) came since the last call; each wants one CRLF back."""
        pings, self._pings = self._pings, 0
        return pings

    @property
    def idle(self) -> bool:
        """True between messages: nothing unfinished is held."""
        return not self._buffer

    def _messages(self) -> Iterator[bytes]:
        while not self._dead:
            if not self._total and not self._begin():
                return
            if len(self._buffer) < self._total:
                return
            message = bytes(self._buffer[: self._total])
            del self._buffer[: self._total]
            self._scanned = self._total = 0
            yield message

    def _begin(self) -> bool:
        """Find the header of the next message and so its length; False while it is incomplete."""
        self._skip_blank()
        end, body_at = head_end(self._buffer, self._scanned)
        if end < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise self._fault(SipError("The header of a SIP message is larger than 64 KiB.", status=513))
            self._scanned = max(0, len(self._buffer) - 3)
            return False
        first, _, fields = decode(bytes(self._buffer[:end])).partition("\n")
        headers = Headers()
        try:
            headers, _ = parse_fields(fields)
            length = _length(headers)
        except SipError as error:
            if answerable(first, headers):
                error.request_headers = headers
            raise self._fault(error) from None
        self._total = body_at + length
        return True

    def _skip_blank(self) -> None:
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        if blank:
            self._newlines += self._buffer[:blank].count(b"\n")
            del self._buffer[:blank]
            self._scanned = 0
        self._pings += self._newlines // 2
        self._newlines = 0 if self._buffer else self._newlines % 2

    def _fault(self, error: SipError) -> SipError:
        self._dead = True
        self._buffer.clear()
        return error


def _length(headers: Headers) -> int:
    if len(headers.raw("Content-Length")) > 1:
        raise SipError("A SIP message has more than one Content-Length.")
    length = content_length(headers)
    if length is None:
        raise SipError("A SIP message on a stream has no Content-Length.")
    return length
