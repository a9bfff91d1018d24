"""The sealed file of one call: a header with the wrapped key, then records that only append.

::

    header = magic "CNDRSPL1" | length of the wrapped key (u16, big endian) | wrapped key
    record = length (u32, big endian) | AES-256-GCM(data key, nonce, plaintext, associated data), tag 16
    nonce  = zero (4 bytes) | record number from 0 (u64, big endian)
    associated data = magic | call id
    plaintext = kind (1 byte) | body

Each file has its own data key, so that counting nonces never repeat; a recorder never appends to a file that another
process began. The record number in the nonce makes reordering and omission show. A torn last record, as a killed
process leaves it, is dropped; a damaged one in the middle is not believed, and nor is what follows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from candor.errors import Damaged

MAGIC = b"CNDRSPL1"
TAG = 16
LONGEST_RECORD = 1 << 26
_LONGEST_KEY = 8192


class RecordKind(IntEnum):
    """What a record holds."""

    FACTS = 1
    """CallFacts as JSON; a later one replaces it."""
    EVENT = 2
    """CallEvent as JSON."""
    ROWS = 3
    """Row width (u16, little endian), then rows (``rtp.receiver.ROW_HEAD``)."""
    END = 4
    """CallEvent as JSON: nothing follows."""


def header(wrapped: bytes) -> bytes:
    """The beginning of a file whose data key is ``wrapped``."""
    return MAGIC + len(wrapped).to_bytes(2, "big") + wrapped


def read_header(stream: BinaryIO) -> bytes:
    """The wrapped key; raises Damaged when the stream does not begin as a spool file."""
    start = stream.read(len(MAGIC) + 2)
    size = int.from_bytes(start[len(MAGIC) :], "big")
    wrapped = stream.read(size) if start[: len(MAGIC)] == MAGIC and 0 < size <= _LONGEST_KEY else b""
    if not wrapped or len(wrapped) != size:
        raise Damaged("A spool file does not begin as one.", code="spool.damaged")
    return wrapped


class RecordSealer:
    """Seals records in order."""

    def __init__(self, data_key: bytes, call_id: str) -> None:
        self._aead = AESGCM(data_key)
        self._bound = MAGIC + call_id.encode()
        self._number = 0

    def seal(self, plain: bytes | bytearray) -> bytes:
        """The record's bytes on disk; ``plain`` begins with its kind."""
        nonce = bytes(4) + self._number.to_bytes(8, "big")
        self._number += 1
        sealed = self._aead.encrypt(nonce, plain, self._bound)
        return len(sealed).to_bytes(4, "big") + sealed


class RecordReader:
    """Reads the records of one file after its header, also while they are being written."""

    def __init__(self, stream: BinaryIO, data_key: bytes, call_id: str) -> None:
        self._stream, self._aead, self._bound = stream, AESGCM(data_key), MAGIC + call_id.encode()
        self._number = 0

    def available(self) -> Iterator[tuple[RecordKind, memoryview]]:
        """Every whole record that is there and was not read yet, in order; ends quietly at a torn tail.

        Raises Damaged for a record that does not verify although something follows it: the caller keeps what came
        before.
        """
        stream, size = self._stream, os.fstat(self._stream.fileno()).st_size
        while True:
            place = stream.tell()
            start = stream.read(4)
            length = int.from_bytes(start, "big")
            if len(start) < 4 or place + 4 + length > size:
                stream.seek(place)
                return
            if not TAG < length <= LONGEST_RECORD:
                raise Damaged("A record of a spool file has an impossible length.", code="spool.damaged")
            sealed = stream.read(length)
            try:
                plain = self._aead.decrypt(bytes(4) + self._number.to_bytes(8, "big"), sealed, self._bound)
                kind = RecordKind(plain[0])
            except (InvalidTag, ValueError) as error:
                if stream.tell() >= size:
                    stream.seek(place)
                    return
                raise Damaged("A record of a spool file does not verify.", code="spool.damaged") from error
            self._number += 1
            yield kind, memoryview(plain)[1:]
