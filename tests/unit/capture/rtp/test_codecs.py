"""Decoders: what real encoders made, cut into RTP payloads, against what the ffmpeg program decodes of the same."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.rtp import amr
from candor.capture.rtp.codecs import (
    LINEAR,
    Decoder,
    encode_alaw,
    encode_ulaw,
    format_parameters,
    make_decoder,
    samples_per_packet,
    silence,
)
from tests.unit.capture.rtp.media import Sound, aligned, encoded, ffmpeg, snr, sweep

EVERY = np.arange(-32768, 32768).astype(np.int16)
ENCODERS = {"PCMU": encode_ulaw, "PCMA": encode_alaw}
DECODABLE = [
    ("PCMU", 8000, 1, ""),
    ("PCMA", 8000, 1, ""),
    ("G722", 8000, 1, ""),
    ("opus", 48000, 2, ""),
    ("opus", 48000, 2, "sprop-stereo=1; useinbandfec=1"),
    ("L16", 44100, 2, ""),
    ("G729", 8000, 1, "annexb=no"),
    ("GSM", 8000, 1, ""),
    ("iLBC", 8000, 1, "mode=20"),
    ("iLBC", 8000, 1, ""),
    ("AMR", 8000, 1, ""),
    ("AMR", 8000, 1, "octet-align=1"),
    ("AMR", 8000, 1, "octet-align=1; crc=1"),
    ("AMR-WB", 16000, 1, "octet-align=1"),
    ("AMR-WB", 16000, 1, ""),
]


def decoder(encoding: str, clock_rate: int = 8000, channels: int = 1, fmtp: str = "") -> Decoder:
    found = make_decoder(encoding, clock_rate, channels, fmtp)
    assert found is not None
    return found


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def samples_of(data: bytes) -> Sound:
    return np.frombuffer(data, "<i2")


# ---- G.711 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LINEAR)
def test_every_code_comes_back_as_itself(law: str) -> None:
    codes = np.arange(256, dtype=np.uint8)
    expected = codes.copy()
    if law == "PCMU":
        expected[0x7F] = 0xFF  # mu-law has two zeros; the sign of zero is lost in linear samples
    assert (ENCODERS[law](LINEAR[law][codes]) == expected).all()


@pytest.mark.parametrize(("law", "name"), [("PCMU", "mulaw"), ("PCMA", "alaw")])
def test_every_code_decodes_as_ffmpeg_has_it(law: str, name: str) -> None:
    raw = ffmpeg(["-f", name, "-ar", "8000", "-ac", "1", "-i", "pipe:", "-f", "s16le", "pipe:"], bytes(range(256)))
    assert (LINEAR[law] == samples_of(raw)).all()


def decisions(law: str) -> list[int]:
    """The positive decision values of ITU-T G.711 tables 1a and 2a, in units of 16-bit samples."""
    if law == "PCMA":
        ends, unit, found = (0, 64, 128, 256, 512, 1024, 2048, 4096), 8, []
        steps = (32, 16, 16, 16, 16, 16, 16)
    else:
        ends, unit, found = (31, 95, 223, 479, 991, 2015, 4063, 8159), 4, [0, *range(4, 31 * 4, 8)]
        steps = (16,) * 7
    for (low, high), count in zip(pairwise(ends), steps, strict=True):
        found += [unit * (low + (high - low) * step // count) for step in range(count)]
    assert len(found) == 128
    return found


@pytest.mark.parametrize("law", LINEAR)
def test_every_sample_gets_the_code_that_the_decision_values_give_it(law: str) -> None:
    levels = np.sort(LINEAR[law][LINEAR[law] >= 0].astype(int))[-128:]
    positive = EVERY[32_768:].astype(int)
    expected = levels[np.digitize(positive, decisions(law)) - 1]
    assert (LINEAR[law][ENCODERS[law](positive.astype(np.int16))] == expected).all()


@pytest.mark.parametrize(("law", "sign"), [("PCMU", 0x80), ("PCMA", 0x80)])
def test_a_sample_and_its_complement_differ_in_the_sign_alone(law: str, sign: int) -> None:
    assert (ENCODERS[law](EVERY) ^ ENCODERS[law](~EVERY) == sign).all()


@pytest.mark.parametrize(
    ("law", "milliwatt", "largest", "below"),
    [("PCMU", "1e0b0b1e9e8b8b9e", 4 * 8159, -3.17), ("PCMA", "34212134b4a1a1b4", 8 * 4096, -3.14)],
)
def test_the_digital_milliwatt_is_a_sine_of_1_khz(law: str, milliwatt: str, largest: int, below: float) -> None:
    """ITU-T G.711 tables 5 and 6: 0 dBm0, so many decibels below the largest sine."""
    codes = np.tile(np.frombuffer(bytes.fromhex(milliwatt), np.uint8), 1000)
    (sound,) = decoder(law).decode([codes.tobytes()])
    spectrum = np.abs(np.fft.rfft(sound.astype(float)))
    assert np.argmax(spectrum) == 1000
    assert spectrum[1000] ** 2 / (spectrum**2).sum() > 0.99
    level = 20 * np.log10(np.sqrt((sound.astype(float) ** 2).mean()) * np.sqrt(2) / largest)
    assert level == pytest.approx(below, abs=0.01)
    assert (ENCODERS[law](sound) == codes).all()


def test_silence_is_the_code_of_zero() -> None:
    for law, encode in ENCODERS.items():
        assert silence(law.lower()) == int(encode(np.zeros(1, np.int16))[0])


def test_encoding_keeps_the_shape() -> None:
    sound = sweep(0.1, 8000, 2)
    assert encode_ulaw(sound).shape == sound.shape
    assert (encode_alaw(sound[::2, 0]) == encode_alaw(sound[::2, 0].copy())).all()
    assert snr(sound, LINEAR["PCMA"][encode_alaw(sound)]) > 35


# ---- codings of one sample after the other ---------------------------------------------------------------------------


@pytest.mark.parametrize("law", LINEAR)
def test_g711_payloads_of_any_length_become_as_many_samples(law: str) -> None:
    sound = sweep(0.5, 8000)
    codes = ENCODERS[law](sound).tobytes()
    payloads = [codes[:160], b"", codes[160:161], codes[161:500], codes[500:]]
    made = decoder(law).decode(payloads)
    assert [len(one) for one in made] == [len(payload) for payload in payloads]
    assert (np.concatenate(made) == LINEAR[law][np.frombuffer(codes, np.uint8)]).all()


def test_l16_has_its_bytes_the_network_way_and_its_channels_interleaved() -> None:
    stereo = sweep(0.2, 44100, 2)
    payloads = cut(stereo.astype(">i2").tobytes(), 4 * 441)
    made = decoder("L16", 44100, 2).decode([*payloads, payloads[0][:-1]])
    assert [one.shape for one in made[:-1]] == [(441, 2)] * len(payloads)
    assert (np.concatenate(made[:-1]) == stereo).all()
    assert made[-1].shape == (440, 2)
    assert decoder("L16", 16000).decode([b"\x01\x02\xff\xfe"])[0].tolist() == [0x0102, -2]


# ---- codings with memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_g722_comes_out_at_16_khz_as_ffmpeg_decodes_it(batch: int) -> None:
    sound = sweep(3.0, 16_000)
    data = b"".join(encoded("g722", sound, 16_000))
    expected = samples_of(ffmpeg(["-f", "g722", "-i", "pipe:", "-f", "s16le", "-ac", "1", "pipe:"], data))
    ours = decoder("G722")
    payloads = cut(data, 160)
    made = [one for start in range(0, len(payloads), batch) for one in ours.decode(payloads[start : start + batch])]
    assert ours.rate == 16_000
    assert {len(one) for one in made[:-1]} == {320}
    assert (np.concatenate(made) == expected).all()
    assert aligned(sound, np.concatenate(made), 60) > 0.98


@pytest.mark.parametrize("batch", [1, 10_000])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.shared
def test_gsm_comes_out_as_ffmpeg_decodes_it(shared: Path, frames: int, batch: int) -> None:
    for path in sorted((shared / "audio_prompts_asterisk/dev/audio").glob("*.gsm"))[:5]:
        data = path.read_bytes()
        data = data[: len(data) // 33 * 33]
        expected = samples_of(ffmpeg(["-f", "gsm", "-i", "pipe:", "-f", "s16le", "pipe:"], data))
        ours, payloads = decoder("GSM"), cut(data, 33 * frames)
        made = [one for start in range(0, len(payloads), batch) for one in ours.decode(payloads[start : start + batch])]
        assert (np.concatenate(made) == expected).all()
        assert len(made[0]) == 160 * frames


def test_gsm_of_another_maker_s_encoder_is_the_sound_that_went_in() -> None:
    sound = sweep(2.0, 8000)
    command = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:", "-c:a", "libgsm", "-f", "gsm", "pipe:"]
    data = ffmpeg(command, sound.tobytes())
    made = np.concatenate(decoder("GSM").decode(cut(data, 33)))
    assert aligned(sound, made, 20) > 0.9


@pytest.mark.parametrize(("channels", "fmtp"), [(1, ""), (2, "sprop-stereo=1"), (2, "minptime=10;sprop-stereo = 1")])
@pytest.mark.parametrize("milliseconds", [10, 20, 60])
def test_opus_comes_out_at_48_khz_as_ffmpeg_decodes_it(channels: int, fmtp: str, milliseconds: int) -> None:
    sound = sweep(2.0, 48_000, channels)
    packets = encoded("libopus", sound, 48_000, frame_duration=milliseconds, bit_rate=48_000 * channels)
    assert {samples_per_packet("opus", packet, 48_000, 2) for packet in packets} == {48 * milliseconds}
    ours = decoder("opus", 48_000, 2, fmtp)
    made = ours.decode(packets)
    assert (ours.rate, ours.channels) == (48_000, channels)
    assert {one.shape for one in made} == {(48 * milliseconds,) if channels == 1 else (48 * milliseconds, 2)}
    skipped, data = ogg(sound, channels, milliseconds)
    raw = ffmpeg(["-c:a", "libopus", "-i", "pipe:", "-f", "s16le", "-ac", str(channels), "pipe:"], data)
    expected, whole = samples_of(raw).reshape(-1, channels), np.concatenate(made).reshape(-1, channels)[skipped:]
    length = min(len(expected), len(whole))
    assert length > 90_000
    assert snr(expected[:length], whole[:length]) > 50  # another release of the library may round otherwise
    for channel in range(channels):
        assert snr(sound.reshape(-1, channels)[: length - 2000, channel], whole[: length - 2000, channel]) > 5


def ogg(sound: Sound, channels: int, milliseconds: int) -> tuple[int, bytes]:
    """The same sound by the same encoder as a file, and the samples that its players skip."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=48_000, layout="stereo" if channels == 2 else "mono")
        stream.codec_context.options = {"frame_duration": str(milliseconds)}
        stream.bit_rate = 48_000 * channels
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout=stream.layout.name)
        frame.sample_rate = 48_000
        for part in (frame, None):
            container.mux(stream.encode(part))
        skipped = int.from_bytes(bytes(stream.codec_context.extradata)[10:12], "little")
    return skipped, sink.getvalue()


