"""Master keys on this machine: a key file, or a passphrase from the environment.

Both wrap data keys with AES-256-GCM, a random 96-bit nonce before the ciphertext, the context as associated data.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from candor.errors import Damaged, InvalidInput, WrongKey

_NONCE = 12


class LocalKey:
    """A 256-bit master key held in this process."""

    remote = False

    def __init__(self, key: bytes, *, kind: str = "file", place: str = "this process") -> None:
        self.kind, self.place = kind, place
        self._aead = AESGCM(key)
        self.key_id = "local-" + hashlib.sha256(b"candor master key id" + key).hexdigest()[:16]

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._aead.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], context)
        except (InvalidTag, ValueError) as error:
            raise WrongKey("A data key does not open with this master key.") from error

    def close(self) -> None:
        """Nothing is held elsewhere."""


def from_key_file(path: Path, *, may_create: bool) -> LocalKey:
    """The key in ``path``; made there (mode 0600) when absent and ``may_create``.

    Raises Damaged when the file is absent although sealed objects exist, InvalidInput when others can read it or it
    is not a key: a wrong key must never be replaced by a new one.
    """
    if not path.exists():
        if not may_create:
            raise Damaged(
                f"The key file {path} is missing, and sealed recordings exist.",
                code="vault.no_key",
                advice="Put the key file back; without it nothing can be opened, and no new key is made over it.",
            )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike rename, this never replaces a key that another process made meanwhile
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    if path.stat().st_mode & 0o077:
        raise InvalidInput(
            f"The key file {path} can be read by others.", code="vault.key_mode", advice=f"Run: chmod 600 {path}"
        )
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InvalidInput(f"The key file {path} does not hold a key (64 hexadecimal digits).", code="vault.bad_key")
    return LocalKey(key, place=str(path))


def from_passphrase(passphrase: str, salt_file: Path, *, may_create: bool) -> LocalKey:
    """A key derived by argon2id (RFC 9106: 64 MiB, 3 passes, 4 lanes) with the salt kept in ``salt_file``.

    The file also names the key, so that a mistyped passphrase is told at once (WrongKey) and never seals anything.
    """
    if len(passphrase) < 12:
        raise InvalidInput("The passphrase is shorter than 12 characters.", code="vault.weak_passphrase")
    if not salt_file.exists() and not may_create:
        raise Damaged(f"{salt_file} is missing, and sealed recordings exist.", code="vault.no_key")
    kept = json.loads(salt_file.read_text()) if salt_file.exists() else {"salt": os.urandom(16).hex()}
    key = LocalKey(
        hash_secret_raw(
            passphrase.encode(), bytes.fromhex(kept["salt"]), time_cost=3, memory_cost=65_536, parallelism=4,
            hash_len=32, type=Type.ID,
        ),
        kind="passphrase", place=f"a passphrase and {salt_file}",
    )  # fmt: skip
    if kept.setdefault("key_id", key.key_id) != key.key_id:
        raise WrongKey("The passphrase is not the one this vault was made with.", code="vault.wrong_passphrase")
    if not salt_file.exists():
        salt_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = salt_file.with_suffix(".draft")
        draft.write_text(json.dumps(kept))
        draft.replace(salt_file)
    return key
