"""A recording session's life over real sockets: offers of either side, pauses, keys in INFO."""

from __future__ import annotations

import asyncio

import pytest

from candor.capture.ports import Control
from candor.capture.recorder import Recorder
from candor.capture.sip import message as sip
from candor.capture.sip import multipart, sdp
from candor.capture.siprec.client import OfferedStream
from candor.capture.siprec.dialog import SiprecSettings
from candor.capture.siprec.rendering import render
from tests.unit.capture.siprec.running import ABLE, MIXED, TIMER, TOLD, WHOLE, Running, in_a_loop, offer

# ---- offers of either side -------------------------------------------------------------------------------------------


@in_a_loop
async def test_an_invite_without_an_offer_gets_ours(recorder: Recorder) -> None:
    """RFC 3261 section 14.2: the offer may take up what is on hold; until the ACK answers it, another one must wait."""
    async with Running(recorder) as running:
        held = offer(OfferedStream(label="1", direction="inactive"), OfferedStream(label="2"), metadata=WHOLE)
        await running.client.say("INVITE", MIXED, ABLE, body=held)
        assert running.call.inlets[0].paused
        response = await running.client.say("INVITE", acknowledge=None)
        ours = sdp.parse(response.body)
        assert [ours.direction(media) for media in ours.media] == ["recvonly", "recvonly"]
        assert (await running.client.say("UPDATE", MIXED, body=offer())).status == 491
        running.client._cseq -= 1  # the ACK is to the INVITE
        answer = sdp.SessionDescription(
            connection=sdp.Connection(address="127.0.0.1"), media=tuple(OfferedStream(label=n).media() for n in "12")
        )
        running.client.acknowledge(body=bytes(answer))
        running.client._cseq += 1
        await asyncio.sleep(0.1)
        assert not running.call.inlets[0].paused
        assert (await running.client.say("UPDATE", MIXED, body=offer())).status == 200


@in_a_loop
async def test_a_reinvite_while_ours_is_on_its_way_must_wait(recorder: Recorder) -> None:
    async with Running(recorder, lambda _: None) as running:
        allow = ("Allow", "INVITE, ACK, BYE")
        await running.client.say("INVITE", MIXED, allow, ("Supported", "timer"), TIMER, body=offer(metadata=WHOLE))
        await running.later(901)
        await running.client.asked_for(1)
        assert (await running.client.say("INVITE", MIXED, body=offer())).status == 491
        assert (await running.client.say("UPDATE", *TOLD, body=render(WHOLE))).status == 200, "that is no offer"


@in_a_loop
async def test_a_refresh_ends_nobody_elses_pause(recorder: Recorder) -> None:
    """An agent has paused; a session refresh, or new metadata, say nothing about that."""
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE))
        recorder.steer(running.call.id, Control.PAUSE, "api")
        await running.client.say("INVITE", MIXED, body=offer())
        await running.client.say("UPDATE")
        await running.client.say("UPDATE", *TOLD, body=render(WHOLE))
        assert running.call.paused
        assert all(inlet.paused for inlet in running.call.inlets.values())


@in_a_loop
async def test_the_senders_pause_ends_by_its_next_offer_only(recorder: Recorder) -> None:
    def answer(request: sip.Request) -> sip.Response:
        return sip.reply(request, 200, headers=[("Content-Type", "application/sdp")], body=plain)

    plain = next(part.body for part in multipart.split(offer(), MIXED[1]))
    off = offer(metadata=WHOLE).replace(b"a=label", b"a=record:paused\r\na=label")
    async with Running(recorder, answer) as running:
        timer = [("Allow", "INVITE, ACK, BYE"), ("Supported", "timer"), TIMER]
        await running.client.say("INVITE", MIXED, *timer, body=off)
        assert running.call.paused
        await running.later(901)
        await running.client.asked_for(1)
        await running.idle()
        assert running.call.paused, "the answer to our refresh says nothing about the pause"
        await running.client.say("INVITE", MIXED, body=offer())
        assert not running.call.paused


@in_a_loop
async def test_media_may_come_from_the_address_of_the_session(recorder: Recorder) -> None:
    """``c=`` of the session holds for lines without their own, and a re-INVITE may move it (RFC 8866 section 5.7)."""
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE, address="127.0.0.9"))
        assert running.call.inlets[0].allowed == {"127.0.0.1", "127.0.0.9"}
        await running.client.say("INVITE", MIXED, body=offer(address="127.0.0.8"))
        assert running.call.inlets[0].allowed == {"127.0.0.1", "127.0.0.8"}


