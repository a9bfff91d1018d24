"""Destroying a conversation for good, over all rooms, in one order: ask the hold, destroy the keys, tell, remove bytes.

The one way by which a conversation leaves: retention, erasure on request and quarantine all end here. A process may be
killed at any moment: before the unit of work is committed nothing has happened, after it nothing can be opened any
more, and what is left to remove (sealed bytes, the engine's memory, the tombstone's line) is noted and done next time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.coaching import library
from candor.consent import custody
from candor.errors import Conflict, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork, cut_log
from candor.kit.ids import new_id
from candor.kit.log import get_logger
from candor.pipeline import coached_persons, erasing, parting
from candor.pipeline.coached_persons import Forgotten
from candor.vault.disposal import store, tombstones
from candor.vault.disposal.certificate import FORMAT, METHOD, Signer
from candor.vault.disposal.store import Issued, Tombstone, Why
from candor.vault.service import Vault

PER_CERTIFICATE = 10_000
_log = get_logger("disposing")


class Guard(Protocol):
    """Who says whether a conversation may be destroyed."""

    def require_free(self, uow: UnitOfWork, conversation_id: str) -> None:
        """Raises Conflict while a legal hold covers it."""


class Digests(Protocol):
    """Blind digests of contents."""

    def content(self, uow: UnitOfWork, sha512: str) -> str:
        """Of a recording, by its own digest."""


class Listing(erasing.Listing, Protocol):
    """The list and the search."""

    def cleanse(self, uow: UnitOfWork) -> bool:
        """Make words of what was removed vanish from the search's pages, a piece a call; whether more is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Why something is destroyed, and on whose word."""

    why: Why
    by: str
    basis: str
    """In a sentence that names nobody: the schedule's basis, the request, what was missing."""
    reason: str | None = None
    """What a person wrote; it is kept in the audit log alone, where it can be erased."""
    schedule: str | None = None
    due_at: datetime | None = None
    approved_by: str | None = None
    request_id: str | None = None


