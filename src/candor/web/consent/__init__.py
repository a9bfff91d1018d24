"""The pages of consent: may we record this call, did we say so, and can we prove it."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.consent.deciding import router as deciding
from candor.web.consent.employees import router as employees
from candor.web.consent.ledger import router as ledger
from candor.web.consent.never import router as never
from candor.web.consent.overview import router as overview
from candor.web.consent.prompts import router as prompts
from candor.web.consent.quarantine import router as quarantine
from candor.web.consent.rules import router as rules
from candor.web.consent.sites import router as sites

router = APIRouter()
for _part in (overview, deciding, rules, ledger, quarantine, prompts, employees, sites, never):
    router.include_router(_part)
