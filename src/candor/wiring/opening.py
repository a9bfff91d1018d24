"""Every room over one data folder, plugged together."""

from __future__ import annotations

from datetime import timedelta

from candor.access.model import UserRole
from candor.capture.watch.reading import read_places
from candor.consent import custody
from candor.conversation.evaluation import Evaluation
from candor.conversation.finding import Analysis
from candor.conversation.transcript import Redaction
from candor.kit.database import Database, UnitOfWork
from candor.kit.migrations import upgrade
from candor.pipeline.backup.restoring import refuse_half_restored
from candor.pipeline.completeness import Completeness
from candor.pipeline.desk import Desk, latest_stages
from candor.pipeline.intake import Intake
from candor.pipeline.places import Places
from candor.pipeline.revealing import Revealing
from candor.pipeline.scorecards import Scorecards
from candor.pipeline.scores import Scores
from candor.pipeline.shelf import Shelf
from candor.pipeline.telephony import PhoneSystems, Telephony
from candor.redaction.policy import read_policy
from candor.replay.model import StageRun
from candor.replay.service import Replay
from candor.services import Services
from candor.settings import Settings, load
from candor.wiring.access import make_access, make_groups, make_provider
from candor.wiring.asking import recorder_client
from candor.wiring.audit import make_audit_log
from candor.wiring.coaching import make_coached
from candor.wiring.consent import (
    house,
    law_gate,
    make_announcing,
    make_consent,
    make_consenting,
    make_workplaces,
    said_of_house,
)
from candor.wiring.evidence import make_evidence
from candor.wiring.judging import ByScope, make_judging
from candor.wiring.keeping import enlisting, make_kept
from candor.wiring.keys import make_vault
from candor.wiring.quality import make_quality
from candor.wiring.recording import limits_of
from candor.wiring.scorecards import keep_builtins, make_rescoring, sees_all
from candor.wiring.scoring import make_scoring


def prepare(settings: Settings) -> None:
    """Make the data folder, bring the database to this version's shape, make the master key at the first start."""
    refuse_half_restored(settings.data)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_url)
    upgrade(database, settings.data)
    make_vault(settings, database)
    with database.write() as uow:
        keep_builtins(uow)
    database.close()


def open_services(settings: Settings | None = None, *, restoring: bool = False) -> Services:
    """Every room over one data folder; made ready first when it is new.

    Raises Incomplete while the folder is being restored, except to the restore itself (``restoring``).
    """
    settings = settings or load()
    if not restoring:
        refuse_half_restored(settings.data)
    if not (settings.data / "candor.db").exists():
        prepare(settings)
    database = Database(settings.database_url)
    upgrade(database, settings.data)
    shelf = Shelf(make_vault(settings, database))
    replay = Replay(Sources(shelf.vault))
    access = make_access(settings, shelf.vault)
    law = law_gate(settings, database, shelf.vault)
    kept = make_kept(
        database, shelf, replay, data=settings.data, access=access, house=said_of_house(settings),
        gate=law, company=settings.company,
        four_eyes=settings.disposal_approval == "four-eyes", copies_stay=settings.training_copy_days > 0,
    )  # fmt: skip
    scoring = make_scoring(settings, database, shelf, kept.persons)
    audit_log = make_audit_log(settings, database, shelf.vault, kept.holding.require_free)
    consent = make_consent(settings)
    consenting = make_consenting(settings, database, shelf.vault, replay.index, kept.disposing)
    judging = make_judging(settings, database, shelf, replay, access)
    announcing = make_announcing(settings, database, shelf.vault)
    return Services(
        database=database,
        access=access,
        groups=make_groups(settings),
        provider=make_provider(settings),
        audit_log=audit_log,
        evidence=make_evidence(settings, database, shelf, audit_log),
        replay=replay,
        desk=Desk(database, replay.index),
        scores=Scores(replay.index.rescore),
        scoring=scoring,
        scorecards=Scorecards(sees_all),
        rescoring=make_rescoring(database, scoring, replay),
        intake=Intake(
            database,
            shelf,
            enlisting(replay, kept),
            limits_of(settings),
            settings.region,
            ledger=consenting.ledger,
            purpose=settings.purpose,
            destroyed=kept.disposing.was_destroyed,
        ),
        **vars(kept),
        **vars(make_coached(settings, database, shelf, replay, access, law, consenting.ledger)),
        **judging,
        **make_quality(settings, database, shelf.vault, access, ByScope(access, replay), judging["evaluating"]),
        shelf=shelf,
        revealing=Revealing(
            shelf, timedelta(minutes=settings.reveal_minutes), read_policy(settings.reveal_kinds, UserRole)
        ),
        completeness=Completeness(database, shelf, region=settings.region, zone=settings.zone),
        places=Places(read_places(settings.watch)),
        consent=consent,
        consenting=consenting,
        announcing=announcing,
        workplaces=make_workplaces(settings, database, consent, consenting, shelf.vault),
        telephony=Telephony(
            database,
            consent,
            consenting,
            announcing,
            house(settings) if settings.establishment else None,
            PhoneSystems(
                public_url=settings.public_url,
                hosts=frozenset(host.lower() for host in settings.telephony_hosts),
                twilio={name: token.get_secret_value() for name, token in settings.twilio_tokens.items()},
            ),
        ),
        house=said_of_house(settings),
        enforced=settings.consent == "enforce",
        recorder=recorder_client(settings),
        records=settings.recorder,
        upload_limit=settings.upload_limit,
        https=settings.https,
    )


class Sources(Shelf):
    """The shelf as find-and-replay asks for it: with where each stands, and closed where that is barred."""

    def redaction(self, uow: UnitOfWork, conversation_id: str) -> Redaction | None:
        """Nothing of a quarantined conversation."""
        return None if custody.is_held(uow, conversation_id) else super().redaction(uow, conversation_id)

    def analysis(self, uow: UnitOfWork, conversation_id: str) -> Analysis | None:
        """Nothing of a quarantined conversation."""
        return None if custody.is_held(uow, conversation_id) else super().analysis(uow, conversation_id)

    def evaluations(self, uow: UnitOfWork, conversation_id: str) -> tuple[Evaluation, ...]:
        """Nothing of a quarantined conversation."""
        return () if custody.is_held(uow, conversation_id) else super().evaluations(uow, conversation_id)

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
