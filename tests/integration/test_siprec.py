"""SIPp records calls with a real recorder; what is kept is compared with what was sent, byte by byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from candor.conversation.model import Direction, Role
from tests.peers import pcap, sipp
from tests.peers.recorder import Kept, RunningRecorder, find, running
from tests.peers.sipp import Scenario, line, metadata, person

pytestmark = pytest.mark.skipif(sipp.SIPP is None, reason="SIPp (Debian's sip-tester) is not installed")
CUSTOMER, AGENT = "sip:+14155550101@sbc.example", "sip:1001@pbx.example"
BOTH = [person(1, CUSTOMER, 1), person(2, AGENT, 2)]
ALAW_SILENCE = 0xD5


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[RunningRecorder]:
    data = tmp_path / "data"
    data.mkdir()
    with running(data) as made:
        yield made


@pytest.fixture
def recorder_with_keys(tmp_path: Path) -> Iterator[RunningRecorder]:
    data = tmp_path / "data"
    data.mkdir()
    with running(data, CANDOR_PAUSE_KEYS="*7", CANDOR_RESUME_KEYS="*8") as made:
        yield made


def speech(folder: Path, name: str, seconds: float, seed: int) -> Path:
    """A capture of noise that is never silent and never twice the same: any shift or mix shows."""
    sound = np.random.default_rng(seed).integers(0, 256, round(seconds * 50) * 160, dtype=np.uint8)
    return pcap.write(
        folder / name, [sound[at : at + 160].tobytes() for at in range(0, len(sound), 160)], payload_type=8
    )


def payload(path: Path) -> bytes:
    return b"".join(packet[12:] for _, packet in pcap.packets(path))


def plain(one: Path, two: Path, seconds: float) -> Scenario:
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2]))
    return call.play(one, 1).play(two, 2).wait(seconds).bye()


def check_plain(kept: Kept, one: Path, two: Path) -> None:
    conversation = kept.conversation
    roles = {party.role: party for party in conversation.parties}
    assert roles[Role.CUSTOMER].tel == "+14155550101"
    assert roles[Role.AGENT].agent_id == "1001"
    assert (roles[Role.CUSTOMER].channel, roles[Role.AGENT].channel) == (0, 1)
    assert conversation.group == "contact-1"
    places = [find(kept.channels[:, 0], payload(one)), find(kept.channels[:, 1], payload(two))]
    assert min(places) >= 0, "the sound is not kept as it was sent"
    # Both players are started one after the other; how far apart they began is in the kept sound, not added to it.
    assert abs(places[0] - places[1]) < 8000


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_plain_call(recorder: RunningRecorder, tmp_path: Path, transport: str) -> None:
    one, two = speech(tmp_path, "one.pcap", 2, 1), speech(tmp_path, "two.pcap", 2, 2)
    sipp.run(plain(one, two, 2.6), recorder.port, tmp_path, "-t", transport)
    (kept,) = recorder.collect()
    check_plain(kept, one, two)


@pytest.mark.shared
def test_the_capture_of_sipp(recorder: RunningRecorder, tmp_path: Path, shared: Path) -> None:
    """Real speech in 30 ms packets."""
    one = shared / "rtp_media" / "dev" / "sipp" / "g711a.pcap"
    two = speech(tmp_path, "two.pcap", 3, 2)
    sipp.run(plain(one, two, 7.6), recorder.port, tmp_path)
    (kept,) = recorder.collect()
    check_plain(kept, one, two)


@pytest.mark.shared
@pytest.mark.skipif(os.geteuid() != 0, reason="SIPp plays captures through raw sockets: root only")
def test_media_sent_by_sipp_itself(recorder: RunningRecorder, tmp_path: Path, shared: Path) -> None:
    one = shared / "rtp_media" / "dev" / "sipp" / "g711a.pcap"
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2]))
    call.steps.append(f'<nop><action><exec play_pcap_audio="{one}"/></action></nop>')
    sipp.run(call.wait(7.6).bye(), recorder.port, tmp_path)
    (kept,) = recorder.collect()
    assert find(kept.channels[:, 0], payload(one)) >= 0
    assert (kept.channels[:, 1] == ALAW_SILENCE).all()


def test_five_percent_lost_and_some_out_of_order(recorder: RunningRecorder, tmp_path: Path) -> None:
    one, two = speech(tmp_path, "one.pcap", 4, 1), speech(tmp_path, "two.pcap", 4, 2)
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2]))
    call.play(one, 1, "--drop", "0.05", "--swap", "0.05").play(two, 2).wait(4.6).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    went = {packet[2:4]: packet[12:] for _, packet in pcap.sent(one, drop=0.05, swap=0.05)}
    whole = pcap.packets(one)
    assert 0.01 < 1 - len(went) / len(whole) < 0.12
    channel = kept.channels[:, 0]
    start = find(channel, next(iter(went.values())))
    first = int.from_bytes(next(iter(went)), "big")
    for number, data in went.items():
        at = start + (int.from_bytes(number, "big") - first) * 160
        assert channel[at : at + 160].tobytes() == data, "a packet is not where it belongs"
    assert find(kept.channels[:, 1], payload(two)) >= 0


def test_hold_is_a_gap_of_true_length(recorder: RunningRecorder, tmp_path: Path) -> None:
    """The sender goes on sending while it is on hold: nothing of that may be kept."""
    one, two = speech(tmp_path, "one.pcap", 5, 1), speech(tmp_path, "two.pcap", 5, 2)
    rs = metadata(BOTH, [1, 2])
    call = Scenario().offer([line(1), line(2)], rs).play(one, 1).play(two, 2).wait(1.5)
    call.offer([line(1, direction="inactive"), line(2, direction="inactive")]).wait(1.5)
    call.offer([line(1), line(2)]).wait(2.5).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    gaps = [gap for gap in kept.conversation.gaps if gap.channel == 0]
    assert [gap.reason for gap in gaps] == ["on_hold"]
    assert gaps[0].stop - gaps[0].start == pytest.approx(1.5, abs=0.25)
    channel, sent = kept.channels[:, 0], payload(one)
    start = find(channel, sent[:3200])
    low, high = round(gaps[0].start * 8000), round(gaps[0].stop * 8000)
    assert (channel[low + 400 : high - 400] == ALAW_SILENCE).all(), "sound of the hold is kept"
    # What comes after the hold lies where it was sent, not where the hold began.
    after = sent[high + 2400 - start : high + 2400 - start + 3200]
    assert find(channel, after) == high + 2400


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_sender_pauses(recorder: RunningRecorder, tmp_path: Path, method: str) -> None:
    one, two = speech(tmp_path, "one.pcap", 4, 1), speech(tmp_path, "two.pcap", 4, 2)
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2])).play(one, 1).play(two, 2).wait(1.2)
    off = [line(1, extra="a=record:paused"), line(2, extra="a=record:paused")]
    on = [line(1, extra="a=record:on"), line(2, extra="a=record:on")]
    call.offer(off, method=method).wait(1.2).offer(on, method=method).wait(2).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    (gap,) = kept.conversation.gaps
    assert (gap.reason, gap.by, gap.channel) == ("paused", "sip", None)
    low, high = round(gap.start * 8000), round(gap.stop * 8000)
    assert (kept.channels[low + 400 : high - 400] == ALAW_SILENCE).all()
    assert find(kept.channels[:, 1], payload(two)[:3200]) >= 0


def test_keys_in_info_pause_and_resume(recorder_with_keys: RunningRecorder, tmp_path: Path) -> None:
    """Some PBXs tell keys in the signalling alone, in one of two ways."""
    one, two = speech(tmp_path, "one.pcap", 4, 1), speech(tmp_path, "two.pcap", 4, 2)
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2])).play(one, 1).play(two, 2).wait(1.2)
    for key in "5*7":
        call.say("INFO", 200, "Content-Type: application/dtmf-relay", body=f"Signal= {key}\nDuration=160\n")
    call.wait(1.2)
    for code in ("10", "8"):  # some write the codes of RFC 4733
        call.say("INFO", 200, "Content-Type: application/dtmf", body=f"{code}\n")
    call.wait(1.8).bye()
    sipp.run(call, recorder_with_keys.port, tmp_path)
    (kept,) = recorder_with_keys.collect()
    (gap,) = kept.conversation.gaps
    assert (gap.reason, gap.by, gap.channel) == ("paused", "key", None)
    assert gap.stop - gap.start == pytest.approx(1.2, abs=0.3)
    low, high = round(gap.start * 8000), round(gap.stop * 8000)
    assert (kept.channels[low + 400 : high - 400] == ALAW_SILENCE).all()
    assert b"Signal" not in (recorder_with_keys.data / "recorder.log").read_bytes()


def test_metadata_that_did_not_come_are_asked_for(recorder: RunningRecorder, tmp_path: Path) -> None:
    """RFC 7866 section 9.2; the first time both sides speak at once (RFC 3261 section 14.1)."""
    one, two = speech(tmp_path, "one.pcap", 2, 1), speech(tmp_path, "two.pcap", 2, 2)
    able = "Allow: INVITE, ACK, BYE, UPDATE\nAccept: application/sdp, application/rs-metadata-request"
    asks = {
        "body": "requestsnapshot.*No metadata came",
        "header": "Content-Type: application/rs-metadata-request",
    }
    call = Scenario().offer([line(1), line(2)], extra=able).play(one, 1).play(two, 2)
    call.expect("UPDATE", 491, **asks).expect("UPDATE", **asks).tell(metadata(BOTH, [1, 2])).wait(1).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    check_plain(kept, one, two)


def test_a_partial_update_that_nobody_can_understand(recorder: RunningRecorder, tmp_path: Path) -> None:
    one, two = speech(tmp_path, "one.pcap", 2, 1), speech(tmp_path, "two.pcap", 2, 2)
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2])).play(one, 1).play(two, 2).wait(0.5)
    strange = metadata([person(9, AGENT, 9)], [], mode="partial").replace('<participant participant_id="p9">', "<x>")
    call.tell(strange.replace("</participant>", "</x>"))
    everyone = [*BOTH, person(3, "sip:+493023125012@sbc.example")]
    call.expect("UPDATE", 200, body="requestsnapshot.*partial update").tell(metadata(everyone, [1, 2])).wait(1).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    assert {party.tel for party in kept.conversation.parties if party.tel} >= {"+14155550101", "+493023125012"}


def test_a_transfer(recorder: RunningRecorder, tmp_path: Path) -> None:
    """The agent hands over to a colleague: another stream by another label, told by partial metadata."""
    one, two, three = (speech(tmp_path, f"{n}.pcap", 3, n) for n in (1, 2, 3))
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2])).play(one, 1).play(two, 2).wait(1.5)
    update = metadata([person(2, AGENT, left=True), person(3, "sip:1002@pbx.example", 3)], [3], mode="partial")
    call.offer([line(1), line(2, direction="inactive", port=0), line(3)], update).play(three, 3).wait(3.5).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    parties = {party.agent_id or party.tel: party for party in kept.conversation.parties}
    assert parties["1001"].channel == 1
    assert parties["1002"].channel == 2
    assert parties["1002"].role is Role.AGENT
    assert find(kept.channels[:, 0], payload(one)) >= 0
    assert find(kept.channels[:, 2], payload(three)) > 8000
    assert find(kept.channels[:, 1], payload(two)[:6400]) >= 0


def test_a_third_party_joins(recorder: RunningRecorder, tmp_path: Path) -> None:
    one, two, three = (speech(tmp_path, f"{n}.pcap", 3, n) for n in (1, 2, 3))
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2])).play(one, 1).play(two, 2).wait(1.2)
    everyone = [*BOTH, person(3, "sip:+493023125012@sbc.example", 3)]
    call.offer([line(1), line(2), line(3)], metadata(everyone, [1, 2, 3])).play(three, 3).wait(3.5).bye()
    sipp.run(call, recorder.port, tmp_path)
    (kept,) = recorder.collect()
    assert kept.channels.shape[1] == 3
    assert {party.channel for party in kept.conversation.parties} == {0, 1, 2}
    for number, file in enumerate((one, two, three)):
        assert find(kept.channels[:, number], payload(file)) >= 0, number


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80"])
def test_srtp_from_ffmpeg(recorder: RunningRecorder, tmp_path: Path, suite: str) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    sound = np.random.default_rng(5).integers(0, 256, 16_000, dtype=np.uint8)
    raw = tmp_path / "sound.al"
    raw.write_bytes(sound.tobytes())
    key = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    crypto = f"a=crypto:1 {suite} inline:{key}"
    secure = line(1, extra=crypto, profile="RTP/SAVP")
    call = Scenario().offer([secure, line(2)], metadata(BOTH, [1, 2]))
    call.run(
        f"{ffmpeg} -v error -re -f alaw -ar 8000 -i {raw} -c:a copy -f rtp -payload_type 8 -srtp_out_suite {suite} "
        f"-srtp_out_params {key} srtp://127.0.0.1:[$p1]?pkt_size=172"
    )
    sipp.run(call.wait(3.2).bye(), recorder.port, tmp_path)
    (kept,) = recorder.collect()
    assert find(kept.channels[:, 0], sound.tobytes()[160:]) >= 0


def test_a_password(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with running(data, CANDOR_SIP_USERS='{"sbc": "open-sesame"}', CANDOR_SIP_DIGEST='["MD5"]') as recorder:
        one, two = speech(tmp_path, "one.pcap", 1, 1), speech(tmp_path, "two.pcap", 1, 2)
        call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2]), login=("sbc", "open-sesame"))
        sipp.run(call.play(one, 1).play(two, 2).wait(1.5).bye(), recorder.port, tmp_path)
        (kept,) = recorder.collect()
        assert find(kept.channels[:, 0], payload(one)) >= 0


def test_a_killed_recorder_loses_a_second_at_most(recorder: RunningRecorder, tmp_path: Path) -> None:
    import threading

    one, two = speech(tmp_path, "one.pcap", 6, 1), speech(tmp_path, "two.pcap", 6, 2)
    call = Scenario().offer([line(1), line(2)], metadata(BOTH, [1, 2])).play(one, 1).play(two, 2).wait(8)
    port = recorder.port
    thread = threading.Thread(target=lambda: sipp.run(call, port, tmp_path))
    thread.start()
    # 4 seconds of each stream have arrived, as the recorder itself counts them.
    recorder.wait_for(lambda s: s["calls"] and all(t["packets"] >= 200 for t in s["calls"][0]["streams"]), 20)
    recorder.kill()
    thread.join()
    recorder.start()
    assert recorder.client.status()["left_open"] == 1
    (kept,) = recorder.collect()
    assert [gap.reason for gap in kept.conversation.gaps] == ["interrupted"]
    for number, file in enumerate((one, two)):
        assert find(kept.channels[:, number], payload(file)[: 3 * 8000]) >= 0, "more than a second is lost"
    assert kept.conversation.direction is Direction.UNKNOWN


def test_pause_and_resume_by_a_program(recorder: RunningRecorder, tmp_path: Path) -> None:
    import threading

    one, two = speech(tmp_path, "one.pcap", 4, 1), speech(tmp_path, "two.pcap", 4, 2)
    port = recorder.port
    thread = threading.Thread(target=lambda: sipp.run(plain(one, two, 4.6), port, tmp_path))
    thread.start()
    status = recorder.wait_for(lambda s: s["calls"] and s["calls"][0]["streams"][0]["packets"] > 50)
    call_id = status["calls"][0]["id"]
    recorder.client.steer("pause", call_id)
    before = recorder.client.status()["calls"][0]["streams"][0]["packets"]
    recorder.wait_for(lambda s: s["calls"][0]["streams"][0]["silent_seconds"] is not None)
    threading.Event().wait(1.0)
    assert recorder.client.status()["calls"][0]["streams"][0]["packets"] == before, (
        "packets of the pause are counted in"
    )
    recorder.client.steer("resume", call_id)
    thread.join()
    (kept,) = recorder.collect()
    (gap,) = kept.conversation.gaps
    assert (gap.reason, gap.by) == ("paused", "api")
    low, high = round(gap.start * 8000), round(gap.stop * 8000)
    assert (kept.channels[low + 400 : high - 400] == ALAW_SILENCE).all()


@pytest.mark.parametrize(
    ("offer", "status"),
    [
        ([line(1, payload="96", rtpmap="96 SECRET/8000").replace("\na=rtpmap:101 telephone-event/8000", "")], 488),
        ([line(1).replace("m=audio", "m=video")], 488),
        ([line(1, port=0)], 488),
    ],
)
def test_offers_that_cannot_be_recorded_say_why(
    recorder: RunningRecorder, tmp_path: Path, offer: list[str], status: int
) -> None:
    sipp.run(Scenario().offer(offer, metadata(BOTH, [1]), answer=status), recorder.port, tmp_path)
    last = recorder.wait_for(lambda s: s["offers"])["offers"][0]
    assert not last["accepted"]
    assert str(status) in last["words"]


def test_unknown_options_are_refused_by_name(recorder: RunningRecorder, tmp_path: Path) -> None:
    call = Scenario().offer([line(1)], metadata(BOTH, [1]), extra="Require: teleport", answer=420)
    sipp.run(call, recorder.port, tmp_path)


def test_options_and_strange_methods(recorder: RunningRecorder, tmp_path: Path) -> None:
    sipp.run(Scenario().say("OPTIONS", 200).say("PUBLISH", 405).say("BYE", 481), recorder.port, tmp_path)
