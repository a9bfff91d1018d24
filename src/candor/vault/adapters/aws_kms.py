"""AWS KMS as key service: a symmetric key, by its ARN.

Source: "AWS Key Management Service API Reference", Encrypt and Decrypt (JSON 1.1, ``X-Amz-Target``
``TrentService.…``), and "Signature Version 4". Credentials and signatures are botocore's (extra ``aws``): whatever
chain a machine has (environment, profile, container, instance, web identity) works. Errors come as 400 with a
``__type``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from candor.errors import InvalidInput, Unavailable, WrongKey
from candor.vault.adapters.asking import Asker, denied, logged_out, puzzling
from candor.vault.keys.reading import AwsSpec

_CONTEXT = {"application": "candor", "what": "wrapping-key.1"}
_ARN = re.compile(r"arn:(aws[\w-]*):kms:([a-z0-9-]+):\d{12}:key/[\w-]+")
_PASSING = {"ThrottlingException", "LimitExceededException", "KMSInternalException", "DependencyTimeoutException"}
_LOGGED_OUT = {
    "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException",
    "MissingAuthenticationTokenException", "InvalidClientTokenId",
}  # fmt: skip
_DISABLED = {"DisabledException", "KMSInvalidStateException", "KeyUnavailableException"}
_NOT_OURS = {"InvalidCiphertextException", "IncorrectKeyException"}


class Signer(Protocol):
    """Credentials and signature."""

    def sign(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """All headers of the request; raises Unavailable without credentials."""

    def renew(self) -> None:
        """Fetch credentials anew before the next signature."""


class AwsKms:
    """One key."""

    kind = "aws"

    def __init__(self, spec: AwsSpec, asker: Asker | None = None, signer: Signer | None = None) -> None:
        found = _ARN.fullmatch(spec.key)
        if found is None:
            raise InvalidInput(
                "The AWS key is not named by its ARN.", code="key.settings",
                advice="Use arn:aws:kms:REGION:ACCOUNT:key/ID; an alias could come to mean another key.",
            )  # fmt: skip
        partition, region = found.groups()
        suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
        self._arn, self._url = spec.key, spec.endpoint or f"https://kms.{region}.{suffix}"
        self.key_id = "aws-" + hashlib.sha256(spec.key.encode()).hexdigest()[:16]
        self.place = spec.key
        self._asker = asker or Asker(self.place, ca=spec.ca)
        self._signer = signer or BotocoreSigner(region, spec.profile, self.place)

    def encrypt(self, secret: bytes) -> bytes:
        return self._do("Encrypt", "to encrypt", "CiphertextBlob", {"Plaintext": base64.b64encode(secret).decode()})

    def decrypt(self, sealed: bytes) -> bytes:
        return self._do("Decrypt", "to decrypt", "Plaintext", {"CiphertextBlob": base64.b64encode(sealed).decode()})

    def close(self) -> None:
        self._asker.close()

    def _do(self, action: str, what: str, wanted: str, given: Mapping[str, str]) -> bytes:
        body = json.dumps({"KeyId": self._arn, "EncryptionContext": _CONTEXT, **given}).encode()
        status, answer = self._ask(action, body)
        if _type(answer) == "ExpiredTokenException":
            self._signer.renew()
            status, answer = self._ask(action, body)
        value = answer.get(wanted)
        if status != 200 or not isinstance(value, str):
            raise self._fault(status, answer, what)
        return base64.b64decode(value)

    def _ask(self, action: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        def make() -> httpx.Request:
            headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"TrentService.{action}"}
            return httpx.Request(
                "POST", f"{self._url}/", content=body, headers=self._signer.sign("POST", f"{self._url}/", body, headers)
            )

        status, answer, _ = self._asker.ask(make, passing=lambda _status, said: _type(said) in _PASSING)
        return status, answer

    def _fault(self, status: int, answer: Mapping[str, Any], what: str) -> Exception:  # noqa: PLR0911  a table
        kind = _type(answer)
        if kind == "AccessDeniedException":
            return denied(self.place, what, "Allow kms:Encrypt and kms:Decrypt on the key to this machine's role.")
        if kind in _LOGGED_OUT:
            return logged_out(self.place, "Renew the AWS credentials of this machine, and see that its clock is right.")
        if kind in _DISABLED:
            return Unavailable(
                f"The key {self.place} is disabled or waits for its deletion.", code="key.disabled",
                advice="Enable it, or cancel the deletion: what it sealed cannot be opened without it.",
            )  # fmt: skip
        if kind in _NOT_OURS:
            return WrongKey(f"The key service {self.place} did not seal this.")
        if kind in {"NotFoundException", "InvalidArnException"}:
            return InvalidInput(
                f"There is no such key: {self.place}.", code="key.not_found", advice="Correct its ARN in the settings."
            )
        if kind == "InvalidKeyUsageException":
            return InvalidInput(
                f"The key {self.place} is not for encryption.", code="key.settings", advice="Use a symmetric key."
            )
        return puzzling(self.place, status)


class BotocoreSigner:
    """Signature Version 4 with the credentials that this machine has."""

    def __init__(self, region: str, profile: str | None, place: str) -> None:
        try:
            from botocore import auth, awsrequest, exceptions, session  # noqa: PLC0415  an extra
        except ImportError:
            raise InvalidInput(
                "AWS KMS needs the package botocore.", code="key.extra", advice="Install candor[aws]."
            ) from None
        self._auth, self._request, self._session, self._errors = auth, awsrequest, session, exceptions
        self._region, self._profile, self._place = region, profile, place
        self._credentials: Any = None

    def sign(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        try:
            if self._credentials is None:
                self._credentials = self._session.Session(profile=self._profile).get_credentials()
            if self._credentials is None:
                raise logged_out(self._place, "This machine has no AWS credentials: give it a role, or set them.")
            request = self._request.AWSRequest(method=method, url=url, data=body, headers=dict(headers))
            self._auth.SigV4Auth(self._credentials, "kms", self._region).add_auth(request)
        except self._errors.BotoCoreError as error:
            raise logged_out(self._place, "The AWS credentials of this machine cannot be had.") from error
        return dict(request.headers.items())

    def renew(self) -> None:
        self._credentials = None


def _type(answer: Mapping[str, Any]) -> str:
    return str(answer.get("__type", "")).rpartition("#")[2]
