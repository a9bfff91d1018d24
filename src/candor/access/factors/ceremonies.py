"""Passkeys (WebAuthn level 3): keys that never leave their device, shown with the owner's finger, face or PIN.

The checks when one is shown, done by py_webauthn but for (1) and (5):

1. The challenge is the one given to this very browser, minutes ago, and not used since.
2. The browser says that it was shown to our own origin, and the device signed that it is for our own name.
3. The owner was there and proved to be it to the device (user verification): that makes it two factors.
4. The signature fits the public key that was kept.
5. The counter went up, where the device counts: else it may be a copy, and is refused.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from candor.access.factors import store
from candor.errors import Conflict, InvalidInput, Unauthenticated
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.kit.ids import new_id

MOST = 20
_REQUIRED = UserVerificationRequirement.REQUIRED


def new_options(uow: UnitOfWork, user_id: str, login: str, name: str, origin: str) -> tuple[dict[str, Any], str]:
    """(what the browser is asked, the challenge to keep); raises InvalidInput where passkeys cannot work, Conflict."""
    kept = store.passkeys_of(uow, user_id)
    if len(kept) >= MOST:
        raise Conflict(f"There are {MOST} passkeys already.", code="factor.many", advice="Remove one first.")
    options = webauthn.generate_registration_options(
        rp_id=_name_of(origin), rp_name="Candor", user_name=login, user_display_name=name or login,
        user_id=user_id.encode(),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.credential)) for row in kept],
    )  # fmt: skip
    return json.loads(webauthn.options_to_json(options)), bytes_to_base64url(options.challenge)


def add(uow: UnitOfWork, user_id: str, name: str, shown: dict[str, Any], challenge: str, origin: str) -> str:
    """Keep a new one; returns its id. Raises InvalidInput when a check fails, Conflict for one that is known."""
    try:
        verified = webauthn.verify_registration_response(
            credential=shown, expected_challenge=base64url_to_bytes(challenge), expected_rp_id=_name_of(origin),
            expected_origin=origin, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            "The passkey was not taken: what the device sent does not verify.", code="factor.passkey",
            advice="Begin again on this page.",
        ) from error  # fmt: skip
    credential = bytes_to_base64url(verified.credential_id)
    if len(credential) > 1400 or store.passkey_by_credential(uow, credential) is not None:
        raise Conflict("This passkey is known already.", code="factor.there")
    passkey_id = new_id()
    store.add_passkey(
        uow, id=passkey_id, credential=credential, user_id=user_id, public_key=verified.credential_public_key,
        sign_count=verified.sign_count, name=name.strip()[:80] or "Passkey", created_at=clock.to_column(clock.now()),
    )  # fmt: skip
    return passkey_id


def ask_options(origin: str) -> tuple[dict[str, Any], str]:
    """(what any browser is asked at log-in, the challenge to keep); no name is needed, and none is given away."""
    options = webauthn.generate_authentication_options(rp_id=_name_of(origin), user_verification=_REQUIRED)
    return json.loads(webauthn.options_to_json(options)), bytes_to_base64url(options.challenge)


def owner(uow: UnitOfWork, shown: dict[str, Any], challenge: str, origin: str) -> str:
    """Whose passkey was shown; raises Unauthenticated, whatever is wrong with it."""
    row = store.passkey_by_credential(uow, str(shown.get("id", ""))[:1400])
    try:
        if row is None:
            raise _refused()
        verified = webauthn.verify_authentication_response(
            credential=shown, expected_challenge=base64url_to_bytes(challenge), expected_rp_id=_name_of(origin),
            expected_origin=origin, credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count, require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _refused() from error
    store.note_passkey(uow, row.id, verified.new_sign_count, clock.now())
    return str(row.user_id)


def _name_of(origin: str) -> str:
    """The name that passkeys are made for; raises InvalidInput for a bare address, which browsers refuse."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host:
            return host
    raise InvalidInput(
        "Passkeys need Candor to be opened by a name, not by an address of numbers.",
        code="factor.origin",
        advice="Open it as https://NAME, or http://localhost on this machine.",
    )


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "This passkey is not known here, or did not verify.", code="access.refused", advice="Use another way to log in."
    )
