"""Makes the broken recordings in this folder, each named by its defect: ``python tests/vectors/media/make.py``."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import av
import numpy as np

HERE = Path(__file__).parent
RATE = 8_000


def tone(seconds: float, channels: int = 1, level: float = 0.3) -> np.ndarray:
    """A tone that comes and goes, int16, (frames, channels)."""
    at = np.arange(round(seconds * RATE)) / RATE
    one = level * np.sin(2 * np.pi * 440 * at) * (np.sin(2 * np.pi * 1.5 * at) > 0)
    return np.repeat((one * 32767).astype("<i2")[:, None], channels, axis=1)


def wav(data: bytes, *, tag=1, channels=1, rate=RATE, bits=16, declared=None, riff=b"RIFF") -> bytes:
    """A WAVE file whose header says what it is told to say."""
    align = max(channels * bits // 8, 1)
    fmt = struct.pack("<HHIIHH", tag, channels, rate, (rate * align) & 0xFFFFFFFF, align & 0xFFFF, bits)
    length = len(data) if declared is None else declared
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", length) + data
    return riff + struct.pack("<I", len(body)) + body


def encode(codec: str, container: str, samples: np.ndarray, rate: int = RATE, bit_rate: int | None = None) -> bytes:
    """Encode with PyAV."""
    out = io.BytesIO()
    channels = samples.shape[1]
    with av.open(out, "w", format=container) as sink:
        track = sink.add_stream(codec, rate=rate, layout="mono" if channels == 1 else "stereo")
        if bit_rate:
            track.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.reshape(1, -1)), format="s16", layout="mono" if channels == 1 else "stereo"
        )
        frame.sample_rate = RATE
        resampler = av.AudioResampler(
            format=track.codec_context.format, layout=track.layout, rate=rate, frame_size=track.codec_context.frame_size
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            sink.mux(track.encode(part))
        sink.mux(track.encode(None))
    return out.getvalue()


def silent_video() -> bytes:
    """An MP4 with pictures only."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as sink:
        track = sink.add_stream("mpeg4", rate=5)
        track.width = track.height = 32
        track.pix_fmt = "yuv420p"
        for shade in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), shade * 40, np.uint8), format="rgb24")
            sink.mux(track.encode(frame))
        sink.mux(track.encode(None))
    return out.getvalue()


def zipped(password_flag: bool) -> bytes:
    """A ZIP with a recording in it, marked as having a password or not."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("call.wav", wav(tone(0.5).tobytes()))
    data = bytearray(out.getvalue())
    data[6] |= password_flag
    return bytes(data)


def main() -> None:
    """Write every file."""
    second = tone(1.0).tobytes()
    two = tone(1.0, 2)
    dead = two.copy()
    dead[:, 1] = 0
    m4a = encode("aac", "mp4", tone(1.5))
    mp3 = bytearray(encode("libmp3lame", "mp3", tone(3.0), bit_rate=32_000))
    mp3[len(mp3) // 3 : len(mp3) // 2] = np.random.default_rng(1).bytes(len(mp3) // 2 - len(mp3) // 3)
    holes = (tone(1.0).astype("<f4") / 32768).ravel()
    holes[100:110], holes[200], holes[300] = np.nan, np.inf, 3.5
    index = m4a.rindex(b"moov")
    files = {
        "empty.wav": b"",
        "truncated_header.wav": wav(second)[:30],
        "truncated_to_nothing.wav": wav(second)[:60],
        "truncated_in_the_middle.wav": wav(second, declared=RATE * 2 * 10),
        "too_short.wav": wav(second[:1600]),
        "streamed_without_length.wav": wav(second, declared=0xFFFFFFFF),
        "encrypted_pgp.wav": b"-----BEGIN PGP MESSAGE-----\n\nhQEMA" + b"A" * 200,
        "encrypted_pgp_binary.mp3": b"\x85\x01\x0c\x03" + np.random.default_rng(2).bytes(300),
        "encrypted_openssl.wav": b"Salted__" + np.random.default_rng(3).bytes(300),
        "encrypted_copy_protected.m4a": m4a[:index] + m4a[index:].replace(b"mp4a", b"enca").replace(b"udta", b"sinf"),
        "encrypted_zip.wav": zipped(True),
        "archive_zip.wav": zipped(False),
        "archive_bomb.mp3": gzip.compress(bytes(4_000_000), mtime=0),
        "text.wav": b"This is the transcript of a call, not its sound.\r\n" * 20,
        "document.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        "picture.mp3": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "program.wav": b"\x7fELF\x02\x01\x01" + bytes(100),
        "video_without_sound.mp4": silent_video(),
        "noise_with_a_recording_name.wav": np.random.default_rng(4).bytes(2000),
        "rate_1_hz.wav": wav(second, rate=1),
        "rate_10_mhz.wav": wav(second, rate=10_000_000),
        "channels_none.wav": wav(second, channels=0),
        "channels_200.wav": wav(second, channels=200),
        "silence.wav": wav(bytes(RATE * 2)),
        "dead_channel.wav": wav(dead.tobytes(), channels=2),
        "not_numbers.wav": wav(holes.tobytes(), tag=3, bits=32),
        "wav_named.mp3": wav(second),
        "index_lost.m4a": m4a[: m4a.rindex(b"moov") - 4],
        "corrupt_middle.mp3": bytes(mp3),
    }
    for name, data in files.items():
        (HERE / name).write_bytes(data)


if __name__ == "__main__":
    main()
