"""Signatures with certificates: JWS in General JSON form (RFC 7515 section 7.2.1), RS256, ``x5c``, payload inside only.

The form is that of signed vCons (draft-ietf-vcon-vcon-core, "Signed Form"); the manifest of a package has it, too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from candor.conversation.vcon.encoding import from_base64url, to_base64url
from candor.conversation.vcon.model import Signature
from candor.conversation.vcon.signed import open_signed
from candor.errors import InvalidInput
from candor.vault.evidence.model import BadPackage

_LASTS = timedelta(days=3650)
_MOST = 8
"""Certificates of a chain."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its certificate and those above it, the leaf first."""

    key: rsa.RSAPrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def pem(self) -> str:
        """The certificates."""
        return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in self.chain)

    def sign(self, payload: bytes, kind: str, about: str) -> bytes:
        """A document over ``payload``, of a media type ``kind``; ``about`` is the vCon's uuid."""
        x5c = [base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode() for each in self.chain]
        protected = to_base64url(json.dumps({"alg": "RS256", "typ": kind, "x5c": x5c}, separators=(",", ":")).encode())
        body = to_base64url(payload)
        signature = self.key.sign(f"{protected}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return _written(body, protected, to_base64url(signature), about)


def _written(payload: str, protected: str, signature: str, about: str) -> bytes:
    signed = {"protected": protected, "header": {"uuid": about}, "signature": signature}
    return json.dumps({"payload": payload, "signatures": [signed]}, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Signed:
    """A document whose signature verified with the certificate that came with it."""

    payload: bytes
    chain: tuple[x509.Certificate, ...]
    algorithm: str


def open_document(data: bytes) -> Signed:
    """The payload of a signed document; raises BadPackage.

    1. It is JWS General JSON with exactly one signature. 2. The algorithm, from the protected header, is one that needs
    the private half of a key pair (RS, PS or ES): ``none`` and the HS family, whose key anybody could take from the
    certificate, are refused. 3. The certificate travels with it, and the signature verifies over exactly what is read.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or len(document.get("signatures") or ()) != 1:  # (1)
        raise BadPackage("it is no signed document with one signature")
    try:
        payload, checked = open_signed(document)  # (2), (3)
    except InvalidInput as error:
        raise BadPackage(error.message.partition(": ")[2].rstrip(".") or error.message) from error
    only = document["signatures"][0]
    header = json.loads(from_base64url(only["protected"]))
    if checked is not Signature.VALID:
        raise BadPackage(
            "its signature cannot be checked: it names no certificate, or an algorithm that proves nothing"
        )
    beside = only.get("header") or {}
    return Signed(payload, _chain(header.get("x5c") or beside.get("x5c")), str(header["alg"]))


def as_written(data: bytes, about: str) -> bool:
    """Whether a signed document is, byte for byte, as :meth:`Signer.sign` writes it: also what no signature covers."""
    document = json.loads(data)
    only = document["signatures"][0]
    signature = to_base64url(from_base64url(only["signature"]))
    return data == _written(document["payload"], only["protected"], signature, about)


def _chain(coded: Any) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_der_x509_certificate(base64.b64decode(each)) for each in coded[:_MOST])
    except (ValueError, TypeError):
        raise BadPackage("one of its certificates cannot be read") from None


def self_made(name: str, now: datetime) -> Signer:
    """A key and a certificate that nobody but itself vouches for."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LASTS).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return Signer(key, (certificate,))


def read_signer(pem: bytes) -> Signer:
    """A PEM file with an RSA key and its certificate chain, the leaf first; raises InvalidInput."""
    try:
        key = serialization.load_pem_private_key(pem, None)
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(
            "The signing certificate cannot be read.", code="evidence.certificate",
            advice="CANDOR_EVIDENCE_CERTIFICATE is a PEM file: an unencrypted RSA key, its certificate, the chain.",
        ) from error  # fmt: skip
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < 2048:
        raise InvalidInput("The signing key is no RSA key of 2048 bits or more.", code="evidence.certificate")
    if chain[0].public_key() != key.public_key():
        raise InvalidInput("The first certificate is not the signing key's.", code="evidence.certificate")
    return Signer(key, chain)


def read_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Of a PEM file; raises InvalidInput."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise InvalidInput("The file holds no certificate in PEM form.", code="evidence.certificate") from None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 in hexadecimal, for comparing by voice or letter."""
    digest = certificate.fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def made_itself(certificate: x509.Certificate) -> bool:
    """Whether a certificate has no issuer but itself."""
    return certificate.issuer == certificate.subject and _issued(certificate, certificate)


def trusted(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], at: datetime) -> str:
    """Why a chain does not lead to one of the ``anchors`` at a moment (RFC 5280 section 6, in short); empty: it does.

    1. The leaf is an anchor itself, or 2. each certificate was issued by the next, which may issue and was valid, and
    the last by an anchor that may issue and was valid. Names and lists of revoked certificates are not looked at.
    """
    if chain[0] in anchors:  # (1)
        return ""
    for below, above in pairwise(chain):  # (2)
        if above in anchors:
            return _may_issue(above, below, at)
        problem = _may_issue(above, below, at)
        if problem:
            return problem
    for anchor in anchors:
        if _issued(anchor, chain[-1]):
            return _may_issue(anchor, chain[-1], at)
    return "none of the trusted certificates vouches for it"


def _may_issue(above: x509.Certificate, below: x509.Certificate, at: datetime) -> str:
    if not _issued(above, below):
        return "its chain is broken: a certificate was not issued by the next"
    try:
        issues = above.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        issues = False
    if not issues:
        return "its chain holds a certificate that may not issue others"
    return "" if valid(above, at) else "a certificate above it was not valid at that time"


def _issued(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def valid(certificate: x509.Certificate, at: datetime) -> bool:
    """Whether a moment lies in its time."""
    return certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc


def plain(certificate: x509.Certificate) -> dict[str, Any]:
    """For programs and the manifest."""
    return {
        "subject": certificate.subject.rfc4514_string(), "issuer": certificate.issuer.rfc4514_string(),
        "valid_from": certificate.not_valid_before_utc.isoformat(),
        "valid_until": certificate.not_valid_after_utc.isoformat(), "sha256": fingerprint(certificate),
        "self_made": made_itself(certificate),
    }  # fmt: skip
