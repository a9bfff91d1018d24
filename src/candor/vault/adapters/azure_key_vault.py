"""Azure Key Vault (and Managed HSM) as key service: an RSA key, by its address.

Source: "Key Vault REST API 7.4", ``POST {key}/wrapkey`` and ``{key}/{version}/unwrapkey`` with RSA-OAEP-256, values in
base64url. The key's version that wrapped stands before the value, so that a key which Azure rotated still opens what
it sealed. OAuth by client secret or by a federated token ("OAuth 2.0 client credentials flow"), or from the machine's
managed identity (IMDS, api-version 2018-02-01).
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from candor.errors import Damaged, InvalidInput, Unavailable, WrongKey
from candor.vault.adapters.asking import Asker, denied, logged_out, puzzling
from candor.vault.keys.reading import AzureSpec

_KEY = re.compile(r"(https?://[^/]+)/keys/([0-9A-Za-z-]{1,127})")
_VERSION = re.compile(r"[0-9A-Za-z]{1,64}")
_ALGORITHM = "RSA-OAEP-256"
_EARLY = 60.0
_FEDERATED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class AzureKeyVault:
    """One key, whichever of its versions."""

    kind = "azure"

    def __init__(self, spec: AzureSpec, asker: Asker | None = None, unix: Callable[[], float] = time.time) -> None:
        if _KEY.fullmatch(spec.key) is None:
            raise InvalidInput(
                "The Azure key is not named by its address.", code="key.settings",
                advice="Use https://VAULT.vault.azure.net/keys/NAME, without a version.",
            )  # fmt: skip
        self._spec, self._unix = spec, unix
        self.key_id = "azure-" + hashlib.sha256(spec.key.encode()).hexdigest()[:16]
        self.place = spec.key
        self._asker = asker or Asker(self.place, ca=spec.ca)
        self._lock = threading.Lock()
        self._token: tuple[str, float] | None = None

    def encrypt(self, secret: bytes) -> bytes:
        answer = self._do(f"{self._spec.key}/wrapkey", secret, "to wrap")
        version = str(answer.get("kid", "")).rpartition("/")[2]
        if _VERSION.fullmatch(version) is None:
            raise puzzling(self.place, 200)
        return version.encode() + b"\0" + _decoded(str(answer["value"]))

    def decrypt(self, sealed: bytes) -> bytes:
        version, _, value = sealed.partition(b"\0")
        if _VERSION.fullmatch(version.decode("ascii", "replace")) is None:
            raise Damaged("A wrapped data key does not begin as one.", code="vault.damaged")
        answer = self._do(f"{self._spec.key}/{version.decode()}/unwrapkey", value, "to unwrap")
        return _decoded(str(answer["value"]))

    def close(self) -> None:
        self._asker.close()

    def _do(self, url: str, value: bytes, what: str) -> Mapping[str, Any]:
        body = {"alg": _ALGORITHM, "value": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}
        status, answer = self._ask(url, body)
        if status == 401:
            self._token = None
            status, answer = self._ask(url, body)
        if status != 200 or not isinstance(answer.get("value"), str):
            raise self._fault(status, answer, what)
        return answer

    def _ask(self, url: str, body: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        headers = {"Authorization": f"Bearer {self._bearer()}"}
        status, answer, _ = self._asker.ask(
            lambda: httpx.Request("POST", f"{url}?api-version=7.4", json=dict(body), headers=headers)
        )
        return status, answer

    def _bearer(self) -> str:
        with self._lock:
            if self._token is None or self._unix() > self._token[1] - _EARLY:
                make = self._by_client if self._spec.client_id and self._spec.tenant_id else self._by_machine
                status, answer, _ = self._asker.ask(make)
                token = answer.get("access_token")
                try:
                    seconds = float(answer.get("expires_in", ""))
                except (TypeError, ValueError):
                    seconds = 0.0
                if status != 200 or not isinstance(token, str):
                    raise logged_out(self.place, "See that the client's secret or the managed identity is valid.")
                self._token = (token, self._unix() + seconds)
            return self._token[0]

    def _by_client(self) -> httpx.Request:
        spec = self._spec
        form = {
            "grant_type": "client_credentials",
            "client_id": spec.client_id,
            "scope": f"{self._audience()}/.default",
        }
        if spec.federated is not None:
            form |= {"client_assertion_type": _FEDERATED, "client_assertion": spec.federated.read()}
        else:
            form["client_secret"] = spec.client_secret.read()
        return httpx.Request("POST", f"{spec.authority}/{spec.tenant_id}/oauth2/v2.0/token", data=form)

    def _by_machine(self) -> httpx.Request:
        query = {"api-version": "2018-02-01", "resource": self._audience()}
        if self._spec.client_id:
            query["client_id"] = self._spec.client_id
        url = f"{self._spec.metadata}/metadata/identity/oauth2/token"
        return httpx.Request("GET", url, params=query, headers={"Metadata": "true"})

    def _audience(self) -> str:
        host = urlsplit(self._spec.key).hostname or ""
        return "https://" + (
            host.partition(".")[2] if ".vault." in host or ".managedhsm." in host else "vault.azure.net"
        )

    def _fault(self, status: int, answer: Mapping[str, Any], what: str) -> Exception:
        error = answer.get("error")
        said = f"{error.get('code', '')} {error.get('message', '')}".lower() if isinstance(error, dict) else ""
        if status == 401:
            return logged_out(self.place, "See that the client's secret or the managed identity is valid.")
        if status == 403 and ("disabled" in said or "expired" in said):
            return Unavailable(
                f"The key {self.place} is disabled or expired.", code="key.disabled",
                advice="Enable the version that sealed this.",
            )  # fmt: skip
        if status == 403:
            return denied(
                self.place, what, "Give the identity the role Key Vault Crypto User, and open the firewall to it."
            )
        if status == 404:
            return InvalidInput(
                f"There is no such key: {self.place}.", code="key.not_found",
                advice="Correct its address; a deleted key may be recovered while soft-delete keeps it.",
            )  # fmt: skip
        if status == 400 and what == "to unwrap":
            return WrongKey(f"The key service {self.place} did not seal this.")
        return puzzling(self.place, status)


def _decoded(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
