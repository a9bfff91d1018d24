"""One stage of one run, performed exactly once.

A stage computes first, outside any transaction, and returns a ``Commit``: the function that makes its result visible.
The runner calls it in the same unit of work that marks the stage done, after checking that nobody else did so
meanwhile. A process killed before that moment leaves nothing but sealed bytes without a record (the vault sweeps
them); killed after it, the stage is done. Work may thus be repeated, results never are.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from candor.errors import CandorError, Unavailable
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline import store
from candor.pipeline.store import Run, RunState, StageState

Commit = Callable[[UnitOfWork], None]
R = TypeVar("R")

MAX_STARTS = 12
"""A stage begun this often without ending takes its process down: it is parked, so that the others go on."""

_log = get_logger("pipeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Generic[R]):
    """One step of the corridor: ``work`` computes from what earlier stages left and returns what to commit."""

    name: str
    title: str
    """For people: "Write down what was said"."""
    work: Callable[[R, Run], Commit]


class Marker(Protocol):
    """Shows people where a conversation stands."""

    def mark(self, uow: UnitOfWork, conversation_id: str, status: str, attention: str | None) -> None:
        """``status`` is one of queued, processing, ready, needs_attention; ``attention`` says why, in words."""


class Passing(Exception):
    """The fault may pass: the engine tries the stage again later."""


class Runner(Generic[R]):
    """Performs stages; knows nothing of what they do."""

    def __init__(self, database: Database, rooms: R, stages: Sequence[Stage[R]], marker: Marker) -> None:
        self.database = database
        self._rooms = rooms
        self.stages = {stage.name: stage for stage in stages}
        self._marker = marker

    def names_from(self, first: str) -> list[str]:
        """Stage names in order, beginning with ``first``."""
        names = list(self.stages)
        return names[names.index(first) :]

    def run(self, run_id: str) -> Run | None:
        """The run, or None when its conversation was erased meanwhile."""
        with self.database.read() as uow:
            return store.get_run(uow, run_id)

    def perform(self, run_id: str, name: str) -> StageState:
        """Do one stage; returns DONE or PARKED, raises Passing when it should be tried again."""
        with self.database.write() as uow:
            current = store.get_run(uow, run_id)
            if current is None or current.state is RunState.PARKED:
                return StageState.PARKED
            record = store.get_stage(uow, run_id, name)
            if record is not None and record.state is StageState.DONE:
                return StageState.DONE
            starts = store.start_stage(uow, current, name)
            if current.state is RunState.QUEUED:
                store.set_run(uow, run_id, RunState.RUNNING)
                self._marker.mark(uow, current.conversation_id, "processing", None)
        if starts > MAX_STARTS:
            return self.park(
                run_id, name, "pipeline.deadly", f"This step was begun {MAX_STARTS} times and never came to its end.",
                "The recording may be one that the decoder or recogniser cannot stand: keep it and report it.",
            )  # fmt: skip
        return self._attempt(current, name)

    def _attempt(self, current: Run, name: str) -> StageState:
        started = time.monotonic()
        try:
            commit = self.stages[name].work(self._rooms, current)
            with self.database.write() as uow:
                if store.get_run(uow, current.id) is None:
                    return StageState.PARKED  # its conversation was destroyed meanwhile: nothing of it comes back
                record = store.get_stage(uow, current.id, name)
                if record is not None and record.state is StageState.DONE:
                    return StageState.DONE  # another process was faster; ours is swept
                commit(uow)
                store.end_stage(uow, current.id, name, StageState.DONE, time.monotonic() - started)
                if name == list(self.stages)[-1]:
                    store.set_run(uow, current.id, RunState.DONE)
        except CandorError as error:
            if isinstance(error, Unavailable):
                self._note_retry(current, name, started, error.code, error.message, error.advice)
                raise Passing(error.code) from error
            return self.park(current.id, name, error.code, error.message, error.advice)
        except Exception as error:  # noqa: BLE001  whatever a decoder or a model throws must not stop the others
            # The message of a foreign exception may quote what people said: only its type and place are kept.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.warning("stage failed", run=current.id, stage=name, error=type(error).__name__,
                         file=place.filename, line=place.lineno)  # fmt: skip
            self._note_retry(current, name, started, "unexpected", f"An unexpected fault ({type(error).__name__}).", "")
            raise Passing(type(error).__name__) from None
        _log.info("stage done", run=current.id, stage=name, seconds=round(time.monotonic() - started, 3))
        return StageState.DONE

    def _note_retry(self, current: Run, name: str, started: float, code: str, message: str, advice: str) -> None:
        with self.database.write() as uow:
            store.end_stage(
                uow, current.id, name, StageState.RETRYING, time.monotonic() - started, (code, message, advice)
            )

    def park(self, run_id: str, name: str, code: str, message: str, advice: str) -> StageState:
        """Set a run aside for a person."""
        with self.database.write() as uow:
            current = store.get_run(uow, run_id)
            if current is not None:
                record = store.get_stage(uow, run_id, name)
                seconds = record.seconds if record and record.seconds else 0.0
                store.end_stage(uow, run_id, name, StageState.PARKED, seconds, (code, message, advice))
                store.set_run(uow, run_id, RunState.PARKED)
                self._marker.mark(uow, current.conversation_id, "needs_attention", f"{message} {advice}".strip())
        _log.warning("stage parked", run=run_id, stage=name, code=code)
        return StageState.PARKED

    def give_up(self, run_id: str, name: str, attempts: int) -> StageState:
        """Park a stage whose fault did not pass, with what was wrong the last time."""
        with self.database.read() as uow:
            record = store.get_stage(uow, run_id, name)
        code = (record and record.error_code) or "unexpected"
        message = (record and record.error) or "An unexpected fault."
        advice = (record and record.advice) or "Try again with the retry button."
        return self.park(run_id, name, code, f"{message} Tried {attempts} times.", advice)
