"""``candor``: the command's root. Errors end in one sentence and an exit code, never in a traceback."""

from __future__ import annotations

import sys

import typer

from candor.audit import origin
from candor.cli import (
    audit,
    backup,
    capture,
    coaching,
    completeness,
    consent,
    demo,
    doctor,
    evaluations,
    evidence,
    holds,
    importing,
    keys,
    maintain,
    people,
    quality,
    reading,
    redact,
    requests,
    retention,
    scorecards,
    scoring,
    serve,
    watching,
)
from candor.errors import (
    CandorError,
    Conflict,
    Damaged,
    Forbidden,
    Incomplete,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
    WrongKey,
)
from candor.kit import log

EXIT_CODES: tuple[tuple[type[CandorError], int], ...] = (
    (NotFound, 3),
    (WrongKey, 6),
    (Incomplete, 7),
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


@app.callback()
def _asked(context: typer.Context) -> None:
    # What runs for others says from where each of their requests comes; a command comes from this machine.
    if context.invoked_subcommand not in {"serve", "web", "worker", "recorder", "spotter"}:
        context.with_resource(origin.at_this_machine())


app.command()(serve.serve)
app.command()(serve.web)
app.command()(serve.worker)
app.command()(serve.recorder)
app.command()(serve.spotter)
app.command()(demo.demo)
app.command("import")(importing.import_)
reading.register(app)
app.command()(scoring.score)
redact.register(app)
maintain.register(app)
app.command("doctor")(doctor.doctor)
app.add_typer(capture.app, name="capture")
app.add_typer(watching.app, name="watch")
app.add_typer(completeness.app, name="completeness")
app.add_typer(consent.app, name="consent")
app.add_typer(audit.app, name="audit")
app.add_typer(evidence.app, name="evidence")
app.add_typer(keys.app, name="keys")
backup.register(app)
app.add_typer(retention.app, name="retention")
app.add_typer(holds.app, name="hold")
app.add_typer(evaluations.app, name="evaluations")
app.add_typer(scorecards.app, name="scorecard")
app.add_typer(requests.app, name="request")
app.add_typer(quality.app, name="quality")
app.add_typer(coaching.coaching, name="coaching")
app.add_typer(coaching.library, name="library")
app.add_typer(people.user, name="user")
app.add_typer(people.team, name="team")
app.add_typer(people.token, name="token")


def main() -> None:
    """Entry point."""
    # What a command answers goes to standard output alone; the processes of `serve` set their logs up themselves.
    log.configure(json_lines=not sys.stderr.isatty(), level="WARNING")
    try:
        app()
    except CandorError as error:
        print(f"candor: {error}", file=sys.stderr)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))


if __name__ == "__main__":
    main()
