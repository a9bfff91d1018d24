"""What we ask of a sender inside its session: metadata, refreshes, signs of life."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from candor.capture.active import ActiveCall
from candor.capture.recorder import Recorder
from candor.capture.rtp.packet import RtpPacket
from candor.capture.sip import message as sip
from candor.capture.sip import sdp
from candor.capture.siprec.client import OfferedStream, RecordingClient
from candor.capture.siprec.dialog import SNAPSHOT_PAUSES
from candor.capture.siprec.rendering import render
from tests.unit.capture.siprec.running import ABLE, MIXED, TIMER, TOLD, WHOLE, Running, in_a_loop, offer, status

# ---- metadata that is missing ----------------------------------------------------------------------------------------


@in_a_loop
async def test_metadata_that_do_not_come_are_asked_for_three_times_and_no_more(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer())
        for count, pause in enumerate(SNAPSHOT_PAUSES, 1):
            await running.later(pause - 0.5)
            assert len(running.client.asked) == count - 1, "too early"
            await running.later(pause + 0.1)
            await running.client.asked_for(count)
            await running.idle()
        await running.later(200)
        await running.idle()
        assert [one.method for one in running.client.asked] == ["UPDATE"] * len(SNAPSHOT_PAUSES)
        asked = running.client.asked[0]
        assert asked.headers.get("Content-Disposition") == "recording-session"
        assert b"requestsnapshot" in asked.body
        assert b"v=0" not in asked.body


@in_a_loop
async def test_what_was_asked_for_and_told_is_not_asked_for_again(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer())
        await running.later(2)
        await running.client.asked_for(1)
        await running.client.say("UPDATE", *TOLD, body=render(WHOLE))
        assert {one.aor for one in running.call.facts.participants} == {"sip:+14155550101@sbc", "sip:1001@pbx"}
        for seconds in (12, 100):
            await running.later(seconds)
            await running.idle()
        assert len(running.client.asked) == 1


@in_a_loop
async def test_metadata_may_come_with_the_answer(recorder: Recorder) -> None:
    told = lambda request: sip.reply(request, 200, headers=TOLD, body=render(WHOLE))  # noqa: E731
    async with Running(recorder, told) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer())
        await running.later(2)
        await running.client.asked_for(1)
        await running.idle()
        assert len(running.call.facts.participants) == 2
        assert running.session.snapshot_at is None


@pytest.mark.parametrize("code", [405, 420, 488, 501, 603])
@in_a_loop
async def test_a_sender_that_does_not_know_the_request_is_asked_once(recorder: Recorder, code: int) -> None:
    async with Running(recorder, status(code)) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer())
        for seconds in (2, 20, 100):
            await running.later(seconds)
            await running.idle()
        assert len(running.client.asked) == 1
        assert str(code) in recorder.offers[-1].words
        assert running.server.sessions, "the call is recorded all the same"


@in_a_loop
async def test_a_sender_that_knows_another_name_of_it(recorder: Recorder) -> None:
    def answer(request: sip.Request) -> sip.Response:
        if request.headers.get("Content-Type") == "application/rs-metadata":
            return sip.reply(request, 200)
        return sip.reply(request, 415, headers=[("Accept", "application/sdp, application/rs-metadata")])

    async with Running(recorder, answer) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer())
        for seconds in (2, 20):
            await running.later(seconds)
            await running.idle()
        kinds = [one.headers.get("Content-Type") for one in running.client.asked]
        assert kinds == ["application/rs-metadata+xml", "application/rs-metadata"]


@in_a_loop
async def test_a_sender_without_update_is_not_asked(recorder: Recorder) -> None:
    """RFC 7866 section 9.2: in an UPDATE, and in no other request."""
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ("Allow", "INVITE, ACK, BYE"), body=offer())
        await running.later(200)
        await running.idle()
        assert not running.client.asked


@in_a_loop
async def test_the_recording_client_tells_all_when_asked(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        client = RecordingClient()
        flow = await client.reach("127.0.0.1", running.client.flow.port)
        session = await client.begin(flow, (OfferedStream(label="1"),), None)
        session.metadata = WHOLE
        await running.later(2)
        until = time.monotonic() + 4
        while not running.call.facts.participants:
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        await client.end(session)
        await client.close()


@in_a_loop
async def test_metadata_that_cannot_be_read_are_asked_for(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE))
        await running.later(100)
        assert not running.client.asked
        await running.client.say("UPDATE", *TOLD, body=b"<recording><participant")
        await running.later(2)
        (asked,) = await running.client.asked_for(1)
        assert b"cannot be read" in asked.body
        assert len(running.call.facts.participants) == 2, "what was known stays known"


# ---- session timers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "refresher", "requires", "refreshes"),
    [
        ([("Supported", "timer"), ("Session-Expires", "1800;refresher=uac")], "uac", "timer", False),
        ([("Supported", "timer"), ("Session-Expires", "1800")], "uac", "timer", False),
        ([("Supported", "timer"), TIMER], "uas", "timer", True),
        ([("Session-Expires", "1800")], "uas", None, True),  # a proxy asks for it: the sender cannot refresh
    ],
)
@in_a_loop
async def test_who_refreshes(
    recorder: Recorder, fields: list[tuple[str, str]], refresher: str, requires: str | None, refreshes: bool
) -> None:
    """RFC 4028 section 9, table 2."""
    async with Running(recorder) as running:
        answer = await running.client.say("INVITE", MIXED, ABLE, *fields, body=offer(metadata=WHOLE))
        assert answer.headers.get("Session-Expires") == f"1800;refresher={refresher}"
        assert answer.headers.get("Require") == requires
        await running.later(901)
        await running.idle()
        assert [one.method for one in running.client.asked] == ["UPDATE" if refreshes else "OPTIONS"]


@in_a_loop
async def test_we_refresh_by_update(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, ("Supported", "timer"), TIMER, body=offer(metadata=WHOLE))
        await running.later(299)
        assert not running.client.asked
        running.session.expires = time.monotonic() + 950
        await running.later(901)
        (asked,) = await running.client.asked_for(1)
        await running.idle()
        assert (asked.method, asked.body) == ("UPDATE", b"")
        assert asked.headers.get("Session-Expires") == "1800;refresher=uac"
        assert running.session.expires > time.monotonic() + 1700


@in_a_loop
async def test_we_refresh_by_reinvite_where_there_is_no_update(recorder: Recorder) -> None:
    """The offer is what was described before, with the same version; holds stay as they are."""
    held = (OfferedStream(label="1"), OfferedStream(label="2", direction="inactive"))

    def answer(request: sip.Request) -> sip.Response:
        unlabelled = [replace_attributes(stream.media()) for stream in held]
        body = bytes(sdp.SessionDescription(connection=sdp.Connection(address="127.0.0.1"), media=tuple(unlabelled)))
        return sip.reply(request, 200, headers=[("Content-Type", "application/sdp")], body=body)

    async with Running(recorder, answer) as running:
        allow = ("Allow", "INVITE, ACK, BYE")
        await running.client.say("INVITE", MIXED, allow, ("Supported", "timer"), TIMER, body=offer(metadata=WHOLE))
        first = running.session.said
        ports = {number: inlet.ports.number for number, inlet in running.call.inlets.items()}
        await running.later(901)
        (asked,) = await running.client.asked_for(1)
        await running.idle()
        assert asked.method == "INVITE"
        described = sdp.parse(asked.body)
        assert described.origin.session_version == first.origin.session_version  # type: ignore[union-attr]
        assert [media.label for media in described.media] == ["1", "2"]
        await asyncio.sleep(0.05)
        assert [ack.cseq.number for ack in running.client.acks] == [asked.cseq.number]
        assert {n: inlet.ports.number for n, inlet in running.call.inlets.items()} == ports
        assert [inlet.paused for inlet in running.call.inlets.values()] == [False, True], "the answer puts one on hold"


def replace_attributes(media: sdp.Media) -> sdp.Media:
    """``media`` without its label, as some answer."""
    kept = tuple(pair for pair in media.attributes if pair[0] != "label")
    return sdp.Media(kind=media.kind, port=media.port, protocol=media.protocol, formats=media.formats, attributes=kept)


@in_a_loop
async def test_a_refresh_whose_interval_is_too_small_is_made_longer(recorder: Recorder) -> None:
    def answer(request: sip.Request) -> sip.Response:
        if (request.headers.get("Session-Expires") or "").startswith("1800"):
            return sip.reply(request, 422, headers=[("Min-SE", "3600")])
        return sip.reply(request, 200, headers=[("Session-Expires", "3600;refresher=uas")])

    async with Running(recorder, answer) as running:
        await running.client.say("INVITE", MIXED, ABLE, ("Supported", "timer"), TIMER, body=offer(metadata=WHOLE))
        await running.later(901)
        await running.client.asked_for(1)
        await running.idle()
        await running.later(0)
        await running.client.asked_for(2)
        await running.idle()
        assert running.session.interval == 3600
        assert not running.session.refreshing, "the sender has taken it over"


@in_a_loop
async def test_a_session_that_the_sender_forgot_ends(recorder: Recorder) -> None:
    async with Running(recorder, status(481)) as running:
        await running.client.say("INVITE", MIXED, ABLE, ("Supported", "timer"), TIMER, body=offer(metadata=WHOLE))
        await running.later(901)
        await running.client.asked_for(1)
        await asyncio.sleep(0.1)
        assert not running.server.sessions


@in_a_loop
async def test_a_session_that_nobody_refreshes_ends_with_bye(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]
        await running.client.say("INVITE", MIXED, ABLE, *timer, body=offer(metadata=WHOLE))
        await running.later(89)
        assert running.server.sessions
        await running.later(91)
        (asked,) = await running.client.asked_for(1)
        assert asked.method == "BYE"
        assert not running.server.sessions


@in_a_loop
async def test_a_session_is_not_ended_while_sound_comes(recorder: Recorder) -> None:
    """Some agree to refresh, and do not."""
    async with Running(recorder) as running:
        timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]
        await running.client.say("INVITE", MIXED, ABLE, *timer, body=offer(metadata=WHOLE))
        packet = RtpPacket(payload_type=0, sequence=1, timestamp=0, ssrc=1, payload=bytes(160))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(bytes(packet), ("127.0.0.1", running.call.inlets[0].ports.number))
        await asyncio.sleep(0.05)
        recorder.beat()
        running.session.expires = time.monotonic()
        await running.later(0)
        assert running.server.sessions
        await running.later(40)
        assert not running.server.sessions


@in_a_loop
async def test_a_sender_that_refuses_a_refresh_is_there(recorder: Recorder) -> None:
    async with Running(recorder, status(488)) as running:
        await running.client.say("INVITE", MIXED, ABLE, ("Supported", "timer"), TIMER, body=offer(metadata=WHOLE))
        running.session.expires = time.monotonic() + 950
        await running.later(901)
        await running.client.asked_for(1)
        await running.idle()
        assert running.session.expires > time.monotonic() + 1700


@in_a_loop
async def test_a_silent_sender_is_asked_whether_it_lives(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE))
        await running.later(299)
        assert not running.client.asked
        await running.later(301)
        (asked,) = await running.client.asked_for(1)
        await running.idle()
        assert asked.method == "OPTIONS"
        assert running.server.sessions


# ---- thousands of sessions -------------------------------------------------------------------------------------------


@in_a_loop
async def test_looking_after_sessions_that_are_not_due_reads_no_counters(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE))
        await running.later(0)
        monkeypatch.setattr(ActiveCall, "counters", lambda _: pytest.fail("counters were read"))
        for seconds in range(1, 200, 10):
            await running.later(seconds)
        assert running.session.due > time.monotonic() + 250
