"""Finished calls becoming recordings: exact where nothing was lost, silent of true length where nothing was kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import soundfile

from candor.capture.assembly import assemble
from candor.capture.model import CallEvent, CallFacts, EventKind, PayloadType, Stream
from candor.capture.rtp.codecs import LINEAR
from candor.capture.rtp.packet import RtpPacket
from candor.capture.spool.spool import SpooledCall
from candor.errors import MediaRejected
from candor.kit import clock

BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PCMU, PCMA = PayloadType(number=0, encoding="PCMU"), PayloadType(number=8, encoding="PCMA")
EVENT = PayloadType(number=101, encoding="telephone-event")
L16 = PayloadType(number=96, encoding="L16", clock_rate=16_000)
STRANGE = PayloadType(number=97, encoding="SPEEX", clock_rate=8_000)


def rows(
    stream: int,
    payloads: Sequence[bytes],
    *,
    kind: int,
    start: float = 0.0,
    units: int = 160,
    first: int = 0,
    skip: Sequence[int] = (),
) -> list[np.ndarray]:
    found = []
    for number, payload in enumerate(payloads):
        if number in skip:
            continue
        packet = bytes(RtpPacket(
            payload_type=kind, sequence=first + number, timestamp=(first + number) * units, ssrc=stream + 1,
                payload=payload,
        ))  # fmt: skip
        arrival = clock.to_unix_ns(BEGAN + timedelta(seconds=start + number * 0.02))
        row = arrival.to_bytes(8, "little") + len(packet).to_bytes(2, "little") + bytes((stream, 0)) + packet
        found.append(np.frombuffer(row, np.uint8).reshape(1, -1))
    return found


def call(
    streams: Sequence[tuple[PayloadType, ...]],
    given: Sequence[np.ndarray],
    *events: tuple[float, EventKind],
    ended: float = 2.0,
) -> SpooledCall:
    facts = CallFacts(
        id="c", source="test", protocol="siprec", started_at=BEGAN,
        streams=tuple(Stream(number=n, label=str(n), payload_types=kinds) for n, kinds in enumerate(streams)),
    )  # fmt: skip
    said = [CallEvent(at=BEGAN + timedelta(seconds=at), kind=kind, reason="api") for at, kind in events]
    said.append(CallEvent(at=BEGAN + timedelta(seconds=ended), kind=EventKind.ENDED))
    return SpooledCall(facts, said, list(given), ended=True)


def noise(seed: int, packets: int) -> list[bytes]:
    return [np.random.default_rng((seed, n)).integers(0, 256, 160, dtype=np.uint8).tobytes() for n in range(packets)]


def written(made: object) -> bytes:
    out = io.BytesIO()
    made.write(out)  # type: ignore[attr-defined]
    return out.getvalue()


def test_two_legs_lie_where_they_were_spoken() -> None:
    one, two = noise(1, 50), noise(2, 50)
    made = assemble(call([(PCMU,), (PCMU,)], [*rows(0, one, kind=0), *rows(1, two, kind=0, start=0.5)]))
    sound = np.frombuffer(written(made)[58:], np.uint8).reshape(-1, 2)
    assert (made.mediatype, made.seconds) == ("audio/x-wav", 2.0)
    assert sound[:8000, 0].tobytes() == b"".join(one)
    assert sound[4000:12000, 1].tobytes() == b"".join(two)
    assert (sound[8000:, 0] == 0xFF).all()
    assert (sound[:4000, 1] == 0xFF).all()


def test_the_file_says_what_it_is() -> None:
    made = assemble(call([(PCMA,), (PCMA,)], rows(0, noise(1, 50), kind=8)))
    data = io.BytesIO(written(made))
    with soundfile.SoundFile(data) as file:
        assert (file.subtype, file.channels, file.samplerate, file.frames) == ("ALAW", 2, 8000, 16_000)


def test_both_laws_in_one_call_become_flac_without_loss() -> None:
    one, two = noise(1, 50), noise(2, 50)
    made = assemble(call([(PCMU,), (PCMA,)], [*rows(0, one, kind=0), *rows(1, two, kind=8)]))
    sound, rate = soundfile.read(io.BytesIO(written(made)), dtype="int16")
    assert (rate, made.mediatype) == (8000, "audio/flac")
    assert (sound[:8000, 0] == LINEAR["PCMU"][np.frombuffer(b"".join(one), np.uint8)]).all()
    assert (sound[:8000, 1] == LINEAR["PCMA"][np.frombuffer(b"".join(two), np.uint8)]).all()


def test_wide_and_narrow_streams_side_by_side() -> None:
    t = np.arange(16_000) / 16_000
    wide = (8000 * np.sin(2 * np.pi * 3000 * t)).astype(">i2")
    payloads = [wide[n * 320 : (n + 1) * 320].tobytes() for n in range(50)]
    made = assemble(
        call([(L16,), (PCMU,)], [*rows(0, payloads, kind=96, units=320), *rows(1, [b"\x20" * 160] * 50, kind=0)])
    )
    sound, rate = soundfile.read(io.BytesIO(written(made)), dtype="int16")
    assert rate == 16_000
    assert len(sound) == 32_000
    assert (sound[:16_000, 0] == wide.astype(np.int16)).all()
    assert abs(int(sound[8000, 1])) > 1000


def test_a_pause_is_silence_of_true_length_and_no_loss() -> None:
    given = rows(0, noise(1, 100), kind=0, skip=range(40, 60))
    made = assemble(call([(PCMU,)], given, (0.8, EventKind.PAUSED), (1.2, EventKind.RESUMED)))
    sound = np.frombuffer(written(made)[58:], np.uint8)
    assert (sound[6400:9600] == 0xFF).all()
    assert [(gap.reason, gap.start, gap.stop, gap.by) for gap in made.gaps] == [("paused", 0.8, 1.2, "api")]
    assert not any("lost" in note for note in made.notes)


def test_a_pause_that_never_ended_lasts_to_the_end() -> None:
    made = assemble(call([(PCMU,)], rows(0, noise(1, 40), kind=0), (0.8, EventKind.PAUSED)))
    assert [(gap.start, gap.stop) for gap in made.gaps] == [(0.8, 2.0)]


def test_a_loss_is_concealed_for_sixty_milliseconds_and_told() -> None:
    t = np.arange(16_000) / 8000
    from candor.capture.rtp.codecs import encode_ulaw

    tone = encode_ulaw((8000 * np.sin(2 * np.pi * 200 * t)).astype(np.int16))
    payloads = [tone[n * 160 : (n + 1) * 160].tobytes() for n in range(100)]
    made = assemble(call([(PCMU,)], rows(0, payloads, kind=0, skip=range(50, 60))))
    sound = np.frombuffer(written(made)[58:], np.uint8)
    assert len(set(sound[8000:8160].tolist())) > 5, "nothing was put in"
    assert (sound[8000 + 480 : 9600] == 0xFF).all(), "more than 60 ms were made up"
    assert any("10 packets" in note for note in made.notes)


def test_keys_are_silenced_where_their_events_are_and_where_they_are_heard() -> None:
    from candor.capture.rtp.codecs import encode_ulaw

    t = np.arange(16_000) / 8000
    speech = np.random.default_rng(1).normal(0, 300, 16_000)
    key = 6000 * (np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t))
    speech[4000:5600] += key[4000:5600]
    codes = encode_ulaw(speech.astype(np.int16))
    payloads = [codes[n * 160 : (n + 1) * 160].tobytes() for n in range(100)]
    events = rows(0, [bytes((255, 10, 0, 160))] * 5, kind=101, start=1.5, first=500, units=0)
    made = assemble(call([(PCMU, EVENT)], [*rows(0, payloads, kind=0), *events]))
    sound = np.frombuffer(written(made)[58:], np.uint8)
    assert (sound[4000:5600] == 0xFF).all(), "the tone is heard"
    assert (sound[12_000:12_640] == 0xFF).all(), "the event's time is not silenced"
    assert (sound[:3000] != 0xFF).mean() > 0.5


def test_a_stream_without_sound_is_a_silent_channel_with_a_note() -> None:
    made = assemble(call([(PCMU,), (PCMU,)], rows(0, noise(1, 50), kind=0)))
    sound = np.frombuffer(written(made)[58:], np.uint8).reshape(-1, 2)
    assert (sound[:, 1] == 0xFF).all()
    assert "Channel 2: no sound arrived." in made.notes


def test_a_call_without_any_sound_is_refused_with_advice() -> None:
    with pytest.raises(MediaRejected) as refused:
        assemble(call([(PCMU,), (PCMU,)], []))
    assert refused.value.code == "capture.no_sound"
    assert "CANDOR_RTP_PORTS" in refused.value.advice


def test_what_cannot_be_decoded_is_kept_and_said() -> None:
    made = assemble(call([(STRANGE,), (PCMU,)], [*rows(0, noise(1, 50), kind=97), *rows(1, noise(2, 50), kind=0)]))
    assert made.undecoded == ("SPEEX",)
    assert any("SPEEX" in note for note in made.notes)
    assert len(written(made)) > 1000


def test_a_call_longer_than_a_block_has_no_seam() -> None:
    """31 seconds: two blocks; every byte where it belongs."""
    one = noise(3, 1550)
    made = assemble(call([(PCMU,)], rows(0, one, kind=0), ended=31.0))
    assert written(made)[58:] == b"".join(one)


@pytest.mark.parametrize("law", [0, 8])
def test_packets_of_every_length_and_law_lie_side_by_side_across_a_block(law: int) -> None:
    """Two laws in one stream make it FLAC, one law WAV; what lies across 30 s is in both blocks."""
    random, given, sent, stamp = np.random.default_rng(4), [], [], 0
    for number in range(80):
        kind = (0, law)[number // 7 % 2]
        payload = random.integers(0, 256, (80, 160, 240, 161)[number % 4], dtype=np.uint8)
        packet = bytes(RtpPacket(
            payload_type=kind, sequence=number, timestamp=stamp, ssrc=1, payload=payload.tobytes(),
            csrc=(7,) * (number % 3),
        ))  # fmt: skip
        arrival = clock.to_unix_ns(BEGAN + timedelta(seconds=29.25 + stamp / 8000))
        head = arrival.to_bytes(8, "little") + len(packet).to_bytes(2, "little") + bytes(2)
        given.append(np.frombuffer((head + packet).ljust(300, b"\0"), np.uint8).reshape(1, -1))
        sent.append(LINEAR[("PCMU", "PCMA")[kind == 8]][payload])
        stamp += len(payload)
    made = assemble(call([(PCMU, PCMA)], given, ended=31.0))
    sound, _ = soundfile.read(io.BytesIO(written(made)), dtype="int16")
    assert made.mediatype == ("audio/flac" if law else "audio/x-wav")
    every = np.concatenate(sent)
    assert len(every) > 12_000
    assert (sound[234_000 : 234_000 + len(every)] == every).all()
    assert not sound[:234_000].any()
