"""Simulations and rescoring: asked for by people, worked on by any process, ended exactly once."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from candor.access.model import Principal, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.consent import custody
from candor.conversation.evaluation import Evaluation
from candor.conversation.model import Medium
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline.scorecards import CLI, SeesAll, whole_house
from candor.pipeline.scoring import Made, Material, Scoring
from candor.scoring import automatic
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
Reindex = Callable[[UnitOfWork, Mapping[str, tuple[Evaluation, ...]]], None]
"""Take over, into the list, what stands of conversations now."""
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

    def retry(self, uow: UnitOfWork, job_id: str, principal: Principal | None) -> Job:
        """Judge anew what a job has set aside: another job, of the same kind and version. Raises Conflict for none."""
        job = self.job(uow, job_id, principal)
        by = CLI if principal is None else principal.user_id
        if job.kind is Kind.RESCORE:
            by = whole_house(principal, self._sees_all)
            if scorecards.get_scorecard(uow, job.scorecard).version != job.version:
                raise Conflict(
                    "Another version is in use by now.", code="rescoring.other_version",
                    advice="Rescore with it instead: what was set aside is in the period too.",
                )  # fmt: skip
        ids = store.take_aside(uow, job_id)
        if not ids:
            raise Conflict("Nothing was set aside.", code="rescoring.none_aside")
        wanted = store.Wanted(
            kind=job.kind, scorecard=job.scorecard, version=job.version, yaml=job.yaml, since=job.since,
            until=job.until, population=len(ids), seed=None, by=by,
        )  # fmt: skip
        event = Event.RESCORED if job.kind is Kind.RESCORE else Event.SCORECARD_SIMULATED
        audit.record(uow, event, by, subject=f"{job.scorecard}@{job.version}: {len(ids)} conversations again")
        return store.get(uow, store.add(uow, wanted, ids))

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

    def help(self) -> bool:
        """Work on one part; whether there was one, and there may be more."""
        part = self._take(None)
        if part is not None:
            self._part(part)
        return part is not None

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
        job, seen = part.job, _Seen()
        with self._database.read() as uow:
            scorecard = (
                load_scorecard(job.yaml, vocabulary=None)
                if job.yaml
                else scorecards.get_scorecard(uow, job.scorecard, job.version)
            )
            suggested = trust.suggested(uow, scorecard)
            ready: dict[str, Material] = {}
            for one in part.conversations:
                with seen.refusals(one):
                    ready[one] = self._scoring.material(uow, one, [scorecard])
            before = automatic.before(uow, ready, scorecard.id)
        held_since = part.taken_at
        for one, material in ready.items():
            with seen.refusals(one):
                found = self._scoring.evaluate(scorecard, material, suggested=suggested)
                seen.made += found
                for evaluation, _ in found:
                    earlier = before.get((one, evaluation.segment)) or before.get((one, None))
                    seen.rows.append(compare(earlier, evaluation))
            if clock.now() - held_since > store.HELD / 3:
                held_since = clock.now()
                with self._database.write() as uow:
                    if not store.go_on(uow, part):
                        return 0  # cancelled, or another has it
        with self._database.write() as uow:
            if not store.deliver(uow, part, add_up(seen.rows, seen.skipped), seen.failed):
                return 0
            if job.kind is Kind.RESCORE:
                self._keep(uow, scorecard, seen.made)
            self._close(uow, job.id)
        return len(part.conversations)

    def _keep(self, uow: UnitOfWork, scorecard: Scorecard, made: Sequence[Made]) -> None:
        ids = {one.evaluation.conversation_id for one in made}
        current, held = transcripts.current_ids(uow, ids), custody.held_among(uow, ids)
        # Those that were destroyed, set aside or transcribed again since they were read are left out.
        still = [
            one
            for one in made
            if current.get(one.evaluation.conversation_id) == one.evaluation.transcript_id
            and one.evaluation.conversation_id not in held
        ]
        whose = {one.evaluation.id: one.agent_id for one in still}
        kept = automatic.put_all(uow, scorecard, [one.evaluation for one in still], whose)
        self._reindex(uow, automatic.standing(uow, {one.conversation_id for one in kept}, kept))

    @staticmethod
    def _close(uow: UnitOfWork, job_id: str) -> None:
        """End a job of which nothing is left."""
        if not store.unfinished(uow, job_id):
            store.end(uow, job_id, State.DONE, summarise(store.results(uow, job_id)))


@dataclass(slots=True)
class _Seen:
    """What came of the conversations of a part."""

    made: list[Made] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    """Destroyed, in quarantine, kept as proof, not processed: by reason."""
    failed: dict[str, str] = field(default_factory=dict)
    """Conversation → code of the error; they are tried again."""

    @contextmanager
    def refusals(self, conversation_id: str) -> Iterator[None]:
        """One conversation must not stop the others, whatever is wrong with it."""
        try:
            yield
        except (NotFound, Conflict, Forbidden) as refusal:
            self.skipped[refusal.code] += 1
        except CandorError as error:
            self._note(conversation_id, error.code)
        except Exception as error:  # noqa: BLE001  a fault of ours, too, is about this one alone
            self._note(conversation_id, f"rescoring.{type(error).__name__}"[:64])

    def _note(self, conversation_id: str, code: str) -> None:
        _log.warning("a conversation could not be scored", conversation=conversation_id, code=code)
        self.failed[conversation_id] = code


def job_of(job: Job) -> dict[str, Any]:
    """A job as plain data, for the doors."""
    return {
        "id": job.id, "kind": job.kind.value, "scorecard": job.scorecard, "version": job.version,
        "since": job.since.isoformat(), "until": job.until.isoformat(), "population": job.population,
        "total": job.total, "seed": job.seed, "state": job.state.value, "done": job.done,
        "waiting": job.waiting,
        "set_aside": [
            {"conversation": one.conversation_id, "code": one.code, "attempts": one.attempts} for one in job.aside
        ],
        "finished_at": job.finished_at and job.finished_at.isoformat(), "result": job.result,
    }  # fmt: skip
