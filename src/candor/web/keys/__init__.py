"""Master keys and backups: which key seals, where it is, how far an exchange is, when the last backup was verified."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from candor.access.model import Right
from candor.errors import Forbidden
from candor.kit import clock
from candor.pipeline.backup import store as backups
from candor.pipeline.backup.store import Made
from candor.replay.model import Scope
from candor.vault.keys import register, rotation
from candor.web.i18n import N_, _
from candor.web.render import renderer_of
from candor.web.visit import CurrentVisit

router = APIRouter()

KIND = {
    "file": N_("Key file"),
    "passphrase": N_("Passphrase"),
    "vault": N_("HashiCorp Vault"),
    "aws": N_("AWS KMS"),
    "gcp": N_("Google Cloud KMS"),
    "azure": N_("Azure Key Vault"),
    "pkcs11": N_("Security module (PKCS#11)"),
}
_OLD = timedelta(days=2)
"""A last backup older than this is worth a word."""


@router.get("/keys")
def page(request: Request, visit: CurrentVisit) -> Response:
    """The page."""
    visit.principal.require(Right.KEYS_READ)
    if visit.scope != Scope():
        raise Forbidden(_("Keys are shown to those who see all conversations."))
    ring = visit.services.shelf.vault.keys
    with visit.services.database.read() as uow:
        states, latest, made = register.states(uow, ring), rotation.latest(uow), backups.newest(uow)
    return renderer_of(request).page(
        request, "keys/page.html", states=states, sealing=states[0], rotation=latest, backups=made, kinds=KIND,
        lost=[state for state in states if state.objects and not state.configured],
        left=sum(state.objects for state in states if state.configured and not state.seals),
        old=bool(made) and clock.now() - made[0].finished_at > _OLD, outcome=outcome,
    )  # fmt: skip


def outcome(made: Made) -> tuple[str, str]:
    """(tone, words) of what verifying it found."""
    if made.faults is None:
        return "attention", _("not verified")
    if made.faults:
        return "bad", _("%(number)s faults") % {"number": made.faults}
    return "good", _("whole")
