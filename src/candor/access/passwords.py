"""Passwords: argon2id (RFC 9106), and the one rule for choosing them."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from candor.errors import InvalidInput

SHORTEST = 12
LONGEST = 512
NO_PASSWORD = "!"  # noqa: S105  what stands in the column of people who come by their identity provider alone


class Passwords:
    """Hashes and compares; both take about 150 ms on purpose: keep them out of the write lock."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()  # RFC 9106, second recommended option

    def hash(self, password: str) -> str:
        """For the database."""
        return self._hasher.hash(password)

    def fits(self, kept: str | None, password: str) -> bool:
        """Whether it is the one; somebody unknown, or without a password, costs the same time."""
        if kept is None or kept == NO_PASSWORD:
            self._hasher.hash(password[:LONGEST])  # verifying is hashing, with the same parameters
            return False
        try:
            return self._hasher.verify(kept, password[:LONGEST])
        except (VerifyMismatchError, InvalidHashError):
            return False


def check(password: str, login: str) -> None:
    """Raise InvalidInput for a weak one (NIST SP 800-63B: length counts, composition does not)."""
    if not SHORTEST <= len(password) <= LONGEST or login.lower() in password.lower():
        raise InvalidInput(
            f"A password has at least {SHORTEST} characters and does not contain the log-in name.",
            code="access.weak_password",
        )
