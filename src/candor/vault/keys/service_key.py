"""A master key that stays in a key service.

The service is not asked for every data key: it seals a *wrapping key* of 32 random bytes, which wraps data keys in
this process for a few minutes. Each wrapped data key carries the sealed wrapping key with it::

    wrapped = 0x01 | length of the sealed wrapping key (u16, big endian) | sealed wrapping key
              | nonce (12) | AES-256-GCM(wrapping key, nonce, data key, associated data = context), tag 16

So a data key is bound to its place whatever the service makes of associated data, one call serves a conversation's
objects, and a service that is away for a minute stops nobody who listens. A wrapping key is used only after the
service gave it back unchanged: what is sealed can be opened. Wrapping keys are remembered in memory alone, at most
``seconds`` and at most :data:`_MOST` of them.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from candor.errors import Damaged, Unavailable, WrongKey
from candor.vault.ports import KeyService

_FORM = 1
_NONCE, _TAG, _KEY = 12, 16, 32
LONGEST = 4096
"""Bytes of a sealed wrapping key."""
_MOST = 512
_MOST_WRAPS = 10_000
"""Data keys under one wrapping key."""
_REST = 3.0
"""Seconds for which a service that did not answer is left alone: everybody who waits is told at once."""


class ServiceKey:
    """The master key behind ``service``; used by any number of threads."""

    remote = True

    def __init__(
        self, service: KeyService, *, seconds: float = 300.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._service, self._seconds, self._monotonic = service, seconds, monotonic
        self.key_id, self.kind, self.place = service.key_id, service.kind, service.place
        self._lock = threading.Lock()
        self._sealing: tuple[bytes, AESGCM, float, int] | None = None
        """(sealed wrapping key, wrapping key, when made, how often used)"""
        self._kept: OrderedDict[bytes, tuple[AESGCM, float]] = OrderedDict()
        self._failed: tuple[Unavailable, float] | None = None

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        sealed, aead = self._wrapping_key()
        nonce = os.urandom(_NONCE)
        return bytes([_FORM]) + len(sealed).to_bytes(2, "big") + sealed + nonce + aead.encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        size = int.from_bytes(wrapped[1:3], "big")
        sealed, rest = wrapped[3 : 3 + size], wrapped[3 + size :]
        if wrapped[:1] != bytes([_FORM]) or not 0 < size <= LONGEST or len(rest) != _NONCE + _KEY + _TAG:
            raise Damaged("A wrapped data key does not begin as one.", code="vault.damaged")
        try:
            return self._opened(sealed).decrypt(rest[:_NONCE], rest[_NONCE:], context)
        except InvalidTag as error:
            raise WrongKey("A data key does not open with this master key.") from error

    def close(self) -> None:
        with self._lock:
            self._kept.clear()
            self._sealing = None
        self._service.close()

    def _wrapping_key(self) -> tuple[bytes, AESGCM]:
        with self._lock:
            now = self._monotonic()
            if self._sealing is not None:
                sealed, aead, made, used = self._sealing
                if now - made < self._seconds and used < _MOST_WRAPS:
                    self._sealing = (sealed, aead, made, used + 1)
                    return sealed, aead
                self._sealing = None
        secret = os.urandom(_KEY)
        sealed = self._ask(lambda: self._service.encrypt(secret))
        if not 0 < len(sealed) <= LONGEST or self._ask(lambda: self._service.decrypt(sealed)) != secret:
            raise Unavailable(
                f"The key service {self.place} did not give back what it sealed: nothing is sealed under it.",
                code="key.unfaithful",
                advice="See what stands between this machine and the key service.",
            )
        aead = AESGCM(secret)
        with self._lock:
            if self._seconds > 0:
                self._sealing = (sealed, aead, self._monotonic(), 1)
                self._keep(sealed, aead)
        return sealed, aead

    def _opened(self, sealed: bytes) -> AESGCM:
        with self._lock:
            kept = self._kept.get(sealed)
            if kept is not None and self._monotonic() - kept[1] < self._seconds:
                self._kept.move_to_end(sealed)
                return kept[0]
            self._kept.pop(sealed, None)
        secret = self._ask(lambda: self._service.decrypt(sealed))
        if len(secret) != _KEY:
            raise WrongKey("A data key does not open with this master key.")
        aead = AESGCM(secret)
        with self._lock:
            if self._seconds > 0:
                self._keep(sealed, aead)
        return aead

    def _keep(self, sealed: bytes, aead: AESGCM) -> None:
        now = self._monotonic()
        for old in [name for name, (_, since) in self._kept.items() if now - since >= self._seconds]:
            del self._kept[old]
        self._kept[sealed] = (aead, now)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    def _ask(self, call: Callable[[], bytes]) -> bytes:
        with self._lock:
            if self._failed is not None and self._monotonic() < self._failed[1]:
                before = self._failed[0]
                raise Unavailable(before.message, code=before.code, advice=before.advice)
        try:
            answer = call()
        except Unavailable as error:
            with self._lock:
                self._failed = (error, self._monotonic() + _REST)
            raise
        self._failed = None
        return answer
