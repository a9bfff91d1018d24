"""The chain: what a line's digest is, and whether lines follow from one another. Pure.

``digest = SHA-256("candor.consent.1" | 0 | previous digest | 0 | number | 0 | canonical JSON of what was written)``,
texts in UTF-8; canonical JSON has sorted keys and no spaces (RFC 8785 for the values used here: strings, numbers,
null). Anybody can check a ledger with this and the lines alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from candor.consent.ledger.model import Entry, Line
from candor.kit import clock

START = "0" * 64
"""What stands before the first line."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found."""

    lines: int
    head: str
    """Digest of the last line: note it elsewhere, and nobody can cut the ledger short unseen."""
    broken_at: int | None = None
    """Number of the first line that does not follow from what is before it; None: every line does."""


def canonical(entry: Entry, written_at: datetime) -> str:
    """The text that is digested, and kept."""
    told = asdict(entry) | {
        "at": _moment(entry.at), "expires_at": entry.expires_at and _moment(entry.expires_at),
        "written_at": _moment(written_at),
    }  # fmt: skip
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(previous: str, number: int, text: str) -> str:
    """Of one line."""
    return hashlib.sha256(
        b"\0".join((b"candor.consent.1", previous.encode(), str(number).encode(), text.encode()))
    ).hexdigest()


def check(lines: Iterable[tuple[int, str, str, str]]) -> Checked:
    """Walk ``(number, canonical text, previous, digest)`` from the first line on."""
    number, head = 0, START
    for given, text, previous, said in lines:
        if given != number + 1 or previous != head or said != digest(previous, given, text):
            return Checked(number, head, broken_at=number + 1)
        number, head = given, said
    return Checked(number, head)


def sealed(entry: Entry, number: int, previous: str) -> tuple[Line, str]:
    """The line that comes after ``previous``, and its text."""
    written_at = clock.now()
    text = canonical(entry, written_at)
    return (
        Line(
            number=number, written_at=written_at, entry=entry, previous=previous, digest=digest(previous, number, text)
        ),
        text,
    )


def _moment(moment: datetime) -> str:
    return clock.require_aware(moment).isoformat(timespec="microseconds")
