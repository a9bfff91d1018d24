"""Checkpoints in a folder or a bucket (S3, Google, Azure), through obstore. What lies there is never overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from candor.errors import InvalidInput, Unavailable

_LARGEST = 65_536


class ObjectsElsewhere:
    """One place, by path or address (``/mnt/witness``, ``s3://bucket/prefix``)."""

    def __init__(self, where: str) -> None:
        try:
            self._store: Any = (
                from_url(where) if "://" in where else LocalStore(Path(where), automatic_cleanup=False, mkdir=True)
            )
        except (BaseError, ValueError, OSError) as error:
            raise InvalidInput(
                "The place for checkpoints cannot be opened.",
                code="audit.elsewhere",
                advice="Set CANDOR_AUDIT_CHECKPOINTS to a folder, or to an address such as s3://bucket/prefix.",
            ) from error

    def put(self, name: str, text: str) -> None:
        """No change when it is there already."""
        try:
            obstore.put(self._store, name, text.encode(), mode="create")
        except AlreadyExistsError:
            return
        except (BaseError, OSError) as error:
            raise _away() from error

    def names(self) -> list[str]:
        """Everything that lies there."""
        try:
            return [each["path"] for part in obstore.list(self._store) for each in part]
        except (BaseError, OSError) as error:
            raise _away() from error

    def get(self, name: str) -> str:
        """One of them."""
        try:
            found = obstore.get(self._store, name)
            if found.meta["size"] > _LARGEST:
                return ""
            return bytes(found.bytes()).decode("utf-8", "replace")
        except (BaseError, OSError) as error:
            raise _away() from error


def _away() -> Unavailable:
    return Unavailable(
        "The place where checkpoints are kept elsewhere cannot be reached.",
        code="audit.elsewhere",
        advice="See CANDOR_AUDIT_CHECKPOINTS; the log itself goes on.",
    )
