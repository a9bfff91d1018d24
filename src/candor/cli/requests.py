"""``candor request``: requests of data subjects, from their arrival to the answer."""

from __future__ import annotations

import json
import os
from datetime import date, datetime
from pathlib import Path

import typer
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.errors import InvalidInput, Unavailable
from candor.kit import clock
from candor.pipeline import kept_words as words
from candor.pipeline.subject_requests import Asked
from candor.services import Services
from candor.vault.requests import store
from candor.vault.requests.people import IdKind
from candor.vault.requests.store import RequestKind, RequestState

app = typer.Typer(help="Requests of data subjects: a copy of what is held, or its erasure.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_ID = typer.Argument(help="The request's number or id.")
_BY = "cli"


@app.command()
def receive(  # noqa: PLR0917  an option each
    kind: RequestKind = typer.Argument(help="What they want."),
    name: str = typer.Option(..., help="Who asks; kept sealed."),
    contact: str = typer.Option("", help="Where the answer goes; kept sealed."),
    number: list[str] = typer.Option([], help="A telephone number of theirs; repeatable."),
    email: list[str] = typer.Option([], help="An e-mail address of theirs."),
    called: list[str] = typer.Option([], help="A name by which they are known."),
    account: list[str] = typer.Option([], help="An account of theirs."),
    place: str | None = typer.Option(None, help="Where they live: DE, US-CA; it says by when to answer."),
    law: str | None = typer.Option(None, help="The law itself, instead: gdpr, ccpa …"),
    received: datetime | None = typer.Option(None, formats=["%Y-%m-%d"], help="The day; today when left out."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """Take a request in, and find what is theirs."""
    given = ((IdKind.NUMBER, number), (IdKind.EMAIL, email), (IdKind.NAME, called), (IdKind.ACCOUNT, account))
    services = wiring.open_services()
    made = services.subject_requests.receive(
        Asked(
            kind=kind, name=name, contact=contact, place=place, law=law, received_on=received and received.date(),
            keys=[(which, value) for which, values in given for value in values],
        ),
        by=_BY,
    )  # fmt: skip
    _show(services, made.id, as_json=as_json)


@app.command("list")
def list_requests(*, closed: bool = typer.Option(False, help="Answered ones, too."), as_json: bool = _AS_JSON) -> None:
    """Requests by deadline."""
    with wiring.open_services().database.read() as uow:
        found = store.listed(uow, state=None if closed else RequestState.OPEN)
    if as_json:
        print(json.dumps({"requests": [words.request(one) for one in found]}))
        return
    today = clock.now().date()
    table = Table("number", "kind", "law", "received", "answer by", "state")
    for one in found:
        left = "" if one.state is RequestState.CLOSED else f" ({(one.due_on - today).days} days)"
        state = "OVERDUE" if one.overdue(today) else str(one.state)
        table.add_row(str(one.number), one.kind, one.law, str(one.received_on), f"{one.due_on}{left}", state)
    print_table(table)


@app.command()
def show(request: str = _ID, *, as_json: bool = _AS_JSON) -> None:
    """One request: who asks, by when, every conversation and what became of it, every step."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = store.get(uow, request)
    _show(services, found.id, as_json=as_json)


@app.command()
def find(request: str = _ID) -> None:
    """Look again for what is theirs."""
    services, an_id = _opened(request)
    print(f"{services.subject_requests.find(an_id, by=_BY)} more conversations.")


@app.command()
def verify(request: str = _ID, how: str = typer.Option(..., help="How it was made sure who they are.")) -> None:
    """Note that they are who they say; nothing is given out or erased before."""
    services, an_id = _opened(request)
    services.subject_requests.verify(an_id, by=_BY, how=how)
    print("Noted.")


@app.command()
def extend(
    request: str = _ID,
    until: datetime = typer.Option(..., formats=["%Y-%m-%d"], help="The new last day."),
    reason: str = typer.Option(..., help="Why; the person must be told."),
) -> None:
    """Lengthen the time once, within the law's bound."""
    services, an_id = _opened(request)
    services.subject_requests.extend(an_id, by=_BY, until=_date(until), reason=reason)
    print("Extended.")


@app.command()
def choose(
    request: str = _ID,
    conversation: str = typer.Argument(help="The conversation's id."),
    theirs: bool = typer.Option(..., "--theirs/--not-theirs", help="Whether it is about them."),
    reason: str = typer.Option("", help="Why."),
) -> None:
    """Say whether a conversation is theirs."""
    services, an_id = _opened(request)
    services.subject_requests.choose(an_id, conversation, theirs=theirs, by=_BY, reason=reason)
    print("Noted.")


@app.command()
def copy(
    request: str = _ID, output: Path = typer.Option(..., "--output", "-o", help="The ZIP; it must not be there yet.")
) -> None:
    """Write their copy: sound, text, pages to read, vCon; others' data masked. The file is in the clear."""
    services, an_id = _opened(request)
    pieces = services.subject_requests.copy(an_id, by=_BY)
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
    except FileExistsError as error:
        raise InvalidInput("There is a file of that name.", code="path.exists") from error
    except OSError as error:
        raise Unavailable(f"The file cannot be written ({error.strerror}).", code="path.unwritable") from error
    print(f"{output.stat().st_size} bytes")


@app.command()
def erase(
    request: str = _ID,
    *,
    yes: bool = typer.Option(False, "--yes", help="You know that it cannot be undone."),
    as_json: bool = _AS_JSON,
) -> None:
    """Destroy what is theirs, and say of each conversation what became of it and why."""
    if not yes:
        raise InvalidInput("Erasing cannot be undone.", code="request.sure", advice="Add --yes when you mean it.")
    services, an_id = _opened(request)
    items = services.subject_requests.erase(an_id, by=_BY)
    if as_json:
        print(json.dumps({"conversations": [words.item(one) for one in items]}, ensure_ascii=False))
        return
    for one in items:
        print(f"{one.conversation_id}  {one.state}  {one.words}")


@app.command()
def close(request: str = _ID, outcome: str = typer.Option(..., help="What the person was told.")) -> None:
    """The request is answered."""
    services, an_id = _opened(request)
    services.subject_requests.close(an_id, by=_BY, outcome=outcome)
    print("Closed.")


def _opened(request: str) -> tuple[Services, str]:
    services = wiring.open_services()
    with services.database.read() as uow:
        return services, store.get(uow, request).id


def _date(moment: datetime) -> date:
    return moment.date()


def _show(services: Services, an_id: str, *, as_json: bool) -> None:
    with services.database.read() as uow:
        found, subject = store.get(uow, an_id), services.subject_requests.subject(uow, an_id)
        items, steps = store.items(uow, an_id), store.steps(uow, an_id)
    if as_json:
        value = words.request(found, subject) | {
            "conversations": [words.item(one) for one in items], "steps": [words.step(one) for one in steps],
        }  # fmt: skip
        print(json.dumps(value, ensure_ascii=False))
        return
    print(f"Request {found.number}: {found.kind}, {subject.name if subject else 'forgotten'}, answer by {found.due_on}")
    for one in items:
        print(f"  {one.conversation_id}  {one.started_at:%Y-%m-%d}  {one.state}  {one.words}")
    for step in steps:
        print(f"  {step.at:%Y-%m-%d %H:%M}  {step.what}  {step.words}")
