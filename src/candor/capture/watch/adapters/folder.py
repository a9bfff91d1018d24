"""A folder on a disk or a share (SMB, NFS): listed and asked for sizes and times, since no share tells of changes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from candor.capture.watch.model import Found
from candor.capture.watch.ports import Reading
from candor.errors import Conflict, NotFound, Unavailable

_GONE = {errno.ENOENT, errno.ENOTDIR}
_DEEPEST = 32


class FolderPlace:
    """Files below ``root``. Links are never followed: what they lead to need not be in the place."""

    whole_when_listed = False

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def folder(self) -> Path | None:
        """The folder itself."""
        return self._root

    def walk(self) -> Iterator[Found]:
        """Every regular file, folder by folder, each in the order of names."""
        waiting: list[tuple[str, int]] = [("", 0)]
        while waiting:
            prefix, depth = waiting.pop()
            for entry in self._entries(prefix):
                if entry.name.startswith("."):
                    continue
                key = f"{prefix}{entry.name}"
                try:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < _DEEPEST:
                            waiting.append((f"{key}/", depth + 1))
                        continue
                    found = _found(key, entry.stat(follow_symlinks=False))
                except OSError as error:
                    if error.errno in _GONE:
                        continue
                    raise _away(error) from error
                if found is not None:
                    yield found

    def find(self, key: str) -> Found | None:
        """Asks the file system again."""
        try:
            return _found(key, os.lstat(self._path(key)))
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise _away(error) from error

    @contextmanager
    def open(self, found: Found) -> Iterator[Reading]:
        """The file, provided that it is still the one that was listed."""
        try:
            # Neither a link nor a pipe put in its place meanwhile is opened.
            handle = os.open(self._path(found.key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _GONE:
                raise NotFound("The file is gone.", code="watch.gone") from error
            if error.errno == errno.ELOOP:
                raise _changed() from error
            raise _away(error) from error
        with os.fdopen(handle, "rb") as stream:
            now = _found(found.key, os.fstat(handle))
            if now is None or not now.same(found):
                raise _changed()
            yield _Reading(stream, found)

    def move(self, found: Found, folder: str) -> None:
        """Within the place, by renaming."""
        source = self._path(found.key)
        target = self._path(f"{folder.strip('/')}/{found.key}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            number = 1
            while os.path.lexists(target):
                number += 1
                target = target.with_name(f"{source.stem}~{number}{source.suffix}")
            source.rename(target)
        except OSError as error:
            if error.errno not in _GONE or os.path.lexists(source):
                raise _away(error) from error

    def delete(self, found: Found) -> None:
        """For good."""
        try:
            self._path(found.key).unlink(missing_ok=True)
        except OSError as error:
            raise _away(error) from error

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if any(part in {"", ".", ".."} for part in parts) or "\0" in key:
            raise NotFound("The file is gone.", code="watch.gone")
        return self._root.joinpath(*parts)

    def _entries(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / prefix) as entries:
                # One folder's names fit into memory; sorted, so that what was written first is usually taken first.
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if prefix and error.errno in _GONE:
                return []
            raise _away(error) from error


class _Reading:
    """Reads, and turns faults of the share into ours."""

    def __init__(self, stream: BinaryIO, found: Found) -> None:
        self._stream, self._left = stream, found.size

    def read(self, size: int = -1) -> bytes:
        """At most what was there when it was listed: a file that grows meanwhile is noticed by its tag."""
        try:
            data = self._stream.read(self._left if size < 0 else min(size, self._left))
        except OSError as error:
            raise _away(error) from error
        self._left -= len(data)
        return data


def _found(key: str, status: os.stat_result) -> Found | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return Found(
        key=key, size=status.st_size, tag=str(status.st_mtime_ns),
        changed_at=datetime.fromtimestamp(status.st_mtime, UTC),
    )  # fmt: skip


def _changed() -> Conflict:
    return Conflict("The file was changed while it was read.", code="watch.changing")


def _away(error: OSError) -> Unavailable:
    why = os.strerror(error.errno) if error.errno else "unknown fault"
    return Unavailable(
        f"The watched folder cannot be used ({why}).", code="watch.away",
        advice="Check that the share is mounted and who may read it.",
    )  # fmt: skip
