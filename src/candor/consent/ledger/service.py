"""The ledger's verbs: write, look up, let expire, verify; and the list of people who are never recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from candor.consent.ledger import chain, store
from candor.consent.ledger.model import (
    ConsentEvent,
    Entry,
    Line,
    Method,
    Proof,
    Standing,
    Whose,
    hint_of,
    pseudonym,
    standing,
)
from candor.errors import InvalidInput, NotFound
from candor.kit import clock
from candor.kit.database import UnitOfWork


class Cipher(Protocol):
    """Seals small fields (the vault)."""

    def seal(self, field: str, plain: bytes) -> bytes:
        """Bound to the field's name."""

    def open(self, field: str, sealed: bytes) -> bytes:
        """Raises Damaged when it was changed or sealed for another place."""


CipherFor = Callable[[UnitOfWork, bool], Cipher]
"""The ledger's cipher; True: make its key when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom a word is from."""

    whose: Whose
    name: str
    """A number in E.164, an agent's id, or a site's name."""


_OF_ONE_CALL = frozenset({ConsentEvent.ANNOUNCED, ConsentEvent.INHERITED})
_NO = frozenset({ConsentEvent.REFUSED, ConsentEvent.WITHDRAWN})


class Ledger:
    """One ledger in one database."""

    def __init__(self, cipher: CipherFor) -> None:
        self._cipher = cipher
        self._secret: bytes | None = None

    # ---- people ----

    def subject(self, uow: UnitOfWork, person: Person) -> str:
        """The person's pseudonym; in a unit of work that writes, the first use makes the secret."""
        return pseudonym(self._the_secret(uow), person.whose, person.name)

    def _the_secret(self, uow: UnitOfWork) -> bytes:
        if self._secret is None:
            sealed = store.secret(uow)
            if sealed is None:
                fresh = os.urandom(32)
                store.put_secret(uow, self._cipher(uow, True).seal("secret", fresh))
                # Not remembered before it is committed: the unit of work may yet be rolled back.
                return fresh
            self._secret = self._cipher(uow, False).open("secret", sealed)
        return self._secret

    # ---- lines ----

    def write(self, uow: UnitOfWork, entry: Entry, person: Person | None = None) -> Line:
        """Append; ``person`` gives the entry its pseudonym and hint."""
        if person is not None:
            if person.whose is not entry.whose:
                raise InvalidInput("The entry is about somebody else.", code="consent.subject")
            entry = replace(entry, subject=self.subject(uow, person), hint=hint_of(person.whose, person.name))
        if entry.subject is None and entry.conversation_id is None and entry.call_id is None:
            raise InvalidInput(
                "A word needs a person or a call.",
                code="consent.subject",
                advice="Give a telephone number, an agent's id, a conversation's id or the phone system's call id.",
            )
        return store.append(uow, entry)

    def of_person(self, uow: UnitOfWork, person: Person) -> list[Line]:
        """Everything about one person, oldest first."""
        return store.of_subject(uow, self.subject(uow, person)) if self._known(uow) else []

    def of_subject(self, uow: UnitOfWork, subject: str) -> list[Line]:
        """The same by pseudonym."""
        return store.of_subject(uow, subject)

    def standing_of_person(
        self, uow: UnitOfWork, person: Person, *, at: datetime | None = None, purpose: str | None = None
    ) -> Standing:
        """How it stands with a person's consent; REFUSED for one who is on the list of the never recorded."""
        lasting = self._lasting_words(uow, person)
        return Standing.REFUSED if lasting is None else standing(lasting, at or clock.now(), purpose)

    def given_by(self, uow: UnitOfWork, person: Person, purposes: Iterable[str]) -> set[str]:
        """Which of these purposes or prerequisites a person has agreed to or met, as it stands now."""
        lasting, now = self._lasting_words(uow, person), clock.now()
        return {one for one in purposes if lasting and standing(lasting, now, one) is Standing.GIVEN}

    def _lasting_words(self, uow: UnitOfWork, person: Person) -> list[Entry] | None:
        """What a person has said for more than one call; None for one who is never recorded."""
        if not self._known(uow):
            return []
        subject = self.subject(uow, person)
        if store.is_refused(uow, subject):
            return None
        return [line.entry for line in store.of_subject(uow, subject) if _lasting(line.entry)]

    def standing_of_call(
        self, uow: UnitOfWork, *, conversation_id: str | None = None, call_id: str | None = None,
        whose: Whose = Whose.CALLER, after: datetime | None = None, explicit: bool = False,
    ) -> Standing:  # fmt: skip
        """How it stands on one call, by what was said on it (``after`` a moment); every no counts, whenever it was.

        ``explicit``: going on after a notice is no yes.
        """
        lines = store.of_call(uow, conversation_id=conversation_id, call_id=call_id)
        told = [line.entry for line in lines if line.entry.whose is whose]
        if explicit:
            told = [one for one in told if one.method is not Method.WENT_ON]
        kept = [one for one in told if after is None or one.at >= after or one.event in _NO]
        return standing(kept, clock.now())

    def expire(self, uow: UnitOfWork) -> list[Line]:
        """Write down what has expired and was not written down yet; returns those lines."""
        now, written = clock.now(), list[Line]()
        for line in store.expiring(uow, now):
            entry = line.entry
            if entry.subject is not None:
                about = store.of_subject(uow, entry.subject)
            else:
                about = store.of_call(uow, conversation_id=entry.conversation_id, call_id=entry.call_id)
            if not any(one.number > line.number and _instead(one.entry, entry) for one in about):
                expired = replace(
                    entry, at=entry.expires_at or now, event=ConsentEvent.EXPIRED, method=Method.NONE, expires_at=None,
                    proof=Proof(reference=f"line {line.number}"), actor="system",
                )  # fmt: skip
                written.append(store.append(uow, expired))
            store.looked_at(uow, line.number)
        return written

    def verify(self, uow: UnitOfWork) -> chain.Checked:
        """Walk the whole chain."""
        return chain.check(store.walk(uow))

    # ---- who is never recorded ----

    def never_record(self, uow: UnitOfWork, person: Person, *, by: str, reason: str) -> None:
        """Put a person on the list; nothing changes when they are on it."""
        if not reason.strip():
            raise InvalidInput("Say why this person is not to be recorded.", code="consent.reason")
        store.never_record(
            uow, self.subject(uow, person), hint=hint_of(person.whose, person.name), by=by, reason=reason.strip()
        )

    def may_record_again(self, uow: UnitOfWork, person: Person) -> None:
        """Take a person off the list; raises NotFound for one who is not on it."""
        if not self._known(uow) or not store.may_record_again(uow, self.subject(uow, person)):
            raise NotFound("Nobody of that number is on the list.", code="consent.not_listed")

    def _known(self, uow: UnitOfWork) -> bool:
        """Whether anybody was ever written down."""
        return self._secret is not None or store.secret(uow) is not None


def _instead(later: Entry, entry: Entry) -> bool:
    """Whether a later word stands in place of an earlier one: of the same side, and for all that it held for."""
    if later.event in _OF_ONE_CALL or later.whose is not entry.whose:
        return False
    return not later.covers or (bool(entry.covers) and set(entry.covers) <= set(later.covers))


def _lasting(entry: Entry) -> bool:
    """Whether a word holds beyond the call on which it was said: what is in writing or by contract, and every no.

    A yes by key or voice, and going on after a notice, is for that call.
    """
    beyond = entry.method in {Method.WRITTEN, Method.CONTRACT} and entry.event not in _OF_ONE_CALL
    no = entry.event in {ConsentEvent.REFUSED, ConsentEvent.WITHDRAWN, ConsentEvent.EXPIRED}
    return beyond or (no and entry.conversation_id is None and entry.call_id is None)
