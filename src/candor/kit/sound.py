"""Working sound: FLAC, 16-bit, read and written in blocks over any binary stream.

Samples are float32 in [-1, 1], shaped (frames, channels). FLAC keeps them exactly (as 16-bit) at a few thousand times
real time; libsndfile seeks inside the stream, so a reader can take any window without holding the whole file.
"""

from __future__ import annotations

from types import TracebackType
from typing import BinaryIO, Protocol, Self

import numpy as np
import numpy.typing as npt
import soundfile

from candor.errors import Damaged, Unavailable

Samples = npt.NDArray[np.float32]
"""float32, (frames, channels), full scale at ±1."""

BLOCK_SECONDS = 30


class SoundSource(Protocol):
    """Sound that can be read by windows."""

    @property
    def rate(self) -> int:
        """Samples a second."""

    @property
    def channels(self) -> int:
        """How many channels."""

    @property
    def frames(self) -> int:
        """Length in samples per channel."""

    def window(self, start: int, stop: int) -> Samples:
        """Samples [start, stop), clipped to what there is; shape (frames, channels)."""


class MemorySound:
    """Sound that is in memory already."""

    def __init__(self, samples: Samples, rate: int) -> None:
        # A column for each channel, written out: "-1" cannot be inferred when there are no frames.
        self._samples = samples.reshape(len(samples), 1 if samples.ndim == 1 else samples.shape[1]).astype(
            np.float32, copy=False
        )
        self.rate = rate
        self.channels = self._samples.shape[1]
        self.frames = len(self._samples)

    def window(self, start: int, stop: int) -> Samples:
        return self._samples[max(start, 0) : max(stop, 0)]


class FlacReader:
    """A FLAC stream as a SoundSource."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        try:
            self._file = soundfile.SoundFile(stream, mode="r")
        except soundfile.LibsndfileError as error:
            raise Damaged("The working copy of the sound cannot be read.", code="sound.damaged") from error
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames

    def window(self, start: int, stop: int) -> Samples:
        start, stop = max(start, 0), min(stop, self.frames)
        if stop <= start:
            return np.zeros((0, self.channels), np.float32)
        if self._file.tell() != start:
            self._file.seek(start)
        samples: Samples = self._file.read(stop - start, dtype="float32", always_2d=True)
        return samples

    def close(self) -> None:
        self._file.close()
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FlacWriter:
    """Writes blocks of samples as FLAC to a stream that can seek back to its first bytes."""

    def __init__(self, stream: BinaryIO, rate: int, channels: int) -> None:
        self.rate, self.channels, self.frames = rate, channels, 0
        self._file = soundfile.SoundFile(
            stream,
            mode="w",
            samplerate=rate,
            channels=channels,
            format="FLAC",
            subtype="PCM_16",
            compression_level=0.4,
        )

    def write(self, samples: Samples) -> None:
        """Append samples of shape (frames, channels)."""
        try:
            self._file.write(samples)
        except (soundfile.LibsndfileError, AssertionError) as error:  # how a stream that takes no more shows itself
            raise Unavailable("The sound could not be written.", code="sound.unwritten") from error
        self.frames += len(samples)

    def close(self) -> None:
        """Finish the stream's header; the stream itself stays open."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
