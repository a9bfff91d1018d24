"""The proof of consent, looked for in the ledger and in the call itself, before anything is made of the call.

What a decision required: at levels 2 and 3 an announcement (inside the recording, where the law says so), at level 4 an
explicit yes. It is proved by the phone system's word, by writing, by the announcement being heard in the sound or read
in the transcript, and by the answer that follows it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, BinaryIO

from candor.consent import custody
from candor.consent.announcements import store as announcements
from candor.consent.announcements.store import InUse
from candor.consent.custody import Custody, CustodyState
from candor.consent.ledger import store as ledger_store
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Proof, Standing, Whose
from candor.consent.ledger.service import Ledger, Person
from candor.consent.proof.answers import Answer, Verdict, find_answer, find_objections
from candor.consent.proof.beeps import find_beeps, longest_without
from candor.consent.proof.finding import Match, find_all
from candor.consent.proof.prints import Print
from candor.consent.proof.wording import find_wording
from candor.conversation.model import Conversation, Role
from candor.conversation.transcript import Transcript
from candor.errors import InvalidInput
from candor.kit import clock
from candor.kit.database import Database, UnitOfWork
from candor.kit.sound import FlacReader
from candor.pipeline.gate import ConsentGate, of_conversation, summary

WHOLE_ENOUGH = 0.85
"""Share of an announcement that must be heard for it to count as made."""
SAID_ENOUGH = 0.75
"""The same of its words, where it is read aloud by a person."""
BEEP_AT_LEAST = 20.0
"""Seconds; Conn. Gen. Stat. 52-570d(a)(3) names about every fifteen."""


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found on one call."""

    announced: dict[str, Any] | None = None
    """How, where and which version; None: not at all."""
    inside: bool = False
    """It is in the recording itself."""
    given: dict[str, Any] | None = None
    refused: dict[str, Any] | None = None
    beeps: dict[str, Any] | None = None
    """How many, and the longest time without; None where none are expected."""
    lines: list[tuple[Entry, Person | None]] = field(default_factory=list)
    """What the ledger does not know yet, and of whom."""

    def told(self) -> dict[str, Any]:
        """For the custody's record: no words of anybody, only where and how."""
        return {
            "announced": self.announced, "announcement_inside": self.inside, "given": self.given,
            "refused": self.refused, "beeps": self.beeps,
        }  # fmt: skip


