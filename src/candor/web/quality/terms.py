"""What people read for the words of agreement, calibration and reports."""

from __future__ import annotations

from candor.scoring.agreement.model import Measure, Standing
from candor.scoring.calibration.model import CalibrationState, ReferenceKind
from candor.scoring.reports.store import Every
from candor.web.i18n import N_

STANDING = {
    Standing.UNCHECKED: (N_("Counts, unchecked"), "attention", N_("No threshold is set: nobody has asked yet.")),
    Standing.COUNTED: (N_("Counts"), "good", N_("The lower end of the interval reaches the threshold.")),
    Standing.SUGGESTED: (
        N_("Suggested only"), "bad", N_("The lower end is below the threshold: shown, and not counted."),
    ),
    Standing.UNPROVEN: (
        N_("Suggested until checked"), "quiet", N_("Too few pairs, or too little variety, to tell: not counted."),
    ),
}  # fmt: skip
"""Name, tone, what it means."""
MEASURE = {
    Measure.KAPPA: N_("Cohen's kappa"),
    Measure.ALPHA: N_("Krippendorff's alpha"),
    Measure.EQUAL: N_("Share of equal answers"),
}
REFERENCE = {
    ReferenceKind.NONE: N_("None"),
    ReferenceKind.EXPERT: N_("An expert's answers, blind as well"),
    ReferenceKind.CONSENSUS: N_("What all agree upon afterwards"),
}
STATE = {CalibrationState.OPEN: (N_("Open"), "accent"), CalibrationState.CLOSED: (N_("Closed"), "quiet")}
EVERY = {Every.WEEK: N_("every week"), Every.MONTH: N_("every month")}
SOURCE = {"automatic": N_("Automatic"), "human": N_("By people")}
