"""Who is it that connects? Proofs of the media-stream senders, checked at the WebSocket upgrade.

AudioHook signs the request (HTTP Message Signatures, RFC 9421 as Genesys profiles it), Twilio signs the address
(``X-Twilio-Signature``), the others bring a token of ours. Every check ends in one of two ways: it returns, or it
raises Unauthenticated with a sentence for the person who set the source up; secrets and tokens are in neither.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from candor.errors import Unauthenticated, Unavailable

_COVERED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
"""What an AudioHook signature covers, at least."""
_AGE = 10
"""Seconds that a signature is good for."""
_SKEW = 3
"""Seconds that the sender's clock may be ahead of ours."""
_LONGEST = 4_096
"""Characters of a signature header."""
_NONCE = range(22, 257)
_LABEL = re.compile(r"[a-z*][a-z0-9_\-.*]{0,63}")
_INNER = re.compile(r'\( *((?:"[a-z0-9@\-]{1,64}" *){1,32})\)')
_PARAMETER = re.compile(r';[ \t]*([a-z*][a-z0-9_\-.*]{0,63})=("[\x20\x21\x23-\x5b\x5d-\x7e]*"|\d{1,15})')
_BYTES = re.compile(r":([A-Za-z0-9+/=]*):")
_COMMA = re.compile(r"[ \t]*(?:,[ \t]*|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The request that opens a WebSocket (RFC 6455 section 4.1), as far as a proof needs it."""

    target: str = field(repr=False)
    """Path and query, as sent; the query may hold a token."""
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case; several of one name joined by ``", "``."""
    public_url: str | None = None
    """The address that the sender was given, where a proxy in between changes host or path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioHookIdentity:
    """What the signed headers of an AudioHook client say."""

    organization_id: str
    session_id: str
    correlation_id: str


class Nonces:
    """The nonces of signatures that are still young enough to be played again, at most ``most`` of them."""

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._seen: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def use(self, nonce: str, until: float, now: float) -> None:
        """Take a nonce until Unix time ``until``.

        Raises Unauthenticated when it was taken before, Unavailable when there is no room for more: forgetting one
        that is still good would let it be played again.
        """
        if len(self._seen) >= self._most:
            self._seen = {seen: end for seen, end in self._seen.items() if end >= now}
        if self._seen.get(nonce, 0) >= now:
            raise _refused("The signature was used before.", "Let the sender make a new nonce for every connection.")
        if len(self._seen) >= self._most:
            raise Unavailable("More signed connections arrive than can be told from repeated ones.")
        self._seen[nonce] = until


def verify_audiohook(
    upgrade: Upgrade, *, api_key: str, secret: bytes, nonces: Nonces, now: datetime
) -> AudioHookIdentity:
    """Check an AudioHook client's signature; ``secret`` is the client secret with its base64 taken off.

    1. The headers ``Signature-Input`` and ``Signature`` are there and well formed.
    2. The signature covers all of :data:`_COVERED`, nothing twice, and each of them is there.
    3. Its algorithm is HMAC-SHA-256, its key the API key of the source and of the header ``X-API-KEY``.
    4. It is at most 10 s old, not from the future, and has not expired by its own word.
    5. Its nonce has 22 characters at least.
    6. The signature is right, for the address as it came in or as the sender was given it.
    7. The nonce was not used before; asked last, so that strangers cannot fill the memory.

    Raises Unauthenticated, or Unavailable by 7.
    """
    signed = _Signed.parse(upgrade.headers)  # 1
    headers = {name: upgrade.headers.get(name, "") for name in _COVERED[2:]}
    if len(set(signed.components)) < len(signed.components) or not set(_COVERED) <= set(signed.components):  # 2
        raise _refused(
            "The signature does not cover all that it must.", "Sign the six components that AudioHook names."
        )
    if not all(headers.values()):
        raise _refused("A header that the signature covers is missing.")
    keys = _same(signed.text("keyid"), api_key)
    keys &= _same(headers["x-api-key"], api_key)
    if signed.text("alg") not in ("", "hmac-sha256") or not api_key or not secret:  # 3
        raise _refused("The signature's algorithm is not HMAC-SHA-256, or the source has no key for it.")
    moment = now.timestamp()
    created, expires = signed.number("created"), signed.number("expires")
    if created is None or not moment - _AGE <= created <= moment + _SKEW:  # 4
        raise _refused("The signature is too old, or from the future.", "Compare the clocks of both machines.")
    if expires is not None and expires < moment:
        raise _refused("The signature has expired.", "Compare the clocks of both machines.")
    nonce = signed.text("nonce")
    if len(nonce) not in _NONCE:  # 5
        raise _refused("The signature's nonce is missing or too short.")
    right = False
    for target, authority in _addresses(upgrade):
        base = signed.base({**upgrade.headers, "@request-target": target, "@authority": authority})
        right |= hmac.compare_digest(hmac.digest(secret, base, hashlib.sha256), signed.signature)
    if not right or not keys:  # 6, and the rest of 3: one answer for a wrong key and a wrong secret
        raise _refused(
            "The signature is wrong, or made with another key.",
            "Compare API key and client secret on both sides, and the public address with the sender's.",
        )
    nonces.use(nonce, created + _AGE + _SKEW, moment)  # 7
    return AudioHookIdentity(
        organization_id=headers["audiohook-organization-id"],
        session_id=headers["audiohook-session-id"],
        correlation_id=headers["audiohook-correlation-id"],
    )


def sign_audiohook(
    upgrade: Upgrade, *, authority: str, api_key: str, secret: bytes, nonce: str, created: int
) -> dict[str, str]:
    """The two headers that :func:`verify_audiohook` accepts: for tests and for the recorder's call to itself."""
    names = " ".join(f'"{name}"' for name in _COVERED)
    parameters = f'({names});keyid="{api_key}";nonce="{nonce}";alg="hmac-sha256";created={created}'
    covered = {**upgrade.headers, "@request-target": upgrade.target, "@authority": authority}
    lines = [f'"{name}": {covered[name]}' for name in _COVERED]
    base = "\n".join([*lines, f'"@signature-params": {parameters}']).encode()
    digest = base64.b64encode(hmac.digest(secret, base, hashlib.sha256)).decode()
    return {"signature-input": f"sig1={parameters}", "signature": f"sig1=:{digest}:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """One signature of a request, parsed strictly and written again for checking."""

    components: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    signature: bytes

    @classmethod
    def parse(cls, headers: Mapping[str, str]) -> _Signed:
        """The first signature; raises Unauthenticated when there is none or the headers are not well formed."""
        given, signatures = headers.get("signature-input", ""), headers.get("signature", "")
        if not given or not signatures:
            raise _refused("The connection is not signed.", "Set the client secret on the sender's side.")
        if max(len(given), len(signatures)) > _LONGEST:
            raise _refused("The signature's headers are too long.")
        label, at = _member(given, 0)
        inner = _INNER.match(given, at)
        if inner is None:
            raise _refused("The signature's headers cannot be read.")
        parameters, at = [], inner.end()
        while found := _PARAMETER.match(given, at):
            parameters.append((found[1], found[2]))
            at = found.end()
        if not _COMMA.match(given, at) or len({name for name, _ in parameters}) < len(parameters):
            raise _refused("The signature's headers cannot be read.")
        return cls(
            components=tuple(inner[1].replace('"', "").split()),
            parameters=tuple(parameters),
            signature=_signature(signatures, label),
        )

    def text(self, name: str) -> str:
        """A parameter in quotation marks; empty when it is not there."""
        value = dict(self.parameters).get(name, "")
        return value[1:-1] if value.startswith('"') else ""

    def number(self, name: str) -> int | None:
        """A parameter that is a whole number; None when it is not there."""
        value = dict(self.parameters).get(name, "")
        return int(value) if value.isdigit() else None

    def base(self, values: Mapping[str, str]) -> bytes:
        """The signature base (RFC 9421 section 2.5)."""
        names = " ".join(f'"{name}"' for name in self.components)
        told = "".join(f";{name}={value}" for name, value in self.parameters)
        lines = [f'"{name}": {values.get(name, "").strip()}' for name in self.components]
        return "\n".join([*lines, f'"@signature-params": ({names}){told}']).encode("utf-8", "surrogateescape")


def _member(text: str, at: int) -> tuple[str, int]:
    """The label of a dictionary's member (RFC 8941 section 3.2) and where its value begins."""
    label = _LABEL.match(text, at)
    if label is None or text[label.end() : label.end() + 1] != "=":
        raise _refused("The signature's headers cannot be read.")
    return label[0], label.end() + 1


def _signature(text: str, wanted: str) -> bytes:
    """The bytes under the label ``wanted``."""
    at = 0
    while at < len(text):
        label, at = _member(text, at)
        value = _BYTES.match(text, at)
        comma = value and _COMMA.match(text, value.end())
        if not value or not comma:
            break
        if label == wanted:
            try:
                return base64.b64decode(value[1], validate=True)
            except binascii.Error as error:
                raise _refused("The signature's headers cannot be read.") from error
        at = comma.end()
    raise _refused("The signature's headers cannot be read.")


def _addresses(upgrade: Upgrade) -> list[tuple[str, str]]:
    """Request target and authority (RFC 9421 section 2.2): as they came in, and as the sender was given them."""
    host = upgrade.headers.get("host", "").strip().lower()
    found = [(upgrade.target, host), (upgrade.target, _without_port(host))]
    if upgrade.public_url is not None:
        public = urlsplit(upgrade.public_url)
        target = (public.path or "/") + (f"?{public.query}" if public.query else "")
        authority = public.netloc.rpartition("@")[2].lower()
        found += [(target, authority), (target, _without_port(authority)), (upgrade.target, _without_port(authority))]
    return found


def _without_port(authority: str) -> str:
    """Default ports are left out where addresses are compared."""
    return re.sub(r":(?:443|80)$", "", authority)


def twilio_signature(token: str, url: str, parameters: Mapping[str, str] | None = None) -> str:
    """What Twilio puts into ``X-Twilio-Signature``: HMAC-SHA-1 over the address and a form's sorted fields, base64."""
    told = url + "".join(name + value for name, value in sorted((parameters or {}).items()))
    return base64.b64encode(hmac.digest(token.encode(), told.encode("utf-8", "surrogateescape"), hashlib.sha1)).decode()


def verify_twilio(upgrade: Upgrade, *, token: str) -> None:
    """Check the signature that Twilio sends with a WebSocket upgrade; ``token`` is the account's auth token.

    1. There is a token to check with, and a signature to check.
    2. The signature is right for the address that Twilio was given, with or without slash at its end and port 443.

    Raises Unauthenticated.
    """
    given = upgrade.headers.get("x-twilio-signature", "")
    if not token or not given:  # 1
        raise _refused("The connection carries no X-Twilio-Signature.", "Only Twilio may use this address.")
    right = False
    for url in _twilio_urls(upgrade):  # 2
        right |= _same(given, twilio_signature(token, url))
    if not right:
        raise _refused(
            "The X-Twilio-Signature is wrong.",
            "Compare the auth token, and set the public address exactly as it stands in TwiML.",
        )


def _twilio_urls(upgrade: Upgrade) -> Sequence[str]:
    url = upgrade.public_url or f"wss://{upgrade.headers.get('host', '')}{upgrade.target}"
    bare, mark, query = url.partition("?")
    bare = bare.rstrip("/")
    scheme, _, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    hosts = {host, _without_port(host), f"{_without_port(host)}:443"}
    return [f"{scheme}://{one}{slash}{path}{end}{mark}{query}" for one in sorted(hosts) for end in ("", "/")]


def presented_token(upgrade: Upgrade, path_token: str | None = None) -> str | None:
    """The token that an upgrade brings: ``Authorization: Bearer``, ``?token=`` or the end of its path; None if none."""
    scheme, _, bearer = upgrade.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    try:
        asked = parse_qs(urlsplit(upgrade.target).query, max_num_fields=32).get("token")
    except ValueError:
        asked = None
    return asked[0] if asked else path_token


def verify_token(presented: str | None, *, token: str) -> None:
    """Check a token in constant time; raises Unauthenticated."""
    if not token or presented is None or not _same(presented, token):
        raise _refused("The token is wrong or missing.", "Compare the token in the stream's address with the source's.")


def _same(one: str, other: str) -> bool:
    """In a time that tells nothing about where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogateescape"), other.encode("utf-8", "surrogateescape"))


def _refused(message: str, advice: str = "") -> Unauthenticated:
    return Unauthenticated(message, code="streams.unproven", advice=advice)
