"""Time-stamps by somebody else (RFC 3161): that the manifest existed at a moment, by a clock that is not ours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from candor.errors import Unavailable
from candor.vault.evidence.model import BadPackage
from candor.vault.evidence.signing import made_itself

_PATIENCE = 20.0
_LARGEST = 1 << 17


@dataclass(frozen=True, slots=True)
class Stamped:
    """A time-stamp that is one over the data."""

    at: datetime
    by: str
    """Whose certificate signed it."""
    trusted: bool
    """Whether one of the trusted certificates vouches for them."""


def ask(url: str, data: bytes) -> bytes:
    """A time-stamp over ``data`` from an authority; raises Unavailable, whatever is wrong with the answer."""
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA512).nonce(nonce=True).build()
    try:
        answer = httpx.post(
            url, content=request.as_bytes(), headers={"Content-Type": "application/timestamp-query"}, timeout=_PATIENCE
        )
        answer.raise_for_status()
        nonce = decode_timestamp_response(answer.content[:_LARGEST]).tst_info.nonce
        check(answer.content, data, ())
    except (httpx.HTTPError, ValueError, BadPackage) as error:
        raise _none() from error
    if nonce != request.nonce:
        raise _none()
    return answer.content


def _none() -> Unavailable:
    return Unavailable(
        "The time-stamping authority gave no time-stamp.", code="evidence.stamp",
        advice="Try again, or export without one: unset CANDOR_TIME_STAMP_URL.",
    )  # fmt: skip


def check(response: bytes, data: bytes, trust: Sequence[x509.Certificate]) -> Stamped:
    """What a time-stamp says of ``data``; raises BadPackage when it is none, or over other data.

    Its signature is checked against the trusted certificates; where none of them vouches for it, it is not
    ``trusted``, and proves nothing that the signer's own word does not.
    """
    try:
        read = decode_timestamp_response(response)
        carried = [x509.load_der_x509_certificate(each) for each in read.signed_data.certificates]
        known = any(_fits(read, data, [anchor], carried) for anchor in trust)
        at, digest = read.tst_info.gen_time, read.tst_info.message_imprint.message
    except (ValueError, VerificationError) as error:
        raise BadPackage("the time-stamp cannot be read") from error
    if digest != hashlib.sha512(data).digest():
        raise BadPackage("the time-stamp is over something else")
    signer = next((each for each in carried if not made_itself(each)), carried[0] if carried else None)
    return Stamped(at, signer.subject.rfc4514_string() if signer else "", known)


def _fits(read: TimeStampResponse, data: bytes, roots: list[x509.Certificate], carried: list[x509.Certificate]) -> bool:
    builder = VerifierBuilder(roots=roots, intermediates=[each for each in carried if each not in roots])
    try:
        return builder.build().verify_message(read, data)
    except (VerificationError, ValueError):
        return False
