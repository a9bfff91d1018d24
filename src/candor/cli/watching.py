"""``candor watch …``: how it stands with watched folders and buckets."""

from __future__ import annotations

import json
from datetime import datetime

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.pipeline.places import PlaceNow

app = typer.Typer(help="Folders and buckets that finished recordings are taken from.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """A group of commands, though there is one so far."""


@app.command("status")
def status(*, as_json: bool = typer.Option(False, "--json", help="For scripts.")) -> None:
    """When each place was looked at, what waits, was taken and refused. Ends with 1 when one is in trouble."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.places.now(uow)
    if as_json:
        print(json.dumps({"places": [each.plain(names=True) for each in found]}))
    elif found:
        _tell(found)
    else:
        print("No folder or bucket is watched. docs/howto/watch-a-folder-or-bucket.md shows how to set one up.")
    if any(each.trouble for each in found):
        raise typer.Exit(1)


def _tell(found: list[PlaceNow]) -> None:
    table = Table("place", "where", "last look", "waiting", "taken", "refused", "last file taken")
    for each in found:
        last = each.status.last_taken
        table.add_row(
            escape(each.place.name), escape(each.place.where), _moment(each.status.checked_at),
            str(each.status.waiting), str(each.status.taken), str(each.status.refused),
            f"{_moment(last.at)} {escape(last.shown)}" if last else "",
        )  # fmt: skip
    print_table(table)
    for each in found:
        if each.trouble:
            print(f"{each.place.name}: {each.trouble.message} {each.trouble.advice}")


def _moment(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M:%S}Z"
