"""Who may: log-in, second factors, the identity provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from candor.access.factors.service import Factors
from candor.access.groups import Groups
from candor.access.ports import CipherFor
from candor.access.service import Access
from candor.settings import Settings
from candor.vault.service import Vault

if TYPE_CHECKING:
    from candor.access.oidc import Provider

_SEALED_UNDER = "access"
"""What stands for a conversation's id in the vault: second factors' secrets have a data key of their own."""


def make_access(settings: Settings, vault: Vault) -> Access:
    """Log-in, people, sessions and tokens."""
    return Access(
        session_hours=settings.session_hours, idle_minutes=settings.idle_minutes, own_calls=settings.agents_see,
        factors=Factors(access_cipher(vault), frozenset(settings.second_factor)),
        passwords_taken=settings.password_login,
    )  # fmt: skip


def access_cipher(vault: Vault) -> CipherFor:
    """Seals the secrets of authenticator apps."""
    return lambda uow, create: vault.fields(uow, _SEALED_UNDER, create=create)


def make_groups(settings: Settings) -> Groups:
    """What groups of the identity provider give."""
    return Groups(settings.groups)


def make_provider(settings: Settings) -> Provider | None:
    """The identity provider; None where none is set."""
    if settings.oidc_issuer is None:
        return None
    from candor.access.oidc import Provider  # noqa: PLC0415  takes a third of a second to import

    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer, settings.oidc_client_id or "", None if secret is None else secret.get_secret_value(),
        label=settings.oidc_label, scopes=settings.oidc_scopes, groups_claim=settings.oidc_groups_claim,
        login_claim=settings.oidc_login_claim,
    )  # fmt: skip
