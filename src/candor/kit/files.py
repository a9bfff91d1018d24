"""Files that are there whole or not at all, whatever kills the process that writes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from candor.errors import Unavailable


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, readable by its owner only, durable when this returns; raises Unavailable."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        with private(draft) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"{path.name} could not be written ({error.strerror}).", code="disk") from error


def private(path: Path) -> BinaryIO:
    """A new file at ``path`` to be written, readable by its owner only; what was there is gone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def sync_folder(folder: Path) -> None:
    """Make names in ``folder`` durable: what was renamed or removed stays so."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
