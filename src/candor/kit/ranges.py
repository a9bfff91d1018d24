"""Byte ranges (RFC 9110 section 14): which part of a stream a client asks for, and that part in chunks.

Pure: no framework. Doors parse the ``Range`` header here, answer 206, 200 or 416, and send :func:`chunks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from candor.errors import InvalidInput

CHUNK = 64 * 1024


class RangeNotSatisfiable(InvalidInput):
    """The range lies wholly outside the stream: answer 416 with ``Content-Range: bytes */SIZE``."""

    code = "range.not_satisfiable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Bytes [start, stop) of a stream of ``size`` bytes."""

    start: int
    stop: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        """The ``Content-Range`` header's value."""
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The one range that ``header`` asks for; None means "send everything" (status 200).

    A header that is malformed, in another unit or asks for several ranges is ignored, as RFC 9110 section 14.2
    allows. Raises RangeNotSatisfiable when a well-formed range begins at or beyond ``size``.
    """
    if not header:
        return None
    unit, _, spec = header.strip().partition("=")
    first, dash, last = (part.strip() for part in spec.partition("-"))
    if unit.strip().lower() != "bytes" or not dash or not _digits(first) or not _digits(last) or not (first or last):
        return None
    if not first:
        length = int(last)
        if length == 0 or size == 0:
            raise RangeNotSatisfiable("The range asked for is empty.")
        return ByteRange(start=max(size - length, 0), stop=size, size=size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise RangeNotSatisfiable("The range asked for begins after the end.")
    return ByteRange(start=start, stop=min(int(last) + 1, size) if last else size, size=size)


def chunks(stream: BinaryIO, part: ByteRange) -> Iterator[bytes]:
    """The bytes of ``part``, at most 64 KB at a time; closes the stream at the end, also when nobody listens on."""
    try:
        stream.seek(part.start)
        left = part.length
        while left > 0 and (data := stream.read(min(CHUNK, left))):
            left -= len(data)
            yield data
    finally:
        stream.close()


def _digits(text: str) -> bool:
    # int() would also take signs, spaces, underscores and other scripts' digits; 18 digits bound the number.
    return text == "" or (text.isascii() and text.isdigit() and len(text) <= 18)
