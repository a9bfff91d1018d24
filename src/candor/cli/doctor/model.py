"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How bad it is, worst first."""

    WEAK = "weak"
    """Somebody could get at something, or something could be lost: mend it before real calls are kept here."""
    ADVICE = "advice"
    """It holds, and could be better."""
    GOOD = "good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's outcome; holds no personal data and no secret."""

    check: str
    """Stable, for machines: ``network.open``."""
    grade: Grade
    what: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """For ``--json``."""
        return {"check": self.check, "grade": self.grade, "what": self.what, "advice": self.advice}


def weak_if(found: object, check: str, *, weak: str, good: str, advice: str) -> Finding:
    """Weak when ``found``, else good."""
    if found:
        return Finding(check=check, grade=Grade.WEAK, what=weak, advice=advice)
    return Finding(check=check, grade=Grade.GOOD, what=good)


def advise_if(found: object, check: str, *, so: str, good: str, advice: str) -> Finding:
    """Worth a word when ``found``, else good."""
    if found:
        return Finding(check=check, grade=Grade.ADVICE, what=so, advice=advice)
    return Finding(check=check, grade=Grade.GOOD, what=good)
