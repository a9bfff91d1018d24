"""Codes of an authenticator app: time-based one-time passwords (RFC 6238: SHA-1, 6 digits, 30 s), and their QR code."""

from __future__ import annotations

import hmac
import io

import pyotp
import segno

from candor.access.factors import store
from candor.access.ports import CipherFor
from candor.errors import Conflict, InvalidInput
from candor.kit import clock
from candor.kit.database import UnitOfWork

_SECONDS = 30
_DRIFT = 1
"""Steps before and after the present one whose code is taken, too (RFC 6238, 5.2)."""


class Apps:
    """One authenticator app a person."""

    def __init__(self, cipher: CipherFor, issuer: str = "Candor") -> None:
        self._cipher, self._issuer = cipher, issuer

    def begin(self, uow: UnitOfWork, user_id: str) -> str:
        """A new secret (base32, 160 bits), in use once a code of it was shown; raises Conflict when one is in use."""
        row = store.totp_of(uow, user_id)
        if row is not None and row.confirmed_at is not None:
            raise Conflict("An authenticator app is set up already.", code="factor.there", advice="Remove it first.")
        secret = pyotp.random_base32()
        store.put_totp(uow, user_id, self._cipher(uow, True).seal(_place(user_id), secret.encode()))
        return secret

    def secret(self, uow: UnitOfWork, user_id: str) -> str | None:
        """The secret that waits for its first code; None when there is none, and never of one in use."""
        row = store.totp_of(uow, user_id)
        return None if row is None or row.confirmed_at is not None else self._open(uow, row.sealed, user_id)

    def forget_begun(self, uow: UnitOfWork, user_id: str) -> None:
        """Drop a secret that waits for its first code: somebody else may have seen it."""
        if not self.in_use(uow, user_id):
            store.drop_totp(uow, user_id)

    def confirm(self, uow: UnitOfWork, user_id: str, code: str) -> None:
        """The first code: the app is in use from now on; raises InvalidInput when the code does not fit."""
        row = store.totp_of(uow, user_id)
        if row is None or not self._take(uow, user_id, code):
            raise InvalidInput(
                "The code does not fit.", code="factor.code", advice="Check the time on your phone; take a fresh code."
            )
        store.confirm_totp(uow, user_id, clock.now())

    def accepts(self, uow: UnitOfWork, user_id: str, code: str) -> bool:
        """Whether it is a code of now that was not used yet; it is used up then."""
        row = store.totp_of(uow, user_id)
        return row is not None and row.confirmed_at is not None and self._take(uow, user_id, code)

    def in_use(self, uow: UnitOfWork, user_id: str) -> bool:
        """Whether the person has one."""
        row = store.totp_of(uow, user_id)
        return row is not None and row.confirmed_at is not None

    def address(self, login: str, secret: str) -> str:
        """The ``otpauth:`` address that apps read."""
        return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=self._issuer)

    def _take(self, uow: UnitOfWork, user_id: str, code: str) -> bool:
        digits = "".join(code.split())
        row = store.totp_of(uow, user_id)
        if row is None or not (digits.isascii() and digits.isdecimal() and len(digits) == 6):
            return False
        made = pyotp.HOTP(self._open(uow, row.sealed, user_id))
        present = int(clock.now().timestamp()) // _SECONDS
        for step in range(present - _DRIFT, present + _DRIFT + 1):
            if hmac.compare_digest(made.at(step), digits):
                return store.use_step(uow, user_id, step)
        return False

    def _open(self, uow: UnitOfWork, sealed: bytes, user_id: str) -> str:
        return self._cipher(uow, False).open(_place(user_id), sealed).decode()


def qr_svg(text: str) -> str:
    """A QR code as SVG without any style, for a strict content security policy; about 45 modules square."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, dark="#000", light="#fff"
    )
    return out.getvalue().decode()


def _place(user_id: str) -> str:
    return f"totp:{user_id}"
