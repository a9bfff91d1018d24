"""The waveform as it is drawn: the lowest and highest sample of each short stretch, per channel.

Binary form, little endian: ``CPKS``, version (u8), channels (u8), two zero bytes, sample rate (u32), samples a peak
(u32), peaks a channel (u32); then int8 pairs (lowest, highest), full scale at ±127, channel after channel.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.errors import Damaged

MAX_RATE = 100
"""Peaks a second at most: finer than a pixel at any zoom that people use."""
MAX_PEAKS = 20_000
"""Peaks in all channels together: 40 KB, whatever the length of the call."""
VERSION = 1
_MAGIC = b"CPKS"
_HEADER = struct.Struct("<4sBBxxIII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """The outline of a recording."""

    rate: int
    """Samples a second of the sound."""
    samples_per_peak: int
    channels: int
    count: int
    """Peaks a channel."""
    data: bytes
    """int8, (channels, count, 2): lowest and highest sample of each stretch."""

    def __post_init__(self) -> None:
        if len(self.data) != self.channels * self.count * 2:
            raise ValueError(f"{len(self.data)} bytes for {self.channels} channels of {self.count} peaks")

    @property
    def array(self) -> npt.NDArray[np.int8]:
        """The pairs as an array of shape (channels, count, 2)."""
        return np.frombuffer(self.data, np.int8).reshape(self.channels, self.count, 2)

    @property
    def peaks_per_second(self) -> float:
        """How many peaks describe one second."""
        return self.rate / self.samples_per_peak

    def to_bytes(self) -> bytes:
        """The binary form described above."""
        header = _HEADER.pack(_MAGIC, VERSION, self.channels, self.rate, self.samples_per_peak, self.count)
        return header + self.data

    @classmethod
    def from_bytes(cls, data: bytes) -> Peaks:
        """Read the binary form; raises Damaged when it is cut short, too long or of another version."""
        if len(data) < _HEADER.size:
            raise Damaged("A waveform outline is cut short.", code="peaks.damaged")
        magic, version, channels, rate, samples_per_peak, count = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != VERSION:
            raise Damaged("A waveform outline is in an unknown form.", code="peaks.damaged")
        body = data[_HEADER.size :]
        if len(body) != channels * count * 2 or not rate or not samples_per_peak or not channels:
            raise Damaged("A waveform outline does not match its header.", code="peaks.damaged")
        return cls(rate=rate, samples_per_peak=samples_per_peak, channels=channels, count=count, data=body)


class PeaksBuilder:
    """Computes Peaks from sound that comes in blocks of any size, in bounded memory.

    ``frames`` is the expected length; it decides how many samples make one peak. More or fewer frames may come.
    """

    def __init__(self, rate: int, channels: int, frames: int) -> None:
        self._rate, self._channels = rate, channels
        self._size = max(-(-rate // MAX_RATE), -(-frames * channels // MAX_PEAKS), 1)
        self._rest = np.zeros((0, channels), np.float32)
        self._pairs: list[npt.NDArray[np.int8]] = []

    def add(self, samples: npt.NDArray[np.float32]) -> None:
        """Take in the next samples, shape (frames, channels)."""
        if len(self._rest):
            samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._size
        cut = whole * self._size
        # A copy, so that the caller's block can be freed.
        self._rest = samples[cut:].copy()
        if whole:
            self._pairs.append(_pairs(samples[:cut], self._size))

    def finish(self) -> Peaks:
        """The outline of everything that was added."""
        if len(self._rest):
            self._pairs.append(_pairs(self._rest, len(self._rest)))
            self._rest = self._rest[:0]
        pairs = np.concatenate(self._pairs) if self._pairs else np.zeros((0, self._channels, 2), np.int8)
        return Peaks(
            rate=self._rate,
            samples_per_peak=self._size,
            channels=self._channels,
            count=len(pairs),
            data=np.ascontiguousarray(pairs.transpose(1, 0, 2)).tobytes(),
        )


def _pairs(samples: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.int8]:
    """(frames, channels) to (peaks, channels, 2), rounded outwards so that quiet sound still shows."""
    # Channel by channel in one piece of memory: several times faster than reducing over interleaved samples.
    stretches = np.ascontiguousarray(samples.T).reshape(samples.shape[1], -1, size)
    low = np.floor(stretches.min(axis=-1) * 127)
    high = np.ceil(stretches.max(axis=-1) * 127)
    pairs: npt.NDArray[np.int8] = np.clip(np.stack([low.T, high.T], axis=-1), -127, 127).astype(np.int8)
    return pairs
