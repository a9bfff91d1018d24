"""A recording with stretches silenced, in its own form: every other byte stays as it came."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import BinaryIO

from candor.capture.files.limits import Limits
from candor.capture.files.service import plain_form

_BLOCK = 1 << 20
_QUIET = {"pcm_u8": 0x80, "pcm_mulaw": 0xFF, "pcm_alaw": 0xD5}
"""The byte of silence (ITU-T G.711: the codes of the smallest amplitude); of the other codings it is zero."""


def silenced(
    stream: BinaryIO, filename: str, times: Sequence[tuple[float, float]], write: Callable[[bytes], object]
) -> bool:
    """Copy ``stream`` through ``write`` with ``times`` (seconds) silent on all channels.

    False, and nothing is written, for compressed sound, whose bytes cannot be silenced one by one. Raises
    MediaRejected for what cannot be read.
    """
    wave = plain_form(stream, filename, Limits())
    if wave is None or wave.coding is None:
        return False
    frame = wave.coding.width * wave.channels
    end = wave.start + wave.available // frame * frame
    ranges = [
        (
            min(wave.start + math.floor(max(begin, 0.0) * wave.rate) * frame, end),
            min(wave.start + math.ceil(max(stop, 0.0) * wave.rate) * frame, end),
        )
        for begin, stop in times
    ]
    quiet = bytes([_QUIET.get(wave.coding.name, 0)])
    stream.seek(0)
    at = 0
    while block := stream.read(_BLOCK):
        changed = bytearray(block)
        for low, high in ranges:
            first, last = max(low - at, 0), min(high - at, len(changed))
            if last > first:
                changed[first:last] = quiet * (last - first)
        write(bytes(changed))
        at += len(block)
    return True
