"""Between a decoder and the working copy: limits, levels, resampling, all block by block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr

from candor.capture.files.limits import Limits
from candor.capture.files.refusals import amount, clock, refuse
from candor.kit.sound import FlacWriter, Samples

MakeWriter = Callable[[int, int], FlacWriter]
"""(rate, channels) → the writer of the working copy."""

NARROW, WIDE = 8_000, 16_000
SILENCE = 10 ** (-60 / 20)
"""-60 dBFS: below it nothing can be heard on a telephone."""
_FILL_BLOCK = 1 << 16
_ROW = 64


def working_rate(rate: int) -> int:
    """8 kHz for telephone sound, 16 kHz for everything richer."""
    return NARROW if rate <= NARROW else WIDE


def check_layout(rate: int, channels: int, limits: Limits) -> None:
    """Raises MediaRejected when a header claims an implausible rate or number of channels."""
    if not limits.min_rate <= rate <= limits.max_rate:
        raise refuse("media.rate", rate=f"{rate:,}", low=f"{limits.min_rate:,}", high=f"{limits.max_rate:,}")
    if not 1 <= channels <= limits.channels:
        raise refuse("media.channels", channels=channels, limit=limits.channels)


class Sink:
    """Takes blocks at the original's rate, writes the working copy, and knows afterwards what was in them."""

    def __init__(
        self, rate: int, channels: int, make_writer: MakeWriter, limits: Limits, *, recorded_at: int | None = None
    ) -> None:
        """``recorded_at`` is the rate before encoding, where a codec decodes to a higher one than it was given."""
        check_layout(rate, channels, limits)
        self.rate, self.channels = rate, channels
        self.recorded_at = min(rate, recorded_at or rate)
        self.target = working_rate(self.recorded_at)
        self.frames = 0
        """At the original's rate, of everything that was taken in."""
        self.peaks = np.zeros(channels, np.float32)
        self.not_numbers = 0
        self.clipped = 0
        self.changed_layout = False
        self.filled = 0.0
        """Seconds of silence put in where the time line had a hole."""
        self._limits = limits
        self._seconds = self._before = 0.0
        self._at_rate = 0
        self._decoded = 0
        self._input_rate = rate
        self._writer = make_writer(self.target, channels)
        self._resampler = self._resampler_from(rate)

    @property
    def seconds(self) -> float:
        """Length so far."""
        return self._seconds

    def write(self, samples: Samples, rate: int | None = None) -> None:
        """Append a block; ``rate`` when the stream changed it on the way.

        Raises MediaRejected ``media.too_long`` or ``media.decoded_too_large`` as soon as a limit is passed.
        """
        if not len(samples):
            return
        rate = rate or self._input_rate
        if rate != self._input_rate:
            self._change_rate(rate)
        if samples.shape[1] != self.channels:
            samples = _with_channels(samples, self.channels)
            self.changed_layout = True
        self._count(len(samples), rate)
        self._put(self._levelled(samples))

    def fill(self, seconds: float) -> None:
        """Silence in place of sound that is missing, so that later times stay right."""
        left = round(seconds * self._input_rate)
        self.filled += seconds
        while left > 0:
            count = min(left, _FILL_BLOCK)
            self._count(count, self._input_rate)
            self._put(np.zeros((count, self.channels), np.float32))
            left -= count

    def finish(self) -> None:
        """Flush the resampler and finish the working copy; its stream stays open."""
        if self._resampler is not None:
            self._write(self._resampler.resample_chunk(np.zeros((0, self.channels), np.float32), last=True))
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the writer after a failure."""
        self._writer.close()

    def _count(self, frames: int, rate: int) -> None:
        self.frames += frames
        self._at_rate += frames
        self._seconds = self._before + self._at_rate / rate
        self._decoded += frames * self.channels * 2
        if self._seconds > self._limits.seconds:
            raise refuse("media.too_long", limit=clock(self._limits.seconds))
        if self._decoded > self._limits.decoded_bytes:
            raise refuse("media.decoded_too_large", limit=amount(self._limits.decoded_bytes))

    def _levelled(self, samples: Samples) -> Samples:
        """Finite and within full scale, the highest level of each channel noted."""
        peaks = _peaks(samples)
        if not np.isfinite(peaks).all():
            bad = ~np.isfinite(samples)
            self.not_numbers += int(bad.sum())
            samples = np.where(bad, np.float32(0), samples)
            peaks = np.abs(samples).max(axis=0)
        if peaks.max() > 1.0:
            self.clipped += int((np.abs(samples) > 1.0).sum())
            samples = np.clip(samples, -1.0, 1.0)
        self.peaks = np.maximum(self.peaks, np.minimum(peaks, 1.0))
        return samples

    def _put(self, samples: Samples) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(np.ascontiguousarray(samples))
        self._write(samples)

    def _write(self, samples: Samples) -> None:
        if len(samples):
            # The resampler overshoots a little at steep edges of full-scale sound.
            self._writer.write(np.clip(samples, -1.0, 1.0) if self._resampler is not None else samples)

    def _change_rate(self, rate: int) -> None:
        check_layout(rate, self.channels, self._limits)
        if self._resampler is not None:
            self._write(self._resampler.resample_chunk(np.zeros((0, self.channels), np.float32), last=True))
        self._before, self._at_rate = self._seconds, 0
        self._input_rate, self.changed_layout = rate, True
        self._resampler = self._resampler_from(rate)

    def _resampler_from(self, rate: int) -> soxr.ResampleStream | None:
        if rate == self.target:
            return None
        return soxr.ResampleStream(rate, self.target, self.channels, dtype="float32", quality="HQ")


def _peaks(samples: Samples) -> Samples:
    """Highest absolute value of each channel; NaN where there is one."""
    channels = samples.shape[1]
    cut = len(samples) // _ROW * _ROW
    highest: Samples = np.abs(samples[cut:]).max(axis=0, initial=0.0)
    if cut:
        # Over rows of many frames NumPy compares whole vectors at once, over rows of two samples it does not.
        rows = samples[:cut].reshape(-1, _ROW * channels)
        both = np.maximum(rows.max(axis=0), -rows.min(axis=0)).reshape(_ROW, channels)
        highest = np.maximum(highest, both.max(axis=0))
    return highest


def _with_channels(samples: Samples, channels: int) -> Samples:
    """One channel goes to all; surplus channels are dropped, missing ones are silent."""
    if samples.shape[1] == 1:
        return np.repeat(samples, channels, axis=1)
    if samples.shape[1] > channels:
        return samples[:, :channels]
    return np.pad(samples, ((0, 0), (0, channels - samples.shape[1])))
