"""Simulations and rescoring: asked for by people, worked on by any process, ended exactly once."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import custody
from candor.conversation.evaluation import Evaluation, EvaluationSource
from candor.conversation.model import Medium
from candor.errors import CandorError, Conflict, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline.scorecards import CLI, SeesAll, whole_house
from candor.pipeline.scoring import Scoring
from candor.scoring import store as scorecards
from candor.scoring.agreement import service as trust
from candor.scoring.loader import load_scorecard
from candor.scoring.model import Scorecard
from candor.scoring.rescoring import store
from candor.scoring.rescoring.comparing import add_up, compare, summarise
from candor.scoring.rescoring.store import Job, Kind, Part, State
from candor.transcript import store as transcripts

LAST = timedelta(days=30)
SAMPLE = 500
"""Conversations of a simulation, unless told: a pass rate to about ±4 %."""
LARGEST = 1_000_000
Reindex = Callable[[UnitOfWork, str, tuple[Evaluation, ...]], None]
Find = Callable[[UnitOfWork, datetime, datetime, Principal | None, Sequence[Medium], Sequence[str]], list[str]]
"""Ids of processed conversations of a period by medium and queue, within a person's reach."""
_log = get_logger("rescoring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Over which conversations; the end is now, and the beginning thirty days before the end, unless told."""

    since: datetime | None = None
    until: datetime | None = None
    sample: int | None = None
    """At most so many, drawn at random; None: all."""
    seed: int | None = None


class Rescoring:
    """The verbs, and the work."""

    def __init__(
        self, database: Database, scoring: Scoring, find: Find, reindex: Reindex, sees_all: SeesAll
    ) -> None:  # fmt: skip
        self._database, self._scoring, self._find, self._reindex = database, scoring, find, reindex
        self._sees_all = sees_all

    def simulate(self, uow: UnitOfWork, scorecard: Scorecard, text: str, ask: Ask, principal: Principal | None) -> Job:
        """What this version would have said of past conversations within the person's reach; none of it is kept."""
        if principal is not None:
            principal.require(Right.SCORECARD_MANAGE)
        job = self._add(uow, Kind.SIMULATE, scorecard, text, ask, principal)
        by = CLI if principal is None else principal.user_id
        audit.record(uow, Event.SCORECARD_SIMULATED, by, subject=f"{scorecard.id}@{scorecard.version}")
        return job

    def rescore(self, uow: UnitOfWork, scorecard_id: str, ask: Ask, principal: Principal | None) -> Job:
        """Judge past conversations anew with the active version; earlier automatic evaluations are superseded."""
        by = whole_house(principal, self._sees_all)
        scorecard = scorecards.get_scorecard(uow, scorecard_id)
        job = self._add(uow, Kind.RESCORE, scorecard, "", ask, principal)
        told = f"{scorecard.id}@{scorecard.version}: {job.total} conversations"
        audit.record(uow, Event.RESCORED, by, subject=told)
        return job

    def _add(
        self, uow: UnitOfWork, kind: Kind, scorecard: Scorecard, text: str, ask: Ask, principal: Principal | None
    ) -> Job:
        until = ask.until or clock.now()
        since = ask.since or until - LAST
        if since >= until:
            raise InvalidInput("The period ends before it begins.", code="rescoring.period")
        if ask.sample is not None and not 1 <= ask.sample <= LARGEST:
            raise InvalidInput(f"A sample is 1 to {LARGEST:,} conversations.", code="rescoring.sample")
        ids = self._find(uow, since, until, principal, scorecard.media, scorecard.queues)
        population, seed = len(ids), None
        if ask.sample is not None and ask.sample < population:
            seed = ask.seed if ask.seed is not None else secrets.randbelow(2**31)
            drawn = set(random.Random(seed).sample(ids, ask.sample))  # noqa: S311  a sample, not a secret
            ids = [each for each in ids if each in drawn]
        wanted = store.Wanted(
            kind=kind, scorecard=scorecard.id, version=scorecard.version, yaml=text, since=since, until=until,
            population=population, seed=seed, by=CLI if principal is None else principal.user_id,
        )  # fmt: skip
        job_id = store.add(uow, wanted, ids)
        self._close(uow, job_id)
        return store.get(uow, job_id)

    def job(self, uow: UnitOfWork, job_id: str, principal: Principal | None) -> Job:
        """One; raises NotFound also for somebody else's simulation, which may reach further than this person."""
        job = store.get(uow, job_id)
        if principal is not None:
            principal.require(Right.SCORECARD_MANAGE)
            if job.kind is Kind.SIMULATE and job.asked_by != principal.user_id:
                whole_house(principal, self._sees_all)
        return job

    def jobs(self, uow: UnitOfWork, scorecard_id: str, principal: Principal | None) -> tuple[Job, ...]:
        """The newest of a scorecard that this person may see."""
        if principal is not None:
            principal.require(Right.SCORECARD_MANAGE)
        found = []
        for job in store.newest(uow, scorecard_id):
            try:
                found.append(self.job(uow, job.id, principal))
            except CandorError:
                continue
        return tuple(found)

    def cancel(self, uow: UnitOfWork, job_id: str, principal: Principal | None) -> Job:
        """Stop it; what was rescored stays. Raises Conflict when it is over."""
        job = self.job(uow, job_id, principal)
        by = (
            whole_house(principal, self._sees_all)
            if job.kind is Kind.RESCORE
            else CLI
            if principal is None
            else principal.user_id
        )
        partial = summarise(store.results(uow, job_id))
        if not store.end(uow, job_id, State.CANCELLED, partial):
            raise Conflict("It is over already.", code="rescoring.over")
        event = Event.RESCORED if job.kind is Kind.RESCORE else Event.SCORECARD_SIMULATED
        audit.record(uow, event, by, subject=f"{job.scorecard}@{job.version}: cancelled")
        return store.get(uow, job_id)

    # -- work ------------------------------------------------------------------------------------------------------

    def work(self, *, until: Callable[[], bool] = lambda: False, only: str | None = None) -> int:
        """Work on jobs (``only`` one) until no part is free or ``until`` says so; returns conversations done."""
        done = 0
        while not until():
            part = self._take(only)
            if part is None:
                return done
            done += self._part(part)
        return done

    def _take(self, only: str | None) -> Part | None:
        with self._database.read() as uow:
            jobs = [only] if only is not None else list(store.running(uow))
        for job_id in jobs:
            with self._database.write() as uow:
                part = store.take(uow, job_id)
                if part is not None:
                    return part
                self._close(uow, job_id)
        return None

    def _part(self, part: Part) -> int:
        job = part.job
        with self._database.read() as uow:
            scorecard = (
                load_scorecard(job.yaml, vocabulary=None)
                if job.yaml
                else scorecards.get_scorecard(uow, job.scorecard, job.version)
            )
            suggested = trust.suggested(uow, scorecard)
        rows, made, skipped = [], [], Counter[str]()
        for conversation_id in part.conversations:
            try:
                with self._database.read() as uow:
                    material = self._scoring.material(uow, conversation_id, [scorecard])
                    before = _before(uow, conversation_id, scorecard.id)
                evaluation = self._scoring.evaluate(scorecard, material, suggested=suggested)
            except (NotFound, Conflict) as refusal:
                skipped[refusal.code] += 1  # destroyed, in quarantine, kept as proof, not processed
                continue
            except CandorError as error:
                _log.warning("a conversation could not be scored", conversation=conversation_id, code=error.code)
                skipped[error.code] += 1
                continue
            made.append(evaluation)
            rows.append(compare(before, evaluation))
        with self._database.write() as uow:
            if not store.deliver(uow, part, add_up(rows, skipped)):
                return 0
            if job.kind is Kind.RESCORE:
                self._keep(uow, made)
            self._close(uow, job.id)
        return len(part.conversations)

    def _keep(self, uow: UnitOfWork, made: Sequence[Evaluation]) -> None:
        for evaluation in made:
            row = transcripts.current(uow, evaluation.conversation_id)
            if row is None or row.id != evaluation.transcript_id or custody.is_held(uow, evaluation.conversation_id):
                continue  # destroyed, set aside or transcribed again since it was read
            scorecards.put_evaluation(uow, evaluation)
            held = scorecards.list_evaluations(uow, evaluation.conversation_id)
            self._reindex(uow, evaluation.conversation_id, held)

    @staticmethod
    def _close(uow: UnitOfWork, job_id: str) -> None:
        """End a job of which nothing is left."""
        if not store.unfinished(uow, job_id):
            store.end(uow, job_id, State.DONE, summarise(store.results(uow, job_id)))


def _before(uow: UnitOfWork, conversation_id: str, scorecard: str) -> Evaluation | None:
    """The automatic evaluation that stands."""
    return next(
        (
            each
            for each in scorecards.list_evaluations(uow, conversation_id)
            if each.source is EvaluationSource.AUTOMATIC and each.scorecard == scorecard
        ),
        None,
    )


def job_of(job: Job) -> dict[str, Any]:
    """A job as plain data, for the doors."""
    return {
        "id": job.id, "kind": job.kind.value, "scorecard": job.scorecard, "version": job.version,
        "since": job.since.isoformat(), "until": job.until.isoformat(), "population": job.population,
        "total": job.total, "seed": job.seed, "state": job.state.value, "done": job.done,
        "finished_at": job.finished_at and job.finished_at.isoformat(), "result": job.result,
    }  # fmt: skip