class Prover:
    """Looks for proof and sets aside what has none."""

    def __init__(
        self, database: Database, gate: ConsentGate, ledger: Ledger, *, purpose: str, keep: timedelta,
        beep: float | None = None,
    ) -> None:  # fmt: skip
        """``beep``: hertz of the tone that the phone system plays again and again while it records; None: none."""
        self._database, self._gate, self._ledger = database, gate, ledger
        self._purpose, self._keep, self._beep = purpose, keep, beep

    def prove(self, conversation: Conversation, transcript: Transcript, working: BinaryIO | None) -> Judgement:
        """Everything that can be said of a call; nothing is written yet."""
        with self._database.read() as uow:
            known = custody.get(uow, conversation.id)
            decision: dict[str, Any] | None = json.loads(known.decision) if known and known.decision else None
            if decision is None:
                line = of_conversation(conversation)
                decision = summary(self._gate.decide(uow, line, conversation.started_at, channel=conversation.medium))
            found = self._in_the_ledger(uow, conversation)
            prompts = announcements.every(uow, retired=True)
        level = int(decision["level"])
        if level >= 2:
            self._in_the_call(found, conversation, transcript, working, prompts)
        why = _missing(decision, found)
        before = known or Custody(
            conversation_id=conversation.id, started_at=conversation.started_at, state=CustodyState.PENDING,
            level=level, why="", decision=json.dumps(decision, separators=(",", ":")), proof="", since=clock.now(),
        )  # fmt: skip
        return Judgement(before=before, findings=found, why=why, keep=self._keep, ledger=self._ledger)

    def lacking(self, uow: UnitOfWork, conversation: Conversation) -> str:
        """What the law wants for this prover's purpose and a kept call does not show, in a sentence; empty: nothing.

        Decided anew, for what was proved when the call came in and what the ledger says now: a yes that was given for
        another purpose is none. Where nobody asked the law to record it, nobody asks it here.
        """
        known = custody.get(uow, conversation.id)
        if known is None:
            return ""
        line = of_conversation(conversation)
        decision = self._gate.decide(
            uow, line, conversation.started_at, channel=conversation.medium, purpose=self._purpose
        )
        found, seen = self._in_the_ledger(uow, conversation), json.loads(known.proof or "{}")
        found.announced = found.announced or seen.get("announced")
        if known.state is CustodyState.RESOLVED and known.level >= 2:
            found.announced = found.announced or {"by": "person"}
        found.inside = found.inside or bool(seen.get("announcement_inside"))
        found.refused = found.refused or seen.get("refused")
        return _missing(summary(decision), found)

    def _in_the_ledger(self, uow: UnitOfWork, conversation: Conversation) -> Findings:
        """What was told of the call, or of the people on it in writing."""
        found = Findings()
        of_call = ledger_store.of_call(uow, conversation_id=conversation.id, call_id=conversation.external_id)
        for line in of_call:
            entry = line.entry
            if entry.whose is not Whose.CALLER:
                continue
            told = {"by": "ledger", "line": line.number, "method": entry.method, "version": entry.text_version}
            if entry.event is ConsentEvent.ANNOUNCED:
                found.announced = told
                found.inside = found.inside or entry.proof.start is not None
            elif entry.event in {ConsentEvent.GIVEN, ConsentEvent.INHERITED} and self._holds(entry):
                found.given = told
            elif entry.event in {ConsentEvent.REFUSED, ConsentEvent.WITHDRAWN}:
                found.refused = told
        people = [Person(whose=Whose.CALLER, name=tel) for tel in of_conversation(conversation).customers]
        states = [self._ledger.standing_of_person(uow, one, purpose=self._purpose) for one in people]
        if Standing.REFUSED in states:
            found.refused = found.refused or {"by": "person"}
        elif found.given is None and states and all(state is Standing.GIVEN for state in states):
            found.given = {"by": "person", "method": Method.WRITTEN}
            inherited = Entry(
                at=conversation.started_at, event=ConsentEvent.INHERITED, whose=Whose.CALLER, subject=None,
                conversation_id=conversation.id, call_id=conversation.external_id, method=Method.WRITTEN,
            )  # fmt: skip
            found.lines += [(inherited, person) for person in people]
        return found

    def _holds(self, entry: Entry) -> bool:
        """Whether a yes is for our purpose, and not over."""
        lapsed = entry.expires_at is not None and entry.expires_at <= clock.now()
        return not lapsed and (not entry.covers or self._purpose in entry.covers)

    def _in_the_call(
        self, found: Findings, conversation: Conversation, transcript: Transcript, working: BinaryIO | None,
        prompts: Sequence[InUse],
    ) -> None:  # fmt: skip
        heard: list[Match] = []
        if working is not None:
            with FlacReader(working) as sound:
                self._beeped(found, sound)
                heard = _heard(sound, prompts)
        customers = {n for n, who in enumerate(transcript.speakers) if who.role is not Role.AGENT}
        best = max(heard, key=lambda match: match.share, default=None)
        played = {one.version: one for one in prompts}
        question: tuple[InUse, float] | None = None
        if best is not None and best.share >= WHOLE_ENOUGH:
            prompt = played[best.name]
            found.inside = True
            where = {"start": round(best.start, 2), "stop": round(best.stop, 2)}
            found.announced = {"by": "sound", "version": prompt.version, "share": round(best.share, 3), **where}
            found.lines.append((_line(conversation, ConsentEvent.ANNOUNCED, Method.NONE, prompt, where), None))
            question = (prompt, best.stop) if prompt.asks else None
        else:
            question = self._read_aloud(found, conversation, transcript, prompts)
        if question is not None and found.given is None and found.refused is None:
            self._answered(found, conversation, transcript, question, customers)
        for objection in _objections(transcript, customers):
            if found.refused is None:
                found.refused = {"by": "spoken", "start": objection.start, "stop": objection.stop}

    def _beeped(self, found: Findings, sound: FlacReader) -> None:
        """Beeps, counted; one every twenty seconds at least tells whoever is on the line."""
        if self._beep is None:
            return
        beeps = find_beeps(sound, frequency=self._beep)
        gap = longest_without(beeps, sound.frames / sound.rate)
        found.beeps = {"count": len(beeps), "longest_without": round(gap, 1)}
        if beeps and gap <= BEEP_AT_LEAST and found.announced is None:
            found.announced = {"by": "beeps", **found.beeps}

    def _read_aloud(
        self, found: Findings, conversation: Conversation, transcript: Transcript, prompts: Sequence[InUse]
    ) -> tuple[InUse, float] | None:
        """An announcement that somebody says, an agent or a machine whose sound we do not have."""
        for prompt in prompts:
            said = find_wording(prompt.text, transcript.utterances)
            if said.share < SAID_ENOUGH or said.start is None or said.stop is None:
                continue
            where = {"start": round(said.start, 2), "stop": round(said.stop, 2)}
            found.inside = True
            found.announced = {"by": "words", "version": prompt.version, "share": said.share, **where}
            found.lines.append((_line(conversation, ConsentEvent.ANNOUNCED, Method.NONE, prompt, where), None))
            return (prompt, said.stop) if prompt.asks else None
        return None

    @staticmethod
    def _answered(
        found: Findings, conversation: Conversation, transcript: Transcript, question: tuple[InUse, float],
        customers: set[int],
    ) -> None:  # fmt: skip
        prompt, end = question
        try:
            answer = find_answer(transcript.utterances, end, prompt.language, speakers=customers)
        except InvalidInput:
            return  # a language without word lists: nobody is taken to have agreed
        if answer.verdict is Verdict.UNCLEAR or answer.start is None or answer.stop is None:
            return
        where = {"start": round(answer.start, 2), "stop": round(answer.stop, 2)}
        told = {"by": "spoken", "version": prompt.version, **where}
        if answer.verdict is Verdict.YES:
            found.given = told
            found.lines.append((_line(conversation, ConsentEvent.GIVEN, Method.SPOKEN, prompt, where), None))
        else:
            found.refused = told
            found.lines.append((_line(conversation, ConsentEvent.REFUSED, Method.SPOKEN, prompt, where), None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What is to be written down of a call."""

    before: Custody
    findings: Findings
    why: str
    """What is missing, in a sentence; empty: nothing."""
    keep: timedelta
    ledger: Ledger

    def commit(self, uow: UnitOfWork) -> bool:
        """Write it down; returns whether the call may go on. What a person has resolved stays resolved."""
        for entry, person in self.findings.lines:
            self.ledger.write(uow, entry, person)
        before = self.before
        now = custody.get(uow, before.conversation_id)
        proof = json.dumps(self.findings.told(), separators=(",", ":"))
        if now is not None and now.state is CustodyState.RESOLVED:
            return True
        held = Custody(
            conversation_id=before.conversation_id, started_at=before.started_at, state=CustodyState.PROVED,
            level=before.level, why=_PROVED, decision=before.decision, proof=proof, since=clock.now(),
        )  # fmt: skip
        if not self.why:
            custody.put(uow, held)
            return True
        custody.quarantine(uow, held, why=self.why, keep=self.keep)
        return False


_PROVED = "What the decision required is proved."


def _missing(decision: dict[str, Any], found: Findings) -> str:
    """What the decision asked for and the call does not show."""
    level = int(decision["level"])
    if found.refused is not None and "must_record" not in decision["actions"]:
        return "Somebody on this call refused to be recorded, or objected."
    if level == 9 or not decision["may_record"]:
        return "Recording is barred for this purpose, whatever anybody consents to."
    if level == 4 and (found.given is None or found.given.get("method") == Method.WENT_ON):
        return "There is no proof of the explicit yes that the law asks for."
    if decision["announcement_recorded"] and not found.inside and not _instead(decision.get("instead", ()), found):
        return "The announcement is not in the recording, where the law wants it."
    if level in {2, 3} and found.announced is None and found.given is None:
        return "There is no proof that the recording was announced."
    return ""


def _instead(alternatives: Sequence[str], found: Findings) -> bool:
    """Whether there is what the law takes instead of an announcement in the recording: writing before, or beeps."""
    written = found.given is not None and found.given.get("method") in {Method.WRITTEN, Method.CONTRACT}
    beeped = found.announced is not None and found.announced.get("by") == "beeps"
    return any((written and "written consent" in one) or (beeped and "beep" in one) for one in alternatives)


def _heard(sound: FlacReader, prompts: Sequence[InUse]) -> list[Match]:
    prints = [Print(one.version, one.print) for one in prompts if one.print]
    return list(find_all(prints, sound)) if prints else []


def _objections(transcript: Transcript, customers: set[int]) -> tuple[Answer, ...]:
    try:
        return find_objections(transcript.utterances, transcript.language, speakers=customers)
    except InvalidInput:
        return ()


def _line(
    conversation: Conversation, event: ConsentEvent, method: Method, prompt: InUse, where: dict[str, float]
) -> Entry:
    return Entry(
        at=conversation.started_at + timedelta(seconds=where["start"]), event=event, whose=Whose.CALLER, subject=None,
        conversation_id=conversation.id, call_id=conversation.external_id, method=method,
        proof=Proof(start=where["start"], stop=where["stop"]), text_version=prompt.version, language=prompt.language,
    )  # fmt: skip
