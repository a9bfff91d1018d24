"""Erasing a conversation: its keys first, so that no copy of what was sealed opens any more, then every row of it.

Everything here happens in one unit of work: a process that is killed has erased all of it or nothing. The bytes, which
nobody can open any more, are noted as remains and removed once that is committed.

What outlives it are records that it was there, and they name nobody: the audit log, the consent ledger, where its
consent stood, what watched places and call lists know of it, the tombstone, and what requests and holds did with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from candor.kit.database import UnitOfWork, metadata
from candor.pipeline import parting, store
from candor.vault import store as vault_store
from candor.vault.disposal import store as disposals
from candor.vault.service import Vault

GO_WITH_IT = (
    "stage_run", "run", "artifact", "redaction_span_count", "utterance_vector", "analysis", "evaluation", "transcript",
    "evaluation_assignment", "evaluation_form", "evaluation_reply", "dispute_question", "dispute",
    "agreement_pair", "calibration_conversation", "rescoring_conversation",
    "subject_key", "subject_noted", "retention_entry", "disposal_item", "hold_conversation", "reveal", "conversation",
)  # fmt: skip
"""Tables whose rows of the conversation go, in this order."""
BY_ITS_ROOM = frozenset({"clip"})
"""What :func:`candor.pipeline.parting.part_with` destroys, or lets stay as a copy with an end of its own."""
OUTLIVE = frozenset(
    {
        "audit_event", "audit_entry", "consent_line", "conversation_consent", "watched_file", "discrepancy",
        "tombstone", "request_item",
    }
)  # fmt: skip
"""Tables that name conversations and whose rows stay; objects and keys are the vault's to destroy."""
OBJECT, RUN, SEARCH = "object", "run", "search"
"""Kinds of remains: sealed bytes, what the engine remembers of a run, words in the pages of the search."""


class Listing(Protocol):
    """The list and the search."""

    def remove(self, uow: UnitOfWork, conversation_id: str) -> None:
        """Take a conversation out; nothing happens for one that is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was destroyed of a conversation."""

    objects: tuple[dict[str, Any], ...]
    """Of each sealed object: id, kind, size in bytes, and the digest of its plaintext where one was kept."""
    sha512: str | None
    """Of the original bytes; None for a conversation that is not there."""


def erase(uow: UnitOfWork, listing: Listing, conversation_id: str, *, copies_stay: bool = False) -> Erased:
    """Keys and rows, all in ``uow``; nothing happens for a conversation that is not there.

    ``copies_stay``: training copies whose time is not over stay behind.
    """
    parting.part_with(uow, conversation_id, copies_stay=copies_stay)
    sealed = vault_store.sealed_object
    rows = uow.execute(sa.select(sealed).where(sealed.c.conversation_id == conversation_id)).all()
    for row in rows:
        vault_store.drop_key(uow, row.id)
    vault_store.drop_key(uow, conversation_id)  # of its small sealed fields
    disposals.add_remains(uow, OBJECT, [row.id for row in rows])
    disposals.add_remains(uow, RUN, _runs(uow, conversation_id))
    if not disposals.remains(uow, SEARCH, 1):
        disposals.add_remains(uow, SEARCH, [SEARCH])
    registered = metadata.tables["conversation"]
    sha512 = uow.execute(sa.select(registered.c.sha512).where(registered.c.id == conversation_id)).scalar()
    listing.remove(uow, conversation_id)
    for name in GO_WITH_IT:
        table = metadata.tables[name]
        column = table.c.conversation_id if "conversation_id" in table.c else table.c.id
        uow.execute(sa.delete(table).where(column == conversation_id))
    uow.execute(sealed.delete().where(sealed.c.conversation_id == conversation_id))
    objects = tuple(
        {"id": row.id, "kind": row.kind, "size": row.size} | ({"sha512": row.sha512} if row.sha512 else {})
        for row in rows
    )
    return Erased(objects=objects, sha512=sha512)


def remove_bytes(uow: UnitOfWork, vault: Vault) -> int:
    """Remove sealed bytes whose keys are gone; returns how many. Repeating it, after a crash too, harms nothing."""
    removed = 0
    while names := disposals.remains(uow, OBJECT):
        for name in names:
            vault.objects.delete(name)
        disposals.drop_remains(uow, OBJECT, names)
        removed += len(names)
    return removed


def _runs(uow: UnitOfWork, conversation_id: str) -> list[str]:
    return list(uow.execute(sa.select(store.run.c.id).where(store.run.c.conversation_id == conversation_id)).scalars())
