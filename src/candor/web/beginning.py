"""What somebody may begin at a conversation: evaluate it, judge oneself, hand it to somebody; and what is hidden."""

from __future__ import annotations

from typing import Any

from candor.access.model import Right
from candor.kit.database import UnitOfWork
from candor.pipeline import judging
from candor.pipeline.legs import legs_of
from candor.replay.model import ConversationView, Status
from candor.scoring import store
from candor.scoring.forms import store as forms
from candor.web.visit import Visit


def beginning(visit: Visit, uow: UnitOfWork, view: ConversationView) -> dict[str, Any]:
    """For the conversation page: scorecards, legs, one's open forms, people who could have it, blindness."""
    principal, conversation = visit.principal, view.conversation
    agents = judging.agents_of(conversation)
    own = judging.is_own(principal, agents)
    ready = view.row.status is Status.READY and judging.may_be_judged(
        uow, conversation.id, visit.services.house.purpose
    )
    may = ready and not own and principal.may(Right.EVALUATION_WRITE)
    may_self = ready and own and principal.may(Right.EVALUATION_ANSWER)
    may_assign = ready and not own and principal.may(Right.EVALUATION_ASSIGN)
    cards = [
        one
        for one in store.list_scorecards(uow)
        if (may or may_self or may_assign) and one.used_for(conversation.medium, conversation.queue)
    ]
    return {
        "blinded": forms.blinded(uow, conversation.id, principal.user_id),
        "may_begin": may and bool(cards), "may_self": may_self and bool(cards),
        "may_hand_out": may_assign and bool(cards), "cards": cards, "segments": legs_of(conversation),
        "begun": forms.open_for(uow, conversation.id, principal.user_id),
        "judges": _judges(visit, uow, agents) if may_assign else (),
    }  # fmt: skip


def _judges(visit: Visit, uow: UnitOfWork, agents: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (one.user_id, one.name or one.login)
        for one in visit.services.assigning.evaluators(uow)
        if not judging.is_own(one, agents)
    )
