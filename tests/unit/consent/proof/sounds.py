"""Telephone sound for these tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from candor.kit.sound import MemorySound

VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "consent"
RATE = 8_000
Mono = npt.NDArray[np.float32]


def read(name: str) -> Mono:
    """A mu-law vector."""
    samples: Mono = soundfile.read(
        VECTORS / name, format="RAW", subtype="ULAW", samplerate=RATE, channels=1, dtype="float32"
    )[0]
    return samples


def sound(samples: Mono) -> MemorySound:
    """As a source."""
    return MemorySound(samples.astype(np.float32), RATE)


def noise(length: int, level: float, seed: int = 1) -> Mono:
    """White noise of a root mean square."""
    return (np.random.default_rng(seed).standard_normal(length) * level).astype(np.float32)


def sine(frequency: float, seconds: float, level: float = 0.1) -> Mono:
    """A tone."""
    return (level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)