@in_a_loop
async def test_refused_lines_say_why(recorder: Recorder) -> None:
    async with Running(recorder) as running:
        body = offer(metadata=WHOLE).replace(b"m=audio", b"m=video", 1)
        answer = await running.client.say("INVITE", MIXED, ABLE, body=body)
        assert answer.status == 200
        assert answer.headers.get("Warning") == '399 candor "line 1: video is not recorded"'
        assert recorder.offers[-1].words == "Recording, but not line 1: video is not recorded."


@in_a_loop
async def test_the_version_of_our_description_counts_its_changes(recorder: Recorder) -> None:
    """RFC 3264 section 8."""
    async with Running(recorder) as running:
        hold = OfferedStream(label="1", direction="inactive")
        bodies = [offer(metadata=WHOLE), offer(), offer(hold, OfferedStream(label="2")), offer()]
        versions = [
            sdp.parse((await running.client.say("INVITE", MIXED, body=body)).body).origin.session_version
            for body in bodies
        ]
        assert versions == ["1", "1", "2", "3"]


@in_a_loop
async def test_the_contact_names_the_transport() -> None:
    """Or else requests of several kilobytes come by UDP (RFC 3261 section 12.1.1)."""
    settings = SiprecSettings(address="192.0.2.1", port=5060, tls_port=5061, allow=())
    assert settings.contact("UDP") == "<sip:candor@192.0.2.1:5060>;+sip.srs"
    assert settings.contact("TCP") == "<sip:candor@192.0.2.1:5060;transport=tcp>;+sip.srs"
    assert settings.contact("TLS") == "<sip:candor@192.0.2.1:5061;transport=tls>;+sip.srs"


# ---- keys in INFO ----------------------------------------------------------------------------------------------------


def relay(text: str) -> tuple[tuple[str, str], bytes]:
    return ("Content-Type", "application/dtmf-relay"), text.encode()


@pytest.mark.parametrize(
    "presses",
    [
        [relay("Signal=*\r\nDuration=160\r\n"), relay("Signal=7\r\nDuration=160\r\n")],
        [relay("Duration=100\nSignal= 10"), relay("signal = 7\n")],
        [(("Content-Type", "application/dtmf"), b"*\r\n"), (("Content-Type", "application/dtmf"), b"7")],
        [
            (("Content-Type", "audio/telephone-event"), bytes((10, 0x0A, 0, 160))),  # it begins: no press of its own
            (("Content-Type", "audio/telephone-event"), bytes((10, 0x8A, 3, 32))),
            (("Content-Type", "audio/telephone-event"), bytes((7, 0x8A, 3, 32))),
        ],
    ],
)
@in_a_loop
async def test_keys_in_info_pause(recorder: Recorder, presses: list[tuple[tuple[str, str], bytes]]) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE))
        for kind, body in presses:
            assert not running.call.paused
            assert (await running.client.say("INFO", kind, body=body)).status == 200
        assert running.call.paused
        for _, one in running.server.endpoint._transactions.values():
            assert one.request.method != "INFO" or not one.request.body, "the key is kept with the transaction"
        for key in "*8":
            await running.client.say("INFO", *[relay("")[0]], body=f"Signal={key}".encode())
        assert not running.call.paused


@pytest.mark.parametrize(
    ("fields", "body", "code"),
    [
        ([], b"", 200),
        ([("Content-Type", "application/dtmf-relay")], b"Signal=!", 200),
        ([("Content-Type", "text/vendor")], b"whatever", 415),
        ([("Content-Type", "application/media_control+xml"), ("Info-Package", "video")], b"<x/>", 469),
        ([("Content-Type", "audio/telephone-event")], b"1", 400),
        ([("Content-Type", "multipart/mixed;boundary=x")], b"no boundary", 400),
    ],
)
@in_a_loop
async def test_other_infos(recorder: Recorder, fields: list[tuple[str, str]], body: bytes, code: int) -> None:
    async with Running(recorder) as running:
        await running.client.say("INVITE", MIXED, ABLE, body=offer(metadata=WHOLE))
        assert (await running.client.say("INFO", *fields, body=body)).status == code
