"""The RTP payload format of AMR and AMR-WB (RFC 4867): frames out of payloads, octet-aligned or packed bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_NO_DATA = 15
_SPEECH_LOST = 14
_MAX_FRAMES = 64
"""More than a second in one packet is not speech but an attack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One of the two codecs: how many bits a frame of each type has (RFC 4867 section 3.6, 3GPP TS 26.101, 26.201)."""

    bits: tuple[int, ...]
    empty: frozenset[int]
    """Frame types that are announced and hold nothing."""


NARROW = Form(bits=(95, 103, 118, 134, 148, 159, 204, 244, 39), empty=frozenset({_NO_DATA}))
WIDE = Form(bits=(132, 177, 253, 285, 317, 365, 397, 461, 477, 40), empty=frozenset({_SPEECH_LOST, _NO_DATA}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How the session packs its frames."""

    octet_aligned: bool = False
    checksums: bool = False
    """A CRC byte for each frame follows the table of contents."""


def packing(parameters: Mapping[str, str]) -> Packing | None:
    """From ``a=fmtp`` (RFC 4867 section 8.1); None for interleaved and for sorted bits, which nobody sends."""
    if parameters.get("robust-sorting", "0") != "0" or "interleaving" in parameters:
        return None
    checksums = parameters.get("crc", "0") == "1"
    return Packing(octet_aligned=checksums or parameters.get("octet-align", "0") == "1", checksums=checksums)


def unpack(form: Form, packing: Packing, payload: bytes) -> list[bytes]:
    """The frames of a payload as they stand in a file (RFC 4867 section 5.3): a byte with the type, then the bits.

    A frame that the sender marks as damaged, and one that it says is lost, is given as a frame without data: decoders
    fill it. Empty when the payload is cut off or names a type that is not defined: it counts as a whole or not at all.
    """
    if packing.octet_aligned:
        found = _table(form, payload, start=8, step=8)
        if found is None:
            return []
        entries, start = found
        if packing.checksums:
            start += 8 * sum(kind not in form.empty for kind, _ in entries)
    else:
        found = _table(form, payload, start=4, step=6)
        if found is None:
            return []
        entries, start = found
    return _frames(form, payload, entries, start, octet_aligned=packing.octet_aligned)


def _bits(payload: bytes, start: int, count: int) -> int:
    """``count`` bits from bit ``start``, the most significant first."""
    first, last = start // 8, (start + count + 7) // 8
    word = int.from_bytes(payload[first:last], "big")
    return word >> (8 * last - start - count) & (1 << count) - 1


def _table(form: Form, payload: bytes, *, start: int, step: int) -> tuple[list[tuple[int, bool]], int] | None:
    """The table of contents, (frame type, good) each, and the bit at which it ends."""
    entries: list[tuple[int, bool]] = []
    more = True
    while more:
        if start + step > 8 * len(payload) or len(entries) == _MAX_FRAMES:
            return None
        entry = _bits(payload, start, 6)
        more, kind, good = entry >> 5 == 1, entry >> 1 & 15, entry & 1 == 1
        if kind >= len(form.bits) and kind not in form.empty:
            return None
        entries.append((kind, good))
        start += step
    return entries, start


def _frames(
    form: Form, payload: bytes, entries: list[tuple[int, bool]], start: int, *, octet_aligned: bool
) -> list[bytes]:
    frames = []
    for kind, good in entries:
        size = 0 if kind in form.empty else form.bits[kind]
        octets = (size + 7) // 8
        if start + (8 * octets if octet_aligned else size) > 8 * len(payload):
            return []
        data = (_bits(payload, start, size) << 8 * octets - size).to_bytes(octets, "big")
        start += 8 * octets if octet_aligned else size
        frames.append(bytes([kind << 3 | 4]) + data if size and good else bytes([_NO_DATA << 3 | 4]))
    return frames
