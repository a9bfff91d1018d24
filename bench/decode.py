"""Seconds of sound a CPU second: recordings becoming working copies, by codec, beside writing the same FLAC alone."""

from __future__ import annotations

import argparse
import io
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from bench.report import emit
from candor.capture.files import decode
from candor.kit.sound import FlacReader, FlacWriter

CODECS = {
    "pcm_s16le": ("wav", 8_000),
    "pcm_mulaw": ("wav", 8_000),
    "pcm_alaw": ("wav", 8_000),
    "flac": ("flac", 8_000),
    "libmp3lame": ("mp3", 8_000),
    "aac": ("mp4", 16_000),
    "libopus": ("ogg", 48_000),
    "g722": ("g722", 16_000),
    "libopencore_amrnb": ("amr", 8_000),
}
MONO = frozenset({"g722", "libopencore_amrnb"})


def _call(seconds: int) -> npt.NDArray[np.int16]:
    """Two parties taking turns: syllables of coloured noise over a quiet line, int16, (frames, 2)."""
    generator, frames = np.random.default_rng(0), seconds * 8_000
    noise = generator.normal(0, 1, (frames, 2))
    noise[2:] = noise[2:] * 0.2 + noise[1:-1] * 0.5 + noise[:-2] * 0.3
    at = np.arange(frames) / 8_000
    syllables = np.maximum(np.sin(2 * np.pi * 4 * at), 0) * (np.sin(2 * np.pi * at / 3) > -0.5)
    turn = (np.floor(at / 8) % 2)[:, None] == np.array([[0, 1]])
    sound: npt.NDArray[np.int16] = (
        ((noise * syllables[:, None] * turn * 0.15 + noise * 0.0005) * 32767).clip(-32768, 32767).astype(np.int16)
    )
    return sound


def _encode(codec: str, container: str, rate: int, samples: npt.NDArray[np.int16]) -> bytes:
    out = io.BytesIO()
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    with av.open(out, "w", format=container) as sink:
        track: Any = sink.add_stream(codec, rate=rate, layout=layout)
        resampler = av.AudioResampler(
            format=track.codec_context.format, layout=layout, rate=rate, frame_size=track.codec_context.frame_size
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout=layout)
        frame.sample_rate = 8_000
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            sink.mux(track.encode(part))
        sink.mux(track.encode(None))
    return out.getvalue()


def _timed(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print one line a codec."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=("small", "full"), default="small")
    size = parser.parse_args().size
    seconds = 120 if size == "small" else 1800
    call = _call(seconds)
    for codec, (container, rate) in CODECS.items():
        samples = call[:, :1] if codec in MONO else call
        data, out = _encode(codec, container, rate, samples), io.BytesIO()

        def whole(data: bytes = data, out: io.BytesIO = out, name: str = f"a.{container}") -> None:
            decode(io.BytesIO(data), name, partial(FlacWriter, out))

        ours = _timed(whole)
        reader = FlacReader(io.BytesIO(out.getvalue()))
        heard = reader.window(0, reader.frames)

        def flac_alone(reader: FlacReader = reader, heard: npt.NDArray[np.float32] = heard) -> None:
            with FlacWriter(io.BytesIO(), reader.rate, reader.channels) as writer:
                for start in range(0, len(heard), 1 << 18):
                    writer.write(heard[start : start + (1 << 18)])

        floor = _timed(flac_alone)
        emit(
            name=f"decode.{codec}",
            value=seconds / ours,
            unit="x",
            n=seconds,
            reference="writing the same FLAC alone",
            reference_value=seconds / floor,
            size=size,
            channels=samples.shape[1],
        )
    emit(
        name="decode.peak_memory",
        value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        unit="MB",
        n=1,
        reference="none",
        reference_value=None,
        size=size,
    )


if __name__ == "__main__":
    main()
