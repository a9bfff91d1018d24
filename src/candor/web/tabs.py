"""The pages of quality as one row of tabs, each shown to those who may see it."""

from __future__ import annotations

from candor.access.model import Principal, Right
from candor.web.i18n import N_, gettext

QUALITY: tuple[tuple[str, str, tuple[Right, ...]], ...] = (
    ("/evaluations", N_("Queue"), (Right.EVALUATION_WRITE, Right.EVALUATION_ASSIGN)),
    ("/evaluations/done", N_("Evaluations"), (Right.EVALUATION_WRITE, Right.EVALUATION_ASSIGN, Right.QUALITY_READ)),
    ("/evaluations/disputes", N_("Disputes"), (Right.DISPUTE_REVIEW,)),
    ("/evaluations/plans", N_("Sampling"), (Right.EVALUATION_ASSIGN,)),
    ("/quality/agreement", N_("Agreement"), (Right.QUALITY_READ,)),
    ("/quality/calibration", N_("Calibration"), (Right.EVALUATION_WRITE,)),
    ("/quality/reports", N_("Reports"), (Right.QUALITY_READ,)),
    ("/scorecards", N_("Scorecards"), (Right.SCORECARD_MANAGE,)),
)
"""Address, name, and rights of which any is enough."""


def quality_tabs(principal: Principal) -> list[tuple[str, str]]:
    """(address, name) of what this person may see."""
    return [
        (address, gettext(name)) for address, name, rights in QUALITY if any(principal.may(right) for right in rights)
    ]


def quality_home(principal: Principal) -> str:
    """Where quality begins for this person; empty when there is nothing to see."""
    tabs = quality_tabs(principal)
    return tabs[0][0] if tabs else ""
