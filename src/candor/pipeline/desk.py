"""The desk for what failed: what needs a person, and doing it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.consent import custody
from candor.errors import Conflict, InvalidInput, NotFound
from candor.kit.database import Database, UnitOfWork
from candor.pipeline import store
from candor.pipeline.runner import Marker
from candor.pipeline.stages import STAGES
from candor.pipeline.store import RunState, StageRecord
from candor.vault.holds import store as holds


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionItem:
    """One thing that waits for a person."""

    conversation_id: str | None
    """None when it was refused before it became a conversation."""
    filename: str | None
    stage: str | None
    code: str
    message: str
    advice: str
    at: datetime
    attempts: int


class Reach(Protocol):
    """Tells whether a conversation is within the viewer's rights."""

    def sees(self, uow: UnitOfWork, conversation_id: str) -> bool:
        """True when it is."""


class Desk:
    """What was parked or refused, and the retry button."""

    def __init__(self, database: Database, marker: Marker) -> None:
        self._database, self._marker = database, marker

    def attention(self, uow: UnitOfWork, reach: Reach | None = None) -> list[AttentionItem]:
        """Newest first: parked runs, then refused imports; ``reach`` limits to what the viewer may see."""
        items = [
            AttentionItem(
                conversation_id=run.conversation_id, filename=None, stage=record.stage,
                code=record.error_code or "unexpected", message=record.error or "", advice=record.advice or "",
                at=record.finished_at or record.started_at, attempts=record.attempts,
            )
            for run, record in store.parked(uow)
            if reach is None or reach.sees(uow, run.conversation_id)
        ]  # fmt: skip
        items += [
            AttentionItem(
                conversation_id=None, filename=refusal.name, stage=None, code=refusal.code, message=refusal.message,
                advice=refusal.advice, at=refusal.at,
                attempts=0,
            )
            for refusal in register.open_refusals(uow)
        ]  # fmt: skip
        return sorted(items, key=lambda item: item.at, reverse=True)

    def retry(
        self, conversation_id: str, stage: str | None = None, *, actor: str = "cli",
        options: Mapping[str, Any] | None = None, reason: str = "retry",
    ) -> str:  # fmt: skip
        """Run a conversation again from ``stage`` on (the first when left out); returns the run's id.

        Raises NotFound, InvalidInput for a stage that does not exist, Conflict while a run is under way or when it is
        finished and under a legal hold, Forbidden for a quarantined conversation: resolving it makes it go on.
        """
        names = [known.name for known in STAGES]
        first = stage or names[0]
        if first not in names:
            raise InvalidInput(f"There is no step of that name; there are: {', '.join(names)}.", code="pipeline.stage")
        with self._database.write() as uow:
            newest = store.newest_run(uow, conversation_id)
            if newest is None:
                raise NotFound("There is no such conversation.")
            if newest.state in store.UNFINISHED:
                raise Conflict(
                    "The conversation is being processed already.",
                    code="pipeline.busy",
                    advice="Wait until it is done.",
                )
            custody.require_free(uow, conversation_id)
            if newest.state is RunState.DONE and holds.is_held(uow, conversation_id):
                raise Conflict(
                    "A legal hold covers this conversation: what was made of it is not replaced.", code="hold.held",
                    advice="Release the hold first, under Compliance, Holds.",
                )  # fmt: skip
            first = self._earliest_gap(uow, conversation_id, names, first)
            run_id = store.add_run(uow, conversation_id, reason=reason, first_stage=first, options=dict(options or {}))
            self._marker.mark(uow, conversation_id, "queued", None)
            audit.record(uow, Event.RETRIED, actor, conversation_id=conversation_id, subject=first)
        return run_id

    @staticmethod
    def _earliest_gap(uow: UnitOfWork, conversation_id: str, names: list[str], wanted: str) -> str:
        """``wanted``, or an earlier stage that was never done: a later one would find nothing to work on."""
        done = {record.stage for record in store.history(uow, conversation_id) if record.state is store.StageState.DONE}
        for name in names[: names.index(wanted)]:
            if name not in done:
                return name
        return wanted


def latest_stages(uow: UnitOfWork, conversation_id: str) -> list[StageRecord | str]:
    """The newest record of each stage in order; just the name of a stage that waits."""
    newest = {record.stage: record for record in store.history(uow, conversation_id)}
    run = store.newest_run(uow, conversation_id)
    names = [stage.name for stage in STAGES]
    if run is not None and run.state in {RunState.QUEUED, RunState.RUNNING}:
        # What an earlier run did is history; this run's later stages still wait.
        for name in names[names.index(run.first_stage) :]:
            if name in newest and newest[name].run_id != run.id:
                del newest[name]
    return [newest.get(name, name) for name in names]
