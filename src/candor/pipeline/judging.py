"""What evaluating, assigning and disputing share: who sees which conversation, whose it is, when results are shown."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Protocol

from candor.access.model import Principal, Right
from candor.consent import custody
from candor.conversation.evaluation import Evaluation
from candor.conversation.model import Conversation, Role
from candor.errors import Conflict, Forbidden, InvalidInput, NotFound
from candor.kit.database import UnitOfWork
from candor.pipeline import purposes
from candor.scoring.sampling import Candidate, Period, Plan, Target

Reindex = Callable[[UnitOfWork, str, tuple[Evaluation, ...]], None]
AT_ONCE, BY_HAND = "at-once", "by-hand"
BESIDE_A_FORM = "form"
"""The subject of the audit line for a conversation whose text was shown beside a form, without scores."""


class Sight(Protocol):
    """Who sees what, and who they are."""

    def require(self, uow: UnitOfWork, principal: Principal, conversation_id: str) -> None:
        """Raise NotFound outside of this person's reach, and for a conversation that is not processed yet."""

    def sees_all(self, principal: Principal) -> bool:
        """Whether every conversation is within reach."""

    def person(self, uow: UnitOfWork, user_id: str) -> Principal | None:
        """An active person with the rights of their role; None for one who is not (any more)."""

    def people(self, uow: UnitOfWork) -> tuple[Principal, ...]:
        """All active people."""

    def opened_before(self, uow: UnitOfWork, user_id: str, conversation_id: str) -> bool:
        """Whether this person has opened the conversation with its scores."""


class Candidates(Protocol):
    """Finds what may be drawn."""

    def of(self, uow: UnitOfWork, plan: Plan, period: Period, owner: Principal) -> list[Candidate]:
        """Processed conversations of known agents in the period, within the owner's reach and the plan's bounds."""

    def matching(self, uow: UnitOfWork, target: Target, period: Period) -> set[str]:
        """Which conversations of the period have what the target looks for."""


def agents_of(conversation: Conversation) -> frozenset[str]:
    """The ids of all of the staff in it."""
    return frozenset(
        party.agent_id for party in conversation.parties if party.agent_id and party.role is not Role.CUSTOMER
    )


def is_own(principal: Principal, agents: Collection[str]) -> bool:
    """Whether this person took part."""
    return principal.agent_id is not None and principal.agent_id in agents


def require_other(principal: Principal, agents: Collection[str]) -> None:
    """Raise Forbidden for one's own conversation."""
    if is_own(principal, agents):
        raise Forbidden("Nobody evaluates their own conversation.", code="evaluation.own")


def may_be_judged(uow: UnitOfWork, conversation_id: str, purpose: str) -> bool:
    """Whether it is free and was recorded for a purpose that allows judging."""
    return not custody.is_held(uow, conversation_id) and not purposes.only_kept(uow, conversation_id, purpose)


def require_judgeable(uow: UnitOfWork, conversation_id: str, purpose: str) -> None:
    """Raise Forbidden or Conflict for one that nobody may evaluate."""
    custody.require_free(uow, conversation_id)
    if purposes.only_kept(uow, conversation_id, purpose):
        raise Conflict(
            "This conversation is kept as proof, or by a duty to record: it is not evaluated.",
            code="evaluation.purpose",
        )


def moments_of_release(release: str, house: str, now: datetime) -> tuple[datetime | None, datetime | None]:
    """(when it is released by itself, when it was released) for an evaluation that is submitted ``now``."""
    way = release or house
    if way == AT_ONCE:
        return None, now
    return (None if way == BY_HAND else now + timedelta(days=int(way))), None


def reason_of(text: str, code: str, most: int = 1_000) -> str:
    """A reason without blanks around it; raises InvalidInput for none or a long one."""
    said = text.strip()
    if len(said) < 3:
        raise InvalidInput("Give a reason.", code=code)
    if len(said) > most:
        raise InvalidInput(f"A reason has at most {most:,} characters.", code=code)
    return said


def known_person(uow: UnitOfWork, sight: Sight, user_id: str, right: Right) -> Principal:
    """An active person with a right; raises InvalidInput."""
    found = sight.person(uow, user_id)
    if found is None or not found.may(right):
        raise InvalidInput("This person is not here any more, or may not evaluate.", code="assignment.person")
    return found


def reaches(uow: UnitOfWork, sight: Sight, principal: Principal, conversation_id: str) -> bool:
    """Whether the conversation is within the reach of somebody else than who asks."""
    try:
        sight.require(uow, principal, conversation_id)
    except NotFound:
        return False
    return True
