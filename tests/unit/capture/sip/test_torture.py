"""The torture messages of RFC 4475 (tests/vectors/sip), each with what must come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.capture.sip import multipart, sdp
from candor.capture.sip.digest import parse_authorization
from candor.capture.sip.errors import SipError
from candor.capture.sip.message import Request, Response, parse, refuse

VECTORS = Path(__file__).parents[3] / "vectors" / "sip"
TAKEN = {
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "trws",
    "baddate",
    "badaspec",
    "baddn",
    "badbranch",
    "unkscm",
    "novelsc",
    "unksm2",
    "bext01",
    "invut",
    "regaut01",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
    "latin1-name",
}
ANSWERS = {"unreason": 200, "noreason": 100, "bcast": 200}
REFUSED = {
    "badinv01": 400,
    "clerr": 400,
    "ncl": 400,
    "scalar02": 400,
    "scalar02-forwards": 400,
    "quotbal": 400,
    "ltgtruri": 400,
    "lwsruri": 400,
    "lwsstart": 400,
    "escruri": 400,
    "regbadct": 400,
    "badvers-answerable": 505,
    "mismatch01": 400,
    "mismatch02": 400,
    "insuf": 400,
    "multi01": 400,
    "mcl01": 400,
    "field-that-is-none": 400,
}
DROPPED = {"scalarlg", "bigcode", "badvers", "ack-without-callid", "http-on-the-port", "stun-on-the-port"}
"""Nothing is sent back: responses, ACKs, and what does not say where an answer would go."""


def read(name: str) -> bytes:
    return (VECTORS / f"{name}.sip").read_bytes()


def request(name: str) -> Request:
    message = parse(read(name))
    assert isinstance(message, Request)
    return message


def test_every_vector_has_its_outcome():
    names = {path.stem for path in VECTORS.glob("*.sip")}
    assert names == TAKEN | set(ANSWERS) | set(REFUSED) | DROPPED
    assert len(names) >= 49


@pytest.mark.parametrize("name", sorted(TAKEN))
def test_is_taken_and_survives_the_way_back(name):
    message = request(name)
    again = parse(bytes(message))
    assert isinstance(again, Request)
    assert (again.method, again.uri, again.body) == (message.method, message.uri, message.body)
    assert [field for field in again.headers if field[0] != "Content-Length"] == [
        field for field in message.headers if field[0] != "Content-Length"
    ]


@pytest.mark.parametrize(("name", "status"), ANSWERS.items())
def test_response_is_taken(name, status):
    message = parse(read(name))
    assert isinstance(message, Response)
    assert message.status == status
    again = parse(bytes(message))
    assert isinstance(again, Response)
    assert (again.status, again.reason, again.body) == (message.status, message.reason, message.body)


@pytest.mark.parametrize(("name", "status"), REFUSED.items())
def test_is_refused_with_a_response_that_can_be_sent(name, status):
    with pytest.raises(SipError) as caught:
        parse(read(name))
    assert caught.value.status == status
    answer = refuse(caught.value, to_tag="ours")
    assert answer is not None
    assert answer.status == status
    assert answer.headers.raw("Via") == caught.value.request_headers.raw("Via")
    assert bytes(answer).startswith(f"SIP/2.0 {status} ".encode())


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_is_dropped_in_silence(name):
    with pytest.raises(SipError) as caught:
        parse(read(name))
    assert refuse(caught.value) is None


@pytest.mark.parametrize("name", sorted({*REFUSED, *DROPPED}))
def test_errors_hold_nothing_of_the_message(name):
    with pytest.raises(SipError) as caught:
        parse(read(name))
    said = f"{caught.value} {caught.value.reason} {caught.value!r}"
    for word in ("example", "192.0", "user", "sip:", "host"):
        assert word not in said.replace("SIP/2.0", "")


def test_wsinv_folding_short_forms_and_lists():
    message = request("wsinv")
    assert message.recipient.tag == "5551212n"
    assert message.sender.display == 'B Quote \\"'
    assert message.sender.tag == "98bea8"
    assert message.cseq.number == 9
    assert [(hop.transport, hop.host) for hop in map(type(message.via).parse, message.headers.all("Via"))] == [
        ("UDP", "192.0.2.2"),
        ("TCP", "spindle.example.com"),
        ("UDP", "192.168.255.111"),
    ]
    assert [type(message.via).parse(hop).branch for hop in message.headers.all("v")][1:] == [
        "z9hG4bK9ikj8",
        "z9hG4bK30239",
    ]
    assert message.headers.get("Subject") == ""
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    contact = message.contact
    assert contact is not None
    assert (contact.display, contact.uri) == ('Quoted string ""', "sip:bea@example.com")
    assert dict(contact.params) == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.sip_uri().params == {"unknownparam": None}
    assert [media.port for media in sdp.parse(message.body).media] == [40100, 40102]


def test_intmeth_every_character_that_may_stand():
    message = request("intmeth")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~"
    uri = message.sip_uri()
    assert (uri.host, uri.user_text) == ("example.com", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
    assert message.recipient.display == "BEL:  NUL:  DEL:"
    assert message.sender.display == "token1~` token2'+_ token3*%!.-"
    assert message.sender.params["fromparam''~+*_!.-%"] == "работа"
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.headers.get("EXTENSIONHeader-!.%*+_`'~") == "\ufeff大停電"


def test_escapes_are_resolved_where_they_are_escapes_and_kept_where_not():
    message = request("esc01")
    assert message.sip_uri().user_text == "sips:user@example.com"
    assert message.sip_uri().host == "example.net"
    assert message.recipient.sip_uri().user == "user"
    assert message.sender.sip_uri().user_text == "I have spaces"
    contact = message.contact
    assert contact is not None
    assert contact.sip_uri().params == {"lr": None, "name": "value%41"}
    assert str(contact.sip_uri()) == "sip:caller@host5.example.net;lr;name=value%2541"
    other = request("esc02")
    assert other.method == "RE%47IST%45R"
    assert other.sender.display == "%Z%45"
    assert other.headers.all("Contact") == ["<sip:alias1@host1.example.com>", "<sip:alias3@host3.example.com>"]
    null = request("escnull")
    assert [type(null.recipient).parse(text).sip_uri().user for text in null.headers.all("m")] == ["%00", "%00%00"]
    assert null.recipient.sip_uri().user_text == "null--null"


def test_long_values_stay_whole():
    message = request("longreq")
    assert len(message.headers.all("Via")) == 34
    assert message.recipient.display is not None
    assert len(message.recipient.display) > 170
    assert message.recipient.sip_uri().port == 6000


def test_only_the_first_message_of_a_datagram_counts():
    message = request("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")


def test_semicolon_belongs_to_the_user_part():
    uri = request("semiuri").sip_uri()
    assert (uri.user_text, uri.host, uri.params) == ("user;par=u@example.net", "example.com", {})
    assert request("semiuri").headers.all("Accept")[-1] == "message/sipfrag"


def test_parameters_of_the_header_and_of_the_uri_are_told_apart():
    bare, angled = request("cparam01").contact, request("cparam02").contact
    assert bare is not None
    assert angled is not None
    assert (dict(bare.params), bare.sip_uri().params) == ({"unknownparam": None}, {})
    assert (dict(angled.params), angled.sip_uri().params) == ({}, {"unknownparam": None})
    escaped = request("regescrt").contact
    assert escaped is not None
    assert escaped.sip_uri().headers == {"route": "<sip:sip.example.com>"}


def test_liberal_where_the_meaning_is_plain():
    assert request("baddn").sender.display == "Bell, Amanda"
    assert request("badaspec").recipient.uri == "sip:t.watson@example.org"
    assert request("latin1-name").sender.display == "Jürgen Möller"
    assert request("inv2543").via.branch is None


def test_what_the_server_has_to_decide_is_readable():
    for name in ("unkscm", "novelsc"):
        with pytest.raises(SipError) as caught:
            request(name).sip_uri()
        assert caught.value.status == 416
    assert request("unksm2").recipient.scheme == "isbn"
    assert request("bext01").headers.tokens("Require") == {"nothingsupportsthis", "nothingsupportsthiseither"}
    assert request("zeromf").headers.get("Max-Forwards") == "0"
    with pytest.raises(SipError):
        parse_authorization(request("regaut01").headers.get("Authorization") or "")


def test_binary_parts_come_out_byte_by_byte():
    message = request("mpart01")
    parts = multipart.split(message.body, message.headers.get("Content-Type"))
    assert [part.content_type for part in parts] == ["text/plain", "application/octet-stream"]
    assert parts[0].body == b"Hello"
    assert parts[1].body == bytes(range(256)) * 2


def test_unreason_is_read_as_utf8():
    message = parse(read("unreason"))
    assert isinstance(message, Response)
    assert message.reason == "= 2**3 * 5**2 двести, ни больше ни меньше"
