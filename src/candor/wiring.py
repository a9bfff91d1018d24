"""The only file that knows every adapter: it opens the rooms and plugs them together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from candor.access.service import Access
from candor.capture.files import Limits
from candor.errors import NotFound
from candor.kit.database import Database, UnitOfWork
from candor.kit.migrations import upgrade
from candor.pipeline.desk import Desk, latest_stages
from candor.pipeline.intake import Intake
from candor.pipeline.runner import Runner
from candor.pipeline.scores import Scores
from candor.pipeline.shelf import Shelf
from candor.pipeline.stages import STAGES, Rooms
from candor.pipeline.worker import Slot, Worker
from candor.redaction.service import Redactor
from candor.replay.model import StageRun
from candor.replay.service import Replay
from candor.scoring import service as scoring
from candor.scoring import store as scorecards
from candor.scoring.model import Scorecard
from candor.services import Services
from candor.settings import Settings, load
from candor.vault import store as vault_store
from candor.vault.adapters.folder import FolderStore
from candor.vault.adapters.local_key import LocalKey, from_key_file, from_passphrase
from candor.vault.service import Vault

if TYPE_CHECKING:
    from fastapi import FastAPI

    from candor.transcript.service import Transcriber


def prepare(settings: Settings) -> None:
    """Make the data folder, bring the database to this version's shape, make the master key at the first start."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_url)
    upgrade(database, settings.data)
    _vault(settings, database)
    with database.write() as uow:
        for name in scoring.builtins():
            scorecards.put_scorecard(uow, scoring.builtin(name), yaml=scoring.builtin_yaml(name))
    database.close()


def open_services(settings: Settings | None = None) -> Services:
    """Every room over one data folder; made ready first when it is new."""
    settings = settings or load()
    if not (settings.data / "candor.db").exists():
        prepare(settings)
    database = Database(settings.database_url)
    upgrade(database, settings.data)
    shelf = Shelf(_vault(settings, database))
    replay = Replay(_Sources(shelf.vault))
    return Services(
        database=database,
        access=Access(session_hours=settings.session_hours),
        replay=replay,
        desk=Desk(database, replay.index),
        scores=Scores(replay.index.rescore),
        intake=Intake(database, shelf, replay.index.enlist, _limits(settings), settings.region),
        shelf=shelf,
        upload_limit=settings.upload_limit,
        https=settings.https,
    )


def application(services: Services) -> FastAPI:
    """The API and the pages as one ASGI application."""
    from candor.api.app import create_api  # noqa: PLC0415  commands that serve nothing need no web framework
    from candor.web.app import create_web  # noqa: PLC0415

    app = create_api(services)
    app.mount("/", create_web(services))
    return app


def make_rooms(settings: Settings, services: Services) -> Rooms:
    """What the pipeline's stages work with."""
    from candor.analysis.adapters import minilm  # noqa: PLC0415  models are for workers alone
    from candor.analysis.adapters.remembering import Remembering  # noqa: PLC0415
    from candor.analysis.service import Analyser  # noqa: PLC0415

    model = minilm.load() if settings.meaning else None
    embed = None if model is None else Remembering(model)
    return Rooms(
        database=services.database,
        shelf=services.shelf,
        limits=_limits(settings),
        transcriber=_transcribers(settings),
        redactor=Redactor(),
        analyser=Analyser(embed),
        embed=embed,
        scorecard=lambda uow: _scorecard(uow, settings.scorecard),
        index=services.replay.index,
        tone=settings.masking == "tone",
    )


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
    return Worker(services.database, engine, slot.executor_id), slot


class _Sources(Shelf):
    """The shelf as find-and-replay asks for it: with where each conversation stands."""

    def stages(self, uow: UnitOfWork, conversation_id: str) -> tuple[StageRun, ...]:
        """Each stage's latest state, in order."""
        return tuple(
            StageRun(
                stage=found, state="waiting", attempts=0, started_at=None, finished_at=None, seconds=None,
                error_code=None, error=None, advice=None,
            )
            if isinstance(found, str)
            else StageRun(
                stage=found.stage, state=found.state, attempts=found.attempts, started_at=found.started_at,
                finished_at=found.finished_at, seconds=found.seconds, error_code=found.error_code, error=found.error,
                advice=found.advice,
            )
            for found in latest_stages(uow, conversation_id)
        )  # fmt: skip


def _vault(settings: Settings, database: Database) -> Vault:
    with database.read() as uow:
        may_create = not vault_store.any_key(uow)
    vault = Vault(FolderStore(settings.data / "objects"), _master_key(settings, may_create=may_create))
    with database.read() as uow:
        vault.prove_master(uow)
    return vault


def _master_key(settings: Settings, *, may_create: bool) -> LocalKey:
    if settings.passphrase is not None:
        secret = settings.passphrase.get_secret_value()
        return from_passphrase(secret, settings.data / "passphrase.json", may_create=may_create)
    return from_key_file(settings.key_file or settings.data / "master.key", may_create=may_create)


def _limits(settings: Settings) -> Limits:
    return Limits(bytes=settings.upload_limit, seconds=settings.longest_hours * 3600)


def _scorecard(uow: UnitOfWork, name: str) -> Scorecard:
    try:
        return scorecards.get_scorecard(uow, name)
    except NotFound:
        return scoring.builtin(name)


def _transcribers(settings: Settings) -> Any:
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
