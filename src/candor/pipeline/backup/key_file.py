"""A key file in a backup, when somebody asks for that: sealed under a passphrase of its own.

``argon2id`` (RFC 9106: 256 MiB, 4 passes, 4 lanes) makes the key, AES-256-GCM seals. Whoever has the backup can try
passphrases for as long as they like, hence the length.
"""

from __future__ import annotations

import json
import os

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from candor.errors import Damaged, InvalidInput, WrongKey

SHORTEST = 16
_BOUND = b"candor.backup-key-file.1\0"


def seal_key_file(content: bytes, passphrase: str, tenant: str) -> str:
    """As it stands in a manifest; raises InvalidInput for a short passphrase."""
    if len(passphrase) < SHORTEST:
        raise InvalidInput(
            f"The passphrase of the backup is shorter than {SHORTEST} characters.", code="backup.weak_passphrase",
            advice="Use several words that nobody else would put together.",
        )  # fmt: skip
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = AESGCM(_key(passphrase, salt)).encrypt(nonce, content, _BOUND + tenant.encode())
    return json.dumps({"salt": salt.hex(), "sealed": (nonce + sealed).hex()})


def open_key_file(sealed: str, passphrase: str, tenant: str) -> bytes:
    """The key file; raises WrongKey for another passphrase."""
    try:
        read = json.loads(sealed)
        salt, data = bytes.fromhex(read["salt"]), bytes.fromhex(read["sealed"])
        return AESGCM(_key(passphrase, salt)).decrypt(data[:12], data[12:], _BOUND + tenant.encode())
    except InvalidTag as error:
        raise WrongKey(
            "The passphrase is not the one that the key in the backup was sealed under.",
            code="backup.wrong_passphrase", advice="Give that one, or the key itself.",
        ) from error  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("The sealed key file of the backup cannot be read.", code="backup.damaged") from error


def _key(passphrase: str, salt: bytes) -> bytes:
    return hash_secret_raw(
        passphrase.encode(), salt, time_cost=4, memory_cost=262_144, parallelism=4, hash_len=32, type=Type.ID
    )
