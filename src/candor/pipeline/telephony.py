"""What a phone system asks and tells of a call: may it be recorded, this was announced, this was answered.

Decisions are the gate's, so that a dial plan and the recorder never differ; words go into the ledger through
:class:`Consenting`, which has the recorder obey them. Whatever cannot be decided raises, and the door answers with
"do not record".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from candor.capture.files.metadata import number as e164
from candor.capture.model import Keep, Verdict
from candor.consent.announcements import Reply
from candor.consent.announcements.compose import required
from candor.consent.announcements.store import InUse
from candor.consent.ledger import store as ledger_store
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Proof, Whose
from candor.consent.ledger.service import Person
from candor.consent.model import ConsentLevel, Decision, KeepFrom
from candor.consent.numbers import NumberKind, read_number
from candor.consent.proof import answers
from candor.consent.service import Consent
from candor.conversation.transcript import Utterance
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.pipeline.announcing import Announcing
from candor.pipeline.consenting import Consenting
from candor.pipeline.gate import ConsentGate, House, OnTheLine

ASKS = 2
"""How often a question is asked before no answer is taken for one."""
_WORDS = frozenset({ConsentEvent.GIVEN, ConsentEvent.REFUSED, ConsentEvent.WITHDRAWN})
_LONGEST_QUOTE = 300
_SECONDS = 10.0
"""Over which an answer in text is taken to have been said."""


class Do(StrEnum):
    """What the phone system does next."""

    ANNOUNCE = "announce"
    ASK = "ask"
    NONE = "none"
    DO_NOT_RECORD = "do_not_record"


class Record(StrEnum):
    """Whether to record."""

    YES = "yes"
    NO = "no"
    AFTER = "after"
    """Not before the announcement is over, or the answer is yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSystems:
    """Which phone systems there are, and how they reach this house."""

    public_url: str | None = None
    """Scheme and host, ``https://candor.example.com``; None: as each request names it."""
    hosts: frozenset[str] = frozenset()
    """Hosts (with port, where it is not the usual one) to which calls may be sent on."""
    twilio: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By source, the auth token that requests are signed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as its phone system tells of it."""

    id: str
    """The phone system's call id."""
    caller: str
    """A number, or ``anonymous``."""
    callee: str | None = None
    outbound: bool = False
    """Whether the house called: then the callee is the customer."""
    joined: tuple[str, ...] = ()
    """Numbers of who joined later."""
    agent_id: str | None = None
    agent_location: str | None = None
    purpose: str | None = None
    language: str | None = None
    """BCP 47, of the line."""

    def __post_init__(self) -> None:
        if not self.id or not self.caller or (self.outbound and not self.callee):
            raise InvalidInput(
                "The call's id or the number of its customer is missing.",
                code="telephony.call",
                advice="Send call_id and caller (for calls that you make: direction=outbound and callee); a withheld "
                "number is anonymous.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with a call."""

    do: Do
    record: Record
    level: int
    why: str
    announcements: tuple[InUse, ...] = ()
    """To be played, in this order."""
    reply: Reply | None = None
    """To be said first."""
    language: str = "en"
    """Of the reply."""
    ask: int = 1
    """How often the question has been asked when this is done."""
    obliged: bool = False
    """The law obliges to record: whoever refuses is served another way."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A call, decided."""

    decision: Decision
    verdict: Verdict
    line: OnTheLine
    purpose: str


class Telephony:
    """The verbs of phone systems."""

    def __init__(
        self, database: Database, consent: Consent, consenting: Consenting, announcing: Announcing,
        house: House | None, systems: PhoneSystems,
    ) -> None:  # fmt: skip
        """``house``: None while nobody has said where the business is established; then nothing can be decided."""
        self.systems, self.announcing = systems, announcing
        self._database, self._consent, self._consenting, self._house = database, consent, consenting, house

    def decide(self, call: Call) -> Plan:
        """What to do at the start of a call, and again when somebody joins.

        Raises InvalidInput; NotFound where no announcement in use says what must be said.
        """
        with self._database.read() as uow:
            case = self._case(uow, call)
            if case.verdict.keep is Keep.NEVER:
                return _plan(case, Do.DO_NOT_RECORD, Record.NO)
            asks = case.verdict.keep is Keep.CONSENT
            agreed = case.decision.level == ConsentLevel.OPT_IN and not asks
            tells = case.decision.level >= ConsentLevel.ANNOUNCE or case.decision.announcement_recorded
            if agreed or not tells:
                return _plan(case, Do.NONE, Record.YES)
            played = self.announcing.fitting(uow, case.decision, call.language)
        inside = case.decision.keep_from is KeepFrom.WITH_ANNOUNCEMENT and not asks
        plan = _plan(case, Do.ASK if asks else Do.ANNOUNCE, Record.YES if inside else Record.AFTER)
        return replace(plan, announcements=played, language=played[0].language)

    def announced(self, call: Call, versions: tuple[str, ...], *, by: str) -> Plan:
        """The phone system has played these versions to their end; what follows."""
        with self._database.read() as uow:
            case = self._case(uow, call)
            played = tuple(self.announcing.get(uow, version) for version in versions)
        self._note(case, call, played, by=by)
        if case.verdict.keep is Keep.CONSENT:
            return replace(_plan(case, Do.ASK, Record.AFTER), language=_language(played, call))
        if case.verdict.keep is Keep.START and not _enough(case.decision, played):
            return replace(
                _plan(case, Do.DO_NOT_RECORD, Record.NO),
                why="What was announced does not tell all that this call must be told.",
            )
        return _after(case)

    def answered(
        self, call: Call, versions: tuple[str, ...], *, digits: str = "", speech: str = "", ask: int = 1, by: str
    ) -> Plan:
        """What the caller answered to the question or offer of an announcement, by key or voice, or nothing.

        1. A yes or no goes into the ledger, and the recorder obeys it.
        2. What is neither is asked again, once; so is silence where a yes is needed.
        3. After that, where a yes is needed, there is none: silence refuses. Elsewhere the caller has gone on after a
           clear notice.
        4. Each question of a call is answered yes once: signed requests can be sent again by whoever has seen one, and
           what was taken back since must stay taken back. A no always counts.

        Raises InvalidInput for a yes to an announcement that does not tell what this call must be told.
        """
        with self._database.read() as uow:
            case = self._case(uow, call)
            played = tuple(self.announcing.get(uow, version) for version in versions)
        if not played:
            raise InvalidInput("Which announcement was played is missing.", code="telephony.version")
        first = played[0]
        said = _said(first, digits, speech)
        strict = any(one.asks for one in played) or case.decision.level >= ConsentLevel.OPT_IN
        silent = not digits and not speech
        if silent:  # nobody cut it short
            self._note(case, call, played, by=by)
        if said.verdict is answers.Verdict.UNCLEAR and ask < ASKS and (strict or not silent):
            plan = replace(_plan(case, Do.ASK, Record.AFTER), announcements=played, ask=ask + 1)
            return replace(plan, reply=None if silent else Reply.UNCLEAR, language=first.language)
        if said.verdict is answers.Verdict.YES:
            event, method, reply = ConsentEvent.GIVEN, said.method, Reply.ACCEPTED
        elif said.verdict is answers.Verdict.NO or strict:
            event, reply = ConsentEvent.REFUSED, Reply.REFUSED
            method = said.method if said.verdict is answers.Verdict.NO else Method.NONE
        else:
            event, method, reply = ConsentEvent.GIVEN, Method.WENT_ON, None
        if event is ConsentEvent.GIVEN and not _enough(case.decision, played):
            raise InvalidInput(
                "Whoever agrees must have been told all that this call must be told.",
                code="telephony.not_told", advice="Ask for a decision, and play what it names.",
            )  # fmt: skip
        question = f"question {ask}"
        if not self._said_already(call, event, first.version, question):  # 4
            proof = Proof(quote=said.quote or None, reference=question)
            self._write(case, call, event, method, first, by=by, proof=proof)
        with self._database.read() as uow:
            plan = _after(self._case(uow, call))
        # Nobody is told that they are recorded, or not, when it is not so.
        kept = plan.record is Record.YES
        true = reply is (Reply.ACCEPTED if kept else Reply.REFUSED)
        return replace(plan, reply=reply if true else None, language=first.language)

    def _case(self, uow: UnitOfWork, call: Call) -> _Case:
        if self._house is None:
            raise InvalidInput(
                "Where the business is established is not known, so nothing can be decided.",
                code="settings.missing", advice="Set CANDOR_ESTABLISHMENT, such as DE or US-TX.",
            )  # fmt: skip
        house = replace(self._house, purpose=call.purpose or self._house.purpose)
        gate = ConsentGate(self._database, self._consent, self._consenting.ledger, house)
        line = _line(call, house.region)
        decision = gate.decide(uow, line, clock.now(), agent_location=call.agent_location)
        return _Case(decision, gate.weigh(uow, decision, line, call_id=call.id), line, house.purpose)

    def _said_already(self, call: Call, event: ConsentEvent, version: str, question: str) -> bool:
        """Whether this question was answered so before; a no counts again where another word came after it."""
        with self._database.read() as uow:
            lines = [one.entry for one in ledger_store.of_call(uow, call_id=call.id)]
        words = [one for one in lines if one.event in _WORDS]
        same = [one for one in words if (one.text_version, one.proof.reference) == (version, question)]
        if event is ConsentEvent.GIVEN:
            return bool(same)
        return bool(same) and words[-1] is same[-1] and same[-1].event is event

    def _note(self, case: _Case, call: Call, played: tuple[InUse, ...], *, by: str) -> None:
        """Write down what was played to its end, once: phone systems repeat requests that were answered late."""
        with self._database.read() as uow:
            lines = ledger_store.of_call(uow, call_id=call.id)
        known = {line.entry.text_version for line in lines if line.entry.event is ConsentEvent.ANNOUNCED}
        for one in played:
            if one.version not in known:
                self._write(case, call, ConsentEvent.ANNOUNCED, Method.PHONE_SYSTEM, one, by=by)

    def _write(
        self, case: _Case, call: Call, event: ConsentEvent, method: Method, told: InUse, *, by: str,
        proof: Proof | None = None,
    ) -> None:  # fmt: skip
        known = [name for name in case.line.customers if name.startswith("+")]
        person = Person(whose=Whose.CALLER, name=known[0]) if len(known) == 1 and not case.line.unknown else None
        entry = Entry(
            at=clock.now(), event=event, whose=Whose.CALLER, subject=None, call_id=call.id, method=method,
            covers=(case.purpose,), proof=proof or Proof(), text_version=told.version, language=told.language,
            actor=by,
        )  # fmt: skip
        self._consenting.hear(entry, person)


@dataclass(frozen=True, slots=True)
class _Said:
    verdict: answers.Verdict
    method: Method
    quote: str = ""


def _said(told: InUse, digits: str, speech: str) -> _Said:
    """Yes, no or unclear. Keys are only those that the announcement offered."""
    if digits:
        key = digits[:1]
        verdict = {told.yes_key: answers.Verdict.YES, told.no_key: answers.Verdict.NO}.get(key)
        return _Said(verdict or answers.Verdict.UNCLEAR, Method.KEY_PRESS)
    if not speech:
        return _Said(answers.Verdict.UNCLEAR, Method.NONE)
    heard = Utterance(index=0, speaker=0, start=0.0, end=_SECONDS, text=" ".join(speech.split()))
    found = answers.find_answer([heard], 0.0, told.language)
    return _Said(found.verdict, Method.SPOKEN, found.quote[:_LONGEST_QUOTE])


def _line(call: Call, region: str | None) -> OnTheLine:
    """Who is on the customer's side, as the recorder's gate would have it."""
    customers, unknown = [], 0
    for text in ((call.callee or "") if call.outbound else call.caller, *call.joined):
        if read_number(text, region).kind is NumberKind.WITHHELD:
            unknown += 1
        else:
            customers.append(e164(text, region))
    return OnTheLine(tuple(dict.fromkeys(customers)), unknown, (call.agent_id,) if call.agent_id else ())


def _plan(case: _Case, do: Do, record: Record) -> Plan:
    verdict = case.verdict
    return Plan(do=do, record=record, level=verdict.level, why=verdict.words, obliged=verdict.obliged)


def _after(case: _Case) -> Plan:
    """When everything is said: record, or not."""
    if case.verdict.keep is Keep.START:
        return _plan(case, Do.NONE, Record.YES)
    return _plan(case, Do.DO_NOT_RECORD, Record.NO)


def _enough(decision: Decision, played: tuple[InUse, ...]) -> bool:
    """Whether one of these tells all that a call must be told."""
    if decision.level < ConsentLevel.ANNOUNCE:
        return True
    wanted = {str(one) for one in required(decision.level, decision.notice_elements)}
    return any(one.level >= decision.level and wanted <= one.covers.keys() for one in played)


def _language(played: tuple[InUse, ...], call: Call) -> str:
    return played[0].language if played else call.language or "en"
