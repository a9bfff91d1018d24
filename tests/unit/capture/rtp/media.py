"""Sound for the tests of this folder: speech of the shared material, tones, real encoders."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from candor.capture.rtp.codecs import LINEAR

Sound = npt.NDArray[np.int16]


def sweep(seconds: float, rate: int, channels: int = 1) -> Sound:
    """Voice-like: a gliding pitch with overtones that comes and goes; another one for each channel."""
    at = np.arange(round(seconds * rate)) / rate
    columns = []
    for channel in range(channels):
        pitch = 120 + 60 * channel + 40 * np.sin(2 * np.pi * 0.7 * at)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        voice = sum(np.sin(k * phase) / k for k in range(1, 12))
        columns.append(5000 * voice * (0.55 + 0.45 * np.sin(2 * np.pi * 2.3 * at + channel)))
    return np.stack(columns, axis=1).astype(np.int16).squeeze()


def telephone_speech(shared: Path) -> list[Sound]:
    """Real calls at 8 kHz: 330 utterances (30 min) and the sides of acted calls (7 min)."""
    found = [
        LINEAR["PCMU"][np.fromfile(path, np.uint8)]
        for path in sorted((shared / "audio_telephone_wuw2/dev/audio").glob("*.ulaw"))
    ]
    for path in sorted((shared / "audio_calls_aws/dev/audio").glob("*.wav")):
        sound, rate = soundfile.read(path, dtype="int16", always_2d=True)
        found += [column if rate == 8000 else soxr.resample(column, rate, 8000) for column in sound.T]
    assert len(found) > 300
    return found


def encoded(name: str, sound: Sound, rate: int, **options: Any) -> list[bytes]:
    """Packets of one of the audio library's encoders; skipped when it has no such."""
    try:
        context: Any = av.CodecContext.create(name, "w")
    except av.codec.codec.UnknownCodecError:
        pytest.skip(f"the audio library has no encoder {name}")
    layout = "stereo" if sound.ndim == 2 else "mono"
    context.sample_rate, context.layout, context.format = rate, layout, "s16"
    context.time_base = Fraction(1, rate)
    if "bit_rate" in options:
        context.bit_rate = options.pop("bit_rate")
    context.options = {key: str(value) for key, value in options.items()}
    context.open()
    step = context.frame_size or round(0.02 * rate)
    packets = []
    for start in range(0, len(sound) - step + 1, step):
        frame = av.AudioFrame.from_ndarray(sound[start : start + step].reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def ffmpeg(arguments: Sequence[str], data: bytes) -> bytes:
    """What the ffmpeg program makes of ``data``, from its standard input to its standard output."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed")
    command = [program, "-nostdin", "-v", "error", *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode and b"nknown encoder" in done.stderr:
        pytest.skip("this ffmpeg lacks the encoder")
    assert done.returncode == 0, done.stderr
    return done.stdout


def snr(wanted: npt.NDArray[Any], got: npt.NDArray[Any]) -> float:
    """Decibels by which ``wanted`` is above its difference from ``got``."""
    wanted, got = wanted.astype(np.float64), got.astype(np.float64)
    return float(10 * np.log10((wanted**2).sum() / max(((wanted - got) ** 2).sum(), 1e-9)))


def aligned(wanted: Sound, got: Sound, most: int) -> float:
    """The best normalised correlation of ``got`` with ``wanted`` over delays up to ``most`` samples."""
    length = min(len(wanted), len(got)) - most
    fixed = wanted[:length].astype(np.float64)
    best = 0.0
    for delay in range(most + 1):
        moved = got[delay : delay + length].astype(np.float64)
        best = max(best, float(fixed @ moved / (np.linalg.norm(fixed) * np.linalg.norm(moved) + 1)))
    return best
