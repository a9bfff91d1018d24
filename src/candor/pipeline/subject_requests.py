"""Requests of data subjects: taken, looked up over all channels, answered by a copy or by erasure, and closed.

Each step is in the register and in the audit log. Erasure tells of every conversation what became of it and why, in
words that the person can be told; what could not be erased yet is erased as soon as it can (:meth:`resume`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.coaching import library
from candor.consent import custody
from candor.errors import CandorError, Conflict, Forbidden, InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.ids import new_id
from candor.pipeline import coached_persons
from candor.pipeline.disposing import Disposing, Order
from candor.pipeline.holding import Holding
from candor.pipeline.keeping import Keeping
from candor.pipeline.persons import Persons
from candor.pipeline.shelf import Shelf
from candor.pipeline.subject_copy import Copier
from candor.vault import store as vault_store
from candor.vault.disposal.store import Why
from candor.vault.holds import store as holds
from candor.vault.requests import deadlines, people, store
from candor.vault.requests.people import How, IdKind
from candor.vault.requests.store import (
    CipherFor,
    Item,
    ItemState,
    RequestKind,
    RequestState,
    Step,
    Subject,
    SubjectRequest,
)

REMEMBERED = timedelta(days=3 * 365)
"""How long it is remembered who asked, after a request is closed: for disputes about the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for."""

    kind: RequestKind
    name: str
    contact: str = ""
    keys: Sequence[tuple[IdKind, str]] = ()
    place: str | None = None
    """Where they live: ``DE``, ``US-CA``."""
    law: str | None = None
    """Instead of ``place``."""
    received_on: date | None = None


class SubjectRequests:
    """The register's verbs."""

    def __init__(
        self, database: Database, shelf: Shelf, cipher: CipherFor, persons: Persons, disposing: Disposing,
        holding: Holding, keeping: Keeping, *, company: str = "",
    ) -> None:  # fmt: skip
        self._database, self._shelf, self._cipher, self._persons = database, shelf, cipher, persons
        self._disposing, self._holding, self._keeping = disposing, holding, keeping
        self._copier = Copier(database, shelf, company)

    # ---- taking in ----

    def receive(self, asked: Asked, *, by: str) -> SubjectRequest:
        """Put a request into the register and find what is theirs; raises InvalidInput."""
        name, today = asked.name.strip(), clock.now().date()
        received = asked.received_on or today
        if not 1 <= len(name) <= 200 or len(asked.contact) > 300:
            raise InvalidInput("Say who asks, in at most 200 characters.", code="request.name")
        if received > today:
            raise InvalidInput("It cannot have been received in the future.", code="request.day")
        law = deadlines.law(asked.law) if asked.law else deadlines.law_of(asked.place)
        keys = tuple(dict.fromkeys((kind, value.strip()) for kind, value in asked.keys if value.strip()))
        if not keys:
            raise InvalidInput(
                "Say by what they are found.", code="request.person",
                advice="A telephone number, an e-mail address, a name or an account.",
            )  # fmt: skip
        self._persons.backfill()
        with self._database.write() as uow:
            digests = tuple(self._persons.digest(uow, kind, value) for kind, value in keys)
            made = SubjectRequest(
                id=new_id(), number=store.next_number(uow), kind=asked.kind, law=law.id, received_on=received,
                due_on=law.due(received), extended=None, state=RequestState.OPEN, digests=digests, verified=None,
                taken_by=by,
            )  # fmt: skip
            subject = Subject(name=name, contact=asked.contact.strip(), keys=keys)
            store.add(uow, made, subject, self._cipher(uow, made.id, True))
            self._step(
                uow, made, "received", by, f"{law.name}: to be answered by {made.due_on}.", Event.REQUEST_RECEIVED
            )
            self._find(uow, made)
        return made

    def find(self, request_id: str, *, by: str) -> int:
        """Look again; returns how many conversations are new."""
        self._persons.backfill()
        with self._database.write() as uow:
            request = self._open(uow, request_id)
            added = self._find(uow, request)
            if added:
                self._step(uow, request, "found", by, f"{added} more conversations.")
        return added

    def verify(self, request_id: str, *, by: str, how: str) -> None:
        """Note how it was made sure that they are who they say (GDPR art. 12(6))."""
        words = _words(how, "Say how it was made sure who they are.", "request.verified")
        with self._database.write() as uow:
            request = self._open(uow, request_id)
            store.change(uow, request.id, verified=words)
            self._step(uow, request, "verified", by, "It was made sure who they are.")

    def extend(self, request_id: str, *, by: str, until: date, reason: str) -> None:
        """Lengthen the time, once, within the law's bound; the person must be told before the first day is over."""
        words = _words(reason, "Say why it takes longer: the person must be told.", "request.reason")
        with self._database.write() as uow:
            request = self._open(uow, request_id)
            law = deadlines.law(request.law)
            if request.extended is not None:
                raise Conflict("The time was lengthened already.", code="request.extended")
            if clock.now().date() > request.due_on:
                raise Conflict("The time is over: it cannot be lengthened any more.", code="request.extended")
            longest = law.longest(request.received_on)
            if not request.due_on < until <= longest:
                raise InvalidInput(
                    f"By {law.name} the time goes on to {longest} at most.", code="request.day",
                    advice=f"Give a day after {request.due_on}.",
                )  # fmt: skip
            store.change(uow, request.id, due_on=until, extended=words)
            self._step(uow, request, "extended", by, f"To be answered by {until}.")

    def choose(self, request_id: str, conversation_id: str, *, theirs: bool, by: str, reason: str = "") -> None:
        """A person's word on whether a conversation is about them."""
        with self._database.write() as uow:
            request = self._open(uow, request_id)
            item = next((one for one in store.items(uow, request.id) if one.conversation_id == conversation_id), None)
            if item is None:
                raise NotFound("This conversation is not part of the request.", code="request.item")
            if item.state not in {ItemState.FOUND, ItemState.LEFT_OUT}:
                raise Conflict("This conversation was dealt with already.", code="request.done")
            state = ItemState.FOUND if theirs else ItemState.LEFT_OUT
            words = "A person looked: it is theirs." if theirs else "A person looked: it is not theirs."
            store.set_item(uow, request.id, conversation_id, state, words)
            self._step(uow, request, "chosen", by, words, conversation_id=conversation_id, reason=reason or None)

    # ---- answering ----

    def copy(self, request_id: str, *, by: str) -> Iterator[bytes]:
        """The copy, as a ZIP in pieces; everything in it is audited before the first piece. The checks:

        1. The request is open, and it was made sure who asks.
        2. What is quarantined is closed to everybody and stays out.
        """
        with self._database.write() as uow:
            request = self._verified(uow, request_id)  # (1)
            subject = store.subject_of(uow, request.id, self._cipher)
            assert subject is not None  # noqa: S101  it is forgotten after closing only
            given: list[Item] = []
            for item in store.items(uow, request.id):
                if item.state in {ItemState.LEFT_OUT, ItemState.ERASED}:
                    continue
                if custody.is_held(uow, item.conversation_id):  # (2)
                    words = "Closed to everybody for want of consent: not in the copy."
                    store.set_item(uow, request.id, item.conversation_id, item.state, words)
                    continue
                if not register.exists(uow, item.conversation_id):
                    continue
                given.append(item)
                audit.record(
                    uow, Event.REQUEST_EXPORTED, by, conversation_id=item.conversation_id, subject=f"{request.number}"
                )
                if item.state is ItemState.FOUND:
                    store.set_item(uow, request.id, item.conversation_id, ItemState.GIVEN, "In the copy.")
            self._step(uow, request, "copied", by, f"A copy of {_conversations(len(given))} was made.")
        return self._copier.archive(subject, given)

    def erase(self, request_id: str, *, by: str) -> list[Item]:
        """Destroy what is theirs; returns every conversation with what became of it. Raises Forbidden, Conflict.

        The checks: the request is open, asks for erasure, and it was made sure who asks; then :meth:`_exception`
        for each conversation.
        """
        with self._database.write() as uow:
            request = self._verified(uow, request_id)
            if request.kind is not RequestKind.ERASURE:
                raise Conflict("They asked for a copy, not for erasure.", code="request.kind")
            todo = [one for one in store.items(uow, request.id) if one.state in _TO_ERASE]
        self._keeping.classify()
        for item in todo:
            self._erase_one(request, item, by)
        told, waits = self._erase_beside(request, by, clock.now())
        self._disposing.finish()
        with self._database.write() as uow:
            items = store.items(uow, request.id)
            erased = sum(one.state is ItemState.ERASED for one in items)
            excepted = sum(one.state is ItemState.EXCEPTED for one in items)
            self._step(uow, request, "erased", by, f"{_conversations(erased)} destroyed, {excepted} excepted.{told}")
            if waits:
                self._step(uow, request, store.HELD_BACK, by, waits)
        return items

    def close(self, request_id: str, *, by: str, outcome: str) -> None:
        """It is answered; what was told, in words."""
        words = _words(outcome, "Say what the person was told.", "request.outcome")
        with self._database.write() as uow:
            request = self._open(uow, request_id)
            at = clock.to_column(clock.now())
            store.change(uow, request.id, state=RequestState.CLOSED, closed_at=at, closed_by=by, outcome=words)
            self._step(uow, request, "closed", by, "Answered.", Event.REQUEST_CLOSED)

    def resume(self) -> int:
        """Erase what could not be erased before; forget who asked long ago. Returns how many conversations."""
        with self._database.read() as uow:
            items = store.waiting(uow)
            requests = {one.request_id: store.get(uow, one.request_id) for one in items}
        done = 0
        for item in items:
            if item.until is not None and item.until > clock.now().date():
                continue
            done += self._erase_one(requests[item.request_id], item, "system") is ItemState.ERASED
        freed = self._resume_beside()
        if done or freed:
            self._disposing.finish()
        self._forget()
        return done

    # ---- for the doors ----

    def subject(self, uow: UnitOfWork, request_id: str) -> Subject | None:
        """Who asks; None once that was forgotten."""
        return store.subject_of(uow, request_id, self._cipher)

    # ---- inside ----

    def _find(self, uow: UnitOfWork, request: SubjectRequest) -> int:
        found = people.conversations_of(uow, request.digests)
        table = register.conversation
        items = []
        for conversation_id, how in found.items():
            started = uow.execute(table.select().where(table.c.id == conversation_id)).first()
            if started is None:
                continue
            state = ItemState.FOUND if how is How.PARTY else ItemState.LEFT_OUT
            items.append(
                Item(
                    request_id=request.id, conversation_id=conversation_id,
                    started_at=clock.from_column(started.started_at), how=how, state=state, words=_FOUND[how],
                )
            )  # fmt: skip
        return store.put_items(uow, items)

    def _erase_one(self, request: SubjectRequest, item: Item, by: str) -> ItemState:
        """What became of one conversation."""
        order = Order(
            why=Why.REQUEST, by=by, basis=f"Erasure asked for by the person, request {request.number}.",
            request_id=request.id,
        )  # fmt: skip
        with self._database.write() as uow:
            if not register.exists(uow, item.conversation_id):
                words = "It is not here any more."
                store.set_item(uow, request.id, item.conversation_id, ItemState.ERASED, words)
                return ItemState.ERASED
            exception = self._exception(uow, item)
            if exception is not None:
                words, until = exception
                store.set_item(uow, request.id, item.conversation_id, ItemState.EXCEPTED, words, until)
                return ItemState.EXCEPTED
            self._disposing.destroy_in(uow, item.conversation_id, order)
            store.set_item(uow, request.id, item.conversation_id, ItemState.ERASED, "Destroyed.")
        return ItemState.ERASED

    def _erase_beside(self, request: SubjectRequest, by: str, before: datetime) -> tuple[str, str]:
        """What is theirs beside conversations: (what was destroyed, what a legal hold keeps), in words or empty.

        Training copies that outlived their conversation, and of an agent the coaching.
        """
        order = Order(
            why=Why.REQUEST, by=by, basis=f"Erasure asked for by the person, request {request.number}.",
            request_id=request.id,
        )  # fmt: skip
        with self._database.write() as uow:
            found = library.copies_of(uow, request.digests, before)
            free = [one for one in found if not holds.is_about(uow, library.persons(uow, one))]
            copies = self._disposing.destroy_copies(uow, free, order)
            agents = coached_persons.agents_of(uow, self._persons.index, request.digests)
            held = bool(agents) and holds.is_about(uow, request.digests)
            coaching = self._disposing.destroy_coaching(uow, () if held else agents, before, order)
        told = f" {copies} training copies destroyed." if copies else ""
        if coaching:
            told += (
                f" Of them as an agent: {len(coaching.sessions)} coaching sessions, {len(coaching.plans)} plans, "
                f"{coaching.courses} records of courses destroyed."
            )
        kept = [f"{len(found) - len(free)} training copies"] if len(found) > len(free) else []
        kept += ["their coaching as an agent"] if held else []
        return told, f"Kept until a legal hold is over: {', '.join(kept)}." if kept else ""

    def _resume_beside(self) -> int:
        """Look again at what a legal hold kept; returns of how many requests all of it is gone now."""
        with self._database.read() as uow:
            waiting = store.held_back(uow)
        freed = 0
        for request, since in waiting:
            told, waits = self._erase_beside(request, "system", since)
            if not waits:
                freed += 1
                with self._database.write() as uow:
                    self._step(uow, request, store.LET_GO, "system", told.strip() or "Nothing was left to destroy.")
        return freed

    def _exception(self, uow: UnitOfWork, item: Item) -> tuple[str, date | None] | None:
        """Why a conversation may not be erased (yet), and until when where that is known. The checks:

        1. No legal hold covers it (GDPR art. 17(3)(e)).
        2. No law obliges us to keep it still (art. 17(3)(b)).
        """
        try:
            self._holding.require_free(uow, item.conversation_id)  # (1)
        except Conflict:
            return (
                "It is needed for legal claims and is under a legal hold (GDPR art. 17(3)(e)). It is destroyed when "
                "the hold is over."
            ), None
        kept = self._keeping.of(uow, item.conversation_id)
        if kept is not None and kept[0].facts.min_days is not None:  # (2)
            facts, until = kept[0].facts, (kept[1] + timedelta(days=kept[0].facts.min_days)).date()
            if until > clock.now().date():
                return (
                    f"The law obliges us to keep it for {facts.min_days} days, until {until} (GDPR art. 17(3)(b)). It "
                    "is destroyed then."
                ), until
        return None

    def _forget(self) -> None:
        limit = clock.now() - REMEMBERED
        with self._database.write() as uow:
            for one in store.listed(uow, state=RequestState.CLOSED, limit=10_000):
                if one.closed_at is not None and one.closed_at < limit and self._remembers(uow, one.id):
                    store.forget_subject(uow, one.id)
                    vault_store.drop_key(uow, one.id)

    def _remembers(self, uow: UnitOfWork, request_id: str) -> bool:
        try:
            return store.subject_of(uow, request_id, self._cipher) is not None
        except CandorError:
            return False

    @staticmethod
    def _open(uow: UnitOfWork, request_id: str) -> SubjectRequest:
        found = store.get(uow, request_id)
        if found.state is not RequestState.OPEN:
            raise Conflict("This request is closed.", code="request.closed")
        return found

    def _verified(self, uow: UnitOfWork, request_id: str) -> SubjectRequest:
        found = self._open(uow, request_id)
        if not found.verified:
            raise Forbidden(
                "Nobody has made sure yet who they are.", code="request.unverified",
                advice="Note how their identity was verified first (GDPR art. 12(6)).",
            )  # fmt: skip
        return found

    @staticmethod
    def _step(
        uow: UnitOfWork, request: SubjectRequest, what: str, by: str, words: str, event: Event = Event.REQUEST_CHANGED,
        *, conversation_id: str | None = None, reason: str | None = None,
    ) -> None:  # fmt: skip
        store.add_step(uow, request.id, Step(at=clock.now(), by=by, what=what, words=words))
        audit.record(
            uow, event, by, subject=f"{request.number} {what}", conversation_id=conversation_id, reason=reason
        )  # fmt: skip


_TO_ERASE = frozenset({ItemState.FOUND, ItemState.GIVEN, ItemState.EXCEPTED})
_FOUND = {
    How.PARTY: "They took part.",
    How.STAFF: "They took part for the company: look whether it is theirs.",
    How.SAID: "Their data was said in it, perhaps by somebody else: look whether it is theirs.",
}


def _words(text: str, advice: str, code: str) -> str:
    found = text.strip()
    if len(found) < 3:
        raise InvalidInput(advice, code=code, advice="Nothing was changed.")
    return found[:1000]


def _conversations(number: int) -> str:
    return "1 conversation" if number == 1 else f"{number} conversations"
