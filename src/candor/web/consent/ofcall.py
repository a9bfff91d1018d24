"""Consent for one conversation: where it stands, what was decided, what proves it, what the ledger says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from candor.access.model import Right
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger import store
from candor.consent.ledger.model import Line
from candor.conversation.model import Conversation
from candor.kit.database import UnitOfWork
from candor.replay.model import Scope
from candor.web.visit import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCall:
    """What the conversation page shows of consent."""

    custody: Custody | None
    """None when nobody asked: consent was not enforced when it came in."""
    held: bool
    """Nobody may play or read it."""
    shown: bool
    """Whether the viewer may see decision, proof and ledger."""
    may_resolve: bool
    decision: dict[str, Any]
    proof: dict[str, Any]
    lines: tuple[Line, ...]


def of_call(uow: UnitOfWork, visit: Visit, conversation: Conversation) -> OfCall:
    """For whoever may see the conversation itself."""
    shown = visit.principal.may(Right.CONSENT_READ)
    found = custody.get(uow, conversation.id)
    held = found is not None and found.state in {CustodyState.QUARANTINED, CustodyState.DESTROYED}
    lines = store.of_call(uow, conversation_id=conversation.id, call_id=conversation.external_id) if shown else []
    return OfCall(
        custody=found, held=held, shown=shown,
        may_resolve=held and visit.scope == Scope() and visit.principal.may(Right.CONSENT_MANAGE),
        decision=json.loads(found.decision) if shown and found and found.decision else {},
        proof=json.loads(found.proof) if shown and found and found.proof else {},
        lines=tuple(lines),
    )  # fmt: skip
