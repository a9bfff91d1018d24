"""Every format in, working sound out; every defect with its own answer; nothing crashes and nothing hangs."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from candor.capture.files import REFUSALS, Limits, decode, probe
from candor.capture.files.pcm import CODINGS, samples
from candor.conversation.model import Sound
from candor.errors import Damaged, MediaRejected
from candor.kit.sound import FlacReader, FlacWriter
from tests.vectors.media.make import HERE, RATE, encode, tone, wav


def taken(data: bytes, name: str, limits: Limits | None = None) -> tuple[Sound, np.ndarray]:
    out = io.BytesIO()
    sound = decode(io.BytesIO(data), name, lambda rate, channels: FlacWriter(out, rate, channels), limits or Limits())
    out.seek(0)
    reader = FlacReader(out)
    assert (reader.rate, reader.channels) == (sound.working_rate, sound.channels)
    return sound, reader.window(0, reader.frames)


def made(seconds: float = 2.0) -> dict[str, bytes]:
    """One recording in every format that the encoders at hand can write."""
    mono, stereo = tone(seconds), tone(seconds, 2)
    unit = stereo.astype(np.float64) / 32768
    plain = {
        "pcm8.wav": wav(((stereo >> 8) + 128).astype(np.uint8).tobytes(), channels=2, bits=8),
        "pcm16.wav": wav(stereo.tobytes(), channels=2),
        "pcm24.wav": wav(
            np.ascontiguousarray((stereo.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3]).tobytes(),
            channels=2,
            bits=24,
        ),
        "pcm32.wav": wav((stereo.astype("<i4") << 16).tobytes(), channels=2, bits=32),
        "float32.wav": wav(unit.astype("<f4").tobytes(), tag=3, channels=2, bits=32),
        "float64.wav": wav(unit.astype("<f8").tobytes(), tag=3, channels=2, bits=64),
        "six.wav": wav(tone(seconds, 6).tobytes(), channels=6),
        "odd_rate.wav": wav(np.repeat(mono, 2, axis=0).tobytes(), rate=11_025),
        "raw.sln": mono.tobytes(),
    }
    coded = {
        "mulaw.wav": ("pcm_mulaw", "wav", stereo, 8_000),
        "alaw.wav": ("pcm_alaw", "wav", stereo, 8_000),
        "a.mp3": ("libmp3lame", "mp3", stereo, 44_100),
        "a.flac": ("flac", "flac", stereo, 8_000),
        "a.opus": ("libopus", "ogg", stereo, 48_000),
        "a.m4a": ("aac", "mp4", stereo, 16_000),
        "a.aac": ("aac", "adts", mono, 16_000),
        "a.webm": ("libopus", "webm", mono, 48_000),
        "a.g722": ("g722", "g722", mono, 16_000),
        "g722.wav": ("g722", "wav", mono, 16_000),
        "a.amr": ("libopencore_amrnb", "amr", mono, 8_000),
        "a.ulaw": ("pcm_mulaw", "mulaw", mono, 8_000),
        "a.alaw": ("pcm_alaw", "alaw", mono, 8_000),
        "a.aiff": ("pcm_s16be", "aiff", mono, 8_000),
    }
    return plain | {name: encode(*how) for name, how in coded.items()}


MADE = made()


@pytest.mark.parametrize("name", sorted(MADE))
def test_format_is_heard(name: str) -> None:
    sound, heard = taken(MADE[name], name)
    expected = 2 * 2 * RATE / 11_025 if name == "odd_rate.wav" else 2.0
    assert sound.duration == pytest.approx(expected, abs=0.15)
    assert len(heard) / sound.working_rate == pytest.approx(sound.duration, abs=0.01)
    assert sound.working_rate == (8_000 if sound.rate <= 8_000 else 16_000)
    assert np.abs(heard).max(axis=0) == pytest.approx(np.full(sound.channels, 0.3), abs=0.12)
    first = probe(io.BytesIO(MADE[name]), name)
    assert (first.codec, first.rate, first.channels) == (sound.codec, sound.rate, sound.channels)
    assert first.duration == pytest.approx(sound.duration, abs=0.7)


@pytest.mark.parametrize(("name", "codec"), [("a.gsm", "libgsm"), ("gsm49.wav", "libgsm_ms")])
def test_gsm_is_heard(name: str, codec: str, tmp_path: Path) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("the ffmpeg program, which alone can encode GSM, is not here")
    source = tmp_path / "source.wav"
    source.write_bytes(wav(tone(2.0).tobytes()))
    done = subprocess.run(
        [program, "-v", "error", "-i", str(source), "-c:a", codec, str(tmp_path / name)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("this ffmpeg cannot encode GSM")
    sound, heard = taken((tmp_path / name).read_bytes(), name)
    assert sound.duration == pytest.approx(2.0, abs=0.05)
    assert np.abs(heard).max() > 0.2


@pytest.mark.parametrize("name", ["pcm16.wav", "pcm24.wav", "pcm32.wav", "float32.wav", "float64.wav", "raw.sln"])
def test_sixteen_bits_stay_exact(name: str) -> None:
    _, heard = taken(MADE[name], name)
    assert np.array_equal(np.round(heard * 32768).astype(np.int16), tone(2.0, heard.shape[1]))


@pytest.mark.parametrize("name", ["pcm_mulaw", "pcm_alaw"])
def test_g711_is_the_reference_decoders(name: str) -> None:
    """All 256 codes as FFmpeg decodes them (its PCM decoders are not used for WAV here)."""
    import av

    codes = bytes(range(256))
    context = av.CodecContext.create(name, "r")
    context.sample_rate, context.layout, context.format = 8_000, "mono", "s16"
    frame = context.decode(av.Packet(codes))[0]
    ours = np.round(samples(CODINGS[name], codes, 1)[:, 0] * 32768).astype(np.int16)
    assert np.array_equal(ours, frame.to_ndarray()[0])


REFUSED = {
    "empty.wav": "media.empty",
    "truncated_header.wav": "media.truncated",
    "truncated_to_nothing.wav": "media.truncated",
    "too_short.wav": "media.too_short",
    "encrypted_pgp.wav": "media.encrypted",
    "encrypted_pgp_binary.mp3": "media.encrypted",
    "encrypted_openssl.wav": "media.encrypted",
    "encrypted_copy_protected.m4a": "media.encrypted",
    "encrypted_zip.wav": "media.encrypted",
    "archive_zip.wav": "media.archive",
    "archive_bomb.mp3": "media.archive",
    "text.wav": "media.not_audio",
    "document.pdf": "media.not_audio",
    "picture.mp3": "media.not_audio",
    "program.wav": "media.not_audio",
    "video_without_sound.mp4": "media.no_audio_track",
    "noise_with_a_recording_name.wav": "media.unknown_format",
    "rate_1_hz.wav": "media.rate",
    "rate_10_mhz.wav": "media.rate",
    "channels_none.wav": "media.channels",
    "channels_200.wav": "media.channels",
    "index_lost.m4a": "media.truncated",
}
NOTED = {
    "truncated_in_the_middle.wav": "cut short",
    "streamed_without_length.wav": None,
    "silence.wav": "silent",
    "dead_channel.wav": "Channel 2 (right) is silent",
    "not_numbers.wav": "were not numbers",
    "wav_named.mp3": "content is WAV",
    "corrupt_middle.mp3": "",
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_defect_is_refused_in_its_own_words(name: str) -> None:
    with pytest.raises(MediaRejected) as refused:
        taken((HERE / name).read_bytes(), name)
    assert refused.value.code == REFUSED[name]
    assert refused.value.advice
    assert "{" not in refused.value.message


@pytest.mark.parametrize("name", sorted(NOTED))
def test_what_can_be_heard_is_kept(name: str) -> None:
    sound, heard = taken((HERE / name).read_bytes(), name)
    assert sound.duration >= 1.0
    assert np.isfinite(heard).all()
    note = NOTED[name]
    assert (
        sound.notes == () if note is None else any(note in told for told in sound.notes) or name == "corrupt_middle.mp3"
    )


def test_every_vector_has_an_answer() -> None:
    assert {path.name for path in HERE.iterdir() if path.suffix not in (".py", "")} == REFUSED.keys() | NOTED.keys()


def test_limits_hold_while_decoding() -> None:
    flac = encode("flac", "flac", np.zeros((RATE * 120, 1), "<i2"))
    assert len(flac) < 40_000  # two minutes of silence: a small bomb
    for limits, code in (
        (Limits(seconds=60), "media.too_long"),
        (Limits(decoded_bytes=100_000), "media.decoded_too_large"),
        (Limits(bytes=1000), "media.too_large"),
    ):
        with pytest.raises(MediaRejected) as refused:
            taken(flac, "bomb.flac", limits)
        assert refused.value.code == code
    with pytest.raises(MediaRejected) as refused:
        taken(wav(bytes(RATE * 2 * 90)), "long.wav", Limits(seconds=60))
    assert refused.value.code == "media.too_long"


def test_hole_in_the_time_line_becomes_silence() -> None:
    """A recorder that drops packets: the sound after the hole keeps its time."""
    import av

    source, out = io.BytesIO(encode("libopus", "ogg", tone(6.0), 48_000)), io.BytesIO()
    with av.open(source) as read, av.open(out, "w", format="matroska") as write:
        track = write.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux(read.streams.audio[0]):
            if packet.pts is not None and not 2.0 <= float(packet.pts * packet.time_base) < 4.0:
                packet.stream = track
                write.mux(packet)
    sound, heard = taken(out.getvalue(), "holes.mka")
    assert sound.duration == pytest.approx(6.0, abs=0.1)
    assert np.abs(heard[int(2.2 * 16_000) : int(3.8 * 16_000)]).max() < 0.001
    assert any("are missing inside the file" in note for note in sound.notes)


class EndlessTone(io.RawIOBase):
    """A four-hour stereo G.711 recording that is nowhere in memory."""

    def __init__(self, seconds: int) -> None:
        self.head = wav(b"", tag=7, channels=2, bits=8, declared=seconds * RATE * 2)
        self.size, self.at = len(self.head) + seconds * RATE * 2, 0
        self.period = np.random.default_rng(0).integers(0, 256, 1 << 16, np.uint8).tobytes() * 2

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def read(self, count: int = -1) -> bytes:
        count = min(count if count >= 0 else self.size, self.size - self.at)
        data = b""
        if self.at < len(self.head):
            data = self.head[self.at : self.at + count]
        while len(data) < count:
            data += self.period[: min(count - len(data), len(self.period))]
        self.at += len(data)
        return data


class Nowhere(io.RawIOBase):
    """Takes everything, keeps nothing."""

    def __init__(self) -> None:
        self.at = self.most = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset if whence == 0 else self.at + offset if whence == 1 else self.most + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def write(self, data) -> int:
        self.at += len(data)
        self.most = max(self.most, self.at)
        return len(data)


def test_memory_does_not_grow_with_length() -> None:
    tracemalloc.start()
    try:
        sound = decode(EndlessTone(20 * 60), "long.wav", lambda rate, channels: FlacWriter(Nowhere(), rate, channels))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sound.duration == 1200
    assert peak < 40_000_000


def test_fault_of_the_stream_itself_passes_through() -> None:
    class Torn(io.BytesIO):
        def read(self, count: int | None = -1) -> bytes:
            data = super().read(count)
            if self.tell() > 8_000:
                raise Damaged("A sealed segment does not verify.")
            return data

    for name in ("a.mp3", "pcm16.wav", "a.m4a"):
        with pytest.raises(Damaged):
            decode(Torn(MADE[name]), name, lambda r, c: FlacWriter(io.BytesIO(), r, c))


@pytest.mark.parametrize("name", sorted(MADE))
def test_damaged_bytes_never_crash_or_hang(name: str) -> None:
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    began, codes = time.monotonic(), set[str]()
    for round_ in range(8):
        data = np.frombuffer(MADE[name], np.uint8).copy()
        if round_ % 4 == 0:
            data = data[: generator.integers(1, len(data))]
        else:
            # Bits over the whole file, or in its header alone, where the lies are.
            reach = len(data) if round_ % 2 else min(len(data), 300)
            places = generator.integers(4, max(reach, 5), 12)
            data[places % len(data)] ^= (1 << generator.integers(0, 8, 12)).astype(np.uint8)
        try:
            sound, _ = taken(data.tobytes(), name, Limits(seconds=1200, decoded_bytes=200_000_000))
        except MediaRejected as refused:
            codes.add(refused.code)
        else:
            assert sound.duration >= 0.2
    assert time.monotonic() - began < 30
    assert codes <= REFUSALS.keys()


def test_random_bytes_are_refused() -> None:
    generator = np.random.default_rng(5)
    for length in (1, 3, 11, 12, 44, 300, 5000):
        for head in (
            b"",
            b"RIFF\x00\x00\x00\x00WAVE",
            b"fLaC",
            b"OggS",
            b"ID3\x03",
            b"\x1aE\xdf\xa3",
            b"\0\0\0\x20ftyp",
        ):
            with pytest.raises(MediaRejected) as refused:
                taken(head + generator.bytes(length), "x.wav")
            assert refused.value.code in REFUSALS


def test_reference_page_lists_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "import.md").read_text(encoding="utf-8")
    for code in REFUSALS:
        assert f"`{code}`" in page, code
