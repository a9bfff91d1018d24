"""The Tink AES-GCM-HKDF streaming format, written and read in segments.

Source: "Streaming AEAD / AES-GCM-HKDF-STREAMING" of the Tink wire format. An object is::

    header  = size (1 byte: 40) | salt (32) | nonce prefix (7)
    segment = AES-256-GCM(key', nonce prefix | segment number (4, big endian) | last (1), plaintext), tag 16
    key'    = HKDF-SHA256(data key, salt, info = associated data), 32 bytes

The first ciphertext segment is shorter by the header, so that segment i ends at byte (i + 1) · 65,536. The flag in the
last nonce makes truncation show; the number makes reordering show; the associated data binds the object to its place.
"""

from __future__ import annotations

import errno
import io
import os
from collections import OrderedDict
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from candor.errors import Damaged, TooLarge, Unavailable

Bytes = bytes | bytearray | memoryview

SEGMENT = 65_536
"""Bytes of a ciphertext segment."""
TAG = 16
SALT = 32
PREFIX = 7
HEADER = 1 + SALT + PREFIX
FIRST_PLAIN = SEGMENT - HEADER - TAG
"""Plaintext bytes in the first segment."""
PLAIN = SEGMENT - TAG
"""Plaintext bytes in every other segment."""
_KEPT_SEGMENTS = 4
_WRITTEN_AT_ONCE = 4
"""Sealed segments that are collected for one write: few enough to stay in the processor's cache until then."""
_MOST_SEGMENTS = 1 << 32
"""The segment number has four bytes: 256 TiB an object."""


