"""``candor coaching`` and ``candor library``: gaps at a glance, and training records for a learning system."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import typer
from rich.markup import escape
from rich.table import Table

from candor import wiring
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.coaching import exporting
from candor.coaching import library as courses
from candor.coaching.gaps import Standing
from candor.coaching.model import Source
from candor.errors import InvalidInput, Unavailable
from candor.kit import clock
from candor.pipeline import coached_words as words
from candor.replay.gaps import DAYS
from candor.replay.measured import Period
from candor.replay.model import Scope
from candor.settings import load

coaching = typer.Typer(help="Coaching: what costs agents points.", no_args_is_help=True)
library = typer.Typer(help="The training library.", no_args_is_help=True)

_AS_JSON = typer.Option(False, "--json", help="One JSON object on standard output, for scripts.")


class Form(StrEnum):
    """What records can be taken along as."""

    CSV = "csv"
    XAPI = "xapi"


@coaching.command()
def gaps(
    agent: str | None = typer.Option(None, help="One agent's id; else everybody's greatest gap."),
    team: str | None = typer.Option(None, help="Agents of this team alone."),
    source: Source = typer.Option(Source.AUTOMATIC, help="Whose answers measure; the two are never mixed."),
    days: int = typer.Option(DAYS, min=7, max=366, help="How far back calls are read."),
    *,
    as_json: bool = _AS_JSON,
) -> None:
    """Gaps with their intervals: how many points are lost beside the team, and what closing the gap would bring."""
    services = wiring.open_services()
    period = Period(since=clock.now() - timedelta(days=days))
    with services.database.read() as uow:
        every = services.gaps.agents(uow, Scope())
        if agent is not None:
            every = [services.gaps.agent(uow, Scope(), agent)]
        elif team is not None:
            every = [each for each in every if each.team == team]
        found = {each.agent_id: services.gaps.of_agent(uow, Scope(), each, period, source) for each in every}
    if as_json:
        value = {
            "source": source.value, "days": days,
            "agents": [
                {
                    "id": each.agent_id, "name": each.name, "team": each.team,
                    "questions": [{"measure": g.of.measure.key, **words.gap(g.gap)} for g in found[each.agent_id][0]],
                    "skills": [{"measure": g.of.measure.key, **words.gap(g.gap)} for g in found[each.agent_id][1]],
                }
                for each in every
            ],
        }  # fmt: skip
        print(json.dumps(value, ensure_ascii=False))
        return
    table = Table("agent", "team", "question", "lost", "range", "team's", "calls", "gain", "standing")
    for each in every:
        shown = found[each.agent_id][0] if agent is not None else found[each.agent_id][0][:1]
        for one in shown:
            gap = one.gap
            said = gap.standing is not Standing.NOT_ENOUGH
            table.add_row(
                escape(each.name), escape(each.team or ""), escape(one.of.text),
                f"{gap.estimate.value:.0%}" if said else "", f"{gap.estimate.low:.0%}-{gap.estimate.high:.0%}" if said
                else "", f"{gap.team:.0%}", str(gap.n), f"{gap.gain:.1f}" if said else "",
                gap.standing.value.replace("_", " "),
            )  # fmt: skip
    print_table(table)


@library.command()
def export(
    form: Form = typer.Option(Form.CSV, help="CSV, or xAPI 1.0.3 statements, one JSON object a line."),
    to: Path | None = typer.Option(None, help="A file; else standard output."),
    home: str | None = typer.Option(
        None,
        help="The address of this house, by which xAPI names accounts and courses; else CANDOR_PUBLIC_URL.",
    ),
) -> None:
    """Who was given which course, who completed it, and every attempt at a quiz: for a learning system."""
    settings = load()
    address = exporting.home_of(home, settings.public_url)
    if form is Form.XAPI and not address.startswith(("https://", "http://")):
        raise InvalidInput(
            "xAPI names accounts and courses by the address of this house, and none is known.", code="library.home",
            advice="Set CANDOR_PUBLIC_URL, or give --home https://calls.example.com.",
        )  # fmt: skip
    services = wiring.open_services(settings)
    with services.database.write() as uow:
        given = courses.assignments(uow)
        tries, known = courses.attempts(uow), {each.id: each for each in courses.courses(uow)}
        audit.record(uow, Event.LIBRARY_EXPORTED, "cli", subject=f"{len(given)} assignments")
    if form is Form.CSV:
        text = exporting.as_csv(known, given)
    else:
        text = exporting.as_lines(exporting.statements(known, given, tries, home=address))
    if to is None:
        sys.stdout.write(text)
        return
    try:
        to.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise Unavailable(f"The file cannot be written ({error.strerror}).", code="library.export") from error
    print(f"{len(given)} assignments written to {to}.", file=sys.stderr)
