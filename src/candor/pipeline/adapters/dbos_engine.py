"""Runs as DBOS workflows: durable steps on their own SQLite file or on PostgreSQL.

The workflow id is the run id, so submitting twice starts nothing twice. A step that raises Passing is retried by DBOS
with back-off. After a crash DBOS takes up the unfinished workflows of an executor when one of the same id starts;
:meth:`DbosEngine.tend` does so for executors that do not come back.
"""

from __future__ import annotations

import logging
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import error as dbos_error
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine as SqlEngine

from candor.kit.log import get_logger
from candor.pipeline.runner import Runner
from candor.pipeline.store import StageState

QUEUE = "conversations"
_VERSION = "1"
"""Constant: workflows of an earlier release go on under the next (their stages are looked up by name)."""
_LOST = ["ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

_UNDER_WAY = frozenset({"PENDING", "ENQUEUED", "DELAYED"})

_log = get_logger("engine")


class DbosEngine:
    """One executor; one a process, since DBOS keeps one instance."""

    def __init__(
        self,
        runner: Runner[Any],
        url: str,
        executor_id: str,
        *,
        attempts: int = 5,
        first_pause: float = 1.0,
        at_once: int = 1,
    ) -> None:
        self._runner, self._executor_id, self._at_once = runner, executor_id, at_once
        self._engine = _system_engine(url)
        logging.getLogger("dbos").setLevel(logging.ERROR)
        config: DBOSConfig = {
            "name": "candor",
            "system_database_url": url,
            "system_database_engine": self._engine,
            "application_version": _VERSION,
            "executor_id": executor_id,
            "log_level": "ERROR",
        }
        DBOS(config=config)

        # Registered here and not at import: the functions close over the runner, and DBOS is imported late.
        @DBOS.step(
            name="stage", retries_allowed=True, max_attempts=attempts, interval_seconds=first_pause, backoff_rate=2.0
        )
        def stage(run_id: str, name: str) -> str:
            return str(runner.perform(run_id, name))

        @DBOS.step(name="give_up")
        def give_up(run_id: str, name: str) -> str:
            return str(runner.give_up(run_id, name, attempts))

        @DBOS.workflow(name="process", max_recovery_attempts=1000)
        def process(run_id: str, names: list[str]) -> str:
            for name in names:
                try:
                    outcome = stage(run_id, name)
                except dbos_error.DBOSMaxStepRetriesExceeded:
                    outcome = give_up(run_id, name)
                if outcome == StageState.PARKED:
                    return outcome
            return str(StageState.DONE)

        self._process = process

    def start(self) -> None:
        DBOS.listen_queues([QUEUE])
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=self._at_once, polling_interval_sec=0.25)

    def submit(self, run_id: str) -> None:
        run = self._runner.run(run_id)
        if run is not None:
            with SetWorkflowID(run_id):
                DBOS.enqueue_workflow(QUEUE, self._process, run_id, self._runner.names_from(run.first_stage))

    def tend(self, live: set[str]) -> None:
        for workflow in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False):
            if workflow.executor_id and workflow.executor_id not in live | {self._executor_id}:
                _log.info("taking over a run", run=workflow.workflow_id, of=workflow.executor_id)
                DBOS.resume_workflow(workflow.workflow_id, queue_name=QUEUE)
        for workflow in DBOS.list_workflows(status=_LOST, load_input=False, load_output=False):
            run = self._runner.run(workflow.workflow_id)
            if run is not None and run.state in {"queued", "running"}:
                self._runner.park(
                    run.id, self._runner.names_from(run.first_stage)[0], "pipeline.lost",
                    "The engine gave this run up.", "Try again with the retry button.",
                )  # fmt: skip

    def forget(self, run_ids: list[str]) -> list[str]:
        known = DBOS.list_workflows(workflow_ids=run_ids, load_input=False, load_output=False)
        busy = {one.workflow_id for one in known if one.status in _UNDER_WAY}
        over = [run_id for run_id in run_ids if run_id not in busy]
        DBOS.delete_workflows(over)
        return over

    def stop(self) -> None:
        DBOS.destroy(destroy_registry=True)
        self._engine.dispose()


def _system_engine(url: str) -> SqlEngine:
    """The engine of DBOS' own database; on SQLite it would run with a rollback journal, several times slower."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        def tune(connection: Any, _record: object) -> None:
            # DBOS begins its transactions itself and counts on immediate ones.
            connection.isolation_level = "IMMEDIATE"
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

        event.listen(engine, "connect", tune)
    return engine
