"""RIFF/WAVE headers (and RF64/BW64, EBU Tech 3306), as recorders really write them: with lengths of 0 or -1."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from candor.capture.files.pcm import CODINGS, Coding
from candor.capture.files.refusals import refuse

_EXTENSIBLE = 0xFFFE
_TAGS: dict[tuple[int, int], str] = {
    (1, 8): "pcm_u8",
    (1, 16): "pcm_s16le",
    (1, 24): "pcm_s24le",
    (1, 32): "pcm_s32le",
    (3, 32): "pcm_f32le",
    (3, 64): "pcm_f64le",
    (6, 8): "pcm_alaw",
    (7, 8): "pcm_mulaw",
}
_MAX_CHUNKS = 1000
"""A header with more chunks than this before its sound is an attack, not a recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Where the sound lies in a WAVE file, and how it is coded."""

    coding: Coding | None
    """None: compressed, for the general reader."""
    rate: int
    channels: int
    start: int
    """First byte of the sound."""
    declared: int | None
    """Bytes of sound that the header promises; None when it leaves that open."""
    available: int
    """Bytes of sound that are there."""


def parse(stream: BinaryIO, size: int) -> Wave:
    """Read the chunks up to ``data``; the stream's position is left undefined.

    Raises MediaRejected ``media.truncated`` when there is no sound chunk, ``media.damaged`` when the format chunk is
    missing or makes no sense.
    """
    stream.seek(0)
    form = stream.read(12)[:4]
    position, wide_size = 12, None
    layout: tuple[int, int, int, int] | None = None
    for _ in range(_MAX_CHUNKS):
        stream.seek(position)
        header = stream.read(8)
        if len(header) < 8:
            raise refuse("media.truncated")
        name, length = header[:4], struct.unpack("<I", header[4:])[0]
        if name == b"ds64":
            wide = stream.read(16)
            wide_size = struct.unpack("<Q", wide[8:])[0] if len(wide) == 16 else None
        elif name == b"fmt ":
            data = stream.read(min(length, 64))
            if len(data) < min(length, 64):
                raise refuse("media.truncated")
            layout = _format(data)
        elif name == b"data":
            if layout is None or form == b"RIFX":
                break
            tag, channels, rate, bits = layout
            coding = CODINGS.get(_TAGS.get((tag, bits), ""))
            declared = wide_size if length == 0xFFFFFFFF and form != b"RIFF" else length
            available = size - position - 8
            if declared in (0, 0xFFFFFFFF) and available > 0:  # a recorder that streams never comes back to fill it in
                declared = None
            return Wave(
                coding=coding,
                rate=rate,
                channels=channels,
                start=position + 8,
                declared=declared,
                available=available if declared is None else min(available, declared),
            )
        position += 8 + length + length % 2
    raise refuse("media.damaged", kind="WAV")


def _format(data: bytes) -> tuple[int, int, int, int]:
    """Format tag, channels, rate, bits a sample."""
    if len(data) < 14:
        raise refuse("media.damaged", kind="WAV")
    tag, channels, rate, _, align = struct.unpack("<HHIIH", data[:14])
    bits = struct.unpack("<H", data[14:16])[0] if len(data) >= 16 else 8
    if tag == _EXTENSIBLE and len(data) >= 26:
        tag = struct.unpack("<H", data[24:26])[0]
    if tag in (6, 7):
        bits = 8  # some recorders write 16 or 0 here
    elif tag in (1, 3) and channels and align % channels == 0:
        bits = align // channels * 8  # the container's width counts: 12- and 20-bit samples are padded
    return tag, channels, rate, bits
