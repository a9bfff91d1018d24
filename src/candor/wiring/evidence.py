"""Evidence packages, and the certificate that signs them."""

from __future__ import annotations

from candor.audit.log import AuditLog
from candor.errors import InvalidInput
from candor.kit.database import Database
from candor.pipeline.evidence import Evidence
from candor.pipeline.shelf import Shelf
from candor.settings import Settings
from candor.vault.evidence.signing import Signer, read_signer


def make_evidence(settings: Settings, database: Database, shelf: Shelf, log: AuditLog) -> Evidence:
    """What makes packages of this data folder's conversations."""

    def configured() -> Signer | None:
        if settings.evidence_certificate is None:
            return None
        try:
            return read_signer(settings.evidence_certificate.read_bytes())
        except OSError as error:
            raise InvalidInput(
                "The signing certificate cannot be read.", code="evidence.certificate",
                advice="See CANDOR_EVIDENCE_CERTIFICATE.",
            ) from error  # fmt: skip

    return Evidence(database, shelf, log, signer=configured, company=settings.company, stamp=settings.time_stamp_url)
