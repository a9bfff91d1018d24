"""Keys for SRTP in a session description: the ``a=crypto`` attribute (SDES, RFC 4568)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_KEYS = 16
"""Keys in one attribute."""
_CRYPTO = re.compile(r"([0-9]{1,9})\s+([0-9A-Za-z_]{1,64})\s+(\S{1,4096})(?:\s+(\S.{0,1023}))?", re.DOTALL)
_KEY = re.compile(
    r"inline:(?P<key>[0-9A-Za-z+/]{16,128}={0,2})"
    r"(?:\|(?P<lifetime>2\^[0-9]{1,2}|[0-9]{1,15}))?"
    r"(?:\|(?P<mki>[0-9]{1,39}):(?P<length>[0-9]{1,3}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptoKey:
    """One ``inline:`` key (RFC 4568 section 6.1)."""

    key: str = field(repr=False)
    """Master key and salt, base64, as written."""
    lifetime: int | None = None
    """Packets; None when not said."""
    mki: int | None = None
    """Master key identifier; None when packets carry none."""
    mki_length: int = 0
    """Bytes of the identifier in each packet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crypto:
    """One ``a=crypto`` attribute."""

    tag: int
    """The answer repeats it."""
    suite: str
    """As in the IANA registry: AES_CM_128_HMAC_SHA1_80, AEAD_AES_256_GCM …"""
    keys: tuple[CryptoKey, ...] = field(repr=False)
    """At least one."""
    session_parameters: tuple[str, ...] = ()
    """Such as UNENCRYPTED_SRTP or WSH=64: a receiver that does not know one must refuse the attribute."""

    @property
    def inline(self) -> str:
        """The first key's parameter behind ``inline:``."""
        return _key_text(self.keys[0])

    def __str__(self) -> str:
        keys = ";".join(f"inline:{_key_text(key)}" for key in self.keys)
        return " ".join((str(self.tag), self.suite, keys, *self.session_parameters))


def _key_text(key: CryptoKey) -> str:
    lifetime = "" if key.lifetime is None else f"|{key.lifetime}"
    mki = "" if key.mki is None else f"|{key.mki}:{key.mki_length}"
    return f"{key.key}{lifetime}{mki}"


def parse_crypto(value: str) -> Crypto | None:
    """Read what stands behind ``a=crypto:``; None when it is malformed (RFC 4568 section 6.1: to be ignored)."""
    found = _CRYPTO.fullmatch(value.strip())
    if found is None:
        return None
    keys = tuple(_parse_key(text) for text in found[3].rstrip(";").split(";", MAX_KEYS))
    if None in keys or len(keys) > MAX_KEYS:
        return None
    return Crypto(
        tag=int(found[1]),
        suite=found[2],
        keys=tuple(key for key in keys if key is not None),
        session_parameters=tuple((found[4] or "").split()),
    )


def _parse_key(text: str) -> CryptoKey | None:
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    length = int(found["length"] or 0)
    if found["mki"] is not None and (not 1 <= length <= 128 or int(found["mki"]) >= 1 << 8 * length):
        return None
    return CryptoKey(
        key=found["key"],
        lifetime=None if found["lifetime"] is None else _packets(found["lifetime"]),
        mki=None if found["mki"] is None else int(found["mki"]),
        mki_length=length,
    )


def _packets(text: str) -> int:
    return 1 << int(text[2:]) if text.startswith("2^") else int(text)
