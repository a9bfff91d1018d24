"""What the law asks of a call: the engine, the ledger, the gate, the announcements, what phone systems ask."""

from __future__ import annotations

from datetime import timedelta

from candor.consent.announcements.adapters import ALL as SYNTHESISERS
from candor.consent.ledger.service import CipherFor, Ledger
from candor.consent.model import UnknownLeg
from candor.consent.service import Consent
from candor.errors import InvalidInput
from candor.kit.database import Database
from candor.pipeline.announcing import Announcing
from candor.pipeline.consenting import Consenting
from candor.pipeline.disposing import Disposing
from candor.pipeline.gate import ConsentGate, House
from candor.pipeline.proving import Prover
from candor.pipeline.workplaces import Workplaces
from candor.replay.index import Index
from candor.services import Services
from candor.settings import Settings
from candor.vault.adapters.folder import FolderStore
from candor.vault.service import Vault
from candor.wiring.asking import recorder_client
from candor.wiring.keys import key_ring


def make_gate(settings: Settings) -> ConsentGate | None:
    """Who says whether a call may be recorded; None where nobody is asked."""
    if settings.consent == "off":
        return None
    database = Database(settings.database_url)
    vault = Vault(FolderStore(settings.data / "objects"), key_ring(settings, database, may_create=False))
    gate = ConsentGate(database, make_consent(settings), make_ledger(vault), house(settings))
    gate.warm()
    return gate


def make_prover(settings: Settings, services: Services) -> Prover | None:
    if settings.consent == "off":
        return None
    ledger = services.consenting.ledger
    gate = ConsentGate(services.database, services.consent, ledger, house(settings))
    keep = timedelta(days=settings.quarantine_days)
    return Prover(services.database, gate, ledger, purpose=settings.purpose, keep=keep, beep=settings.beep_hertz)


def house(settings: Settings) -> House:
    if settings.establishment is None:
        raise InvalidInput(
            "Consent cannot be enforced: where the business is established is not known.",
            code="settings.missing",
            advice="Set CANDOR_ESTABLISHMENT, such as DE or US-TX; `candor consent rules` lists the places.",
        )
    return said_of_house(settings)


def said_of_house(settings: Settings) -> House:
    return House(
        purpose=settings.purpose, establishment=settings.establishment, recorder=settings.recorder_location,
        agent_location=settings.agent_location or settings.establishment, sectors=settings.sectors,
        unknown=UnknownLeg(settings.unknown_leg), region=settings.region, undecided=settings.undecided,
    )  # fmt: skip


def make_consent(settings: Settings) -> Consent:
    return Consent(stale_months=settings.rules_stale_months, region=settings.region)


def make_ledger(vault: Vault) -> Ledger:
    return Ledger(ledger_cipher(vault))


def ledger_cipher(vault: Vault) -> CipherFor:
    return lambda uow, create: vault.fields(uow, "consent-ledger", create=create)


def make_announcing(settings: Settings, database: Database, vault: Vault) -> Announcing:
    wanted = settings.synthesiser
    return Announcing(
        database, settings.announced, ledger_cipher(vault), languages=settings.announcement_languages,
        synthesisers=[one for one in SYNTHESISERS if wanted in ("auto", one.name)],
    )  # fmt: skip


def make_workplaces(
    settings: Settings, database: Database, consent: Consent, consenting: Consenting, vault: Vault
) -> Workplaces:
    return Workplaces(database, consent, consenting, said_of_house(settings), vault, ledger_cipher(vault))


def law_gate(settings: Settings, database: Database, vault: Vault) -> ConsentGate | None:
    """Who says what the law asks of a conversation, enforced or not; None where the house has no place."""
    if settings.establishment is None:
        return None
    return ConsentGate(database, make_consent(settings), make_ledger(vault), said_of_house(settings))


def make_consenting(
    settings: Settings, database: Database, vault: Vault, index: Index, disposing: Disposing
) -> Consenting:
    return Consenting(
        database, make_ledger(vault), recorder_client(settings), vault, index,
        keep=timedelta(days=settings.quarantine_days), region=settings.region, disposing=disposing,
    )  # fmt: skip
