"""Whatever arrives, only our errors leave the parsers, and soon."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.sip import multipart, sdp
from candor.capture.sip.digest import Nonces, challenge, parse_authorization
from candor.capture.sip.errors import SipError
from candor.capture.sip.framing import Framer
from candor.capture.sip.message import Request, parse, received_from, refuse, reply
from candor.capture.sip.values import CSeq, MediaType, NameAddr, SipUri, Via
from candor.capture.siprec import metadata
from candor.errors import CandorError
from tests.unit.capture.sip.messages import METADATA, SDP, invite, mutate

VECTORS = Path(__file__).parents[3] / "vectors"
MESSAGES = [invite(), *(path.read_bytes() for path in sorted((VECTORS / "sip").glob("*.sip")))]
DOCUMENTS = [METADATA.encode(), *(path.read_bytes() for path in sorted((VECTORS / "siprec").glob("*.xml")))]
KEY = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4"
CRYPTO = f"m=audio 4 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}\r\n"
BODIES = [invite().partition(b"\r\n\r\n")[2], (VECTORS / "siprec" / "nbr-without-metadata.txt").read_bytes()]


def everything_of_a_message(data: bytes) -> None:
    """What a server does with a datagram."""
    try:
        message = parse(data)
    except SipError as error:
        answer = refuse(error, to_tag="t")
        if answer is not None:
            bytes(answer)
        return
    assert parse(bytes(message)).cseq == message.cseq
    via, sender, to, contact = message.via, message.sender, message.recipient, message.contact
    assert repr((via, sender, to, contact))
    if isinstance(message, Request):
        bytes(reply(message, 200, to_tag="t", body=b"x"))
        bytes(received_from(message, "192.0.2.1", 5060))
        message.sip_uri()
    for part in multipart.split(message.body, message.headers.get("Content-Type")):
        (everything_of_an_offer if part.is_sdp else metadata.parse)(part.body)


def everything_of_an_offer(data: bytes) -> None:
    description = sdp.parse(data)
    assert sdp.parse(bytes(description)).media == description.media
    for media in description.media:
        assert repr((media.rtpmaps, media.fmtp, media.crypto, media.ptime, media.label, media.payload_types))
        assert 0 <= media.rtcp_port <= 65_535
        description.direction(media), description.record(media), description.recordpref(media)


def everything_of_a_document(data: bytes) -> None:
    found = metadata.parse(data)
    again = metadata.parse(metadata.render(found))
    assert metadata.speakers(again) == metadata.speakers(found)
    merged = metadata.merge(metadata.parse(METADATA.encode()), found)
    assert {one.id for one in found.participants} <= {one.id for one in merged.participants}


NAMES = ("group", "session", "participant", "stream", "nameID", "name", "send", "recv", "label", "datamode", "x:y")
NAMES += ("participantsessionassoc", "participantstreamassoc", "sessionrecordingassoc", "associate-time", "Recording")
KEYS = ("participant_id", "session_id", "stream_id", "group_id", "id", "session", "aor", "parent", "xml:lang")
TEXTS = ("", "1", "a", "partial", "2026-03-02T09:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


def element(children: st.SearchStrategy[list[str]]) -> st.SearchStrategy[str]:
    keys = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(TEXTS), max_size=3)
    return st.builds(
        lambda name, keys, inside: (
            f"<{name}{''.join(f' {k}={chr(34)}{v}{chr(34)}' for k, v in keys.items())}>{inside}</{name}>"
        ),
        st.sampled_from(NAMES),
        keys,
        children.map("".join),
    )


TREES = st.recursive(st.sampled_from(TEXTS), lambda inner: element(st.lists(inner, max_size=4)), max_leaves=25)


@settings(deadline=None, max_examples=250)
@given(st.lists(TREES, min_size=1, max_size=6))
def test_well_formed_nonsense_as_metadata(trees):
    data = f"<recording>{''.join(trees)}</recording>".encode()
    if b"</" in data.removesuffix(b"</recording>"):
        everything_of_a_document(data)


def everything_of_a_body(data: bytes) -> None:
    for kind in ("multipart/mixed;boundary=b1", None):
        assert all(len(part.body) <= len(data) for part in multipart.split(data, kind))


def only_ours(action: Callable[[bytes], object], data: bytes) -> None:
    began = time.process_time()
    with suppress(CandorError):  # which one it should be, the tests of each parser say
        action(data)
    assert time.process_time() - began < 1.0


SUBJECTS = {
    "message": (everything_of_a_message, MESSAGES),
    "offer": (everything_of_an_offer, [SDP.encode(), SDP.encode() + CRYPTO.encode()]),
    "metadata": (everything_of_a_document, DOCUMENTS),
    "body": (everything_of_a_body, BODIES),
}


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_damaged(subject, data):
    action, golden = SUBJECTS[subject]
    only_ours(action, mutate(data.draw(st.sampled_from(golden)), data.draw(st.integers(0, 2**32))))


@pytest.mark.parametrize("subject", SUBJECTS)
@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=400))
def test_noise(subject, data):
    only_ours(SUBJECTS[subject][0], data)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(MESSAGES), max_size=3), st.integers(0, 2**32), st.integers(1, 500))
def test_damaged_streams(messages, seed, size):
    framer, data = Framer(), mutate(b"".join(messages), seed)
    try:
        for at in range(0, len(data), size):
            for message in framer.feed(data[at : at + size]):
                only_ours(everything_of_a_message, message)
    except SipError:
        assert framer.idle


READERS = (SipUri.parse, NameAddr.parse, Via.parse, CSeq.parse, MediaType.parse, parse_authorization)


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__qualname__)
@settings(deadline=None, max_examples=150)
@given(
    text=st.text(max_size=60)
    | st.builds(
        "".join,
        st.lists(
            st.sampled_from(
                ["sip:", "a", "@", "b.c", ";", "=", '"', "<", ">", "\\", ",", " ", "%00", "%", ":", "1", "Digest "]
            )
        ),
    )
)
def test_any_text_as_a_value(read, text):
    try:
        value = read(text)
    except SipError:
        return
    if not isinstance(value, MediaType) and read is not parse_authorization:
        assert read(str(value)) == value


BIG = 64 * 1024
HEAD = (
    b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nTo: sip:a@b\r\n"
)


def big(filling: bytes) -> bytes:
    return (filling * (BIG // len(filling) + 1))[: BIG - len(HEAD) - 40]


FILLINGS = [
    b" ",
    b"\t ",
    b",",
    b";",
    b"<",
    b'"',
    b'\\"',
    b"\\",
    b";a",
    b";a=b",
    b"a,",
    b'"",',
    b"<>,",
    b"%41",
    b":",
    b"@",
]


@pytest.mark.parametrize("filling", FILLINGS, ids=repr)
@pytest.mark.parametrize(
    "start", [b"From: ", b"Contact: ", b"Via: SIP/2.0/UDP a", b'From: "', b"X: ", b"Contact: <sip:a@b>;x="]
)
def test_64_kib_of_one_thing_in_a_header(filling, start):
    only_ours(everything_of_a_message, HEAD + start + big(filling) + b"\r\n\r\n")


@pytest.mark.parametrize("filling", [*FILLINGS, b"\n", b"\r\n", b"\r\n ", b"a:b\n", b"l:0\r\n", b"\x00"], ids=repr)
def test_64_kib_of_one_thing_as_a_header(filling):
    only_ours(everything_of_a_message, HEAD + big(filling) + b"\r\n\r\n")
    only_ours(everything_of_a_message, b"INVITE " + big(filling))
    only_ours(everything_of_a_message, b"INVITE sip:" + big(filling) + b" SIP/2.0\r\n\r\n")
    only_ours(lambda data: list(Framer().feed(data)), HEAD + big(filling) + b"\r\n\r\n")


@pytest.mark.parametrize(
    "filling",
    [b" ", b"a=", b"a=x\n", b"m=audio 1 RTP/AVP 0\n", b" 0", b"0 ", b"/1", b"\n", b"a=fmtp:0 ", b"c=IN IP4 a\n"],
    ids=repr,
)
def test_64_kib_of_one_thing_in_an_offer(filling):
    start = b"v=0\no=- 1 1 IN IP4 a\n"
    for more in (
        b"",
        b"m=audio 1 RTP/AVP 0",
        b"m=audio 1 RTP/AVP 0\na=rtpmap:0 ",
        b"m=audio 1 RTP/AVP 0\na=crypto:1 A inline:",
    ):
        only_ours(everything_of_an_offer, (start + more + filling * BIG)[: BIG - 1])


@pytest.mark.parametrize(
    "filling",
    [b"--b1\r\n", b"--b1", b"-", b"--", b"\n--", b"--b1--\r\n", b"\r\n--b1 ", b"--b1\r\nX: y\r\n\r\n"],
    ids=repr,
)
def test_64_kib_of_one_thing_in_a_body(filling):
    only_ours(everything_of_a_body, filling * (BIG // len(filling)))
    only_ours(everything_of_a_body, b"--b1\r\n" + filling * (BIG // len(filling)))


@pytest.mark.parametrize(
    "filling",
    [b"<", b"<a", b"<a>", b"<a/>", b"&lt;", b"&#1;", b" a='b'", b"<a:b>", b"<![CDATA[", b"<!--", b"<?x?>", b"]]>"],
    ids=repr,
)
def test_64_kib_of_one_thing_in_metadata(filling):
    for start in (b"", b"<recording>", b"<recording><participant id='a'>", b"<recording "):
        only_ours(everything_of_a_document, start + filling * (BIG // len(filling)))


def test_64_kib_of_credentials():
    for filling in ('a="b", ', '"', "\\", ",", "="):
        only_ours(lambda data: parse_authorization("Digest " + data.decode()), filling.encode() * 8000)
    only_ours(lambda _: Nonces().check("A" * BIG), b"")
    assert len(challenge("r" * 10, "n")) == 2
