"""``candor doctor``: what weakens this Candor, each finding with what to do; exit status 1 when something is weak."""

from __future__ import annotations

import json

import typer
from rich.console import Console
from rich.markup import escape

from candor import wiring
from candor.cli.doctor import house, machine, outside
from candor.cli.doctor.model import Finding, Grade
from candor.errors import CandorError
from candor.settings import Settings, load

_console = Console()
_MARKS = {Grade.WEAK: "[red]weak[/]  ", Grade.ADVICE: "[yellow]advice[/]", Grade.GOOD: "[green]good[/]  "}


def examine(settings: Settings) -> list[Finding]:
    """Every check, the weak ones first. Nothing is changed, and nothing that is kept is told."""
    found = [*outside.findings(settings), *machine.findings(settings)]
    if (settings.data / "candor.db").exists():
        found += _of_house(settings)
    return sorted(found, key=lambda finding: list(Grade).index(finding.grade))


def _of_house(settings: Settings) -> list[Finding]:
    try:
        services = wiring.open_services(settings)
    except CandorError as error:
        return [Finding(check="data.opens", grade=Grade.WEAK, what=error.message, advice=error.advice)]
    try:
        return list(house.findings(settings, services))
    finally:
        services.database.close()


def doctor(
    *,
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
    every: bool = typer.Option(False, "--all", help="Also what is as it should be."),
) -> None:
    """Look for weak settings, files that others can read, people without a second factor, old backups …"""
    found = examine(load())
    weak = sum(finding.grade is Grade.WEAK for finding in found)
    if as_json:
        print(json.dumps({"weak": weak, "findings": [finding.as_json() for finding in found]}))
    else:
        for finding in found:
            if finding.grade is not Grade.GOOD or every:
                _console.print(f"{_MARKS[finding.grade]}  {escape(finding.what)}")
                if finding.advice:
                    _console.print(f"        {escape(finding.advice)}", style="dim", highlight=False)
        good = sum(finding.grade is Grade.GOOD for finding in found)
        _console.print(f"{len(found)} checks: {good} good, {len(found) - good - weak} with advice, {weak} weak.")
    if weak:
        raise typer.Exit(1)
