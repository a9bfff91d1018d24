"""What a ledger entry says, and what follows from several."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from candor.errors import InvalidInput


class ConsentEvent(StrEnum):
    """What happened between this house and a person."""

    ANNOUNCED = "announced"
    """They were told that the call is recorded."""
    GIVEN = "given"
    REFUSED = "refused"
    """They said no, or objected; nothing of theirs is recorded from then on."""
    WITHDRAWN = "withdrawn"
    """They take back what they gave; it takes effect on what is held, too."""
    EXPIRED = "expired"
    """What they gave was given until a day that is over."""
    INHERITED = "inherited"
    """What they gave on another leg or call of the same contact holds here."""


class Method(StrEnum):
    """How they said so."""

    KEY_PRESS = "key_press"
    SPOKEN = "spoken"
    WENT_ON = "went_on"
    """Went on with the call after a clear notice."""
    WRITTEN = "written"
    """Before the call, in writing (paper, web form, e-mail)."""
    CONTRACT = "contract"
    """By contract or, for employees, works agreement."""
    PHONE_SYSTEM = "phone_system"
    """The phone system says so: its dial plan asked."""
    NONE = "none"
    """Nobody said anything: an announcement, an expiry."""


class Whose(StrEnum):
    """Whose consent it is."""

    CALLER = "caller"
    """The customer's side, whoever called whom."""
    EMPLOYEE = "employee"
    WORKPLACE = "workplace"
    """What holds for everybody at a site: a works agreement, a consultation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What shows that it happened; at least one of its parts is given."""

    start: float | None = None
    """Seconds into the conversation's sound."""
    stop: float | None = None
    quote: str | None = None
    """Words of the redacted transcript."""
    digest: str | None = None
    """SHA-512 of a document (hexadecimal)."""
    reference: str | None = None
    """The phone system's event, a form's number, a contract's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger."""

    at: datetime
    """When it happened; aware, UTC."""
    event: ConsentEvent
    whose: Whose
    subject: str | None
    """Pseudonym of the person; None: somebody on this call whose number is not known."""
    hint: str = ""
    """What people may know them by: the last digits, the agent's id."""
    conversation_id: str | None = None
    call_id: str | None = None
    """The phone system's call id."""
    method: Method = Method.NONE
    covers: tuple[str, ...] = ()
    """Purposes of the rule pack that it holds for, or an employee's prerequisites that it meets; empty: all."""
    proof: Proof = field(default_factory=Proof)
    text_version: str | None = None
    """Version of the announcement or document that they were given."""
    language: str | None = None
    """BCP 47."""
    expires_at: datetime | None = None
    actor: str = "system"
    """Who wrote it down: a user's id, a token's, the recorder."""

    def __post_init__(self) -> None:
        if self.expires_at is not None and self.event not in {ConsentEvent.GIVEN, ConsentEvent.INHERITED}:
            raise InvalidInput("Only consent that was given can expire.", code="consent.expiry")
        if self.event is ConsentEvent.GIVEN and self.method is Method.NONE:
            raise InvalidInput(
                "Consent needs the way in which it was given.",
                code="consent.method",
                advice=f"Name a method: {', '.join(one for one in Method if one is not Method.NONE)}.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry in its place."""

    number: int
    """From 1, without gaps."""
    written_at: datetime
    entry: Entry
    previous: str
    """Digest of the line before it (hexadecimal SHA-256); of the first, zeros."""
    digest: str


class Standing(StrEnum):
    """How it stands with a person's consent."""

    NONE = "none"
    TOLD = "told"
    GIVEN = "given"
    REFUSED = "refused"


def standing(entries: list[Entry], at: datetime, purpose: str | None = None) -> Standing:
    """What follows from ``entries`` of one person or call (any order) at a moment, for one purpose or all.

    The latest word counts. What has expired counts as never given, whether an ``expired`` line was written or not.
    """
    found = Standing.NONE
    for entry in sorted(entries, key=lambda one: one.at):
        if entry.at > at or (purpose is not None and entry.covers and purpose not in entry.covers):
            continue
        if entry.event in {ConsentEvent.REFUSED, ConsentEvent.WITHDRAWN}:
            found = Standing.REFUSED
        elif entry.event in {ConsentEvent.GIVEN, ConsentEvent.INHERITED}:
            lapsed = entry.expires_at is not None and entry.expires_at <= at
            found = Standing.NONE if lapsed else Standing.GIVEN
        elif entry.event is ConsentEvent.EXPIRED:
            found = Standing.NONE if found is Standing.GIVEN else found
        elif found is Standing.NONE:
            found = Standing.TOLD
    return found


def pseudonym(secret: bytes, whose: Whose, name: str) -> str:
    """The same person is the same pseudonym: HMAC-SHA-256 of a number in E.164 or an agent's id.

    Without the house's secret nobody can try numbers out until one fits.
    """
    return hmac.new(secret, f"{whose}\0{name}".encode(), hashlib.sha256).hexdigest()


def hint_of(whose: Whose, name: str) -> str:
    """What a page may show of a person: the last four digits of a number; an agent's id and a site's name whole."""
    return name if whose is not Whose.CALLER else f"…{name[-4:]}" if len(name) > 6 else "…"
