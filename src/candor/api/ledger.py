"""The consent ledger: words of callers and employees as the phone system, a form or a person tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from candor.access.model import Right
from candor.api.caller import Caller, needs
from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import unrecorded
from candor.consent import custody, plain
from candor.consent.custody import CustodyState, Wanted
from candor.consent.ledger import store
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Proof, Whose
from candor.consent.ledger.service import Person
from candor.consent.workplaces import site_of
from candor.errors import Forbidden, InvalidInput
from candor.kit import clock
from candor.replay.model import Scope

router = APIRouter(tags=["consent"])


def _whole_house(caller: Caller) -> None:
    """What is told here is of all teams: who sees one only, or himself, sees none of it."""
    if caller.scope != Scope():
        raise Forbidden("The ledger is shown to those who see all conversations.", code="consent.scope")


class Evidence(BaseModel):
    """What shows that it happened."""

    model_config = ConfigDict(extra="forbid")

    start: float | None = Field(None, ge=0, description="Seconds into the conversation's sound.")
    stop: float | None = Field(None, ge=0)
    quote: str | None = Field(None, max_length=300, description="Words, without personal data.")
    digest: str | None = Field(None, pattern="^[0-9a-f]{128}$", description="SHA-512 of a document.")
    reference: str | None = Field(None, max_length=255, description="The phone system's event, a form, a contract.")


class Word(BaseModel):
    """What somebody said, or was told."""

    model_config = ConfigDict(extra="forbid")

    event: ConsentEvent
    whose: Whose = Whose.CALLER
    number: str | None = Field(None, max_length=64, description="The caller's; kept as a pseudonym.")
    agent_id: str | None = Field(None, max_length=255, description="The employee's.")
    site: str | None = Field(None, max_length=80, description="The site's, whose word holds for all who work there.")
    call_id: str | None = Field(None, max_length=255, description="The phone system's call id.")
    conversation_id: str | None = Field(None, max_length=36)
    method: Method = Method.NONE
    covers: list[str] = Field([], max_length=50, description="Purposes, or an employee's prerequisites; empty: all.")
    text_version: str | None = Field(None, max_length=128, description="Of the announcement or document.")
    language: str | None = Field(None, max_length=35)
    at: AwareDatetime | None = Field(None, description="When it happened; now when left out.")
    expires_at: AwareDatetime | None = None
    proof: Evidence | None = None


class Listed(BaseModel):
    """Somebody who is never recorded."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(max_length=64)
    reason: str = Field(max_length=1000)


class Reason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(max_length=1000)


@router.post("/consent/events", status_code=201)
def post_event(word: Word, caller: Caller = needs(Right.CONSENT_WRITE)) -> dict[str, Any]:
    """Write a word down and obey it: a yes opens the recorder, a no closes it and quarantines what is held.

    ``recorder`` says what became of a call in progress: ``opened``, ``closed``, ``waiting`` for somebody else's yes,
    ``not_recording`` or ``away``. Numbers are kept as pseudonyms only.
    """
    if word.at is not None and word.at > clock.now():
        raise InvalidInput("It cannot have happened in the future.", code="consent.moment")
    entry = Entry(
        at=word.at or clock.now(), event=word.event, whose=word.whose, subject=None, call_id=word.call_id,
        conversation_id=word.conversation_id, method=word.method, covers=tuple(word.covers),
        proof=Proof(**word.proof.model_dump()) if word.proof else Proof(), text_version=word.text_version,
        language=word.language,
        expires_at=word.expires_at, actor=caller.principal.user_id,
    )  # fmt: skip
    heard = caller.services.consenting.hear(entry, _person(word, caller))
    return {"line": plain.line(heard.line), "recorder": heard.recorder, "quarantined": list(heard.quarantined)}


@router.get("/consent/ledger")
def get_ledger(
    before: int | None = Query(None, ge=1, description="Lines before this number: the next page."),
    event: list[ConsentEvent] = Query([]),
    conversation_id: str | None = Query(None, max_length=36),
    call_id: str | None = Query(None, max_length=255),
    limit: int = Query(100, ge=1, le=1000),
    caller: Caller = needs(Right.CONSENT_READ),
) -> dict[str, Any]:
    """Lines of the ledger, the newest first; of one call, the oldest first."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        if conversation_id or call_id:
            found = store.of_call(uow, conversation_id=conversation_id, call_id=call_id)
        else:
            found = store.newest(uow, before=before, events=tuple(event), limit=limit)
    return {"lines": [plain.line(each) for each in found]}


@router.get("/consent/ledger/check")
def check_ledger(caller: Caller = needs(Right.CONSENT_READ)) -> dict[str, Any]:
    """Walk the whole chain: how many lines follow from one another, and the digest of the last."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        found = caller.services.consenting.ledger.verify(uow)
    return {"lines": found.lines, "head": found.head, "whole": found.broken_at is None, "broken_at": found.broken_at}


