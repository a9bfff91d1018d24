"""What is taken in, at most and at least."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds that hold while a recording is read, so that no header can promise them away."""

    bytes: int = 5 * 1024**3
    """Of the file as it came."""
    seconds: float = 4 * 3600 + 300
    """Four hours, and five minutes of grace."""
    least_seconds: float = 0.2
    channels: int = 8
    """What FLAC can hold."""
    min_rate: int = 4_000
    max_rate: int = 192_000
    """Samples a second of the original."""
    decoded_bytes: int = 12 * 1024**3
    """Of 16-bit samples at the original rate: 4 hours of 8 channels at 48 kHz are 11 GB."""
