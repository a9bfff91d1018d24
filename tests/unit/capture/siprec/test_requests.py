"""What messages of a recording session bring: whatever arrives, a value or a refusal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.rtp.dtmf import KEYS
from candor.capture.sip import message as sip
from candor.capture.sip.endpoint import headers
from candor.capture.siprec.requests import Refusal, Timer, contents, keys, refresher, session_timer
from candor.errors import CandorError

_TYPES = [
    "application/dtmf-relay", "application/dtmf", "audio/telephone-event", "application/rs-metadata+xml",
    "application/sdp", "multipart/mixed;boundary=b", "text/plain", "",
]  # fmt: skip


def info(body: bytes, *fields: tuple[str, str]) -> sip.Request:
    return sip.Request(method="INFO", uri="sip:candor@srs", headers=headers(*fields), body=body)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.sampled_from(_TYPES), st.booleans())
def test_any_body_is_a_value_or_a_refusal(body: bytes, kind: str, parted: bool) -> None:
    if parted:
        body = b"--b\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + body + b"\r\n--b--\r\n"
        kind = "multipart/mixed;boundary=b"
    request = info(body, ("Content-Type", kind))
    for read in (contents, keys):
        try:
            found = read(request)
        except (CandorError, Refusal):
            continue
        assert read is contents or set(found) <= set(KEYS)


@pytest.mark.parametrize(
    ("kind", "body", "pressed"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= #\nDuration= 250\n", "#"),
        ("application/dtmf-relay", b"Duration=160\r\nSignal=d\r\n", "D"),
        ("application/dtmf-relay", b"Signal=11\r\nDuration=160\r\n", "#"),
        ("application/dtmf-relay", b"Signal=16\r\nDuration=160\r\n", ""),  # a hook flash
        ("application/dtmf-relay", b"Signal=12345\r\n", ""),
        ("application/dtmf", b"0", "0"),
        ("application/dtmf", b" * \r\n", "*"),
        ("application/DTMF; charset=utf-8", b"9", "9"),
        ("audio/telephone-event", bytes((5, 0x8A, 0, 160)), "5"),
        ("audio/telephone-event", bytes((16, 0x8A, 0, 160)), ""),
        (
            "multipart/mixed;boundary=b",
            b"--b\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=1\r\nDuration=9\r\n--b--\r\n",
            "1",
        ),
    ],
)
def test_keys(kind: str, body: bytes, pressed: str) -> None:
    assert keys(info(body, ("Content-Type", kind))) == pressed


@pytest.mark.parametrize(
    ("fields", "timer"),
    [
        ([], Timer()),
        ([("Supported", "timer, 100rel")], Timer(known=True)),
        ([("k", "timer"), ("x", "90")], Timer(interval=90, known=True)),
        (
            [("Supported", "timer"), ("Session-Expires", "1800 ; Refresher=UAS")],
            Timer(interval=1800, known=True, ours=True),
        ),
        ([("Session-Expires", "1800;refresher=uac")], Timer(interval=1800, ours=True)),
    ],
)
def test_session_timers(fields: list[tuple[str, str]], timer: Timer) -> None:
    assert session_timer(info(b"", *fields)) == timer


@pytest.mark.parametrize(("said", "status"), [("89", 422), ("soon", 400), ("", 400), ("-1", 400), ("9" * 10, 400)])
def test_session_timers_that_are_refused(said: str, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        session_timer(info(b"", ("Session-Expires", said)))
    assert refused.value.status == status


def test_a_refresher_is_found_among_other_parameters() -> None:
    assert refresher('1800;x=";y";refresher="uas"') == "uas"
    assert not refresher("1800;refreshers=uas")
