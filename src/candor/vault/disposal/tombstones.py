"""Tombstones in a file beside the database: one JSON line each, only ever appended.

A restored backup knows nothing of what was destroyed after it was made; this file does. It holds the ids of
conversations and blind digests: nobody can be told from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from candor.errors import Unavailable
from candor.vault.disposal.store import Tombstone, Why

FILENAME = "tombstones.jsonl"


def append(path: Path, stones: Sequence[Tombstone]) -> None:
    """Put lines at the end, durable when this returns; raises Unavailable when the disk does not take them."""
    if not stones:
        return
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            size = os.fstat(handle).st_size
            # A line that was cut by a crash is closed first, so that it spoils no other.
            cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            text = "".join(f"{_line(stone)}\n" for stone in stones)
            os.write(handle, (b"\n" if cut else b"") + text.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise Unavailable(f"Tombstones cannot be written ({error.strerror}).", code="disposal.file") from error


def read(path: Path) -> tuple[list[Tombstone], int]:
    """Every tombstone of a file, and how many lines could not be read; nothing for a file that is not there."""
    if not path.exists():
        return [], 0
    return parse(path.read_text(encoding="utf-8", errors="replace").splitlines())


def parse(lines: Iterable[str]) -> tuple[list[Tombstone], int]:
    """The same of lines; a damaged line is left out and counted, the others stand."""
    found: dict[str, Tombstone] = {}
    damaged = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            content = value.get("content")
            stone = Tombstone(
                conversation_id=str(value["conversation"]), at=datetime.fromisoformat(value["at"]),
                why=Why(value["why"]), content=None if content is None else str(content),
            )  # fmt: skip
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            damaged += 1
            continue
        if stone.at.tzinfo is None:
            damaged += 1
            continue
        found.setdefault(stone.conversation_id, stone)
    return list(found.values()), damaged


def _line(stone: Tombstone) -> str:
    value = {
        "conversation": stone.conversation_id, "at": stone.at.isoformat(), "why": stone.why, "content": stone.content,
    }  # fmt: skip
    return json.dumps(value, separators=(",", ":"))
