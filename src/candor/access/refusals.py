"""Writing down that somebody known was refused."""

from __future__ import annotations

from candor.audit import service as audit
from candor.audit.service import Event
from candor.errors import CandorError
from candor.kit.database import Database
from candor.kit.log import get_logger

_log = get_logger("access")


def note_refusal(database: Database, user_id: str, what: str) -> None:
    """``what``: the method and the route's pattern, never an address with ids or words in it.

    A line that cannot be written must not turn the refusal into something else: it is logged.
    """
    try:
        with database.write() as uow:
            audit.record(uow, Event.DENIED, user_id, subject=what)
    except CandorError as error:
        _log.error("a refusal was not written down", code=error.code, route=what)
