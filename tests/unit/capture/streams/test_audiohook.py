"""The AudioHook machine: the protocol as documented, sound by channel, gaps of true length, and no way to break it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.streams.audiohook import AudioHookSession, State
from candor.capture.streams.audiohook_messages import (
    PROBE,
    Action,
    Broken,
    Channel,
    Closed,
    Discarded,
    KeyPressed,
    LanguageChanged,
    Media,
    OpenAsked,
    Paused,
    Resumed,
    Send,
    SenderFailed,
    Sound,
    choose,
    parse_duration,
    render_duration,
)
from candor.errors import InvalidInput

GOLDEN = (
    Path(__file__)
    .resolve()
    .parents[3]
    .joinpath("vectors", "streams", "golden", "audiohook.jsonl")
    .read_text()
    .splitlines()
)
OPEN = json.loads(GOLDEN[0])


def text(kind: str, number: int, parameters: dict[str, Any] | None = None, **envelope: Any) -> str:
    return json.dumps(
        {
            "version": "2",
            "id": OPEN["id"],
            "type": kind,
            "seq": number,
            "serverseq": 0,
            "position": "PT0S",
            "parameters": parameters or {},
            **envelope,
        }
    )


def opening(**changes: Any) -> str:
    return json.dumps({**OPEN, "parameters": {**OPEN["parameters"], **changes}})


def opened(offer: dict[str, Any] | None = None, **session: Any) -> AudioHookSession:
    made = AudioHookSession(**session)
    asked = made.receive_text(opening(**({} if offer is None else {"media": [offer]})))
    assert isinstance(asked[0], OpenAsked), asked
    made.accept()
    return made


def sent(actions: list[Action]) -> list[dict[str, Any]]:
    return [json.loads(action.text) for action in actions if isinstance(action, Send)]


def broken(actions: list[Action]) -> str:
    """The reason of a disconnect with ``error``, which is all that there may be."""
    (message,) = sent(actions)
    assert message["type"] == "disconnect"
    assert message["parameters"]["reason"] == "error"
    assert isinstance(actions[-1], Broken)
    return actions[-1].why


def test_a_whole_conversation() -> None:
    session = AudioHookSession()
    (asked,) = session.receive_text(GOLDEN[0])
    assert isinstance(asked, OpenAsked)
    told = asked.opening
    assert (told.conversation_id, told.ani, told.dnis) == (
        "a0b1c2d3-e4f5-4607-8899-aabbccddeeff",
        "+12125550100",
        "+12125550199",
    )
    assert told.parameters == {"agent_id": "a17", "queue": "billing"}
    assert not told.probe
    (answer,) = sent(session.accept())
    assert answer == {
        "version": "2",
        "type": "opened",
        "seq": 1,
        "clientseq": 1,
        "id": OPEN["id"],
        "parameters": {
            "media": [{"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}],
            "startPaused": False,
        },
    }
    rest = [session.receive_text(line) for line in GOLDEN[1:]]
    assert [[message["type"] for message in sent(actions)] for actions in rest] == [
        ["pong"],
        ["pong"],
        ["updated"],
        [],
        [],
        [],
        [],
        [],
        ["closed"],
    ]
    assert [action for actions in rest for action in actions if not isinstance(action, Send)] == [
        LanguageChanged(language="es-US"),
        KeyPressed(digit="5"),
        Discarded(start=9_600, discarded=6_400),
        Paused(),
        Resumed(start=16_000, discarded=84_000),
        SenderFailed(code=429),
        Closed(reason="end"),
    ]
    assert session.state is State.CLOSED
    assert sent(rest[-1])[0]["seq"] == 5
    assert sent(rest[-1])[0]["clientseq"] == 10


def test_both_channels_are_told_apart() -> None:
    session = opened()
    external, internal = bytes(range(160)), bytes(range(50, 210))
    interleaved = bytes(byte for pair in zip(external, internal, strict=True) for byte in pair)
    assert session.receive_binary(interleaved) == [
        Sound(channel=Channel.EXTERNAL, sequence=0, timestamp=0, payload=external),
        Sound(channel=Channel.INTERNAL, sequence=0, timestamp=0, payload=internal),
    ]
    assert session.position == 160


def test_channels_go_by_their_names_not_by_their_order() -> None:
    session = opened({"type": "audio", "format": "PCMU", "channels": ["internal", "external"], "rate": 8000})
    first, second = session.receive_binary(b"\x01\x02" * 8)
    assert isinstance(first, Sound)
    assert isinstance(second, Sound)
    assert (first.channel, first.payload) == (Channel.INTERNAL, b"\x01" * 8)
    assert (second.channel, second.payload) == (Channel.EXTERNAL, b"\x02" * 8)


def test_l16_becomes_network_order() -> None:
    session = opened({"type": "audio", "format": "L16", "channels": ["external", "internal"], "rate": 8000})
    samples = np.array([[1, -2], [300, -400]], "<i2")
    external, internal = session.receive_binary(samples.tobytes())
    assert isinstance(external, Sound)
    assert isinstance(internal, Sound)
    assert np.frombuffer(external.payload, ">i2").tolist() == [1, 300]
    assert np.frombuffer(internal.payload, ">i2").tolist() == [-2, -400]
    assert session.position == 2


def test_long_frames_come_in_pieces_of_20_ms() -> None:
    session = opened()
    pieces = session.receive_binary(b"\x01\x02" * 400)
    assert [
        (one.channel.value, one.sequence, one.timestamp, len(one.payload)) for one in pieces if isinstance(one, Sound)
    ] == [
        ("external", 0, 0, 160),
        ("internal", 0, 0, 160),
        ("external", 1, 160, 160),
        ("internal", 1, 160, 160),
        ("external", 2, 320, 80),
        ("internal", 2, 320, 80),
    ]


def test_what_was_discarded_is_a_gap_of_its_length() -> None:
    session = opened()
    session.receive_binary(bytes(320))
    session.receive_text(text("discarded", 2, {"start": "PT0.02S", "discarded": "PT1.5S"}))
    sound = session.receive_binary(bytes(320))[0]
    assert isinstance(sound, Sound)
    assert (sound.timestamp, sound.sequence) == (160 + 12_000, 1)


def test_a_pause_is_a_gap_of_its_length() -> None:
    session = opened()
    session.receive_binary(bytes(320))
    assert session.receive_text(text("paused", 2)) == [Paused()]
    assert session.receive_text(text("resumed", 3, {"start": "PT0.02S", "discarded": "PT60S"})) == [
        Resumed(start=160, discarded=480_000)
    ]
    sound = session.receive_binary(bytes(320))[0]
    assert isinstance(sound, Sound)
    assert sound.timestamp == 160 + 480_000


def test_the_position_never_goes_back() -> None:
    session = opened()
    session.receive_binary(bytes(1_600))
    session.receive_text(text("discarded", 2, {"start": "PT0S", "discarded": "PT0.01S"}))
    assert session.position == 800


def test_our_own_words() -> None:
    session = opened()
    told = [
        *session.pause(),
        *session.resume(),
        *session.event([{"type": "transcript", "data": {}}]),
        *session.reconnect("soon"),
        *session.disconnect("completed"),
    ]
    assert [(message["type"], message["seq"]) for message in sent(told)] == [
        ("pause", 2),
        ("resume", 3),
        ("event", 4),
        ("reconnect", 5),
        ("disconnect", 6),
    ]
    assert session.pause() == session.disconnect() == []
    assert session.receive_binary(bytes(320)) == []
    assert session.receive_text(text("close", 2, {"reason": "disconnect"}))[-1] == Closed(reason="disconnect")
    assert session.receive_text(text("ping", 3)) == session.receive_binary(b"\0\0") == []


def test_nothing_is_said_before_the_conversation_is_open() -> None:
    session = AudioHookSession()
    assert session.pause() == session.resume() == session.reconnect() == session.event([]) == session.accept() == []


def test_a_probe_is_answered() -> None:
    session = AudioHookSession()
    (asked,) = session.receive_text(opening(conversationId=PROBE, media=[]))
    assert isinstance(asked, OpenAsked)
    assert asked.opening.probe
    assert sent(session.accept())[0]["parameters"]["media"] == []
    assert sent(session.receive_text(text("close", 2, {"reason": "end"})))[0]["type"] == "closed"


def test_a_conversation_that_goes_on() -> None:
    session = AudioHookSession()
    continued = [{"id": "11111111-2222-4333-8444-555555555555", "serverseq": 4, "clientseq": 9}]
    message = json.loads(opening(continuedSessions=continued))
    (asked,) = session.receive_text(json.dumps({**message, "position": "PT30S"}))
    assert isinstance(asked, OpenAsked)
    assert asked.opening.continued == ("11111111-2222-4333-8444-555555555555",)
    session.accept()
    sound = session.receive_binary(bytes(320))[0]
    assert isinstance(sound, Sound)
    assert sound.timestamp == 240_000


def offer(form: Any = "PCMU", channels: Any = ("external", "internal"), rate: Any = 8000, kind: Any = "audio") -> dict:
    return {
        "type": kind,
        "format": form,
        "channels": list(channels) if isinstance(channels, tuple) else channels,
        "rate": rate,
    }


BOTH = (Channel.EXTERNAL, Channel.INTERNAL)


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ([offer(channels=("external",)), offer("L16"), offer()], Media(format="PCMU", channels=BOTH)),
        ([offer(channels=("external",)), offer("L16")], Media(format="L16", channels=BOTH)),
        ([offer(channels=("internal",)), offer(channels=("external",))], Media(format="PCMU", channels=BOTH[:1])),
        ([offer(channels=("internal",))], Media(format="PCMU", channels=BOTH[1:])),
        ([offer("OPUS"), offer(rate=16000), offer(kind="video"), offer(channels=()), "PCMU", None], None),
        (
            [offer(channels=("external", "external")), offer(channels=("left", "right")), offer(channels="external")],
            None,
        ),
        ([offer(channels=[["external"]]), offer(form=["PCMU"]), offer(channels=[{}])], None),
        ([], None),
    ],
)
def test_the_best_offer_is_taken(offers: list[Any], chosen: Media | None) -> None:
    assert choose(offers) == chosen


BREAKING: dict[str, tuple[bool, str | bytes]] = {
    "not_json": (True, "ping"),
    "a_list": (True, "[]"),
    "too_long": (True, text("ping", 2, {"x": "y" * 70_000})),
    "deep": (True, "[" * 40_000),
    "version_1": (True, text("ping", 2, version="1")),
    "no_type": (True, text("ping", 2, type=None)),
    "no_parameters": (True, json.dumps({**json.loads(text("ping", 2)), "parameters": []})),
    "another_id": (True, text("ping", 2, id="9a1e5b3c-0f7d-4c26-b9a4-5d6e7f801122")),
    "no_id": (True, text("ping", 2, id=None)),
    "seq_repeated": (True, text("ping", 1)),
    "seq_skipped": (True, text("ping", 3)),
    "seq_is_text": (True, text("ping", 2, seq="2")),
    "seq_is_true": (True, text("ping", 2, seq=True)),
    "serverseq_ahead": (True, text("ping", 2, serverseq=2)),
    "serverseq_negative": (True, text("ping", 2, serverseq=-1)),
    "position_missing": (True, text("ping", 2, position=None)),
    "position_in_minutes": (True, text("ping", 2, position="PT1M")),
    "position_negative": (True, text("ping", 2, position="PT-1S")),
    "unknown_type": (True, text("dance", 2)),
    "opened_twice": (True, json.dumps({**OPEN, "seq": 2})),
    "discarded_days": (True, text("discarded", 2, {"start": "PT0S", "discarded": "PT999999S"})),
    "discarded_nothing_told": (True, text("discarded", 2)),
    "resumed_nothing_told": (True, text("resumed", 2)),
    "language_of_1000": (True, text("update", 2, {"language": "x" * 1_000})),
    "language_missing": (True, text("update", 2)),
    "two_keys": (True, text("dtmf", 2, {"digit": "12"})),
    "sound_of_no_sample": (True, b""),
    "sound_of_half_a_sample": (True, b"\0\0\0"),
    "sound_too_long": (True, bytes(70_000)),
    "paused_before_open": (False, text("paused", 1)),
    "sound_before_open": (False, bytes(320)),
    "open_without_conversation": (False, opening(conversationId=None)),
    "open_conversation_no_uuid": (False, opening(conversationId="42")),
    "open_without_participant": (False, opening(participant=None)),
    "open_without_organization": (False, opening(organizationId=None)),
    "open_media_no_list": (False, opening(media={"type": "audio"})),
    "open_1000_offers": (False, opening(media=[offer()] * 1_000)),
    "open_nothing_usable": (False, opening(media=[offer("OPUS")])),
    "open_continued_no_list": (False, opening(continuedSessions="all")),
    "open_a_year_late": (False, json.dumps({**OPEN, "position": "PT31536000S"})),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_client_that_breaks_the_protocol_is_told_to_leave(name: str) -> None:
    is_open, frame = BREAKING[name]
    session = opened() if is_open else AudioHookSession()
    actions = session.receive_binary(frame) if isinstance(frame, bytes) else session.receive_text(frame)
    assert len(broken(actions)) < 150
    assert session.state is State.LEAVING
    assert sent(session.receive_text(text("close", 77, {"reason": "error"})))[0]["type"] == "closed"


def test_sound_while_paused_breaks_the_protocol() -> None:
    session = opened()
    session.receive_text(text("paused", 2))
    assert "paused" in broken(session.receive_binary(bytes(320)))


def test_the_signed_ids_must_be_kept_to() -> None:
    session = AudioHookSession(session_id="9a1e5b3c-0f7d-4c26-b9a4-5d6e7f801122")
    broken(session.receive_text(GOLDEN[0]))
    session = AudioHookSession(session_id=OPEN["id"].upper(), organization_id="another")
    actions = session.receive_text(GOLDEN[0])
    assert sent(actions)[0]["parameters"]["reason"] == "unauthorized"
    assert isinstance(actions[-1], Broken)


def test_refusing_to_open() -> None:
    session = AudioHookSession()
    session.receive_text(GOLDEN[0])
    (message,) = sent(session.disconnect("error", "no room"))
    assert message["parameters"] == {"reason": "error", "info": "no room"}
    assert session.accept() == []


@pytest.mark.parametrize(
    ("written", "samples"),
    [("PT0S", 0), ("PT1S", 8000), ("PT1.25S", 10000), ("PT.5S", 4000), ("PT2.S", 16000), ("PT0.000125S", 1)],
)
def test_durations(written: str, samples: int) -> None:
    assert parse_duration(written) == samples


@pytest.mark.parametrize(
    "written", [None, 5, "", "PTS", "PT.S", "PT1M", "1S", "PT1s", "PT1e3S", "PT-1S", "PT1S ", "PT1234567890S"]
)
def test_no_durations(written: object) -> None:
    with pytest.raises(InvalidInput):
        parse_duration(written)


@given(st.integers(0, 8000 * 86400 * 100))
def test_durations_round_trip(samples: int) -> None:
    assert parse_duration(render_duration(samples)) == samples


STEPS = st.one_of(
    st.tuples(st.just("binary"), st.binary(max_size=700)),
    st.tuples(st.just("text"), st.text(max_size=60)),
    st.tuples(
        st.sampled_from(
            ["open", "close", "ping", "paused", "resumed", "discarded", "error", "update", "dtmf", "dance"]
        ),
        st.dictionaries(
            st.sampled_from(["start", "discarded", "language", "digit", "reason", "code", "media", "rtt"]),
            st.sampled_from(["PT1S", "PT0.5S", "en", "5", "end", "reconnect", ""]) | st.none() | st.integers(),
            max_size=4,
        ),
    ),
    st.tuples(st.sampled_from(["pause", "resume", "reconnect", "disconnect", "accept"]), st.none()),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=25), st.booleans())
def test_in_any_order_nothing_raises_and_what_is_sent_is_counted(steps: list[tuple[str, Any]], is_open: bool) -> None:
    session = opened() if is_open else AudioHookSession()
    seq, position, said = (1, 0, 1) if is_open else (0, 0, 0)
    for kind, content in steps:
        if kind == "binary":
            actions = session.receive_binary(content)
        elif kind == "text":
            actions = session.receive_text(content)
        elif content is None:
            actions = getattr(session, kind)()
        else:
            seq += 1
            parameters = json.loads(GOLDEN[0])["parameters"] if kind == "open" else content
            actions = session.receive_text(text(kind, seq, parameters))
        for message in sent(actions):
            said += 1
            assert message["seq"] == said
            assert message["version"] == "2"
        assert session.position >= position
        position = session.position
    if session.state is State.CLOSED:
        assert session.receive_text(text("ping", seq + 1)) == []
