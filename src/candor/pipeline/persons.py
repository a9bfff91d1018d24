"""Who is in a conversation, noted in the blind index: at intake, when text is redacted, and in batches for the rest."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from candor.capture import store as register
from candor.capture.files.metadata import number as e164
from candor.conversation.model import Conversation, Role
from candor.conversation.transcript import PiiKind, Redaction, Transcript
from candor.errors import CandorError, InvalidInput
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline.shelf import Shelf
from candor.vault.requests import people
from candor.vault.requests.people import How, IdKind, People

_SAID = {
    PiiKind.ACCOUNT: IdKind.ACCOUNT, PiiKind.IBAN: IdKind.ACCOUNT, PiiKind.EMAIL: IdKind.EMAIL,
    PiiKind.PHONE: IdKind.NUMBER,
}  # fmt: skip
_STAFF = frozenset({Role.AGENT, Role.SUPERVISOR})
_BATCH = 500
_SHORTEST = 4
"""Characters of an account or number that was said, for it to tell one person from another."""
_log = get_logger("persons")


class Persons:
    """Fills and asks the index."""

    def __init__(self, database: Database, shelf: Shelf, index: People, region: str | None = None) -> None:
        """``region``: ISO 3166 country of numbers without +."""
        self._database, self._shelf, self.index, self._region = database, shelf, index, region

    def digest(self, uow: UnitOfWork, kind: IdKind, value: str) -> str:
        """Of what a person gave; raises InvalidInput for what can be nobody's, without repeating it."""
        text = value.strip()
        if kind is IdKind.NUMBER:
            text = e164(text[:64], self._region)
        if not people.normal(kind, text) or len(text) > 255 or (kind is IdKind.EMAIL and "@" not in text):
            raise InvalidInput(f"That is no {_CALLED[kind]}.", code="request.person")
        return self.index.person(uow, kind, text)

    def note(self, uow: UnitOfWork, conversation: Conversation) -> None:
        """Everybody who took part."""
        self.index.note(uow, conversation.id, self._parties(conversation))

    def note_said(
        self, uow: UnitOfWork, conversation_id: str, transcript: Transcript, redaction: Redaction
    ) -> None:  # fmt: skip
        """Accounts, numbers and addresses that were said, as far as the redaction knows them."""
        found = [
            (_SAID[span.kind], _words(transcript, span.utterance, span.first_word, span.last_word), How.SAID)
            for span in redaction.spans
            if span.kind in _SAID
        ]
        told = [
            (kind, e164(value, self._region) if kind is IdKind.NUMBER else value, how)
            for kind, value, how in found
            if len(people.normal(kind, value)) >= _SHORTEST
        ]
        self.index.note(uow, conversation_id, told)

    def ensure(self, uow: UnitOfWork, conversation_id: str) -> None:
        """Have the index know who took part in one conversation; nothing happens for one that is not there."""
        if register.exists(uow, conversation_id) and not people.is_noted(uow, conversation_id):
            self.note(uow, self._shelf.conversation(uow, conversation_id))

    def backfill(self, most: int = 10_000) -> int:
        """Note conversations from before there was an index, in batches; returns how many. Safe to be killed."""
        done = 0
        passed: set[str] = set()
        table, noted = register.conversation, people.subject_noted
        missing = ~sa.exists().where(noted.c.conversation_id == table.c.id)
        while done < most:
            with self._database.write() as uow:
                query = sa.select(table.c.id).where(missing, table.c.id.not_in(passed)).order_by(table.c.id)
                ids = list(uow.execute(query.limit(_BATCH)).scalars())
                for one in ids:
                    try:
                        self.note(uow, self._shelf.conversation(uow, one))
                    except CandorError as error:  # one that cannot be opened does not keep the others out
                        passed.add(one)
                        _log.warning("a conversation's people are not noted", conversation=one, code=error.code)
            done += len(ids)
            if len(ids) < _BATCH:
                break
        return done - len(passed)

    def _parties(self, conversation: Conversation) -> Iterator[tuple[IdKind, str, How]]:
        for party in conversation.parties:
            how = How.STAFF if party.role in _STAFF else How.PARTY
            if party.tel:
                yield IdKind.NUMBER, e164(party.tel, self._region), how
            if party.mailto:
                yield IdKind.EMAIL, party.mailto, how
            if party.name:
                yield IdKind.NAME, party.name, how
            if party.agent_id:
                yield IdKind.ACCOUNT, party.agent_id, how


_CALLED = {
    IdKind.NUMBER: "telephone number", IdKind.EMAIL: "e-mail address", IdKind.NAME: "name",
    IdKind.ACCOUNT: "account or agent's id",
}  # fmt: skip


def _words(transcript: Transcript, utterance: int, first: int, last: int) -> str:
    said = transcript.utterances[utterance]
    words = [word.text for word in said.words] or said.text.split(" ")
    return " ".join(words[first : last + 1]).strip(".,!? ")