@router.get("/consent/quarantine")
def get_quarantine(
    level: int | None = Query(None, ge=0, le=9),
    since: AwareDatetime | None = Query(None, description="Calls that began then or later."),
    until: AwareDatetime | None = Query(None, description="Calls that began before."),
    before: str | None = Query(None, max_length=80, description="`next` of the page before."),
    limit: int = Query(100, ge=1, le=1000),
    caller: Caller = needs(Right.CONSENT_READ),
) -> dict[str, Any]:
    """Conversations that nobody may play, with what is missing and when they are destroyed, the newest first."""
    _whole_house(caller)
    wanted = Wanted(state=CustodyState.QUARANTINED, level=level, since=since, until=until)
    with caller.services.database.read() as uow:
        found = custody.listed(uow, wanted, before=custody.place(before), limit=limit + 1)
    more = custody.cursor(found[limit - 1]) if len(found) > limit else None
    return {"conversations": [plain.held(each) for each in found[:limit]], "next": more}


@router.post("/consent/quarantine/{conversation_id}/resolve")
def resolve(conversation_id: str, reason: Reason, caller: Caller = needs(Right.CONSENT_MANAGE)) -> dict[str, Any]:
    """Let a quarantined conversation go on; the reason is kept in the audit log."""
    _whole_house(caller)
    consenting = caller.services.consenting
    return plain.held(consenting.resolve(conversation_id, by=caller.principal.user_id, reason=reason.reason))


@router.post("/consent/quarantine/{conversation_id}/destroy", status_code=204)
def destroy(conversation_id: str, reason: Reason, caller: Caller = needs(Right.CONSENT_MANAGE)) -> None:
    """Destroy a quarantined conversation now: keys, bytes, index."""
    _whole_house(caller)
    if not reason.reason.strip():
        raise InvalidInput("Say why it is destroyed.", code="consent.reason")
    caller.services.consenting.destroy(conversation_id, by=caller.principal.user_id, reason=reason.reason)


@router.get("/consent/unrecorded")
def get_unrecorded(
    limit: int = Query(100, ge=1, le=1000), before: datetime | None = None, caller: Caller = needs(Right.CONSENT_READ)
) -> dict[str, Any]:
    """Calls of which nothing was kept, and why, the newest first."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        found = unrecorded.newest(uow, limit=limit, before=before)
    return {
        "calls": [
            {"id": each.id, "external_id": each.external_id, "source": each.source,
             "started_at": each.started_at.isoformat(), "seconds": each.seconds, "level": each.level,
             "why": each.why, "dropped": each.dropped}
            for each in found
        ]
    }  # fmt: skip


@router.get("/consent/do-not-record")
def get_never(caller: Caller = needs(Right.CONSENT_READ)) -> dict[str, Any]:
    """Who is never recorded, by the last digits of their numbers."""
    _whole_house(caller)
    with caller.services.database.read() as uow:
        rows = store.never_recorded(uow)
    return {
        "people": [
            {"hint": row.hint, "reason": row.reason, "added_at": clock.from_column(row.added_at).isoformat()}
            for row in rows
        ]
    }


@router.put("/consent/do-not-record", status_code=204)
def never_record(listed: Listed, caller: Caller = needs(Right.CONSENT_WRITE)) -> None:
    """Never record calls with this number again; no change when it is on the list."""
    _whole_house(caller)
    _change(listed, caller, on=True)


@router.delete("/consent/do-not-record", status_code=204)
def may_record(listed: Listed, caller: Caller = needs(Right.CONSENT_MANAGE)) -> None:
    """Take a number off the list."""
    _whole_house(caller)
    _change(listed, caller, on=False)


def _person(word: Word, caller: Caller) -> Person | None:
    if word.whose is Whose.EMPLOYEE:
        if not word.agent_id:
            raise InvalidInput("An employee's word needs the agent's id.", code="consent.subject")
        return Person(whose=Whose.EMPLOYEE, name=word.agent_id)
    if word.whose is Whose.WORKPLACE:
        if not word.site:
            raise InvalidInput("What holds for a site needs the site's name.", code="consent.subject")
        return site_of(word.site)
    if word.number is None:
        return None
    return caller.services.consenting.caller(word.number)


def _change(listed: Listed, caller: Caller, *, on: bool) -> None:
    consenting = caller.services.consenting
    person = consenting.caller(listed.number)
    by = caller.principal.user_id
    with caller.services.database.write() as uow:
        if on:
            consenting.ledger.never_record(uow, person, by=by, reason=listed.reason)
        else:
            consenting.ledger.may_record_again(uow, person)
        audit.record(uow, Event.DO_NOT_RECORD_CHANGED, by, subject="added" if on else "removed", reason=listed.reason)
