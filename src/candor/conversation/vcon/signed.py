"""Signed vCons: JWS in General JSON form (RFC 7515 section 7.2.1)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from candor.conversation.vcon.encoding import from_base64url
from candor.conversation.vcon.model import Signature
from candor.errors import InvalidInput

_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def open_signed(document: Mapping[str, Any]) -> tuple[bytes, Signature]:
    """The payload of a signed document, and how far its signatures were checked.

    1. The form is JWS General JSON. 2. Every signature has a protected header with an algorithm: what is beside it
    is not covered and not believed. 3. A signature whose certificate travels with it verifies over exactly
    ``protected.payload``. Whether the certificate is to be trusted is not decided here. Raises InvalidInput
    ``vcon.signature`` when one of the three fails.
    """
    payload, signatures = document.get("payload"), document.get("signatures")
    if not isinstance(payload, str) or not isinstance(signatures, list) or not signatures:  # (1)
        raise _bad("it is not in JWS General JSON form")
    try:
        content = from_base64url(payload)
    except ValueError:
        raise _bad("its payload is not base64url") from None
    checked = [_check(payload, item) for item in signatures]
    return content, Signature.VALID if all(checked) else Signature.UNCHECKED


def _check(payload: str, item: object) -> bool:
    """True when the signature verified, False when no key came with it."""
    if not isinstance(item, Mapping) or not isinstance(item.get("protected"), str):
        raise _bad("a signature has no protected header")
    protected = item["protected"]
    try:
        header = json.loads(from_base64url(protected))
        signature = from_base64url(str(item.get("signature", "")))
    except (ValueError, RecursionError):
        raise _bad("a signature is not base64url JSON") from None
    algorithm = header.get("alg") if isinstance(header, Mapping) else None  # (2)
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise _bad("a signature names no algorithm in its protected header")
    beside = item.get("header")
    chain = header.get("x5c") or (beside.get("x5c") if isinstance(beside, Mapping) else None)
    if not chain:
        return False
    try:
        leaf = x509.load_der_x509_certificate(base64.b64decode(chain[0]))
        _verify(leaf, algorithm, f"{protected}.{payload}".encode("ascii"), signature)  # (3)
    except InvalidSignature:
        raise _bad("the signature does not fit the content: it was changed after signing") from None
    except UnsupportedAlgorithm:
        return False
    except (ValueError, TypeError, KeyError, IndexError, binascii.Error):
        raise _bad("its certificate cannot be read") from None
    return True


def _verify(leaf: x509.Certificate, algorithm: str, data: bytes, signature: bytes) -> None:
    key, family, bits = leaf.public_key(), algorithm[:2], algorithm[2:]
    if bits not in _HASHES:
        raise UnsupportedAlgorithm(algorithm)
    digest = _HASHES[bits]()
    if family == "RS" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), digest)
    elif family == "PS" and isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
    elif family == "ES" and isinstance(key, ec.EllipticCurvePublicKey):
        half = len(signature) // 2
        plain = encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
        key.verify(plain, data, ec.ECDSA(digest))
    else:
        raise UnsupportedAlgorithm(algorithm)


def _bad(why: str) -> InvalidInput:
    return InvalidInput(
        f"The signed vCon cannot be accepted: {why}.", code="vcon.signature", advice="Ask the sender for it again."
    )
