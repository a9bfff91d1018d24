"""Workers: the stages, what they work with, and the chores beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candor.conversation.model import Conversation
from candor.kit.database import UnitOfWork
from candor.pipeline.chores import Chores, Periodic
from candor.pipeline.runner import Runner
from candor.pipeline.stages import STAGES, Rooms
from candor.pipeline.worker import Slot, Worker
from candor.redaction.service import Redactor, default_detectors
from candor.scoring import service as scoring
from candor.scoring import store as scorecards
from candor.scoring.model import Scorecard
from candor.services import Services
from candor.settings import Settings, fetch_no_models
from candor.wiring.coaching import coaching_chores
from candor.wiring.consent import make_prover
from candor.wiring.judging import judging_chores
from candor.wiring.keeping import keeping_chores
from candor.wiring.opening import open_services
from candor.wiring.quality import quality_chores
from candor.wiring.recording import limits_of, make_collector, make_watcher
from candor.wiring.scorecards import rescoring_chores
from candor.wiring.scoring import embedder

if TYPE_CHECKING:
    from candor.transcript.service import Transcriber


def make_rooms(settings: Settings, services: Services) -> Rooms:
    """What the pipeline's stages work with."""
    from candor.analysis.service import Analyser  # noqa: PLC0415  models are for workers alone

    embed = embedder() if settings.meaning else None
    return Rooms(
        database=services.database,
        shelf=services.shelf,
        limits=limits_of(settings),
        transcriber=transcribers(settings),
        redactor=make_redactor(settings),
        analyser=Analyser(embed),
        scoring=services.scoring,
        scorecards=partial(in_use, settings.scorecard),
        index=services.replay.index,
        tone=settings.masking == "tone",
        residual_check=settings.residual_check,
        prover=make_prover(settings, services),
        note_said=services.persons.note_said,
        purpose=settings.purpose,
    )


def make_chores(settings: Settings, services: Services) -> Chores:
    """What a worker looks after beside the stages."""
    return Chores(
        make_collector(settings, services), make_watcher(settings, services), services.completeness,
        services.consenting, Periodic("audit", 60.0, services.audit_log.tend), *keeping_chores(settings, services),
        *coaching_chores(services),
        *rescoring_chores(services),
        *judging_chores(services), *quality_chores(services),
    )  # fmt: skip


def make_runner(settings: Settings, services: Services) -> Runner[Rooms]:
    """Performs the product's stages."""
    return Runner(services.database, make_rooms(settings, services), STAGES, services.replay.index)


def make_worker(settings: Settings) -> tuple[Worker, Slot]:
    """One worker of this machine, with its durable engine and the slot that it holds."""
    from candor.pipeline.adapters.dbos_engine import DbosEngine  # noqa: PLC0415  takes a second to import

    services = open_services(settings)
    slot = Slot(settings.data / "run")
    engine = DbosEngine(
        make_runner(settings, services),
        settings.engine_url,
        slot.executor_id,
        attempts=settings.retry_attempts,
        first_pause=settings.retry_pause,
    )
    with services.database.write() as uow:
        services.shelf.vault.sweep(uow)
    return Worker(services.database, engine, slot.executor_id, make_chores(settings, services)), slot


def in_use(name: str, uow: UnitOfWork, conversation: Conversation) -> tuple[Scorecard, ...]:
    """The active scorecards for conversations of this medium and queue, the house's own (``name``) last.

    It is last so that it is the one that the list shows. One that ships is used also before it was ever kept; one
    that was retired is not.
    """
    active = scorecards.list_scorecards(uow)
    if not scorecards.known(uow, name):
        active += (scoring.builtin(name),)
    fitting = [each for each in active if each.used_for(conversation.medium, conversation.queue)]
    return tuple(sorted(fitting, key=lambda each: each.id == name))


def make_redactor(settings: Settings) -> Redactor:
    """The rules, and Presidio where it is asked for."""
    if settings.presidio is None:
        return Redactor()
    from candor.redaction.adapters.presidio import detector  # noqa: PLC0415  an extra

    fetch_no_models()
    return Redactor((*default_detectors(), detector(settings.presidio)))


def transcribers(settings: Settings) -> Any:
    """Recognisers by what a run asks for; each is loaded once a process, at its first use."""
    from candor.transcript.adapters import build  # noqa: PLC0415

    @lru_cache(maxsize=4)
    def made(engine: str, model: str | None, beam: int) -> Transcriber:
        path = Path(model) if model and Path(model).is_dir() else None
        return build(
            engine,
            beam=beam,
            model=None if path else model,
            model_folder=path,
            device=settings.device,
            vocabulary=settings.vocabulary,
        )

    def choose(options: Mapping[str, Any]) -> Transcriber:
        engine = options.get("engine") or settings.engine
        model = options.get("model") or (settings.model if engine == settings.engine else None)
        return made(engine, model, int(options.get("beam") or settings.beam))

    return choose
