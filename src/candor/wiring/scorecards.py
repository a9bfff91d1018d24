"""Work on scorecards: plugged into the list of conversations, and given to the workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from candor.access.model import Principal
from candor.conversation.model import Medium
from candor.errors import NotFound
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.chores import Periodic
from candor.pipeline.rescoring import Rescoring
from candor.pipeline.scoring import Scoring
from candor.replay import periods
from candor.replay.model import Scope, scope_of
from candor.replay.service import Replay
from candor.scoring import service, store
from candor.services import Services

_EVERY = 2.0
"""Seconds between two looks for simulations and rescoring: somebody waits for them."""


def sees_all(principal: Principal) -> bool:
    """Whether every conversation is within this person's reach."""
    return scope_of(principal) == Scope()


def make_rescoring(database: Database, scoring: Scoring, replay: Replay) -> Rescoring:
    """Over what the list of conversations knows."""

    def find(
        uow: UnitOfWork, since: datetime, until: datetime, principal: Principal | None, media: Sequence[Medium],
        queues: Sequence[str],
    ) -> list[str]:  # fmt: skip
        scope = Scope() if principal is None else scope_of(principal)
        return periods.ready(uow, since, until, scope, media=media, queues=queues)

    return Rescoring(database, scoring, find, replay.index.rescore_all, sees_all)


def rescoring_chores(services: Services) -> tuple[Periodic, ...]:
    """What workers do for it beside the stages: every worker helps."""
    return (Periodic("rescoring", _EVERY, services.rescoring.help, in_pieces=True),)


def keep_builtins(uow: UnitOfWork) -> None:
    """Put what ships into the database: in use where nothing of that name is, or where an older shipped one is.

    What somebody published under the same name, or retired, stays as it is.
    """
    for name in service.builtins():
        shipped = service.builtin(name)
        fresh = not store.known(uow, name)
        try:
            older = store.get_scorecard(uow, name).version < shipped.version and store.ships(uow, name)
        except NotFound:
            older = False
        store.put_scorecard(uow, shipped, yaml=service.builtin_yaml(name), active=fresh or older)
