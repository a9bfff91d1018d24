"""Master keys as an administrator writes them: tables of a settings file, or JSON.

A table holds no secret. A secret is read from the file that ``…_file`` names, or from the variable that the
provider's own tools use, at the moment it is needed: so it may be renewed while Candor runs.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from candor.errors import InvalidInput

_WHO = "A master key of the settings"
_PASSPHRASE, _PIN_VARIABLE = "CANDOR_PASSPHRASE", "CANDOR_PKCS11_PIN"


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is."""

    what: str
    path: Path | None = None
    value: str | None = field(default=None, repr=False)

    def read(self) -> str:
        """The secret; raises InvalidInput when it is nowhere, or in a file that others can read."""
        if self.path is None:
            if self.value:
                return self.value
            raise InvalidInput(f"{self.what} is not known.", code="key.secret", advice="Set it, or name its file.")
        try:
            with self.path.open(encoding="utf-8") as file:
                if os.fstat(file.fileno()).st_mode & 0o007:
                    raise InvalidInput(
                        f"The file {self.path} can be read by everybody.", code="key.secret",
                        advice=f"Run: chmod o= {self.path}",
                    )  # fmt: skip
                return file.read(65_536).strip()
        except (OSError, UnicodeError) as error:
            raise InvalidInput(f"The file {self.path} ({self.what}) cannot be read.", code="key.secret") from error


_TOKEN = Secret("The Vault token (VAULT_TOKEN or token_file)")
_SECRET_ID = Secret("The secret id of the AppRole (secret_id_file)")
_CLIENT_SECRET = Secret("The client's secret (AZURE_CLIENT_SECRET or client_secret_file)")
_PIN = Secret("The token's PIN (CANDOR_PKCS11_PIN or pin_file)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """64 hexadecimal digits in a file."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseSpec:
    """Derived from a passphrase and the salt in a file."""

    passphrase: Secret
    salt: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSpec:
    """HashiCorp Vault's transit engine."""

    url: str
    key: str
    mount: str = "transit"
    namespace: str = ""
    token: Secret = _TOKEN
    role_id: str = ""
    secret_id: Secret = _SECRET_ID
    auth_mount: str = "approle"
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSpec:
    """AWS KMS."""

    key: str
    endpoint: str | None = None
    profile: str | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GcpSpec:
    """Google Cloud KMS."""

    key: str
    credentials: Secret | None = None
    """A service account's key; without it the machine's own account is used."""
    endpoint: str = "https://cloudkms.googleapis.com"
    metadata: str = "http://169.254.169.254"
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSpec:
    """Azure Key Vault."""

    key: str
    tenant_id: str = ""
    client_id: str = ""
    client_secret: Secret = _CLIENT_SECRET
    federated: Secret | None = None
    authority: str = "https://login.microsoftonline.com"
    metadata: str = "http://169.254.169.254"
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Spec:
    """A PKCS#11 token."""

    module: Path
    token: str
    key: str
    pin: Secret = _PIN


KeySpec = FileSpec | PassphraseSpec | VaultSpec | AwsSpec | GcpSpec | AzureSpec | Pkcs11Spec

_KEYS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "file": (frozenset(), frozenset({"path"})),
    "passphrase": (frozenset(), frozenset({"salt", "passphrase_file"})),
    "vault": (
        frozenset({"url", "key"}),
        frozenset({"mount", "namespace", "token_file", "role_id", "secret_id_file", "auth_mount", "ca"}),
    ),
    "aws": (frozenset({"key"}), frozenset({"endpoint", "profile", "ca"})),
    "gcp": (frozenset({"key"}), frozenset({"credentials_file", "endpoint", "metadata", "ca"})),
    "azure": (
        frozenset({"key"}),
        frozenset(
            {"tenant_id", "client_id", "client_secret_file", "federated_token_file", "authority", "metadata", "ca"}
        ),
    ),
    "pkcs11": (frozenset({"module", "token", "key"}), frozenset({"pin_file"})),
}
"""Kind → (what it needs, what it may have)."""


def read_keys(
    given: Iterable[Mapping[str, object]],
    data: Path,
    environment: Mapping[str, str],
    *,
    passphrase: str | None = None,
    pin: str | None = None,
) -> tuple[KeySpec, ...]:
    """What the tables mean; raises InvalidInput ``key.settings`` that names what is wrong, never a value."""
    known = {**environment, _PASSPHRASE: passphrase or "", _PIN_VARIABLE: pin or ""}
    return tuple(_key(number, table, data, known) for number, table in enumerate(given, 1))


