"""``candor import``: take in files, folders, globs, vCons, manifests; wait until processed; say what failed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from candor import wiring
from candor.capture.files import ItemKind, gather
from candor.cli.following import Follow
from candor.errors import CandorError
from candor.services import Services
from candor.settings import load


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One file that was not taken, or one conversation that could not be processed."""

    name: str
    code: str
    message: str
    advice: str
    conversation_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of everything that was named."""

    imported: list[tuple[str, str]] = field(default_factory=list)
    """(file, conversation id)."""
    already_there: list[tuple[str, str]] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def take_all(
    services: Services, paths: Sequence[str], *, console: Console, region: str | None = None, source: str = "import"
) -> Outcome:
    """Take in everything that ``paths`` mean; one that fails stops no other."""
    outcome = Outcome()
    with services.database.read() as uow:
        agents = {user.agent_id for user in services.access.users(uow) if user.agent_id} or None
    # Documents first: a recording that a vCon brings along is then known when its own file's turn comes.
    items = sorted(gather(paths, region=region, known_agents=agents), key=lambda item: item.kind is not ItemKind.VCON)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)
    with bar:
        task = bar.add_task("Sealing", total=len(items))
        for item in items:
            try:
                taken = services.intake.take(item, actor="cli", source=source)
            except CandorError as error:
                outcome.failed.append(
                    Failure(name=item.name, code=error.code, message=error.message, advice=error.advice)
                )
            else:
                place = outcome.already_there if taken.duplicate else outcome.imported
                place.append((item.name, taken.conversation_id))
                outcome.notes += [(item.name, note) for note in taken.notes]
            bar.advance(task)
    return outcome


def import_(
    paths: list[str] = typer.Argument(
        help="Files, folders, globs, vCons (.vcon, .json), chats (.json), manifests (.csv, .jsonl)."
    ),
    *,
    as_json: bool = typer.Option(False, "--json", help="One JSON object on standard output, for scripts."),
    wait: bool = typer.Option(True, "--wait/--no-wait", help="Wait until everything is processed."),
    region: str | None = typer.Option(None, help="Country (ISO 3166) of telephone numbers without +."),
) -> None:
    """Take in recordings. Running it again imports nothing twice. Ends with 1 when anything failed."""
    services = wiring.open_services()
    console = Console(stderr=True, quiet=as_json and not sys.stderr.isatty())
    outcome = take_all(services, paths, console=console, region=region or load().region)
    names = {an_id: name for name, an_id in outcome.imported}
    if wait and names:
        for an_id, why in Follow(services, console).until_done(list(names)).items():
            outcome.failed.append(
                Failure(name=names[an_id], code=why.code, message=why.message, advice=why.advice, conversation_id=an_id)
            )
        _add_notes(services, outcome)
    if as_json:
        print(json.dumps(_as_json(outcome)))
    else:
        _tell(outcome, waited=wait)
    if outcome.failed:
        raise typer.Exit(1)


def _add_notes(services: Services, outcome: Outcome) -> None:
    """What reading the whole recording brought to light: silence, a dead channel, a broken-off end."""
    with services.database.read() as uow:
        for name, an_id in outcome.imported:
            sound = services.shelf.sound(uow, an_id)
            told = {note for file, note in outcome.notes if file == name}
            outcome.notes += [(name, note) for note in (sound.notes if sound else ()) if note not in told]


def _as_json(outcome: Outcome) -> dict[str, object]:
    return {
        "imported": [{"file": name, "id": an_id} for name, an_id in outcome.imported],
        "already_there": [{"file": name, "id": an_id} for name, an_id in outcome.already_there],
        "failed": [
            {"file": f.name, "id": f.conversation_id, "code": f.code, "message": f.message, "advice": f.advice}
            for f in outcome.failed
        ],
        "notes": [{"file": name, "note": note} for name, note in outcome.notes],
    }


def _tell(outcome: Outcome, *, waited: bool) -> None:
    done = "imported and processed" if waited else "imported, processing goes on while Candor runs"
    parked = sum(failure.conversation_id is not None for failure in outcome.failed)
    print(f"{len(outcome.imported) - parked} {done}, {len(outcome.already_there)} there already, "
          f"{len(outcome.failed)} failed.")  # fmt: skip
    for name, an_id in outcome.imported:
        print(f"  {an_id}  {name}")
    for name, an_id in outcome.already_there:
        print(f"  {an_id}  {name} (there already)")
    for name, note in outcome.notes:
        print(f"  note  {name}: {note}")
    for failure in outcome.failed:
        print(f"  FAILED  {failure.name}: {failure.message} {failure.advice} [{failure.code}]", file=sys.stderr)
