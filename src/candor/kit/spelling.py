"""How far two words are apart in writing."""

from __future__ import annotations


def within(left: str, right: str, limit: int) -> bool:
    """Whether the edit distance (Levenshtein) of two words is at most ``limit``."""
    if abs(len(left) - len(right)) > limit:
        return False
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
        if min(row) > limit:
            return False
    return row[-1] <= limit
