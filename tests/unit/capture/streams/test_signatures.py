"""Who may connect: the published examples of both signatures, and every way of not being the sender."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candor.capture.streams.signatures import (
    Nonces,
    Upgrade,
    presented_token,
    sign_audiohook,
    twilio_signature,
    verify_audiohook,
    verify_token,
    verify_twilio,
)
from candor.errors import CandorError, Unauthenticated, Unavailable

# The example of the AudioHook protocol's section on establishing a connection: every value is the published one.
EXAMPLE_KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
EXAMPLE_SECRET = base64.b64decode("TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=")
EXAMPLE_CREATED = datetime.fromtimestamp(1641013200, UTC)
EXAMPLE_HEADERS = {
    "host": "audiohook.example.com",
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
    "x-api-key": EXAMPLE_KEY,
    "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
    "signature-input": 'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" '
    f'"audiohook-correlation-id" "x-api-key");keyid="{EXAMPLE_KEY}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";'
    'alg="hmac-sha256";created=1641013200;expires=3282026430',
}
TARGET = "/api/v1/voicebiometrics/ws"


def check(
    headers: dict[str, str] | None = None,
    *,
    target: str = TARGET,
    later: float = 1,
    key: str = EXAMPLE_KEY,
    secret: bytes = EXAMPLE_SECRET,
    nonces: Nonces | None = None,
    public_url: str | None = None,
):
    return verify_audiohook(
        Upgrade(target=target, headers={**EXAMPLE_HEADERS, **(headers or {})}, public_url=public_url),
        api_key=key,
        secret=secret,
        nonces=Nonces() if nonces is None else nonces,
        now=EXAMPLE_CREATED + timedelta(seconds=later),
    )


def test_the_published_example_of_audiohook() -> None:
    who = check()
    assert who.organization_id == "d7934305-0972-4844-938e-9060eef73d05"
    assert who.session_id == "30b0e395-84d3-4570-ac13-9a62d8f514c0"


@pytest.mark.parametrize("later", [-3, 0, 10])
def test_ten_seconds_and_a_little_skew(later: float) -> None:
    check(later=later)


def changed(old: str, new: str) -> dict[str, str]:
    assert old in EXAMPLE_HEADERS["signature-input"]
    return {"signature-input": EXAMPLE_HEADERS["signature-input"].replace(old, new)}


REFUSED: dict[str, dict] = {
    "too_old": {"later": 11},
    "from_the_future": {"later": -4},
    "expired_by_its_own_word": {"headers": changed("expires=3282026430", "expires=1641013200"), "later": 1},
    "another_target": {"target": "/api/v1/voicebiometrics/ws2"},
    "another_host": {"headers": {"host": "audiohook.example.net"}},
    "another_organization": {"headers": {"audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d06"}},
    "another_session": {"headers": {"audiohook-session-id": "40b0e395-84d3-4570-ac13-9a62d8f514c0"}},
    "another_secret": {"secret": b"another secret, as long as the one"},
    "another_key": {"key": "YW5vdGhlciBrZXk="},
    "no_key_set": {"key": ""},
    "no_secret_set": {"secret": b""},
    "api_key_header_differs": {"headers": {"x-api-key": "YW5vdGhlciBrZXk="}},
    "no_api_key_header": {"headers": {"x-api-key": ""}},
    "no_signature": {"headers": {"signature": ""}},
    "no_signature_input": {"headers": {"signature-input": ""}},
    "another_algorithm": {"headers": changed("hmac-sha256", "hmac-sha1")},
    "no_nonce": {"headers": changed(';nonce="VGhpc0lzQVVuaXF1ZU5vbmNl"', "")},
    "short_nonce": {"headers": changed("VGhpc0lzQVVuaXF1ZU5vbmNl", "VGhpc0lzQVVuaXF1ZU5vb")},
    "no_creation": {"headers": changed(";created=1641013200", "")},
    "created_twice": {"headers": changed(";created=1641013200", ";created=1641013200;created=1641013201")},
    "created_in_quotes": {"headers": changed("created=1641013200", 'created="1641013200"')},
    "target_not_covered": {"headers": changed('"@request-target" ', "")},
    "api_key_not_covered": {"headers": changed(' "x-api-key"', "")},
    "covered_twice": {"headers": changed('"@authority"', '"@authority" "@authority"')},
    "glued_components": {"headers": changed('"@request-target" "@authority"', '"@request-target""@authority"')},
    "component_with_parameter": {"headers": changed('"@authority"', '"@authority";req')},
    "order_changed": {"headers": changed('"@request-target" "@authority"', '"@authority" "@request-target"')},
    "label_unknown": {"headers": {"signature": "sig2=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:"}},
    "signature_not_bytes": {"headers": {"signature": 'sig1="NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4="'}},
    "signature_empty": {"headers": {"signature": "sig1=::"}},
    "signature_bad_base64": {"headers": {"signature": "sig1=:A:"}},
    "signature_one_bit_off": {"headers": {"signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJx4=:"}},
    "headers_too_long": {"headers": {"signature-input": EXAMPLE_HEADERS["signature-input"] + ";x=1" * 2000}},
    "not_a_dictionary": {"headers": {"signature-input": "sig1"}},
    "not_a_list": {"headers": {"signature-input": "sig1=1;created=1641013200"}},
    "trailing_rubbish": {"headers": changed("expires=3282026430", "expires=3282026430 and more")},
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_other_audiohook_signature_is_refused(name: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        check(**REFUSED[name])
    assert EXAMPLE_KEY not in str(caught.value)


def test_a_nonce_is_good_once() -> None:
    nonces = Nonces()
    check(nonces=nonces)
    with pytest.raises(Unauthenticated, match="before"):
        check(nonces=nonces, later=2)


def test_a_wrong_signature_takes_no_room_in_the_memory_of_nonces() -> None:
    nonces = Nonces()
    with pytest.raises(Unauthenticated):
        check(nonces=nonces, secret=b"another secret, as long as the one")
    assert len(nonces) == 0


def test_the_memory_of_nonces_is_bounded_and_never_forgets_one_that_is_still_good() -> None:
    nonces = Nonces(3)
    for name in "abc":
        nonces.use(name, until=100, now=90)
    with pytest.raises(Unavailable):
        nonces.use("d", until=100, now=99)
    with pytest.raises(Unauthenticated):
        nonces.use("a", until=100, now=99)
    nonces.use("d", until=120, now=101)
    assert len(nonces) == 1


@pytest.mark.parametrize(
    ("host", "target", "public_url"),
    [
        ("audiohook.example.com:443", TARGET, None),
        ("AudioHook.Example.com", TARGET, None),
        ("127.0.0.1:8443", TARGET, f"wss://audiohook.example.com{TARGET}"),
        ("127.0.0.1:8443", "/audiohook/genesys", f"wss://audiohook.example.com:443{TARGET}"),
    ],
)
def test_a_proxy_in_between(host: str, target: str, public_url: str | None) -> None:
    check({"host": host}, target=target, public_url=public_url)


def test_our_own_signature_is_one_that_we_take() -> None:
    headers = {name: value for name, value in EXAMPLE_HEADERS.items() if not name.startswith("signature")}
    signed = sign_audiohook(
        Upgrade(target=TARGET, headers=headers),
        authority="audiohook.example.com",
        api_key=EXAMPLE_KEY,
        secret=EXAMPLE_SECRET,
        nonce="abcdefghijklmnopqrstuvwx",
        created=1641013200,
    )
    check(signed)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=200), st.text(max_size=80), st.integers(0, 2), st.integers(0, 250))
def test_signature_headers_from_strangers_raise_nothing_but_our_errors(
    noise: str, signature: str, how: int, at: int
) -> None:
    given_input = EXAMPLE_HEADERS["signature-input"]
    headers = [
        {"signature-input": noise, "signature": signature},
        {"signature-input": given_input[:at] + noise + given_input[at:]},
        {"signature": f"sig1=:{signature}:"},
    ][how]
    if headers.get("signature-input", given_input) == given_input and headers.get("signature") is None:
        return
    with pytest.raises(CandorError):
        check(headers)


# Twilio's documented example: a form's fields, which a WebSocket upgrade does not have.
FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}


def test_the_published_example_of_twilio() -> None:
    signature = twilio_signature("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", FORM)
    assert signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


URL = "wss://recorder.example.com/streams/main"


def twilio(
    signature: str, *, token: str = "12345", public_url: str | None = URL, host: str = "10.0.0.1", target: str = "/x"
) -> None:
    headers = {"host": host, "x-twilio-signature": signature}
    verify_twilio(Upgrade(target=target, headers=headers, public_url=public_url), token=token)


@pytest.mark.parametrize(
    "url",
    [URL, f"{URL}/", "wss://recorder.example.com:443/streams/main", "wss://recorder.example.com:443/streams/main/"],
)
def test_twilio_signs_the_address_that_it_was_given(url: str) -> None:
    twilio(twilio_signature("12345", url))
    twilio(twilio_signature("12345", url), public_url=f"{URL}/")
    twilio(twilio_signature("12345", url), public_url=None, host="recorder.example.com", target="/streams/main")


@pytest.mark.parametrize(
    "signature",
    [
        twilio_signature("12346", URL),
        twilio_signature("12345", "https://recorder.example.com/streams/main"),
        twilio_signature("12345", "wss://recorder.example.com/streams/other"),
        twilio_signature("12345", "wss://recorder.example.com:8443/streams/main"),
        twilio_signature("12345", URL)[:-1],
        "",
        "é",
    ],
)
def test_every_other_twilio_signature_is_refused(signature: str) -> None:
    with pytest.raises(Unauthenticated):
        twilio(signature)


def test_without_an_auth_token_nobody_is_twilio() -> None:
    with pytest.raises(Unauthenticated):
        twilio(twilio_signature("", URL), token="")


@pytest.mark.parametrize(
    ("target", "headers", "path_token", "expected"),
    [
        ("/streams/a", {"authorization": "Bearer one"}, None, "one"),
        ("/streams/a", {"authorization": "bearer  one "}, None, "one"),
        ("/streams/a?token=one", {}, None, "one"),
        ("/streams/a?x=1&token=o%2Bne", {}, None, "o+ne"),
        ("/streams/a/one", {}, "one", "one"),
        ("/streams/a", {"authorization": "Basic one"}, None, None),
        ("/streams/a?token=", {}, None, None),
        ("/streams/a?" + "a=1&" * 40 + "token=one", {}, None, None),
        ("//[", {}, None, None),
    ],
)
def test_where_a_token_may_stand(
    target: str, headers: dict[str, str], path_token: str | None, expected: str | None
) -> None:
    assert presented_token(Upgrade(target=target, headers=headers), path_token) == expected


@pytest.mark.parametrize(("presented", "token"), [(None, "one"), ("", "one"), ("two", "one"), ("", ""), ("é", "one")])
def test_every_other_token_is_refused(presented: str | None, token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        verify_token(presented, token=token)
    assert "two" not in str(caught.value)


def test_the_right_token() -> None:
    verify_token("one", token="one")


def test_an_upgrade_shows_no_secrets() -> None:
    shown = repr(Upgrade(target="/streams/a?token=hush", headers={"authorization": "Bearer hush"}))
    assert "hush" not in shown
