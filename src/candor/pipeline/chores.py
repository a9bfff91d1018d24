"""What a worker looks after beside the stages: finished calls, watched places, the phone system's call list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from candor.errors import CandorError
from candor.kit.log import get_logger
from candor.pipeline.collector import Collector
from candor.pipeline.completeness import Completeness
from candor.pipeline.consenting import Consenting
from candor.pipeline.watching import Watcher

_CHECK_EVERY = 300.0
"""Seconds between two comparisons with the call list."""
_TIDY_EVERY = 60.0
"""Seconds between two looks for consent that expired and quarantine that is over."""
_log = get_logger("chores")


@dataclass(frozen=True, slots=True)
class Periodic:
    """A chore that is done at the start, and again ``every`` so many seconds."""

    name: str
    every: float
    work: Callable[[], object]
    in_pieces: bool = False
    """It says whether there is more, and is done again at once while there is."""


class Chores:
    """Each in a thread of its own; several workers may have the same."""

    def __init__(
        self, collector: Collector, watcher: Watcher, completeness: Completeness, consenting: Consenting,
        *others: Periodic,
    ) -> None:  # fmt: skip
        self._collector, self._watcher, self._completeness = collector, watcher, completeness
        self._consenting, self._others = consenting, others
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin."""
        self._collector.start()
        works: list[tuple[str, Callable[[], object]]] = [
            ("watcher", self._watch), ("completeness", self._check), ("consent", self._tidy),
            *((each.name, partial(self._repeat, each)) for each in self._others),
        ]  # fmt: skip
        for name, work in works:
            thread = threading.Thread(target=work, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish what is in hand."""
        self._stop.set()
        self._collector.stop()
        for thread in self._threads:
            thread.join()

    def idle(self) -> bool:
        """Whether no finished call waits."""
        return self._collector.idle()

    def _watch(self) -> None:
        if self._watcher.places:
            self._guarded("watching", lambda: self._watcher.run_until(self._stop))

    def _check(self) -> None:
        while not self._stop.wait(_CHECK_EVERY):
            self._guarded("completeness", self._completeness.check_recent)

    def _tidy(self) -> None:
        while not self._stop.wait(_TIDY_EVERY):
            self._guarded("consent", self._consenting.tidy)

    def _repeat(self, chore: Periodic) -> None:
        while True:
            more = self._guarded(chore.name, chore.work)
            if self._stop.wait(0 if chore.in_pieces and more else chore.every):
                return

    def _guarded(self, name: str, work: Callable[[], object]) -> object:
        try:
            return work()
        except CandorError as error:
            _log.warning("a chore failed", chore=name, code=error.code)
        except Exception as error:  # noqa: BLE001  a fault of ours must not end the chore until the next start
            _log.error("a chore failed", chore=name, code=type(error).__name__)
        return None
