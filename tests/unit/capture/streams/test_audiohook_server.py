"""AudioHook over real WebSockets: a real call, sample by sample, and every pause, gap and new connection."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import numpy as np
import pytest

from candor.capture.files.riff import parse as parse_wave
from candor.capture.model import EventKind
from candor.capture.ports import Control
from candor.capture.streams import Limits, StreamSource
from candor.capture.streams.audiohook_messages import PROBE
from candor.conversation.model import Role
from candor.errors import Forbidden, Unavailable
from tests.unit.capture.streams.clients import API_KEY, ORGANIZATION, SECRET, AudioHookSender
from tests.unit.capture.streams.recorder import MemoryRecorder
from tests.unit.capture.streams.serving import GENESYS, run, serving, until

SOUND = random.Random(4).randbytes(2 * 8_000)
"""A second of both channels, interleaved."""
PATH = "/audiohook/genesys"
QUICK = Limits(start_seconds=0.3, idle_seconds=0.3, reconnect_seconds=0.4, farewell_seconds=0.3, refusal_seconds=0)


@pytest.mark.shared
def test_a_real_call_is_kept_sample_by_sample(shared: Path) -> None:
    path = shared / "audio_asr_smoke" / "audio" / "genesys_audiohook_stereo_pcmu.wav"
    data = path.read_bytes()
    with path.open("rb") as stream:
        wave = parse_wave(stream, len(data))
    assert (wave.channels, wave.rate) == (2, 8_000)
    interleaved = data[wave.start : wave.start + wave.available]
    assert len(interleaved) > 2 * 8_000 * 70

    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            await sender.speak(interleaved)
            await sender.close()
            await sender.closed()
            call = service.call
            assert call.ended == "ended"
            both = np.frombuffer(interleaved, np.uint8).reshape(-1, 2)
            for column, label in enumerate(("external", "internal")):
                kept = np.frombuffer(call.sound(label), np.uint8)
                assert len(kept) == len(both)
                assert np.array_equal(kept, both[:, column])
                assert [one.timestamp for one in call.of(label)] == list(range(0, len(both), 160))

    run(test())


def test_what_is_known_of_a_call() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            opened = await sender.open(
                formats=("L16", "PCMU"), customConfig={"agent_id": "a17", "queue": "billing", "direction": "inbound"}
            )
            assert opened["media"][0]["format"] == "PCMU"
            assert opened["startPaused"] is False
            facts = service.call.facts
            assert (facts.source, facts.protocol) == ("genesys", "audiohook")
            assert facts.external_id == facts.group == sender.conversation_id
            assert (facts.queue, facts.language, facts.direction) == ("billing", "en-US", "inbound")
            assert [stream.label for stream in facts.streams] == ["external", "internal"]
            customer, agent = facts.participants
            assert (customer.role, customer.aor, customer.name) == (Role.CUSTOMER, "+12125550100", "Grace Hopper")
            assert (agent.role, agent.agent_id, agent.sends) == (Role.AGENT, "a17", ("internal",))
            await sender.tell("update", language="es-US")
            await sender.hear("updated")
            assert service.call.facts.language == "es-US"
            await sender.tell("ping")
            await sender.hear("pong")
            await sender.tell("dtmf", digit="5")
            await sender.close()
            assert [(event.kind, event.stream) for event in service.call.events] == [(EventKind.KEY_PRESSED, 0)]

    run(test())


def test_l16_with_the_agent_first() -> None:
    samples = np.array([[1, -2], [300, -400], [5, 6]], "<i2")

    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open(formats=("L16",), channels=("internal", "external"))
            await sender.speak(samples.tobytes())
            await sender.close()
            call = service.call
            assert [stream.label for stream in call.facts.streams] == ["external", "internal"]
            assert np.frombuffer(call.sound("internal", width=2), ">i2").tolist() == [1, 300, 5]
            assert np.frombuffer(call.sound("external", width=2), ">i2").tolist() == [-2, -400, 6]

    run(test())


def test_the_senders_own_pause_is_a_gap_of_its_length() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            await sender.speak(SOUND)
            await sender.tell("paused")
            call = service.call
            await until(lambda: call.paused)
            sender.position += 40_000
            await sender.tell("resumed", start="PT1S", discarded="PT5S")
            await sender.speak(SOUND)
            await sender.tell("discarded", start="PT7S", discarded="PT2S")
            sender.position += 16_000
            await sender.speak(SOUND)
            await sender.close()
            assert call.history == [
                "pause by sender",
                "resume by sender",
                "discarded by sender",
                "resumed by sender",
            ]
            one = SOUND[0::2]
            assert call.sound("external") == one + b"\xff" * 40_000 + one + b"\xff" * 16_000 + one

    run(test())


def test_our_pause_is_asked_of_the_sender() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            call = service.call
            call.pause_here()
            await sender.hear("pause")
            await sender.tell("paused")
            await sender.tell("ping")
            await sender.hear("pong")
            call.resume_here()
            await sender.hear("resume")
            await sender.tell("resumed", start="PT0S", discarded="PT3S")
            await sender.speak(SOUND)
            await sender.close()
            assert not call.paused
            assert call.history == ["pause by api", "resume by api"]
            assert call.of("external")[0].timestamp == 24_000

    run(test())


def test_a_pause_of_both_sides_ends_when_both_have_ended_it() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            call = service.call
            call.pause_here()
            await sender.hear("pause")
            await sender.tell("paused")
            call.resume_here()
            await sender.hear("resume")
            await sender.tell("paused")
            await until(lambda: call.paused)
            await sender.tell("resumed", start="PT0S", discarded="PT0S")
            await until(lambda: not call.paused)
            call.pause_here()
            await sender.hear("pause")
            await sender.tell("resumed", start="PT0S", discarded="PT0S")
            await sender.tell("ping")
            await sender.hear("pong")
            assert call.paused, "what we paused stays so whatever the sender says"

    run(test())


def test_keys_pause_at_the_sender_too() -> None:
    source = StreamSource(
        name="genesys", audiohook=True, secret=SECRET, api_key=API_KEY, pause_keys="*", resume_keys="*"
    )

    async def test() -> None:
        async with serving(source) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            await sender.tell("dtmf", digit="*")
            await sender.hear("pause")
            assert service.call.paused
            await sender.tell("dtmf", digit="*")
            await sender.hear("resume")
            assert not service.call.paused

    run(test())


def test_a_connection_test_is_answered_and_not_recorded() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            async with AudioHookSender(service.port, PATH, conversation_id=PROBE) as sender:
                await sender.open()
                await sender.speak(SOUND)
                await sender.tell("ping")
                await sender.hear("pong")
                await sender.close()
                assert await sender.closed() == 1000
            assert service.recorder.calls == []
            assert [(offer.ok, offer.why.partition(":")[0]) for offer in service.offers.seen] == [
                (True, "A connection test")
            ]

    run(test())


def test_a_new_connection_goes_on_with_the_conversation() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            async with AudioHookSender(service.port, PATH) as sender:
                await sender.open()
                await sender.speak(SOUND)
                call = service.call
                await until(lambda: len(call.of("internal")) == 50)
                sender.drop()
            await asyncio.sleep(0.2)
            assert call.ended is None
            async with AudioHookSender(service.port, PATH, conversation_id=sender.conversation_id) as again:
                await again.open(continuedSessions=[{"id": sender.session_id, "serverseq": 1, "clientseq": 1}])
                await again.speak(SOUND)
                await again.close()
            assert service.call is call
            assert call.ended == "ended"
            assert call.history == ["discarded by connection lost", "resumed by connection lost"]
            sound = call.sound("internal")
            assert sound[:8_000] == sound[-8_000:] == SOUND[1::2]
            assert 0.15 * 8_000 < len(sound) - 16_000 < 2 * 8_000
            assert [kept.sequence for kept in call.of("internal")] == list(range(100))

    run(test())


def test_a_stream_that_counts_on_keeps_its_own_positions() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            async with AudioHookSender(service.port, PATH) as sender:
                await sender.open()
                await sender.speak(SOUND)
                await sender.close("reconnect")
            async with AudioHookSender(service.port, PATH, conversation_id=sender.conversation_id) as again:
                again.position = 8_000 + 2_400
                await again.open()
                await again.speak(SOUND)
                await again.close()
            one = SOUND[0::2]
            assert service.call.sound("external") == one + b"\xff" * 2_400 + one

    run(test())


def test_a_new_connection_displaces_one_that_hangs() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as dead:
            await dead.open()
            async with AudioHookSender(service.port, PATH, conversation_id=dead.conversation_id) as again:
                await again.open(continuedSessions=[{"id": dead.session_id, "serverseq": 1, "clientseq": 1}])
                assert await dead.closed() == 1000
                assert service.call.ended is None
                await again.speak(SOUND)
                await again.close()
            sound = service.call.sound("external")
            assert sound[-8_000:] == SOUND[0::2]
            assert len(sound) < 3 * 8_000
            assert service.call.ended == "ended"

    run(test())


def test_two_connections_that_know_nothing_of_each_other_are_two_calls_of_one_group() -> None:
    async def test() -> None:
        async with (
            serving(GENESYS, limits=QUICK) as service,
            AudioHookSender(service.port, PATH) as one,
            AudioHookSender(service.port, PATH, conversation_id=one.conversation_id) as two,
        ):
            await one.open()
            await two.open()
            first, second = service.recorder.calls
            assert first.facts.group == second.facts.group
            assert first.id != second.id
            one.drop()
            two.drop()
            await until(lambda: first.ended == second.ended == "connection lost")

    run(test())


@pytest.mark.parametrize(
    ("error", "reason"), [(Unavailable("No room."), "error"), (Forbidden("Not this one."), "unauthorized")]
)
def test_a_conversation_that_the_recorder_does_not_take(error: Exception, reason: str) -> None:
    async def test() -> None:
        async with serving(GENESYS, recorder=MemoryRecorder(refusal=error), limits=QUICK) as service:
            async with AudioHookSender(service.port, PATH) as sender:
                await sender.ask_open(formats=("PCMU",), channels=("external",))
                assert (await sender.hear("disconnect"))["reason"] == reason
                await sender.close("disconnect")
                await sender.closed()
            await service.refused(str(error))

    run(test())


def test_a_sender_that_breaks_the_protocol_is_told_and_left() -> None:
    async def test() -> None:
        async with serving(GENESYS, limits=QUICK) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            await sender.socket.send(b"\x00\x00\x00")
            assert (await sender.hear("disconnect"))["reason"] == "error"
            assert service.call.ended == "protocol error"
            assert await sender.closed() == 1008, "it does not close, so we do"

    run(test())


def test_an_organization_that_is_not_the_signed_or_not_the_sources() -> None:
    other = "2f2e3d4c-5b6a-4798-8a7b-6c5d4e3f2a1b"
    source = StreamSource(name="genesys", audiohook=True, secret=SECRET, api_key=API_KEY, account=ORGANIZATION)

    async def test() -> None:
        async with serving(source, limits=QUICK) as service:
            for signed, said in [(ORGANIZATION, other), (other, other)]:
                async with AudioHookSender(service.port, PATH, organization_id=signed) as sender:
                    sender.organization_id = said
                    await sender.ask_open(formats=("PCMU",), channels=("external",))
                    assert (await sender.hear("disconnect"))["reason"] == "unauthorized"
                    await sender.close("disconnect")
            assert service.recorder.calls == []

    run(test())


def test_we_end_a_conversation() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            service.call.end_here()
            assert (await sender.hear("disconnect"))["reason"] == "completed"
            await sender.close("disconnect")
            assert await sender.closed() == 1000
            assert service.call.ended == "ended here"

    run(test())


def test_pings_keep_a_silent_conversation_alive() -> None:
    async def test() -> None:
        async with serving(GENESYS, limits=QUICK) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            for _ in range(6):
                await asyncio.sleep(0.1)
                await sender.tell("ping")
                await sender.hear("pong")
            assert service.call.ended is None
            await sender.closed()
            assert service.call.ended == "no sound"

    run(test())


def test_a_sender_that_resumes_does_not_undo_the_pause_that_we_added() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            call = service.call
            await sender.tell("paused")
            await until(lambda: call.paused)
            call.pause_here()
            await sender.hear("pause")
            await sender.tell("resumed", start="PT0S", discarded="PT0S")
            await sender.tell("ping")
            await sender.hear("pong")
            assert call.paused

    run(test())


def test_a_recorder_that_reports_our_own_pauses_to_us_is_not_answered() -> None:
    class Echo(MemoryRecorder):
        def begin(self, facts, *, on_control):
            call = super().begin(facts, on_control=on_control)
            pause, resume = call.pause, call.resume
            call.pause = lambda reason: (pause(reason), on_control(Control.PAUSE))
            call.resume = lambda reason: (resume(reason), on_control(Control.RESUME))
            return call

    async def test() -> None:
        async with serving(GENESYS, recorder=Echo()) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            await sender.tell("paused")
            await sender.tell("resumed", start="PT0S", discarded="PT0S")
            await sender.speak(SOUND)
            await sender.close()
            assert service.call.history == ["pause by sender", "resume by sender"]
            assert service.call.sound("external") == SOUND[0::2]

    run(test())


def test_a_new_connection_with_other_channels_is_another_call() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service:
            async with AudioHookSender(service.port, PATH) as sender:
                await sender.open()
                await sender.close("reconnect")
            async with AudioHookSender(service.port, PATH, conversation_id=sender.conversation_id) as again:
                await again.open(channels=("external",))
                await again.speak(bytes(160))
                await again.close()
            first, second = service.recorder.calls
            assert first.ended == "connection lost"
            assert [stream.label for stream in second.facts.streams] == ["external"]
            assert first.facts.group == second.facts.group

    run(test())


def test_what_is_discarded_in_a_pause_belongs_to_the_pause() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            call = service.call
            call.pause_here()
            await sender.hear("pause")
            await sender.tell("discarded", start="PT0S", discarded="PT2S")
            await sender.tell("ping")
            await sender.hear("pong")
            assert call.events == [], "a marker of its end would be taken for the end of the pause"

    run(test())


def test_a_gap_begins_no_earlier_than_its_call() -> None:
    async def test() -> None:
        async with serving(GENESYS) as service, AudioHookSender(service.port, PATH) as sender:
            await sender.open()
            await sender.tell("discarded", start="PT0S", discarded="PT60S")
            await sender.close()
            lost, back = service.call.events
            assert lost.at == service.call.facts.started_at
            assert lost.at < back.at

    run(test())
