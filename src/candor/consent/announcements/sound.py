"""The sound of an announcement: one level, no clipping, in the formats that phone systems play.

The same samples give the same bytes on every machine: resampling by soxr, G.711 and WAV by libsndfile, no dither.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from candor.consent.announcements.tones import BeepTone
from candor.errors import InvalidInput

Mono = npt.NDArray[np.float32]
"""float32, shape (samples,), full scale at ±1."""

MASTER_RATE = 16_000
LEVEL = -20.0
"""dB of full scale, root mean square over what sounds."""
_PEAK = 10 ** (-1.0 / 20)
_QUIET = 10 ** (-40 / 20)
"""Frames 40 dB below the loudest are pauses."""
_SHORTEST, _LONGEST = 0.5, 180.0
_PAUSE_AFTER_BEEP = 0.3
_CLIPPED = 0.01
"""Part of samples at full scale from which an uploaded recording counts as distorted."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An announcement as sound."""

    samples: Mono
    """At 16,000 samples a second."""

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / MASTER_RATE

    def at(self, rate: int) -> Mono:
        """The samples at another rate, never beyond full scale."""
        if rate == MASTER_RATE:
            return self.samples
        samples: Mono = np.clip(soxr.resample(self.samples, MASTER_RATE, rate), -1, 1).astype(np.float32)
        return samples

    def wav(self, rate: int = MASTER_RATE) -> bytes:
        """WAV, 16-bit, mono, 8,000 or 16,000 samples a second."""
        if rate not in (8_000, MASTER_RATE):
            raise InvalidInput(
                "Announcements are made at 8,000 or 16,000 Hz.", code="announcement.rate", advice="Choose one."
            )
        return _bytes(self.at(rate), rate, "WAV", "PCM_16")

    def mu_law(self) -> bytes:
        """G.711 mu-law octets without a header, 8,000 a second (Asterisk ``.ulaw``)."""
        return _bytes(self.at(8_000), 8_000, "RAW", "ULAW")

    def a_law(self) -> bytes:
        """G.711 A-law octets without a header, 8,000 a second (Asterisk ``.alaw``)."""
        return _bytes(self.at(8_000), 8_000, "RAW", "ALAW")

    @property
    def digest(self) -> str:
        """SHA-256 of the 16 kHz WAV, in hexadecimal."""
        return hashlib.sha256(self.wav()).hexdigest()


def render(samples: Mono, rate: int, *, level: float = LEVEL, beep: BeepTone | None = None) -> Rendered:
    """Bring synthesised speech to one rate and level, with a beep before it where one is wanted.

    Args:
        samples: float32, shape (samples,).
        rate: samples a second.
        level: dB of full scale, root mean square over what sounds; less where a peak would pass -1 dB.
        beep: put before the words, after which comes a pause of 0.3 s.

    Raises:
        InvalidInput: nothing sounds, or the level is not between -40 and -6.
    """
    if not -40 <= level <= -6:
        raise InvalidInput("The level must be between -40 and -6 dB.", code="announcement.level_db", advice="Use -20.")
    if samples.ndim != 1 or not np.isfinite(samples).all() or not np.abs(samples).max(initial=0.0) > 1e-4:
        raise InvalidInput(
            "There is no sound in this announcement.", code="announcement.silent", advice="Record it again."
        )
    master = samples if rate == MASTER_RATE else soxr.resample(samples, rate, MASTER_RATE)
    spoken = master * min(10 ** (level / 20) / _loudness(master), _PEAK / float(np.abs(master).max()))
    if beep:
        pause = np.zeros(round(_PAUSE_AFTER_BEEP * MASTER_RATE), np.float32)
        spoken = np.concatenate([beep.sound(MASTER_RATE), pause, spoken])
    return Rendered(spoken.astype(np.float32))


def uploaded(
    samples: npt.NDArray[np.float32], rate: int, *, level: float = LEVEL, beep: BeepTone | None = None
) -> Rendered:
    """A finished recording of an announcement, decoded by the caller, checked and brought to level.

    Args:
        samples: float32, shape (samples,) or (samples, channels); channels are mixed.
        rate: samples a second, 8,000 at least.
        level: see :func:`render`.
        beep: see :func:`render`.

    Raises:
        InvalidInput: too short, too long, silent, distorted, or below telephone rate.
    """
    mono = samples.mean(axis=1) if samples.ndim == 2 else samples
    if rate < 8_000:
        raise InvalidInput(
            "The recording has less than telephone quality.", code="announcement.rate", advice="Use 8,000 Hz or more."
        )
    if not _SHORTEST * rate <= len(mono) <= _LONGEST * rate:
        raise InvalidInput(
            f"An announcement lasts {_SHORTEST} to {_LONGEST:.0f} seconds.",
            code="announcement.length",
            advice="Cut it.",
        )
    if float((np.abs(samples) >= 0.999).mean()) > _CLIPPED:
        raise InvalidInput(
            "The recording is distorted: it was recorded too loud.",
            code="announcement.clipped",
            advice="Record it again.",
        )
    return render(mono.astype(np.float32), rate, level=level, beep=beep)


def _loudness(samples: Mono) -> float:
    """Root mean square over the 20 ms frames that are no pauses."""
    length = MASTER_RATE // 50
    frames = np.pad(samples, (0, -len(samples) % length)).reshape(-1, length)
    strength = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    return float(np.sqrt((strength[strength >= strength.max() * _QUIET] ** 2).mean()))


def _bytes(samples: Mono, rate: int, container: str, subtype: str) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=container, subtype=subtype)
    return out.getvalue()
