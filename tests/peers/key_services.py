"""Key services on loopback, each as its documentation has it: they check what they are asked, and answer as they do.

They hold real keys and do real cryptography: a wrong signature, token, key or associated data is refused here as it is
there. ``troubles`` are answers given before the next true ones: throttling, outages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import threading
import urllib.parse
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Answer = tuple[int, dict[str, Any], dict[str, str]]


def answer(status: int, body: dict[str, Any] | None = None, **headers: str) -> Answer:
    return status, body or {}, {name.replace("_", "-"): value for name, value in headers.items()}


class Asked:
    """A request as it came."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urllib.parse.urlsplit(handler.path)
        self.method, self.path, self.query = handler.command, parts.path, dict(urllib.parse.parse_qsl(parts.query))
        self.raw_query = parts.query
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = handler.rfile.read(int(self.headers.get("content-length", "0")))

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.body.decode()))


class Service:
    """One server on a free port of loopback."""

    def __init__(self) -> None:
        self.troubles: deque[Answer] = deque()
        self.down = False
        """Every connection is closed without a word."""
        self.denies = False
        self.asked: list[Asked] = []
        self.lies = False
        """What it decrypts is not what it encrypted."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                asked = Asked(self)
                service.asked.append(asked)
                if service.down:
                    self.close_connection = True
                    return
                status, body, headers = service.troubles.popleft() if service.troubles else service.serve(asked)
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _do  # noqa: N815  the names that the library calls

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def serve(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def truth(self, secret: bytes) -> bytes:
        return os.urandom(len(secret)) if self.lies else secret

    def calls(self, part: str) -> int:
        """How many requests had ``part`` in their path or target."""
        return sum(part in one.path + one.headers.get("x-amz-target", "") for one in self.asked)

    @contextmanager
    def running(self) -> Iterator[Any]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()


class Vault(Service):
    """HashiCorp Vault: transit with AES-256-GCM keys, tokens, AppRole."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, dict[int, bytes]] = {"candor": {1: os.urandom(32)}, "other": {1: os.urandom(32)}}
        self.least: dict[str, int] = {}
        self.tokens = {"hvs.valid"}
        self.role, self.secret = "role-1", "secret-1"
        self.sealed = False

    def serve(self, asked: Asked) -> Answer:
        if self.sealed:
            return answer(503, {"errors": ["Vault is sealed"]})
        parts = asked.path.strip("/").split("/")
        if parts == ["v1", "auth", "approle", "login"]:
            if asked.json != {"role_id": self.role, "secret_id": self.secret}:
                return answer(400, {"errors": ["invalid role or secret ID"]})
            token = f"hvs.{os.urandom(6).hex()}"
            self.tokens.add(token)
            return answer(200, {"auth": {"client_token": token, "lease_duration": 3600}})
        if asked.headers.get("x-vault-token") not in self.tokens or self.denies:
            return answer(403, {"errors": ["permission denied"]})
        if len(parts) != 4 or parts[:2] != ["v1", "transit"]:
            return answer(404, {"errors": []})
        return self._transit(parts[2], parts[3], asked.json)

    def _transit(self, verb: str, name: str, body: dict[str, str]) -> Answer:
        versions = self.keys.get(name)
        if versions is None:
            return answer(400, {"errors": ["encryption key not found"]})
        aad = base64.b64decode(body.get("associated_data", ""))
        if verb == "encrypt":
            newest, nonce = max(versions), os.urandom(12)
            sealed = nonce + AESGCM(versions[newest]).encrypt(nonce, base64.b64decode(body["plaintext"]), aad)
            return answer(200, {"data": {"ciphertext": f"vault:v{newest}:{base64.b64encode(sealed).decode()}"}})
        prefix, _, rest = body["ciphertext"].partition(":v")
        number, _, value = rest.partition(":")
        if prefix != "vault" or not number.isdigit():
            return answer(400, {"errors": ["invalid ciphertext: no prefix"]})
        if int(number) < self.least.get(name, 1):
            return answer(400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]})
        try:
            sealed = base64.b64decode(value)
            plain = AESGCM(versions[int(number)]).decrypt(sealed[:12], sealed[12:], aad)
        except (InvalidTag, KeyError, ValueError):
            return answer(400, {"errors": ["cipher: message authentication failed"]})
        return answer(200, {"data": {"plaintext": base64.b64encode(self.truth(plain)).decode()}})


