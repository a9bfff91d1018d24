"""``candor user …`` and ``candor team …``: who may come in and what they see, from the machine itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import typer
from rich.table import Table

from candor import wiring
from candor.access.model import Breadth, UserRole
from candor.access.people import UserInfo
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.cli.tokens import token
from candor.conversation.codec import plain
from candor.kit.database import UnitOfWork
from candor.services import Services

user = typer.Typer(help="People who may log in.", no_args_is_help=True)
team = typer.Typer(help="Teams.", no_args_is_help=True)

_REASON = typer.Option(..., "--reason", help="Why; it stands in the audit log.")


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
    email: str | None = typer.Option(None, help="Their address."),
    passwordless: bool = typer.Option(False, "--no-password", help="They come by the identity provider."),
) -> None:
    """Add a person; the password is asked for, or read from standard input."""
    services = wiring.open_services()
    password = None if passwordless else _password()
    with services.database.write() as uow:
        user_id = services.access.people.add(
            uow, login=login, name=name, role=role, password=password, team=team, agent_id=agent_id, email=email
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
        print(json.dumps([plain(each) for each in people]))
        return
    table = Table("log-in", "name", "role", "team", "agent", "sees", "active")
    for p in people:
        sees = p.reach.breadth if p.reach.breadth is not Breadth.LISTED else ", ".join(p.reach.teams + p.reach.queues)
        table.add_row(p.login, p.name, p.role, p.team or "", p.agent_id or "", sees, "yes" if p.active else "no")
    print_table(table)


@user.command("show")
def show(login: str, *, as_json: bool = typer.Option(False, "--json", help="For scripts.")) -> None:
    """One person: what they see, second factors, log-ins, tokens."""
    services = wiring.open_services()
    access = services.access
    with services.database.read() as uow:
        who = access.people.by_login(uow, login)
        found = plain(who) | {
            "factors": plain(access.factors.of(uow, who.id)),
            "sessions": [plain(each) for each in access.sessions.of(uow, who.id)],
            "tokens": [plain(each) for each in access.tokens(uow, who.id)],
        }
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:14} {json.dumps(value) if isinstance(value, dict | list) else value}")


@user.command("change")
def change(
    login: str,
    name: str | None = typer.Option(None, help="Another name."),
    role: UserRole | None = typer.Option(None, help="Another role."),
    team: str | None = typer.Option(None, help="Another team; an empty one takes it away."),
    agent_id: str | None = typer.Option(None, help="Another key in the phone system."),
    email: str | None = typer.Option(None, help="Another address."),
) -> None:
    """Change a person's name, role, team, agent id or address."""
    given = {"name": name, "role": role, "team": team, "agent_id": agent_id, "email": email}
    values = {key: value for key, value in given.items() if value is not None}

    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        services.access.people.change(uow, who.id, **values)
        if role is UserRole.AGENT and who.reach.breadth is not Breadth.ROLE:
            services.access.people.set_reach(uow, who.id, Breadth.ROLE)
        what = f"{who.id} {who.role.value} to {role.value}" if role and role is not who.role else who.id
        audit.record(uow, Event.USER_CHANGED, "cli", subject=what)

    _with(login, act)
    print(f"{login} is changed.")


@user.command("reach")
def reach(
    login: str,
    breadth: Breadth = typer.Argument(help="`role`: as the role says; `everything`; `listed`: what is given here."),
    team: list[str] = typer.Option([], help="See this team's conversations; repeatable."),
    queue: list[str] = typer.Option([], help="See this queue's conversations; repeatable."),
) -> None:
    """Say which conversations a person sees."""

    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        services.access.people.set_reach(uow, who.id, breadth, team, queue)
        audit.record(uow, Event.REACH_CHANGED, "cli", subject=f"{who.id} {breadth.value}")

    _with(login, act)
    print(f"What {login} sees is changed.")


