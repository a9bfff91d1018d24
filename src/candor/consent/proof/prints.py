"""The print of a known prompt: small enough to keep beside its text, made once, found again in any recording."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from candor.consent.proof.bands import FRAME_RATE, LIMIT, WIDTH, Frames, Mono, hear
from candor.errors import Damaged, InvalidInput

SHORTEST = 1.2
"""Seconds of sound below which a prompt cannot be told from other speech for certain."""
LONGEST = 180.0
_QUIET = 1e-4
"""Frames 40 dB below the loudest are pauses: nothing of them is compared."""
_MAGIC = b"CAP1"
_HEAD = struct.Struct("<4sI")
_STEPS = 127 / LIMIT


@dataclass(frozen=True)
class Print:
    """A prompt as it is compared; equal when its bytes are."""

    name: str
    """What the caller knows it by, for instance the version of an announcement."""
    data: bytes
    """``CAP1``, number of frames (u32, little endian), frames of 19 signed bytes, one bit a frame that sounds."""

    @classmethod
    def of(cls, name: str, samples: Mono, rate: int) -> Self:
        """Make the print of a prompt.

        Args:
            name: what matches will call it.
            samples: float32, shape (samples,), full scale at ±1; any level.
            rate: samples a second.

        Raises:
            InvalidInput: less than 1.2 s of it sounds, or it is longer than three minutes.
        """
        if samples.ndim != 1:
            raise InvalidInput("A prompt has one channel.", code="prompt.channels", advice="Mix it to mono.")
        if len(samples) > LONGEST * rate:
            raise InvalidInput("A prompt lasts three minutes at most.", code="prompt.too_long", advice="Split it.")
        heard = hear(samples, rate)
        sounding = heard.energy > max(float(heard.energy.max(initial=0.0)) * _QUIET, 1e-6)
        if sounding.sum() < SHORTEST * FRAME_RATE:
            raise InvalidInput(
                f"The prompt has less than {SHORTEST} seconds of sound.",
                code="prompt.too_short",
                advice="Use a longer announcement: one so short cannot be recognised for certain.",
            )
        changes = np.rint(heard.changes * sounding[:, None] * _STEPS).astype(np.int8)
        data = _HEAD.pack(_MAGIC, len(changes)) + changes.tobytes() + np.packbits(sounding).tobytes()
        return cls(name, data)

    def __post_init__(self) -> None:
        frames = _HEAD.unpack_from(self.data)[1] if self.data[:4] == _MAGIC and len(self.data) >= _HEAD.size else 0
        if not frames or len(self.data) != _HEAD.size + frames * WIDTH + (frames + 7) // 8 or not self.sounding.any():
            raise Damaged(
                "The print of a prompt cannot be read.", code="print.damaged", advice="Make it again from the sound."
            )

    @property
    def frames(self) -> int:
        """Length in frames of 16 ms."""
        count: int = _HEAD.unpack_from(self.data)[1]
        return count

    @cached_property
    def changes(self) -> Frames:
        """Shape (frames, 19), zero where the prompt pauses."""
        count = self.frames * WIDTH
        values = np.frombuffer(self.data, np.int8, count, _HEAD.size).reshape(self.frames, WIDTH)
        return values.astype(np.float32) / np.float32(_STEPS)

    @cached_property
    def sounding(self) -> npt.NDArray[np.bool_]:
        """Which frames are no pauses; shape (frames,)."""
        bits = np.frombuffer(self.data, np.uint8, offset=_HEAD.size + self.frames * WIDTH)
        return np.unpackbits(bits, count=self.frames).astype(bool)

    @property
    def seconds(self) -> float:
        """How long the prompt lasts."""
        return self.frames / FRAME_RATE

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()