class Aws(Service):
    """AWS KMS: Encrypt and Decrypt with encryption contexts, and Signature Version 4 checked from its description."""

    ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    OTHER = "arn:aws:kms:eu-central-1:111122223333:key/0000abcd-12ab-34cd-56ef-1234567890ab"

    def __init__(self) -> None:
        super().__init__()
        self.keys = {self.ARN: os.urandom(32), self.OTHER: os.urandom(32)}
        self.secrets = {"AKIDCANDOR": "wJalrXUtnFEMI/K7MDENG"}
        self.disabled: set[str] = set()
        self.expired = False

    def serve(self, asked: Asked) -> Answer:  # noqa: PLR0911  one return a refusal
        if self.expired:
            return self._error("ExpiredTokenException")
        fault = self._unsigned(asked)
        if fault:
            return self._error(fault)
        if self.denies:
            return self._error("AccessDeniedException")
        body = asked.json
        key = self.keys.get(body["KeyId"])
        if key is None:
            return self._error("NotFoundException")
        if body["KeyId"] in self.disabled:
            return self._error("DisabledException")
        aad = json.dumps(body["EncryptionContext"], sort_keys=True).encode()
        head = hashlib.sha256(body["KeyId"].encode()).digest()
        if asked.headers["x-amz-target"] == "TrentService.Encrypt":
            nonce = os.urandom(12)
            sealed = head + nonce + AESGCM(key).encrypt(nonce, base64.b64decode(body["Plaintext"]), aad)
            return answer(200, {"CiphertextBlob": base64.b64encode(sealed).decode(), "KeyId": body["KeyId"]})
        sealed = base64.b64decode(body["CiphertextBlob"])
        if sealed[:32] != head:
            return self._error("IncorrectKeyException")
        try:
            plain = AESGCM(key).decrypt(sealed[32:44], sealed[44:], aad)
        except (InvalidTag, ValueError):
            return self._error("InvalidCiphertextException")
        return answer(200, {"Plaintext": base64.b64encode(self.truth(plain)).decode(), "KeyId": body["KeyId"]})

    @staticmethod
    def _error(kind: str) -> Answer:
        return answer(400, {"__type": f"com.amazonaws.kms#{kind}", "message": "what a service says is not passed on"})

    def _unsigned(self, asked: Asked) -> str:
        """Why the signature does not hold; empty when it does ("Create a signed AWS API request")."""
        given = asked.headers.get("authorization", "")
        scheme, _, rest = given.partition(" ")
        fields = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
        if scheme != "AWS4-HMAC-SHA256" or set(fields) != {"Credential", "SignedHeaders", "Signature"}:
            return "MissingAuthenticationTokenException"
        key_id, day, region, service, end = fields["Credential"].split("/")
        if key_id not in self.secrets:
            return "UnrecognizedClientException"
        names = fields["SignedHeaders"].split(";")
        if (region, service, end) != ("eu-central-1", "kms", "aws4_request") or not {"host", "x-amz-date"} <= set(
            names
        ):
            return "IncompleteSignatureException"
        canonical = "\n".join(
            (
                asked.method, asked.path, asked.raw_query,
                *(f"{name}:{' '.join(asked.headers[name].split())}" for name in names), "", ";".join(names),
                hashlib.sha256(asked.body).hexdigest(),
            )
        )  # fmt: skip
        scope = f"{day}/{region}/{service}/{end}"
        to_sign = "\n".join(
            ("AWS4-HMAC-SHA256", asked.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest())
        )
        key = b"AWS4" + self.secrets[key_id].encode()
        for part in (day, region, service, end):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        right = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        return "" if hmac.compare_digest(right, fields["Signature"]) else "InvalidSignatureException"