def _key(number: int, table: Mapping[str, object], data: Path, environment: Mapping[str, str]) -> KeySpec:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in _KEYS:
        raise InvalidInput(
            f"Master key {number} of the settings has no known kind.", code="key.settings",
            advice=f"Known are: {', '.join(_KEYS)}.",
        )  # fmt: skip
    needed, possible = _KEYS[kind]
    if needed - table.keys() or table.keys() - needed - possible - {"kind"}:
        raise InvalidInput(
            f"Master key {number} of the settings ({kind}) lacks a key or has an unknown one.", code="key.settings",
            advice=f"It needs: {', '.join(sorted(needed)) or 'nothing'}; it may have: {', '.join(sorted(possible))}.",
        )  # fmt: skip
    values: dict[str, str] = {}
    for name, value in table.items():
        if not isinstance(value, str) or not value or any(ord(c) < 32 for c in value):
            raise InvalidInput(f"Master key {number} of the settings: {name} is not a text.", code="key.settings")
        values[name] = value
    return _read(kind, values, data, environment)


def _read(  # noqa: PLR0911  a table
    kind: str, values: Mapping[str, str], data: Path, environment: Mapping[str, str]
) -> KeySpec:
    def path(name: str, default: str | None = None) -> Path | None:
        found = values.get(name, default)
        return None if found is None else data / Path(found).expanduser()

    def secret(what: str, name: str, variable: str | None = None) -> Secret:
        known = environment.get(variable) if variable else None
        return Secret(what, path(name), known)

    def url(name: str, default: str) -> str:
        return secure_url(values.get(name, default), f"{_WHO} ({kind}): {name}")

    ca = path("ca")
    match kind:
        case "file":
            return FileSpec(path=path("path", "master.key") or data)
        case "passphrase":
            given = secret("The passphrase (CANDOR_PASSPHRASE or passphrase_file)", "passphrase_file", _PASSPHRASE)
            return PassphraseSpec(passphrase=given, salt=path("salt", "passphrase.json") or data)
        case "vault":
            return VaultSpec(
                url=url("url", ""), key=_plain(kind, "key", values["key"]),
                mount=_plain(kind, "mount", values.get("mount", "transit")),
                namespace=values.get("namespace", environment.get("VAULT_NAMESPACE", "")).strip("/"),
                token=secret(_TOKEN.what, "token_file", "VAULT_TOKEN"), role_id=values.get("role_id", ""),
                secret_id=secret(_SECRET_ID.what, "secret_id_file"),
                auth_mount=_plain(kind, "auth_mount", values.get("auth_mount", "approle")), ca=ca,
            )  # fmt: skip
        case "aws":
            endpoint = url("endpoint", "") if "endpoint" in values else None
            return AwsSpec(key=values["key"], endpoint=endpoint, profile=values.get("profile"), ca=ca)
        case "gcp":
            file = path("credentials_file", environment.get("GOOGLE_APPLICATION_CREDENTIALS"))
            return GcpSpec(
                key=values["key"], credentials=None if file is None else Secret("The service account's key", file),
                endpoint=url("endpoint", "https://cloudkms.googleapis.com"),
                metadata=_machine(values), ca=ca,
            )  # fmt: skip
        case "azure":
            federated = path("federated_token_file", environment.get("AZURE_FEDERATED_TOKEN_FILE"))
            return AzureSpec(
                key=url("key", ""), tenant_id=values.get("tenant_id", environment.get("AZURE_TENANT_ID", "")),
                client_id=values.get("client_id", environment.get("AZURE_CLIENT_ID", "")),
                client_secret=secret(_CLIENT_SECRET.what, "client_secret_file", "AZURE_CLIENT_SECRET"),
                federated=None if federated is None else Secret("The federated token", federated),
                authority=url("authority", "https://login.microsoftonline.com"), metadata=_machine(values), ca=ca,
            )  # fmt: skip
        case _:
            return Pkcs11Spec(
                module=path("module") or data, token=values["token"], key=values["key"],
                pin=secret(_PIN.what, "pin_file", _PIN_VARIABLE),
            )  # fmt: skip


def _machine(values: Mapping[str, str]) -> str:
    """The metadata server of a cloud machine, at its link-local address unless another is told."""
    if "metadata" not in values:
        return "http://169.254.169.254"
    return secure_url(values["metadata"], f"{_WHO}: metadata")


def _plain(kind: str, name: str, value: str) -> str:
    if not all(part and part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in value.split("/")):
        raise InvalidInput(f"{_WHO} ({kind}): {name} is not a plain name.", code="key.settings")
    return value


def secure_url(url: str, what: str) -> str:
    """``url`` without a slash at its end; raises InvalidInput unless it is https, or http to this very machine."""
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InvalidInput(f"{what} is not an address like https://host:port.", code="key.settings")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
        raise InvalidInput(
            f"{what} does not begin with https.", code="key.insecure", advice="Keys travel encrypted only."
        )
    return url.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
