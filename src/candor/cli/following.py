"""Waiting for conversations to be processed, with a progress bar; starting workers when none are running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from candor.errors import Unavailable
from candor.pipeline import store
from candor.pipeline.store import RunState
from candor.pipeline.worker import ALIVE_WITHIN
from candor.services import Services
from candor.settings import load

_LOOK_EVERY = 0.5
_MOST_LIVES = 20
"""Workers of ours that may die before we say that something is wrong with the machine."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a conversation was set aside."""

    code: str
    message: str
    advice: str

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class Follow:
    """Waits for the newest run of each of some conversations."""

    def __init__(self, services: Services, console: Console) -> None:
        self._services, self._console = services, console
        self._children: list[subprocess.Popen[bytes]] = []
        self._lives = 0

    def until_done(self, ids: Sequence[str], *, tend: Callable[[], object] | None = None) -> dict[str, Why]:
        """Returns, by conversation, why those that were parked are; empty when all went well.

        ``tend`` is called every half second by a caller who looks after workers of its own; without it workers are
        started here when none are running, and end when nothing is left to do.
        """
        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TimeRemainingColumn(), console=self._console, disable=not ids,
        )  # fmt: skip
        try:
            with bar:
                task = bar.add_task("Processing", total=len(ids))
                while True:
                    ended = self._ended(ids)
                    bar.update(task, completed=len(ended))
                    if len(ended) == len(ids):
                        break
                    tend() if tend else self._keep_working(len(ids) - len(ended))
                    time.sleep(_LOOK_EVERY)
        finally:
            self._leave()
        return self._why([an_id for an_id, state in ended.items() if state is RunState.PARKED])

    def _ended(self, ids: Sequence[str]) -> dict[str, RunState]:
        states: dict[str, RunState] = {}
        with self._services.database.read() as uow:
            for start in range(0, len(ids), 500):
                states |= store.states(uow, list(ids[start : start + 500]))
        return {an_id: state for an_id, state in states.items() if state not in store.UNFINISHED}

    def _why(self, ids: Sequence[str]) -> dict[str, Why]:
        found = {}
        with self._services.database.read() as uow:
            for an_id in ids:
                parked = [record for record in store.history(uow, an_id) if record.state is store.StageState.PARKED]
                last = parked[-1] if parked else None
                found[an_id] = (
                    Why(last.error_code or "unexpected", last.error or "", last.advice or "")
                    if last
                    else Why("unexpected", "It was set aside.", "")
                )
        return found

    def _keep_working(self, left: int) -> None:
        self._children = [child for child in self._children if child.poll() is None]
        if self._children:
            return
        with self._services.database.read() as uow:
            if store.live_workers(uow, ALIVE_WITHIN):
                return
        if self._lives > _MOST_LIVES:
            raise Unavailable("Workers keep dying; what was imported is kept.", advice="See `candor status`.")
        command = [sys.executable, "-m", "candor.cli.main", "worker", "--until-idle", "--child-of", str(os.getpid())]
        for _ in range(min(left, load().workers)):
            self._lives += 1
            self._children.append(
                subprocess.Popen(  # noqa: S603  our own command
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            )

    def _leave(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()
        self._children = []