def test_opus_stereo_is_mixed_when_nobody_said_that_it_would_come() -> None:
    packets = encoded("libopus", sweep(0.5, 48_000, 2), 48_000)
    made = decoder("opus", 48_000, 2).decode(packets)
    assert {one.shape for one in made} == {(960,)}
    assert np.abs(np.concatenate(made).astype(int)).max() > 2000


def test_opus_pauses_are_silence_and_nothing_at_all_is_nothing() -> None:
    packets = encoded("libopus", sweep(0.5, 48_000), 48_000)
    ours = decoder("opus", 48_000, 2)
    made = ours.decode([*packets, packets[-1][:1], b"", *packets])
    assert len(made[len(packets)]) == samples_per_packet("opus", packets[-1][:1], 48_000) == 960
    assert len(made[len(packets) + 1]) == 0
    assert len(np.concatenate(made[len(packets) + 2 :])) == 960 * len(packets)


def test_a_damaged_payload_is_empty_and_the_next_is_decoded() -> None:
    packets = encoded("libopus", sweep(0.5, 48_000), 48_000)
    made = decoder("opus", 48_000, 2).decode([packets[0], b"\xff\xff\xff", packets[1]])
    assert [len(one) for one in made] == [960, 0, 960]
    made = decoder("GSM").decode([b"\xd0" + bytes(32), bytes(7), b"\xd0" + bytes(32)])
    assert [len(one) for one in made] == [160, 0, 160]
    made = decoder("G729").decode([bytes(20), bytes(3), bytes(12), bytes(2)])
    assert [len(one) for one in made] == [160, 0, 160, 80]