class Disposing:
    """Destroys and certifies."""

    def __init__(
        self, database: Database, vault: Vault, listing: Listing, *, guard: Guard | None = None,
        digests: Digests | None = None, signer: Signer | None = None, file: Path | None = None, company: str = "",
        names: Callable[[UnitOfWork], dict[str, str]] | None = None, copies_stay: bool = False,
    ) -> None:  # fmt: skip
        """``file``: where tombstones lie beside the database; ``names``: what people call users, by id.

        ``copies_stay``: training copies may outlive a conversation whose time is over.
        """
        self._copies_stay = copies_stay
        self._database, self._vault, self._listing, self._guard = database, vault, listing, guard
        self._digests, self._signer, self._file, self._company = digests, signer, file, company
        self._names = names or (lambda _uow: {})

    def destroy(self, conversation_id: str, order: Order) -> Tombstone:
        """Destroy one now; raises NotFound, Conflict while a legal hold covers it.

        The caller calls :meth:`finish` when it has destroyed all that it wanted to.
        """
        with self._database.write() as uow:
            stone = self.destroy_in(uow, conversation_id, order)
        self._remove()
        return stone

    def destroy_in(self, uow: UnitOfWork, conversation_id: str, order: Order, *, again: bool = False) -> Tombstone:
        """The same inside a unit of work. The checks:

        1. It is there; of what is quarantined the word on it may be all that there is.
        2. No legal hold covers it, unless it was destroyed before (``again``: it came back with a backup).
        """
        if order.why is not Why.QUARANTINE and not register.exists(uow, conversation_id):  # (1)
            raise NotFound("There is no such conversation.", code="conversation.not_found")
        if self._guard is not None and not again:  # (2)
            self._guard.require_free(uow, conversation_id)
        call_id = register.external_id(uow, conversation_id)
        copies_stay = self._copies_stay and order.why is Why.RETENTION
        erased = erasing.erase(uow, self._listing, conversation_id, copies_stay=copies_stay)
        held = custody.get(uow, conversation_id)
        if held is not None:
            custody.destroyed(uow, conversation_id, call_id=call_id, why=order.basis)
        content = self._digests.content(uow, erased.sha512) if self._digests and erased.sha512 else None
        stone = Tombstone(
            conversation_id=conversation_id, at=clock.now(), why=order.why, content=content, by=order.by,
            approved_by=order.approved_by, basis=order.basis, schedule=order.schedule, due_at=order.due_at,
            request_id=order.request_id, objects=erased.objects,
        )  # fmt: skip
        store.put_tombstone(uow, stone)
        event = Event.QUARANTINE_DESTROYED if order.why is Why.QUARANTINE else Event.DISPOSED
        subject = None if order.why is Why.QUARANTINE else str(order.why)
        reason = order.reason or order.basis
        audit.record(uow, event, order.by, conversation_id=conversation_id, subject=subject, reason=reason)
        return stone

    def destroy_copies(self, uow: UnitOfWork, clips: Sequence[str], order: Order) -> int:
        """Destroy training copies that stand alone; each gets a tombstone of its own, so that no backup brings it back.

        Returns how many. The caller calls :meth:`finish`.
        """
        for clip_id in clips:
            objects = library.copy_objects(uow, clip_id)
            parting.forget(uow, [clip_id])
            self._bury(uow, clip_id, order, objects)
            audit.record(uow, Event.CLIP_COPY_DESTROYED, order.by, subject=f"{order.why} {clip_id}")
        return len(clips)

    def destroy_coaching(self, uow: UnitOfWork, agents: Sequence[str], before: datetime, order: Order) -> Forgotten:
        """Destroy the coaching of agents from until then; sessions and plans get tombstones, as copies do.

        The caller calls :meth:`finish`.
        """
        gone = coached_persons.forget(uow, agents, before)
        for one in (*gone.sessions, *gone.plans):
            self._bury(uow, one, order, ({"id": one, "kind": "coaching"},))
            audit.record(uow, Event.COACHING_CHANGED, order.by, subject=f"{one} {order.why}")
        return gone

    @staticmethod
    def _bury(uow: UnitOfWork, one: str, order: Order, objects: tuple[dict[str, Any], ...]) -> None:
        """Leave a tombstone of what was no conversation."""
        store.put_tombstone(
            uow,
            Tombstone(
                conversation_id=one, at=clock.now(), why=order.why, content=None, by=order.by,
                approved_by=order.approved_by, basis=order.basis, schedule=order.schedule, due_at=order.due_at,
                request_id=order.request_id, objects=objects,
            ),
        )  # fmt: skip

    def finish(self, patience: float = 2.0) -> list[Issued]:
        """What belongs to destroying and need not be in the same moment; safe to repeat, and after a crash.

        The bytes go, the search forgets its words (for ``patience`` seconds: a large index takes longer, and a chore
        goes on with it), the write-ahead log is cut, so that no wrapped key is left on the disk, tombstones are filed,
        and what has no certificate yet gets one.
        """
        self._remove()
        self._cleanse(patience)
        cut_log(self._database.engine)
        self.file_tombstones()
        return self._certify()

    def file_tombstones(self) -> int:
        """Put tombstones into the file beside the database that are not there yet; returns how many."""
        if self._file is None:
            return 0
        filed = 0
        while True:
            with self._database.read() as uow:
                stones = store.unfiled(uow)
            if not stones:
                return filed
            tombstones.append(self._file, stones)
            with self._database.write() as uow:
                store.set_filed(uow, [stone.conversation_id for stone in stones])
            filed += len(stones)

    def was_destroyed(self, uow: UnitOfWork, sha512: str) -> None:
        """Raise Conflict for bytes that a destroyed conversation was made of: they are not taken in again."""
        if self._digests is None or not store.any_stone(uow):
            return
        stone = store.by_content(uow, self._digests.content(uow, sha512))
        if stone is not None:
            raise Conflict(
                f"This recording was here and was destroyed ({_WORDS[stone.why]}): it is not taken in again.",
                code="conversation.destroyed",
                advice="Where it must be kept after all, somebody with the right lifts its tombstone, with a reason: "
                "candor retention lift.",
            )

    def reapply(self, stones: Sequence[Tombstone], *, by: str = "restore") -> int:
        """Destroy again what a restored backup has brought back; returns how many conversations that were."""
        again = 0
        for stone in stones:
            with self._database.write() as uow:
                if register.exists(uow, stone.conversation_id):
                    order = Order(why=stone.why, by=by, basis="It was destroyed before the backup was restored.")
                    self.destroy_in(uow, stone.conversation_id, order, again=True)
                    again += 1
                else:
                    store.put_tombstone(uow, stone)
                    parting.forget(uow, library.alone(uow, stone.conversation_id))  # a training copy's own
                    coached_persons.drop(uow, stone.conversation_id)
        if stones:
            self.finish()
        return again

    def lift(self, uow: UnitOfWork, sha512: str, *, by: str, reason: str) -> None:
        """Let a recording be taken in again; raises NotFound when none of these bytes was destroyed."""
        content = self._digests.content(uow, sha512) if self._digests is not None else ""
        stone = store.by_content(uow, content)
        if stone is None:
            raise NotFound("No recording of these bytes was destroyed.", code="disposal.none")
        store.forget_content(uow, content)
        audit.record(
            uow, Event.DISPOSED, by, conversation_id=stone.conversation_id, subject="lifted", reason=reason
        )  # fmt: skip

    def _cleanse(self, patience: float) -> None:
        until = time.monotonic() + patience
        while time.monotonic() < until:
            with self._database.write() as uow:
                if not store.remains(uow, erasing.SEARCH, 1):
                    return
                if not self._listing.cleanse(uow):
                    store.drop_remains(uow, erasing.SEARCH, [erasing.SEARCH])

    def _remove(self) -> None:
        with self._database.write() as uow:
            erasing.remove_bytes(uow, self._vault)

    def _certify(self) -> list[Issued]:
        issued: list[Issued] = []
        while self._signer is not None:
            with self._database.write() as uow:
                stones = store.uncertified(uow, PER_CERTIFICATE)
                if not stones:
                    break
                first = stones[0]
                alike = [one for one in stones if _group(one) == _group(first)]
                issued.append(self._issue(uow, alike))
        return issued

    def _issue(self, uow: UnitOfWork, stones: list[Tombstone]) -> Issued:
        """One certificate for what was destroyed on one word."""
        assert self._signer is not None  # noqa: S101  whoever calls has looked
        first, names = stones[0], self._names(uow)
        made = Issued(
            id=new_id(), issued_at=clock.now(), why=first.why, conversations=len(stones),
            objects=sum(len(one.objects) for one in stones), approved_by=first.approved_by,
        )  # fmt: skip
        payload: dict[str, Any] = {
            "format": FORMAT, "id": made.id, "issued_at": made.issued_at.isoformat(), "company": self._company,
            "why": first.why, "method": METHOD, "ordered_by": _named(first.by, names),
            "approved_by": _named(first.approved_by, names), "request": first.request_id,
            "conversations": [_told(one) for one in stones],
        }  # fmt: skip
        signed = self._signer.sign(uow, payload)
        store.put_certificate(uow, made, signed, [one.conversation_id for one in stones])
        audit.record(uow, Event.DISPOSAL_CERTIFIED, "system", subject=made.id)
        _log.info("a certificate of destruction was issued", certificate=made.id, conversations=made.conversations)
        return made


class Opened(Protocol):
    """The services of a data folder, as far as they are asked for here."""

    @property
    def disposing(self) -> Disposing:
        """Who destroys."""


def reapply(services: Opened, stones: Sequence[Tombstone]) -> int:
    """For restoring: destroy again what a backup has brought back; returns how many conversations that were."""
    return services.disposing.reapply(stones)


_WORDS = {
    Why.RETENTION: "its time was over", Why.REQUEST: "on request of the person",
    Why.QUARANTINE: "without proof of consent",
}  # fmt: skip


def _group(stone: Tombstone) -> tuple[object, ...]:
    return stone.why, stone.by, stone.approved_by, stone.request_id


def _named(user: str | None, names: dict[str, str]) -> dict[str, str] | None:
    return None if user is None else {"id": user} | ({"name": names[user]} if user in names else {})


def _told(stone: Tombstone) -> dict[str, Any]:
    told: dict[str, Any] = {
        "conversation": stone.conversation_id, "destroyed_at": stone.at.isoformat(), "basis": stone.basis,
        "schedule": stone.schedule, "due_at": stone.due_at and stone.due_at.isoformat(),
        "objects": list(stone.objects),
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}
