"""The pages of coaching: people and their gaps, sessions and plans, the library, courses, and one's own."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.coaching.courses import router as courses
from candor.web.coaching.library import router as library
from candor.web.coaching.mine import router as mine
from candor.web.coaching.people import router as people
from candor.web.coaching.plans import router as plans
from candor.web.coaching.sessions import router as sessions

router = APIRouter()
for _part in (people, sessions, plans, library, courses, mine):
    router.include_router(_part)
