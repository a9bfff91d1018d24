"""Master keys, how far an exchange of them is, and backups: to be watched by other programs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.errors import Forbidden
from candor.pipeline.backup import store as backups
from candor.replay.model import Scope
from candor.vault.keys import register, rotation

router = APIRouter(tags=["keys"])


@router.get("/keys")
def keys(caller: Caller = needs(Right.KEYS_READ)) -> dict[str, Any]:
    """Which key seals, what is under each, the latest exchange, the newest backups and what verifying them found."""
    if caller.scope != Scope():
        raise Forbidden("Keys are shown to those who see all conversations.", code="keys.scope")
    services = caller.services
    with services.database.read() as uow:
        states = register.states(uow, services.shelf.vault.keys)
        latest, made = rotation.latest(uow), backups.newest(uow)
    return {
        "keys": [register.plain(state) for state in states], "rotation": latest and rotation.plain(latest),
        "backups": [backups.plain(one) for one in made],
    }  # fmt: skip
