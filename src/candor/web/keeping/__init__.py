"""The pages of keeping: how long, what is held, what people ask for, what was destroyed."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.keeping.approvals import router as approvals
from candor.web.keeping.destroyed import router as destroyed
from candor.web.keeping.holds import router as holds
from candor.web.keeping.overview import router as overview
from candor.web.keeping.requests import router as requests
from candor.web.keeping.schedules import router as schedules

router = APIRouter()
for _part in (overview, schedules, approvals, destroyed, holds, requests):
    router.include_router(_part)
