"""Twilio-like senders over real WebSockets: whole sound on the right stream, and calls that end when they should."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from candor.capture.model import EventKind
from candor.capture.streams import Dialect, Limits, Proof, StreamSource, Track
from candor.capture.streams.media_intake import MediaIntake
from candor.conversation.model import Direction, Role
from candor.errors import Forbidden, Unavailable
from candor.kit import clock
from tests.unit.capture.streams.clients import MediaStreamSender, TelnyxSender
from tests.unit.capture.streams.recorder import MemoryRecorder
from tests.unit.capture.streams.serving import OPEN, TELNYX, TOKEN, run, serving, until

CUSTOMER = random.Random(1).randbytes(8_000)
AGENT = random.Random(2).randbytes(8_000)
BOTH = {"outbound": AGENT, "inbound": CUSTOMER}
"""The agent's frames come first."""
QUICK = Limits(
    start_seconds=0.3, idle_seconds=0.3, reconnect_seconds=0.4, farewell_seconds=0.3, bad_frames=3, refusal_seconds=0
)


def test_a_whole_call() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start(parameters={"agent_id": "a17", "queue": "billing", "from": "+12125550100"})
            await sender.speak(BOTH)
            await sender.stop()
            assert await sender.closed() == 1000
            call = service.call
            assert call.sound("inbound") == CUSTOMER
            assert call.sound("outbound") == AGENT
            assert [kept.sequence for kept in call.of("inbound")] == list(range(50))
            assert {kept.payload_type for kept in call.of("inbound")} == {0}
            assert call.ended == "ended"
            facts = call.facts
            assert (facts.source, facts.protocol, facts.external_id) == ("open", "twilio", sender.call_id)
            assert facts.queue == "billing"
            assert [(stream.number, stream.label) for stream in facts.streams] == [(0, "inbound"), (1, "outbound")]
            customer, agent = facts.participants
            assert (customer.role, customer.sends, customer.aor) == (Role.CUSTOMER, ("inbound",), "+12125550100")
            assert (agent.role, agent.sends, agent.agent_id) == (Role.AGENT, ("outbound",), "a17")
            assert [(offer.source, offer.protocol, offer.ok) for offer in service.offers.seen] == [
                ("open", "twilio", True)
            ]

    run(test())


def test_a_stream_on_the_agents_leg() -> None:
    source = replace(OPEN, customer_track=Track.OUTBOUND, direction=Direction.OUTBOUND)

    async def test() -> None:
        async with serving(source) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start(parameters={"from": "+12125550100", "to": "+12125550199"})
            call = await service.begun()
            customer, agent = call.facts.participants
            assert (customer.sends, customer.aor) == (("outbound",), "+12125550199")
            assert agent.sends == ("inbound",)
            assert call.facts.direction is Direction.OUTBOUND

    run(test())


def test_a_track_that_was_not_announced_is_added() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start(tracks=("outbound",))
            await sender.speak({"outbound": AGENT[:320], "inbound": CUSTOMER[:320]})
            await sender.stop()
            await sender.closed()
            assert [(stream.number, stream.label) for stream in service.call.facts.streams] == [
                (0, "outbound"),
                (1, "inbound"),
            ]
            assert service.call.sound("inbound") == CUSTOMER[:320]

    run(test())


def test_telnyx_out_of_order_and_before_its_start() -> None:
    async def test() -> None:
        async with serving(TELNYX) as service, TelnyxSender(service.port, "/streams/telnyx") as sender:
            await sender.media("inbound", CUSTOMER[:160], 0)
            await sender.start(encoding="PCMA")
            for first, second in [(2, 1), (4, 3), (6, 5)]:
                for frame in (first, second):
                    sender.chunks["inbound"] = frame
                    await sender.media("inbound", CUSTOMER[frame * 160 : frame * 160 + 160], frame * 20)
            await sender.say({"event": "error", "stream_id": sender.stream_id, "payload": {"code": 100002}})
            await sender.stop()
            await sender.closed()
            call = service.call
            assert call.sound("inbound") == CUSTOMER[: 7 * 160]
            assert {kept.payload_type for kept in call.of("inbound")} == {8}
            assert call.facts.protocol == "telnyx"
            assert call.facts.group == "6f0f4a3e-1c1b-11f0-9a55-02420a0a0a0a"
            assert call.facts.participants[0].aor == "+12125550100"
            assert [offer.why for offer in service.offers.seen if not offer.ok] == [
                "The sender reports an error of its own: 100002."
            ]

    run(test())