@user.command("password")
def set_password(
    login: str,
    none: bool = typer.Option(False, "--none", help="Take it away: they come by the identity provider or a passkey."),
) -> None:
    """Give a new password; asked for, or read from standard input. All log-ins of the person end."""
    password = None if none else _password()

    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        if password is None:
            services.access.people.drop_password(uow, who.id)
        else:
            services.access.people.set_password(uow, who.id, password)
        audit.record(uow, Event.USER_CHANGED, "cli", subject=f"{who.id} {'no password' if none else 'password'}")

    _with(login, act)
    print("The password is taken away." if none else "The password is changed.")


@user.command("deactivate")
def deactivate(login: str, reason: str = typer.Option("", help="Why; it stands in the audit log.")) -> None:
    """Let a person in no more, at once: log-ins and tokens end; nothing else of theirs is deleted."""
    _set_active(login, active=False, reason=reason)


@user.command("activate")
def activate(login: str) -> None:
    """Let a person in again."""
    _set_active(login, active=True)


@user.command("unlock")
def unlock(login: str) -> None:
    """End the wait after too many failures."""

    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        services.access.people.unlock(uow, who.id)
        audit.record(uow, Event.USER_CHANGED, "cli", subject=f"{who.id} unlock")

    _with(login, act)
    print(f"{login} may try again.")


@user.command("end-sessions")
def end_sessions(login: str) -> None:
    """End all log-ins of a person."""

    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        services.access.sessions.end_all(uow, who.id)
        audit.record(uow, Event.SESSION_ENDED, "cli", subject=who.id)

    _with(login, act)
    print(f"All log-ins of {login} have ended.")


@user.command("reset-factors")
def reset_factors(login: str, reason: str = _REASON) -> None:
    """Take all second factors of a person away, who lost them; their log-ins end."""

    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        services.access.factors.reset(uow, who.id)
        services.access.sessions.end_all(uow, who.id)
        audit.record(uow, Event.FACTOR_REMOVED, "cli", subject=f"{who.id} all", reason=reason)

    _with(login, act)
    print(f"{login} has no second factor any more.")


@team.command("list")
def list_teams(*, as_json: bool = typer.Option(False, "--json", help="For scripts.")) -> None:
    """Every team that was entered or that people belong to or are given."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.access.people.teams(uow)
    if as_json:
        print(json.dumps([plain(each) for each in found]))
        return
    table = Table("team", "people", "seen by", "note")
    for each in found:
        table.add_row(each.name, str(each.people), str(each.seen_by), each.note)
    print_table(table)


@team.command("add")
def add_team(name: str, note: str = typer.Option("", help="For people to read.")) -> None:
    """Enter a team, named as the phone system names it."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.access.people.add_team(uow, name, note)
        audit.record(uow, Event.TEAM_CHANGED, "cli", subject=f"add {name}")
    print(f"The team {name} is entered.")


@team.command("remove")
def remove_team(name: str) -> None:
    """Forget a team to which nobody belongs."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.access.people.remove_team(uow, name)
        audit.record(uow, Event.TEAM_CHANGED, "cli", subject=f"remove {name}")
    print(f"The team {name} is removed.")


def _set_active(login: str, *, active: bool, reason: str = "") -> None:
    def act(services: Services, uow: UnitOfWork, who: UserInfo) -> None:
        services.access.people.set_active(uow, who.id, active=active)
        what = f"{who.id} {'active' if active else 'inactive'}"
        audit.record(uow, Event.USER_CHANGED, "cli", subject=what, reason=reason or None)

    _with(login, act)
    print(f"{login} may {'log in again' if active else 'not log in any more'}.")


def _with(login: str, act: Callable[[Services, UnitOfWork, UserInfo], None]) -> None:
    """Do something to a person, in one unit of work."""
    services = wiring.open_services()
    with services.database.write() as uow:
        act(services, uow, services.access.people.by_login(uow, login))


__all__ = ["team", "token", "user"]
