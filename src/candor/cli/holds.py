"""``candor hold``: legal holds by case, person, period and query."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.pipeline import kept_words as words
from candor.pipeline.holding import Wanted
from candor.vault.holds import store
from candor.vault.requests.people import IdKind

app = typer.Typer(help="Legal holds: nothing of what they cover is destroyed.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_REASON = typer.Option(..., help="Why; it is kept, sealed.")
_ID = typer.Argument(help="The hold's id.")
_BY = "cli"


@app.command()
def place(  # noqa: PLR0917  an option each
    case: str = typer.Argument(help="The matter: a file number, the parties. Kept sealed."),
    reason: str = _REASON,
    conversation: list[str] = typer.Option([], help="A conversation's id; repeatable."),
    number: list[str] = typer.Option([], help="A person's telephone number; kept as a digest."),
    email: list[str] = typer.Option([], help="A person's e-mail address."),
    name: list[str] = typer.Option([], help="A person's name."),
    account: list[str] = typer.Option([], help="An account, or an agent's id."),
    since: datetime | None = typer.Option(None, help="Calls from then on; local time."),
    until: datetime | None = typer.Option(None, help="Calls before then."),
    query: str | None = typer.Option(None, help="What the list of conversations is asked: q=refund&queue=Billing."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """Begin a hold. Conversations that are named are under it, and all that fit the rest, those to come included."""
    given = ((IdKind.NUMBER, number), (IdKind.EMAIL, email), (IdKind.NAME, name), (IdKind.ACCOUNT, account))
    services = wiring.open_services()
    services.persons.backfill()
    hold = services.holding.place(
        Wanted(
            case=case, reason=reason, conversations=conversation,
            people=[(kind, value) for kind, values in given for value in values],
            since=since and since.astimezone(UTC), until=until and until.astimezone(UTC), query=query,
        ),
        by=_BY,
    )  # fmt: skip
    with services.database.read() as uow:
        count = store.counts(uow).get(hold.id, 0)
    if as_json:
        print(json.dumps(words.hold(hold, count), ensure_ascii=False))
    else:
        print(f"{hold.id}  {count} conversations are under it by now.")


@app.command("list")
def list_holds(
    *, released: bool = typer.Option(False, help="Those that are over, too."), as_json: bool = _AS_JSON
) -> None:
    """Holds, the newest first, with how many conversations each covers."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found, counts = services.holding.listed(uow, standing=None if released else True), store.counts(uow)
    if as_json:
        value = {"holds": [words.hold(one, counts.get(one.id, 0)) for one in found]}
        print(json.dumps(value, ensure_ascii=False))
        return
    table = Table("id", "case", "conversations", "about", "placed", "released")
    for one in found:
        about = [*one.hints, *([f"query {one.query}"] if one.query else [])]
        about += [f"from {one.since.date()}"] if one.since else []
        about += [f"until {one.until.date()}"] if one.until else []
        table.add_row(
            one.id, escape(one.case), str(counts.get(one.id, 0)), escape(", ".join(about)),
            one.placed_at.date().isoformat(), one.released_at.date().isoformat() if one.released_at else "",
        )  # fmt: skip
    print_table(table)


@app.command()
def show(hold_id: str = _ID, *, as_json: bool = _AS_JSON) -> None:
    """One hold and what it covers."""
    services = wiring.open_services()
    with services.database.read() as uow:
        hold = services.holding.get(uow, hold_id)
        count, ids = store.counts(uow).get(hold_id, 0), store.conversations(uow, hold_id)
    if as_json:
        print(json.dumps(words.hold(hold, count) | {"ids": ids}, ensure_ascii=False))
        return
    print(f"{hold.case}: {hold.reason}")
    print(f"{count} conversations" + (f", the newest {len(ids)}:" if count > len(ids) else ":"))
    for one in ids:
        print(f"  {one}")


@app.command()
def add(hold_id: str = _ID, conversation: list[str] = typer.Argument(help="Conversations' ids.")) -> None:
    """Name further conversations."""
    print(f"{wiring.open_services().holding.add(hold_id, conversation, by=_BY)} added.")


@app.command()
def release(hold_id: str = _ID, reason: str = _REASON) -> None:
    """End a hold: what was due is destroyed with the next sweep, unless another hold covers it."""
    wiring.open_services().holding.release(hold_id, by=_BY, reason=reason)
    print("Released.")
