"""The pages of scorecards: the list, one scorecard, its draft in the builder, simulations and rescoring."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.scorecards.builder import router as builder_pages
from candor.web.scorecards.cards import router as cards_pages
from candor.web.scorecards.jobs import router as jobs_pages

router = APIRouter()
for _part in (jobs_pages, builder_pages, cards_pages):
    router.include_router(_part)
