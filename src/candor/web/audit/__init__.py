"""The audit log: who did what; how far it is signed; whether it holds. And conversations as evidence."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.audit import evidence, page

router = APIRouter()
router.include_router(page.router)
router.include_router(evidence.router)
