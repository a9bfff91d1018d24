"""Header values: what is read, and that writing gives it back (hypothesis)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.sip.errors import SipError
from candor.capture.sip.headers import Headers, canonical, split_list
from candor.capture.sip.values import CSeq, MediaType, NameAddr, SipUri, Via

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~!%*'+`", min_size=1, max_size=12)
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=20)
TEXT = PRINTABLE.map(str.strip)
HOST = st.sampled_from(["example.com", "192.0.2.1", "[2001:db8::1]", "host_1", "a"])
PORT = st.none() | st.integers(1, 65_535)
PARAMS = st.dictionaries(TOKEN, st.none() | TEXT, max_size=4)
USER = st.none() | st.text("abcXYZ019-_.!~*'()&=+$,;?/", min_size=1, max_size=12)
URIS = st.builds(
    SipUri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=USER,
    host=HOST,
    port=PORT,
    params=st.dictionaries(TOKEN, st.none() | PRINTABLE, max_size=3),
    headers=st.dictionaries(TOKEN, PRINTABLE, max_size=3),
)
ROUNDS = settings(deadline=None, max_examples=150)


@ROUNDS
@given(URIS)
def test_uri_round_trip(uri):
    assert SipUri.parse(str(uri)) == uri


@ROUNDS
@given(URIS, st.none() | TEXT.filter(bool), PARAMS)
def test_name_addr_round_trip(uri, display, params):
    address = NameAddr(display=display, uri=str(uri), params=params)
    assert NameAddr.parse(str(address)) == address


@ROUNDS
@given(st.sampled_from(["UDP", "TCP", "TLS", "WSS"]), HOST, PORT, PARAMS)
def test_via_round_trip(transport, host, port, params):
    via = Via(
        transport=transport, host=host, port=port, params={k: v and " ".join(v.split()) for k, v in params.items()}
    )
    assert Via.parse(str(via)) == via


@ROUNDS
@given(st.integers(0, 2**32 - 1), TOKEN)
def test_cseq_round_trip(number, method):
    assert CSeq.parse(str(CSeq(number=number, method=method))) == CSeq(number=number, method=method)


@ROUNDS
@given(st.lists(URIS, min_size=1, max_size=5), TEXT)
def test_lists_come_apart_where_they_were_joined(uris, display):
    items = [str(NameAddr(display=display or None, uri=str(uri))) for uri in uris]
    assert split_list(", ".join(items)) == items


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@example.com",
        "sip:a@",
        "sip:a@b@c",
        "sip:a@example.com:0",
        "sip:a@example.com:65536",
        "sip:a@example.com:99999999",
        "sip:a b@example.com",
        "sip:a@exa mple.com",
        "sip:a@[::1",
        "sip:a@example.com;" + ";".join(f"p{i}" for i in range(100)),
    ],
)
def test_not_a_uri(text):
    with pytest.raises(SipError):
        SipUri.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        '"open <sip:a@example.com>',
        '"name" sip:a@example.com',
        "<sip:a@example.com",
        "<sip:a@example.com> tail",
        "<sip:a b@example.com>",
        '<sip:a@example.com>;p="open',
        "<sip:a@example.com>;=v",
        "<sip:a@example.com>;a b=c",
        'na"me <sip:a@example.com>',
        "sip:a@example.com?x=y",
        "<>",
    ],
)
def test_not_an_address(text):
    with pytest.raises(SipError):
        NameAddr.parse(text)


@pytest.mark.parametrize("text", ["", "1", "INVITE", "-1 INVITE", "4294967296 INVITE", "1 IN VITE", "٣ INVITE"])
def test_not_a_cseq(text):
    with pytest.raises(SipError):
        CSeq.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "SIP/2.0/UDP", "SIP/3.0/UDP a", "HTTP/2.0/UDP a", "SIP/2.0/UDP a:x", "SIP/2.0/UDP a b", "SIP/2.0/UDP <a>"],
)
def test_not_a_via(text):
    with pytest.raises(SipError):
        Via.parse(text)


def test_contact_of_a_recording_client():
    contact = NameAddr.parse('"SRC 1" <sip:src@192.0.2.1:5060;transport=tcp>;+sip.src;+sip.instance="<urn:uuid:1>"')
    assert contact.display == "SRC 1"
    assert contact.params == {"+sip.src": None, "+sip.instance": "<urn:uuid:1>"}
    assert contact.sip_uri().params == {"transport": "tcp"}
    assert "SRC" not in repr(contact)


def test_rport_asks_until_it_is_answered():
    assert Via.parse("SIP/2.0/UDP a;rport;branch=z9hG4bK1").rport is None
    assert Via.parse("SIP/2.0/UDP a;rport=5062").rport == 5062
    for text in ("0", "70000", "٥", "x", "012345678", "9" * 5000):
        assert Via.parse(f"SIP/2.0/UDP a;rport={text}").rport is None


def test_received_with_an_ipv6_address():
    via = Via.parse("SIP/2.0/UDP [2001:DB8::9]:5060;received=2001:db8::1")
    assert (via.host, via.received) == ("[2001:db8::9]", "2001:db8::1")
    assert str(via).endswith(";received=2001:db8::1")


def test_media_type_survives_a_broken_one():
    assert MediaType.parse("application/ +xml").value == "application/+xml"
    assert MediaType.parse('Multipart/Mixed; boundary="a b;c"').params == {"boundary": "a b;c"}
    assert MediaType.parse('text/plain; x="open').params == {}


def test_headers_find_values_in_any_spelling():
    headers = Headers([("v", "SIP/2.0/UDP a, SIP/2.0/UDP b"), ("m", '"x, y" <sip:a@b,c>, <sip:d@e>'), ("FOO", "1, 2")])
    assert headers.get("via") == "SIP/2.0/UDP a"
    assert headers.all("CONTACT") == ['"x, y" <sip:a@b,c>', "<sip:d@e>"]
    assert headers.all("foo") == ["1, 2"]
    assert [name for name, _ in headers] == ["Via", "Contact", "FOO"]
    headers.set("Foo", "3")
    assert headers.all("FOO") == ["3"]
    headers.remove("nothing")
    assert headers.raw("via") == ["SIP/2.0/UDP a, SIP/2.0/UDP b"]
    assert "M" in headers
    assert "X" not in headers
    assert "sip:" not in repr(headers)


def test_every_short_form_has_its_long_form():
    letters = "vftimlcskeouxrbdjnay"
    assert len({canonical(letter) for letter in letters}) == len(letters)
    assert all(len(canonical(letter)) > 1 for letter in letters)


def test_no_value_can_start_another_field():
    headers = Headers([("Subject", "a\r\nEvil: yes"), ("Z", "b\nc\x00d")])
    assert str(headers) == "Subject: a Evil: yes\r\nZ: b c d\r\n"
