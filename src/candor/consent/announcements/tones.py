"""The beep tone: as sound, and as what phone systems are told.

1,400 Hz for 0.2 s about every 15 s is what Connecticut names (Conn. Gen. Stat. 52-570d(a)(3): about every fifteen
seconds) and what the former 47 CFR 64.501 and its tariffs asked of recorder connectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.errors import InvalidInput

Mono = npt.NDArray[np.float32]
_RAMP_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class BeepTone:
    """A tone that tells that the call is recorded."""

    frequency: float = 1_400.0
    """Hertz, 1,000 to 2,000: where :func:`candor.consent.proof.find_beeps` hears it."""
    seconds: float = 0.2
    every: float | None = 15.0
    """Seconds from one beginning to the next; None for a single beep at the start."""
    level: float = -20.0
    """dB relative to a full-scale sine."""

    def __post_init__(self) -> None:
        fits = 1_000 <= self.frequency <= 2_000 and 0.1 <= self.seconds <= 1 and -40 <= self.level <= -3
        if not fits or (self.every is not None and not 2 * self.seconds <= self.every <= 60):
            raise InvalidInput(
                "This is no beep that can be heard and found again.",
                code="beep.invalid",
                advice="Use 1,000 to 2,000 Hz, 0.1 to 1 s, -40 to -3 dB, and at most 60 s from beep to beep.",
            )

    def sound(self, rate: int) -> Mono:
        """One beep, float32, shape (samples,), with ramps of 5 ms so that it does not click."""
        samples = round(self.seconds * rate)
        wave = np.sin(2 * np.pi * self.frequency * np.arange(samples) / rate) * 10 ** (self.level / 20)
        ramp = np.linspace(0, 1, round(_RAMP_SECONDS * rate), endpoint=False)
        wave[: len(ramp)] *= ramp
        wave[samples - len(ramp) :] *= ramp[::-1]
        return wave.astype(np.float32)

    def repeated(self, duration: float, rate: int) -> Mono:
        """Silence of ``duration`` seconds with a beep at its start and then again and again."""
        out = np.zeros(round(duration * rate), np.float32)
        beep = self.sound(rate)
        step = len(out) if self.every is None else round(self.every * rate)
        for start in range(0, len(out), max(step, 1)):
            piece = beep[: len(out) - start]
            out[start : start + len(piece)] = piece
        return out

    @property
    def freeswitch(self) -> str:
        """For FreeSWITCH: a tone stream (TGML)."""
        on, off = self._milliseconds
        return f"tone_stream://%({on},{off},{self.frequency:g});loops={1 if self.every is None else -1}"

    @property
    def asterisk(self) -> str:
        """For Asterisk: an argument of ``PlayTones`` (indications.conf); "!" plays once."""
        on, off = self._milliseconds
        return f"!{self.frequency:g}/{on}" if self.every is None else f"{self.frequency:g}/{on},0/{off}"

    @property
    def _milliseconds(self) -> tuple[int, int]:
        on = round(self.seconds * 1000)
        return on, 0 if self.every is None else round(self.every * 1000) - on
