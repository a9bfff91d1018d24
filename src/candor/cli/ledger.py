"""``candor consent event|ledger|verify|quarantine|never|unrecorded``: words, their record, and what they do."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.capture import unrecorded as calls
from candor.cli.tables import print_table
from candor.consent import custody, plain
from candor.consent.custody import CustodyState, Wanted
from candor.consent.ledger import store
from candor.consent.ledger.model import ConsentEvent, Entry, Method, Proof, Whose
from candor.consent.ledger.service import Person
from candor.consent.workplaces import site_of
from candor.errors import InvalidInput
from candor.kit import clock
from candor.services import Services

quarantine = typer.Typer(help="Conversations without the proof that their decision asked for.", no_args_is_help=True)
never = typer.Typer(help="People who are never recorded.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_REASON = typer.Option(..., help="Why; it is kept.")
_NUMBER = typer.Argument(help="A telephone number; only a pseudonym of it is kept.")
_SHORT = 12


def register(app: typer.Typer) -> None:
    """Put the commands under ``candor consent``."""
    app.command("event")(event)
    app.command("ledger")(ledger)
    app.command("verify")(verify)
    app.command("unrecorded")(unrecorded)
    app.add_typer(quarantine, name="quarantine")
    app.add_typer(never, name="never")


def event(
    what: ConsentEvent = typer.Argument(help="What happened."),
    *,
    whose: Whose = typer.Option(Whose.CALLER, help="Whose word it is."),
    number: str | None = typer.Option(None, help="The caller's number; only a pseudonym of it is kept."),
    agent_id: str | None = typer.Option(None, help="The employee's."),
    site: str | None = typer.Option(None, help="The site's name: for what holds for all who work there."),
    call_id: str | None = typer.Option(None, help="The phone system's call id."),
    conversation_id: str | None = typer.Option(None),
    method: Method = typer.Option(Method.NONE, help="How it was said."),
    covers: list[str] = typer.Option([], help="A purpose, or an employee's prerequisite; all when left out."),
    text_version: str | None = typer.Option(None, help="Of the announcement or document."),
    language: str | None = typer.Option(None, help="BCP 47."),
    at: datetime | None = typer.Option(None, help="Local time; now when left out."),
    expires_at: datetime | None = typer.Option(None, help="Local time until which it holds."),
    start: float | None = typer.Option(None, min=0, help="Proof: seconds into the conversation's sound."),
    stop: float | None = typer.Option(None, min=0),
    quote: str | None = typer.Option(None, help="Proof: words, without personal data."),
    digest: str | None = typer.Option(None, help="Proof: SHA-512 of a document."),
    reference: str | None = typer.Option(None, help="Proof: a form, a contract, an event of the phone system."),
    as_json: bool = _AS_JSON,
) -> None:
    """Write a word down and obey it: a yes opens the recorder, a no closes it and quarantines what is held."""
    happened = at.astimezone(UTC) if at else clock.now()
    if happened > clock.now():
        raise InvalidInput("It cannot have happened in the future.", code="consent.moment")
    if digest is not None and (len(digest) != 128 or set(digest) - set("0123456789abcdef")):
        raise InvalidInput("The digest is no SHA-512.", code="consent.digest", advice="128 hexadecimal digits.")
    services = wiring.open_services()
    entry = Entry(
        at=happened, event=what, whose=whose, subject=None, call_id=call_id, conversation_id=conversation_id,
        method=method, covers=tuple(covers), text_version=text_version, language=language,
        proof=Proof(start=start, stop=stop, quote=quote, digest=digest, reference=reference),
        expires_at=expires_at and expires_at.astimezone(UTC), actor="cli",
    )  # fmt: skip
    heard = services.consenting.hear(entry, _person(services, whose, number, agent_id, site))
    if as_json:
        told = {"line": plain.line(heard.line), "recorder": heard.recorder, "quarantined": list(heard.quarantined)}
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"Line {heard.line.number}. Recorder: {heard.recorder.replace('_', ' ')}.")
    for each in heard.quarantined:
        print(f"  quarantined  {each}")


def ledger(
    *,
    call_id: str | None = typer.Option(None, help="Of one call, the oldest first."),
    conversation_id: str | None = typer.Option(None),
    only: list[ConsentEvent] = typer.Option([], "--event", help="Only these; repeatable."),
    before: int | None = typer.Option(None, min=1, help="Lines before this number."),
    limit: int = typer.Option(100, min=1, max=1000),
    as_json: bool = _AS_JSON,
) -> None:
    """Lines of the ledger, the newest first."""
    with wiring.open_services().database.read() as uow:
        if call_id or conversation_id:
            found = store.of_call(uow, conversation_id=conversation_id, call_id=call_id)
        else:
            found = store.newest(uow, before=before, events=tuple(only), limit=limit)
    if as_json:
        print(json.dumps({"lines": [plain.line(each) for each in found]}, ensure_ascii=False))
        return
    table = Table("line", "at", "event", "whose", "who", "how", "call", "text", "digest")
    for each in found:
        one = each.entry
        table.add_row(
            str(each.number), one.at.isoformat(timespec="seconds"), one.event, one.whose, escape(one.hint),
            one.method, escape(one.call_id or one.conversation_id or ""), one.text_version or "",
            each.digest[:_SHORT],
        )  # fmt: skip
    print_table(table)


def verify(*, as_json: bool = _AS_JSON) -> None:
    """Walk the whole chain. Ends with 4 when a line does not follow from the one before it."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.consenting.ledger.verify(uow)
    whole = found.broken_at is None
    if as_json:
        told = {"lines": found.lines, "head": found.head, "whole": whole, "broken_at": found.broken_at}
        print(json.dumps(told))
    elif whole:
        print(f"{found.lines} lines, each follows from the one before it. The last digest is {found.head}.")
    else:
        print(f"BROKEN at line {found.broken_at}: it does not follow from the {found.lines} before it.")
    if not whole:
        raise typer.Exit(4)


