"""HashiCorp Vault (and OpenBao) as key service: the transit secrets engine.

Source: "Transit secrets engine (API)": ``POST /v1/MOUNT/encrypt/KEY`` and ``…/decrypt/KEY`` with base64 ``plaintext``,
``ciphertext`` (``vault:v1:…``) and, for AEAD keys, ``associated_data``; "AppRole auth method (API)" for log-in by
``role_id`` and ``secret_id``. Vault answers 403 both to a token that expired and to one that may not.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Mapping
from typing import Any

import httpx

from candor.errors import InvalidInput, Unavailable, WrongKey
from candor.vault.adapters.asking import Asker, denied, logged_out, puzzling
from candor.vault.keys.reading import VaultSpec

_BOUND = base64.b64encode(b"candor.wrapping-key.1").decode()


class VaultTransit:
    """One key of one transit engine."""

    kind = "vault"

    def __init__(self, spec: VaultSpec, asker: Asker | None = None) -> None:
        self._spec = spec
        named = "/".join(part for part in (spec.namespace, spec.mount, spec.key) if part)
        self.key_id = "vault-" + hashlib.sha256(named.encode()).hexdigest()[:16]
        self.place = f"{named} at {spec.url}"
        self._asker = asker or Asker(self.place, ca=spec.ca)
        self._lock = threading.Lock()
        self._token: str | None = None

    def encrypt(self, secret: bytes) -> bytes:
        body = {"plaintext": base64.b64encode(secret).decode(), "associated_data": _BOUND}
        status, answer = self._ask(f"{self._spec.mount}/encrypt/{self._spec.key}", body)
        sealed = _data(answer).get("ciphertext")
        if status != 200 or not isinstance(sealed, str):
            raise self._fault(status, answer, "to encrypt")
        return sealed.encode()

    def decrypt(self, sealed: bytes) -> bytes:
        body = {"ciphertext": sealed.decode("ascii", "replace"), "associated_data": _BOUND}
        status, answer = self._ask(f"{self._spec.mount}/decrypt/{self._spec.key}", body)
        plain = _data(answer).get("plaintext")
        if status != 200 or not isinstance(plain, str):
            raise self._fault(status, answer, "to decrypt")
        return base64.b64decode(plain)

    def close(self) -> None:
        self._asker.close()

    def _ask(self, path: str, body: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        status, answer = self._post(path, body, self._login())
        if status == 403 and self._spec.role_id:  # the token may have expired: once more with a new one
            self._token = None
            status, answer = self._post(path, body, self._login())
        return status, answer

    def _post(self, path: str, body: Mapping[str, str], token: str) -> tuple[int, Mapping[str, Any]]:
        headers = {"X-Vault-Request": "true"} | ({"X-Vault-Token": token} if token else {})
        if self._spec.namespace:
            headers["X-Vault-Namespace"] = self._spec.namespace
        status, answer, _ = self._asker.ask(
            lambda: httpx.Request("POST", f"{self._spec.url}/v1/{path}", json=dict(body), headers=headers)
        )
        return status, answer

    def _login(self) -> str:
        if not self._spec.role_id:
            return self._spec.token.read()
        with self._lock:
            if self._token is None:
                body = {"role_id": self._spec.role_id, "secret_id": self._spec.secret_id.read()}
                status, answer = self._post(f"auth/{self._spec.auth_mount}/login", body, "")
                token = answer.get("auth", {}).get("client_token") if isinstance(answer.get("auth"), dict) else None
                if status != 200 or not isinstance(token, str):
                    raise logged_out(
                        self.place, "See that role_id and secret_id are those of an AppRole that is valid."
                    )
                self._token = token
            return self._token

    def _fault(self, status: int, answer: Mapping[str, Any], what: str) -> Exception:
        said = " ".join(str(one) for one in answer.get("errors") or ()).lower()
        if status == 403:
            return denied(
                self.place, what,
                "Its token is not valid (any more), or its policy lacks `update` on the encrypt and decrypt paths.",
            )  # fmt: skip
        if status == 404 or "key not found" in said:
            return InvalidInput(
                f"There is no such key: {self.place}.",
                code="key.not_found",
                advice="Make it, or correct mount and key.",
            )
        if status == 400 and what == "to decrypt":
            if "too old" in said:
                return Unavailable(
                    f"The key service {self.place} does not open old versions any more.", code="key.disabled",
                    advice="Lower min_decryption_version, then run `candor keys rotate --again` before raising it.",
                )  # fmt: skip
            return WrongKey(f"The key service {self.place} did not seal this.")
        if status == 400:
            return InvalidInput(
                f"The key {self.place} cannot be used.", code="key.settings", advice="It must be of type aes256-gcm96."
            )
        return puzzling(self.place, status)


def _data(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    data = answer.get("data")
    return data if isinstance(data, dict) else {}
