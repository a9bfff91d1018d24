"""A worker process for the kill tests: real engine, real database, stages that kill their own process on demand.

Each stage appends one row per commit to the ``effect`` table, so that doubled or lost work shows as a count.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, String, Table, insert

from candor.errors import Damaged, Unavailable
from candor.kit.database import Database, UnitOfWork, metadata, sqlite_url
from candor.pipeline.runner import Commit, Runner, Stage
from candor.pipeline.store import Run
from candor.pipeline.worker import Slot, Worker

effect = Table(
    "effect",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", String),
    Column("stage", String),
)
marks = Table(
    "mark_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("conversation_id", String),
    Column("status", String),
    Column("attention", String),
)
NAMES = ("decode", "transcribe", "redact", "analyse", "score", "index")
POINTS = ("before", "after_work", "after_commit")


class Marks:
    def mark(self, uow: UnitOfWork, conversation_id: str, status: str, attention: str | None) -> None:
        uow.execute(insert(marks).values(conversation_id=conversation_id, status=status, attention=attention))


def once(folder: Path, name: str) -> bool:
    """True the first time in the life of the data folder, whatever process asks."""
    try:
        os.close(os.open(folder / f"once-{name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def stages(folder: Path) -> tuple[Stage[None], ...]:
    def make(name: str) -> Stage[None]:
        def die(point: str, run: Run) -> None:
            wanted = run.options.get("kill")
            if wanted == f"{name}:{point}" and once(folder, f"{run.id}-{name}-{point}".replace(":", "-")):
                os.kill(os.getpid(), signal.SIGKILL)

        def work(_rooms: None, run: Run) -> Commit:
            die("before", run)
            if run.options.get("damaged") == name:
                raise Damaged("The stored sound does not verify.", code="vault.damaged", advice="Restore it.")
            if run.options.get("passing") == name and once(folder, f"{run.id}-passing"):
                raise Unavailable("The vault is away.", code="vault.unavailable")
            if run.options.get("broken") == name:
                raise ZeroDivisionError("Jane Doe, 4111 1111 1111 1111")
            if run.options.get("deadly") == name:
                os.kill(os.getpid(), signal.SIGKILL)
            die("after_work", run)

            def commit(uow: UnitOfWork) -> None:
                uow.execute(insert(effect).values(conversation_id=run.conversation_id, stage=name))

            return commit

        return Stage(name=name, title=name, work=work)

    return tuple(make(name) for name in NAMES)


class DyingRunner(Runner[None]):
    """Also dies right after a stage's commit, before the engine hears of it."""

    folder: Path

    def perform(self, run_id: str, name: str) -> Any:
        outcome = super().perform(run_id, name)
        run = self.run(run_id)
        if (
            run is not None
            and run.options.get("kill") == f"{name}:after_commit"
            and once(self.folder, f"{run.id}-{name}-after")
        ):
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome


def main(folder: Path) -> None:
    from candor.pipeline.adapters.dbos_engine import DbosEngine

    database = Database(sqlite_url(folder / "candor.db"))
    runner = DyingRunner(database, None, stages(folder), Marks())
    runner.folder = folder
    slot = Slot(folder / "run")
    engine = DbosEngine(runner, sqlite_url(folder / "engine.db"), slot.executor_id, attempts=3, first_pause=0.05)
    Worker(database, engine, slot.executor_id).work(until_idle=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
