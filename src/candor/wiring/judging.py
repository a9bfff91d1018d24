"""People's evaluations: plugged into access, the list and the audit log."""

from __future__ import annotations

from typing import TypedDict
from zoneinfo import ZoneInfo

from candor.access.model import RIGHTS, Principal, UserRole
from candor.access.service import Access
from candor.audit.model import Event
from candor.audit.store import Wanted, newest
from candor.errors import NotFound
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.assigning import Assigning
from candor.pipeline.chores import Periodic
from candor.pipeline.disputing import Disputing
from candor.pipeline.evaluating import Evaluating
from candor.pipeline.judging import BESIDE_A_FORM
from candor.pipeline.shelf import Shelf
from candor.replay import candidates
from candor.replay.model import Scope, Status, scope_of
from candor.replay.service import Replay
from candor.scoring.disputes.model import Limits
from candor.scoring.sampling import Candidate, Period, Plan, Target
from candor.services import Services
from candor.settings import Settings

_EVERY = 60.0


class Judging(TypedDict):
    """Fields of the services."""

    evaluating: Evaluating
    assigning: Assigning
    disputing: Disputing


def make_judging(settings: Settings, database: Database, shelf: Shelf, replay: Replay, access: Access) -> Judging:
    """Evaluating by hand, over the house's settings."""
    sight = ByScope(access, replay)
    evaluating = Evaluating(
        database, shelf, sight, replay.index.rescore, release=settings.evaluation_release, purpose=settings.purpose
    )
    limits = Limits(
        window_days=settings.dispute_days, most=settings.dispute_limit, period_days=settings.dispute_period_days
    )
    zone = ZoneInfo(settings.zone or "UTC")
    return {
        "evaluating": evaluating,
        "assigning": Assigning(database, shelf, sight, ByIndex(), zone, purpose=settings.purpose),
        "disputing": Disputing(evaluating, sight, replay.index.rescore, limits),
    }


def judging_chores(services: Services) -> tuple[Periodic, ...]:
    """What workers do for it beside the stages."""

    def tend() -> None:
        services.assigning.draw_due()
        services.evaluating.release_due()

    return (Periodic("evaluations", _EVERY, tend),)


class ByScope:
    """See :class:`candor.pipeline.judging.Sight`: reach as the list of conversations has it."""

    def __init__(self, access: Access, replay: Replay) -> None:
        self._access, self._replay = access, replay

    def require(self, uow: UnitOfWork, principal: Principal, conversation_id: str) -> None:
        """Raise NotFound outside of this person's reach, and for a conversation that is not processed yet."""
        if self._replay.row(uow, conversation_id, scope_of(principal)).status is not Status.READY:
            raise NotFound("There is no such conversation.", code="conversation.none")

    def sees_all(self, principal: Principal) -> bool:
        """Whether every conversation is within reach."""
        return scope_of(principal) == Scope()

    def person(self, uow: UnitOfWork, user_id: str) -> Principal | None:
        """An active person with the rights of their role; None for one who is not (any more)."""
        return next((one for one in self.people(uow) if one.user_id == user_id), None)

    def people(self, uow: UnitOfWork) -> tuple[Principal, ...]:
        """All active people."""
        return tuple(
            Principal(
                user_id=one.id, login=one.login, name=one.name, role=one.role, rights=RIGHTS[UserRole(one.role)],
                team=one.team, agent_id=one.agent_id, reach=one.reach,
            )
            for one in self._access.users(uow)
            if one.active
        )  # fmt: skip

    def opened_before(self, uow: UnitOfWork, user_id: str, conversation_id: str) -> bool:
        """Whether this person has opened the conversation with its scores."""
        wanted = Wanted(conversation_id=conversation_id, actor=user_id, events=(Event.OPENED.value,))
        return any(line.subject != BESIDE_A_FORM for line in newest(uow, wanted))


class ByIndex:
    """See :class:`candor.pipeline.judging.Candidates`: found in the list of conversations."""

    def of(self, uow: UnitOfWork, plan: Plan, period: Period, owner: Principal) -> list[Candidate]:
        """Processed conversations of known agents in the period, within the owner's reach and the plan's bounds."""
        return candidates.candidates(uow, plan, period, scope_of(owner))

    def matching(self, uow: UnitOfWork, target: Target, period: Period) -> set[str]:
        """Which conversations of the period have what the target looks for."""
        return candidates.matching(uow, target, period)
