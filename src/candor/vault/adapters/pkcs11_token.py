"""A PKCS#11 token (hardware security module, smart card, SoftHSM) as key service: an AES key that cannot leave it.

Source: PKCS #11 v2.40, CKM_AES_GCM (tag of 128 bits); the random 96-bit initialisation vector stands before the
ciphertext. Needs the package python-pkcs11 (extra ``pkcs11``) and the maker's library. A log-in counts for the whole
process, so there is one session a token, shared by its keys, and opened again when the token was taken out or lost it.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from candor.errors import InvalidInput, Unavailable, WrongKey
from candor.vault.adapters.asking import denied, logged_out
from candor.vault.keys.reading import Pkcs11Spec, Secret

_IV, _TAG_BITS = 12, 128
_BOUND = b"candor.wrapping-key.1"


class _Session:
    """The one session with a token in this process."""

    known: ClassVar[dict[tuple[Path, str], _Session]] = {}
    guard: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def of(cls, pkcs11: Any, module: Path, token: str) -> _Session:
        """The same for everybody who names the same token."""
        with cls.guard:
            return cls.known.setdefault((module, token), cls(pkcs11, module, token))

    def __init__(self, pkcs11: Any, module: Path, token: str) -> None:
        self._pkcs11, self._module, self._token = pkcs11, module, token
        self.lock = threading.Lock()
        self._session: Any = None

    @property
    def opened(self) -> bool:
        """Whether there is one."""
        return self._session is not None

    def key(self, label: str, pin: Secret) -> Any:
        """The AES key of that name; the session is opened first when there is none."""
        constants = self._pkcs11.constants
        if self._session is None:
            token = self._pkcs11.lib(str(self._module)).get_token(token_label=self._token)
            try:
                self._session = token.open(user_pin=pin.read())
            except self._pkcs11.exceptions.UserAlreadyLoggedIn:  # by another part of this process
                self._session = token.open()
        return self._session.get_key(
            object_class=constants.ObjectClass.SECRET_KEY, key_type=self._pkcs11.KeyType.AES, label=label
        )

    def drop(self) -> None:
        """Begin anew with the next use."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(self._pkcs11.exceptions.PKCS11Error):
                session.close()


class Pkcs11Token:
    """One key of one token."""

    kind = "pkcs11"

    def __init__(self, spec: Pkcs11Spec) -> None:
        try:
            import pkcs11  # noqa: PLC0415  an extra
        except ImportError:
            raise InvalidInput(
                "A PKCS#11 token needs the package python-pkcs11.", code="key.extra", advice="Install candor[pkcs11]."
            ) from None
        self._pkcs11, self._spec = pkcs11, spec
        self.key_id = "pkcs11-" + hashlib.sha256(f"{spec.token}/{spec.key}".encode()).hexdigest()[:16]
        self.place = f"{spec.key} on the token {spec.token}"
        self._session = _Session.of(pkcs11, spec.module, spec.token)

    def encrypt(self, secret: bytes) -> bytes:
        nonce = os.urandom(_IV)
        return nonce + self._do("to encrypt", lambda key: key.encrypt(secret, **self._gcm(nonce)))

    def decrypt(self, sealed: bytes) -> bytes:
        nonce, rest = sealed[:_IV], sealed[_IV:]
        return self._do("to decrypt", lambda key: key.decrypt(rest, **self._gcm(nonce)))

    def close(self) -> None:
        """The session stays: other keys of the token may use it."""

    def _gcm(self, nonce: bytes) -> dict[str, Any]:
        parameters = self._pkcs11.GCMParams(nonce, _BOUND, _TAG_BITS)
        return {"mechanism": self._pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}

    def _do(self, what: str, work: Callable[[Any], bytes]) -> bytes:
        """What ``work`` makes of the key; tried once more with a new session when the old one may be dead."""
        with self._session.lock:
            again = self._session.opened
            while True:
                try:
                    return work(self._session.key(self._spec.key, self._spec.pin))
                except self._pkcs11.exceptions.PKCS11Error as error:
                    fault = self._fault(error, what)
                    if not again or not isinstance(fault, Unavailable) or fault.code != "key.unavailable":
                        raise fault from error
                    self._session.drop()
                except (RuntimeError, OSError) as error:
                    raise InvalidInput(
                        f"The PKCS#11 library {self._spec.module} cannot be loaded.", code="key.settings",
                        advice="`module` names the library of the token's maker.",
                    ) from error  # fmt: skip
                again = False

    def _fault(self, error: Exception, what: str) -> Exception:
        errors = self._pkcs11.exceptions
        if isinstance(error, errors.EncryptedDataInvalid | errors.EncryptedDataLenRange | errors.DataLenRange):
            return WrongKey(f"The key {self.place} did not seal this.")
        # Some tokens, SoftHSM among them, say no more when a tag does not verify.
        if isinstance(error, errors.GeneralError) and what == "to decrypt":
            return WrongKey(f"The key {self.place} did not seal this.")
        if isinstance(error, errors.FunctionRejected):
            return denied(self.place, what, "Allow it in the token's policy.")
        if isinstance(
            error, errors.PinIncorrect | errors.PinInvalid | errors.PinLenRange | errors.PinLocked | errors.PinExpired
        ):
            return logged_out(self.place, "Correct the PIN before a further try: a token locks itself after a few.")
        if isinstance(error, errors.NoSuchKey | errors.MultipleObjectsReturned):
            return InvalidInput(
                f"The token {self._spec.token} does not hold exactly one AES key {self._spec.key}.",
                code="key.not_found", advice="Make it, or correct its label.",
            )  # fmt: skip
        return Unavailable(
            f"The token {self._spec.token} cannot be used ({type(error).__name__}).", code="key.unavailable",
            advice="Nothing was lost, and nothing is sealed or opened without it; see that it is plugged in and ready.",
        )  # fmt: skip
