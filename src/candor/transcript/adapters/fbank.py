"""Kaldi's log mel filter bank in NumPy (Povey et al., "The Kaldi Speech Recognition Toolkit", 2011), pure.

As speaker-embedding models want it: 80 bands of 20 to 8,000 Hz, frames of 25 ms every 10 ms, Hamming window, mean
removed over the piece (WeSpeaker's ``compute_fbank``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from candor.transcript.ports import RATE, Mono

BANDS, FRAME, SHIFT, SIZE = 80, 400, 160, 512
EMPHASIS = 0.97


def _mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mels: npt.NDArray[np.float64] = 1127.0 * np.log1p(hertz / 700.0)
    return mels


def _bank() -> npt.NDArray[np.float32]:
    lowest, highest = _mel(np.array([20.0, RATE / 2])).tolist()
    edges = np.linspace(lowest, highest, BANDS + 2)
    bins = _mel(np.arange(SIZE // 2) * RATE / SIZE)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    up, down = (bins - left) / (centre - left), (right - bins) / (right - centre)
    bank: npt.NDArray[np.float32] = np.maximum(np.minimum(up, down), 0.0).astype(np.float32)
    return bank


_BANK = _bank()
_WINDOW = np.hamming(FRAME).astype(np.float32)


def fbank(sound: Mono) -> npt.NDArray[np.float32]:
    """Features of ``sound`` (at least 25 ms), shape (frames, 80), with zero mean in each band."""
    frames = np.lib.stride_tricks.sliding_window_view(sound * 32768.0, FRAME)[::SHIFT]
    frames = frames - frames.mean(axis=1, keepdims=True)
    # The first sample of a frame is emphasised against itself, as Kaldi does it.
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft((frames - EMPHASIS * before) * _WINDOW, SIZE)[:, : SIZE // 2]
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    bands = np.log(np.maximum(power @ _BANK, np.finfo(np.float32).eps))
    features: npt.NDArray[np.float32] = bands - bands.mean(axis=0)
    return features
