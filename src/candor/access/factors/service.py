"""The verbs of second factors: what a person has, a code that is shown, taking all away."""

from __future__ import annotations

from dataclasses import dataclass

from candor.access.factors import codes, passkeys, store
from candor.access.factors.apps import Apps
from candor.access.factors.passkeys import PasskeyInfo
from candor.access.model import UserRole
from candor.access.ports import CipherFor
from candor.errors import Conflict
from candor.kit.database import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsInfo:
    """What a person can show beside the password."""

    app: bool
    passkeys: tuple[PasskeyInfo, ...]
    codes_left: int

    @property
    def any(self) -> bool:
        """Whether there is a second factor; recovery codes alone are none."""
        return self.app or bool(self.passkeys)


class Factors:
    """Second factors of everybody."""

    def __init__(self, cipher: CipherFor, required_for: frozenset[UserRole] = frozenset()) -> None:
        self.apps = Apps(cipher)
        self.required_for = required_for

    def of(self, uow: UnitOfWork, user_id: str) -> FactorsInfo:
        """What a person has."""
        return FactorsInfo(
            app=self.apps.in_use(uow, user_id), passkeys=passkeys.of(uow, user_id), codes_left=codes.left(uow, user_id)
        )

    def shows(self, uow: UnitOfWork, user_id: str, code: str) -> str | None:
        """``code`` or ``recovery`` when it is a fresh code of the app, or a recovery code; it is used up. Else None."""
        if self.apps.accepts(uow, user_id, code):
            return "code"
        return "recovery" if codes.accepts(uow, user_id, code) else None

    def confirm_app(self, uow: UnitOfWork, user_id: str, code: str) -> tuple[str, ...]:
        """Take an app into use; returns recovery codes, to be shown this once, when the person has none yet."""
        self.apps.confirm(uow, user_id, code)
        return self.first_codes(uow, user_id)

    def first_codes(self, uow: UnitOfWork, user_id: str) -> tuple[str, ...]:
        """Recovery codes for who has none; else nothing."""
        return () if codes.left(uow, user_id) else codes.renew(uow, user_id)

    def new_codes(self, uow: UnitOfWork, user_id: str) -> tuple[str, ...]:
        """Recovery codes in place of all earlier ones; raises Conflict for who has no second factor."""
        if not self.of(uow, user_id).any:
            raise Conflict("Recovery codes are for who has a second factor.", code="factor.none")
        return codes.renew(uow, user_id)

    def remove_app(self, uow: UnitOfWork, user_id: str) -> bool:
        """Take the app away; False when there was none."""
        found = store.drop_totp(uow, user_id)
        self._tidy(uow, user_id)
        return found

    def remove_passkey(self, uow: UnitOfWork, user_id: str, passkey_id: str) -> None:
        """Take a passkey away; raises NotFound."""
        passkeys.remove(uow, user_id, passkey_id)
        self._tidy(uow, user_id)

    def reset(self, uow: UnitOfWork, user_id: str) -> bool:
        """Take everything away, for somebody who lost it; False when there was nothing."""
        had = self.of(uow, user_id)
        store.drop_totp(uow, user_id)
        for each in had.passkeys:
            store.drop_passkey(uow, user_id, each.id)
        store.drop_codes(uow, user_id)
        return had.any

    def _tidy(self, uow: UnitOfWork, user_id: str) -> None:
        # Codes that recover nothing would be a way in by themselves.
        if not self.of(uow, user_id).any:
            store.drop_codes(uow, user_id)
