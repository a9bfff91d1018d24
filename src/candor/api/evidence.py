"""Evidence packages of conversations, and the certificate that signs them."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.replay.model import Scope
from candor.vault.evidence.signing import read_certificates

router = APIRouter(tags=["evidence"])


class Wanted(BaseModel):
    """What for, and for whom."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=1000, description="Kept in the audit log, and in the package.")
    recipient: str | None = Field(
        None, max_length=65_536, description="Certificate (PEM) of the only one who may open it; RSA."
    )


@router.post("/conversations/{conversation_id}/evidence")
def export(conversation_id: str, wanted: Wanted, caller: Caller = needs(Right.EVIDENCE_EXPORT)) -> Response:
    """One archive: signed vCon, original (unmasked) sound, custody, consent, audit proofs, a cover page.

    Sealed as a JWE when a recipient is given. 403 for a quarantined conversation, 404 for one that was destroyed.
    """
    services = caller.services
    if caller.scope != Scope():
        with services.database.read() as uow:
            services.replay.row(uow, conversation_id, caller.scope)  # raises NotFound outside one's reach
    recipient = read_certificates(wanted.recipient.encode())[0] if wanted.recipient else None
    package = services.evidence.export(
        conversation_id, by=caller.principal.user_id, reason=wanted.reason, recipient=recipient
    )
    headers = {"Content-Disposition": f'attachment; filename="{package.name}"', "Cache-Control": "no-store"}
    return StreamingResponse(package.parts, media_type=package.mediatype, headers=headers)


@router.get("/evidence/certificate")
def certificate(caller: Caller = needs(Right.EVIDENCE_EXPORT)) -> PlainTextResponse:
    """The certificate that signs packages, with those above it (PEM), for those who check them."""
    return PlainTextResponse(caller.services.evidence.signer().pem, media_type="application/x-pem-file")