def test_plivo_in_16_khz_comes_in_network_order() -> None:
    start = {
        "event": "start",
        "start": {
            "callId": "c",
            "streamId": "s",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-l16;rate=16000", "sampleRate": 16000},
        },
        "extra_headers": f"token={TOKEN.replace(' ', '')}",
    }
    source = StreamSource(name="plivo", dialect=Dialect.PLIVO, secret=TOKEN.replace(" ", ""))

    async def test() -> None:
        async with serving(source) as service, MediaStreamSender(service.port, "/streams/plivo") as sender:
            await sender.say(start)
            for chunk in (1, 2):
                media = {"track": "inbound", "chunk": chunk, "timestamp": str(1_772_442_000_000 + 20 * chunk)}
                await sender.say({"event": "media", "streamId": "s", "media": {**media, "payload": "AQIDBA=="}})
            await sender.say({"event": "stop", "streamId": "s"})
            await sender.closed()
            (stream,) = service.call.facts.streams
            (payload_type,) = stream.payload_types
            assert (payload_type.number, payload_type.encoding, payload_type.clock_rate) == (96, "L16", 16000)
            assert [(kept.payload, kept.timestamp) for kept in service.call.of("inbound")] == [
                (b"\x02\x01\x04\x03", 0),
                (b"\x02\x01\x04\x03", 320),
            ]

    run(test())


@pytest.mark.parametrize(("error", "code"), [(Unavailable("No room."), 1013), (Forbidden("Not this one."), 1008)])
def test_a_call_that_the_recorder_does_not_take(error: Exception, code: int) -> None:
    async def test() -> None:
        recorder = MemoryRecorder(refusal=error)
        async with serving(OPEN, recorder=recorder) as service:
            async with MediaStreamSender(service.port, "/streams/open") as sender:
                await sender.start()
                assert await sender.closed() == code
            await service.refused(str(error))
            assert len(service.offers.seen) == 1

    run(test())


def test_another_dialect_or_account_than_the_sources() -> None:
    sources = (TELNYX, replace(OPEN, account="AC9"), replace(OPEN, name="wire", dialect=Dialect.SIGNALWIRE))

    async def test() -> None:
        async with serving(*sources) as service:
            for path in ("/streams/telnyx", "/streams/open"):
                async with MediaStreamSender(service.port, path) as sender:
                    await sender.start()
                    assert await sender.closed() == 1008
            assert [offer.why.partition(".")[0] for offer in service.offers.seen] == [
                "The sender speaks another dialect than its source is set to",
                "The sender's account is not the source's",
            ]
            async with MediaStreamSender(service.port, "/streams/wire") as sender:
                await sender.start()
                assert (await service.begun()).facts.protocol == "signalwire"

    run(test())


def test_a_lost_connection_ends_a_call_of_twilio() -> None:
    async def test() -> None:
        async with serving(OPEN) as service:
            async with MediaStreamSender(service.port, "/streams/open") as sender:
                await sender.start()
                await sender.speak(BOTH)
                call = await service.begun()
                await until(lambda: len(call.frames.get(0, [])) == 50)
                sender.drop()
            await until(lambda: call.ended is not None)
            assert call.ended == "connection lost"

    run(test())


