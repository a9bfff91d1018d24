"""Inline content and content hashes (vCon core, sections "Inline Files" and "content_hash")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from candor.errors import InvalidInput

_HASHES = {"sha512": hashlib.sha512, "sha256": hashlib.sha256, "sha384": hashlib.sha384}


def from_base64url(text: str) -> bytes:
    """Decode base64url with or without padding, also the plain alphabet that some senders use; raises ValueError."""
    text = re.sub(r"\s", "", text).replace("+", "-").replace("/", "_").rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def to_base64url(data: bytes) -> str:
    """Unpadded, as the draft demands."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def content_hash(digest: bytes) -> str:
    """The ``content_hash`` of content with this SHA-512."""
    return f"sha512-{to_base64url(digest)}"


def hash_hex(value: str) -> str | None:
    """The digest inside a content hash, in hexadecimal; None when it is malformed."""
    try:
        return from_base64url(value.partition("-")[2]).hex()
    except ValueError:
        return None


def hashes(item: Mapping[str, Any]) -> tuple[str, ...]:
    """The content hashes of an object; before 0.0.2 they were ``alg`` and ``signature``."""
    found = item.get("content_hash")
    if isinstance(found, str) and found:
        return (found,)
    if isinstance(found, list):
        return tuple(value for value in found if isinstance(value, str))
    algorithm, digest = item.get("alg"), item.get("signature")
    if isinstance(algorithm, str) and isinstance(digest, str) and algorithm.upper().replace("-", "") == "SHA512":
        return (f"sha512-{digest}",)
    return ()


def inline(item: Mapping[str, Any], where: str) -> bytes | None:
    """The inline content of an object as bytes; None when it has none.

    Raises InvalidInput ``vcon.body`` when it cannot be decoded, ``vcon.content_hash`` when it is not what was hashed.
    """
    body = item.get("body")
    if body is None:
        return None
    encoding = item.get("encoding") or ("none" if isinstance(body, str) else "json")
    if encoding == "base64url" and isinstance(body, str):
        try:
            data = from_base64url(body)
        except ValueError:
            raise InvalidInput(f"{where}.body is not base64url.", code="vcon.body") from None
    elif isinstance(body, str):
        data = body.encode("utf-8", "surrogatepass")
    else:
        # A JSON value has no bytes of its own: its hash cannot be compared.
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    verify(data, hashes(item), where)
    return data


def verify(data: bytes, promised: tuple[str, ...], where: str) -> None:
    """Compare ``data`` with every hash of a known kind; raises InvalidInput ``vcon.content_hash`` when one differs."""
    for value in promised:
        name, _, digest = value.partition("-")
        maker = _HASHES.get(name.lower())
        if maker is None:
            continue
        try:
            expected = from_base64url(digest)
        except ValueError:
            expected = b""
        if maker(data).digest() != expected:
            raise InvalidInput(
                f"{where}.content_hash does not match the content: it was changed or damaged on the way.",
                code="vcon.content_hash", advice="Ask the sender for the document again.",
            )  # fmt: skip
