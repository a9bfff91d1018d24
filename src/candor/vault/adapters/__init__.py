"""One file per outside thing: folders, memory, key files, passphrases, key services, tokens."""

from __future__ import annotations

from candor.vault.keys.reading import (
    AwsSpec,
    AzureSpec,
    FileSpec,
    GcpSpec,
    KeySpec,
    PassphraseSpec,
    VaultSpec,
)
from candor.vault.keys.service_key import ServiceKey
from candor.vault.ports import KeyService, MasterKey


def make_key(spec: KeySpec, *, may_create: bool, seconds: float) -> MasterKey:
    """The master key that ``spec`` describes; ``seconds`` is how long what a service opened is remembered.

    Raises InvalidInput or Damaged, at once, for what is wrong on this machine; a service is asked when it is needed.
    """
    from candor.vault.adapters import local_key  # noqa: PLC0415  one provider is used, not all

    match spec:
        case FileSpec():
            return local_key.from_key_file(spec.path, may_create=may_create)
        case PassphraseSpec():
            return local_key.from_passphrase(spec.passphrase.read(), spec.salt, may_create=may_create)
        case _:
            return ServiceKey(_service(spec), seconds=seconds)


def _service(spec: KeySpec) -> KeyService:
    match spec:
        case VaultSpec():
            from candor.vault.adapters.vault_transit import VaultTransit  # noqa: PLC0415

            return VaultTransit(spec)
        case AwsSpec():
            from candor.vault.adapters.aws_kms import AwsKms  # noqa: PLC0415

            return AwsKms(spec)
        case GcpSpec():
            from candor.vault.adapters.gcp_kms import GcpKms  # noqa: PLC0415

            return GcpKms(spec)
        case AzureSpec():
            from candor.vault.adapters.azure_key_vault import AzureKeyVault  # noqa: PLC0415

            return AzureKeyVault(spec)
        case _:
            from candor.vault.adapters.pkcs11_token import Pkcs11Token  # noqa: PLC0415

            assert not isinstance(spec, FileSpec | PassphraseSpec)  # noqa: S101  make_key made those
            return Pkcs11Token(spec)
