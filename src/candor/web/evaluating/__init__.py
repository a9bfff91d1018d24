"""The pages of evaluating by hand: queue, form, results, sampling plans, disputes, and the agents' own side."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.evaluating.disputes import router as disputes
from candor.web.evaluating.forms import router as forms
from candor.web.evaluating.mine import router as mine
from candor.web.evaluating.plans import router as plans
from candor.web.evaluating.queue import router as queue
from candor.web.evaluating.results import router as results

router = APIRouter()
# The order matters: an evaluation's id is any word, so its address comes last.
for _part in (queue, forms, plans, disputes, mine, results):
    router.include_router(_part)
