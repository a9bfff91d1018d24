"""What was destroyed, and its certificates."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from candor.errors import NotFound
from candor.vault.disposal import store
from candor.web.consent.common import names
from candor.web.keeping import common
from candor.web.visit import CurrentVisit

router = APIRouter()

_LISTED = 200


@router.get("/retention/destroyed")
def destroyed(request: Request, visit: CurrentVisit) -> Response:
    """The newest, and every certificate."""
    common.check(visit)
    with visit.services.database.read() as uow:
        stones, certificates = store.newest(uow, _LISTED), store.certificates(uow)
        keys, people = list(store.public_keys(uow)), names(visit, uow)
    return common.page(
        request, visit, "destroyed.html", listed=_LISTED, stones=stones, certificates=certificates, signers=keys,
        people=people,
    )  # fmt: skip


@router.get("/retention/certificates/{certificate_id}")
def certificate(certificate_id: str, visit: CurrentVisit) -> Response:
    """One certificate, to take along."""
    common.check(visit)
    with visit.services.database.read() as uow:
        signed = store.signed(uow, certificate_id)
    if signed is None:
        raise NotFound("There is no such certificate.", code="disposal.certificate")
    headers = {"Content-Disposition": f'attachment; filename="certificate-{certificate_id}.jws"'}
    return Response(signed, media_type="application/jose", headers=headers)
