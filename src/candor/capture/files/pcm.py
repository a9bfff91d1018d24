"""Samples of plain codings as float32: linear PCM of any width and G.711, a block at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.kit.sound import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """A coding whose every sample takes the same number of bytes."""

    name: str
    """FFmpeg's name."""
    width: int
    """Bytes a sample."""


def _mulaw_table() -> npt.NDArray[np.float32]:
    """ITU-T G.711 mu-law, as 16-bit values over full scale."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32768).astype(np.float32)


def _alaw_table() -> npt.NDArray[np.float32]:
    """ITU-T G.711 A-law, as 16-bit values over full scale."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, mantissa + 0x108 << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / 32768).astype(np.float32)


_TABLES = {"pcm_mulaw": _mulaw_table(), "pcm_alaw": _alaw_table()}
_DTYPES = {
    "pcm_s16le": ("<i2", 1 / 32768),
    "pcm_s16be": (">i2", 1 / 32768),
    "pcm_s32le": ("<i4", 1 / 2147483648),
    "pcm_f32le": ("<f4", 1.0),
    "pcm_f64le": ("<f8", 1.0),
}
CODINGS = {
    name: Coding(name=name, width=width)
    for name, width in (
        ("pcm_u8", 1),
        ("pcm_s16le", 2),
        ("pcm_s24le", 3),
        ("pcm_s32le", 4),
        ("pcm_f32le", 4),
        ("pcm_f64le", 8),
        ("pcm_mulaw", 1),
        ("pcm_alaw", 1),
    )
}


def samples(coding: Coding, data: bytes, channels: int) -> Samples:
    """``data`` (whole frames) as float32 of shape (frames, channels); floating point may hold NaN and infinity."""
    if coding.name in _TABLES:
        flat = _TABLES[coding.name].take(np.frombuffer(data, np.uint8))
    elif coding.name == "pcm_u8":
        flat = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) * np.float32(1 / 128)
    elif coding.name == "pcm_s24le":
        # Three bytes become the upper three of an int32: the sign comes for free.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        flat = wide.view("<i4")[:, 0].astype(np.float32) * np.float32(1 / 2147483648)
    else:
        dtype, scale = _DTYPES[coding.name]
        flat = np.frombuffer(data, dtype).astype(np.float32)
        if scale != 1.0:
            flat *= np.float32(scale)
    shaped: Samples = flat.reshape(-1, channels)
    return shaped
