"""What access needs of other floors, in its own words."""

from __future__ import annotations

from typing import Protocol

from candor.kit.database import UnitOfWork


class Cipher(Protocol):
    """Seals small secrets, each bound to the name of its place."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """For the database."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """What was sealed under that name; raises Damaged."""


class CipherFor(Protocol):
    """The cipher that seals what access must be able to read again; its key is made at the first sealing."""

    def __call__(self, uow: UnitOfWork, create: bool, /) -> Cipher:
        """``create`` makes the key when there is none."""