def sealed_size(plain_size: int) -> int:
    """Bytes on disk of ``plain_size`` bytes of plaintext."""
    segments = 1 if plain_size <= FIRST_PLAIN else 1 + -(-(plain_size - FIRST_PLAIN) // PLAIN)
    return HEADER + plain_size + segments * TAG


def plain_size(sealed: int) -> int:
    """Plaintext bytes in ``sealed`` bytes on disk; raises Damaged for a size that no object has."""
    segments = max(1, -(-sealed // SEGMENT))
    size = sealed - HEADER - segments * TAG
    if size < 0 or sealed_size(size) != sealed:
        raise Damaged("A sealed object has an impossible length.", code="vault.damaged")
    return size


class _Cipher:
    """The derived key and nonces of one object."""

    def __init__(self, data_key: bytes, associated: bytes, salt: bytes, prefix: bytes) -> None:
        self._aead = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=salt, info=associated).derive(data_key))
        self._prefix = prefix

    def _nonce(self, number: int, *, last: bool) -> bytes:
        return self._prefix + number.to_bytes(4, "big") + bytes([last])

    def seal(self, number: int, plain: Bytes, into: memoryview, *, last: bool) -> None:
        """``into`` is as long as ``plain`` and a tag."""
        if number >= _MOST_SEGMENTS:
            raise TooLarge("What is being sealed is larger than an object can be (256 TiB).", code="vault.too_large")
        self._aead.encrypt_into(self._nonce(number, last=last), plain, None, into)

    def open(self, number: int, sealed: bytes, into: memoryview, *, last: bool) -> None:
        """``into`` is as long as ``sealed`` without its tag; nothing is left in it when this raises."""
        try:
            self._aead.decrypt_into(self._nonce(number, last=last), sealed, None, into)
        except (InvalidTag, ValueError) as error:
            into[:] = bytes(len(into))
            raise Damaged(
                "A sealed object does not verify: it was changed, cut or moved, or the key is not its own.",
                code="vault.damaged",
                advice="Restore it from a backup; the rest stays readable.",
            ) from error


class SealingWriter(io.RawIOBase):
    """Encrypts what is written to ``sink`` segment by segment; plaintext is never held beyond two segments.

    The first segment stays in memory until :meth:`finish`, so that a writer (FLAC, for its header) may seek back
    into it. ``sink`` must be seekable; nothing is readable from it before ``finish``.
    """

    def __init__(self, sink: BinaryIO, data_key: bytes, associated: bytes) -> None:
        super().__init__()
        self._sink = sink
        salt, prefix = os.urandom(SALT), os.urandom(PREFIX)
        self._header = bytes([HEADER]) + salt + prefix
        self._cipher = _Cipher(data_key, associated, salt, prefix)
        self._first = bytearray()
        self._tail = bytearray()
        self._sealed: bytearray | None = None
        self._waiting = 0
        """Bytes of ``_sealed`` that are not in the sink yet."""
        self._number = 1
        self._position = 0
        self.size = 0
        """Plaintext bytes so far."""

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = base + offset
        return self._position

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        length = len(view)
        if self._position != self.size:
            return self._rewrite(view)
        if len(self._first) < FIRST_PLAIN:
            taken = min(length, FIRST_PLAIN - len(self._first))
            self._first += view[:taken]
            view = view[taken:]
        # One full segment is always held back: only at the end is it known whether it is the last.
        if self._tail and len(self._tail) + len(view) > PLAIN:
            taken = PLAIN - len(self._tail)
            self._tail += view[:taken]
            self._put(self._tail, last=False)
            self._tail.clear()
            view = view[taken:]
        place, end = 0, len(view) - PLAIN
        while place < end:
            self._put(view[place : place + PLAIN], last=False)
            place += PLAIN
        self._tail += view[place:]
        self.size += length
        self._position = self.size
        return length

    def _rewrite(self, view: memoryview) -> int:
        end = self._position + len(view)
        if self._position < 0 or end > len(self._first):
            raise ValueError("only the first segment of a sealed object can be written again")
        self._first[self._position : end] = view
        self._position = end
        return len(view)

    def _put(self, plain: Bytes, *, last: bool) -> None:
        if self._sealed is None:
            self._sealed = bytearray(_WRITTEN_AT_ONCE * SEGMENT)
            self._to_sink(None, SEGMENT)
        elif self._waiting == len(self._sealed):
            self._flush()
        length = len(plain) + TAG
        into = memoryview(self._sealed)[self._waiting : self._waiting + length]
        self._cipher.seal(self._number, plain, into, last=last)
        self._waiting += length
        self._number += 1

    def _flush(self) -> None:
        if self._sealed is not None and self._waiting:
            self._to_sink(memoryview(self._sealed)[: self._waiting])
            self._waiting = 0

    def _to_sink(self, data: Bytes | None, place: int | None = None) -> None:
        try:
            if place is not None:
                self._sink.seek(place)
            if data is not None:
                self._sink.write(data)
        except OSError as error:
            raise Unavailable(
                f"The vault did not take what is being sealed ({error.strerror}).",
                code="vault.full" if error.errno == errno.ENOSPC else "vault.unavailable",
                advice="Free space on its disk; nothing held was harmed.",
            ) from error

    def finish(self) -> None:
        """Write the last and the first segment; the object is complete after this."""
        only = not self._tail
        if not only:
            self._put(self._tail, last=True)
        self._flush()
        first = bytearray(HEADER + len(self._first) + TAG)
        first[:HEADER] = self._header
        self._cipher.seal(0, self._first, memoryview(first)[HEADER:], last=only)
        self._to_sink(first, 0)
        self._first.clear()
        self._tail.clear()
        self._sealed = None


class OpeningReader(io.RawIOBase):
    """Decrypts ``source`` (``sealed`` bytes long) at any position; the last few segments are kept in memory.

    One call of ``readinto`` ends with a segment, where it can: whoever reads on reads whole segments, which are
    decrypted straight into the reader's buffer.
    """

    def __init__(self, source: BinaryIO, sealed: int, data_key: bytes, associated: bytes) -> None:
        super().__init__()
        self._source = source
        self._sealed = sealed
        self.size = plain_size(sealed)
        source.seek(0)
        header = source.read(HEADER)
        if len(header) != HEADER or header[0] != HEADER:
            raise Damaged("A sealed object does not begin as one.", code="vault.damaged")
        self._cipher = _Cipher(data_key, associated, header[1 : 1 + SALT], header[1 + SALT :])
        self._last = max(0, -(-sealed // SEGMENT) - 1)
        self._source_at = HEADER
        self._position = 0
        self._kept: OrderedDict[int, memoryview] = OrderedDict()
        # The last segment carries the flag that shows truncation: check it before anything is believed.
        self._segment(self._last)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self.size - self._position if size is None or size < 0 else min(size, self.size - self._position)
        data = bytearray(max(0, wanted))
        view, filled = memoryview(data), 0
        while filled < wanted:
            filled += self.readinto(view[filled:])
        return bytes(data)

    def readall(self) -> bytes:
        return self.read(-1)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        view, filled = memoryview(buffer).cast("B"), 0
        while filled < len(view) and self._position < self.size:
            number, offset = self._locate(self._position)
            length = self._plain_length(number)
            if offset == 0 and length <= len(view) - filled and number not in self._kept:
                self._open(number, view[filled : filled + length])
                taken = length
            elif filled:
                break
            else:
                part = self._segment(number)[offset : offset + len(view)]
                taken = len(part)
                view[:taken] = part
            filled += taken
            self._position += taken
        return filled

    def close(self) -> None:
        self._kept.clear()
        self._source.close()
        super().close()

    @staticmethod
    def _locate(position: int) -> tuple[int, int]:
        if position < FIRST_PLAIN:
            return 0, position
        number, offset = divmod(position - FIRST_PLAIN, PLAIN)
        return number + 1, offset

    def _plain_length(self, number: int) -> int:
        start = HEADER if number == 0 else number * SEGMENT
        return min((number + 1) * SEGMENT, self._sealed) - start - TAG

    def _open(self, number: int, into: memoryview) -> None:
        place, length = HEADER if number == 0 else number * SEGMENT, len(into) + TAG
        if self._source_at != place:
            self._source.seek(place)
        sealed = self._source.read(length)
        self._source_at = place + len(sealed)
        self._cipher.open(number, sealed, into, last=number == self._last)

    def _segment(self, number: int) -> memoryview:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        plain = memoryview(bytearray(self._plain_length(number)))
        self._open(number, plain)
        self._kept[number] = plain
        if len(self._kept) > _KEPT_SEGMENTS:
            self._kept.popitem(last=False)
        return plain
