"""``candor demo``: a whole Candor with conversations in it, from nothing, in one command."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from candor import wiring
from candor.access.model import UserRole
from candor.capture.files import gather
from candor.cli import demo_consent
from candor.cli.demo_consent import DemoConsent
from candor.cli.following import Follow
from candor.cli.playing import fresh, play_calls
from candor.cli.serve import Child, configured, family, supervise
from candor.errors import Conflict, InvalidInput
from candor.services import Services
from candor.settings import DATA_FOLDER_NAME, Settings, default_to

PEOPLE: tuple[tuple[str, str, UserRole], ...] = (
    ("admin", "Alex Admin", UserRole.ADMINISTRATOR),
    ("supervisor", "Sam Supervisor", UserRole.SUPERVISOR),
    ("evaluator", "Eve Evaluator", UserRole.EVALUATOR),
    ("trainer", "Theo Trainer", UserRole.TRAINER),
    ("compliance", "Carla Compliance", UserRole.COMPLIANCE),
    ("auditor", "Otto Auditor", UserRole.AUDITOR),
    ("agent", "Ada Agent", UserRole.AGENT),
)
_console = Console()


def demo(
    manifest: Path = typer.Argument(help="The demo conversations' manifest."),
    agent_id: str = typer.Option("", help="Which agent the log-in `agent` is."),
    team: str = typer.Option("", help="Which team the log-in `supervisor` leads."),
    *,
    leave: bool = typer.Option(False, "--leave", help="End when everything is processed, instead of serving on."),
) -> None:
    """Start Candor with demo conversations; made for ``make demo``."""
    default_to(data=Path.cwd() / DATA_FOLDER_NAME, log_level="WARNING")
    demo_consent.house()
    settings = configured()
    _require_free(settings)
    wiring.prepare(settings)
    services = wiring.open_services(settings)
    password = _people(services, settings, agent_id or None, team or None)

    children = family(settings)
    address = f"http://{settings.host}:{settings.port}"
    try:
        _wait_for(settings, children[0])
        _welcome(address, password, settings.data)
        items = fresh(services, list(gather([str(manifest)])))
        consent = DemoConsent(services)
        consent.announce(items)
        also = list(consent.further)

        def tend() -> None:
            _tend(children)
            consent.tend()

        awaited = [*items, *consent.kept]
        ids = play_calls(services, [*items, *also], awaited, console=_console, tend=tend)
        follow = Follow(services, _console)
        parked = follow.until_done(ids, tend=lambda: _tend(children))
        if again := consent.decide(ids):
            parked |= follow.until_done(again, tend=lambda: _tend(children))
        for name in parked.keys() - consent.quarantined(ids) - set(again):
            _console.print(f"[red]{name}: {parked[name]}")
        _console.print(f"\nDone: [bold]{address}[/]   Stop with Ctrl-C; start again with `make demo`.")
    except BaseException:
        for child in children:
            child.stop()
        raise
    if leave:
        for child in children:
            child.stop()
        for child in children:
            child.process.wait(20)
        return
    supervise(children)


def _tend(children: Sequence[Child]) -> None:
    for child in children:
        child.tend()


def _people(services: Services, settings: Settings, agent_id: str | None, team: str | None) -> str:
    """One log-in per role with one random password, kept in the data folder for the next start."""
    note = settings.data / "demo-login.json"
    if note.exists():
        return str(json.loads(note.read_text())["password"])
    password = f"demo-{secrets.token_hex(4)}-{secrets.token_hex(4)}"
    with services.database.write() as uow:
        for login, name, role in PEOPLE:
            try:
                services.access.add_user(
                    uow, login=login, name=name, role=role, password=password,
                    team=team if role is UserRole.SUPERVISOR else None,
                    agent_id=agent_id if role is UserRole.AGENT else None,
                )  # fmt: skip
            except Conflict:
                services.access.set_password(uow, login, password)
    handle = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"password": password}, file)
    return password


def _require_free(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise InvalidInput(
                f"{settings.host}:{settings.port} is in use.",
                code="demo.port",
                advice="Stop what is there, or choose another port: CANDOR_PORT=8001 make demo",
            ) from error


def _wait_for(settings: Settings, web: Child) -> None:
    for _ in range(900):
        with socket.socket() as probe:
            if probe.connect_ex((settings.host, settings.port)) == 0:
                return
        if web.process.poll() is not None:
            break
        time.sleep(0.1)
    raise InvalidInput("The web process did not start; its messages are above.", code="demo.web")


def _welcome(address: str, password: str, data: Path) -> None:
    _console.print(f"\n[bold]Candor is at {address}[/]\n")
    table = Table("log-in", "password", "role")
    for login, _, role in PEOPLE:
        table.add_row(login, password, role)
    _console.print(table)
    _console.print(f"Data folder: {data}")
    _console.print("The demo calls are now played in, live, as a phone system would: by SIPREC on this machine.\n")