def test_telnyx_comes_again_and_goes_on_with_its_call() -> None:
    async def test() -> None:
        async with serving(TELNYX) as service:
            async with TelnyxSender(service.port, "/streams/telnyx") as sender:
                await sender.start()
                await sender.speak(BOTH)
                call = await service.begun()
                await until(lambda: len(call.frames.get(0, [])) == 50)
                sender.drop()
            await asyncio.sleep(0.2)
            async with TelnyxSender(service.port, "/streams/telnyx", call_id=sender.call_id) as again:
                await again.start()
                await again.speak(BOTH)
                await again.stop()
                await again.closed()
            assert service.call is call
            assert call.ended == "ended"
            lost, back = call.events
            assert (lost.kind, back.kind) == (EventKind.DISCARDED, EventKind.RESUMED)
            assert lost.reason == back.reason == "connection lost"
            assert 0.15 < (back.at - lost.at).total_seconds() < 2
            sound = call.sound("inbound")
            assert sound[:8_000] == CUSTOMER
            assert sound[-8_000:] == CUSTOMER
            gap = len(sound) - 16_000
            assert 0.15 * 8_000 < gap < 2 * 8_000
            assert [kept.sequence for kept in call.of("inbound")] == list(range(100))

    run(test())


def test_telnyx_does_not_come_again() -> None:
    async def test() -> None:
        async with serving(TELNYX, limits=QUICK) as service:
            async with TelnyxSender(service.port, "/streams/telnyx") as sender:
                await sender.start()
                call = await service.begun()
                sender.drop()
            await asyncio.sleep(0.1)
            assert call.ended is None
            await until(lambda: call.ended is not None)
            assert call.ended == "connection lost"

    run(test())


def test_two_calls_of_telnyx_are_two_calls() -> None:
    async def test() -> None:
        async with (
            serving(TELNYX) as service,
            TelnyxSender(service.port, "/streams/telnyx") as one,
            TelnyxSender(service.port, "/streams/telnyx", call_id=one.call_id) as two,
        ):
            await one.start()
            await service.begun()
            await two.start()
            await service.begun(2)
            await one.stop()
            await one.closed()
            assert [call.ended for call in service.recorder.calls] == ["ended", None]

    run(test())


def test_a_connection_over_which_nothing_begins() -> None:
    async def test() -> None:
        async with serving(OPEN, limits=QUICK) as service:
            async with MediaStreamSender(service.port, "/streams/open") as sender:
                await sender.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
                assert await sender.closed() == 1008
            await service.refused("No call began")

    run(test())


def test_silence_ends_a_call_but_not_a_paused_one() -> None:
    async def test() -> None:
        async with serving(OPEN, limits=QUICK) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            call = await service.begun()
            call.pause_here()
            await asyncio.sleep(0.6)
            assert call.ended is None
            call.resume_here()
            assert await sender.closed() == 1000
            assert call.ended == "no sound"

    run(test())


def test_a_pause_from_our_side_keeps_nothing_and_the_time_line_true() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            call = await service.begun()
            end = await sender.speak(BOTH)
            await until(lambda: len(call.frames.get(0, [])) == 50)
            call.pause_here()
            end = await sender.speak({"inbound": b"\x55" * 8_000}, from_ms=end)
            await until(lambda: call.dropped == 50)
            call.resume_here()
            await sender.speak(BOTH, from_ms=end)
            await sender.stop()
            await sender.closed()
            sound = call.sound("inbound")
            assert b"\x55" * 160 not in sound
            assert sound == CUSTOMER + b"\xff" * 8_000 + CUSTOMER
            assert call.history == ["pause by api", "resume by api"]

    run(test())


def test_keys_pause_and_resume_and_are_never_told() -> None:
    source = replace(OPEN, pause_keys="*7", resume_keys="8")

    async def test() -> None:
        async with serving(source) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            call = await service.begun()
            for key in "*5*788":
                await sender.key(key)
            call_history = [
                "key_pressed by sender",
                "key_pressed by sender",
                "key_pressed by sender",
                "key_pressed by sender",
                "pause by key",
                "resume by key",
                "key_pressed by sender",
            ]
            await until(lambda: call.history == call_history)
            call.pause_here()
            await sender.key("8")
            await sender.media("inbound", CUSTOMER[:160], 0)
            await until(lambda: call.dropped == 1)
            assert len(call.events) == 5, "what is pressed in a pause is not even counted"
            assert call.paused, "a key must not undo what a person paused"

    run(test())


