"""Health: whether it answers, and what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.conversation.codec import plain
from candor.errors import NotFound
from candor.kit.database import UnitOfWork
from candor.replay.model import Scope

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class _Reach:
    caller: Caller

    def sees(self, uow: UnitOfWork, conversation_id: str) -> bool:
        try:
            self.caller.services.replay.row(uow, conversation_id, self.caller.scope)
        except NotFound:
            return False
        return True


@router.get("/health")
def health(caller: Caller = needs(Right.HEALTH_READ)) -> dict[str, Any]:
    """How many conversations stand where, and what needs attention."""
    services = caller.services
    with services.database.read() as uow:
        facets = services.replay.facets(uow, caller.scope)
        items = services.desk.attention(uow, None if caller.scope == Scope() else _Reach(caller))
    return {"statuses": dict(facets.statuses), "attention": [plain(item) for item in items]}