def test_g729_comes_out_as_ffmpeg_decodes_it() -> None:
    """There is no free encoder at hand: any bits are speech to this decoder, and both must make the same of them."""
    data = np.random.default_rng(4).bytes(10 * 300)
    expected = samples_of(ffmpeg(["-f", "g729", "-i", "pipe:", "-f", "s16le", "pipe:"], data))
    made = decoder("G729").decode(cut(data, 20))
    assert {len(one) for one in made} == {160}
    assert snr(expected, np.concatenate(made)) > 40


def test_a_pause_in_g729_is_silence_of_its_length() -> None:
    data = np.random.default_rng(4).bytes(20)
    (made,) = decoder("G729", fmtp="annexb=yes").decode([data + b"\x12\x34"])
    assert len(made) == 240
    assert made[:160].any()
    assert not made[160:].any()


@pytest.mark.parametrize(("mode", "size", "length", "form"), [("20", 38, 160, "iLBC20"), ("30", 50, 240, "iLBC30")])
def test_ilbc_comes_out_as_ffmpeg_decodes_it(mode: str, size: int, length: int, form: str) -> None:
    data = np.random.default_rng(6).bytes(size * 100)
    expected = samples_of(ffmpeg(["-f", "ilbc", "-i", "pipe:", "-f", "s16le", "pipe:"], f"#!{form}\n".encode() + data))
    made = decoder("iLBC", fmtp=f"mode={mode}").decode(cut(data, size))
    assert {len(one) for one in made} == {length}
    assert snr(expected, np.concatenate(made)) > 40


