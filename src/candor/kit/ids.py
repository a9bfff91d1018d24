"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that ids sort by the time they were made."""

from __future__ import annotations

import os
import time
import uuid


def new_id(at_ms: int | None = None) -> str:
    """A fresh UUIDv7 as its 36-character text; ``at_ms`` is Unix time in milliseconds (now, when left out)."""
    millis = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    rand = int.from_bytes(os.urandom(10), "big")
    value = (millis & (1 << 48) - 1) << 80 | 0x7 << 76 | (rand >> 64 & 0xFFF) << 64 | 0b10 << 62 | rand & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def id_time(an_id: str) -> int:
    """When an id was made: Unix time in milliseconds."""
    return uuid.UUID(an_id).int >> 80


def id_at(millis: int) -> str:
    """The smallest id of a moment, for comparing only: ids made before it sort below it."""
    return str(uuid.UUID(int=max(0, millis) << 80))
