"""Master keys as they stand in the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from candor.errors import InvalidInput
from candor.vault.keys.reading import AzureSpec, FileSpec, GcpSpec, PassphraseSpec, Secret, VaultSpec, read_keys

DATA = Path("/data")


def test_each_kind_is_read_with_what_its_own_tools_know() -> None:
    environment = {
        "VAULT_TOKEN": "hvs.x", "VAULT_NAMESPACE": "team/", "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c",
        "AZURE_CLIENT_SECRET": "s", "GOOGLE_APPLICATION_CREDENTIALS": "/etc/account.json",
    }  # fmt: skip
    file, passphrase, vault, aws, gcp, azure, token = read_keys(
        [
            {"kind": "file", "path": "keys/new.key"}, {"kind": "passphrase"},
            {"kind": "vault", "url": "https://vault:8200/", "key": "candor"},
            {"kind": "aws", "key": "arn:aws:kms:eu-central-1:111122223333:key/x", "profile": "p"},
            {"kind": "gcp", "key": "projects/p"},
            {"kind": "azure", "key": "https://v.vault.azure.net/keys/k"},
            {"kind": "pkcs11", "module": "/lib/x.so", "token": "t", "key": "k"},
        ],
        DATA, environment, passphrase="a passphrase that is long", pin="1234",
    )  # fmt: skip
    assert file == FileSpec(path=DATA / "keys/new.key")
    assert isinstance(passphrase, PassphraseSpec)
    assert passphrase.passphrase.read() == "a passphrase that is long"
    assert passphrase.salt == DATA / "passphrase.json"
    assert isinstance(vault, VaultSpec)
    assert (vault.url, vault.namespace, vault.token.read()) == ("https://vault:8200", "team", "hvs.x")
    assert aws.profile == "p"  # type: ignore[union-attr]
    assert isinstance(gcp, GcpSpec)
    assert gcp.credentials == Secret("The service account's key", Path("/etc/account.json"))
    assert isinstance(azure, AzureSpec)
    assert (azure.tenant_id, azure.client_id, azure.client_secret.read()) == ("t", "c", "s")
    assert token.pin.read() == "1234"  # type: ignore[union-attr]
    shown = repr((passphrase, vault, azure, token))
    assert not any(secret in shown for secret in ("hvs.x", "a passphrase", "1234", "'s'")), "secrets are not shown"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "no known kind"),
        ({"kind": "kms"}, "no known kind"),
        ({"kind": "vault", "key": "k"}, "lacks a key"),
        ({"kind": "file", "token": "hvs.s3cr3t"}, "unknown one"),
        ({"kind": "vault", "url": "https://v", "key": "k", "token": "hvs.s3cr3t"}, "unknown one"),
        ({"kind": "file", "path": 7}, "not a text"),
        ({"kind": "file", "path": ""}, "not a text"),
        ({"kind": "file", "path": "a\nb"}, "not a text"),
        ({"kind": "vault", "url": "http://vault:8200", "key": "k"}, "https"),
        ({"kind": "vault", "url": "ftp://vault", "key": "k"}, "https"),
        ({"kind": "vault", "url": "vault:8200", "key": "k"}, "not an address"),
        ({"kind": "vault", "url": "https://user:s3cr3t@vault", "key": "k"}, "not an address"),
        ({"kind": "vault", "url": "https://vault", "key": "../sys/raw"}, "plain name"),
        ({"kind": "vault", "url": "https://vault", "key": "k", "mount": "a//b"}, "plain name"),
        ({"kind": "azure", "key": "http://v.vault.azure.net/keys/k"}, "https"),
        ({"kind": "gcp", "key": "projects/p", "endpoint": "http://169.254.169.254"}, "https"),
    ],
)
def test_what_is_wrong_is_named_and_no_value_is_shown(table: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as told:
        read_keys([table], DATA, {})
    assert "s3cr3t" not in str(told.value)


def test_loopback_needs_no_https() -> None:
    for url in ("http://127.0.0.1:8200", "http://[::1]:8200", "http://localhost:8200"):
        [spec] = read_keys([{"kind": "vault", "url": url, "key": "k"}], DATA, {})
        assert spec.url == url  # type: ignore[union-attr]


def test_a_secret_in_a_file_is_read_when_it_is_needed_and_must_be_private(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("first\n")
    path.chmod(0o600)
    secret = Secret("The token", path)
    assert secret.read() == "first"
    path.write_text("second\n")
    assert secret.read() == "second", "it may be renewed while Candor runs"
    path.chmod(0o604)
    with pytest.raises(InvalidInput, match="everybody"):
        secret.read()
    with pytest.raises(InvalidInput, match="cannot be read"):
        Secret("The token", tmp_path / "none").read()
    with pytest.raises(InvalidInput, match="not known"):
        Secret("The token").read()
