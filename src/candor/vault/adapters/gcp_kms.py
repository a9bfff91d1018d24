"""Google Cloud KMS as key service: a symmetric key, by its resource name.

Source: "Cloud KMS API v1", ``projects.locations.keyRings.cryptoKeys`` ``:encrypt`` and ``:decrypt`` with
``additionalAuthenticatedData``; OAuth tokens by a service account's key (RFC 7523, RS256) or from the metadata server
of the machine or pod ("Authenticate by using the metadata server").
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from candor.errors import InvalidInput, Unavailable, WrongKey
from candor.vault.adapters.asking import Asker, denied, logged_out, puzzling
from candor.vault.keys.reading import GcpSpec

_NAME = re.compile(r"projects/[\w:.-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+")
_BOUND = base64.b64encode(b"candor.wrapping-key.1").decode()
_SCOPE = "https://www.googleapis.com/auth/cloudkms"
_EARLY = 60.0
"""Seconds before its end at which a token is renewed."""


class GcpKms:
    """One key."""

    kind = "gcp"

    def __init__(self, spec: GcpSpec, asker: Asker | None = None, unix: Callable[[], float] = time.time) -> None:
        if _NAME.fullmatch(spec.key) is None:
            raise InvalidInput(
                "The Google key is not named by its resource name.", code="key.settings",
                advice="Use projects/…/locations/…/keyRings/…/cryptoKeys/NAME, without a version.",
            )  # fmt: skip
        self._spec, self._unix = spec, unix
        self._url = f"{spec.endpoint}/v1/{spec.key}"
        self.key_id = "gcp-" + hashlib.sha256(spec.key.encode()).hexdigest()[:16]
        self.place = spec.key
        self._asker = asker or Asker(self.place, ca=spec.ca)
        self._lock = threading.Lock()
        self._token: tuple[str, float] | None = None

    def encrypt(self, secret: bytes) -> bytes:
        return self._do("encrypt", "ciphertext", {"plaintext": base64.b64encode(secret).decode()})

    def decrypt(self, sealed: bytes) -> bytes:
        return self._do("decrypt", "plaintext", {"ciphertext": base64.b64encode(sealed).decode()})

    def close(self) -> None:
        self._asker.close()

    def _do(self, verb: str, wanted: str, given: Mapping[str, str]) -> bytes:
        body = {**given, "additionalAuthenticatedData": _BOUND}
        status, answer = self._ask(verb, body)
        if status == 401:  # the token was withdrawn before its time: once more with a new one
            self._token = None
            status, answer = self._ask(verb, body)
        value = answer.get(wanted)
        if status != 200 or not isinstance(value, str):
            raise self._fault(status, answer, f"to {verb}")
        return base64.b64decode(value)

    def _ask(self, verb: str, body: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        headers = {"Authorization": f"Bearer {self._bearer()}"}
        status, answer, _ = self._asker.ask(
            lambda: httpx.Request("POST", f"{self._url}:{verb}", json=dict(body), headers=headers)
        )
        return status, answer

    def _bearer(self) -> str:
        with self._lock:
            if self._token is None or self._unix() > self._token[1] - _EARLY:
                make = self._by_account if self._spec.credentials is not None else self._by_metadata
                status, answer, _ = self._asker.ask(make)
                token, seconds = answer.get("access_token"), answer.get("expires_in")
                if status != 200 or not isinstance(token, str) or not isinstance(seconds, int | float):
                    raise logged_out(
                        self.place,
                        "See that the service account and its key are valid, and that this machine's clock is right.",
                    )
                self._token = (token, self._unix() + float(seconds))
            return self._token[0]

    def _by_metadata(self) -> httpx.Request:
        path = "/computeMetadata/v1/instance/service-accounts/default/token"
        return httpx.Request("GET", self._spec.metadata + path, headers={"Metadata-Flavor": "Google"})

    def _by_account(self) -> httpx.Request:
        account = self._account()
        now = int(self._unix())
        claims = {
            "iss": account["client_email"], "scope": _SCOPE, "aud": account["token_uri"], "iat": now, "exp": now + 3600
        }  # fmt: skip
        head = {"alg": "RS256", "typ": "JWT", "kid": account.get("private_key_id", "")}
        signed = b".".join(_b64url(json.dumps(part).encode()) for part in (head, claims))
        try:
            key = serialization.load_pem_private_key(account["private_key"].encode(), None)
        except (ValueError, TypeError) as error:
            raise self._no_account() from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise self._no_account()
        assertion = signed + b"." + _b64url(key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return httpx.Request(
            "POST", account["token_uri"], data={"grant_type": grant, "assertion": assertion.decode()}
        )  # fmt: skip

    def _account(self) -> Mapping[str, str]:
        if self._spec.credentials is None:
            raise self._no_account()
        try:
            account = json.loads(self._spec.credentials.read())
        except ValueError as error:
            raise self._no_account() from error
        wanted = ("client_email", "private_key", "token_uri")
        if not isinstance(account, dict) or not all(isinstance(account.get(name), str) for name in wanted):
            raise self._no_account()
        return account

    def _no_account(self) -> InvalidInput:
        return InvalidInput(
            "The Google credentials are not the JSON key of a service account.", code="key.settings",
            advice="Make one for an account with the role Cloud KMS CryptoKey Encrypter/Decrypter.",
        )  # fmt: skip

    def _fault(self, status: int, answer: Mapping[str, Any], what: str) -> Exception:
        error = answer.get("error")
        kind = str(error.get("status", "")) if isinstance(error, dict) else ""
        if status == 401:
            return logged_out(self.place, "The service account's key may have been withdrawn.")
        if status == 403:
            return denied(
                self.place, what, "Give the account the role Cloud KMS CryptoKey Encrypter/Decrypter on the key."
            )
        if status == 404:
            return InvalidInput(
                f"There is no such key: {self.place}.", code="key.not_found", advice="Correct its resource name."
            )
        if kind == "FAILED_PRECONDITION":
            return Unavailable(
                f"The key {self.place} is disabled or destroyed.", code="key.disabled",
                advice="Enable or restore the key version that sealed this.",
            )  # fmt: skip
        if status == 400 and what == "to decrypt":
            return WrongKey(f"The key service {self.place} did not seal this.")
        return puzzling(self.place, status)


def _b64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
