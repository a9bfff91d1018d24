"""How unmasking stands for the viewer of a conversation, and the conversation's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from candor.access.model import Right
from candor.access.reveals import Grant
from candor.audit import service as audit
from candor.audit.service import Event
from candor.kit.database import UnitOfWork
from candor.web.i18n import N_, _, gettext
from candor.web.visit import Visit

HAPPENED: Mapping[str, str] = {
    Event.OPENED: N_("Opened"),
    Event.PLAYED: N_("Played, masked"),
    Event.OPENED_ORIGINAL: N_("Opened unmasked"),
    Event.REVEAL_GRANTED: N_("Unmasking asked for"),
    Event.REVEAL_ENDED: N_("Unmasking ended early"),
    Event.EXPORTED: N_("Exported"),
    Event.OVERRIDDEN: N_("Answer overridden"),
    Event.FORM_OPENED: N_("Evaluation begun"),
    Event.EVALUATED: N_("Evaluated"),
    Event.EVALUATION_RELEASED: N_("Evaluation released"),
    Event.EVALUATION_ACKNOWLEDGED: N_("Evaluation acknowledged"),
    Event.EVALUATION_COMMENTED: N_("Evaluation commented on"),
    Event.ASSIGNED: N_("Evaluation assigned"),
    Event.DISPUTE_OPENED: N_("Evaluation disputed"),
    Event.DISPUTE_DECIDED: N_("Dispute decided"),
    Event.RETRIED: N_("Processed again"),
    Event.IMPORTED: N_("Imported"),
    Event.CALL_STEERED: N_("Recording steered"),
    Event.QUARANTINE_RESOLVED: N_("Quarantine resolved"),
    Event.EVIDENCE_EXPORTED: N_("Evidence exported"),
    Event.HOLD_PLACED: N_("Legal hold placed"),
    Event.HOLD_RELEASED: N_("Legal hold released"),
}
_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of a conversation's history."""

    at: datetime
    what: str
    who: str
    subject: str
    reason: str
    unmasked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealing:
    """How unmasking stands for the viewer."""

    may: bool
    grant: Grant | None
    shown: bool
    """Whether this very page shows the unmasked."""
    minutes: int
    history: tuple[Happened, ...] | None
    """None for those who may not see it."""
    error: str = ""
    reason: str = ""


def revealing_of(uow: UnitOfWork, visit: Visit, conversation_id: str) -> Revealing:
    """For the masked page."""
    may, whole = visit.principal.may(Right.CONVERSATION_REVEAL), visit.principal.may(Right.CONVERSATION_HISTORY)
    minutes = round(visit.services.revealing.lasts.total_seconds() / 60)
    return Revealing(
        may=may, grant=visit.services.revealing.current(uow, conversation_id, visit.principal) if may else None,
        shown=False, minutes=minutes, history=_history(uow, visit, conversation_id) if whole else None,
    )  # fmt: skip


def _history(uow: UnitOfWork, visit: Visit, conversation_id: str) -> tuple[Happened, ...]:
    names = {user.id: user.name or user.login for user in visit.services.access.users(uow)}
    return tuple(
        Happened(
            at=line.at, what=gettext(HAPPENED[line.event]) if line.event in HAPPENED else str(line.event),
            who=names.get(line.actor) or (_("A command on the machine") if line.actor == "cli" else line.actor),
            subject=line.subject or "", reason=line.reason or "",
            unmasked=line.event in (Event.OPENED_ORIGINAL, Event.REVEAL_GRANTED),
        )
        for line in audit.entries(uow, conversation_id, limit=_MOST)
    )  # fmt: skip