def unrecorded(*, limit: int = typer.Option(100, min=1, max=1000), as_json: bool = _AS_JSON) -> None:
    """Calls of which nothing was kept, and why, the newest first."""
    with wiring.open_services().database.read() as uow:
        found = calls.newest(uow, limit=limit)
    if as_json:
        told = [
            {"id": each.id, "external_id": each.external_id, "source": each.source, "level": each.level,
             "started_at": each.started_at.isoformat(), "seconds": each.seconds, "why": each.why,
             "dropped": each.dropped}
            for each in found
        ]  # fmt: skip
        print(json.dumps({"calls": told}, ensure_ascii=False))
        return
    table = Table("started", "source", "call", "seconds", "level", "why", "dropped")
    for each in found:
        table.add_row(
            each.started_at.isoformat(timespec="seconds"), escape(each.source), escape(each.external_id or each.id),
            f"{each.seconds:.0f}", str(each.level), escape(each.why), "yes" if each.dropped else "",
        )  # fmt: skip
    print_table(table)


@quarantine.command("list")
def list_held(
    *,
    level: int | None = typer.Option(None, min=0, max=9, help="Only of this level."),
    before: str | None = typer.Option(None, help="`next` of the page before."),
    limit: int = typer.Option(100, min=1, max=1000),
    as_json: bool = _AS_JSON,
) -> None:
    """Conversations that nobody may play, with what is missing and when they are destroyed, the newest first."""
    with wiring.open_services().database.read() as uow:
        wanted = Wanted(state=CustodyState.QUARANTINED, level=level)
        found = custody.listed(uow, wanted, before=custody.place(before), limit=limit + 1)
    more, found = custody.cursor(found[limit - 1]) if len(found) > limit else None, found[:limit]
    if as_json:
        told = {"conversations": [plain.held(each) for each in found], "next": more}
        print(json.dumps(told, ensure_ascii=False))
        return
    table = Table("conversation", "level", "why", "since", "destroyed after")
    for each in found:
        until = each.destroy_after.isoformat(timespec="minutes") if each.destroy_after else ""
        table.add_row(each.conversation_id, str(each.level), each.why, each.since.isoformat(timespec="minutes"), until)
    print_table(table)
    if more:
        print(f"There are more: --before {more}")


@quarantine.command("resolve")
def resolve(conversation: str = typer.Argument(help="Its id."), *, reason: str = _REASON) -> None:
    """Let it go on; the reason is kept in the audit log."""
    wiring.open_services().consenting.resolve(conversation, by="cli", reason=reason)
    print(f"{conversation} goes on.")


@quarantine.command("destroy")
def destroy(conversation: str = typer.Argument(help="Its id."), *, reason: str = _REASON) -> None:
    """Destroy it now: keys, bytes, index."""
    if not reason.strip():
        raise InvalidInput("Say why it is destroyed.", code="consent.reason")
    wiring.open_services().consenting.destroy(conversation, by="cli", reason=reason)
    print(f"{conversation} is destroyed.")


@never.command("list")
def list_never(*, as_json: bool = _AS_JSON) -> None:
    """Who is never recorded, by the last digits of their numbers."""
    with wiring.open_services().database.read() as uow:
        rows = store.never_recorded(uow)
    people = [
        {"hint": row.hint, "reason": row.reason, "added_at": clock.from_column(row.added_at).isoformat()}
        for row in rows
    ]
    if as_json:
        print(json.dumps({"people": people}, ensure_ascii=False))
        return
    table = Table("who", "since", "reason")
    for each in people:
        table.add_row(*(escape(each[key]) for key in ("hint", "added_at", "reason")))
    print_table(table)


@never.command("add")
def add(number: str = _NUMBER, *, reason: str = _REASON) -> None:
    """Never record calls with this number again."""
    _change(number, reason, on=True)
    print("Calls with this number are never recorded.")


@never.command("remove")
def remove(number: str = _NUMBER, *, reason: str = _REASON) -> None:
    """Take a number off the list."""
    _change(number, reason, on=False)
    print("This number is off the list.")


def _change(number: str, reason: str, *, on: bool) -> None:
    services = wiring.open_services()
    person = services.consenting.caller(number)
    with services.database.write() as uow:
        if on:
            services.consenting.ledger.never_record(uow, person, by="cli", reason=reason)
        else:
            services.consenting.ledger.may_record_again(uow, person)
        audit.record(uow, Event.DO_NOT_RECORD_CHANGED, "cli", subject="added" if on else "removed", reason=reason)


def _person(
    services: Services, whose: Whose, number: str | None, agent_id: str | None, site: str | None
) -> Person | None:
    if whose is Whose.EMPLOYEE:
        if not agent_id:
            raise InvalidInput("An employee's word needs the agent's id.", code="consent.subject")
        return Person(whose=Whose.EMPLOYEE, name=agent_id)
    if whose is Whose.WORKPLACE:
        if not site:
            raise InvalidInput("What holds for a site needs the site's name.", code="consent.subject")
        return site_of(site)
    return None if number is None else services.consenting.caller(number)