class Gcp(Service):
    """Google Cloud KMS, with the token endpoint for service accounts and the metadata server of a machine."""

    KEY = "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/candor"
    OTHER = "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/other"

    def __init__(self) -> None:
        super().__init__()
        self.keys = {self.KEY: os.urandom(32), self.OTHER: os.urandom(32)}
        self.tokens: set[str] = set()
        self.account_key = rsa.generate_private_key(65537, 2048)
        self.disabled: set[str] = set()

    def account(self) -> str:
        """The JSON key of the service account."""
        pem = self.account_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        told = {
            "type": "service_account", "client_email": "candor@p.iam.gserviceaccount.com", "private_key": pem.decode(),
            "private_key_id": "k1", "token_uri": f"{self.url}/token",
        }  # fmt: skip
        return json.dumps(told)

    def serve(self, asked: Asked) -> Answer:  # noqa: PLR0911  one return a refusal
        if asked.path == "/token":
            return self._grant(asked.form)
        if asked.path == "/computeMetadata/v1/instance/service-accounts/default/token":
            if asked.headers.get("metadata-flavor") != "Google":
                return answer(403)
            return self._token()
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        if self.denies:
            return answer(403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}})
        name, _, verb = asked.path.removeprefix("/v1/").partition(":")
        key = self.keys.get(name)
        if key is None:
            return answer(404, {"error": {"code": 404, "status": "NOT_FOUND"}})
        if name in self.disabled:
            return answer(400, {"error": {"code": 400, "status": "FAILED_PRECONDITION"}})
        body = asked.json
        aad = base64.b64decode(body["additionalAuthenticatedData"])
        if verb == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + AESGCM(key).encrypt(nonce, base64.b64decode(body["plaintext"]), aad)
            return answer(200, {"name": f"{name}/cryptoKeyVersions/1", "ciphertext": base64.b64encode(sealed).decode()})
        try:
            sealed = base64.b64decode(body["ciphertext"])
            plain = AESGCM(key).decrypt(sealed[:12], sealed[12:], aad)
        except (InvalidTag, ValueError):
            return answer(400, {"error": {"code": 400, "status": "INVALID_ARGUMENT"}})
        return answer(200, {"plaintext": base64.b64encode(self.truth(plain)).decode()})

    def _token(self) -> Answer:
        token = f"ya29.{os.urandom(8).hex()}"
        self.tokens.add(token)
        return answer(200, {"access_token": token, "expires_in": 3599, "token_type": "Bearer"})

    def _grant(self, form: dict[str, str]) -> Answer:
        signed, _, signature = form["assertion"].rpartition(".")
        try:
            self.account_key.public_key().verify(
                _unb64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return answer(400, {"error": "invalid_grant"})
        head, claims = (json.loads(_unb64(part)) for part in signed.split("."))
        if (
            form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer" or head["alg"] != "RS256"
            or claims["aud"] != f"{self.url}/token" or claims["exp"] - claims["iat"] > 3600
        ):  # fmt: skip
            return answer(400, {"error": "invalid_grant"})
        return self._token()


class Azure(Service):
    """Azure Key Vault: RSA keys with versions, tokens for a client or for the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = {name: {"v1": rsa.generate_private_key(65537, 2048)} for name in ("candor", "other")}
        self.tokens: set[str] = set()
        self.client = {"client_id": "client-1", "client_secret": "secret~1"}
        self.federated = "federated-token"
        self.disabled: set[str] = set()

    def serve(self, asked: Asked) -> Answer:  # noqa: PLR0911  one return a refusal
        parts = asked.path.strip("/").split("/")
        if parts[1:] == ["oauth2", "v2.0", "token"]:
            form = asked.form
            by_secret = all(form.get(name) == value for name, value in self.client.items())
            by_token = form.get("client_assertion") == self.federated and form.get("client_id") == "client-1"
            if not (by_secret or by_token) or form["scope"] != "https://vault.azure.net/.default":
                return answer(401, {"error": "invalid_client"})
            return self._token(3599)
        if parts == ["metadata", "identity", "oauth2", "token"]:
            if asked.headers.get("metadata") != "true" or asked.query["resource"] != "https://vault.azure.net":
                return answer(400, {"error": "invalid_request"})
            return self._token("3599")
        if asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return answer(401, {"error": {"code": "Unauthorized", "message": "AKV10022"}})
        if self.denies:
            return answer(403, {"error": {"code": "Forbidden", "message": "Caller is not authorized"}})
        return self._key(parts, asked)

    def _key(self, parts: list[str], asked: Asked) -> Answer:
        versions = self.keys.get(parts[1]) if parts[0] == "keys" and asked.query.get("api-version") == "7.4" else None
        if versions is None:
            return answer(404, {"error": {"code": "KeyNotFound", "message": ""}})
        if parts[1] in self.disabled:
            message = "Operation is not allowed on a disabled key."
            return answer(403, {"error": {"code": "Forbidden", "message": message}})
        body = asked.json
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        if body["alg"] != "RSA-OAEP-256":
            return answer(400, {"error": {"code": "BadParameter", "message": ""}})
        if parts[2:] == ["wrapkey"]:
            newest = max(versions)
            value = versions[newest].public_key().encrypt(_unb64(body["value"]), oaep)
        else:
            newest = parts[2]
            try:
                value = self.truth(versions[newest].decrypt(_unb64(body["value"]), oaep))
            except (ValueError, KeyError):
                return answer(400, {"error": {"code": "BadParameter", "message": ""}})
        encoded = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        return answer(200, {"kid": f"{self.url}/keys/{parts[1]}/{newest}", "value": encoded})

    def _token(self, seconds: int | str) -> Answer:
        token = f"eyJ.{os.urandom(8).hex()}"
        self.tokens.add(token)
        return answer(200, {"access_token": token, "expires_in": seconds, "token_type": "Bearer"})


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
