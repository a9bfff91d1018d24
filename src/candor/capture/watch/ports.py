"""What watching needs of a place: list, read, put away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from candor.capture.watch.model import Found


class Reading(Protocol):
    """A file being read from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes, perhaps fewer; nothing means the end. Raises Unavailable when the place fails."""


class Place(Protocol):
    """A folder or an object-store prefix. Every verb raises Unavailable while the place cannot be reached."""

    @property
    def whole_when_listed(self) -> bool:
        """True where nothing half written is ever listed (object stores)."""

    @property
    def folder(self) -> Path | None:
        """The local folder behind it, for documents that name a file beside them."""

    def walk(self) -> Iterator[Found]:
        """Every file below the place, in any order; hidden ones, links and special files are passed over."""

    def find(self, key: str) -> Found | None:
        """One file as it is now; None when there is none."""

    def open(self, found: Found) -> AbstractContextManager[Reading]:
        """Its bytes in order; raises NotFound when it is gone, Conflict when it is another one by now."""

    def move(self, found: Found, folder: str) -> None:
        """Put it away under ``folder``, never over another file; no effect when it is gone."""

    def delete(self, found: Found) -> None:
        """Remove it; no effect when it is gone."""
