"""My coaching: what was shared with an agent, what they agreed to do, which courses wait."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.coaching.model import State, Who
from candor.web.coaching import common
from candor.web.visit import CurrentVisit

router = APIRouter()


@router.get("/coaching/mine")
def mine(request: Request, visit: CurrentVisit) -> Response:
    """The agent's own page."""
    common.check(visit, Right.EVALUATION_ANSWER)
    services, principal = visit.services, visit.principal
    own = principal.agent_id
    with services.database.read() as uow:
        sessions = services.coaching.of_agent(uow, own, principal) if own else []
        plans = services.coaching.plans(uow, own, principal) if own else []
        given = [each for each in services.library.assignments(uow, principal) if each.agent_id == own] if own else []
        courses = {each.id: each for each in services.library.courses(uow, principal)}
        people = common.names(visit, uow)
    todo = [
        (session, action)
        for session in sessions
        if session.state in {State.SHARED, State.ACKNOWLEDGED}
        for action in session.body.actions
        if action.who is Who.AGENT and action.done_on is None
    ]
    return common.page(
        request, visit, "mine.html", sessions=sessions, plans=plans, given=given, courses=courses, people=people,
        todo=todo, waiting=[each for each in sessions if each.state is State.SHARED], State=State, known_as=own,
    )  # fmt: skip
