"""One change of one field of one rule, with author and reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """As it is kept. For one rule and field the latest made counts from its first day on."""

    id: int
    """In the order in which they were made; 0 before it is kept."""
    rule: str
    field: str
    """``engine_level``, or with a key: ``purpose_overrides.quality``."""
    old: Any
    """What held on the first day before."""
    new: Any
    """None when ``withdrawn``."""
    withdrawn: bool
    """The pack's own value counts again."""
    effective_from: date
    effective_until: date | None
    author: str
    """Who answers for it: a name, as counsel signs."""
    made_by: str
    """User id, or ``cli``."""
    reason: str
    made_at: datetime

    def holds(self, day: date) -> bool:
        """Whether ``day`` lies in its time."""
        return self.effective_from <= day and (self.effective_until is None or day <= self.effective_until)
