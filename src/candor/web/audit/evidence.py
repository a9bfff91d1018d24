"""Taking a conversation along as evidence, from its page."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse

from candor.access.model import Right
from candor.replay.model import Scope
from candor.vault.evidence.signing import read_certificates
from candor.web.visit import CurrentVisit, Posted

router = APIRouter()


@router.post("/conversations/{conversation_id}/evidence")
def export(conversation_id: str, visit: CurrentVisit, form: Posted) -> Response:
    """The package as a download: ``reason``, and ``recipient`` (a certificate) to seal it."""
    visit.principal.require(Right.EVIDENCE_EXPORT)
    services = visit.services
    if visit.scope != Scope():
        with services.database.read() as uow:
            services.replay.row(uow, conversation_id, visit.scope)  # raises NotFound outside one's reach
    given = str(form.get("recipient") or "").strip()
    recipient = read_certificates(given.encode())[0] if given else None
    package = services.evidence.export(
        conversation_id, by=visit.principal.user_id, reason=str(form.get("reason") or "")[:1000], recipient=recipient
    )
    headers = {"Content-Disposition": f'attachment; filename="{package.name}"'}
    return StreamingResponse(package.parts, media_type=package.mediatype, headers=headers)


@router.get("/evidence/certificate.pem")
def certificate(visit: CurrentVisit) -> Response:
    """The certificate that signs packages, for those who check them."""
    visit.principal.require(Right.EVIDENCE_EXPORT)
    headers = {"Content-Disposition": 'attachment; filename="candor-evidence.pem"'}
    return Response(visit.services.evidence.signer().pem, media_type="application/x-pem-file", headers=headers)
