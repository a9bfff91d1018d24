"""Consent and what it does: words written down and obeyed, proofs looked for, quarantine, destruction.

Rooms meet here: the ledger and the custody of conversations (consent), the recorder (capture), what is held (vault,
index) and the runs that go on or do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import store as register
from candor.capture.control import RecorderClient
from candor.capture.files.metadata import number as e164
from candor.capture.model import CallFacts
from candor.consent import custody
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger.model import ConsentEvent, Entry, Line, Method, Proof, Whose
from candor.consent.ledger.service import Ledger, Person
from candor.errors import CandorError, Conflict, InvalidInput, NotFound, Unavailable
from candor.kit.database import Database, UnitOfWork
from candor.kit.log import get_logger
from candor.pipeline import store
from candor.pipeline.disposing import Disposing, Order
from candor.pipeline.disposing import Listing as Destroyable
from candor.pipeline.gate import on_the_line
from candor.pipeline.runner import Marker
from candor.pipeline.store import RunState
from candor.vault.disposal.store import Why
from candor.vault.service import Vault

_NO = frozenset({ConsentEvent.REFUSED, ConsentEvent.WITHDRAWN})
_YES = frozenset({ConsentEvent.GIVEN, ConsentEvent.INHERITED})
_LONGEST_QUOTE = 300
_log = get_logger("consent")


class Listing(Marker, Destroyable, Protocol):
    """The list of conversations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of a word."""

    line: Line
    recorder: str
    """``opened``, ``closed``, ``waiting`` (for others' yes), ``not_recording`` or ``away``."""
    quarantined: tuple[str, ...] = ()
    """Conversations that are held, and that nobody may play any more."""


class Consenting:
    """Writes words down and makes them count."""

    def __init__(
        self, database: Database, ledger: Ledger, recorder: RecorderClient, vault: Vault, listing: Listing, *,
        keep: timedelta, region: str | None = None, disposing: Disposing | None = None,
    ) -> None:  # fmt: skip
        """``keep``: how long a quarantined conversation waits for a person before it is destroyed.

        ``region``: ISO 3166 country of numbers without +; ``disposing``: who destroys, and asks legal holds first.
        """
        self._disposing = disposing or Disposing(database, vault, listing)
        self.region = region
        self._database, self.ledger, self._recorder = database, ledger, recorder
        self._vault, self._listing, self.keep = vault, listing, keep

    def caller(self, number: str) -> Person:
        """Who has a telephone number; raises InvalidInput for what is none, without repeating it."""
        found = e164(number, self.region)
        if not found.startswith("+"):
            raise InvalidInput(
                "That is no telephone number.",
                code="consent.number",
                advice="Write it with its country code (+49…), or set CANDOR_REGION for national ones.",
            )
        return Person(whose=Whose.CALLER, name=found)

    def hear(self, entry: Entry, person: Person | None = None) -> Heard:
        """Write a word down, then have the recorder and what is held obey it.

        A no about a call that is over quarantines what is held of it; one about a person, everything of theirs that
        consent was the ground for (level 4). Raises InvalidInput for a word that says too little.
        """
        with self._database.write() as uow:
            line = self.ledger.write(uow, entry, person)
            quarantined = self._take_effect(uow, line.entry) if line.entry.event in _NO else ()
        return Heard(line=line, recorder=self._tell(line.entry), quarantined=quarantined)

    def overheard(self, facts: CallFacts, *, quote: str, start: datetime, stop: datetime, language: str) -> Heard:
        """A customer has objected while the call is recorded: in the ledger with words and place, then obeyed."""
        line = on_the_line(facts.participants, self.region)
        alone = len(line.customers) == 1 and not line.unknown and line.customers[0].startswith("+")
        inside = [round(max(0.0, (one - facts.started_at).total_seconds()), 2) for one in (start, stop)]
        entry = Entry(
            at=start, event=ConsentEvent.REFUSED, whose=Whose.CALLER, subject=None, conversation_id=facts.id,
            call_id=facts.external_id, method=Method.SPOKEN, language=language,
            proof=Proof(start=inside[0], stop=inside[1], quote=quote[:_LONGEST_QUOTE]),
        )  # fmt: skip
        return self.hear(entry, Person(whose=Whose.CALLER, name=line.customers[0]) if alone else None)

    def resolve(self, conversation_id: str, *, by: str, reason: str) -> Custody:
        """Let a quarantined conversation go on, from the step at which it was stopped."""
        with self._database.write() as uow:
            held = custody.resolve(uow, conversation_id, by=by, reason=reason)
            audit.record(
                uow, Event.QUARANTINE_RESOLVED, by, conversation_id=conversation_id, subject=str(held.level),
                reason=reason,
            )  # fmt: skip
            store.add_run(uow, conversation_id, reason="consent resolved", first_stage=AFTER_CONSENT, options={})
            self._listing.mark(uow, conversation_id, "queued", None)
        return held

    def destroy(self, conversation_id: str, *, by: str, reason: str) -> None:
        """Destroy a conversation that is quarantined; raises NotFound for any other, Conflict under a legal hold."""
        self._destroy(conversation_id, by=by, reason=reason)
        self._disposing.finish()

    def _destroy(self, conversation_id: str, *, by: str, reason: str) -> None:
        with self._database.write() as uow:
            held = custody.get(uow, conversation_id)
            if held is None or held.state is not CustodyState.QUARANTINED:
                raise NotFound("No such conversation is quarantined.", code="consent.not_quarantined")
            order = Order(why=Why.QUARANTINE, by=by, basis=held.why, reason=reason)
            self._disposing.destroy_in(uow, conversation_id, order)

    def tidy(self) -> int:
        """Write expiries down, destroy what nobody resolved in time; returns how many conversations that were."""
        with self._database.write() as uow:
            for line in self.ledger.expire(uow):
                self._take_effect(uow, line.entry)
        with self._database.read() as uow:
            due = custody.due(uow, limit=10_000)  # those under a legal hold stay among them
        gone = 0
        for held in due:
            try:
                self._destroy(held.conversation_id, by="system", reason="Nobody resolved it in time.")
            except Conflict:
                continue  # a legal hold stands: it stays quarantined, and is destroyed when the hold is released
            gone += 1
        if gone:
            self._disposing.finish()
        return gone

    def _tell(self, entry: Entry) -> str:
        """Have the recorder obey, on every leg of the call."""
        call = entry.conversation_id or entry.call_id
        word = "given" if entry.event in _YES else "refused" if entry.event in _NO else None
        if call is None or word is None or entry.whose is not Whose.CALLER:
            return "not_recording"
        try:
            legs = self._recorder.consent(word, call)
        except NotFound:
            return "not_recording"
        except Unavailable:
            return "away"
        except CandorError as error:
            _log.error("the recorder did not obey", code=error.code)
            return "away"
        if word == "refused":
            return "closed"
        return "opened" if not any(leg["paused"] for leg in legs) else "waiting"

    def _take_effect(self, uow: UnitOfWork, entry: Entry) -> tuple[str, ...]:
        """Quarantine what is held."""
        found: list[str] = []
        for an_id in self._held(uow, entry):
            held = custody.get(uow, an_id)
            if held is None or held.state in {CustodyState.QUARANTINED, CustodyState.DESTROYED} or _obliged(held):
                continue
            custody.quarantine(uow, held, why=_WHY[entry.event], keep=self.keep)
            run = store.newest_run(uow, an_id)
            if run is not None and run.state in store.UNFINISHED:
                store.set_run(uow, run.id, RunState.PARKED)
            self._listing.mark(uow, an_id, "quarantined", _WHY[entry.event])
            found.append(an_id)
        return tuple(found)

    def _held(self, uow: UnitOfWork, entry: Entry) -> list[str]:
        if entry.conversation_id is not None:
            return [entry.conversation_id]
        if entry.call_id is not None:
            return register.by_external_id(uow, entry.call_id)
        if entry.subject is None or entry.whose is not Whose.CALLER:
            return []
        # Calls on which this person was known to the ledger.
        lines = self.ledger.of_subject(uow, entry.subject)
        ids = [line.entry.conversation_id for line in lines if line.entry.conversation_id]
        ids += [one for line in lines if line.entry.call_id for one in register.by_external_id(uow, line.entry.call_id)]
        rest = [custody.get(uow, an_id) for an_id in dict.fromkeys(ids)]
        return [held.conversation_id for held in rest if held is not None and held.level >= _CONSENT_IS_THE_GROUND]


AFTER_CONSENT = "redact"
"""The stage behind the one that looks for proof."""
_CONSENT_IS_THE_GROUND = 4
_WHY = {
    ConsentEvent.REFUSED: "Somebody on this call refused to be recorded.",
    ConsentEvent.WITHDRAWN: "Consent for this call was withdrawn.",
    ConsentEvent.EXPIRED: "The consent on which this call was recorded has expired.",
}


def _obliged(held: Custody) -> bool:
    """Whether the law obliges us to hold it, whatever anybody says."""
    return "must_record" in json.loads(held.decision or "{}").get("actions", ())
