"""Where a page of the list ended, as an opaque word: keyset paging, so that deep pages cost what the first does."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass

from candor.errors import InvalidInput
from candor.replay.model import SortKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The row beyond which a page begins."""

    sort: SortKey
    descending: bool
    backward: bool
    """True for the page before the row."""
    value: float | None
    """Of the sort column; for RELEVANCE how many hits come before."""
    rowid: int

    def encode(self) -> str:
        """As URL-safe text."""
        parts = [self.sort.value, self.descending, self.backward, self.value, self.rowid]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(text: str | None, sort: SortKey, *, descending: bool) -> Cursor | None:
    """Read a cursor; raises InvalidInput for one that was not made by this list in this order."""
    if not text:
        return None
    try:
        parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        key, down, backward, value, rowid = parts
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise _refused() from None
    sound = (
        key == sort.value
        and down is descending
        and isinstance(backward, bool)
        and (value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)))
        and (value is None or (abs(value) < 1e15 and math.isfinite(value)))
        and isinstance(rowid, int)
        and not isinstance(rowid, bool)
        and abs(rowid) < 1 << 62
    )
    if not sound:
        raise _refused()
    return Cursor(sort=sort, descending=descending, backward=backward, value=value, rowid=rowid)


def _refused() -> InvalidInput:
    return InvalidInput(
        "The place in the list is not one of this list in this order.",
        code="list.cursor",
        advice="Start again from its first page.",
    )
