"""Session descriptions: what is read, what is refused, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.sip import sdp
from candor.capture.sip.crypto import Crypto, CryptoKey, parse_crypto
from candor.capture.sip.sdp import Connection, Media, Origin, RtpMap, SdpError, SessionDescription
from tests.unit.capture.sip.messages import SDP

KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
HEAD = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n"
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=10)
VALUE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30).map(str.strip)
CONNECTIONS = st.none() | st.builds(Connection, address=WORD, address_type=st.sampled_from(["IP4", "IP6"]))
ATTRIBUTES = st.lists(st.tuples(WORD, st.none() | VALUE), max_size=5).map(tuple)
MEDIA = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video"]),
    port=st.integers(0, 65_535),
    ports=st.integers(1, 4),
    protocol=st.sampled_from(["RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"]),
    formats=st.lists(st.integers(0, 127).map(str), min_size=1, max_size=5).map(tuple),
    connection=CONNECTIONS,
    bandwidth=st.lists(st.just("AS:84"), max_size=2).map(tuple),
    attributes=ATTRIBUTES,
)


def one(lines: str) -> Media:
    return sdp.parse((HEAD + lines).encode()).media[0]


@settings(deadline=None, max_examples=150)
@given(
    st.builds(
        SessionDescription,
        origin=st.builds(Origin, username=WORD, session_id=WORD, address=WORD),
        name=WORD,
        connection=CONNECTIONS,
        attributes=ATTRIBUTES,
        media=st.lists(MEDIA, max_size=4).map(tuple),
    )
)
def test_round_trip(description):
    assert sdp.parse(bytes(description)) == description


def test_an_offer_of_two_legs():
    offer = sdp.parse(SDP.encode())
    assert [media.label for media in offer.media] == ["1", "2"]
    assert [offer.direction(media) for media in offer.media] == ["sendonly", "sendonly"]
    assert offer.connection_of(offer.media[0]) == Connection(address="192.0.2.20")
    media = offer.media[0]
    assert media.rtpmaps == {
        0: RtpMap(encoding="PCMU", rate=8000),
        101: RtpMap(encoding="telephone-event", rate=8000),
    }
    assert media.fmtp == {101: "0-15"}
    assert (media.ptime, media.maxptime, media.rtcp_port, media.secure) == (20, None, 20001, False)


def test_session_level_holds_where_a_section_says_nothing():
    text = (
        HEAD
        + "c=IN IP6 2001:db8::1\na=inactive\na=record:paused\nm=audio 4 RTP/AVP 0\nm=audio 6 RTP/AVP 0\nc=IN IP4 a\n"
    )
    text += "a=sendonly\na=record:on\na=recordpref:off\n"
    offer = sdp.parse(text.encode())
    first, second = offer.media
    assert [offer.direction(media) for media in offer.media] == ["inactive", "sendonly"]
    assert [offer.record(media) for media in offer.media] == ["paused", "on"]
    assert [offer.recordpref(media) for media in offer.media] == [None, "off"]
    assert offer.record() == "paused"
    assert offer.connection_of(first) == Connection(address="2001:db8::1", address_type="IP6")
    assert offer.connection_of(second) == Connection(address="a")
    assert sdp.parse((HEAD + "m=audio 4 RTP/AVP 0").encode()).direction(first) == "sendrecv"
    assert sdp.parse((HEAD + "m=audio 4 RTP/AVP 0\na=record:perhaps").encode()).record() is None


def test_static_dynamic_and_odd_payload_types():
    media = one(
        "m=audio 4 RTP/AVP 9 18 96 97 98 0 999 x\n"
        "a=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1;stereo=0\na=rtpmap:97 broken\na=rtpmap:0 pcmu/8000/1\n"
    )
    assert media.payload_types == (9, 18, 96, 97, 98, 0)
    assert media.rtpmaps == {
        9: RtpMap(encoding="G722", rate=8000),
        18: RtpMap(encoding="G729", rate=8000),
        96: RtpMap(encoding="opus", rate=48000, channels=2),
        0: RtpMap(encoding="pcmu", rate=8000),
    }
    assert media.fmtp == {96: "useinbandfec=1;stereo=0"}


@pytest.mark.parametrize(
    ("lines", "port"),
    [
        ("", 4001),
        ("a=rtcp:53020\n", 53020),
        ("a=rtcp:53020 IN IP4 192.0.2.9\n", 53020),
        ("a=rtcp-mux\na=rtcp:53020\n", 4000),
        ("a=rtcp:99999\n", 4001),
        ("a=rtcp:x\n", 4001),
    ],
)
def test_rtcp_port(lines, port):
    assert one("m=audio 4000 RTP/AVP 0\n" + lines).rtcp_port == port


def test_keys():
    media = one(
        "m=audio 4 RTP/SAVP 0\n"
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4\n"
        f"a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY};inline:{KEY}|5:1 UNENCRYPTED_SRTP WSH=64\n"
        "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:short\n"
        "a=crypto:nonsense\n"
        f"a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1000|70000:1\n"
    )
    assert media.secure
    assert media.crypto == (
        Crypto(
            tag=1, suite="AES_CM_128_HMAC_SHA1_80", keys=(CryptoKey(key=KEY, lifetime=1 << 20, mki=1, mki_length=4),)
        ),
        Crypto(
            tag=2,
            suite="AES_CM_128_HMAC_SHA1_32",
            keys=(CryptoKey(key=KEY), CryptoKey(key=KEY, mki=5, mki_length=1)),
            session_parameters=("UNENCRYPTED_SRTP", "WSH=64"),
        ),
    )
    assert KEY not in repr(media.crypto)
    assert KEY not in repr(media)
    assert media.crypto[0].inline == f"{KEY}|1048576|1:4"
    for crypto in media.crypto:
        assert parse_crypto(str(crypto)) == crypto


def test_lines_of_any_end_and_order():
    text = SDP.replace("\r\n", "\n").replace("t=0 0\n", "").replace("c=IN", "t=0 0\nc=IN").rstrip("\n")
    assert sdp.parse(b"\n \n" + text.encode()) == sdp.parse(SDP.encode())
    assert sdp.parse(SDP.replace("\r\n", "\r").encode()) == sdp.parse(SDP.encode())


def test_an_origin_name_with_spaces_and_latin1():
    description = sdp.parse("v=0\no=Vermittlung Köln 1 2 IN IP4 192.0.2.1\ns= \nt=0 0\n".encode("latin-1"))
    assert (description.origin.username, description.origin.session_version) == ("Vermittlung Köln", "2")
    assert sdp.parse(bytes(description)) == description


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"v=1\no=- 1 1 IN IP4 a\n",
        b"o=- 1 1 IN IP4 a\nm=audio 1 RTP/AVP 0\n",
        b"v=0\ns=-\n",
        b"v=0\no=- 1 1 IN\n",
        b"v=0\no=- 1 1 IN IP4 a\nnot a line\n",
        b"v=0\no=- 1 1 IN IP4 a\nc=IN IP4\n",
        b"v=0\no=- 1 1 IN IP4 a\nm=audio\n",
        b"v=0\no=- 1 1 IN IP4 a\nm=audio x RTP/AVP 0\n",
        b"v=0\no=- 1 1 IN IP4 a\nm=audio 65536 RTP/AVP 0\n",
        b"v=0\no=- 1 1 IN IP4 a\nm=audio 1 RTP/AVP\n",
        b"v=0\no=- 1 1 IN IP4 a\n" + b"m=audio 1 RTP/AVP 0\n" * 65,
        b"v=0\no=- 1 1 IN IP4 a\n" + b"a=x\n" * 1001,
        b"v=0\no=- 1 1 IN IP4 a\nm=audio 1 RTP/AVP" + b" 0" * 200,
        b"v=0\no=- 1 1 IN IP4 a\n" + b"a=" + b"x" * 70_000,
    ],
)
def test_refused(data):
    with pytest.raises(SdpError):
        sdp.parse(data)


def test_no_value_can_start_another_line():
    description = SessionDescription(name="x\r\na=inactive", attributes=(("tool", "y\na=inactive"),))
    assert sdp.parse(bytes(description)).own_direction is None
