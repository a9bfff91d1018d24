"""SRTP: known answers, another implementation both ways, a real sender, and everything that must be refused."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
from base64 import b64encode
from pathlib import Path

import numpy as np
import pylibsrtp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.rtp import srtp
from candor.capture.rtp.srtp import SUITES, Crypto, SrtpError, SrtpReceiver, SrtpSender

ANSWERS = json.loads((Path(__file__).parents[3] / "vectors/rtp/srtp/known_answers.json").read_text())
PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}
SSRC = 0x5EED0001


def crypto(suite: str = "AES_CM_128_HMAC_SHA1_80", *, mki: bytes = b"", seed: int = 0) -> Crypto:
    kind = SUITES[suite]
    secret = np.random.default_rng(seed).bytes(kind.key_bytes + kind.salt_bytes)
    return Crypto(suite=kind, key=secret[: kind.key_bytes], salt=secret[kind.key_bytes :], mki=mki)


def rtp(
    sequence: int, payload: bytes = b"\xd5" * 160, *, ssrc: int = SSRC, first: int = 0x80, rest: bytes = b""
) -> bytes:
    return struct.pack("!BBHII", first, 8, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc) + rest + payload


def sender_report(number: int, ssrc: int = SSRC) -> bytes:
    return struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, number << 32, number, number, number)


def refused(code: str) -> pytest.RaisesExc[SrtpError]:
    return pytest.raises(SrtpError, check=lambda error: error.code == code)


# ---- known answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERS["derivation"], ids=lambda a: a["origin"])
def test_session_keys_are_those_of_the_standard(answer: dict[str, str]) -> None:
    key, salt = bytes.fromhex(answer["key"]), bytes.fromhex(answer["salt"])
    for label, name in enumerate(("encryption", "authentication", "salting")):
        expected = bytes.fromhex(answer[name])
        assert srtp.derive(key, salt, label, len(expected)) == expected


def test_the_key_stream_is_that_of_the_standard() -> None:
    answer = {name: bytes.fromhex(value) for name, value in ANSWERS["key_stream"].items() if name != "origin"}
    transform = srtp._CounterMode(answer["key"], b"", answer["salt"], 10)
    assert transform.seal(b"", bytes(48), 0, 0, b"")[0] == answer["stream"]


@pytest.mark.parametrize("answer", ANSWERS["gcm"], ids=lambda a: a["origin"])
def test_gcm_seals_as_the_standard_shows(answer: dict[str, str]) -> None:
    header, plain = bytes.fromhex(answer["header"]), bytes.fromhex(answer["plain"])
    transform = srtp._Gcm(bytes.fromhex(answer["key"]), bytes.fromhex(answer["salt"]))
    sealed, tag = transform.seal(header, plain, 0x5501A0B2, 0xF17B, b"")
    assert (sealed + tag).hex() == answer["sealed"]
    assert transform.open(header, sealed, 0x5501A0B2, 0xF17B, b"", tag) == plain


@pytest.mark.parametrize("answer", ANSWERS["packets"], ids=lambda a: a["suite"])
def test_whole_packets_are_those_that_others_make(answer: dict[str, str]) -> None:
    key = Crypto(suite=SUITES[answer["suite"]], key=bytes.fromhex(answer["key"]), salt=bytes.fromhex(answer["salt"]))
    receiver = SrtpReceiver(key)
    assert SrtpSender(key).protect(bytes.fromhex(answer["rtp"])).hex() == answer["srtp"]
    assert receiver.unprotect(bytes.fromhex(answer["srtp"])).hex() == answer["rtp"]
    if "srtcp" in answer:
        assert receiver.unprotect_rtcp(bytes.fromhex(answer["srtcp"])).hex() == answer["rtcp"]


# ---- another implementation ------------------------------------------------------------------------------------------


def other(key: Crypto, direction: int) -> pylibsrtp.Session:
    return pylibsrtp.Session(
        policy=pylibsrtp.Policy(key=key.key + key.salt, ssrc_type=direction, srtp_profile=PROFILES[key.suite.name])
    )


def shapes() -> list[bytes]:
    """Packets over the wrap of the sequence number, with and without sources, extension, payload and padding."""
    extension = struct.pack("!HH", 0xBEDE, 2) + b"\x10\xff\x00\x00abcd"
    sources = struct.pack("!II", 1, 2)
    found = [rtp(number, os.urandom(160)) for number in range(65_500, 65_560)]
    found.append(rtp(65_560, b"x" * 33, first=0x82, rest=sources))
    found.append(rtp(65_561, b"y" * 20, first=0x90, rest=extension))
    found.append(rtp(65_562, b"z" * 159, first=0x92, rest=sources + extension))
    found.append(rtp(65_563, b"", first=0x80))
    found.append(rtp(65_564, b"abc\x01", first=0xA0))
    return found


@pytest.mark.parametrize("suite", PROFILES)
def test_we_open_what_libsrtp_seals(suite: str) -> None:
    key = crypto(suite)
    theirs, ours = other(key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND), SrtpReceiver(key)
    for packet in shapes():
        assert ours.unprotect(theirs.protect(packet)) == packet
    for number in range(10):
        assert ours.unprotect_rtcp(theirs.protect_rtcp(sender_report(number))) == sender_report(number)


@pytest.mark.parametrize("suite", PROFILES)
def test_libsrtp_opens_what_we_seal(suite: str) -> None:
    key = crypto(suite)
    theirs, ours = other(key, pylibsrtp.Policy.SSRC_ANY_INBOUND), SrtpSender(key)
    for packet in shapes():
        assert theirs.unprotect(ours.protect(packet)) == packet
    for number in range(10):
        assert theirs.unprotect_rtcp(ours.protect_rtcp(sender_report(number))) == sender_report(number)


@pytest.mark.parametrize("suite", ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"])
def test_what_a_real_ffmpeg_sends_comes_out_as_it_went_in(suite: str, tmp_path: Path) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed")
    sent = np.random.default_rng(1).integers(0, 256, 8000 * 2, np.uint8).tobytes()
    source = tmp_path / "sent.alaw"
    source.write_bytes(sent)
    key = crypto(suite)
    receiver, got = SrtpReceiver(key), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind(("127.0.0.1", 0))
        inbox.settimeout(0.5)
        command = [
            program, "-nostdin", "-v", "error", "-re", "-f", "alaw", "-ar", "8000", "-i", str(source),
            "-c:a", "copy", "-f", "rtp", "-payload_type", "8",
            "-srtp_out_suite", suite, "-srtp_out_params", key.inline().removeprefix("inline:"),
            f"srtp://127.0.0.1:{inbox.getsockname()[1]}?pkt_size=300",
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as ffmpeg:
            while True:
                try:
                    datagram = inbox.recv(2048)
                except TimeoutError:
                    if ffmpeg.poll() is not None:
                        break
                    continue
                # RTCP goes to the next port: nothing else comes here.
                got.append(receiver.unprotect(datagram))
    assert ffmpeg.returncode == 0
    assert b"".join(packet[12:] for packet in got) == sent


# ---- order, wraps and replay -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_order_may_change_within_the_window_and_across_the_wrap(suite: str) -> None:
    key = crypto(suite)
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    plain = [rtp(number, os.urandom(80)) for number in range(65_536 - 40, 65_536 + 40)]
    sealed = [sender.protect(packet) for packet in plain]
    order = [0, *np.random.default_rng(2).permutation(range(1, 60)).tolist(), *range(79, 59, -1)]
    for number in order:
        assert receiver.unprotect(sealed[number]) == plain[number]


def test_a_packet_that_is_late_across_the_wrap_still_opens() -> None:
    key = crypto()
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    early, late, after = (sender.protect(rtp(number)) for number in (65_530, 65_535, 65_550))
    assert receiver.unprotect(early)
    assert receiver.unprotect(after) == rtp(65_550)
    assert receiver.unprotect(late) == rtp(65_535)


def test_a_sender_that_began_just_before_the_wrap_is_followed_when_its_first_packets_are_lost() -> None:
    key = crypto()
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    first, second, third = (sender.protect(rtp(number)) for number in (65_534, 65_537, 65_538))
    assert receiver.unprotect(second) == rtp(65_537)
    assert receiver.unprotect(first) == rtp(65_534)
    assert receiver.unprotect(third) == rtp(65_538)


def test_many_wraps_are_counted() -> None:
    key = crypto()
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    for number in range(0, 5 * 65_536, 20_000):
        assert receiver.unprotect(sender.protect(rtp(number))) == rtp(number)


@pytest.mark.parametrize("suite", SUITES)
def test_nothing_opens_twice(suite: str) -> None:
    key = crypto(suite)
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    sealed = [sender.protect(rtp(number)) for number in range(100)]
    report = sender.protect_rtcp(sender_report(1))
    for packet in sealed:
        receiver.unprotect(packet)
    receiver.unprotect_rtcp(report)
    for packet in sealed:
        with refused("srtp.replay"):
            receiver.unprotect(packet)
    with refused("srtp.replay"):
        receiver.unprotect_rtcp(report)


def test_what_is_older_than_the_window_is_refused_even_when_it_never_came() -> None:
    key = crypto()
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    sealed = [sender.protect(rtp(number)) for number in range(66)]
    receiver.unprotect(sealed[65])
    assert receiver.unprotect(sealed[2]) == rtp(2)
    with refused("srtp.replay"):
        receiver.unprotect(sealed[1])


def test_a_far_jump_forward_is_followed_and_what_was_before_it_is_too_old() -> None:
    key = crypto()
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    before, jumped, after = (sender.protect(rtp(number)) for number in (10, 30_000, 30_001))
    receiver.unprotect(before)
    assert receiver.unprotect(jumped) == rtp(30_000)
    assert receiver.unprotect(after) == rtp(30_001)
    with refused("srtp.replay"):
        receiver.unprotect(before)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-60, 60), min_size=1, max_size=80), st.integers(0, 65_535))
def test_the_index_is_guessed_right_for_any_order_near_the_last(steps: list[int], start: int) -> None:
    highest = 3 * 65_536 + start
    for step in steps:
        index = highest + step
        assert srtp.guess_index(highest, index & 0xFFFF) == index
        highest = max(highest, index)


# ---- master key identifiers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("size", [1, 4, 128])
def test_a_master_key_identifier_travels_with_every_packet(suite: str, size: int) -> None:
    key, plain_key = crypto(suite, mki=(7).to_bytes(size, "big")), crypto(suite)
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    sealed, report = sender.protect(rtp(1)), sender.protect_rtcp(sender_report(1))
    assert len(sealed) == len(SrtpSender(plain_key).protect(rtp(1))) + size
    assert receiver.unprotect(sealed) == rtp(1)
    assert receiver.unprotect_rtcp(report) == sender_report(1)


def test_the_identifier_stands_before_the_tag_of_hmac_and_behind_the_one_of_gcm() -> None:
    plain, named = crypto(), crypto(mki=b"\x07")
    assert SrtpSender(named).protect(rtp(1))[-11] == 7
    assert SrtpSender(named).protect(rtp(1))[-10:] == SrtpSender(plain).protect(rtp(1))[-10:]
    assert SrtpSender(crypto("AEAD_AES_128_GCM", mki=b"\x07")).protect(rtp(1))[-1] == 7


@pytest.mark.parametrize("suite", SUITES)
def test_another_identifier_is_another_key(suite: str) -> None:
    receiver = SrtpReceiver(crypto(suite, mki=b"\x00\x01"))
    sender = SrtpSender(crypto(suite, mki=b"\x00\x02"))
    with refused("srtp.mki"):
        receiver.unprotect(sender.protect(rtp(1)))
    with refused("srtp.mki"):
        receiver.unprotect_rtcp(sender.protect_rtcp(sender_report(1)))


# ---- forgeries and nonsense ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_a_changed_bit_anywhere_is_noticed_and_harms_nothing(suite: str) -> None:
    key = crypto(suite)
    sender, receiver = SrtpSender(key), SrtpReceiver(key)
    sealed, report = sender.protect(rtp(1)), sender.protect_rtcp(sender_report(1))
    for at in range(8 * len(sealed)):
        forged = bytearray(sealed)
        forged[at // 8] ^= 1 << at % 8
        with pytest.raises(SrtpError):
            receiver.unprotect(bytes(forged))
    for at in range(8 * len(report)):
        forged = bytearray(report)
        forged[at // 8] ^= 1 << at % 8
        with pytest.raises(SrtpError):
            receiver.unprotect_rtcp(bytes(forged))
    assert receiver.unprotect(sealed) == rtp(1)
    assert receiver.unprotect_rtcp(report) == sender_report(1)


@pytest.mark.parametrize("suite", SUITES)
def test_every_cut_is_refused(suite: str) -> None:
    key = crypto(suite, mki=b"\x01")
    sealed, report = SrtpSender(key).protect(rtp(1)), SrtpSender(key).protect_rtcp(sender_report(1))
    receiver = SrtpReceiver(key)
    for length in range(len(sealed)):
        with pytest.raises(SrtpError):
            receiver.unprotect(sealed[:length])
    for length in range(len(report)):
        with pytest.raises(SrtpError):
            receiver.unprotect_rtcp(report[:length])


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(SUITES)), st.binary(max_size=200))
def test_no_bytes_raise_anything_else(suite: str, noise: bytes) -> None:
    receiver = SrtpReceiver(crypto(suite))
    for data in (noise, b"\x9f" + noise, b"\x80" + noise):
        with pytest.raises(SrtpError):
            receiver.unprotect(data)
        with pytest.raises(SrtpError):
            receiver.unprotect_rtcp(data)


def test_reports_that_are_authenticated_only_are_opened_too() -> None:
    for suite in ("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"):
        key = crypto(suite)
        word = (5).to_bytes(4, "big")
        transform = srtp._transform(key, control=True)
        _, tag = transform.seal(sender_report(1), b"", SSRC, 5, word)
        trailer = tag + word if key.suite.aead else word + tag
        assert SrtpReceiver(key).unprotect_rtcp(sender_report(1) + trailer) == sender_report(1)


def test_strangers_do_not_take_up_memory_and_the_longest_silent_sender_makes_room() -> None:
    key = crypto()
    receiver = SrtpReceiver(key)
    for ssrc in range(1000):
        with refused("srtp.tag"):
            receiver.unprotect(rtp(1, bytes(170), ssrc=ssrc))
    assert len(receiver._senders._seen) == 0
    main = SrtpSender(key)
    for ssrc in range(100):
        assert receiver.unprotect(main.protect(rtp(60_000 + ssrc * 500))) == rtp(60_000 + ssrc * 500)
        assert receiver.unprotect(SrtpSender(key).protect(rtp(1, ssrc=ssrc))) == rtp(1, ssrc=ssrc)
    assert len(receiver._senders._seen) == srtp.MAX_SSRCS


def test_a_sender_never_seals_two_packets_under_one_index() -> None:
    sender = SrtpSender(crypto())
    sender.protect(rtp(5))
    with refused("srtp.replay"):
        sender.protect(rtp(5, b"other"))
    with refused("srtp.replay"):
        sender.protect(rtp(4))
    for ssrc in range(srtp.MAX_SSRCS - 1):
        sender.protect(rtp(5, ssrc=ssrc))
    with refused("srtp.senders"):
        sender.protect(rtp(5, ssrc=99))
    with refused("srtp.short"):
        sender.protect(b"\x80")
    with refused("srtp.short"):
        sender.protect_rtcp(b"\x80\xc8")


# ---- keys from the session description -------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES)
def test_the_key_of_a_crypto_line_is_read_as_it_is_written(suite: str) -> None:
    for mki in (b"", b"\x01", b"\x00\x00\x00\x09"):
        key = crypto(suite, mki=mki)
        assert Crypto.from_inline(suite, key.inline()) == key
        assert Crypto.from_inline(suite.lower(), key.inline().removeprefix("inline:")) == key


def test_the_example_of_the_standard_is_read() -> None:
    key = Crypto.from_inline("AES_CM_128_HMAC_SHA1_80", "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32")
    assert (len(key.key), len(key.salt), key.mki) == (16, 14, (1).to_bytes(32, "big"))
    assert b64encode(key.key + key.salt) == b"PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"


def test_padding_of_the_key_may_be_left_out() -> None:
    key = crypto("AEAD_AES_128_GCM", seed=3)
    text = key.inline()
    assert text.endswith("=")
    assert Crypto.from_inline("AEAD_AES_128_GCM", text.rstrip("=")) == key


@pytest.mark.parametrize(
    ("suite", "inline", "code"),
    [
        ("F8_128_HMAC_SHA1_80", "A" * 40, "srtp.suite"),
        ("", "", "srtp.suite"),
        ("AES_CM_128_HMAC_SHA1_80", "", "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "inline:", "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 39, "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 37, "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 44, "srtp.key"),
        ("AES_256_CM_HMAC_SHA1_80", "A" * 40, "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 40 + "|2^20|256:1", "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 40 + "|2^20|1:129", "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 40 + ";inline:" + "B" * 40, "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "!" * 40, "srtp.key"),
        ("AES_CM_128_HMAC_SHA1_80", "A" * 100_000, "srtp.key"),
    ],
)
def test_key_parameters_that_make_no_sense_are_refused(suite: str, inline: str, code: str) -> None:
    with refused(code) as caught:
        Crypto.from_inline(suite, inline)
    assert "AAAA" not in str(caught.value)


def test_keys_are_not_shown() -> None:
    key = crypto()
    assert key.key.hex() not in repr(key)
    assert repr(key.key) not in repr(key)
    assert repr(key.salt) not in repr(key)
