"""``candor transcribe``, ``retry``, ``status``, ``settings``, ``commands``: looking after a Candor."""

from __future__ import annotations

import json
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from candor import settings as candor_settings
from candor import wiring
from candor.cli.following import Follow
from candor.cli.tables import print_table
from candor.errors import InvalidInput
from candor.pipeline import store

_console = Console()


def transcribe(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    *,
    again: bool = typer.Option(False, "--again", help="Say that you mean it: there is a transcript already."),
    engine: str | None = typer.Option(None, help="Another engine than the configured one."),
    model: str | None = typer.Option(None, help="The engine's model: a name or a folder."),
    beam: int | None = typer.Option(None, help="Beam width."),
    wait: bool = typer.Option(True, "--wait/--no-wait", help="Wait until it is done."),
) -> None:
    """Transcribe once more, perhaps with another engine; the earlier transcript is kept."""
    if not again:
        raise InvalidInput("The conversation was transcribed when it was imported.", advice="Add --again to redo it.")
    options = {name: value for name, value in (("engine", engine), ("model", model), ("beam", beam)) if value}
    _run(conversation_id, "transcribe", options, "transcribe again", wait=wait)


def retry(
    conversation_id: str = typer.Argument(help="The conversation's id."),
    stage: str | None = typer.Option(None, help="From which step on; the first when left out."),
    wait: bool = typer.Option(True, "--wait/--no-wait", help="Wait until it is done."),
) -> None:
    """Process a conversation again from a step on."""
    _run(conversation_id, stage, {}, "retry", wait=wait)


def _run(conversation_id: str, stage: str | None, options: dict[str, Any], reason: str, *, wait: bool) -> None:
    services = wiring.open_services()
    services.desk.retry(conversation_id, stage, options=options, reason=reason)
    if wait:
        failed = Follow(services, _console).until_done([conversation_id])
        if failed:
            why = failed[conversation_id]
            raise InvalidInput(why.message, code=why.code, advice=why.advice)
    print("done" if wait else "queued")


def status(*, as_json: bool = typer.Option(False, "--json", help="For scripts.")) -> None:
    """What is queued, running, done and parked; which workers live; what needs attention."""
    services = wiring.open_services()
    with services.database.read() as uow:
        counts = store.counts(uow)
        workers = sorted(store.live_workers(uow, 15.0))
        items = services.desk.attention(uow)
    if as_json:
        attention = [
            {"conversation_id": i.conversation_id, "file": i.filename, "stage": i.stage, "code": i.code,
             "message": i.message, "advice": i.advice, "at": i.at.isoformat()}
            for i in items
        ]  # fmt: skip
        print(json.dumps({"runs": counts, "workers": workers, "attention": attention}))
        return
    print(", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "Nothing has been imported yet.")
    print(f"{len(workers)} workers: {', '.join(workers)}" if workers else "No worker is running (candor serve).")
    if items:
        table = Table()
        table.add_column("conversation or file", overflow="fold")
        table.add_column("step")
        table.add_column("what happened")
        for item in items:
            table.add_row(escape(item.conversation_id or item.filename or ""), item.stage or "", escape(item.message))
        print_table(table)


def show_settings(*, markdown: bool = typer.Option(False, "--markdown", help="As the reference page.")) -> None:
    """The settings in force, secrets hidden."""
    if markdown:
        print(candor_settings.markdown(), end="")
        return
    for name, value in candor_settings.load().model_dump(mode="json").items():
        print(f"{name} = {value}")


def commands(*, markdown: bool = typer.Option(True, "--markdown", help="As the reference page.")) -> None:
    """Every command with its options."""
    del markdown
    from candor.cli.main import app  # noqa: PLC0415  it imports this file

    lines = ["# Commands", ""]
    _describe(typer.main.get_command(app), "candor", lines)
    print("\n".join(lines))


def _describe(command: Any, name: str, lines: list[str]) -> None:
    for child in sorted(getattr(command, "commands", {})):
        if not command.commands[child].hidden:
            _describe(command.commands[child], f"{name} {child}", lines)
    if hasattr(command, "commands"):
        return
    lines += [f"## `{name}`", "", (command.help or "").strip(), ""]
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden:
            flags = ", ".join((*parameter.opts, *parameter.secondary_opts))
            lines.append(f"- `{flags}`: {parameter.help or ''}".rstrip(": "))
        elif parameter.param_type_name == "argument":
            about = getattr(parameter, "help", None) or "required"
            lines.append(f"- `{parameter.metavar or parameter.name.upper()}`: {about}")
    lines.append("")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(transcribe)
    app.command()(retry)
    app.command()(status)
    app.command("settings")(show_settings)
    app.command(hidden=True)(commands)
