"""A worker process: feeds new runs to the engine, says that it lives, takes over from the dead.

Runs are asked for in the product's own database, in the same unit of work as what they are about; the worker hands
them to the engine, which knows them by their id. So neither a web request nor a command needs the engine, and nothing
falls between the two databases.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import IO

from candor.kit.database import Database
from candor.kit.ids import id_at, id_time
from candor.kit.log import get_logger
from candor.pipeline import erasing, store
from candor.pipeline.chores import Chores
from candor.pipeline.ports import Engine
from candor.vault.disposal import store as disposals

ALIVE_WITHIN = 15.0
"""Seconds after which a silent worker counts as dead."""
_TICK = 0.3
_TEND_EVERY = 5.0
_OVERLAP_MS = 60_000
"""No unit of work stays open longer than this, by far."""

_log = get_logger("worker")


class Slot:
    """A numbered place for one worker on this machine, held by a file lock that dies with its process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1
        while True:
            file: IO[str] = (folder / f"worker-{number}.lock").open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                number += 1
                continue
            break
        self._file = file
        self.executor_id = f"{os.uname().nodename}-{number}"

    def release(self) -> None:
        """Let another have the place."""
        self._file.close()


class Worker:
    """The loop around an engine."""

    def __init__(self, database: Database, engine: Engine, executor_id: str, chores: Chores | None = None) -> None:
        self._database, self._engine, self._executor_id = database, engine, executor_id
        self._chores = chores
        self._stop = threading.Event()
        self._since = ""
        self._fed: set[str] = set()

    def ask_to_stop(self) -> None:
        """From a signal handler: leave after the present tick."""
        self._stop.set()

    def work(self, *, until_idle: bool = False, parent: int | None = None) -> None:
        """Work until asked to stop, until the process ``parent`` is gone, or (``until_idle``) until nothing is left."""
        self._beat()
        self._engine.start()
        if self._chores is not None:
            self._chores.start()
        tended = 0.0
        try:
            while not self._stop.is_set() and parent in {None, os.getppid()}:
                fed = self._feed()
                if until_idle and not fed and self._idle():
                    return
                if time.monotonic() - tended > _TEND_EVERY:
                    self._beat()
                    self._tend()
                    tended = time.monotonic()
                self._stop.wait(_TICK)
        finally:
            if self._chores is not None:
                self._chores.stop()
            self._engine.stop()
            with self._database.write() as uow:
                store.retire(uow, self._executor_id)

    def _feed(self) -> int:
        """Submit what was asked for since the last look; returns how many."""
        fed, since = 0, self._since
        while True:
            with self._database.read() as uow:
                page = store.unfinished(uow, since=since)
            if not page:
                return fed
            for run in page:
                if run.id not in self._fed:
                    self._engine.submit(run.id)
                    self._fed.add(run.id)
                    fed += 1
            since = page[-1].id
            # Ids sort by the time they were made, not by the time they were committed: look again at the newest.
            self._since = max(self._since, id_at(id_time(since) - _OVERLAP_MS))
            self._fed = {run_id for run_id in self._fed if run_id > self._since}

    def _idle(self) -> bool:
        if self._chores is not None and not self._chores.idle():
            return False
        with self._database.read() as uow:
            return not store.unfinished(uow, limit=1)

    def _beat(self) -> None:
        with self._database.write() as uow:
            store.beat(uow, self._executor_id, os.getpid())

    def _tend(self) -> None:
        with self._database.read() as uow:
            live = store.live_workers(uow, ALIVE_WITHIN)
        self._engine.tend(live)
        with self._database.read() as uow:
            gone = disposals.remains(uow, erasing.RUN)
        if gone:
            forgotten = self._engine.forget(gone)
            with self._database.write() as uow:
                disposals.drop_remains(uow, erasing.RUN, forgotten)
