"""Agreement, calibration and reports: plugged into evaluating, access and the list."""

from __future__ import annotations

from typing import TypedDict

from candor.access.model import Principal
from candor.access.service import Access
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.calibrating import Calibrating
from candor.pipeline.chores import Periodic
from candor.pipeline.evaluating import Evaluating
from candor.pipeline.judging import Sight
from candor.pipeline.reporting import Read, Reporting, Wanted
from candor.pipeline.scorecards import Scorecards
from candor.pipeline.trusting import Trusting
from candor.replay import quality
from candor.replay.model import scope_of
from candor.scoring.model import Scorecard
from candor.services import Services
from candor.settings import Settings
from candor.vault.service import Vault
from candor.wiring.scorecards import sees_all

_LOOK_EVERY = 60.0
_REPORT_EVERY = 600.0


class Quality(TypedDict):
    """Fields of the services."""

    trusting: Trusting
    calibrating: Calibrating
    reporting: Reporting


def make_quality(
    settings: Settings, database: Database, vault: Vault, access: Access, sight: Sight, evaluating: Evaluating
) -> Quality:
    """What tells how far evaluations are to be trusted, and what they come to."""
    return {
        "trusting": Trusting(database),
        "calibrating": Calibrating(evaluating, sight, Scorecards(sees_all), purpose=settings.purpose),
        "reporting": Reporting(
            database, vault, read, sight,
            lambda uow: {user.id: user.name or user.login for user in access.users(uow)}, company=settings.company,
        ),
    }  # fmt: skip


def quality_chores(services: Services) -> tuple[Periodic, ...]:
    """What workers do for it beside the stages."""
    return (
        Periodic("agreement", _LOOK_EVERY, services.trusting.tend),
        Periodic("reports", _REPORT_EVERY, services.reporting.tend),
    )


def read(uow: UnitOfWork, wanted: Wanted, principal: Principal, scorecard: Scorecard) -> Read:
    """See :class:`candor.pipeline.reporting.Reader`: within the person's reach, as the list has it."""
    scope = scope_of(principal)
    asked = quality.ReportFilter(
        scorecard=wanted.scorecard, since=wanted.since, until=wanted.until, teams=wanted.teams, queues=wanted.queues,
        agents=wanted.agents,
    )  # fmt: skip
    return Read(
        conversations=quality.conversations(uow, asked, scope),
        judged=list(quality.judged(uow, asked, scope, scorecard)),
        compared=quality.compared(uow, asked, scope), disputed=quality.disputed(uow, asked, scope),
    )  # fmt: skip
