"""``candor consent sites|give|document``: where agents work, what holds there, and the documents that show it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.cli.tables import print_table
from candor.consent import plain
from candor.consent.ledger.model import Method, Whose
from candor.consent.ledger.service import Person
from candor.consent.workplaces import site_of
from candor.errors import InvalidInput
from candor.kit import clock
from candor.pipeline.workplaces import LARGEST_DOCUMENT, everybody, told

sites = typer.Typer(help="Where agents work, and what the law of each place demands.", no_args_is_help=True)
_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")
_NAME = typer.Argument(help="The site's name; * is everybody else.")


def register(app: typer.Typer) -> None:
    """Put the commands under ``candor consent``."""
    app.add_typer(sites, name="sites")
    app.command("give")(give)
    app.command("document")(document)


@sites.command("list")
def list_sites(*, as_json: bool = _AS_JSON) -> None:
    """Every site: what is missing, and for how many agents."""
    services = wiring.open_services()
    with services.database.read() as uow:
        agents = [*everybody(uow), *(one.agent_id for one in services.access.users(uow) if one.agent_id)]
        found = services.workplaces.sites(uow, agents)
    if as_json:
        print(json.dumps({"sites": [told(each) for each in found]}, ensure_ascii=False))
        return
    table = Table("site", "place", "agents", "not recorded", "missing at the site")
    for each in found:
        missing = [one.duty.id for one in each.duties if one.duty.blocks and not one.duty.personal and not one.met]
        table.add_row(
            escape(each.name), each.place or "", str(len(each.agents)), str(len(each.barred)), "\n".join(missing)
        )
    print_table(table)


@sites.command("add")
def add(name: str = _NAME, *, place: str = typer.Option(..., help="An id of the rule pack: DE, US-NY …")) -> None:
    """A new site."""
    made = wiring.open_services().workplaces.add(name, place, by="cli")
    print(f"{made.name} is a site under the law of {made.place}.")


@sites.command("remove")
def remove(name: str = _NAME) -> None:
    """Take a site away at which nobody works."""
    wiring.open_services().workplaces.remove(name, by="cli")
    print(f"{name} is gone. What the ledger says of it stays.")


@sites.command("assign")
def assign(name: str = _NAME, agents: list[str] = typer.Argument(help="Agents' ids.")) -> None:
    """These agents work there from now on."""
    count = wiring.open_services().workplaces.assign(name, agents, by="cli")
    print(f"{count} agents work there.")


def give(
    *,
    site: str | None = typer.Option(None, help="The site that it holds for."),
    agent_id: str | None = typer.Option(None, help="Or the agent who gave it."),
    covers: list[str] = typer.Option(..., help="A prerequisite's id, such as DE.works-council; repeatable."),
    method: Method = typer.Option(Method.WRITTEN, help="written or contract."),
    given: datetime | None = typer.Option(None, help="Local time; now when left out."),
    until: datetime | None = typer.Option(None, help="Local time from which it holds no longer."),
    file: Path | None = typer.Option(None, exists=True, dir_okay=False, help="The document; it is kept sealed."),
    reference: str | None = typer.Option(None, help="Where it is, when it is not kept here."),
    as_json: bool = _AS_JSON,
) -> None:
    """Write down what a site or an agent has given, with the document that shows it."""
    if (site is None) == (agent_id is None):
        raise InvalidInput("Name a site or an agent, one of them.", code="consent.subject")
    if file is not None and file.stat().st_size > LARGEST_DOCUMENT:
        raise InvalidInput(f"The document is larger than {LARGEST_DOCUMENT // 1_000_000} MB.", code="consent.document")
    person = Person(whose=Whose.EMPLOYEE, name=str(agent_id)) if site is None else site_of(site)
    line = wiring.open_services().workplaces.give(
        person, covers=tuple(covers), method=method, given=given.astimezone(UTC) if given else clock.now(),
        until=until and until.astimezone(UTC), document=None if file is None else (file.name, file.read_bytes()),
        reference=reference, by="cli",
    )  # fmt: skip
    print(json.dumps(plain.line(line), ensure_ascii=False) if as_json else f"Line {line.number}.")


def document(
    digest: str = typer.Argument(help="Its SHA-512, as the ledger says it."),
    *,
    to: Path = typer.Option(..., help="The file to write."),
) -> None:
    """Take a document out of the vault; it is in the audit log."""
    name, stream = wiring.open_services().workplaces.open(digest, by="cli")
    with stream, to.open("xb") as out:
        while part := stream.read(1 << 16):
            out.write(part)
    print(f"{name} is in {to}.")
