"""Every dialect's messages are read as their providers document them; everything else is refused in our own words."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.streams.media_streams import (
    Connected,
    Dialect,
    Ignored,
    KeyPressed,
    Mark,
    Media,
    SenderError,
    Started,
    Stopped,
    Track,
    parse,
    render,
)
from candor.errors import InvalidInput, TooLarge

VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "streams"


def golden(name: str) -> list[str]:
    return (VECTORS / "golden" / f"{name}.jsonl").read_text().splitlines()


def test_twilio() -> None:
    stream = "MZ00112233445566778899aabbccddeeff"
    assert [parse(line) for line in golden("twilio")] == [
        Connected(version="1.0.0"),
        Started(
            dialect=Dialect.TWILIO,
            stream_id=stream,
            call_id="CAffeeddccbbaa99887766554433221100",
            account="AC0123456789abcdef0123456789abcdef",
            tracks=(Track.INBOUND, Track.OUTBOUND),
            encoding="PCMU",
            rate=8000,
            caller="+12125550100",
            parameters={"agent_id": "a17", "queue": "billing", "from": "+12125550100"},
        ),
        Media(stream_id=stream, track=Track.OUTBOUND, sequence=2, chunk=1, timestamp_ms=5, payload=bytes([0, 1, 2, 3])),
        Media(stream_id=stream, track=Track.INBOUND, sequence=3, chunk=1, timestamp_ms=5, payload=bytes([4, 5, 6, 7])),
        KeyPressed(track=Track.INBOUND, digit="7"),
        Mark(),
        Stopped(stream_id=stream),
    ]


def test_telnyx() -> None:
    stream = "5A3B9C10-41D7-4D5B-8F6E-0C2B6F1E7A55"
    assert [parse(line) for line in golden("telnyx")] == [
        Connected(version="1.0.0"),
        Started(
            dialect=Dialect.TELNYX,
            stream_id=stream,
            call_id="v3:c0mq8Zt1l4",
            account="0D7E3F52-93A4-4B77-A0C4-2F1F3E5D6C7B",
            encoding="PCMA",
            rate=8000,
            group="6f0f4a3e-1c1b-11f0-9a55-02420a0a0a0a",
            caller="+12125550100",
            callee="+12125550199",
            parameters={"agent_id": "a17"},
        ),
        Media(stream_id=stream, track=Track.INBOUND, sequence=3, chunk=2, timestamp_ms=20, payload=bytes([4, 5, 6, 7])),
        Media(stream_id=stream, track=Track.INBOUND, sequence=2, chunk=1, timestamp_ms=0, payload=bytes([0, 1, 2, 3])),
        KeyPressed(track=Track.INBOUND, digit="#"),
        SenderError(code="100003", title="malformed_frame"),
        Mark(),
        Stopped(stream_id=stream),
    ]


def test_signalwire() -> None:
    stream = "b9f6f1a2-6a8e-4f0c-93c2-5f7f4f0f9d11"
    assert [parse(line) for line in golden("signalwire")] == [
        Connected(version="0.2.0"),
        Started(
            dialect=Dialect.SIGNALWIRE,
            stream_id=stream,
            call_id="c2d3e4f5-a6b7-4c8d-9e0f-1a2b3c4d5e6f",
            account="7b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
            tracks=(Track.INBOUND,),
            encoding="PCMU",
            rate=8000,
            parameters={"token": "not-kept", "language": "en-GB"},
        ),
        Media(stream_id=stream, track=Track.INBOUND, sequence=2, chunk=1, timestamp_ms=20, payload=bytes([0, 1, 2, 3])),
        Stopped(stream_id=stream),
    ]


def test_plivo() -> None:
    stream = "9c8b7a65-4f3e-4d2c-b1a0-112233445566"
    assert [parse(line) for line in golden("plivo")] == [
        Started(
            dialect=Dialect.PLIVO,
            stream_id=stream,
            call_id="3f2a8c1e-7d65-4b90-a1c2-0e9f8d7c6b5a",
            account="MA0000000000000000AA",
            tracks=(Track.INBOUND, Track.OUTBOUND),
            encoding="L16",
            rate=16000,
            parameters={"agent_id": "a17", "queue": "billing"},
        ),
        Media(
            stream_id=stream,
            track=Track.INBOUND,
            sequence=1,
            chunk=1,
            timestamp_ms=1772442000020,
            payload=bytes([0, 1, 1, 1, 2, 1]),
        ),
        KeyPressed(track=Track.INBOUND, digit="*"),
        Mark(),
        Stopped(stream_id=stream),
    ]


@pytest.mark.parametrize(
    ("media_format", "encoding", "rate"),
    [
        ({"encoding": "PCMU", "sample_rate": 8000}, "PCMU", 8000),
        ({"encoding": "G722", "sample_rate": 8000}, "G722", 16000),
        ({"encoding": "OPUS", "sample_rate": 8000}, "opus", 48000),
        ({"encoding": "L16", "sample_rate": 16000, "channels": 1}, "L16", 16000),
        ({"encoding": "AMR-WB"}, "AMR-WB", 16000),
        ({"encoding": "audio/x-mulaw;rate=8000"}, "PCMU", 8000),
        ({"contentType": "audio/x-l16; rate=16000"}, "L16", 16000),
        (None, "PCMU", 8000),
    ],
)
def test_formats(media_format: dict[str, object] | None, encoding: str, rate: int) -> None:
    start = {"call_control_id": "c", **({} if media_format is None else {"media_format": media_format})}
    started = parse(json.dumps({"event": "start", "stream_id": "s", "start": start}))
    assert isinstance(started, Started)
    assert (started.encoding, started.rate) == (encoding, rate)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("a=1;b=2", {"a": "1", "b": "2"}),
        ("a=1,b=x=y", {"a": "1", "b": "x=y"}),
        ('{"a":"1","b":2}', {"a": "1"}),
        ("{not json", {}),
        ({"a": "1", "b": [2]}, {"a": "1"}),
        ("x" * 3_000, {}),
        (7, {}),
        ("", {}),
        ("=1", {}),
    ],
)
def test_extra_headers_of_plivo(headers: object, expected: dict[str, str]) -> None:
    started = parse(json.dumps({"event": "start", "start": {"callId": "c", "streamId": "s"}, "extra_headers": headers}))
    assert isinstance(started, Started)
    assert started.parameters == expected


def test_nothing_private_is_in_a_values_text() -> None:
    shown = repr([parse(line) for name in ("twilio", "telnyx", "signalwire", "plivo") for line in golden(name)])
    for private in ("+1212555", "not-kept", "billing", "\\x0", "'7'", "'#'", "digit"):
        assert private not in shown


def test_an_event_of_the_future_is_ignored() -> None:
    assert parse('{"event":"transcript","text":"hello"}') == Ignored()


@pytest.mark.parametrize("track", [None, "", "inbound", "inbound_track"])
def test_inbound_is_what_is_not_named(track: str | None) -> None:
    media = parse(json.dumps({"event": "media", "media": {"payload": "AA==", "track": track}}))
    assert isinstance(media, Media)
    assert media.track is Track.INBOUND


@pytest.mark.parametrize("path", sorted((VECTORS / "broken").glob("*.json")), ids=lambda path: path.stem)
def test_broken_messages_are_refused_without_being_quoted(path: Path) -> None:
    text = path.read_text()
    began = time.process_time()
    with pytest.raises((InvalidInput, TooLarge)) as caught:
        parse(text)
    assert time.process_time() - began < 0.5
    assert len(str(caught.value)) < 200
    assert "sideways" not in str(caught.value)


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    with pytest.raises(InvalidInput):
        parse(b'{"event":"media\xff"}')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    [
        *("streamSid", "stream_id", "streamId", "callSid", "call_control_id", "callId", "accountSid", "tracks"),
        *("mediaFormat", "media_format", "encoding", "sampleRate", "customParameters", "track", "chunk"),
        *("timestamp", "payload", "digit", "code", "title", "extra_headers"),
    ]
)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "error"]),
    st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=5), max_size=6),
    st.dictionaries(NAMES | st.sampled_from(["start", "media", "dtmf", "payload"]), JSON, max_size=4),
)
def test_no_message_raises_anything_but_our_errors(event: str, inner: dict, outer: dict) -> None:
    message = {**outer, "event": event, event: inner}
    with contextlib.suppress(InvalidInput, TooLarge):
        assert parse(render(message)) is not None


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_mutations_of_real_messages_raise_nothing_but_our_errors(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["twilio", "telnyx", "signalwire", "plivo"]))
    line = data.draw(st.sampled_from(golden(name))).encode()
    at = data.draw(st.integers(0, len(line)))
    cut = data.draw(st.integers(0, 8))
    with contextlib.suppress(InvalidInput, TooLarge):
        parse(line[:at] + data.draw(st.binary(max_size=8)) + line[at + cut :])


@settings(deadline=None, max_examples=100)
@given(st.text() | st.binary())
def test_noise_raises_nothing_but_our_errors(noise: str | bytes) -> None:
    with contextlib.suppress(InvalidInput, TooLarge):
        parse(noise)
