"""Sealed objects in memory: for tests and trials; gone with the process."""

from __future__ import annotations

import io
import time
from typing import BinaryIO

from candor.errors import Damaged


class MemoryDraft:
    """Bytes not yet in the store."""

    def __init__(self, objects: dict[str, tuple[bytes, float]], object_id: str) -> None:
        self._objects, self._object_id = objects, object_id
        self.stream: BinaryIO = io.BytesIO()

    def publish(self) -> int:
        self.stream.seek(0)
        data = self.stream.read()
        self._objects[self._object_id] = (data, time.time())
        return len(data)

    def discard(self) -> None:
        self.stream.close()


class MemoryStore:
    """Objects in a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, float]] = {}

    def draft(self, object_id: str) -> MemoryDraft:
        return MemoryDraft(self.objects, object_id)

    def open(self, object_id: str) -> tuple[BinaryIO, int]:
        if object_id not in self.objects:
            raise Damaged(f"The sealed object {object_id} is missing.", code="vault.missing")
        data, _ = self.objects[object_id]
        return io.BytesIO(data), len(data)

    def delete(self, object_id: str) -> None:
        self.objects.pop(object_id, None)

    def names(self) -> list[tuple[str, float]]:
        return [(name, changed) for name, (_, changed) in self.objects.items()]
