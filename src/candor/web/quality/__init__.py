"""The pages of quality: how far automatic answers are to be trusted, calibration, reports."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.quality.agreement import router as agreement
from candor.web.quality.calibration import router as calibration
from candor.web.quality.reports import router as reports

router = APIRouter()
for _part in (agreement, calibration, reports):
    router.include_router(_part)

__all__ = ["router"]
