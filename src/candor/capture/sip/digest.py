"""Digest authentication (RFC 7616; SHA-256 in SIP: RFC 8760), both sides.

The server's nonces are stateless: a time and a random part under a keyed hash. What it remembers is only which nonce
counts were used, so that nothing that was once sent serves twice; that memory is bounded, and forgets on the safe side.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from candor.capture.sip.errors import SipError
from candor.capture.sip.headers import split_outside
from candor.errors import Unauthenticated
from candor.kit import clock

ALGORITHMS = ("SHA-256", "MD5")
"""In order of preference (RFC 8760 section 2.4)."""
MAX_FIELD = 8 * 1024
_QUOTABLE = re.compile(r"[\x00-\x1f\x7f]")
_HEX_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STAMP = struct.Struct(">Q8s")
_MAC_BYTES = 16
_WINDOW = 64


class DigestError(Unauthenticated):
    """Credentials that do not let in; the request is to be challenged (again)."""

    code = "sip.unauthenticated"

    def __init__(self, message: str, *, stale: bool = False) -> None:
        super().__init__(message)
        self.stale = stale
        """Only the nonce was too old: the client may answer a fresh one without asking for the password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An Authorization or Proxy-Authorization field (RFC 7616 section 3.4)."""

    username: str = field(repr=False)
    realm: str
    nonce: str = field(repr=False)
    uri: str = field(repr=False)
    response: str = field(repr=False)
    algorithm: str = "MD5"
    """Upper case."""
    qop: str | None = None
    nc: str | None = None
    cnonce: str | None = field(default=None, repr=False)
    opaque: str | None = field(default=None, repr=False)


def challenge(
    realm: str, nonce: str, *, algorithms: Sequence[str] = ALGORITHMS, stale: bool = False, opaque: str | None = None
) -> list[str]:
    """Values for WWW-Authenticate (or Proxy-Authenticate) fields, one for each algorithm, best first."""
    tail = (f", opaque={_quoted(opaque)}" if opaque else "") + (", stale=true" if stale else "")
    return [
        f'Digest realm={_quoted(realm)}, nonce={_quoted(nonce)}, algorithm={algorithm}, qop="auth"{tail}'
        for algorithm in algorithms
    ]


def parse_authorization(value: str) -> Credentials:
    """Read one; SipError 400 when it is not a complete Digest field."""
    fields = _fields(value)
    if (extended := fields.get("username*")) and "username" not in fields:
        fields["username"] = _extended(extended)
    missing = [name for name in ("username", "realm", "nonce", "uri", "response") if not fields.get(name)]
    if missing:
        raise SipError(f"A Digest field of a SIP message has no {missing[0]}.")
    return Credentials(
        username=fields["username"],
        realm=fields["realm"],
        nonce=fields["nonce"],
        uri=fields["uri"],
        response=fields["response"].lower(),
        algorithm=fields.get("algorithm", "MD5").upper(),
        qop=fields["qop"].lower() if "qop" in fields else None,
        nc=fields.get("nc"),
        cnonce=fields.get("cnonce"),
        opaque=fields.get("opaque"),
    )


class Nonces:
    """Makes and checks the server's nonces; one for a process.

    ``lifetime`` in seconds; ``remembered``: how many nonces' counts are kept. When that many are in use at once, the
    oldest becomes stale, and with it every unused nonce of its age: a count that was forgotten never passes again.
    """

    def __init__(self, key: bytes | None = None, *, lifetime: float = 300.0, remembered: int = 10_000) -> None:
        self._key = key or os.urandom(32)
        self._lifetime = lifetime
        self._remembered = remembered
        self._used: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """Nonce to (microseconds when made, highest count, bit window of the counts below it)."""
        self._floor = 0

    def issue(self) -> str:
        """A fresh nonce."""
        stamp = _STAMP.pack(_micros(), os.urandom(8))
        return base64.urlsafe_b64encode(stamp + self._mac(stamp)).decode().rstrip("=")

    def check(self, nonce: str) -> None:
        """Raise DigestError unless we made it, and lately (``stale`` when we made it, but too long ago)."""
        made = self._made(nonce)
        if made is None:
            # Also what a restart of ours looks like: not the client's fault, so it may simply try again.
            raise DigestError("The nonce is not one of ours.", stale=True)
        age = (_micros() - made) / 1_000_000
        if not 0 <= age <= self._lifetime or (made <= self._floor and nonce not in self._used):
            raise DigestError("The nonce is too old.", stale=True)

    def use(self, nonce: str, count: int) -> None:
        """Take one nonce count; only after the response proved right. Raises a stale DigestError when it was used."""
        made = self._made(nonce)
        if made is None or not 0 < count < 1 << 32:
            raise DigestError("The nonce count is not valid.", stale=True)
        _, highest, window = self._used.get(nonce, (made, 0, 0))
        ahead = count - highest
        if ahead > 0:
            window = (window << ahead | 1) & (1 << _WINDOW) - 1 if ahead < _WINDOW else 1
            highest = count
        elif -ahead >= _WINDOW or window >> -ahead & 1:
            raise DigestError("The nonce count was used before.", stale=True)
        else:
            window |= 1 << -ahead
        self._used[nonce] = (made, highest, window)
        self._forget()

    def _forget(self) -> None:
        """Keep the memory bounded, in the order in which nonces were first used."""
        oldest_valid = _micros() - int(self._lifetime * 1_000_000)
        while self._used:
            made = next(iter(self._used.values()))[0]
            if made >= oldest_valid and len(self._used) <= self._remembered:
                return
            self._used.popitem(last=False)
            self._floor = max(self._floor, made)

    def _made(self, nonce: str) -> int | None:
        """When we made it, in microseconds of Unix time; None when it is not ours."""
        if len(nonce) != 43 or not nonce.isascii():
            return None
        try:
            data = base64.b64decode(nonce + "=", altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        stamp, mac = data[: _STAMP.size], data[_STAMP.size :]
        if not hmac.compare_digest(mac, self._mac(stamp)):
            return None
        made: int = _STAMP.unpack(stamp)[0]
        return made

    def _mac(self, stamp: bytes) -> bytes:
        return hmac.digest(self._key, stamp, "sha256")[:_MAC_BYTES]


def verify(
    authorization: str,
    *,
    method: str,
    realm: str,
    passwords: Callable[[str], str | None],
    nonces: Nonces,
    algorithms: Sequence[str] = ALGORITHMS,
) -> str:
    """The user's name, once the field proves the password (RFC 7616 section 3.4; ``qop=auth`` is required).

    ``passwords`` gives a user's password, or None. Raises DigestError (challenge again; with ``stale`` when only the
    nonce was at fault), SipError 400 for a malformed field. An unknown user and a wrong password look the same.
    """
    given = parse_authorization(authorization)
    if given.realm != realm or given.algorithm not in algorithms:
        raise DigestError("The credentials are for another realm or algorithm.")
    if given.qop != "auth" or not given.cnonce or _HEX_COUNT.fullmatch(given.nc or "") is None:
        raise DigestError("The credentials do not use qop=auth.")
    nonces.check(given.nonce)
    password = passwords(given.username)
    expected = response(given, method=method, password=password if password is not None else os.urandom(16).hex())
    proven = hmac.compare_digest(expected.encode(), given.response.encode("utf-8", "replace"))
    if password is None or not proven:
        raise DigestError("The user name or the password is wrong.")
    nonces.use(given.nonce, int(given.nc or "0", 16))
    return given.username


def authorize(
    challenges: Sequence[str],
    *,
    method: str,
    uri: str,
    username: str,
    password: str,
    count: int = 1,
    cnonce: str | None = None,
) -> str:
    """The client's answer to a challenge (all WWW-Authenticate values of a 401): an Authorization value.

    ``count`` goes up each time the same nonce is answered. Raises DigestError when no challenge can be answered.
    """
    offered: dict[str, dict[str, str]] = {}
    for value in challenges:
        fields = _fields(value)
        offered.setdefault(fields.get("algorithm", "MD5").upper(), fields)
    algorithm = next((name for name in ALGORITHMS if name in offered), None)
    if algorithm is None or not offered[algorithm].get("nonce"):
        raise DigestError("The server asks for an authentication that is not supported.")
    fields = offered[algorithm]
    qop = "auth" if "auth" in [item.strip().lower() for item in fields.get("qop", "").split(",")] else None
    mine = Credentials(
        username=username,
        realm=fields.get("realm", ""),
        nonce=fields["nonce"],
        uri=uri,
        response="",
        algorithm=algorithm,
        qop=qop,
        nc=f"{count:08x}" if qop else None,
        cnonce=(cnonce or os.urandom(16).hex()) if qop else None,
    )
    parts = [
        f"username={_quoted(username)}",
        f"realm={_quoted(mine.realm)}",
        f"nonce={_quoted(mine.nonce)}",
        f"uri={_quoted(uri)}",
        f'response="{response(mine, method=method, password=password)}"',
        f"algorithm={algorithm}",
    ]
    if qop:
        parts += [f"qop={qop}", f"nc={mine.nc}", f"cnonce={_quoted(mine.cnonce or '')}"]
    if "opaque" in fields:
        parts.append(f"opaque={_quoted(fields['opaque'])}")
    return "Digest " + ", ".join(parts)


def response(credentials: Credentials, *, method: str, password: str) -> str:
    """The request-digest (RFC 7616 section 3.4.1) that these credentials should carry, in hexadecimal."""
    digest = _sha256 if credentials.algorithm == "SHA-256" else _md5
    secret = digest(f"{credentials.username}:{credentials.realm}:{password}")
    asked = digest(f"{method}:{credentials.uri}")
    if credentials.qop is None:  # RFC 2617 section 3.2.2.1; only when a server we call asks for it
        return digest(f"{secret}:{credentials.nonce}:{asked}")
    return digest(
        f"{secret}:{credentials.nonce}:{credentials.nc}:{credentials.cnonce}:{credentials.qop}:{asked}",
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _micros() -> int:
    return int(clock.now().timestamp() * 1_000_000)


def _quoted(text: str) -> str:
    escaped = _QUOTABLE.sub(" ", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fields(value: str) -> dict[str, str]:
    """Names (lower case) and unquoted values of a Digest field; the first of equal names counts."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest" or len(value) > MAX_FIELD:
        raise SipError("A SIP message carries credentials that are not Digest.")
    fields: dict[str, str] = {}
    for item in split_outside(rest, ","):
        name, equals, text = item.partition("=")
        if not equals:
            continue
        text = text.strip()
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = _ESCAPED.sub(r"\1", text[1:-1])
        fields.setdefault(name.strip().lower(), text)
    return fields


def _extended(text: str) -> str:
    """``username*`` (RFC 8187): ``UTF-8''...``."""
    charset, _, rest = text.partition("'")
    return unquote(rest.partition("'")[2]) if charset.upper() == "UTF-8" else ""
