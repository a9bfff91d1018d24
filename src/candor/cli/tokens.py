"""``candor token …``: tokens for programs."""

from __future__ import annotations

import json
from datetime import timedelta

import typer
from rich.table import Table

from candor import wiring
from candor.access.model import RIGHTS, Right
from candor.audit import service as audit
from candor.audit.service import Event
from candor.cli.tables import print_table
from candor.conversation.codec import plain
from candor.kit import clock

token = typer.Typer(help="Tokens for programs.", no_args_is_help=True)


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


@token.command("list")
def list_tokens(
    login: str = typer.Argument(help="Whose tokens."),
    *,
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """A person's tokens: what they may, when they end, when they were last used."""
    services = wiring.open_services()
    with services.database.read() as uow:
        found = services.access.tokens(uow, services.access.people.by_login(uow, login).id)
    if as_json:
        print(json.dumps([plain(each) for each in found]))
        return
    table = Table("id", "name", "may", "ends", "last used")
    for each in found:
        table.add_row(
            each.id, each.name, ", ".join(each.scopes), f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "never",
            f"{each.last_used_at:%Y-%m-%d %H:%M}Z" if each.last_used_at else "not yet",
        )  # fmt: skip
    print_table(table)


@token.command("revoke")
def revoke(
    login: str = typer.Argument(help="Whose token it is."),
    token_id: str = typer.Argument(help="Its id, from the list."),
) -> None:
    """End a token at once."""
    services = wiring.open_services()
    with services.database.write() as uow:
        services.access.revoke_token(uow, services.access.people.by_login(uow, login).id, token_id)
        audit.record(uow, Event.TOKEN_REVOKED, "cli", subject=token_id)
    print("The token is revoked.")
