"""Do channels carry the same sound? Copies, and speech that leaks from one channel into another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from candor.kit.sound import Samples, SoundSource
from candor.transcript.ports import Stretch

SAME = 0.995
"""Correlation from which channels count as copies of each other (a different volume does not matter)."""
LEAK = 0.6
"""Peak of the normalised cross-correlation from which the weaker of two channels counts as leakage."""
LOUDER = 2.0
"""How much louder (in amplitude) the source of a leak is than the leak, at least."""
LAG = 0.25
"""Seconds by which a leak may come early or late."""
_LONGEST = 8.0
"""Seconds that are compared at once."""


class Likeness:
    """Correlates every channel with the first while blocks go by."""

    def __init__(self, channels: int) -> None:
        self._power = np.zeros(channels)
        self._cross = np.zeros(channels)

    def feed(self, samples: Samples) -> None:
        """The next block, shape (frames, channels)."""
        wide = samples.astype(np.float64)
        self._power += np.einsum("ij,ij->j", wide, wide)
        self._cross += wide[:, 0] @ wide

    def all_same(self) -> bool:
        """Whether every channel is a copy of the first; silent channels are not."""
        scale = np.sqrt(self._power[0] * self._power)
        return bool(np.all((scale > 0) & (self._cross > SAME * scale)))


class LeakFilter:
    """Leaves out speech that is only heard because another channel is loud."""

    def __init__(self, sound: SoundSource) -> None:
        self._sound = sound
        self.dropped = 0.0
        """Seconds left out so far."""

    def own(self, channel: int, speech: Sequence[Sequence[Stretch]]) -> list[Stretch]:
        """The stretches of ``channel`` that are its own; ``speech`` has the stretches of every channel."""
        kept = []
        for piece in speech[channel]:
            rivals = [
                other
                for other, stretches in enumerate(speech)
                if other != channel and any(far.start < piece.end and piece.start < far.end for far in stretches)
            ]
            if rivals and self._leaks(channel, piece, rivals):
                self.dropped += piece.length
            else:
                kept.append(piece)
        return kept

    def _leaks(self, channel: int, piece: Stretch, rivals: Sequence[int]) -> bool:
        rate = self._sound.rate
        end = min(piece.end, piece.start + _LONGEST)
        samples = self._sound.window(int(piece.start * rate), int(end * rate)).astype(np.float64)
        own = samples[:, channel]
        own_power = float(own @ own)
        size = 1 << int(np.ceil(np.log2(max(2 * len(own), 2))))
        spectrum = np.fft.rfft(own, size)
        reach = int(LAG * rate)
        for rival in rivals:
            other = samples[:, rival]
            other_power = float(other @ other)
            if other_power < LOUDER**2 * own_power or own_power == 0:
                continue
            cross = np.fft.irfft(spectrum * np.conj(np.fft.rfft(other, size)), size)
            peak = max(float(np.abs(cross[: reach + 1]).max()), float(np.abs(cross[-reach:]).max()))
            if peak > LEAK * np.sqrt(own_power * other_power):
                return True
        return False
