"""Sealed for one recipient: JWE in General JSON form (RFC 7516), RSA-OAEP-256 and A256GCM, as one JSON file.

What others seal as the vCon draft says (RSA-OAEP, A256CBC-HS512) opens, too.
"""

from __future__ import annotations

import json

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from candor.errors import Damaged, InvalidInput, TooLarge

LARGEST = 512 * 1024 * 1024
"""Bytes of a package that is sealed: it has to be whole in memory."""
_OPENED = ("RSA-OAEP-256", "RSA-OAEP", "A256GCM", "A256CBC-HS512", "A128CBC-HS256", "A128GCM")
_SEALED = ("RSA-OAEP-256", "A256GCM")


def _registry(algorithms: tuple[str, ...]) -> jwe.JWERegistry:
    registry = jwe.JWERegistry(algorithms=list(algorithms), strict_check_header=False)
    # Certificates and others' headers are larger than the library's default allows.
    registry.max_protected_header_length = registry.max_encrypted_key_length = 65_536
    registry.max_ciphertext_length = 2 * LARGEST
    return registry


def seal(data: bytes, recipient: x509.Certificate, kind: str = "application/zip") -> bytes:
    """Only the holder of the certificate's key opens it; raises InvalidInput, TooLarge."""
    key = recipient.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
        raise InvalidInput(
            "The recipient's certificate has no RSA key of 2048 bits or more.", code="evidence.recipient"
        )
    if len(data) > LARGEST:
        raise TooLarge("The package is too large to be sealed.", code="evidence.large", advice="Export it unsealed.")
    made = jwe.GeneralJSONEncryption({"enc": "A256GCM", "cty": kind}, data)
    made.add_recipient({"alg": "RSA-OAEP-256"}, _jwk(key))
    return json.dumps(jwe.encrypt_json(made, None, registry=_registry(_SEALED)), separators=(",", ":")).encode()


def unseal(data: bytes, key_pem: bytes, password: bytes | None = None) -> bytes:
    """What was sealed for the holder of a private key (PEM); raises InvalidInput, Damaged."""
    try:
        key = serialization.load_pem_private_key(key_pem, password)
    except (ValueError, TypeError):
        raise InvalidInput("The private key cannot be read.", code="evidence.key") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InvalidInput("The private key is no RSA key.", code="evidence.key")
    try:
        opened = jwe.decrypt_json(json.loads(data), _jwk(key), registry=_registry(_OPENED))
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(
            "This cannot be opened: it is for another key, or was changed.", code="evidence.sealed",
            advice="Use the private key of the certificate that it was sealed for.",
        ) from error  # fmt: skip
    if opened.plaintext is None:
        raise Damaged("This cannot be opened: it holds nothing.", code="evidence.sealed")
    return opened.plaintext


def _jwk(key: rsa.RSAPublicKey | rsa.RSAPrivateKey) -> RSAKey:
    # The library keeps numbers as PEM would give them; a key of `cryptography` goes in by its PEM.
    if isinstance(key, rsa.RSAPublicKey):
        pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    else:
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    return RSAKey.import_key(pem)
