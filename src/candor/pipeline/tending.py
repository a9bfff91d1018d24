"""What a worker does for retention every minute, and a sweep when it is time."""

from __future__ import annotations

from datetime import timedelta

from candor.errors import CandorError, Conflict
from candor.kit import clock
from candor.kit.log import get_logger
from candor.pipeline.disposing import Disposing
from candor.pipeline.holding import Holding
from candor.pipeline.keeping import Keeping
from candor.pipeline.persons import Persons
from candor.pipeline.subject_requests import SubjectRequests

_PIECE = 5_000
"""Conversations whose people are noted in one go."""
_log = get_logger("keeping")


class Tending:
    """One look at everything; what cannot be done now is done at the next."""

    def __init__(
        self, persons: Persons, holding: Holding, keeping: Keeping, disposing: Disposing, requests: SubjectRequests, *,
        every_hours: float,
    ) -> None:  # fmt: skip
        """``every_hours``: from one sweep to the next."""
        self._persons, self._holding, self._keeping = persons, holding, keeping
        self._disposing, self._requests, self._every = disposing, requests, timedelta(hours=every_hours)

    def tend(self) -> None:
        """Note people, find what queries hold, destroy what was approved or is due, go on where a crash stopped."""
        for work in (
            lambda: self._persons.backfill(_PIECE),
            lambda: self._holding.refresh(asking_only=True),
            self._keeping.run_approved,
            self._requests.resume,
            self._sweep,
            self._disposing.finish,
        ):
            try:
                work()
            except Conflict as error:  # another worker is at it, or the clock cannot be trusted
                _log.warning("retention waits", code=error.code)
            except CandorError as error:
                _log.warning("a part of retention failed", code=error.code)

    def _sweep(self) -> None:
        last = self._keeping.last_sweep()
        if last is None or not last.finished_at <= clock.now() < last.finished_at + self._every:
            self._keeping.sweep()