# ---- AMR -------------------------------------------------------------------------------------------------------------


def packed(form: amr.Form, packing: amr.Packing, frames: list[bytes]) -> bytes:
    """The other way round than ``amr.unpack``, written with strings of bits."""
    table = [f"{int(number < len(frames) - 1)}{frame[0] >> 3:04b}1" for number, frame in enumerate(frames)]
    bodies = []
    for frame in frames:
        kind = frame[0] >> 3
        size = 0 if kind in form.empty else form.bits[kind]
        body = "".join(f"{byte:08b}" for byte in frame[1:])[:size]
        bodies.append(body.ljust(-(-size // 8) * 8, "0") if packing.octet_aligned else body)
    if packing.octet_aligned:
        crc = "".join("10101010" for frame in frames if frame[0] >> 3 not in form.empty) if packing.checksums else ""
        bits = "11110000" + "".join(entry + "00" for entry in table) + crc + "".join(bodies)
    else:
        bits = "1111" + "".join(table) + "".join(bodies)
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


@st.composite
def amr_frames(draw: st.DrawFn) -> tuple[amr.Form, list[bytes]]:
    form = draw(st.sampled_from([amr.NARROW, amr.WIDE]))
    frames = []
    for kind in draw(st.lists(st.sampled_from([*range(len(form.bits)), 15]), min_size=1, max_size=12)):
        size = 0 if kind == 15 else form.bits[kind]
        octets = -(-size // 8)
        body = draw(st.integers(0, (1 << size) - 1)) << 8 * octets - size
        frames.append(bytes([kind << 3 | 4]) + body.to_bytes(octets, "big"))
    return form, frames


PACKINGS = [
    amr.Packing(),
    amr.Packing(octet_aligned=True),
    amr.Packing(octet_aligned=True, checksums=True),
]


@settings(deadline=None, max_examples=150)
@given(amr_frames(), st.sampled_from(PACKINGS))
def test_amr_frames_come_out_of_their_payload(made: tuple[amr.Form, list[bytes]], packing: amr.Packing) -> None:
    form, frames = made
    payload = packed(form, packing, frames)
    assert amr.unpack(form, packing, payload) == frames
    for length in range(len(payload)):
        assert amr.unpack(form, packing, payload[:length]) == []


@settings(deadline=None, max_examples=200)
@given(st.sampled_from([amr.NARROW, amr.WIDE]), st.sampled_from(PACKINGS), st.binary(max_size=2000))
def test_no_bytes_make_more_than_a_second_of_amr(form: amr.Form, packing: amr.Packing, noise: bytes) -> None:
    assert len(amr.unpack(form, packing, noise)) <= 64
    assert amr.unpack(form, packing, b"\xff" * len(noise)) == []


def test_a_frame_marked_as_damaged_is_left_to_the_decoder_to_fill() -> None:
    payload = bytes([0xF0, 7 << 3]) + bytes(31)  # octet-aligned, 12.2 kbit/s, quality bit 0
    assert amr.unpack(amr.NARROW, amr.Packing(octet_aligned=True), payload) == [b"\x7c"]


@pytest.mark.parametrize("fmtp", ["", "octet-align=1", "octet-align=1;crc=1"])
@pytest.mark.parametrize("together", [1, 3])
def test_amr_comes_out_as_another_decoder_has_it(fmtp: str, together: int) -> None:
    sound = (8000 * np.sin(2 * np.pi * 300 * np.arange(24_000) / 8000)).astype(np.int16) + sweep(3.0, 8000) // 8
    frames = encoded("libopencore_amrnb", sound, 8000, bit_rate=12_200)
    packing = amr.packing(format_parameters(fmtp))
    assert packing is not None
    payloads = [packed(amr.NARROW, packing, frames[at : at + together]) for at in range(0, len(frames), together)]
    made = decoder("AMR", fmtp=fmtp).decode(payloads)
    assert {len(one) for one in made} == {160 * together}
    assert {samples_per_packet("AMR", one, 8000, 1, fmtp) for one in payloads} == {160 * together}
    expected = samples_of(ffmpeg(["-f", "amr", "-i", "pipe:", "-f", "s16le", "pipe:"], b"#!AMR\n" + b"".join(frames)))
    assert aligned(expected, np.concatenate(made), 0) > 0.95  # another maker's decoder, in floating point
    assert aligned(sound, np.concatenate(made), 400) > 0.9


def test_amr_wideband_comes_out_as_another_decoder_has_it() -> None:
    """Speech bits at random: there is no free encoder at hand."""
    random = np.random.default_rng(8)
    frames = []
    for kind in random.integers(0, 9, 200).tolist():
        size = amr.WIDE.bits[kind]
        octets = -(-size // 8)
        body = int.from_bytes(random.bytes(octets), "big") >> 8 * octets - size << 8 * octets - size
        frames.append(bytes([kind << 3 | 4]) + body.to_bytes(octets, "big"))
    made = np.concatenate(decoder("AMR-WB", 16_000).decode([packed(amr.WIDE, PACKINGS[0], [one]) for one in frames]))
    data = b"#!AMR-WB\n" + b"".join(frames)
    expected = samples_of(ffmpeg(["-f", "amr", "-i", "pipe:", "-f", "s16le", "pipe:"], data))
    assert len(made) == len(expected) == 320 * 200
    assert aligned(expected, made, 0) > 0.9


def test_silence_between_words_is_amr_too() -> None:
    sid, nothing = bytes([8 << 3 | 4]) + bytes(5), bytes([15 << 3 | 4])
    payloads = [packed(amr.NARROW, PACKINGS[0], [one]) for one in (sid, nothing, nothing)]
    assert [len(one) for one in decoder("AMR").decode(payloads)] == [160, 160, 160]
    sid = bytes([9 << 3 | 4]) + bytes(5)
    payloads = [packed(amr.WIDE, PACKINGS[1], [one]) for one in (sid, nothing, nothing)]
    assert [len(one) for one in decoder("AMR-WB", 16_000, 1, "octet-align=1").decode(payloads)] == [320, 320, 320]


# ---- lengths, refusals, noise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "payload", "clock_rate", "channels", "fmtp", "units"),
    [
        ("pcmu", bytes(160), 8000, 1, "", 160),
        ("PCMA", bytes(240), 8000, 1, "", 240),
        ("PCMA", bytes(320), 8000, 2, "", 160),
        ("G722", bytes(160), 8000, 1, "", 160),
        ("L16", bytes(1764), 44100, 2, "", 441),
        ("G729", bytes(20), 8000, 1, "", 160),
        ("G729", bytes(12), 8000, 1, "", 160),
        ("G729", bytes(2), 8000, 1, "", 80),
        ("G729", bytes(7), 8000, 1, "", 0),
        ("GSM", bytes(66), 8000, 1, "", 320),
        ("iLBC", bytes(38), 8000, 1, "", 160),
        ("iLBC", bytes(50), 8000, 1, "mode=30", 240),
        ("iLBC", bytes(50), 8000, 1, "mode=20", 0),
        ("opus", b"", 48000, 2, "", 0),
        ("opus", b"\x00", 48000, 2, "", 480),
        ("opus", b"\x18", 48000, 2, "", 2880),
        ("opus", b"\x60", 48000, 2, "", 480),
        ("opus", b"\x80", 48000, 2, "", 120),
        ("opus", b"\xf9", 48000, 2, "", 1920),
        ("opus", b"\xfb\x06", 48000, 2, "", 5760),
        ("opus", b"\xfb\x07", 48000, 2, "", 0),
        ("opus", b"\xfb", 48000, 2, "", 0),
        ("AMR", b"\xf0", 8000, 1, "", 0),
        ("AMR", b"\xf7\xc0", 8000, 1, "", 160),
        ("AMR-WB", b"\xf0\xfc\x7c", 16000, 1, "octet-align=1", 640),
        ("telephone-event", bytes(4), 8000, 1, "", None),
        ("CN", bytes(1), 8000, 1, "", None),
        ("EVRC", bytes(22), 8000, 1, "", None),
        ("AMR", bytes(22), 8000, 1, "interleaving=10", None),
    ],
)
def test_how_long_a_payload_lasts(
    encoding: str, payload: bytes, clock_rate: int, channels: int, fmtp: str, units: int | None
) -> None:
    assert samples_per_packet(encoding, payload, clock_rate, channels, fmtp) == units


@pytest.mark.parametrize(
    ("encoding", "clock_rate", "channels", "fmtp"),
    [
        ("telephone-event", 8000, 1, "0-15"),
        ("CN", 8000, 1, ""),
        ("", 8000, 1, ""),
        ("EVRC", 8000, 1, ""),
        ("libx264", 8000, 1, ""),
        ("PCMU", 0, 1, ""),
        ("PCMU", 8000, 0, ""),
        ("G729", 8000, 2, ""),
        ("iLBC", 8000, 1, "mode=25"),
        ("AMR", 8000, 1, "robust-sorting=1"),
        ("AMR", 8000, 1, "octet-align=1; interleaving=4"),
    ],
)
def test_what_nothing_here_decodes(encoding: str, clock_rate: int, channels: int, fmtp: str) -> None:
    assert make_decoder(encoding, clock_rate, channels, fmtp) is None


@pytest.mark.parametrize(("encoding", "clock_rate", "channels", "fmtp"), DECODABLE)
def test_noise_never_raises_and_never_makes_too_much(encoding: str, clock_rate: int, channels: int, fmtp: str) -> None:
    random = np.random.default_rng(9)
    ours = decoder(encoding, clock_rate, channels, fmtp)
    payloads = [random.bytes(int(size)) for size in random.integers(0, 400, 300)]
    payloads += [b"", b"\0", b"\xff" * 1400, bytes(1400)]
    made = ours.decode(payloads)
    assert len(made) == len(payloads)
    for sound, payload in zip(made, payloads, strict=True):
        assert sound.dtype == np.int16
        assert sound.ndim == (1 if ours.channels == 1 else 2)
        assert len(sound) <= 1.5 * ours.rate
        units = samples_per_packet(encoding, payload, clock_rate, channels, fmtp)
        assert units is not None
        assert len(sound) in {0, round(units * ours.rate / clock_rate)}


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(sorted({one[0] for one in DECODABLE})) | st.text(max_size=20),
    st.integers(-5, 200_000),
    st.integers(-1, 9),
    st.sampled_from(sorted({one[3] for one in DECODABLE})) | st.text(max_size=60),
)
def test_no_description_raises(encoding: str, clock_rate: int, channels: int, fmtp: str) -> None:
    made = make_decoder(encoding, clock_rate, channels, fmtp)
    assert made is None or made.decode([]) == []
    units = samples_per_packet(encoding, b"abc", max(clock_rate, 1), channels, fmtp)
    assert units is None or 0 <= units <= max(5760, clock_rate)


def test_format_parameters_are_read_however_they_are_spaced() -> None:
    assert format_parameters(" Octet-Align=1 ;crc = 1;; annexb ; mode-set=0,2,7;=3") == {
        "octet-align": "1",
        "crc": "1",
        "annexb": "",
        "mode-set": "0,2,7",
    }
