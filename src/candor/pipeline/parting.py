"""Clips go with their conversation, but for sealed copies that the policy of the house lets stay for a while.

Whatever destroys passes here: disposal of a conversation, a purpose that allows no use any more, a request for erasure
of a copy that stands alone, and the copy's own end. Keys are destroyed in the unit of work; bytes are noted as remains.
"""

from __future__ import annotations

from collections.abc import Iterable

from candor.coaching import library
from candor.kit import clock
from candor.kit.database import UnitOfWork
from candor.vault import store as vault_store
from candor.vault.disposal import store as disposals
from candor.vault.requests import people

_OBJECT = "object"
"""The kind of remains that sealed bytes are (:mod:`candor.pipeline.erasing`)."""


def part_with(uow: UnitOfWork, conversation_id: str, *, copies_stay: bool) -> None:
    """A conversation goes: its clips go with it, but for copies that the policy lets stay."""
    stays: list[str] = []
    if copies_stay:
        stays = library.stay(uow, conversation_id, clock.now().date())
    for clip_id in stays:
        # A request for erasure and a legal hold find the copy by these, when the conversation is gone.
        library.put_persons(uow, clip_id, people.digests_in(uow, conversation_id))
    forget(uow, [each for each in library.clips_of(uow, conversation_id) if each not in stays])


def forget(uow: UnitOfWork, ids: Iterable[str]) -> int:
    """Destroy clips, with their copies; returns how many."""
    wanted = list(ids)
    copies = library.drop_clips(uow, wanted)
    for copy in copies:
        vault_store.drop_key(uow, copy)
        uow.execute(vault_store.sealed_object.delete().where(vault_store.sealed_object.c.id == copy))
    for clip_id in wanted:
        vault_store.drop_key(uow, clip_id)
    disposals.add_remains(uow, _OBJECT, copies)
    return len(wanted)
