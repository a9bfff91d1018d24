"""``candor``: the command's root. Errors end in one sentence and an exit code, never in a traceback."""

from __future__ import annotations

import sys

import typer

from candor.cli import demo, importing, maintain, people, reading, serve
from candor.errors import (
    CandorError,
    Conflict,
    Damaged,
    Forbidden,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
)

EXIT_CODES: tuple[tuple[type[CandorError], int], ...] = (
    (NotFound, 3),
    (Damaged, 4),
    (Forbidden, 5),
    (Unauthenticated, 5),
    (InvalidInput, 2),
    (TooLarge, 2),
    (Conflict, 1),
    (CandorError, 1),
)

app = typer.Typer(
    name="candor",
    help="Recording, consent, redaction, quality and evidence for customer conversations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve.serve)
app.command()(serve.web)
app.command()(serve.worker)
app.command()(demo.demo)
app.command("import")(importing.import_)
reading.register(app)
maintain.register(app)
app.add_typer(people.user, name="user")
app.add_typer(people.token, name="token")


def main() -> None:
    """Entry point."""
    try:
        app()
    except CandorError as error:
        print(f"candor: {error}", file=sys.stderr)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))


if __name__ == "__main__":
    main()
