"""``candor user …`` and ``candor token …``: who may come in, from the machine itself."""

from __future__ import annotations

import json
import sys
from datetime import timedelta

import typer
from rich.table import Table

from candor import wiring
from candor.access.model import RIGHTS, Right, UserRole
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.kit import clock

user = typer.Typer(help="People who may log in.", no_args_is_help=True)
token = typer.Typer(help="Tokens for programs.", no_args_is_help=True)


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@user.command("add")
def add(
    login: str,
    role: UserRole = typer.Option(..., help="What the person does here."),
    name: str = typer.Option(..., help="The person's name."),
    team: str | None = typer.Option(None, help="Their team."),
    agent_id: str | None = typer.Option(None, help="An agent's key in the phone system."),
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    services = wiring.open_services()
    password = _password()
    with services.database.write() as uow:
        user_id = services.access.add_user(
            uow, login=login, name=name, role=role, password=password, team=team, agent_id=agent_id
        )
        audit.record(uow, Event.USER_CREATED, "cli", subject=user_id)
    print(f"{login} may log in as {role}.")


@user.command("list")
def list_users(*, as_json: bool = typer.Option(False, "--json", help="For scripts.")) -> None:
    """Everybody."""
    services = wiring.open_services()
    with services.database.read() as uow:
        people = services.access.users(uow)
    if as_json:
        print(json.dumps([{"id": p.id, "login": p.login, "name": p.name, "role": p.role, "team": p.team,
                           "agent_id": p.agent_id, "active": p.active} for p in people]))  # fmt: skip
        return
    table = Table("log-in", "name", "role", "team", "agent", "active")
    for p in people:
        table.add_row(p.login, p.name, p.role, p.team or "", p.agent_id or "", "yes" if p.active else "no")
    print_table(table)


@user.command("password")
def set_password(login: str) -> None:
    """Give a new password; asked for, or read from standard input. All log-ins of the person end."""
    services = wiring.open_services()
    password = _password()
    with services.database.write() as uow:
        services.access.set_password(uow, login, password)
        audit.record(uow, Event.USER_CHANGED, "cli", subject="password")
    print("The password is changed.")


@user.command("deactivate")
def deactivate(login: str) -> None:
    """Let a person in no more, at once; nothing of theirs is deleted."""
    _set_active(login, active=False)


@user.command("activate")
def activate(login: str) -> None:
    """Let a person in again."""
    _set_active(login, active=True)


def _set_active(login: str, *, active: bool) -> None:
    services = wiring.open_services()
    with services.database.write() as uow:
        services.access.set_active(uow, login, active=active)
        audit.record(uow, Event.USER_CHANGED, "cli", subject="active" if active else "inactive")
    print(f"{login} may {'log in again' if active else 'not log in any more'}.")


@token.command("create")
def create(
    login: str = typer.Argument(help="Whose token it is."),
    name: str = typer.Option(..., help="What it is for."),
    scope: list[Right] = typer.Option(
        [], help="What it may do; repeat for more; all rights of the person if left out."
    ),
    days: int = typer.Option(90, min=1, max=3650, help="How long it lasts."),
) -> None:
    """Make an API token; its secret is shown this once."""
    services = wiring.open_services()
    with services.database.write() as uow:
        person = services.access.principal_by_login(uow, login)
        scopes = scope or sorted(RIGHTS[person.role])
        secret, info = services.access.create_token(uow, person, name, scopes, clock.now() + timedelta(days=days))
        audit.record(uow, Event.TOKEN_CREATED, "cli", subject=info.id)
    print(secret)