def test_we_end_a_call() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            call = await service.begun()
            call.end_here()
            assert await sender.closed() == 1000
            assert call.ended == "ended here"

    run(test())


def test_unreadable_frames_cost_themselves_only_until_they_are_too_many() -> None:
    async def test() -> None:
        async with serving(OPEN, limits=QUICK) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            await sender.media("inbound", CUSTOMER[:160], 0)
            await sender.socket.send("{nonsense")
            await sender.socket.send(b"\x00\x01")
            await sender.start()
            await sender.media("inbound", CUSTOMER[160:320], 20)
            call = await service.begun()
            await until(lambda: len(call.frames.get(0, [])) == 2)
            assert call.ended is None
            await sender.say({"event": "media", "streamSid": "another", "media": {"payload": "AA=="}})
            assert await sender.closed() == 1008
            assert call.ended == "unreadable"
            assert len([offer for offer in service.offers.seen if not offer.ok]) == 1

    run(test())


def test_a_frame_that_is_too_long_ends_its_connection() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            call = await service.begun()
            await sender.socket.send("x" * 70_000)
            assert await sender.closed() == 1009
            await until(lambda: call.ended == "connection lost")

    run(test())


def test_too_much_sound_before_a_start() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            for _ in range(60):
                await sender.media("inbound", CUSTOMER[:160], 0)
            assert await sender.closed() == 1008
            assert service.recorder.calls == []

    run(test())


def test_noise_on_other_connections_harms_no_call() -> None:
    dice = random.Random(3)
    pieces = [
        '{"event":"start","start":{}}',
        "[" * 5_000,
        "\x00",
        '{"event":"media"}',
        '{"event":"start","start":[',
        "",
    ]

    async def noise(port: int) -> None:
        path = f"ws://127.0.0.1:{port}/streams/open"
        try:
            async with connect(path, compression=None, ping_interval=None, close_timeout=1) as socket:
                for _ in range(6):
                    frame = dice.randbytes(50) if dice.random() < 0.4 else dice.choice(pieces)
                    await socket.send(frame)
                if dice.random() < 0.5:
                    socket.transport.abort()
        except ConnectionClosed:
            pass

    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            await asyncio.gather(*(noise(service.port) for _ in range(40)), sender.speak(BOTH))
            await sender.stop()
            assert await sender.closed() == 1000
            assert service.call.sound("inbound") == CUSTOMER
            assert service.call.sound("outbound") == AGENT
            await until(lambda: service.server.connections == 0)

    run(test())


def test_a_fault_of_the_recorder_harms_no_other_call(capsys: pytest.CaptureFixture[str]) -> None:
    class Faulty(MemoryRecorder):
        def begin(self, facts, *, on_control):
            call = super().begin(facts, on_control=on_control)
            if len(self.calls) == 1:
                call.frame = lambda *_, **__: 1 / 0
            return call

    async def test() -> None:
        async with serving(OPEN, recorder=Faulty()) as service:
            async with MediaStreamSender(service.port, "/streams/open") as sender:
                await sender.start()
                await sender.media("inbound", CUSTOMER[:160], 0)
                assert await sender.closed() == 1011
            assert service.call.ended == "connection lost"
            async with MediaStreamSender(service.port, "/streams/open") as sender:
                await sender.start()
                await sender.speak(BOTH)
                await sender.stop()
                await sender.closed()
            assert service.recorder.calls[1].sound("inbound") == CUSTOMER

    run(test())
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_nothing_of_a_call_shows_its_token() -> None:
    source = StreamSource(name="main", secret=TOKEN)

    async def test() -> None:
        async with serving(source) as service, MediaStreamSender(service.port, "/streams/main") as sender:
            await sender.start(parameters={"token": TOKEN, "queue": "billing"})
            call = await service.begun()
            assert TOKEN not in repr(call.facts)
            assert TOKEN not in json.dumps([offer.why for offer in service.offers.seen])
            assert TOKEN not in repr(source)
            (connection,) = service.server._connections
            assert isinstance(connection.intake, MediaIntake)
            assert connection.intake._started is not None
            assert connection.intake._started.parameters == {"queue": "billing"}

    run(test())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"name": ""},
        {"pause_keys": "123456789"},
        {"resume_keys": "x"},
        {"audiohook": True, "secret": "not base64"},
    ],
)
def test_sources_that_can_never_work(change: dict[str, object]) -> None:
    with pytest.raises(Exception, match=r"source|keys|base64"):
        StreamSource(**{"name": "main", "proof": None, **change})  # type: ignore[arg-type]


