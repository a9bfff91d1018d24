"""For what a recording may be used: one that is kept as proof, or by a duty to record, is not analysed or scored.

GDPR art. 5(1)(b): not for a purpose that is incompatible with the one it was collected for; WpHG § 83(9), StGB
(Switzerland) art. 179quinquies say so of such recordings in particular.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from candor.consent import custody
from candor.kit.database import UnitOfWork, metadata
from candor.pipeline import parting
from candor.vault.holds import store as holds

PROOF = frozenset({"transaction_proof", "documentation", "dispute_evidence"})
"""Purposes of the rule pack for which nobody listens to judge or to learn."""
_DUTY = "must_record_"
_USES = (
    "utterance_vector", "analysis", "evaluation", "evaluation_assignment", "evaluation_form", "evaluation_reply",
    "dispute_question", "dispute", "agreement_pair", "calibration_conversation", "rescoring_conversation",
)  # fmt: skip


def only_kept(uow: UnitOfWork, conversation_id: str, purpose: str = "quality") -> bool:
    """Whether it is not to be analysed or scored; ``purpose``: the house's, where nothing was decided."""
    held = custody.get(uow, conversation_id)
    decision: dict[str, Any] = json.loads(held.decision) if held and held.decision else {}
    purpose = str(decision.get("purpose") or purpose)
    return purpose in PROOF or purpose.startswith(_DUTY)


def may_train(uow: UnitOfWork, conversation_id: str, purpose: str = "quality") -> bool:
    """Whether people may learn from it: it is there, nobody doubts its consent, and no other purpose closes it."""
    registered = metadata.tables["conversation"]
    there = uow.execute(sa.select(registered.c.id).where(registered.c.id == conversation_id)).first() is not None
    return there and not custody.is_held(uow, conversation_id) and not only_kept(uow, conversation_id, purpose)


def forget_uses(uow: UnitOfWork, *, conversation_id: str) -> None:
    """Let go of what an earlier run made of it for other purposes; not under a legal hold."""
    if holds.is_held(uow, conversation_id):
        return
    parting.part_with(uow, conversation_id, copies_stay=False)
    for name in _USES:
        table = metadata.tables[name]
        uow.execute(sa.delete(table).where(table.c.conversation_id == conversation_id))
