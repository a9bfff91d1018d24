"""Sealed objects as files in a folder: fsynced, then renamed into place, so that a name always means a whole object."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import BinaryIO

from candor.errors import Damaged, Unavailable

_DRAFT = ".draft"


class FolderDraft:
    """A file beside its final place."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.with_suffix(_DRAFT)
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.stream: BinaryIO = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b")
        except OSError as error:
            raise _unavailable(error) from error

    def publish(self) -> int:
        try:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            size = os.fstat(self.stream.fileno()).st_size
            self.stream.close()
            self._path.replace(self._target)
            _sync_folder(self._target.parent)
        except OSError as error:
            raise _unavailable(error) from error
        return size

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # a full disk refuses the last flush; the file is removed all the same
            self.stream.close()
        self._path.unlink(missing_ok=True)


class FolderStore:
    """Objects under ``root``, spread over folders by the end of their (time-ordered) ids."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, object_id: str) -> Path:
        if not object_id.replace("-", "").isalnum():
            raise Damaged("An object has an impossible name.", code="vault.damaged")
        return self._root / object_id[-2:] / object_id

    def draft(self, object_id: str) -> FolderDraft:
        return FolderDraft(self._path(object_id))

    def open(self, object_id: str) -> tuple[BinaryIO, int]:
        try:
            stream = self._path(object_id).open("rb")
        except FileNotFoundError as error:
            raise Damaged(
                f"The sealed object {object_id} is missing from the vault folder.",
                code="vault.missing",
                advice="Restore it from a backup; the rest stays readable.",
            ) from error
        except OSError as error:
            raise _unavailable(error) from error
        return stream, os.fstat(stream.fileno()).st_size

    def delete(self, object_id: str) -> None:
        self._path(object_id).unlink(missing_ok=True)
        self._path(object_id).with_suffix(_DRAFT).unlink(missing_ok=True)

    def names(self) -> list[tuple[str, float]]:
        return [(path.stem, path.stat().st_mtime) for path in self._root.glob("??/*") if path.is_file()]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Unavailable(
            "The disk of the vault is full.", code="vault.full", advice="Free space; nothing held was harmed."
        )
    return Unavailable(f"The vault folder cannot be used ({error.strerror}).", code="vault.unavailable")