def test_proof_by_default() -> None:
    assert StreamSource(name="a").how is None
    assert StreamSource(name="a", dialect=Dialect.TWILIO).how is Proof.SIGNATURE
    assert StreamSource(name="a", dialect=Dialect.PLIVO).how is Proof.TOKEN
    assert StreamSource(name="a", audiohook=True).how is Proof.SIGNATURE


def test_telnyx_comes_again_with_another_kind_of_sound() -> None:
    async def test() -> None:
        async with serving(TELNYX) as service:
            async with TelnyxSender(service.port, "/streams/telnyx") as sender:
                await sender.start()
                await service.begun()
                sender.drop()
            await until(lambda: service.server.connections == 0)
            async with TelnyxSender(service.port, "/streams/telnyx", call_id=sender.call_id) as again:
                await again.start(encoding="PCMA")
                second = await service.begun(2)
            assert service.recorder.calls[0].ended == "connection lost"
            assert second.facts.streams[0].payload_types[0].encoding == "PCMA"

    run(test())


def test_one_connection_fills_no_page_with_its_errors() -> None:
    async def test() -> None:
        async with serving(TELNYX) as service, TelnyxSender(service.port, "/streams/telnyx") as sender:
            await sender.start()
            for _ in range(30):
                await sender.say({"event": "error", "payload": {"code": 100002}})
            await sender.stop()
            await sender.closed()
            assert len(service.offers.seen) == 10

    run(test())


def test_a_call_that_cannot_be_ended_stops_no_clock(capsys: pytest.CaptureFixture[str]) -> None:
    class Faulty(MemoryRecorder):
        def begin(self, facts, *, on_control):
            call = super().begin(facts, on_control=on_control)
            if len(self.calls) == 1:
                call.end = lambda _: 1 / 0
            return call

    async def test() -> None:
        async with (
            serving(OPEN, recorder=Faulty(), limits=QUICK) as service,
            MediaStreamSender(service.port, "/streams/open") as one,
        ):
            await one.start()
            await service.begun()
            await asyncio.sleep(0.35)
            async with MediaStreamSender(service.port, "/streams/open") as two:
                await two.start()
                second = await service.begun(2)
                await until(lambda: second.ended == "no sound")

    run(test())
    assert "stream_watch_failed" in capsys.readouterr().out


def test_a_call_begins_with_its_connection_however_late_its_start_is_read() -> None:
    async def test() -> None:
        before = clock.now()
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            opened = clock.now()
            await asyncio.sleep(0.3)
            await sender.start()
            call = await service.begun()
            assert before <= call.facts.started_at <= opened
            assert {who.joined_at for who in call.facts.participants} == {call.facts.started_at}

    run(test())


def test_long_frames_reach_the_recorder_as_packets_of_20_ms() -> None:
    async def test() -> None:
        async with serving(OPEN) as service, MediaStreamSender(service.port, "/streams/open") as sender:
            await sender.start()
            await sender.speak(BOTH, frame=800)
            await sender.stop()
            await sender.closed()
            assert {len(kept.payload) for kept in service.call.of("inbound")} == {160}
            assert [kept.sequence for kept in service.call.of("inbound")] == list(range(50))
            assert service.call.sound("inbound") == CUSTOMER

    run(test())
