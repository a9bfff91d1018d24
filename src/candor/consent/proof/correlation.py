"""Pieces of prompts correlated with a whole recording, by Fourier transform (overlap-save), many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from candor.consent.proof.bands import FRAME_RATE, WIDTH, Frames

EXPECTED = 0.25
"""Mean square of a change below which a stretch counts as silent: a lone click must not look like agreement."""
_BLOCK = 4_096
"""Frames that are transformed at a time: 66 s."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """About three seconds of a prompt."""

    prompt: int
    """Its place among the prompts."""
    start: int
    stop: int
    """Frames of the prompt."""
    changes: Frames
    """With unit norm."""
    sounding: int
    """Frames that are no pauses."""


class Searched:
    """A recording made ready for any number of chunks of at most ``longest`` frames."""

    def __init__(self, changes: Frames, longest: int) -> None:
        self._longest = longest
        self._frames = len(changes) + longest
        least = max(2 * longest, min(_BLOCK, self._frames + longest))
        self._size = 1 << (least - 1).bit_length()
        self._step = self._size - longest + 1
        self._blocks = -(-self._frames // self._step)
        padded = np.zeros((self._blocks * self._step + longest, WIDTH), np.float32)
        # Chunks may begin before the recording does.
        padded[longest : self._frames] = changes
        stack = np.stack([padded[row * self._step :][: self._size] for row in range(self._blocks)], axis=-1)
        self._spectra = np.fft.rfft(stack, axis=0)  # (frequencies, WIDTH, blocks)
        self._power = np.concatenate([[0.0], np.cumsum((padded**2).sum(axis=1), dtype=np.float64)])

    def evidence(self, chunks: Sequence[Chunk]) -> npt.NDArray[np.float32]:
        """Correlation × √seconds of each chunk at each frame, shape (chunks, longest + frames).

        Place p stands for a chunk that begins at frame p - longest.
        """
        pieces = np.zeros((len(chunks), self._size, WIDTH), np.float32)
        for row, chunk in zip(pieces, chunks, strict=True):
            row[: len(chunk.changes)] = chunk.changes
        wanted = np.conj(np.fft.rfft(pieces, axis=1)).transpose(1, 0, 2)  # (frequencies, chunks, WIDTH)
        products = np.fft.irfft((wanted @ self._spectra).transpose(1, 2, 0), self._size, axis=-1)[..., : self._step]
        out: npt.NDArray[np.float32] = products.reshape(len(chunks), -1)[:, : self._frames].astype(np.float32)
        for row, chunk in zip(out, chunks, strict=True):
            length = chunk.stop - chunk.start
            energy = self._power[length : length + len(row)] - self._power[: len(row)]
            least = EXPECTED * chunk.sounding * WIDTH
            row *= np.sqrt(chunk.sounding / FRAME_RATE / np.maximum(energy, least)).astype(np.float32)  # noqa: PLW2901  in place
        return out
