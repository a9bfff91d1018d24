"""What a scorecard asks for beside words: so that nothing is looked up that no question needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache

from candor.scoring.model import Ask, Condition, Repeat, Scorecard


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Which facts its questions turn on."""

    places: bool
    history: bool
    model: bool


@lru_cache(maxsize=64)
def needs_of(scorecard: Scorecard) -> Needs:
    """Found by looking through all of its rules and conditions."""
    parts = list(_parts(scorecard))
    return Needs(
        places=any(isinstance(part, Condition) and bool(part.places) for part in parts),
        history=any(isinstance(part, Repeat) for part in parts),
        model=any(isinstance(part, Ask) for part in parts),
    )


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item)
    elif is_dataclass(value):
        yield value
        for each in fields(value):
            yield from _parts(getattr(value, each.name))
