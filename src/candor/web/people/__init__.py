"""The pages of people: one's own account, everybody, one person, teams."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.people.account import router as account
from candor.web.people.everybody import router as everybody
from candor.web.people.person import router as person
from candor.web.people.teams import router as teams

router = APIRouter()
for _part in (account, everybody, teams, person):
    router.include_router(_part)
