"""What the log asks of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from candor.kit.database import UnitOfWork


class Cipher(Protocol):
    """Seals small fields (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed or sealed for another place."""


CipherFor = Callable[[UnitOfWork, bool], Cipher]
"""The log's cipher; True: make its key when there is none."""


class Elsewhere(Protocol):
    """Where checkpoints are kept outside the data folder: what happens to the one does not happen to the other."""

    def put(self, name: str, text: str) -> None:
        """Keep a text; nothing is overwritten. Raises Unavailable."""

    def names(self) -> list[str]:
        """Of everything that lies there. Raises Unavailable."""

    def get(self, name: str) -> str:
        """Raises Unavailable."""
