"""Watched places: how it stands with the folders and buckets that finished recordings are taken from."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.errors import Forbidden
from candor.replay.model import Scope

router = APIRouter(tags=["capture"])


@router.get("/watched-places")
def get_watched_places(caller: Caller = needs(Right.HEALTH_READ)) -> dict[str, Any]:
    """Each place of the settings: when it was looked at, what waits, was taken and refused, what troubles it.

    No recorder needs to run. File names, their numbers cut down, are given with the right ``conversation:read`` only.
    """
    if caller.scope != Scope():
        raise Forbidden("Watched places are shown to those who see all conversations.", code="capture.scope")
    with caller.services.database.read() as uow:
        found = caller.services.places.now(uow)
    return {"places": [each.plain(names=caller.principal.may(Right.CONVERSATION_READ)) for each in found]}
