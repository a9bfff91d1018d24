"""Runs performed where they are submitted: one after the other, in this process, with the same retries."""

from __future__ import annotations

import time
from typing import Any

from candor.pipeline.runner import Passing, Runner
from candor.pipeline.store import StageState


class InlineEngine:
    """The second adapter: durable only in so far as unfinished runs stay in the database for the next engine."""

    def __init__(self, runner: Runner[Any], *, attempts: int = 5, first_pause: float = 1.0) -> None:
        self._runner, self._attempts, self._first_pause = runner, attempts, first_pause

    def start(self) -> None:
        """Nothing to do."""

    def submit(self, run_id: str) -> None:
        run = self._runner.run(run_id)
        if run is None:
            return
        for name in self._runner.names_from(run.first_stage):
            if self._persist(run_id, name) is StageState.PARKED:
                return

    def _persist(self, run_id: str, name: str) -> StageState:
        for attempt in range(self._attempts):
            try:
                return self._runner.perform(run_id, name)
            except Passing:
                if attempt + 1 < self._attempts:
                    time.sleep(self._first_pause * 2**attempt)
        return self._runner.give_up(run_id, name, self._attempts)

    def tend(self, live: set[str]) -> None:
        """Nothing to do."""

    def forget(self, run_ids: list[str]) -> list[str]:
        return run_ids  # it remembers nothing

    def stop(self) -> None:
        """Nothing to do."""
