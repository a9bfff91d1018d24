"""Was everything recorded that should have been? The phone system's call list against what is held.

Enter: expected calls (CSV, JSON Lines, JSON) and captured ones. Leave: discrepancies, each of one kind, never guessed.
Standards: E.164 for comparing numbers, ISO 8601 with IANA time zones.
"""

from candor.capture.completeness.calls import CallList, CallListReader, read_call_list
from candor.capture.completeness.model import (
    CapturedCall,
    Discrepancy,
    ExpectedCall,
    Gap,
    Kind,
    Pause,
    Tolerances,
)
from candor.capture.completeness.reconcile import reconcile

__all__ = [
    "CallList",
    "CallListReader",
    "CapturedCall",
    "Discrepancy",
    "ExpectedCall",
    "Gap",
    "Kind",
    "Pause",
    "Tolerances",
    "read_call_list",
    "reconcile",
]
