"""Messages as a whole: reading, answering, framing on streams."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.sip.errors import SipError
from candor.capture.sip.framing import Framer
from candor.capture.sip.message import Request, Response, parse, received_from, refuse, reply
from tests.unit.capture.sip.messages import invite


def request(data: bytes | None = None) -> Request:
    message = parse(data or invite())
    assert isinstance(message, Request)
    return message


def test_a_recording_invite():
    message = request()
    assert (message.method, message.sip_uri().port) == ("INVITE", 5060)
    assert message.contact is not None
    assert "+sip.src" in message.contact.params
    assert message.headers.tokens("require") == {"siprec"}
    assert bytes(message) == invite()


def test_reply_copies_what_8_2_6_asks_for():
    message = request()
    answer = reply(message, 200, to_tag="t9", headers=[("Contact", "<sip:record@192.0.2.9>;+sip.srs")], body=b"v=0\r\n")
    again = parse(bytes(answer))
    assert isinstance(again, Response)
    assert (again.status, again.reason, again.body) == (200, "OK", b"v=0\r\n")
    for name in ("Via", "From", "Call-ID", "CSeq", "Record-Route"):
        assert again.headers.raw(name) == message.headers.raw(name)
    assert again.recipient.tag == "t9"
    assert again.headers.get("Content-Length") == "5"
    in_dialog = request(invite().replace(b"To: <sip:record@192.0.2.9>", b"To: <sip:record@192.0.2.9>;tag=old"))
    assert reply(in_dialog, 200, to_tag="new").recipient.tag == "old"
    trying = reply(message, 100)
    assert trying.recipient.tag is None
    assert "Record-Route" not in trying.headers


def test_reply_to_a_bare_to_keeps_the_tag_out_of_the_uri():
    message = request(invite().replace(b"To: <sip:record@192.0.2.9>", b"To: sip:record@192.0.2.9"))
    to = reply(message, 486, to_tag="t").recipient
    assert (to.uri, to.tag) == ("sip:record@192.0.2.9", "t")


def test_received_and_rport_are_noted_on_the_topmost_via_only():
    data = invite().replace(b";rport\r\n", b";rport;received=203.0.113.1, SIP/2.0/TCP first.example.com\r\n")
    noted = received_from(request(data), "198.51.100.7", 6001)
    assert (noted.via.received, noted.via.rport) == ("198.51.100.7", 6001)
    assert noted.headers.all("Via")[1:] == ["SIP/2.0/TCP first.example.com"]
    plain = received_from(request(invite().replace(b";rport", b"")), "192.0.2.20", 6001)
    assert (plain.via.received, plain.via.rport) == (None, None)
    other = received_from(request(invite().replace(b";rport", b"")), "2001:db8::5", 6001)
    assert other.via.received == "2001:db8::5"
    assert parse(bytes(other)).via.received == "2001:db8::5"


def test_body_over_the_limit_and_header_over_the_limit():
    with pytest.raises(SipError) as caught:
        parse(invite(body=b"").replace(b"Content-Length: 0", b"Content-Length: 1048577"))
    assert caught.value.status == 413
    assert refuse(caught.value).status == 413
    with pytest.raises(SipError) as caught:
        parse(invite(body=b"").replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"))
    assert caught.value.status == 513
    with pytest.raises(SipError) as caught:
        parse(invite(body=b"").replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 600 + b"\r\n"))
    assert caught.value.status == 513
    with pytest.raises(SipError) as caught:
        parse(invite(body=b"").replace(b"sip:record@192.0.2.9:5060 ", b"sip:" + b"r" * 9000 + b"@192.0.2.9 "))
    assert caught.value.status == 414


def test_bare_line_feeds_and_leading_blank_lines():
    message = request(b"\r\n\r\n" + invite(body=b"").replace(b"\r\n", b"\n"))
    assert message.headers == request(invite(body=b"")).headers


def test_without_content_length_a_datagram_is_all_body():
    assert request(invite(body=b"abc").replace(b"Content-Length: 3\r\n", b"")).body == b"abc"
    assert request(invite(body=b"abc") + b"trailing").body == b"abc"


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\x00", b"INVITE", b"INVITE \r\n\r\n", b"\xff" * 100, b"SIP/2.0"])
def test_nothing_to_answer(data):
    with pytest.raises(SipError) as caught:
        parse(data)
    assert refuse(caught.value) is None


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=200), max_size=4), st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_a_stream_comes_apart_however_it_is_cut(bodies, cuts, pings):
    messages = [invite(body=body) for body in bodies]
    framer, got = Framer(), []
    for piece in pieces((b"\r\n\r\n" if pings else b"").join([b"", *messages]), cuts):
        got += framer.feed(piece)
    assert got == messages
    assert framer.idle
    assert framer.take_pings() == (len(messages) if pings else 0)
    assert framer.take_pings() == 0


def test_folded_short_and_lf_only_lengths_on_a_stream():
    framer = Framer()
    first = invite(body=b"abc").replace(b"Content-Length: 3", b"l :\r\n  3")
    second = invite(body=b"").replace(b"\r\n", b"\n")
    assert list(framer.feed(first + second)) == [first, second]


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Content-Length: 3\r\n", b"", 400),
        (b"Content-Length: 3", b"Content-Length: -3", 400),
        (b"Content-Length: 3", b"Content-Length: 3\r\nl: 4", 400),
        (b"Content-Length: 3", b"Content-Length: 9999999", 413),
        (b"Max-Forwards: 70", b"X: " + b"y" * 70_000, 513),
    ],
)
def test_a_stream_ends_at_the_first_message_without_a_usable_length(old, new, status):
    framer, good = Framer(), invite(body=b"abc")
    messages = framer.feed(good + good.replace(old, new) + good)
    assert next(messages) == good
    with pytest.raises(SipError) as caught:
        next(messages)
    assert caught.value.status == status
    assert list(framer.feed(good)) == []
    if status != 513:
        assert refuse(caught.value).status == status


def test_a_header_that_never_ends_is_cut_off():
    framer = Framer()
    for _ in range(8):
        assert list(framer.feed(b"INVITE x" * 1000)) == []
    with pytest.raises(SipError) as caught:
        list(framer.feed(b"INVITE x" * 1000))
    assert caught.value.status == 513
    assert framer.idle


def test_half_a_ping_waits_for_its_other_half():
    framer = Framer()
    assert list(framer.feed(b"\r\n")) == []
    assert framer.take_pings() == 0
    assert list(framer.feed(b"\r\n")) == []
    assert framer.take_pings() == 1
