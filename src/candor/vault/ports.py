"""What the vault needs from outside: a place for sealed bytes and a holder of the master key."""

from __future__ import annotations

from typing import BinaryIO, Protocol


class Draft(Protocol):
    """A sealed object being written; nobody sees it before :meth:`publish`."""

    @property
    def stream(self) -> BinaryIO:
        """Seekable and writable."""

    def publish(self) -> int:
        """Make it durable and visible under its name, at once and whole; returns its size in bytes."""

    def discard(self) -> None:
        """Forget it."""


class ObjectStore(Protocol):
    """Where sealed bytes lie."""

    def draft(self, object_id: str) -> Draft:
        """Begin a new object; raises Unavailable when there is no room."""

    def open(self, object_id: str) -> tuple[BinaryIO, int]:
        """A seekable stream and its size; raises Damaged when the object is not there."""

    def delete(self, object_id: str) -> None:
        """Remove the bytes; no error when they are gone already."""

    def names(self) -> list[tuple[str, float]]:
        """Every object with the Unix time of its last change, drafts left behind included."""


class MasterKey(Protocol):
    """Wraps and unwraps data keys; the key itself need not be in this process."""

    @property
    def key_id(self) -> str:
        """Names the key without telling anything of it; the same for as long as it can open what it sealed."""

    @property
    def kind(self) -> str:
        """``file``, ``passphrase``, ``vault`` …: as in the settings."""

    @property
    def place(self) -> str:
        """Where the key is, for the people who look after it."""

    @property
    def remote(self) -> bool:
        """Whether a key service must be asked."""

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """``data_key`` sealed, bound to ``context``; raises Unavailable when the key cannot be used just now."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The data key; raises WrongKey when key or context are not those it was wrapped with, Unavailable."""

    def close(self) -> None:
        """Give connections back and forget what was remembered."""


class KeyService(Protocol):
    """A key that stays elsewhere: what a key service can be asked for. Everything else is the vault's."""

    @property
    def key_id(self) -> str:
        """Names the key: stable, and told apart from every other by where it is."""

    @property
    def kind(self) -> str:
        """As in the settings."""

    @property
    def place(self) -> str:
        """For people."""

    def encrypt(self, secret: bytes) -> bytes:
        """``secret`` (32 bytes) as only the service can open it; raises Unavailable, InvalidInput."""

    def decrypt(self, sealed: bytes) -> bytes:
        """What was encrypted; raises WrongKey when the service does not know it, Unavailable."""

    def close(self) -> None:
        """Give connections back."""
