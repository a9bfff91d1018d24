"""The certificate of destruction: a JWS (RFC 7515, compact) under an Ed25519 key of this house (RFC 9864).

The header carries the public key and its thumbprint (RFC 7638), so that anybody can check that nothing was changed;
who wants to know that it is *this* house's compares the thumbprint with one that was noted elsewhere.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from candor.errors import Damaged
from candor.kit.database import UnitOfWork
from candor.vault.disposal import store

FORMAT = "candor.certificate-of-destruction/1"
METHOD = (
    "Each object's own data key was destroyed in the database and overwritten there (secure_delete), before the "
    "object's bytes and all rows derived from it were removed: cryptographic erase, NIST SP 800-88 Rev. 1, section 2.5."
)
_ALGORITHM = "Ed25519"
_FIELD = "signing-key"
LARGEST = 64_000_000
"""Bytes of a certificate that is read."""


class Cipher(Protocol):
    """Seals the private key (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed."""


CipherFor = Callable[[UnitOfWork, bool], Cipher]
"""True: make its key when there is none."""


class _Registry(jws.JWSRegistry):
    """The library's own bounds are for tokens; a certificate may tell of ten thousand conversations."""

    max_header_length = 4_096
    max_payload_length = LARGEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A certificate whose signature holds."""

    payload: Mapping[str, Any]
    key_id: str
    """Thumbprint of the key that signed."""
    ours: bool
    """Whether that is a key of this data folder, or the one it was held against."""


class Signer:
    """Signs certificates; the key is made at the first use."""

    def __init__(self, cipher: CipherFor) -> None:
        self._cipher = cipher

    def sign(self, uow: UnitOfWork, payload: Mapping[str, Any]) -> str:
        """``payload`` signed; ``uow`` writes."""
        key = self._key(uow)
        header = {
            "alg": _ALGORITHM, "typ": "candor-destruction+jws", "kid": key.thumbprint(),
            "jwk": key.as_dict(private=False),
        }  # fmt: skip
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        return jws.serialize_compact(header, text, key, registry=_Registry(algorithms=[_ALGORITHM]))

    def _key(self, uow: UnitOfWork) -> OKPKey:
        held = store.signing_key(uow)
        if held is not None:
            return OKPKey.import_key(json.loads(self._cipher(uow, False).open(_FIELD, held[2])))
        key = OKPKey.generate_key("Ed25519", private=True)
        private = json.dumps(key.as_dict(private=True)).encode()
        public = json.dumps(key.as_dict(private=False))
        store.put_signing_key(uow, key.thumbprint(), public, self._cipher(uow, True).seal(_FIELD, private))
        return key


def verify(text: str, known: Mapping[str, str] | None = None) -> Checked:
    """The payload of a certificate; raises Damaged when it was changed or is none.

    ``known``: key id → public JWK of keys that are trusted. The checks:
    """
    try:
        # (1) one algorithm, and a key that its thumbprint names
        header = json.loads(urlsafe_b64decode(text.strip().partition(".")[0] + "=="))
        key = OKPKey.import_key(header["jwk"])
        if key.thumbprint() != header["kid"]:
            raise Damaged("The certificate names another key than it carries.", code="disposal.certificate")
        # (2) the signature is of that key, over every byte
        found = jws.deserialize_compact(text.strip(), key, registry=_Registry(algorithms=[_ALGORITHM]))
        # (3) it is a certificate of destruction
        payload = json.loads(found.payload)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(
            "This is no certificate, or it was changed after it was signed.", code="disposal.certificate",
            advice="Take the one that Candor keeps: candor retention certificate show.",
        ) from error  # fmt: skip
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:
        raise Damaged("This is signed, but no certificate of destruction.", code="disposal.certificate")
    # (4) whose key it is
    return Checked(payload=payload, key_id=key.thumbprint(), ours=key.thumbprint() in (known or {}))
