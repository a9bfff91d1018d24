"""The archive: a ZIP file (APPNOTE 6.3, stored, no flags, no extras) in which every byte is accounted for. Pure.

Any program opens it. Writing is a stream: sizes and checksums are known before the first byte, so that the sound goes
from the vault to whoever asked without lying anywhere in the clear. Reading is strict: an archive is taken only if
packing its members again gives the same bytes, so that nothing can hide between, before or behind them, under a second
name, or in a compressed member that unpacks without end.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from candor.errors import TooLarge
from candor.vault.evidence.model import BadPackage

_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_DATE = 0x21
"""1 January 1980: the archive's own times say nothing; the manifest's do."""
_MOST_BYTES = 0xFFFFFFFF
_MOST_MEMBERS = 64
_BLOCK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,99}\Z")
"""No folders, so no way out of one."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the archive."""

    name: str
    size: int
    crc: int
    open: Callable[[], BinaryIO]


def member(name: str, data: bytes) -> Member:
    """One that is in memory."""
    return Member(name, len(data), zlib.crc32(data), lambda: io.BytesIO(data))


def pack(members: Iterable[Member]) -> Iterator[bytes]:
    """The archive, in pieces; raises TooLarge beyond 4 GB, before the first piece."""
    wanted = list(members)
    if sum(each.size + 2 * len(each.name) + 76 for each in wanted) + 22 > _MOST_BYTES:
        raise TooLarge("The recording is too large for a package.", code="evidence.large", advice="Export it in parts.")
    at, central = 0, []
    for each in wanted:
        name = each.name.encode("ascii")
        head = _local(each, name)
        central.append(_entry(each, name, at))
        yield head
        done = 0
        with each.open() as stream:
            while block := stream.read(_BLOCK):
                done += len(block)
                yield block
        if done != each.size:
            raise BadPackage("a member changed while it was packed")
        at += len(head) + each.size
    index = b"".join(central)
    yield index + _END.pack(b"PK\5\6", 0, 0, len(wanted), len(wanted), len(index), at, 0)


def _local(each: Member, name: bytes) -> bytes:
    return _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, _DATE, each.crc, each.size, each.size, len(name), 0) + name


def _entry(each: Member, name: bytes, at: int) -> bytes:
    sizes = (each.crc, each.size, each.size)
    return _CENTRAL.pack(b"PK\1\2", 20, 20, 0, 0, 0, _DATE, *sizes, len(name), 0, 0, 0, 0, 0, at) + name


def unpack(stream: BinaryIO) -> dict[str, Member]:
    """The members of an archive, by name; raises BadPackage for one that was not packed by :func:`pack`.

    1. It begins with a member and goes on without a gap. 2. Names are plain and stand once. 3. Nothing is compressed,
    encrypted or split. 4. The index at the end says the same as the members do, and nothing follows it.
    """
    found: dict[str, Member] = {}
    central = []
    size = stream.seek(0, io.SEEK_END)
    at = stream.seek(0)
    while (head := stream.read(_LOCAL.size))[:4] == b"PK\3\4":  # (1)
        if len(head) < _LOCAL.size or len(found) == _MOST_MEMBERS:
            raise BadPackage("it is cut short, or has too many members")
        _, _, flags, method, _, _, crc, packed, length, named, extra = _LOCAL.unpack(head)
        raw = stream.read(named)
        name = raw.decode("ascii", "replace")
        if not _NAME.match(name):  # (2)
            raise BadPackage("a member has a name that leads elsewhere")
        if name in found:
            raise BadPackage(f"the member {name} is there twice")
        if method or flags or packed != length or extra:  # (3)
            raise BadPackage(f"the member {name} is packed in another way than packages are")
        start = at + _LOCAL.size + named
        each = Member(name, length, crc, _part(stream, start, length))
        if head + raw != _local(each, raw):
            raise BadPackage(f"the heading of the member {name} was changed")
        found[name] = each
        central.append(_entry(each, raw, at))
        at = start + length
        if at > size:
            raise BadPackage("it is cut short")
        stream.seek(at)
    index = b"".join(central)
    end = index + _END.pack(b"PK\5\6", 0, 0, len(found), len(found), len(index), at, 0)
    stream.seek(at)
    if stream.read(len(end) + 1) != end or not found:  # (4)
        raise BadPackage("its index does not fit its members, or something is beside them")
    return found


class _Part(io.RawIOBase):
    """A stretch of a file."""

    def __init__(self, stream: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._stream, self._at, self._left = stream, start, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._stream.seek(self._at)
        data = self._stream.read(min(len(buffer), self._left))
        buffer[: len(data)] = data
        self._at += len(data)
        self._left -= len(data)
        return len(data)


def _part(stream: BinaryIO, start: int, size: int) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", io.BufferedReader(_Part(stream, start, size), 65_536))
