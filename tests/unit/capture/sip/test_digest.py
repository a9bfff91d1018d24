"""Digest authentication: the RFC's own numbers, both sides against each other, and what must not pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from candor.capture.sip.digest import (
    Credentials,
    DigestError,
    Nonces,
    authorize,
    challenge,
    parse_authorization,
    response,
    verify,
)
from candor.capture.sip.errors import SipError
from candor.kit import clock

USERS = {"sbc": 'pass "word" ü'}
URI = "sip:record@192.0.2.9"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def answer(nonces: Nonces, *, count: int = 1, user: str = "sbc", password: str | None = None, **changes) -> str:
    offered = challenge("candor", changes.pop("nonce", None) or nonces.issue(), **changes)
    secret = USERS.get(user, "x") if password is None else password
    return authorize(offered, method="INVITE", uri=URI, username=user, password=secret, count=count)


def check(value: str, nonces: Nonces, method: str = "INVITE", realm: str = "candor", **more) -> str:
    return verify(value, method=method, realm=realm, passwords=USERS.get, nonces=nonces, **more)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm, expected):
    given = Credentials(
        username="Mufasa",
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        uri="/dir/index.html",
        response="",
        algorithm=algorithm,
        qop="auth",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert response(given, method="GET", password="Circle of Life") == expected


def test_without_qop_as_rfc_2069_had_it():
    offered = ['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"']
    value = authorize(offered, method="GET", uri="/dir/index.html", username="Mufasa", password="Circle Of Life")
    assert parse_authorization(value).response == "670fd8c2df070c60b045671b8b24ff02"


@pytest.mark.parametrize("algorithms", [("SHA-256", "MD5"), ("MD5",), ("SHA-256",)])
def test_who_knows_the_password_comes_in(algorithms):
    nonces = Nonces()
    value = answer(nonces, algorithms=algorithms)
    assert f"algorithm={algorithms[0]}" in value
    assert check(value, nonces, algorithms=algorithms) == "sbc"


def test_challenge_has_the_best_algorithm_first():
    first, second = challenge('a "b"', "n", stale=True)
    assert first == 'Digest realm="a \\"b\\"", nonce="n", algorithm=SHA-256, qop="auth", stale=true'
    assert "algorithm=MD5" in second


def test_who_does_not_know_it_stays_out():
    nonces = Nonces()
    for value in (
        answer(nonces, password="guess"),
        answer(nonces, user="nobody"),
        answer(nonces, user="nobody", password=""),
        answer(nonces).replace('realm="candor"', 'realm="other"'),
        answer(nonces).replace("qop=auth, ", ""),
        answer(nonces).replace("qop=auth,", "qop=auth-int,"),
        answer(nonces).replace("nc=00000001", "nc=1"),
        answer(nonces).replace("algorithm=SHA-256", "algorithm=SHA-512-256"),
        answer(nonces).replace("algorithm=SHA-256", "algorithm=MD5"),
        answer(nonces).replace(URI, "sip:other@192.0.2.9"),
    ):
        with pytest.raises(DigestError) as caught:
            check(value, nonces)
        assert not caught.value.stale
    with pytest.raises(DigestError):
        check(answer(nonces), nonces, method="BYE")
    with pytest.raises(DigestError):
        check(answer(nonces, algorithms=("MD5",)), nonces, algorithms=("SHA-256",))


def test_nothing_serves_twice():
    nonces = Nonces()
    nonce = nonces.issue()
    values = {count: answer(nonces, nonce=nonce, count=count) for count in (1, 2, 3, 5, 200, 130)}
    for count in (1, 3, 2, 5):  # datagrams overtake one another
        assert check(values[count], nonces) == "sbc"
    for count in (1, 2, 3, 5):
        with pytest.raises(DigestError) as caught:
            check(values[count], nonces)
        assert caught.value.stale
    assert check(values[200], nonces) == "sbc"
    with pytest.raises(DigestError):
        check(values[130], nonces)  # too far behind to remember whether it came


def test_a_wrong_answer_uses_no_count_up():
    nonces = Nonces()
    nonce = nonces.issue()
    with pytest.raises(DigestError):
        check(answer(nonces, nonce=nonce, password="guess"), nonces)
    assert check(answer(nonces, nonce=nonce), nonces) == "sbc"


def test_a_nonce_grows_old():
    nonces = Nonces(lifetime=300)
    with clock.freeze(NOON) as advance:
        value, later = answer(nonces), answer(nonces)
        advance(timedelta(seconds=299))
        assert check(value, nonces) == "sbc"
        advance(timedelta(seconds=2))
        with pytest.raises(DigestError) as caught:
            check(later, nonces)
        assert caught.value.stale
    with clock.freeze(NOON - timedelta(seconds=1)), pytest.raises(DigestError):
        check(later, nonces)  # from the future: the clock was set back


def test_a_nonce_of_another_process_or_a_changed_one_is_stale():
    nonces = Nonces()
    nonce = nonces.issue()
    changed = ("A" if nonce[0] != "A" else "B") + nonce[1:]
    for other in (Nonces().issue(), changed, "x", "", nonce + "A", "ü" * 43, "!" * 43):
        with pytest.raises(DigestError) as caught:
            nonces.check(other)
        assert caught.value.stale
    assert Nonces(b"k" * 32).check(Nonces(b"k" * 32).issue()) is None


def test_the_memory_is_bounded_and_forgets_on_the_safe_side():
    nonces = Nonces(remembered=10)
    used = []
    with clock.freeze(NOON) as advance:
        for _ in range(30):
            advance(timedelta(milliseconds=1))
            used.append(answer(nonces))
            check(used[-1], nonces)
        for value in used:
            with pytest.raises(DigestError):
                check(value, nonces)
        assert len(nonces._used) <= 10
        assert check(answer(nonces), nonces) == "sbc"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic abc",
        "Digest",
        'Digest username="a"',
        'Digest username="a", realm="r", nonce="n", uri="u"',
        'Digest username="", realm="r", nonce="n", uri="u", response="x"',
        'Digest username="a' + "x" * 9000 + '"',
        'Digest username="a, realm="r", nonce="n"',
    ],
)
def test_malformed(value):
    with pytest.raises(SipError):
        check(value, Nonces())


def test_extended_user_name_and_odd_bytes():
    value = "Digest username*=UTF-8''J%C3%BCrgen, realm=r, nonce=n, uri=u, response=\"AB\""
    assert parse_authorization(value).username == "Jürgen"
    assert parse_authorization(value).response == "ab"
    nonces = Nonces()
    strange = answer(nonces).replace('response="', 'response="\ud800é')
    with pytest.raises(DigestError):
        check(strange, nonces)


def test_client_refuses_what_it_cannot_answer():
    for offered in ([], ['Digest realm="r", nonce="n", algorithm=SHA-512-256'], ["Digest realm=r"]):
        with pytest.raises(DigestError):
            authorize(offered, method="INVITE", uri=URI, username="a", password="b")


def test_nothing_secret_shows():
    shown = repr(parse_authorization(answer(Nonces())))
    assert "sbc" not in shown
    assert "response=" not in shown
